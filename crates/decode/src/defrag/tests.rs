//! Tests of the defragmenter.
