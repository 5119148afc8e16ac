//! Who is told and how, as the configuration has it, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use event::incident::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::route::Route;
use super::secret::Secret;

/// Receivers at most: each has threads and files of its own.
pub const MAX_RECEIVERS: usize = 64;
/// Servers or numbers of one receiver at most.
const MAX_TARGETS: usize = 16;
/// Headers and labels of one receiver at most.
const MAX_PAIRS: usize = 32;

/// Everything that is set about telling people.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where people find the dashboard, `https://ratel.example.org:9443`; messages link to it.
    pub link: Option<String>,
    /// Who is told.
    pub receivers: Vec<Receiver>,
    /// Who is told of what. None: everybody of everything.
    pub routes: Vec<Route>,
}

/// One receiver: its name, how it is told (exactly one of the kinds), and how much.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Receiver {
    /// Its name: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// Incidents below are not told: `informational`, `low`, `medium`, `high`, `critical`. For SMS `high`,
    /// else `informational`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub min_severity: Option<Severity>,
    /// Whether it hears that an incident is over. For SMS false, else true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved: Option<bool>,
    /// Whether it hears of more of the same: in place where messages can change (Alertmanager, Firebase,
    /// Slack with a token), else in a message when much has come. For SMS false, else true. A webhook with
    /// `true` set hears of small changes too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updates: Option<bool>,
    /// Seconds between two updates of one incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_secs: Option<u64>,
    /// How many messages a minute; beyond that a digest tells the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Seconds for one attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_secs: Option<u64>,
    /// Seconds after which what could not be told is given up and kept as a dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub give_up_secs: Option<u64>,
    /// Certificates (PEM) that are believed instead of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Prometheus' Alertmanager, API v2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alertmanager: Option<Alertmanager>,
    /// Slack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack: Option<Slack>,
    /// E-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<Mail>,
    /// Text messages through Twilio's API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms: Option<Sms>,
    /// Firebase Realtime Database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firebase: Option<Firebase>,
    /// PagerDuty, Events API v2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagerduty: Option<Pagerduty>,
    /// Microsoft Teams, a workflow's webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teams: Option<Teams>,
    /// Any other server that takes a POST.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
}

/// How many messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rate {
    /// Messages a minute in the long run.
    pub per_minute: u32,
    /// Messages at once.
    pub burst: u32,
}

impl Default for Rate {
    fn default() -> Self {
        // One in three seconds: what comes first in a storm is still told within five.
        Rate {
            per_minute: 20,
            burst: 10,
        }
    }
}

/// Alertmanager. Every server gets every alert, with the same labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Alertmanager {
    /// Its servers, `http://alertmanager:9093`; all replicas, whether they are clustered or not.
    pub urls: Vec<String>,
    /// Labels that every alert gets beside Ratel's own.
    pub labels: BTreeMap<String, String>,
    /// Seconds after which a firing alert is sent again; less than Alertmanager's `resolve_timeout`.
    pub resend_secs: u64,
    /// Whether silences are mirrored both ways.
    pub silences: bool,
    /// A bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// HTTP's basic scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic: Option<Basic>,
}

impl Default for Alertmanager {
    fn default() -> Self {
        Alertmanager {
            urls: Vec::new(),
            labels: BTreeMap::new(),
            resend_secs: 60,
            silences: true,
            token: None,
            basic: None,
        }
    }
}

/// A user's name and password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Basic {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// Slack: a bot's token and a channel, or an incoming webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Slack {
    /// The bot's token (`xoxb-…`), with the scope `chat:write`; with `channels:history` a message whose
    /// answer got lost is looked for before it is sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// The channel's id (`C0123456789`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Instead of both: an incoming webhook; it knows neither updates nor threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<Secret>,
    /// The API, where it is not Slack's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
}

