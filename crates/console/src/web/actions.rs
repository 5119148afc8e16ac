//! `/api/v1/actions` and `/api/v1/blocks`: what is done about attacks, and orders of people.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use event::Prefix;
use event::action::ActionId;
use event::order::What;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Json, Key, Path, Query, Who};
use super::page;
use super::routes::Routes;
use super::shapes;
use crate::api::actions::{list as listing, unknown};
use crate::api::orders::{Answer, check};
use crate::api::problem::Problem;
use crate::api::query::encode;
use crate::auth::Role;
use crate::service::lock;

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Role::Viewer, routes!(list))
        .at(Role::Viewer, routes!(show))
        .at(Role::Responder, routes!(undo))
        .at(Role::Responder, routes!(approve))
        .at(Role::Responder, routes!(block))
        .at(Role::Responder, routes!(unblock))
}

/// Which actions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Names of states, separated by commas; `in_force` stands for all that the firewall holds.
    #[param(
        example = "in_force",
        pattern = r"^((in_force|planned|refused|awaiting_approval|executed|effective|ineffective|unknown|expired|undone)(,(in_force|planned|refused|awaiting_approval|executed|effective|ineffective|unknown|expired|undone))*)?$"
    )]
    state: Option<String>,
    /// Names of steps, separated by commas.
    #[param(
        pattern = r"^((block|rate_limit|drop_connection|redirect|quarantine)(,(block|rate_limit|drop_connection|redirect|quarantine))*)?$"
    )]
    step: Option<String>,
    /// The target has an address in common with this address or network.
    #[param(format = "network")]
    target: Option<String>,
    /// The playbook that planned it.
    playbook: Option<String>,
    /// Actions on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    #[param(format = "cursor")]
    cursor: Option<String>,
}

/// A page of actions, the newest first.
#[derive(Debug, Serialize, ToSchema)]
struct ActionPage {
    #[schema(value_type = Vec<shapes::Action>)]
    items: Vec<event::action::Action>,
    /// What to pass as `cursor` for the next page; null on the last.
    next: Option<String>,
}

/// What became of an order.
#[derive(Debug, Serialize, ToSchema)]
struct Ordered {
    /// The order's name.
    order: String,
    /// Who gave it.
    who: String,
    /// Whether what was ordered has come to its end; else it is under way.
    settled: bool,
    /// In words, where there is more to say than the actions do.
    note: Option<String>,
    /// The actions that it made or changed.
    #[schema(value_type = Vec<shapes::Action>)]
    actions: Vec<event::action::Action>,
}

/// Lists actions.
#[utoipa::path(get, path = "/actions", tag = "actions", params(Asked),
    responses((status = 200, body = ActionPage)))]
async fn list(app: App, Query(asked): Query<Asked>) -> Result<Json<ActionPage>, Problem> {
    let limit = page::limit(asked.limit)?.to_string();
    let pairs = [
        ("state", asked.state),
        ("step", asked.step),
        ("target", asked.target),
        ("playbook", asked.playbook),
        ("cursor", asked.cursor),
        ("limit", Some(limit)),
    ];
    let query = pairs
        .into_iter()
        .filter_map(|(name, value)| {
            Some(format!(
                "{name}={}",
                encode(&value.filter(|v| !v.is_empty())?)
            ))
        })
        .collect::<Vec<_>>()
        .join("&");
    let found = listing(&lock(&app.shared.view), Some(&query))?;
    Ok(Json(ActionPage {
        items: found.actions,
        next: found.next,
    }))
}

/// One action.
#[utoipa::path(get, path = "/actions/{id}", tag = "actions",
    params(("id" = String, Path, description = "The action's name", example = "a17")),
    responses((status = 200, body = shapes::Action)))]
async fn show(app: App, Path(id): Path<String>) -> Result<Response, Problem> {
    let id = named(&id)?;
    let view = lock(&app.shared.view);
    let action = view.get(id).ok_or_else(|| unknown(id))?;
    Ok(Json(action).into_response())
}

fn named(id: &str) -> Result<ActionId, Problem> {
    let missing = || {
        Problem::missing(format!(
            "there is no action {id:?}; they are called a1, a2, …"
        ))
    };
    id.parse().map_err(|_| missing())
}

/// Undoes an action; one that waits for approval is refused.
#[utoipa::path(post, path = "/actions/{id}/undo", tag = "actions",
    params(("id" = String, Path, description = "The action's name", example = "a17"), shapes::OnceKey),
    responses((status = 200, body = Ordered, description = "Done"), (status = 202, body = Ordered, description = "Under way"), (status = 409, response = shapes::Refusal)))]
async fn undo(app: App, who: Who, key: Key, Path(id): Path<String>) -> Result<Response, Problem> {
    let action = named(&id)?;
    order(&app, What::Undo { action }, key, who).await
}

/// Approves an action that waits for it.
#[utoipa::path(post, path = "/actions/{id}/approve", tag = "actions",
    params(("id" = String, Path, description = "The action's name", example = "a17"), shapes::OnceKey),
    responses((status = 200, body = Ordered, description = "Done"), (status = 202, body = Ordered, description = "Under way"), (status = 409, response = shapes::Refusal)))]
async fn approve(
    app: App,
    who: Who,
    key: Key,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let action = named(&id)?;
    order(&app, What::Approve { action }, key, who).await
}

/// A block.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Block {
    /// An address or a network.
    #[schema(value_type = String, format = "network", example = "192.0.2.1")]
    target: Prefix,
    /// For how long, in seconds: a year at most. Every action has an end.
    #[schema(minimum = 1, maximum = 31_536_000)]
    ttl_secs: u64,
    /// Why, on one line.
    #[serde(default)]
    #[schema(max_length = 1024, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    why: String,
}

/// Blocks an address or network for a while. What is protected is refused.
#[utoipa::path(post, path = "/blocks", tag = "actions", request_body = Block,
    params(shapes::OnceKey),
    responses((status = 200, body = Ordered, description = "Done"), (status = 202, body = Ordered, description = "Under way"), (status = 409, response = shapes::Refusal)))]
async fn block(
    app: App,
    who: Who,
    key: Key,
    Json(asked): Json<Block>,
) -> Result<Response, Problem> {
    let what = What::Block {
        target: asked.target,
        ttl_secs: asked.ttl_secs,
        why: asked.why,
    };
    order(&app, what, key, who).await
}

/// Ends every action that aims at an address or network, or at a part of it. The `/` of a network is
/// written `%2F`.
#[utoipa::path(delete, path = "/blocks/{target}", tag = "actions",
    params(("target" = String, Path, format = "network", description = "An address or a network", example = "192.0.2.1"),
        shapes::OnceKey),
    responses((status = 200, body = Ordered, description = "Done"), (status = 202, body = Ordered, description = "Under way"), (status = 409, response = shapes::Refusal)))]
async fn unblock(
    app: App,
    who: Who,
    key: Key,
    Path(target): Path<String>,
) -> Result<Response, Problem> {
    let target: Prefix = target
        .parse()
        .map_err(|error| Problem::bad(format!("target: {error}")))?;
    order(&app, What::Unblock { target }, key, who).await
}

async fn order(app: &App, what: What, Key(key): Key, Who(who): Who) -> Result<Response, Problem> {
    check(&what)?;
    let answer = app.order(what, key, who.name).await?;
    let Answer {
        order,
        settled,
        note,
        actions,
    } = answer;
    let told = Ordered {
        order: order.id,
        who: order.who,
        settled,
        note,
        actions,
    };
    let status = if settled {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    Ok((status, Json(told)).into_response())
}
