//! Which headers and conditions hold.
