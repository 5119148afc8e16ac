//! What `nft -j list table` says about our table, and what is wrong with it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use event::Timestamp;
use event::action::Failure;
use serde_json::Value;

use super::script::{self, COMMENT, Element, MARK, Rule, Shape};

/// nft tells whole seconds; a busy machine needs some more between our clock and the kernel's.
const SLACK: Duration = Duration::from_secs(3);

/// An element as the kernel holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Whole seconds until it goes; None where it stays.
    pub expires_secs: Option<u64>,
    /// Packets that met it.
    pub packets: u64,
    /// Its comment.
    pub comment: String,
}

impl Held {
    /// Whether we put it there.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.comment.starts_with(COMMENT)
    }
}

/// A set or map as the kernel holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// The types of its key.
    pub types: Vec<String>,
    /// Its elements by their key.
    pub elements: BTreeMap<String, Held>,
}

/// A rule as the kernel holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its chain.
    pub chain: String,
    /// Its handle.
    pub handle: u64,
    /// Its comment.
    pub comment: String,
    /// Its statements.
    pub statements: Vec<Value>,
}

/// A chain as the kernel holds it: hook and priority, None where no packet comes by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundChain {
    /// `prerouting` and so on.
    pub hook: Option<String>,
    /// Its priority.
    pub priority: i64,
    /// `filter` or `nat`.
    pub kind: String,
}

/// Our table, or that there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// Whether a table of the name exists.
    pub exists: bool,
    /// Whether it is switched off.
    pub dormant: bool,
    /// Chains by name.
    pub chains: BTreeMap<String, FoundChain>,
    /// Sets and maps by name.
    pub sets: BTreeMap<String, Set>,
    /// Rules in their order.
    pub rules: Vec<Found>,
    /// Anything else: counters, flow tables and so on.
    pub others: usize,
}

impl Picture {
    /// From nft's JSON; what it does not know is counted as `others`.
    #[must_use]
    pub fn read(json: &Value) -> Self {
        let mut picture = Picture::default();
        let objects = json.get("nftables").and_then(Value::as_array);
        for object in objects.into_iter().flatten() {
            let Some((kind, body)) = object.as_object().and_then(|o| o.iter().next()) else {
                continue;
            };
            let name = text(body, "name");
            match kind.as_str() {
                "metainfo" => {}
                "table" => {
                    picture.exists = true;
                    picture.dormant = is_dormant(body.get("flags"));
                }
                "chain" => {
                    let chain = FoundChain {
                        hook: body.get("hook").and_then(Value::as_str).map(String::from),
                        priority: body.get("prio").and_then(Value::as_i64).unwrap_or(0),
                        kind: text(body, "type"),
                    };
                    picture.chains.insert(name, chain);
                }
                "set" | "map" => {
                    picture.sets.insert(name, read_set(body));
                }
                "rule" => picture.rules.push(Found {
                    chain: text(body, "chain"),
                    handle: body.get("handle").and_then(Value::as_u64).unwrap_or(0),
                    comment: text(body, "comment"),
                    statements: body
                        .get("expr")
                        .and_then(Value::as_array)
                        .cloned()
                        .unwrap_or_default(),
                }),
                "element" => {}
                _ => picture.others += 1,
            }
        }
        picture
    }

    /// A table that is switched off, from nft's text; None where it is not. What it holds stays
    /// unknown, and therefore is not touched.
    #[must_use]
    pub fn of_dormant(text: &str) -> Option<Self> {
        let has = |line: &str| text.lines().any(|l| l.trim() == line);
        let mut picture = Picture {
            exists: true,
            dormant: true,
            others: 1,
            ..Picture::default()
        };
        if has(&format!("chain {MARK} {{")) {
            picture
                .chains
                .insert(MARK.to_owned(), FoundChain::default());
        }
        has("flags dormant").then_some(picture)
    }

