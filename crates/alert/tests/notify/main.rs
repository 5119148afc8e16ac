//! Notifications against servers: what is on the wire, what faults do, what real servers make of it.

mod alertmanager;
mod server;
mod site;
mod wire;
