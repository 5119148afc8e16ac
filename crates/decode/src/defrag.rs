//! Puts IP datagrams back together.
