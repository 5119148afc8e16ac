//! `/api/v1/hosts`: who was seen, and who talked to whom.

use std::collections::HashMap;
use std::net::IpAddr;

use event::{Prefix, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::query::{Predicate, Query as Tree, Value as Word};
use store::search::Request;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
use super::events::values::ValueCount;
use super::events::{query, since_or};
use super::extract::{Json, Path, Query};
use super::page;
use super::routes::Routes;
use super::shapes::Moment;
use super::tallies::{buckets, counts, key, signatures};
use crate::api::problem::Problem;
use crate::auth::Role;

/// Hosts that one listing knows: the busiest of each direction.
const MAX_HOSTS: u64 = 2000;

/// Peers, services, names and signatures of one host.
const MAX_PARTS: u64 = 50;

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Role::Viewer, routes!(list))
        .at(Role::Viewer, routes!(show))
}

/// Which hosts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// An address or network, or a query that picks the events that are looked at.
    #[param(max_length = 8192, format = "search")]
    q: Option<String>,
    /// Seen from this time on; a day unless said otherwise.
    #[param(default = "1d", format = "moment")]
    since: Option<String>,
    /// Hosts on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    #[param(format = "cursor")]
    cursor: Option<String>,
}

/// A host in a list.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Host {
    address: String,
    /// What the assets file says of it.
    asset: Option<Asset>,
    /// ISO 3166 code of the country, where a database of addresses is set.
    country: Option<String>,
    #[schema(value_type = Moment)]
    first: Timestamp,
    #[schema(value_type = Moment)]
    last: Timestamp,
    /// Events in which it is one end.
    events: u64,
    /// Alerts in which it is one end.
    alerts: u64,
    /// Bytes of flows that are over, in both directions.
    bytes: u64,
}

/// What the assets file says of an address.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Asset {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: Option<String>,
    /// `low`, `medium`, `high` or `critical`.
    pub criticality: Option<String>,
}

/// A page of hosts, those with the most alerts first, then those with the most events.
#[derive(Debug, Serialize, ToSchema)]
struct HostPage {
    items: Vec<Host>,
    /// What to pass as `cursor` for the next page; null on the last.
    next: Option<String>,
}

/// One host.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HostDetail {
    #[serde(flatten)]
    host: Host,
    /// Whom it talked to, the busiest first.
    peers: Vec<Peer>,
    /// What it offered: protocol and port of flows that others opened to it.
    services: Vec<Service>,
    /// Names under which it was asked for (DNS answers, TLS, HTTP).
    names: Vec<ValueCount>,
    /// Its alerts by what the rule says.
    alerts_by_signature: Vec<SignatureCount>,
}

/// Whom a host talked to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Peer {
    address: String,
    country: Option<String>,
    events: u64,
    alerts: u64,
    bytes: u64,
    #[schema(value_type = Moment)]
    last: Timestamp,
}

/// What a host offered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Service {
    /// `TCP`, `UDP`.
    proto: String,
    port: u16,
    /// The application protocol that was recognised.
    app_proto: Option<String>,
    events: u64,
}

/// How often a rule fired.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SignatureCount {
    pub signature_id: u64,
    pub signature: String,
    pub count: u64,
}

/// What the store counts of events.
fn of_events() -> Value {
    json!({
        "first": {"min": {"field": "@timestamp"}},
        "last": {"max": {"field": "@timestamp"}},
        "kinds": {"terms": {"field": "event_type", "size": 50}},
        "sent": {"sum": {"field": "flow.bytes_toserver"}},
        "got": {"sum": {"field": "flow.bytes_toclient"}},
    })
}

/// What the store counts for each address at one end.
fn of_address(end: &str, size: u64) -> Value {
    json!({"terms": {"field": end, "size": size}, "aggs": of_events()})
}

/// A number of a metric; 0 where nothing was measured.
fn number(metric: &Value) -> f64 {
    metric["value"].as_f64().unwrap_or_default()
}

