//! The dashboard's door: `/api/v1`, live streams, the dashboard's files.

mod actions;
mod app;
mod captures;
mod events;
pub(crate) mod extract;
mod health;
mod hosts;
mod incidents;
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
mod stream;
mod time;
mod tokens;
mod users;

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
