//! From rules to what detection runs: ordered, classified, compiled, indexed.

use super::bits::{IntChange, IntCheck, Names};
use super::cache::{self, Cache};
use super::classify::{self, Class, classify, is_transaction_condition};
use super::datasets::Datasets;
use super::details::Details;
use super::ends::{AddressSet, PortSet};
use super::iprep::IpReputation;
use super::limits;
use super::lists::Lists;
use super::order::{self, ActionOrder};
use super::prefilter::{Builder, Prefilter, Wanted};
use super::program::{Program, Refusal, Resources};
use super::signature::{
    Change, Check, Engine, EngineDirection, FileCheck, HashKind, Head, Header, Look, RuleId,
    Signature, StoreScope,
};
use super::tags::TagRequest;
use crate::tcp::StreamEvent;
use ahash::AHashMap;
use decode::packet::DecodeEvent;
use event::{Buffer, Direction};
use rules::rule::{
    Addresses, Arrow, BufferMatch, Condition, Effect, Origin, PayloadMatch, Ports, Rule,
};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::Arc;

/// Stretches of a rule that look into transactions: one bit each in what is remembered of a rule.
const ENGINES_MAX: usize = 32;

/// How rules are built.
#[derive(Debug, Default)]
pub struct Options {
    /// Where compiled sets are kept between starts; None keeps none.
    pub cache_folder: Option<PathBuf>,
    /// Which actions go first.
    pub action_order: ActionOrder,
    /// Reputations of addresses.
    pub reputation: IpReputation,
    /// Limits and suppressions that stand outside the rules.
    pub thresholds: rules::Thresholds,
    /// What compiling needs.
    pub resources: Resources,
}

/// A rule that could not be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its id.
    pub sid: u32,
    /// Where it was read.
    pub origin: Origin,
    /// Why, in words.
    pub reason: String,
}

/// Why no rule set could be built at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The literals of a buffer could not be compiled.
    #[error("the prefilter can't be compiled: {0}")]
    Prefilter(#[from] matcher::Error),
}

/// Rules as detection runs them; shared between threads.
#[derive(Debug, Default)]
pub struct Ruleset {
    pub(super) signatures: Vec<Signature>,
    /// Of each signature what it is asked first, side by side: candidates are many and far apart.
    pub(super) heads: Box<[Head]>,
    pub(super) addresses: Vec<AddressSet>,
    pub(super) ports: Vec<PortSet>,
    pub(super) prefilter: Prefilter,
    pub(super) lists: Lists,
    /// Names of bits and counters.
    pub(super) names: Names,
    pub(super) reputation: IpReputation,
    /// Sets of values that the rules share, to be saved at the end.
    pub datasets: Datasets,
}

impl Ruleset {
    /// Builds `rules`; those that cannot run are told and left out.
    pub fn build(
        mut rules: Vec<Rule>,
        mut options: Options,
    ) -> Result<(Ruleset, Vec<Refused>), BuildError> {
        let cache = Cache::new(options.cache_folder.as_deref());
        let key = key(&rules);
        options.resources.is_known = cache.is_known(&key);
        order::sort(&mut rules, options.action_order);
        let mut build = Build::default();
        build.set.reputation = std::mem::take(&mut options.reputation);
        let mut prefilter = Builder::default();
        let mut refused = Vec::new();
        for rule in rules {
            let back = way_back(&rule);
            for rule in std::iter::once(&rule).chain(&back) {
                let id = RuleId(build.set.signatures.len() as u32);
                match build.signature(rule, &options) {
                    Ok((mut signature, class)) => {
                        let wanted = Wanted {
                            directions: class.directions,
                            packet: class.wants_packet,
                            stream: class.wants_stream,
                            is_bidirectional: signature.is_bidirectional,
                        };
                        signature.is_prefiltered = prefilter.add(id, rule, &wanted);
                        build.set.lists.add(id, &signature, rule);
                        build.set.signatures.push(signature);
                    }
                    Err(reason) => {
                        refused.push(Refused {
                            sid: rule.sid,
                            origin: rule.origin.clone(),
                            reason,
                        });
                        break;
                    }
                }
            }
        }
        build.set.prefilter = prefilter.build(&cache, &options.resources)?;
        if refused.is_empty() {
            cache.remember(&key);
        }
        let mut set = build.set;
        set.datasets = options.resources.datasets;
        set.signatures.shrink_to_fit();
        set.heads = set.signatures.iter().map(Head::of).collect();
        Ok((set, refused))
    }

    /// Number of rules; one for either way (`<>`) counts for each.
    #[must_use]
    pub fn len(&self) -> usize {
        self.signatures.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.signatures.is_empty()
    }

