//! The dashboard's door: `/api/v1`, live streams, the dashboard's files.

mod actions;
mod app;
mod captures;
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
mod stream;
mod tallies;
mod thresholds;
mod time;
mod tokens;
mod users;

pub use captures::RefusedRule;
pub use hosts::Asset;
pub use lent::{CaptureJob, CaptureRead, Lent, ReadCapture, RuleBook, RuleChange};
pub use receivers::{Receiver, ReceiverTest};
pub use rules::{RuleCounts, RuleState, RuleText};
pub use slot::Slot;

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
        health::routes(),
    ]
    .into_iter()
    .fold(routes::Routes::default(), routes::Routes::and)
}
