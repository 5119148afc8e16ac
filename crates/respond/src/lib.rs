//! Plan, act, verify, undo.
