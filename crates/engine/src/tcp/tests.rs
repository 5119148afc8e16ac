//! TCP tracking from packet to bytes.