fn time(metric: &Value) -> Option<Timestamp> {
    let millis = metric["value"].as_f64()?;
    Some(Timestamp::from_nanos((millis * 1e6) as i64))
}

impl Host {
    /// Adds what the store counted of events with this host at one end.
    fn add(&mut self, events: u64, counted: &Value) {
        let kinds = counts(&counted["kinds"]);
        let of_kind = |wanted: &str| {
            let found = kinds.iter().find(|(kind, _)| kind == wanted);
            found.map_or(0, |(_, count)| *count)
        };
        // Bytes of a flow stand in its last record; alerts repeat what was so far.
        if of_kind("flow") > 0 {
            self.bytes += (number(&counted["sent"]) + number(&counted["got"])) as u64;
        }
        self.events += events;
        self.alerts += of_kind("alert");
        if let Some(first) = time(&counted["first"])
            && (self.first == Timestamp::default() || first < self.first)
        {
            self.first = first;
        }
        self.last = self.last.max(time(&counted["last"]).unwrap_or_default());
    }
}

/// Adds what one end's buckets say to what is known of each address.
fn add(hosts: &mut HashMap<String, Host>, answer: &Value) {
    for bucket in buckets(answer) {
        let address = key(bucket);
        let host = hosts.entry(address.clone()).or_insert_with(|| Host {
            address,
            ..Host::default()
        });
        host.add(bucket["doc_count"].as_u64().unwrap_or_default(), bucket);
    }
}

/// Lists hosts.
#[utoipa::path(get, path = "/hosts", tag = "hosts", params(Asked),
    responses((status = 200, body = HostPage)))]
async fn list(app: App, Query(asked): Query<Asked>) -> Result<Json<HostPage>, Problem> {
    let limit = page::limit(asked.limit)?;
    let from: usize = page::read(asked.cursor.as_deref())?.unwrap_or_default();
    let text = asked.q.unwrap_or_default();
    let now = app.now();
    let since = since_or(asked.since.as_deref(), "1d", now)?;
    let span = now.since(since).as_secs();
    // Read here, so that what can't be read is refused whatever is kept.
    let wanted = Wanted::of(&text)?;
    let lister = app.clone();
    let listing = async move { lister.list_hosts(wanted, since).await };
    let hosts = app.hosts.get((text, span), now, listing).await?;
    let (mut items, next) = page::slice(hosts.iter().cloned(), from, limit);
    let (lent, countries) = (app.lent.clone(), app.countries.clone());
    items = app
        .wait(move || {
            for host in &mut items {
                host.asset = (lent.asset)(&host.address);
                host.country = countries.of(&host.address);
            }
            items
        })
        .await?;
    Ok(Json(HostPage { items, next }))
}

/// Which hosts are wanted.
struct Wanted {
    prefix: Option<Prefix>,
    tree: Tree,
}

impl Wanted {
    /// An address or network picks hosts; anything else picks events.
    fn of(text: &str) -> Result<Wanted, Problem> {
        let prefix: Option<Prefix> = text.trim().parse().ok();
        let tree = match &prefix {
            Some(prefix) => Tree::or(vec![at("src_ip", prefix), at("dest_ip", prefix)]),
            None => query(Some(text))?,
        };
        Ok(Wanted { prefix, tree })
    }
}