    /// The rule `id`.
    #[must_use]
    pub fn rule(&self, id: RuleId) -> Option<&Signature> {
        self.signatures.get(id.0 as usize)
    }

    /// All rules, in the order in which they are evaluated.
    pub fn iter(&self) -> impl Iterator<Item = (RuleId, &Signature)> {
        self.signatures
            .iter()
            .enumerate()
            .map(|(at, rule)| (RuleId(at as u32), rule))
    }

    /// Names of flowbits and flowints by the numbers that flows hold.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Bytes held by the prefilter.
    #[must_use]
    pub fn prefilter_size(&self) -> usize {
        self.prefilter.size()
    }
}

/// A rule for either way (`<>`) is two rules, and both may match one packet: its other half, with
/// the ends exchanged. None where that would say the same.
fn way_back(rule: &Rule) -> Option<Rule> {
    let is_same = rule.source == rule.destination && rule.source_ports == rule.destination_ports;
    (rule.arrow == Arrow::Either && !is_same).then(|| Rule {
        source: rule.destination.clone(),
        destination: rule.source.clone(),
        source_ports: rule.destination_ports.clone(),
        destination_ports: rule.source_ports.clone(),
        ..rule.clone()
    })
}

/// The rules' texts and the versions of what compiles them.
fn key(rules: &[Rule]) -> String {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(matcher::version());
    for rule in rules {
        hash.update((rule.text.len() as u64).to_le_bytes());
        hash.update(rule.text.as_bytes());
    }
    cache::hex(&hash.finalize())
}

/// A rule set under construction, with what is shared between rules.
struct Build {
    set: Ruleset,
    addresses: AHashMap<Addresses, u32>,
    ports: AHashMap<Ports, u32>,
    categories: AHashMap<String, Arc<str>>,
}

impl Default for Build {
    fn default() -> Self {
        // Place 0 means any.
        let set = Ruleset {
            addresses: vec![AddressSet::new(&Addresses::default())],
            ports: vec![PortSet::new(&Ports::any())],
            ..Ruleset::default()
        };
        Build {
            addresses: AHashMap::from_iter([(Addresses::default(), 0)]),
            ports: AHashMap::from_iter([(Ports::any(), 0)]),
            categories: AHashMap::default(),
            set,
        }
    }
}

impl Build {
    fn signature(&mut self, rule: &Rule, options: &Options) -> Result<(Signature, Class), String> {
        let resources = &options.resources;
        let class = classify(rule);
        let is_bidirectional = rule.arrow == Arrow::Transaction;
        let mut checks = Vec::new();
        let mut engines = Vec::new();
        let mut files = Vec::new();
        for condition in &rule.conditions {
            if is_transaction_condition(condition) {
                match transaction_look(condition)? {
                    Asked::File(check) => files.push(check),
                    Asked::Look(look) => {
                        engines.push(Engine {
                            direction: EngineDirection::Any,
                            look,
                        });
                    }
                }
            } else {
                checks.push(self.check(condition)?);
            }
        }
        let stores = rule
            .effects
            .iter()
            .any(|e| matches!(e, Effect::Filestore { .. }));
        if stores && files.is_empty() && !rule.buffers.iter().any(|b| is_file(b.buffer)) {
            files.push(FileCheck::Any);
        }
        let (mut payload, mut headers) = (Vec::new(), Vec::new());
        for (at, buffer) in rule.buffers.iter().enumerate() {
            if buffer.buffer == Buffer::Base64Data {
                continue;
            }
            let program = program(rule, at, buffer, resources).map_err(|r| r.reason)?;
            if buffer.buffer == Buffer::Payload {
                payload.push(program);
            } else if classify::is_header(buffer.buffer) {
                headers.push((buffer.buffer, program));
            } else {
                engines.push(Self::buffer_engine(buffer, program, is_bidirectional));
            }
        }
        if !files.is_empty() {
            let look = Look::File(files.into());
            engines.push(Engine {
                direction: EngineDirection::Any,
                look,
            });
        }
        if !engines.is_empty() && !payload.is_empty() {
            engines.push(Engine {
                direction: EngineDirection::Any,
                look: Look::Payload,
            });
        }
        if engines.len() > ENGINES_MAX {
            return Err(format!("more than {ENGINES_MAX} buffers"));
        }
        let effects: Vec<Change> = rule
            .effects
            .iter()
            .filter_map(|effect| self.change(rule, effect))
            .collect();
        let category = self.category(&rule.category);
        let (limits, suppressions) = limits::of(rule, &options.thresholds.lines);
        let signature = Signature {
            action: rule.action,
            kind: class.kind,
            is_silent: rule.is_silent,
            directions: class.directions,
            is_bidirectional,
            sid: rule.sid,
            gid: rule.gid,
            rev: rule.rev,
            priority: rule.priority,
            limits: limits.into(),
            suppressions: suppressions.into(),
            details: Details::of(rule, category),
            header: self.header(rule),
            wants_packet: class.wants_packet,
            wants_stream: class.wants_stream,
            needs_real_packet: class.needs_real_packet,
            at_flow_start: rule
                .hook
                .as_deref()
                .is_some_and(|hook| hook.ends_with(":flow_start")),
            checks: checks.into(),
            payload: payload.into(),
            headers: headers.into(),
            engines: engines.into(),
            effects: effects.into(),
            is_prefiltered: false,
        };
        Ok((signature, class))
    }