/// E-mail over SMTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// The server.
    pub host: String,
    /// Its port; by `tls` 587, 465 or 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the connection is protected.
    pub tls: Tls,
    /// The sender, `Ratel <ratel@example.org>`.
    pub from: String,
    /// Who gets it.
    pub to: Vec<String>,
    /// Who the server lets in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<Basic>,
}

impl Default for Mail {
    fn default() -> Self {
        Mail {
            host: String::new(),
            port: None,
            tls: Tls::Starttls,
            from: String::new(),
            to: Vec::new(),
            login: None,
        }
    }
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// It begins in clear and must change to TLS before anything is said.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// In clear: for a relay on this host.
    None,
}

/// Text messages: Twilio's Messages API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sms {
    /// The account's SID (`AC…`).
    pub account: String,
    /// The SID of an API key (`SK…`), where one is used instead of the account's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The account's token or the key's secret.
    pub token: Secret,
    /// The sender's number, or a messaging service's SID (`MG…`).
    pub from: String,
    /// Numbers, `+491701234567`.
    pub to: Vec<String>,
    /// The API, where it is not Twilio's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
}

/// Firebase Realtime Database: an object for each incident, always its newest state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Firebase {
    /// The database, `https://PROJECT-default-rtdb.firebaseio.com`.
    pub url: String,
    /// Under which path incidents are kept.
    pub path: String,
    /// The service account's key, as Google's console gives it: JSON.
    pub service_account: PathBuf,
}

impl Default for Firebase {
    fn default() -> Self {
        Firebase {
            url: String::new(),
            path: "ratel/incidents".into(),
            service_account: PathBuf::new(),
        }
    }
}

/// PagerDuty, Events API v2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pagerduty {
    /// The integration's key.
    pub routing_key: Secret,
    /// The API, where it is not `https://events.pagerduty.com`; in Europe `https://events.eu.pagerduty.com`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
}

/// Microsoft Teams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Teams {
    /// The address that the workflow "When a Teams webhook request is received" gives.
    pub webhook_url: Secret,
}

/// Any server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Webhook {
    /// Where to; not secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where to, with a secret inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_url: Option<Secret>,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// Headers whose values are secrets, such as `Authorization`.
    pub secret_headers: BTreeMap<String, Secret>,
    /// What the body is signed with (HMAC-SHA256).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hmac: Option<Secret>,
    /// The body, with `{{ places }}`. None: everything, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// What the template makes; by it texts are escaped. `application/json` where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

