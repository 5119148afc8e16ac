//! The doors of a console that runs, over real sockets.

mod bouncers;
mod control;
mod monitor;
mod running;
