//! Notifications against servers: what is on the wire, what faults do, what real servers make of it.

mod alertmanager;
mod docs;
mod kinds;
mod server;
mod site;
mod smtp;
mod storm;
mod wire;