/// The kind of a receiver with what is set about it.
#[derive(Clone, Copy, Debug)]
pub enum Via<'a> {
    /// Prometheus' Alertmanager.
    Alertmanager(&'a Alertmanager),
    /// Slack.
    Slack(&'a Slack),
    /// E-mail.
    Mail(&'a Mail),
    /// Text messages.
    Sms(&'a Sms),
    /// Firebase.
    Firebase(&'a Firebase),
    /// PagerDuty.
    Pagerduty(&'a Pagerduty),
    /// Microsoft Teams.
    Teams(&'a Teams),
    /// Any server.
    Webhook(&'a Webhook),
}

impl Via<'_> {
    /// The name of the kind, as the configuration has it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Via::Alertmanager(_) => "alertmanager",
            Via::Slack(_) => "slack",
            Via::Mail(_) => "mail",
            Via::Sms(_) => "sms",
            Via::Firebase(_) => "firebase",
            Via::Pagerduty(_) => "pagerduty",
            Via::Teams(_) => "teams",
            Via::Webhook(_) => "webhook",
        }
    }

    /// To how many it goes, each with an outbox of its own: one that is away keeps no other waiting.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        match self {
            Via::Alertmanager(one) => one.urls.clone(),
            Via::Sms(one) => one.to.clone(),
            _ => vec![String::new()],
        }
    }
}

/// What is wrong with what was set: where and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct ConfigError {
    /// `receiver NAME` or `route 2`.
    pub place: String,
    /// Why it can't be.
    pub reason: String,
}

impl Receiver {
    /// How it is told.
    ///
    /// # Errors
    /// None of the kinds is set, or more than one.
    pub fn via(&self) -> Result<Via<'_>, String> {
        let kinds = [
            self.alertmanager.as_ref().map(Via::Alertmanager),
            self.slack.as_ref().map(Via::Slack),
            self.mail.as_ref().map(Via::Mail),
            self.sms.as_ref().map(Via::Sms),
            self.firebase.as_ref().map(Via::Firebase),
            self.pagerduty.as_ref().map(Via::Pagerduty),
            self.teams.as_ref().map(Via::Teams),
            self.webhook.as_ref().map(Via::Webhook),
        ];
        let mut set = kinds.into_iter().flatten();
        match (set.next(), set.next()) {
            (Some(via), None) => Ok(via),
            (Some(one), Some(two)) => Err(format!(
                "{} and {} are set: a receiver is of one kind",
                one.name(),
                two.name()
            )),
            (None, _) => Err(
                "one of alertmanager, slack, mail, sms, firebase, pagerduty, teams, webhook is wanted"
                    .into(),
            ),
        }
    }

    /// The least severity that it hears of.
    #[must_use]
    pub fn floor(&self) -> Severity {
        let usual = match self.sms {
            Some(_) => Severity::High,
            None => Severity::Informational,
        };
        self.min_severity.unwrap_or(usual)
    }

    fn check(&self) -> Result<(), String> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        // It becomes the name of a folder.
        let is_name = (1..=64).contains(&self.name.len())
            && self.name.bytes().all(plain)
            && self.name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !is_name {
            return Err("a name has 1 to 64 lower-case letters, digits, '-' and '_'".into());
        }
        if self
            .timeout_secs
            .is_some_and(|secs| !(1..=120).contains(&secs))
        {
            return Err("timeout_secs is 1 to 120".into());
        }
        if self
            .give_up_secs
            .is_some_and(|secs| !(60..=30 * 86_400).contains(&secs))
        {
            return Err("give_up_secs is 60 to 2592000 (30 days)".into());
        }
        if let Some(rate) = self.rate
            && !((1..=6000).contains(&rate.per_minute) && (1..=1000).contains(&rate.burst))
        {
            return Err("rate: per_minute is 1 to 6000, burst 1 to 1000".into());
        }
        let via = self.via()?;
        check_via(via).map_err(|reason| format!("{}: {reason}", via.name()))
    }
}

