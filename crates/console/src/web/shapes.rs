//! How records of `event` look in the API: shapes for the description alone. A test holds them against
//! what is written.

#![allow(dead_code, reason = "they are read by the description, not made")]

use std::collections::BTreeMap;

use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{RefOr, schema::SchemaFormat};
use utoipa::{IntoParams, PartialSchema, ToSchema};

/// A moment as EVE writes it.
#[derive(Debug)]
pub struct Moment;

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "A moment in UTC as EVE writes it; `new Date(text)` reads it.",
            ))
            .examples(["2026-01-02T03:04:05.678901+0000"])
            .pattern(Some(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d{4}$"))
            .into()
    }
}

impl ToSchema for Moment {
    fn name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }
}

/// The header of an order that may be given again.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct OnceKey {
    /// Asking again under the same key orders nothing twice.
    #[param(
        rename = "idempotency-key",
        min_length = 1,
        max_length = 128,
        pattern = "^[!-~]+$"
    )]
    key: Option<String>,
}

/// The header of a change that is meant for one version.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfMatch {
    /// The ETag that the change is meant for; without it: whatever it is now.
    #[param(rename = "if-match", max_length = 24, pattern = r#"^(\*|"v[0-9]+")$"#)]
    tag: Option<String>,
}

/// A count that JavaScript holds exactly up to 2^53.
pub fn count() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(
            utoipa::openapi::KnownFormat::Int64,
        )))
        .minimum(Some(0))
        .into()
}

/// One EVE record, any of its hundreds of fields.
#[derive(Debug)]
pub struct Eve;

impl PartialSchema for Eve {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(
                "One record as Suricata 8's EVE has it: `timestamp`, `event_type`, and what the type brings.",
            ))
            .into()
    }
}

impl ToSchema for Eve {
    fn name() -> std::borrow::Cow<'static, str> {
        "Eve".into()
    }
}

/// What `alert` knows of an incident.
#[derive(Debug, ToSchema)]
#[schema(as = Incident)]
pub struct Incident {
    /// Its name: `i` and sixteen hexadecimal digits.
    id: String,
    /// What holds its events together.
    fingerprint: String,
    kind: IncidentKind,
    /// One line for people.
    title: String,
    severity: Severity,
    status: IncidentStatus,
    /// The first event, by the event's own time.
    #[schema(value_type = Moment)]
    first: String,
    /// The last event, by the event's own time.
    #[schema(value_type = Moment)]
    last: String,
    /// When it was opened, by the clock.
    #[schema(value_type = Moment)]
    opened: String,
    /// When it changed last, by the clock.
    #[schema(value_type = Moment)]
    changed: String,
    /// Counts its changes.
    revision: u64,
    /// How many events it holds.
    events: u64,
    /// Who attacks, the busiest first.
    attackers: Vec<Party>,
    /// Who is attacked, the busiest first.
    victims: Vec<Party>,
    /// Rules that fired, in the order of their first event.
    signatures: Vec<Signature>,
    /// Steps of the attack by MITRE ATT&CK, in the order in which they were first seen.
    tactics: Vec<Tactic>,
    /// Sensors that told of it.
    sensors: Vec<String>,
    /// What was done about it: ids of actions.
    actions: Vec<String>,
    /// Ids of its first events, bounded.
    sample: Vec<String>,
    /// A search that finds its events.
    query: String,
}

/// What an incident is about.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum IncidentKind {
    Attack,
    Correlation,
    Response,
    Storm,
}

/// How bad it is, the least first.
#[derive(Clone, Copy, Debug, serde::Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// The same of `event`.
    #[must_use]
    pub fn of_event(self) -> event::incident::Severity {
        match self {
            Severity::Informational => event::incident::Severity::Informational,
            Severity::Low => event::incident::Severity::Low,
            Severity::Medium => event::incident::Severity::Medium,
            Severity::High => event::incident::Severity::High,
            Severity::Critical => event::incident::Severity::Critical,
        }
    }
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum IncidentStatus {
    Open,
    Acknowledged,
    Closed,
}

/// An address that takes part.
#[derive(Debug, ToSchema)]
pub struct Party {
    address: String,
    /// In how many events.
    events: u64,
    /// What the assets file calls it.
    #[schema(required = false, nullable = false)]
    asset: Option<String>,
}

/// A rule that fired.
#[derive(Debug, ToSchema)]
pub struct Signature {
    /// `gid:sid` of a rule of packets, or the id of a Sigma rule.
    id: String,
    /// What the rule says.
    text: String,
    severity: Severity,
    /// How often.
    events: u64,
    #[schema(value_type = Moment)]
    first: String,
    #[schema(value_type = Moment)]
    last: String,
}

/// A step of an attack (MITRE ATT&CK).
#[derive(Debug, ToSchema)]
pub struct Tactic {
    /// `TA0001` and so on.
    id: String,
    /// `Initial Access`.
    name: String,
    #[schema(value_type = Moment)]
    first: String,
    techniques: Vec<Technique>,
}

/// A technique of ATT&CK.
#[derive(Debug, ToSchema)]
pub struct Technique {
    /// `T1110` or `T1110.001`.
    id: String,
    name: String,
}