impl App {
    /// All hosts that were seen since then, those with the most alerts first, then those with the most events.
    async fn list_hosts(&self, wanted: Wanted, since: Timestamp) -> Result<Vec<Host>, Problem> {
        let request = Request {
            since: Some(since),
            limit: 0,
            exact_total: false,
            aggregations: json!({
                "sources": of_address("src_ip", MAX_HOSTS),
                "destinations": of_address("dest_ip", MAX_HOSTS),
            }),
            ..Request::of(wanted.tree)
        };
        let (answer, _) = self.find(request).await?;
        let mut hosts = HashMap::new();
        add(&mut hosts, &answer.aggregations["sources"]);
        add(&mut hosts, &answer.aggregations["destinations"]);
        let is_asked = |host: &Host| match (&wanted.prefix, host.address.parse::<IpAddr>()) {
            (Some(prefix), Ok(address)) => prefix.contains(address),
            (Some(_), Err(_)) => false,
            (None, _) => true,
        };
        let mut hosts: Vec<Host> = hosts.into_values().filter(is_asked).collect();
        hosts.sort_by(|a, b| {
            let busy = |host: &Host| (host.alerts, host.events);
            busy(b)
                .cmp(&busy(a))
                .then_with(|| a.address.cmp(&b.address))
        });
        Ok(hosts)
    }
}

/// A condition on one end.
fn at(end: &str, prefix: &Prefix) -> Tree {
    let value = if prefix.is_host() {
        Word::Word(prefix.address().to_string())
    } else {
        Word::Prefix(*prefix)
    };
    Tree::field(end, Predicate::Is(value))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Since {
    /// Seen from this time on; a week unless said otherwise.
    #[param(default = "7d", format = "moment")]
    since: Option<String>,
}

/// One host.
#[utoipa::path(get, path = "/hosts/{ip}", tag = "hosts",
    params(("ip" = String, Path, description = "Its address", example = "192.0.2.1"), Since),
    responses((status = 200, body = HostDetail)))]
async fn show(
    app: App,
    Path(ip): Path<String>,
    Query(since): Query<Since>,
) -> Result<Json<HostDetail>, Problem> {
    let address: IpAddr = ip
        .parse()
        .map_err(|_| Problem::missing(format!("{ip:?} is no address")))?;
    let now = app.now();
    let since = since_or(since.since.as_deref(), "7d", now)?;
    let asker = app.clone();
    let asking = async move { asker.ask_host(address, since).await };
    let span = now.since(since).as_secs();
    let host = app.host.get((address, span), now, asking).await?;
    Ok(Json(HostDetail::clone(&host)))
}

impl App {
    /// What is known of a host since then.
    async fn ask_host(&self, address: IpAddr, since: Timestamp) -> Result<HostDetail, Problem> {
        let prefix = Prefix::host(address);
        let terms = |field: &str| json!({"terms": {"field": field, "size": MAX_PARTS}});
        let mut rules = terms("alert.signature_id");
        rules["aggs"] = json!({"name": {"terms": {"field": "alert.signature.keyword", "size": 1}}});
        let request = |query: Tree, aggregations: Value| Request {
            since: Some(since),
            limit: 0,
            aggregations,
            ..Request::of(query)
        };
        let end = |end: &str, other: &str| {
            let mut aggregations = of_events();
            aggregations["peers"] = of_address(other, MAX_PARTS);
            aggregations["signatures"] = rules.clone();
            request(at(end, &prefix), aggregations)
        };
        let mut into = end("dest_ip", "src_ip");
        into.aggregations["sni"] = terms("tls.sni.keyword");
        into.aggregations["hostname"] = terms("http.hostname");
        // Flows alone say who asked whom; an alert may stand at an answer, on its way to any port.
        let flows = Tree::field("event_type", Predicate::Is(Word::Word("flow".to_owned())));
        let mut ports = terms("dest_port");
        ports["aggs"] = json!({"proto": {"terms": {"field": "proto", "size": 1}},
        "app": {"terms": {"field": "app_proto", "size": 1}}});
        let offered = Tree::and(vec![at("dest_ip", &prefix), flows]);
        // All at once: the store has threads for more than one search.
        let (out, into, offered) = tokio::try_join!(
            self.find(end("src_ip", "dest_ip")),
            self.find(into),
            self.find(request(offered, json!({"ports": ports}))),
        )?;
        let mut host = Host {
            address: address.to_string(),
            ..Host::default()
        };
        host.add(out.0.total, &out.0.aggregations);
        host.add(into.0.total, &into.0.aggregations);
        let (out, into) = (out.0.aggregations, into.0.aggregations);
        if host.events == 0 {
            return Err(Problem::missing(format!(
                "{address} was not seen since {since}"
            )));
        }
        let mut peers = HashMap::new();
        add(&mut peers, &out["peers"]);
        add(&mut peers, &into["peers"]);
        let (lent, countries) = (self.lent.clone(), self.countries.clone());
        let (host, peers) = self
            .wait(move || {
                host.asset = (lent.asset)(&host.address);
                host.country = countries.of(&host.address);
                let mut peers: Vec<Peer> = peers
                    .into_values()
                    .map(|peer| Peer {
                        country: countries.of(&peer.address),
                        address: peer.address,
                        events: peer.events,
                        alerts: peer.alerts,
                        bytes: peer.bytes,
                        last: peer.last,
                    })
                    .collect();
                peers.sort_by_key(|peer| std::cmp::Reverse((peer.events, peer.alerts)));
                peers.truncate(MAX_PARTS as usize);
                (host, peers)
            })
            .await?;
        Ok(HostDetail {
            host,
            peers,
            services: services(&offered.0.aggregations["ports"]),
            names: names_of(&into),
            alerts_by_signature: fired(&[&out["signatures"], &into["signatures"]]),
        })
    }
}

