//! The bouncer API: our decisions as CrowdSec's local API tells them, so that existing bouncers
//! enforce them. Read only; behaviour as of crowdsec 1.6 and 1.7, seen from its clients.

pub mod answer;
pub mod book;
pub mod decision;
pub mod duration;
pub mod filter;
pub mod keys;
pub mod pulls;
