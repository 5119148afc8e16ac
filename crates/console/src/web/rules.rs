//! `/api/v1/rules`: what is loaded and what is not, and what people change about it.

use std::cmp::Reverse;
use std::time::Duration;
use std::{collections::HashMap, sync::Arc};

use event::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use state::overlays::New;
use store::query::{Predicate, Query as Tree, Value as Word};
use store::search::Request;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::{App, of_state};
use super::extract::{Json, Path, Query, Who};
use super::kept;
use super::lent::RuleChange;
use super::page;
use super::routes::Routes;
use super::shapes::{self, Moment};
use super::tallies::{buckets, key};
use super::time::later;
use crate::api::problem::Problem;
use crate::auth::Role;

/// How far back alerts of rules are counted.
const HITS_SINCE: Duration = Duration::from_secs(7 * 86_400);

/// Rules whose alerts are counted: those that fire at all are few.
const MAX_FIRED: u64 = 5000;

/// Limits of one rule.
const MAX_LIMITS: usize = 64;

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Role::Viewer, routes!(list))
        .at(Role::Admin, routes!(reload))
        .at(Role::Viewer, routes!(show))
        .at(Role::Admin, routes!(tune))
}

/// Which rules.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Words in what the rule says, its file or its class; or its number.
    #[param(max_length = 256)]
    q: Option<String>,
    /// States, separated by commas: `loaded`, `degraded`, `refused`, `disabled`.
    #[param(
        pattern = r"^((loaded|degraded|refused|disabled)(,(loaded|degraded|refused|disabled))*)?$"
    )]
    state: Option<String>,
    /// Which come first: `sid` (default), `hits` or `cost`.
    #[param(inline)]
    order: Option<RuleOrder>,
    /// Rules on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    #[param(format = "cursor")]
    cursor: Option<String>,
}

/// Which rules come first.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RuleOrder {
    Sid,
    Hits,
    Cost,
}

/// What became of a rule when it was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleState {
    /// It is held against traffic.
    Loaded,
    /// It is held against traffic, and a part of it is not.
    Degraded,
    /// It can't be read; its reasons say why.
    Refused,
    /// Somebody disabled it.
    Disabled,
}

impl RuleState {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            RuleState::Loaded => "loaded",
            RuleState::Degraded => "degraded",
            RuleState::Refused => "refused",
            RuleState::Disabled => "disabled",
        }
    }
}

/// A rule in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleText {
    /// Its number; null where a refused rule has none that can be read.
    pub sid: Option<u32>,
    /// Its generator.
    pub gid: u32,
    /// Its revision.
    pub rev: u32,
    /// What an alert says.
    pub msg: String,
    /// What became of it.
    pub state: RuleState,
    /// Why it is degraded, refused or disabled.
    pub reasons: Vec<String>,
    /// The rule as written, lines joined; of a refused rule the beginning.
    #[schema(value_type = String)]
    #[serde(serialize_with = "shared")]
    pub text: Arc<str>,
    /// The file it stands in.
    #[schema(value_type = String)]
    #[serde(serialize_with = "shared")]
    pub file: Arc<str>,
    /// Its line there, from 1.
    pub line: u32,
    /// Its class.
    pub classtype: Option<String>,
    /// 1 is the worst.
    pub priority: u8,
}

/// A text that many share is written as any other.
fn shared<S: serde::Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text)
}

/// A rule, and how it does.
#[derive(Debug, Serialize, ToSchema)]
struct RuleView {
    #[serde(flatten)]
    rule: RuleText,
    /// Alerts in the last 7 days.
    hits: u64,
    /// When it fired last, where it did in the last 7 days.
    #[schema(value_type = Option<Moment>)]
    last_hit: Option<Timestamp>,
    /// What it cost since the sensor started; null where no sensor runs here.
    cost: Option<RuleCost>,
    /// What people changed about it.
    overlay: Option<Overlay>,
}

/// What a rule cost since the sensor started, over all workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleCost {
    /// Times it was held against a packet with its stream, or against a transaction; what the prefilter leaves out is
    /// no check.
    pub checks: u64,
    /// Times it matched.
    pub matches: u64,
    /// Nanoseconds that all checks took, estimated from some of them.
    pub nanos: u64,
}

/// How often each rule fired, and when last; kept for moments.
#[derive(Debug, Default)]
pub struct Hits(kept::Kept<(), Fired>);