fn services(answer: &Value) -> Vec<Service> {
    buckets(answer)
        .filter_map(|bucket| {
            let first = |name: &str| buckets(&bucket[name]).next().map(key);
            Some(Service {
                proto: first("proto").unwrap_or_default(),
                port: key(bucket).parse().ok()?,
                app_proto: first("app").filter(|name| name != "failed"),
                events: bucket["doc_count"].as_u64().unwrap_or_default(),
            })
        })
        .collect()
}

fn names_of(answers: &Value) -> Vec<ValueCount> {
    let mut names = HashMap::<String, u64>::new();
    for list in ["sni", "hostname"] {
        for (name, count) in counts(&answers[list]) {
            *names.entry(name).or_default() += count;
        }
    }
    let mut names: Vec<_> = names
        .into_iter()
        .map(|(value, count)| ValueCount { value, count })
        .collect();
    names.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    names.truncate(MAX_PARTS as usize);
    names
}

/// Rules by how often they fired, at either end.
fn fired(answers: &[&Value]) -> Vec<SignatureCount> {
    let mut all = HashMap::<u64, SignatureCount>::new();
    for found in answers.iter().flat_map(|answer| signatures(answer)) {
        let (id, count) = (found.signature_id, found.count);
        all.entry(id)
            .and_modify(|known| known.count += count)
            .or_insert(found);
    }
    let mut all: Vec<_> = all.into_values().collect();
    all.sort_by_key(|rule| (std::cmp::Reverse(rule.count), rule.signature_id));
    all.truncate(MAX_PARTS as usize);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_counted_at_both_ends() {
        let bucket = |events: u64, alerts: u64, last: f64| {
            json!({"buckets": [{"key": "192.0.2.1", "doc_count": events,
                "first": {"value": last - 1000.0}, "last": {"value": last},
                "kinds": {"buckets": [{"key": "alert", "doc_count": alerts}, {"key": "flow", "doc_count": 1}]},
                "sent": {"value": 100.0}, "got": {"value": 20.0}}]})
        };
        let mut hosts = HashMap::new();
        add(&mut hosts, &bucket(5, 2, 9000.0));
        add(&mut hosts, &bucket(3, 0, 4000.0));
        let host = &hosts["192.0.2.1"];
        assert_eq!((host.events, host.alerts, host.bytes), (8, 2, 240));
        assert_eq!((host.first.secs(), host.last.secs()), (3, 9));
    }
}