/// One action: what is done, to whom, why, and what became of it.
#[derive(Debug, ToSchema)]
#[schema(as = Action)]
pub struct Action {
    /// Its name, `a17`.
    id: String,
    step: Step,
    /// Whom it hits: an address or a network (all steps but `drop_connection`).
    #[schema(required = false, nullable = false)]
    target: Option<String>,
    /// Which connection ends (`drop_connection`).
    #[schema(required = false, nullable = false)]
    connection: Option<Connection>,
    /// `rate_limit`: packets that pass in a second.
    #[schema(required = false, nullable = false)]
    packets_per_second: Option<u32>,
    /// `rate_limit`: packets that may come at once.
    #[schema(required = false, nullable = false)]
    burst: Option<u32>,
    /// `redirect`: the honeypot's address.
    #[schema(required = false, nullable = false)]
    to: Option<String>,
    /// `redirect`: the honeypot's port.
    #[schema(required = false)]
    port: Option<u16>,
    /// How long it holds; every action has an end.
    ttl_secs: u64,
    mode: Mode,
    why: Why,
    /// How often its target came back.
    returned: u32,
    state: ActionState,
    /// `effective`: what proves it.
    #[schema(required = false, nullable = false)]
    evidence: Option<Evidence>,
    /// `ineffective`: what is wrong, as a name.
    #[schema(required = false, nullable = false)]
    failure: Option<String>,
    /// `refused`, `ineffective`, `unknown`, `undone`: in words.
    #[schema(required = false, nullable = false)]
    cause: Option<String>,
    #[schema(value_type = Moment)]
    planned: String,
    /// When the firewall took it.
    #[schema(required = false, value_type = Moment)]
    executed: Option<String>,
    /// When it ends, or ended.
    #[schema(value_type = Moment)]
    ends: String,
    /// When its state changed last.
    #[schema(value_type = Moment)]
    changed: String,
    /// How it is undone.
    #[schema(required = false, nullable = false)]
    undo: Option<BTreeMap<String, serde_json::Value>>,
}

/// What is done.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Step {
    Block,
    RateLimit,
    DropConnection,
    Redirect,
    Quarantine,
}

/// How far a plan is carried out.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Mode {
    Observe,
    Ask,
    Enforce,
}

/// What became of an action.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ActionState {
    Planned,
    Refused,
    AwaitingApproval,
    Executed,
    Effective,
    Ineffective,
    Unknown,
    Expired,
    Undone,
}

/// Two ends and a transport.
#[derive(Debug, ToSchema)]
pub struct Connection {
    /// `tcp` or `udp`.
    proto: String,
    /// The attacker's end, address and port.
    peer: String,
    /// The defended end.
    local: String,
}

/// Why an action is taken.
#[derive(Debug, ToSchema)]
pub struct Why {
    /// In words.
    reason: String,
    #[schema(required = false, nullable = false)]
    playbook: Option<String>,
    #[schema(required = false, nullable = false)]
    feed: Option<String>,
    /// The id of the event.
    #[schema(required = false, nullable = false)]
    event: Option<String>,
    /// The id of the incident.
    #[schema(required = false, nullable = false)]
    incident: Option<String>,
    #[schema(required = false, nullable = false)]
    signature_id: Option<u64>,
    #[schema(required = false, nullable = false)]
    flow_id: Option<u64>,
    /// Who ordered or approved it.
    #[schema(required = false, nullable = false)]
    person: Option<String>,
    /// The moments of the record that decided.
    #[schema(required = false, nullable = false)]
    trigger: Option<BTreeMap<String, serde_json::Value>>,
}

/// What proves that an action works.
#[derive(Debug, ToSchema)]
pub struct Evidence {
    /// The sets that hold the target.
    held_by: Vec<String>,
    /// Packets that the firewall has stopped, limited or led away.
    packets_stopped: u64,
    /// Packets that the sensor saw since.
    #[schema(required = false, nullable = false)]
    packets_arrived: Option<u64>,
    connections_ended: u32,
}

/// One role of the process.
#[derive(Debug, ToSchema)]
#[schema(as = RoleHealth)]
pub struct RoleHealth {
    /// `sensor`, `respond`, `store`, `alert`, `console`.
    role: String,
    state: Health,
    #[schema(value_type = Moment)]
    since: String,
    restarts: u64,
    /// What it says of itself, or why it failed.
    #[schema(required = false, nullable = false)]
    detail: Option<String>,
}

/// How a role fares.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Health {
    Starting,
    Running,
    Degraded,
    Failed,
    Stopped,
}

/// A bouncer that asked since the start.
#[derive(Debug, ToSchema)]
pub struct Bouncer {
    name: String,
    address: String,
    agent: String,
    #[schema(value_type = Moment)]
    last_pull: String,
}

/// What somebody may do, the least first. `ingest` is for tokens of log shippers alone.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Role {
    Ingest,
    Viewer,
    Analyst,
    Responder,
    Admin,
}

/// Why not (RFC 9457): refers to the one description that all refusals share.
#[derive(Debug)]
pub struct Refusal;

impl<'r> utoipa::ToResponse<'r> for Refusal {
    fn response() -> (&'r str, RefOr<utoipa::openapi::Response>) {
        let reference = utoipa::openapi::Ref::from_response_name("Problem");
        ("Problem", RefOr::Ref(reference))
    }
}