    /// Whether the table is one that we made.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.exists && self.chains.contains_key(MARK)
    }

    /// The element where the kernel holds it.
    #[must_use]
    pub fn element(&self, element: &Element) -> Option<&Held> {
        self.sets
            .get(&element.shape.name())?
            .elements
            .get(&canonical(&element.key))
    }

    /// The rules of a shape that do not stand here.
    #[must_use]
    pub fn missing_rules(&self, shape: &Shape) -> Vec<Rule> {
        let mut rules = script::rules(shape);
        rules.retain(|rule| {
            !self
                .rules
                .iter()
                .any(|found| found.chain == rule.chain && found.comment == rule.comment())
        });
        rules
    }

    /// What is wrong with the table, the chains, the rules and the set of a shape.
    #[must_use]
    pub fn fault_of(&self, table: &str, shape: &Shape) -> Option<(Failure, String)> {
        if !self.exists {
            return Some((
                Failure::TableMissing,
                format!(
                    "the table inet {table} is gone: deleted, or the whole ruleset was flushed"
                ),
            ));
        }
        if self.dormant {
            return Some((
                Failure::TableDormant,
                format!("the table inet {table} is dormant: its chains are not asked"),
            ));
        }
        let name = shape.name();
        let Some(set) = self.sets.get(&name) else {
            return Some((Failure::SetMissing, format!("the set {name} is gone")));
        };
        if !set.types.iter().any(|kind| kind == shape.address_type()) {
            return Some((
                Failure::WrongFamily,
                format!(
                    "the set {name} holds {} and not {}",
                    set.types.join(" . "),
                    shape.address_type()
                ),
            ));
        }
        script::rules(shape)
            .iter()
            .find_map(|rule| self.fault_of_rule(rule))
    }

    fn fault_of_rule(&self, rule: &Rule) -> Option<(Failure, String)> {
        let chain = script::CHAINS
            .iter()
            .find(|chain| chain.name == rule.chain)?;
        let Some(found) = self.chains.get(chain.name) else {
            return Some((
                Failure::ChainMissing,
                format!("the chain {} is gone", chain.name),
            ));
        };
        let stands = found.hook.as_deref() == Some(chain.hook)
            && found.priority == i64::from(chain.priority)
            && found.kind == chain.kind;
        if !stands {
            return Some((
                Failure::ChainMoved,
                format!(
                    "the chain {} stands at {} and not at hook {} priority {}",
                    chain.name,
                    found.hook.as_ref().map_or_else(
                        || "no hook".to_owned(),
                        |hook| format!("hook {hook} priority {}", found.priority)
                    ),
                    chain.hook,
                    chain.priority
                ),
            ));
        }
        let in_chain: Vec<&Found> = self
            .rules
            .iter()
            .filter(|found| found.chain == rule.chain)
            .collect();
        let comment = rule.comment();
        let Some(at) = in_chain.iter().position(|found| found.comment == comment) else {
            return Some((
                Failure::RuleMissing,
                format!("the rule \"{comment}\" of the chain {} is gone", rule.chain),
            ));
        };
        if !in_chain.get(at).is_some_and(|found| says(found, rule)) {
            return Some((
                Failure::RuleChanged,
                format!(
                    "the rule \"{comment}\" of the chain {} says something else now",
                    rule.chain
                ),
            ));
        }
        in_chain
            .iter()
            .take(at)
            .find(|found| !found.comment.starts_with(COMMENT) && lets_through(found))
            .map(|found| {
                (
                    Failure::AcceptedBefore,
                    format!(
                        "a rule of somebody else (handle {}) in the chain {} comes before ours and decides first",
                        found.handle, rule.chain
                    ),
                )
            })
    }

    /// What is wrong with an element that must stay until `ends`; `was_there` where somebody else
    /// had put it before us.
    #[must_use]
    pub fn fault_of_element(
        &self,
        element: &Element,
        ends: Timestamp,
        was_there: bool,
        now: Timestamp,
    ) -> Option<(Failure, String)> {
        let name = element.shape.name();
        let left = ends.since(now);
        let Some(held) = self.element(element) else {
            // In its last moments the kernel may be ahead of us.
            return (left > SLACK).then(|| {
                (
                    Failure::ElementMissing,
                    format!("the set {name} does not hold {}", element.key),
                )
            });
        };
        match held.expires_secs {
            None if was_there => None,
            None => Some((
                Failure::TimeoutLost,
                format!("{} stays in the set {name} for ever", element.key),
            )),
            Some(secs) if Duration::from_secs(secs) > left + SLACK && !was_there => Some((
                Failure::TimeoutLost,
                format!(
                    "{} stays in the set {name} for {secs} s instead of {} s",
                    element.key,
                    left.as_secs()
                ),
            )),
            Some(secs) if Duration::from_secs(secs) + SLACK < left => Some((
                Failure::TimeoutShort,
                format!(
                    "{} leaves the set {name} in {secs} s instead of {} s",
                    element.key,
                    left.as_secs()
                ),
            )),
            Some(_) => None,
        }
    }
}

