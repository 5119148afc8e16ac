//! `GET /api/v1/stream`: what happens now, as server-sent events.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use serde::Deserialize;
use store::search::{Cursor, Order, Request};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::app::App;
use super::events::query;
use super::extract::{Query, Who};
use super::live::{self, Hub, Topics};
use super::routes::Routes;
use crate::api::problem::Problem;
use crate::auth::{Principal, Role};

/// A comment after so much silence: proxies close what is silent for a minute.
const ALIVE: Duration = Duration::from_secs(15);

/// How long a stream lasts. Its reader comes again with a token that is still good.
const LIFE: Duration = Duration::from_secs(15 * 60);

/// How often it is looked whether a reader may still look.
const STILL: Duration = Duration::from_secs(5);

/// Events that a reader who comes again gets of what it missed.
const MISSED: usize = 500;

/// The routes.
pub fn routes() -> Routes {
    Routes::default().at(Role::Viewer, routes!(open))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// What is told, separated by commas: `events`, `incidents`, `actions`, `stats`. Nothing: all but `events`.
    #[param(
        example = "events,incidents,actions,stats",
        pattern = r"^((events|incidents|actions|stats)(,(events|incidents|actions|stats))*)?$"
    )]
    topics: Option<String>,
    /// Of events, only those that this query takes.
    #[param(max_length = 8192, format = "search")]
    q: Option<String>,
}

/// What happens now. Events of the stream: `event` (as `/events` has it), `incident` (as the field
/// `incident` of `/incidents` has it), `action` (as `/actions` has it), `stats` (every 2 s: what
/// `/status` has, without bouncers), `status` (`{sampled, lagged}`: how many events were left out
/// since this was told last, because there were too many for a person or because this client reads
/// too slowly). A comment every 15 s keeps the line open; after 15 minutes the stream ends and is
/// opened again, with `Last-Event-ID` where events were followed.
#[utoipa::path(get, path = "/stream", tag = "live",
    params(Asked, ("last-event-id" = Option<String>, Header, description = "The last event that was received: what came after it is told first, 500 at most")),
    responses((status = 200, body = String, content_type = "text/event-stream")))]
async fn open(
    app: App,
    Who(who): Who,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let topics = topics(asked.topics.as_deref())?;
    let tree = query(asked.q.as_deref())?;
    let plan = match &tree {
        store::query::Query::All => None,
        tree => Some(tree.plan()),
    };
    // First joined, then what was missed: an event may come twice and has its name, none is left out.
    let (id, frames) = app.hub.join(&who.name, topics, plan).map_err(|_| {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many streams are open: close one",
        )
    })?;
    tokio::spawn(show_out(app.clone(), who, id));
    let mut following = Following {
        hub: app.hub.clone(),
        id,
        before: Vec::new(),
        frames,
        alive: alive(),
        ends: Box::pin(sleep_until(Instant::now() + LIFE)),
    };
    following.before.push(Bytes::from_static(b": ratel\n\n"));
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    if let (true, Some(last)) = (topics.events, last) {
        following.before.extend(missed(&app, tree, last).await?);
    }
    following.before.reverse();
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::new(following)).into_response())
}

/// Ends a stream when whoever follows it has lost the right to: logged out, disabled, their token taken back.
async fn show_out(app: App, who: Principal, id: u64) {
    let end = Instant::now() + LIFE;
    while Instant::now() < end {
        sleep_until(Instant::now() + STILL).await;
        if !app.hub.has(id) {
            return;
        }
        let may_stay = match app.auth.get() {
            Ok(auth) => auth.may_stay(&who, app.now()).await,
            Err(_) => return,
        };
        // A state that fails ends no streams; they end by themselves soon enough.
        if matches!(may_stay, Ok(false)) {
            tracing::info!(who = who.name, "a stream was ended: its right is gone");
            app.hub.leave(id);
            return;
        }
    }
}

fn topics(asked: Option<&str>) -> Result<Topics, Problem> {
    let mut topics = Topics::default();
    let Some(asked) = asked.filter(|text| !text.trim().is_empty()) else {
        return Ok(Topics {
            events: false,
            incidents: true,
            actions: true,
            stats: true,
        });
    };
    for word in asked.split(',').map(str::trim) {
        match word {
            "events" => topics.events = true,
            "incidents" => topics.incidents = true,
            "actions" => topics.actions = true,
            "stats" => topics.stats = true,
            _ => {
                return Err(Problem::bad(format!(
                    "topics: {word:?} is none of events, incidents, actions and stats"
                )));
            }
        }
    }
    Ok(topics)
}

/// What came after the event of this name; nothing where nobody knows it.
async fn missed(app: &App, query: store::query::Query, last: &str) -> Result<Vec<Bytes>, Problem> {
    let Ok(id) = last.parse() else {
        return Ok(Vec::new());
    };
    // A store that can't be asked is no reason to be without what happens now.
    let Ok(Some(hit)) = app.event(id).await else {
        return Ok(Vec::new());
    };
    let request = Request {
        order: Order::OldestFirst,
        limit: MISSED,
        after: Some(Cursor { time: hit.time, id }),
        exact_total: false,
        ..Request::of(query)
    };
    let now = app.now();
    let found = app.find(request).await.map(|(answer, _)| answer.hits);
    let frame = |hit: store::search::Hit| live::event_frame(hit.id, hit.event.as_bytes(), now);
    Ok(found.unwrap_or_default().into_iter().map(frame).collect())
}

fn alive() -> Interval {
    let mut alive = interval_at(Instant::now() + ALIVE, ALIVE);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    alive
}

/// The body of the answer: frames as they come, until the client goes or its time is over.
struct Following {
    hub: Arc<Hub>,
    id: u64,
    /// What is told first, the last at the front.
    before: Vec<Bytes>,
    frames: mpsc::Receiver<Bytes>,
    alive: Interval,
    ends: Pin<Box<tokio::time::Sleep>>,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.hub.leave(self.id);
    }
}

impl hyper::body::Body for Following {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(frame) = self.before.pop() {
            return Poll::Ready(Some(Ok(Frame::data(frame))));
        }
        if self.ends.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        match self.frames.poll_recv(context) {
            Poll::Ready(Some(frame)) => {
                self.alive.reset();
                return Poll::Ready(Some(Ok(Frame::data(frame))));
            }
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => {}
        }
        if self.alive.poll_tick(context).is_ready() {
            let comment = Bytes::from_static(b": alive\n\n");
            return Poll::Ready(Some(Ok(Frame::data(comment))));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_named_or_the_usual_ones() {
        let usual = topics(None).unwrap();
        assert!(!usual.events && usual.incidents && usual.actions && usual.stats);
        let one = topics(Some("events")).unwrap();
        assert!(one.events && !one.stats);
        assert!(topics(Some("events,orders")).is_err());
    }
}
