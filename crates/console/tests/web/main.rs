//! The dashboard's door from outside: over TLS, as a stranger, as people of each role, as somebody who
//! wants in without a right to.

mod break_in;
mod content;
mod forged;
mod machines;
mod running;
mod usage;
mod wire;