/// What rules cost; kept for moments, for ten thousands of them are added up.
#[derive(Debug, Default)]
pub struct Spent(kept::Kept<(), Option<Costs>>);

type Fired = HashMap<u32, (u64, Timestamp)>;

/// What rules cost, by their number.
type Costs = HashMap<u32, RuleCost>;

/// What people changed about a rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Overlay {
    /// False: the rule is disabled.
    enabled: bool,
    /// Lines as `threshold.config` has them, without ids.
    thresholds: Vec<Limit>,
    owner: String,
    reason: String,
    #[schema(value_type = Option<Moment>)]
    expires: Option<Timestamp>,
    #[schema(value_type = Moment)]
    changed: Timestamp,
}

/// An overlay as the state keeps it.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    enabled: bool,
    #[serde(default)]
    thresholds: Vec<Limit>,
}

/// Fewer alerts of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// `suppress`: none for the address; `limit`: so many in a time; `threshold`: each so-many-th;
    /// `both`: one in a time, from so many on.
    pub kind: LimitKind,
    /// Whose packets are counted, or whose address is meant.
    pub track: Track,
    /// `suppress`: the address or network; without it every address.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "network", example = "10.0.0.0/8")]
    pub address: Option<event::Prefix>,
    /// How many; `suppress` has none.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub count: Option<u32>,
    /// In how many seconds; `suppress` has none.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 604_800)]
    pub seconds: Option<u32>,
}

/// What a limit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    Suppress,
    Limit,
    Threshold,
    Both,
}

/// Whose packets are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::enum_variant_names, reason = "they are called so in rules")]
pub enum Track {
    BySrc,
    ByDst,
    ByEither,
}

/// A page of rules.
#[derive(Debug, Serialize, ToSchema)]
struct RulePage {
    items: Vec<RuleView>,
    /// What to pass as `cursor` for the next page; null on the last.
    next: Option<String>,
    /// How many rules match.
    total: u64,
    /// All rules by state.
    by_state: RuleCounts,
    /// What all rules cost together; null where no sensor runs here.
    cost: Option<RuleCost>,
    /// Counts reloads.
    generation: u64,
}

/// Rules by state.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct RuleCounts {
    /// Held against traffic.
    pub loaded: u64,
    /// Held against traffic in part.
    pub degraded: u64,
    /// Wrong.
    pub refused: u64,
    /// Disabled by people.
    pub disabled: u64,
}

/// What is changed about a rule; it holds from the next reload on, which follows at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Tuning {
    /// False disables the rule, true lets it be as it is written.
    #[serde(default)]
    enabled: Option<bool>,
    /// These limits in place of those before; an empty list: none.
    #[serde(default)]
    #[schema(max_items = 64)]
    thresholds: Option<Vec<Limit>>,
    /// Why.
    #[schema(min_length = 1, max_length = 1024)]
    reason: String,
    /// When the change ends: RFC 3339, or so long from now (`7d`). Nothing: never.
    #[serde(default)]
    expires: Option<String>,
}

/// What a reload did.
#[derive(Debug, Serialize, ToSchema)]
struct Reloaded {
    /// What there is to say.
    note: String,
    #[serde(flatten)]
    counts: RuleCounts,
}

impl Limit {
    /// The line of `threshold.config`; why there can be none.
    fn line(&self, gid: u32, sid: u32) -> Result<String, &'static str> {
        let track = match self.track {
            Track::BySrc => "by_src",
            Track::ByDst => "by_dst",
            Track::ByEither => "by_either",
        };
        let kind = match self.kind {
            LimitKind::Suppress => {
                let head = format!("suppress gen_id {gid}, sig_id {sid}");
                return Ok(match &self.address {
                    Some(address) => format!("{head}, track {track}, ip {address}"),
                    None => head,
                });
            }
            LimitKind::Limit => "limit",
            LimitKind::Threshold => "threshold",
            LimitKind::Both => "both",
        };
        let (Some(count), Some(seconds)) = (self.count, self.seconds) else {
            return Err("a limit has count and seconds");
        };
        if self.address.is_some() {
            return Err("only suppress has an address");
        }
        if !(1..=1_000_000).contains(&count) || !(1..=604_800).contains(&seconds) {
            return Err("count: 1 to 1000000, seconds: 1 to 604800");
        }
        if self.track == Track::ByEither {
            return Err("a limit tracks by_src or by_dst");
        }
        Ok(format!(
            "threshold gen_id {gid}, sig_id {sid}, type {kind}, track {track}, count {count}, seconds {seconds}"
        ))
    }
}