fn check_via(via: Via<'_>) -> Result<(), String> {
    let targets = via.targets();
    if targets.is_empty() || targets.len() > MAX_TARGETS {
        return Err(format!("1 to {MAX_TARGETS} targets are wanted"));
    }
    if targets.iter().collect::<BTreeSet<_>>().len() < targets.len() {
        return Err("a target is named twice".into());
    }
    let api = |url: &Option<String>| url.as_deref().map_or(Ok(()), secret_url);
    match via {
        Via::Alertmanager(one) => {
            let is_secret = one.token.is_some() || one.basic.is_some();
            for url in &one.urls {
                match is_secret {
                    true => secret_url(url)?,
                    false => any_url(url)?,
                }
            }
            if !(5..=3600).contains(&one.resend_secs) {
                return Err("resend_secs is 5 to 3600".into());
            }
            check_labels(&one.labels)
        }
        Via::Slack(one) => {
            match (&one.token, &one.channel, &one.webhook_url) {
                (Some(_), Some(_), None) | (None, None, Some(_)) => {}
                _ => return Err("token and channel, or webhook_url alone".into()),
            }
            api(&one.api_url)
        }
        Via::Mail(one) => {
            if one.host.is_empty() || one.from.is_empty() || one.to.is_empty() {
                return Err("host, from and to are wanted".into());
            }
            if one.to.len() > MAX_TARGETS {
                return Err(format!("at most {MAX_TARGETS} addresses: use a list"));
            }
            if one.tls == Tls::None && one.login.is_some() && !is_loopback(&one.host) {
                return Err("a password is not sent in clear: tls is starttls or tls".into());
            }
            Ok(())
        }
        Via::Sms(one) => {
            let is_number = |to: &str| {
                to.strip_prefix('+').is_some_and(|rest| {
                    (5..=15).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_digit())
                })
            };
            if !one.to.iter().all(|to| is_number(to)) {
                return Err("a number is written +491701234567".into());
            }
            let plain = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric());
            if !plain(&one.account) || !one.key.as_deref().is_none_or(plain) {
                return Err("account and key are SIDs: letters and digits".into());
            }
            if one.from.is_empty() {
                return Err("from is wanted".into());
            }
            api(&one.api_url)
        }
        Via::Firebase(one) => {
            let allowed = |c: char| !c.is_control() && !".$#[]?%\\ ".contains(c);
            if !one.path.chars().all(allowed) {
                return Err("a path has none of . $ # [ ] ? % \\ and spaces".into());
            }
            secret_url(&one.url)
        }
        Via::Pagerduty(one) => api(&one.api_url),
        Via::Teams(_) => Ok(()),
        Via::Webhook(one) => {
            match (&one.url, &one.secret_url) {
                (Some(url), None) if one.secret_headers.is_empty() => any_url(url)?,
                (Some(url), None) => secret_url(url)?,
                (None, Some(_)) => {}
                _ => return Err("url or secret_url".into()),
            }
            if one.headers.len() + one.secret_headers.len() > MAX_PAIRS {
                return Err(format!("at most {MAX_PAIRS} headers"));
            }
            let is_token = |name: &str| {
                !name.is_empty()
                    && name
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
            };
            let names = one.headers.keys().chain(one.secret_headers.keys());
            for name in names {
                if !is_token(name) {
                    return Err(format!("{name:?} is no name of a header"));
                }
            }
            if one
                .headers
                .values()
                .any(|value| value.chars().any(char::is_control))
            {
                return Err("a header has control characters".into());
            }
            Ok(())
        }
    }
}

fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), String> {
    if labels.len() > MAX_PAIRS {
        return Err(format!("at most {MAX_PAIRS} labels"));
    }
    for name in labels.keys() {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !plain || !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return Err(format!("{name:?} is no name of a label"));
        }
        if super::alertmanager::LABELS.contains(&name.as_str()) {
            return Err(format!("the label {name} is Ratel's own"));
        }
    }
    Ok(())
}

/// An address of the web.
pub(super) fn any_url(url: &str) -> Result<(), String> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Err("a url begins with https:// or http://".into());
    };
    if rest.is_empty() || url.chars().any(|c| c.is_control() || c == ' ') {
        return Err("a url has a host and no spaces".into());
    }
    if rest
        .split('/')
        .next()
        .is_some_and(|authority| authority.contains('@'))
    {
        return Err("a url has no user and password in it".into());
    }
    Ok(())
}

