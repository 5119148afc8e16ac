//! The dashboard's door: `/api/v1`, live streams, the dashboard's files.

pub mod actions;
pub mod app;
pub mod captures;
pub mod events;
pub mod extract;
pub mod health;
pub mod hosts;
pub mod incidents;
pub mod openapi;
pub mod overview;
pub mod page;
pub mod queries;
pub mod receivers;
pub mod routes;
pub mod rules;
pub mod samples;
pub mod session;
pub mod shapes;
pub mod silences;
pub mod stream;
pub mod time;
pub mod tokens;
pub mod users;

/// Every route of `/api/v1`.
#[must_use]
pub fn routes() -> routes::Routes {
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
