//! Notifications against servers: what is on the wire, what faults do, what real servers make of it.

mod account;
mod alertmanager;
mod docs;
mod kinds;
mod manager;
mod server;
mod services;
mod site;
mod smtp;
mod storm;
mod wire;