/// An address to which a secret may be sent: over TLS, or on this host.
pub(super) fn secret_url(url: &str) -> Result<(), String> {
    any_url(url)?;
    let Some(rest) = url.strip_prefix("http://") else {
        return Ok(());
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    match is_loopback(host) {
        true => Ok(()),
        false => Err("a secret is sent over https only".into()),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Checks receivers; routes are checked where they are compiled.
///
/// # Errors
/// The first thing that can't be.
pub fn check(receivers: &[Receiver]) -> Result<(), ConfigError> {
    let wrong = |place: String, reason: String| ConfigError { place, reason };
    if receivers.len() > MAX_RECEIVERS {
        let reason = format!("at most {MAX_RECEIVERS}");
        return Err(wrong("receivers".into(), reason));
    }
    let mut names = BTreeSet::new();
    for (at, receiver) in receivers.iter().enumerate() {
        let place = match receiver.name.is_empty() {
            true => format!("receiver {}", at + 1),
            false => format!("receiver {}", receiver.name),
        };
        receiver
            .check()
            .map_err(|reason| wrong(place.clone(), reason))?;
        if !names.insert(&receiver.name) {
            return Err(wrong(place, "another receiver has this name".into()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_yaml(text: &str, expected: Result<(), &str>) {
        let told = serde_yaml_ng::from_str::<Vec<Receiver>>(text)
            .map_err(|error| error.to_string())
            .and_then(|all| check(&all).map_err(|error| error.to_string()));
        match (told, expected) {
            (Ok(()), Ok(())) => {}
            (Err(told), Err(expected)) => assert!(told.contains(expected), "{text}: {told}"),
            (told, expected) => panic!("{text}: {told:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_receiver_is_of_exactly_one_kind() {
        check_yaml(
            "[{name: a, webhook: {url: 'https://example.org/x'}}]",
            Ok(()),
        );
        check_yaml("[{name: a}]", Err("receiver a: one of"));
        check_yaml(
            "[{name: a, webhook: {url: 'http://x'}, teams: {webhook_url: {env: X}}}]",
            Err("of one kind"),
        );
        check_yaml("[{name: a, wehbook: {}}]", Err("unknown field"));
        check_yaml("[{webhook: {url: 'http://x'}}]", Err("receiver 1: a name"));
        check_yaml("[{name: ../a, webhook: {url: 'http://x'}}]", Err("a name"));
        check_yaml(
            "[{name: a, webhook: {url: 'http://x'}}, {name: a, webhook: {url: 'http://x'}}]",
            Err("another"),
        );
    }

    #[test]
    fn secrets_are_not_sent_in_clear() {
        let with = |url: &str| {
            format!(
                "[{{name: a, webhook: {{url: '{url}', secret_headers: {{Authorization: {{env: X}}}}}}}}]"
            )
        };
        check_yaml(&with("https://example.org/"), Ok(()));
        check_yaml(&with("http://127.0.0.1:8080/"), Ok(()));
        check_yaml(&with("http://[::1]:8080/"), Ok(()));
        check_yaml(&with("http://localhost/"), Ok(()));
        check_yaml(&with("http://example.org/"), Err("https only"));
        check_yaml(&with("http://127.0.0.1.example.org/"), Err("https only"));
        check_yaml(&with("https://u:p@example.org/"), Err("no user"));
        check_yaml(&with("file:///etc/passwd"), Err("begins with"));
        check_yaml(
            "[{name: m, mail: {host: mx.example.org, tls: none, from: a@x.org, to: [b@x.org], login: {user: a, password: {env: X}}}}]",
            Err("in clear"),
        );
    }

    #[test]
    fn numbers_and_labels_are_checked() {
        let sms = |to: &str| {
            format!(
                "[{{name: s, sms: {{account: AC1, token: {{env: X}}, from: '+1555', to: ['{to}']}}}}]"
            )
        };
        check_yaml(&sms("+491701234567"), Ok(()));
        check_yaml(&sms("0170 1234567"), Err("a number"));
        let labels = |name: &str| {
            format!(
                "[{{name: s, alertmanager: {{urls: ['http://x:9093'], labels: {{{name}: x}}}}}}]"
            )
        };
        check_yaml(&labels("team"), Ok(()));
        check_yaml(&labels("severity"), Err("Ratel's own"));
        check_yaml(&labels("a-b"), Err("no name of a label"));
        check_yaml("[{name: s, alertmanager: {urls: []}}]", Err("targets"));
        check_yaml(
            "[{name: s, alertmanager: {urls: ['http://a', 'http://a']}}]",
            Err("twice"),
        );
    }

    #[test]
    fn what_is_shown_holds_no_secret_and_can_be_read_again() {
        let text = "{name: a, slack: {token: {file: /etc/ratel/slack}, channel: C1}}";
        let one: Receiver = serde_yaml_ng::from_str(text).unwrap();
        let shown = serde_yaml_ng::to_string(&one).unwrap();
        assert_eq!(serde_yaml_ng::from_str::<Receiver>(&shown).unwrap(), one);
    }
}