/// Whether a rule of ours still asks its set about its field and ends as it must.
fn says(found: &Found, rule: &Rule) -> bool {
    let asks = format!("@{}", rule.set);
    let mut asked = false;
    for statement in &found.statements {
        let Some((kind, body)) = statement.as_object().and_then(|o| o.iter().next()) else {
            return false;
        };
        let text = body.to_string();
        let about_set = text.contains(&format!("\"{asks}\""))
            && text.contains(&format!("\"{}\"", rule.field))
            && text.contains(&format!("\"{}\"", rule.protocol));
        match kind.as_str() {
            "match" => {
                let negated = body.get("op").and_then(Value::as_str) == Some("!=");
                // What narrows the rule further was not written by us.
                let known = about_set
                    || text.contains("\"l4proto\"")
                    || text.contains("\"nfproto\"")
                    || text.contains("\"@over");
                if negated || !known {
                    return false;
                }
                asked |= about_set;
            }
            "counter" => {}
            kind if kind == rule.verdict => return asked || about_set,
            _ => return false,
        }
    }
    false
}

/// Whether a rule may end the way of a packet through its chain otherwise than by dropping it.
fn lets_through(found: &Found) -> bool {
    const WORDS: [&str; 8] = [
        "accept", "return", "jump", "goto", "queue", "dnat", "redirect", "fwd",
    ];
    found
        .statements
        .iter()
        .filter_map(Value::as_object)
        .any(|statement| {
            WORDS.iter().any(|word| statement.contains_key(*word))
                || statement
                    .get("vmap")
                    .is_some_and(|map| map.to_string().contains("accept"))
        })
}

fn read_set(body: &Value) -> Set {
    let types = match body.get("type") {
        Some(Value::String(one)) => vec![one.clone()],
        several => strings(several),
    };
    let elements = body.get("elem").and_then(Value::as_array);
    let elements = elements
        .into_iter()
        .flatten()
        .filter_map(|element| {
            // A map's element stands in a pair with its value.
            let element = match element {
                Value::Array(pair) => pair.first()?,
                one => one,
            };
            let body = element.get("elem").unwrap_or(element);
            let key = body.get("val").unwrap_or(body);
            let held = Held {
                expires_secs: body.get("timeout").map(|_| {
                    // The last second of an element is told without `expires`.
                    body.get("expires").and_then(Value::as_u64).unwrap_or(0)
                }),
                packets: body
                    .get("counter")
                    .and_then(|counter| counter.get("packets"))
                    .and_then(Value::as_u64)
                    .unwrap_or(0),
                comment: text(body, "comment"),
            };
            Some((read_key(key)?, held))
        })
        .collect();
    Set { types, elements }
}

fn read_key(key: &Value) -> Option<String> {
    let part = |value: &Value| match value {
        Value::String(text) => Some(canonical(text)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match key.get("concat").and_then(Value::as_array) {
        Some(parts) => {
            let parts: Option<Vec<String>> = parts.iter().map(part).collect();
            parts.map(|parts| parts.join(" . "))
        }
        None => part(key),
    }
}

/// The key with its addresses as Rust writes them: nft writes some IPv6 addresses otherwise.
fn canonical(key: &str) -> String {
    key.split(" . ")
        .map(|part| {
            part.parse::<IpAddr>()
                .map_or_else(|_| part.to_owned(), |address| address.to_string())
        })
        .collect::<Vec<_>>()
        .join(" . ")
}

/// Whether a table has a flag that may be `dormant`: nft 1.0.6 writes other texts in its place.
fn is_dormant(flags: Option<&Value>) -> bool {
    const OTHERS: [&str; 2] = ["owner", "persist"];
    let flags = strings(flags);
    flags.iter().any(|flag| !OTHERS.contains(&flag.as_str()))
}

fn text(body: &Value, key: &str) -> String {
    let text = body.get(key).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn strings(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many
            .iter()
            .filter_map(Value::as_str)
            .map(String::from)
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_that_is_switched_off_is_seen_whatever_nft_calls_it() {
        let check = |flags: Value, expected: bool| {
            let table = json!({"family": "inet", "name": "ratel", "flags": flags});
            let picture = Picture::read(&json!({"nftables": [{"table": table}]}));
            assert_eq!(picture.dormant, expected, "{flags}");
        };
        check(json!("dormant"), true);
        check(json!(["owner", "dormant"]), true);
        check(json!("ratel"), true);
        check(json!(["owner", "persist"]), false);
        check(Value::Null, false);
        let text = "table inet ratel {\n\tflags dormant\n\n\tchain made_by_ratel {\n\t}\n}\n";
        assert!(Picture::of_dormant(text).is_some_and(|picture| picture.is_ours()));
        assert_eq!(Picture::of_dormant("table inet ratel {\n}\n"), None);
    }
}