impl Overlay {
    fn of(overlay: &state::overlays::Overlay) -> Option<Overlay> {
        let kept: Kept = serde_json::from_value(overlay.action.clone()).ok()?;
        Some(Overlay {
            enabled: kept.enabled,
            thresholds: kept.thresholds,
            owner: overlay.owner.clone(),
            reason: overlay.reason.clone(),
            expires: overlay.expires,
            changed: overlay.created,
        })
    }
}

/// What the loader of rules takes of overlays.
pub fn changes(overlays: &[state::overlays::Overlay]) -> Vec<RuleChange> {
    let change = |overlay: &state::overlays::Overlay| {
        let kept = Overlay::of(overlay)?;
        let lines = kept.thresholds.iter();
        Some(RuleChange {
            sid: overlay.sid,
            enabled: kept.enabled,
            lines: lines
                .filter_map(|limit| limit.line(overlay.gid, overlay.sid).ok())
                .collect(),
        })
    };
    overlays.iter().filter_map(change).collect()
}

impl App {
    /// How often each rule fired in the last week, and when last; nothing where the store can't say.
    async fn fired(&self) -> Arc<Fired> {
        let (app, now) = (self.clone(), self.now());
        let asking = async move { app.ask_fired(now).await };
        self.hits.0.get((), now, asking).await.unwrap_or_default()
    }

    async fn ask_fired(&self, now: Timestamp) -> Result<Fired, Problem> {
        let alerts = Tree::field("event_type", Predicate::Is(Word::Word("alert".to_owned())));
        let request = Request {
            since: Some(now - HITS_SINCE),
            limit: 0,
            exact_total: false,
            aggregations: json!({"rules": {
                "terms": {"field": "alert.signature_id", "size": MAX_FIRED},
                "aggs": {"last": {"max": {"field": "@timestamp"}}},
            }}),
            ..Request::of(alerts)
        };
        let (answer, _) = self.find(request).await?;
        let fired = buckets(&answer.aggregations["rules"]).filter_map(|bucket| {
            let millis = bucket["last"]["value"].as_f64().unwrap_or_default();
            let last = Timestamp::from_nanos((millis * 1e6) as i64);
            let count = bucket["doc_count"].as_u64()?;
            Some((key(bucket).parse().ok()?, (count, last)))
        });
        Ok(fired.collect())
    }

    /// What rules cost; None where no sensor runs in this process.
    async fn costs(&self) -> Arc<Option<Costs>> {
        let (app, costs) = (self.clone(), self.lent.rule_costs.clone());
        let asking = async move { app.wait(move || costs()).await };
        let asked = self.spent.0.get((), self.now(), asking).await;
        asked.unwrap_or_default()
    }

    /// What people changed about rules, by their number.
    async fn overlays(&self) -> HashMap<u32, Overlay> {
        let Ok(state) = self.state() else {
            return HashMap::new();
        };
        let active = state.overlays().active(self.now()).await;
        let active = active.unwrap_or_default();
        let own = active
            .iter()
            .filter_map(|overlay| Some((overlay.sid, Overlay::of(overlay)?)));
        own.collect()
    }
}

/// What is known of rules beside their text.
struct Known {
    fired: Arc<Fired>,
    costs: Arc<Option<Costs>>,
    overlays: HashMap<u32, Overlay>,
}

impl Known {
    async fn of(app: &App) -> Known {
        Known {
            fired: app.fired().await,
            costs: app.costs().await,
            overlays: app.overlays().await,
        }
    }

    fn hits(&self, rule: &RuleText) -> u64 {
        let hits = rule.sid.and_then(|sid| self.fired.get(&sid));
        hits.map_or(0, |(count, _)| *count)
    }

    /// What a rule cost: nothing where it was never looked at.
    fn cost(&self, rule: &RuleText) -> Option<RuleCost> {
        let costs = self.costs.as_ref().as_ref()?;
        let cost = rule.sid.and_then(|sid| costs.get(&sid));
        Some(cost.copied().unwrap_or_default())
    }

