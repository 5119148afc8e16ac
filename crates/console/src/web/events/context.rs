//! `GET /api/v1/events/{id}/context`: what belongs to an event: its rule, its flow, what else happened in it.

use serde::Serialize;
use serde_json::Value;
use store::query::{Predicate, Query, Value as Word};
use store::search::{Order, Request};
use utoipa::ToSchema;

use super::{Event, one};
use crate::api::problem::Problem;
use crate::web::app::App;
use crate::web::extract::{Json, Path};
use crate::web::incidents::IncidentView;
use crate::web::rules::RuleText;

/// Records of a flow that are looked at: a long flow has more, the first say what it was.
const MAX_RECORDS: usize = 500;

/// What belongs to an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventContext {
    /// The rule that fired, as it is loaded now; null where it is not, or where the event is no alert.
    rule: Option<RuleText>,
    /// The record of the flow, once it is over.
    flow: Option<Event>,
    /// Transactions of the flow (HTTP, TLS, DNS, files, …), in order.
    transactions: Vec<Event>,
    /// Alerts of the flow, this one too, in order.
    alerts: Vec<Event>,
    /// The incident that holds it.
    incident: Option<IncidentView>,
}

/// What belongs to an event.
#[utoipa::path(get, path = "/events/{id}/context", tag = "events",
    params(("id" = String, Path, description = "The event's name")),
    responses((status = 200, body = EventContext)))]
pub async fn show(app: App, Path(id): Path<String>) -> Result<Json<EventContext>, Problem> {
    let hit = one(&app, &id).await?;
    let record: Value = serde_json::from_str(&hit.event).unwrap_or_default();
    let rule = match record["alert"]["signature_id"].as_u64() {
        None => None,
        Some(sid) => app.rule(sid).await?,
    };
    let mut context = EventContext {
        rule,
        flow: None,
        transactions: Vec::new(),
        alerts: Vec::new(),
        incident: app.incident_of(&hit, &record).await?,
    };
    if let Some(flow) = record["flow_id"].as_u64() {
        let query = Query::Field {
            path: "flow_id".to_owned(),
            is: Predicate::Is(Word::Word(flow.to_string())),
        };
        let request = Request {
            order: Order::OldestFirst,
            limit: MAX_RECORDS,
            exact_total: false,
            ..Request::of(query)
        };
        let (answer, _) = app.find(request).await?;
        for hit in answer.hits {
            // The kind of a record stands in its head.
            let kind = event::record::kind(hit.event.as_bytes()).map(str::to_owned);
            match kind.as_deref() {
                Some("alert") => context.alerts.push(Event::of(hit)),
                Some("flow") => context.flow = Some(Event::of(hit)),
                Some("netflow" | "stats") | None => {}
                Some(_) => context.transactions.push(Event::of(hit)),
            }
        }
    }
    Ok(Json(context))
}