    fn header(&mut self, rule: &Rule) -> Header {
        Header {
            protocol: rule.protocol,
            source: self.addresses(&rule.source),
            destination: self.addresses(&rule.destination),
            source_ports: self.ports(&rule.source_ports),
            destination_ports: self.ports(&rule.destination_ports),
            follows_transaction: rule.arrow == Arrow::Transaction,
        }
    }

    fn addresses(&mut self, addresses: &Addresses) -> u32 {
        if let Some(place) = self.addresses.get(addresses) {
            return *place;
        }
        let place = self.set.addresses.len() as u32;
        self.set.addresses.push(AddressSet::new(addresses));
        self.addresses.insert(addresses.clone(), place);
        place
    }

    fn ports(&mut self, ports: &Ports) -> u32 {
        if let Some(place) = self.ports.get(ports) {
            return *place;
        }
        let place = self.set.ports.len() as u32;
        self.set.ports.push(PortSet::new(ports));
        self.ports.insert(ports.clone(), place);
        place
    }

    fn category(&mut self, category: &str) -> Arc<str> {
        if let Some(known) = self.categories.get(category) {
            return known.clone();
        }
        let text: Arc<str> = category.into();
        self.categories.insert(category.to_owned(), text.clone());
        text
    }

    fn check(&mut self, condition: &Condition) -> Result<Check, String> {
        let names = &mut self.set.names;
        Ok(match condition {
            Condition::Flowbits {
                names: bits,
                is_negated,
            } => Check::Flowbits {
                ids: bits.iter().map(|name| names.intern(name)).collect(),
                is_negated: *is_negated,
            },
            Condition::Flowint(check) => Check::Flowint(IntCheck::compile(check, names)),
            Condition::Xbits(xbits, is_negated) => Check::Xbits {
                id: names.intern(&xbits.name),
                xbits: Box::new(xbits.clone()),
                is_negated: *is_negated,
            },
            Condition::Hostbits(hostbits, is_negated) => Check::Hostbits {
                id: names.intern(&hostbits.name),
                hostbits: Box::new(hostbits.clone()),
                is_negated: *is_negated,
            },
            Condition::DecodeEvent(name) => Check::DecodeEvent(
                DecodeEvent::parse(name).ok_or_else(|| format!("no decoder event \"{name}\""))?,
            ),
            Condition::StreamEvent(name) => Check::StreamEvent(
                StreamEvent::parse(name).ok_or_else(|| format!("no stream event \"{name}\""))?,
            ),
            Condition::IpReputation {
                side,
                category,
                compare,
                is_negated,
            } => Check::Reputation {
                side: *side,
                category: self
                    .set
                    .reputation
                    .category(category)
                    .ok_or_else(|| format!("no reputation category \"{category}\""))?,
                compare: *compare,
                is_negated: *is_negated,
            },
            other => Check::Plain(other.clone()),
        })
    }

    fn change(&mut self, rule: &Rule, effect: &Effect) -> Option<Change> {
        let names = &mut self.set.names;
        Some(match effect {
            Effect::Flowbits(change, bits) => Change::Flowbits {
                ids: bits.iter().map(|name| names.intern(name)).collect(),
                change: *change,
            },
            Effect::Flowint {
                name,
                change,
                operand,
            } => Change::Flowint(IntChange::compile(name, *change, operand, names)),
            Effect::Xbits(change, xbits) => Change::Xbits {
                id: names.intern(&xbits.name),
                xbits: Box::new(xbits.clone()),
                change: *change,
            },
            Effect::Hostbits(change, hostbits) => Change::Hostbits {
                id: names.intern(&hostbits.name),
                hostbits: Box::new(hostbits.clone()),
                change: *change,
            },
            Effect::Tag {
                of_session,
                count,
                metric,
                of_source,
            } => Change::Tag {
                request: TagRequest {
                    rule: (rule.gid, rule.sid),
                    count: *count,
                    metric: *metric,
                },
                of_session: *of_session,
                of_source: *of_source,
            },
            Effect::Filestore { direction, scope } => Change::Store {
                direction: *direction,
                scope: match scope.as_str() {
                    "tx" => StoreScope::Transaction,
                    "flow" | "ssn" => StoreScope::Flow,
                    _ => StoreScope::File,
                },
            },
            Effect::Bypass => Change::Bypass,
            Effect::Keyword { name, .. } if name == "tls.store" => Change::StoreCertificates,
            Effect::Keyword { name, argument } if name == "config" && hushes(argument) => {
                Change::Hush
            }
            // What such keywords ask of records and parsers is read from the rule by those.
            Effect::Keyword { .. } => return None,
        })
    }