    fn cost_of_all(&self) -> Option<RuleCost> {
        let all = self.costs.as_ref().as_ref()?.values();
        Some(all.fold(RuleCost::default(), |sum, one| RuleCost {
            checks: sum.checks.saturating_add(one.checks),
            matches: sum.matches.saturating_add(one.matches),
            nanos: sum.nanos.saturating_add(one.nanos),
        }))
    }
}

fn view(rule: &RuleText, known: &Known) -> RuleView {
    let hits = rule.sid.and_then(|sid| known.fired.get(&sid));
    RuleView {
        rule: rule.clone(),
        hits: hits.map_or(0, |(count, _)| *count),
        last_hit: hits.map(|(_, last)| *last),
        cost: known.cost(rule),
        overlay: rule.sid.and_then(|sid| known.overlays.get(&sid).cloned()),
    }
}

/// Which rules a person looks for: all these words, or this number.
fn is_asked(rule: &RuleText, words: &[String]) -> bool {
    words.iter().all(|word| {
        let sid = rule.sid.map(|sid| sid.to_string());
        sid.as_deref() == Some(word)
            || rule.msg.to_lowercase().contains(word)
            || rule.file.to_lowercase().contains(word)
            || rule
                .classtype
                .as_ref()
                .is_some_and(|class| class.contains(word.as_str()))
    })
}

/// Lists rules.
#[utoipa::path(get, path = "/rules", tag = "rules", params(Asked),
    responses((status = 200, body = RulePage)))]
async fn list(app: App, Query(asked): Query<Asked>) -> Result<Json<RulePage>, Problem> {
    let limit = page::limit(asked.limit)?;
    let from: usize = page::read(asked.cursor.as_deref())?.unwrap_or_default();
    let mut states = Vec::new();
    for word in asked.state.as_deref().unwrap_or_default().split(',') {
        let known = [
            RuleState::Loaded,
            RuleState::Degraded,
            RuleState::Refused,
            RuleState::Disabled,
        ];
        match known.into_iter().find(|state| state.name() == word.trim()) {
            Some(state) => states.push(state),
            None if word.trim().is_empty() => {}
            None => {
                return Err(Problem::bad(format!(
                    "state: {word:?} is none of loaded, degraded, refused and disabled"
                )));
            }
        }
    }
    let text = page::words(asked.q)?.to_lowercase();
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let book = app.rules().await?;
    let known = Known::of(&app).await;
    // Some ten thousand rules are looked through: not in the runtime's threads.
    app.wait(move || {
        let is_in = |rule: &&RuleText| {
            (states.is_empty() || states.contains(&rule.state)) && is_asked(rule, &words)
        };
        let mut found: Vec<&RuleText> = book.rules.iter().filter(is_in).collect();
        match asked.order {
            None | Some(RuleOrder::Sid) => {}
            Some(RuleOrder::Hits) => found.sort_by_key(|rule| Reverse(known.hits(rule))),
            Some(RuleOrder::Cost) => found.sort_by_key(|rule| {
                let cost = known.cost(rule).unwrap_or_default();
                Reverse((cost.nanos, cost.checks))
            }),
        }
        let total = found.len() as u64;
        let shown = found.into_iter().map(|rule| view(rule, &known));
        let (items, next) = page::slice(shown, from, limit);
        Ok(Json(RulePage {
            items,
            next,
            total,
            by_state: book.counts,
            cost: known.cost_of_all(),
            generation: book.generation,
        }))
    })
    .await?
}

/// One rule.
#[utoipa::path(get, path = "/rules/{sid}", tag = "rules",
    params(("sid" = u32, Path, description = "The rule's number")),
    responses((status = 200, body = RuleView)))]
async fn show(app: App, Path(sid): Path<u32>) -> Result<Json<RuleView>, Problem> {
    one(&app, sid).await.map(Json)
}

async fn one(app: &App, sid: u32) -> Result<RuleView, Problem> {
    let book = app.rules().await?;
    let rule = book
        .find(sid)
        .ok_or_else(|| Problem::missing(format!("there is no rule {sid}")))?;
    Ok(view(rule, &Known::of(app).await))
}

/// Disables a rule, or limits its alerts. The rules are read again behind the answer.
#[utoipa::path(patch, path = "/rules/{sid}", tag = "rules", request_body = Tuning,
    params(("sid" = u32, Path, description = "The rule's number")),
    responses((status = 200, body = RuleView)))]
