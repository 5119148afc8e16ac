//! The sensor on interfaces of network namespaces made for it. Needs root and `ip`; without them each
//! test says so in one line and passes.

mod accounts;
mod fanout;
mod interface;
mod lab;
mod reload;
mod seen;
