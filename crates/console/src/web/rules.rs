//! `/api/v1/rules`: what is loaded and what is not, and what people change about it.

use event::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Json, Path, Query, Who};
use super::routes::Routes;
use super::shapes::Moment;
use crate::api::problem::Problem;
use crate::auth::Role;

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
    state: Option<String>,
    /// Which come first: `sid` (default) or `hits`.
    #[param(inline)]
    order: Option<RuleOrder>,
    /// Rules on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    cursor: Option<String>,
}

/// Which rules come first.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RuleOrder {
    Sid,
    Hits,
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
    pub gid: u32,
    pub rev: u32,
    /// What an alert says.
    pub msg: String,
    pub state: RuleState,
    /// Why it is degraded, refused or disabled.
    pub reasons: Vec<String>,
    /// The rule as written, lines joined; of a refused rule the beginning.
    pub text: String,
    pub file: String,
    pub line: u32,
    pub classtype: Option<String>,
    /// 1 is the worst.
    pub priority: u8,
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
    /// What people changed about it.
    overlay: Option<Overlay>,
}

/// What people changed about a rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Overlay {
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
    #[schema(value_type = Option<String>, example = "10.0.0.0/8")]
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
    /// Counts reloads.
    generation: u64,
}

/// Rules by state.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
struct RuleCounts {
    loaded: u64,
    degraded: u64,
    refused: u64,
    disabled: u64,
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

/// Lists rules.
#[utoipa::path(get, path = "/rules", tag = "rules", params(Asked),
    responses((status = 200, body = RulePage)))]
async fn list(app: App, Query(asked): Query<Asked>) -> Result<Json<RulePage>, Problem> {
    let _ = (app, asked);
    Err(Problem::unavailable("no rules are loaded here"))
}

/// One rule.
#[utoipa::path(get, path = "/rules/{sid}", tag = "rules",
    params(("sid" = u32, Path, description = "The rule's number")),
    responses((status = 200, body = RuleView)))]
async fn show(app: App, Path(sid): Path<u32>) -> Result<Json<RuleView>, Problem> {
    let _ = (app, sid);
    Err(Problem::unavailable("no rules are loaded here"))
}

/// Disables a rule, or limits its alerts.
#[utoipa::path(patch, path = "/rules/{sid}", tag = "rules", request_body = Tuning,
    params(("sid" = u32, Path, description = "The rule's number")),
    responses((status = 200, body = RuleView)))]
async fn tune(
    app: App,
    Who(who): Who,
    Path(sid): Path<u32>,
    Json(asked): Json<Tuning>,
) -> Result<Json<RuleView>, Problem> {
    let _ = (app, who, sid, asked);
    Err(Problem::unavailable("no rules are loaded here"))
}

/// Reads the rules again; where all new ones are wrong the old ones stay.
#[utoipa::path(post, path = "/rules/reload", tag = "rules",
    responses((status = 200, body = Reloaded)))]
async fn reload(app: App, Who(who): Who) -> Result<Json<Reloaded>, Problem> {
    let _ = (app, who);
    Err(Problem::unavailable("no rules are loaded here"))
}