async fn tune(
    app: App,
    Who(who): Who,
    Path(sid): Path<u32>,
    Json(asked): Json<Tuning>,
) -> Result<Json<RuleView>, Problem> {
    let now = app.now();
    let before = one(&app, sid).await?;
    let gid = before.rule.gid;
    let expires = match asked.expires.as_deref().filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(later("expires", text, now)?),
    };
    let old = before.overlay;
    let kept = Kept {
        enabled: asked
            .enabled
            .unwrap_or_else(|| old.as_ref().is_none_or(|old| old.enabled)),
        thresholds: asked
            .thresholds
            .unwrap_or_else(|| old.map(|old| old.thresholds).unwrap_or_default()),
    };
    if kept.thresholds.len() > MAX_LIMITS {
        return Err(Problem::unprocessable(format!(
            "thresholds: {MAX_LIMITS} at most"
        )));
    }
    for limit in &kept.thresholds {
        limit
            .line(gid, sid)
            .map_err(|why| Problem::unprocessable(format!("thresholds: {why}")))?;
    }
    let state = app.state()?;
    let new = New {
        gid,
        sid,
        scope: "",
        action: &serde_json::to_value(&kept).unwrap_or_default(),
        reason: &asked.reason,
        owner: &who.name,
        expires,
    };
    let put = state.overlays().put(&new, now).await.map_err(of_state)?;
    if kept.enabled && kept.thresholds.is_empty() {
        // The rule is as it is written again.
        state.overlays().remove(&put.id).await.map_err(of_state)?;
    }
    tracing::info!(
        who = who.name,
        sid,
        enabled = kept.enabled,
        limits = kept.thresholds.len(),
        "a rule is tuned"
    );
    app.overlays_changed.notify_one();
    one(&app, sid).await.map(Json)
}

/// Reads the rules again; where all new ones are wrong the old ones stay.
#[utoipa::path(post, path = "/rules/reload", tag = "rules",
    responses((status = 200, body = Reloaded), (status = 409, response = shapes::Refusal)))]
async fn reload(app: App, Who(who): Who) -> Result<Json<Reloaded>, Problem> {
    tracing::info!(who = who.name, "rules are read again");
    let note = app.reload(true).await?;
    let book = app.rules().await?;
    Ok(Json(Reloaded {
        note,
        counts: book.counts,
    }))
}

impl App {
    /// Reads the rules again, with what people changed about them; one reload at a time, and where nothing is
    /// new only `anyway`.
    ///
    /// # Errors
    /// They can't be read, or all are wrong.
    pub async fn reload(&self, anyway: bool) -> Result<String, Problem> {
        let _turn = self.reloading.lock().await;
        let changes = match self.state() {
            Ok(state) => {
                let active = state.overlays().active(self.now()).await;
                Some(changes(&active.map_err(of_state)?))
            }
            // Without the state, what was changed before stays.
            Err(_) => None,
        };
        let reload = self.lent.reload.clone();
        self.wait(move || reload(changes, anyway))
            .await?
            .map_err(|why| Problem::new(axum::http::StatusCode::CONFLICT, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_lines_of_threshold_config() {
        let check = |json: serde_json::Value, expected: Result<&str, &str>| {
            let limit: Limit = serde_json::from_value(json).unwrap();
            let line = limit.line(1, 7);
            assert_eq!(line.as_deref().map_err(|why| *why), expected);
        };
        check(
            json!({"kind": "suppress", "track": "by_src", "address": "10.0.0.0/8"}),
            Ok("suppress gen_id 1, sig_id 7, track by_src, ip 10.0.0.0/8"),
        );
        check(
            json!({"kind": "suppress", "track": "by_src"}),
            Ok("suppress gen_id 1, sig_id 7"),
        );
        check(
            json!({"kind": "limit", "track": "by_dst", "count": 1, "seconds": 60}),
            Ok("threshold gen_id 1, sig_id 7, type limit, track by_dst, count 1, seconds 60"),
        );
        check(
            json!({"kind": "both", "track": "by_dst", "count": 1}),
            Err("a limit has count and seconds"),
        );
        check(
            json!({"kind": "limit", "track": "by_either", "count": 1, "seconds": 60}),
            Err("a limit tracks by_src or by_dst"),
        );
    }
}
