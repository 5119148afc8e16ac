//! Which content is chosen.