    fn buffer_engine(buffer: &BufferMatch, program: Program, is_bidirectional: bool) -> Engine {
        let direction = match (buffer.buffer.ways(), buffer.direction) {
            (event::buffer::Ways::ToServer, _) => EngineDirection::Only(Direction::ToServer),
            (event::buffer::Ways::ToClient, _) => EngineDirection::Only(Direction::ToClient),
            (event::buffer::Ways::Both, Some(direction)) if is_bidirectional => {
                EngineDirection::Only(direction)
            }
            (event::buffer::Ways::Both, None) if is_bidirectional => {
                EngineDirection::Only(Direction::ToServer)
            }
            (event::buffer::Ways::Both, _) => EngineDirection::Any,
        };
        Engine {
            direction,
            look: Look::Buffer {
                buffer: buffer.buffer,
                program,
            },
        }
    }
}

fn is_file(buffer: Buffer) -> bool {
    matches!(
        buffer,
        Buffer::FileData | Buffer::FileName | Buffer::FileMagic
    )
}

/// Compiles a stretch of the rule, with the `base64_data` that belongs to it.
fn program(
    rule: &Rule,
    at: usize,
    buffer: &BufferMatch,
    resources: &Resources,
) -> Result<Program, Refusal> {
    let decodes = |b: &BufferMatch| {
        b.matches
            .iter()
            .any(|found| matches!(found, PayloadMatch::Base64Decode { .. }))
    };
    let base64 = if decodes(buffer) {
        let later = rule.buffers.get(at + 1..).unwrap_or_default();
        later.iter().find(|b| b.buffer == Buffer::Base64Data)
    } else {
        None
    };
    Program::compile(buffer, base64, resources)
}

enum Asked {
    Look(Look),
    File(FileCheck),
}

fn transaction_look(condition: &Condition) -> Result<Asked, String> {
    Ok(match condition {
        Condition::Number {
            number,
            compare,
            index,
        } => Asked::Look(Look::Number {
            number: *number,
            compare: *compare,
            index: *index,
        }),
        Condition::UriLen(compare, is_raw) => Asked::Look(Look::UriLen(*compare, *is_raw)),
        Condition::AppLayerEvent {
            protocol: Some(protocol),
            event,
        } => Asked::Look(Look::Event {
            protocol: *protocol,
            event: event.as_str().into(),
        }),
        Condition::Keyword {
            name,
            argument,
            is_negated,
        } => Asked::Look(Look::Holds {
            keyword: name.as_str().into(),
            argument: argument.as_str().into(),
            is_negated: *is_negated,
        }),
        Condition::FileText {
            of,
            pattern,
            is_negated,
        } => Asked::File(FileCheck::Text {
            of: *of,
            pattern: pattern.to_ascii_lowercase().into(),
            is_negated: *is_negated,
        }),
        Condition::FileSize(compare) => Asked::File(FileCheck::Size(*compare)),
        Condition::FileHash {
            kind,
            list,
            is_negated,
        } => Asked::File(FileCheck::Hash {
            kind: match kind.as_str() {
                "md5" => HashKind::Md5,
                "sha1" => HashKind::Sha1,
                "sha256" => HashKind::Sha256,
                other => return Err(format!("no hash \"{other}\"")),
            },
            list: list.clone(),
            is_negated: *is_negated,
        }),
        other => return Err(format!("not a condition on a transaction: {other:?}")),
    })
}

/// Whether the value of `config` asks that a transaction be not told.
fn hushes(argument: &str) -> bool {
    let mut parts = argument.split(',').map(str::split_whitespace);
    let mut says = |words: [&str; 2]| parts.next().is_some_and(|part| part.eq(words));
    says(["logging", "disable"]) && says(["type", "tx"]) && says(["scope", "tx"])
}
