//! The dashboard's door: `/api/v1`, live streams, the dashboard's files.

mod actions;
mod app;
mod captures;
mod certificates;
mod countries;
pub(crate) mod door;
mod events;
pub(crate) mod extract;
mod face;
mod files;
mod find;
mod health;
mod hosts;
mod incidents;
mod kept;
mod lent;
pub(crate) mod live;
mod multipart;
pub mod openapi;
mod overview;
mod page;
mod queries;
mod receivers;
mod routes;
mod rules;
mod samples;
mod session;
mod shapes;
mod silences;
mod slot;
mod storage;
mod stream;
mod tallies;
mod thresholds;
mod time;
mod tokens;
mod users;

pub use captures::RefusedRule;
pub use hosts::Asset;
pub use incidents::Notified;
pub use lent::{CaptureJob, CaptureRead, Lent, ReadCapture, RuleBook, RuleChange};
pub use receivers::{Receiver, ReceiverTest};
pub use rules::{RuleCost, RuleCounts, RuleState, RuleText};
pub use slot::Slot;
pub use storage::{EventsKept, Reader, Room, Storage};

/// Every route of `/api/v1`.
fn routes() -> routes::Routes {
    [
        session::routes(),
        users::routes(),
        tokens::routes(),
        events::routes(),
        stream::routes(),
        overview::routes(),
        incidents::routes(),
        silences::routes(),
        receivers::routes(),
        queries::routes(),
        hosts::routes(),
        actions::routes(),
        rules::routes(),
        captures::routes(),
        certificates::routes(),
        health::routes(),
        storage::routes(),
    ]
    .into_iter()
    .fold(routes::Routes::default(), routes::Routes::and)
}
