//! All rules together: which of them a record fulfils, and what correlations make of it.

use std::collections::{BTreeSet, HashMap};

use event::Timestamp;
use event::incident::Severity;
use serde_json::Value as Json;

use super::correlation::{Correlation, Kind};
use super::detection::Detection;
use super::document::{Body, Document};
use super::field::Field;
use super::item::{as_text, number};
use super::logsource::Logsource;
use super::verdict::{State, Verdict};
use super::window::{Event, Window};
use crate::attack::Step;
use crate::engine::generations::Generations;

/// Groups that one correlation follows; fewer where each takes much.
const MAX_GROUPS: usize = 10_000;
/// Moments that one correlation remembers at most, over all of its groups.
const MAX_MOMENTS: usize = 1_000_000;
/// The longest value of a group, bytes: longer ones are cut, so that they count as one.
const MAX_VALUE: usize = 256;

/// What a rule found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The rule's id, or else its name or title.
    pub rule: String,
    /// Its title.
    pub title: String,
    /// Its level.
    pub severity: Severity,
    /// Steps of ATT&CK that it names.
    pub steps: Vec<Step>,
    /// What a correlation found; none for one record.
    pub together: Option<Together>,
}

/// Several records together.
#[derive(Clone, Debug, PartialEq)]
pub struct Together {
    /// The first record's time.
    pub first: Timestamp,
    /// The last record's time.
    pub last: Timestamp,
    /// Ids of records, bounded.
    pub ids: Vec<String>,
    /// How many records.
    pub events: u64,
    /// Kinds of records that its rules are about; none: any.
    pub types: Vec<String>,
    /// What they have in common: path where a search finds it, and value.
    pub group: Vec<(Option<String>, String)>,
}

/// Rules that are linked, and what correlations remember.
#[derive(Default)]
pub struct Rules {
    rules: Vec<Rule>,
    watches: Vec<Watch>,
    verdicts: Vec<Verdict>,
}

struct Rule {
    document: Document,
    source: Logsource,
    detection: Detection,
    filters: Vec<Detection>,
    /// Only correlations tell of it.
    is_silent: bool,
}

struct Watch {
    document: Document,
    correlation: Correlation,
    members: Vec<Member>,
    /// Told by another correlation alone.
    is_silent: bool,
    types: Vec<String>,
    groups: Generations<Vec<String>, Window>,
}

/// A rule or correlation that a correlation names.
struct Member {
    which: Which,
    group_by: Vec<Field>,
    value: Option<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Which {
    Rule(usize),
    Watch(usize),
}

impl Rules {
    /// Links documents; `verdicts` are those of documents that could not be read.
    pub fn link(documents: Vec<Document>, verdicts: Vec<Verdict>) -> Rules {
        let mut set = Rules {
            verdicts,
            ..Rules::default()
        };
        let (mut filters, mut correlations) = (Vec::new(), Vec::new());
        let mut ids = BTreeSet::new();
        for document in documents {
            if let Some(id) = &document.id
                && !ids.insert(id.clone())
            {
                set.refuse(&document, format!("the id {id} was read before"));
                continue;
            }
            match document.body.clone() {
                Body::Rule { source, detection } => set.rules.push(Rule {
                    document,
                    source,
                    detection,
                    filters: Vec::new(),
                    is_silent: false,
                }),
                Body::Correlation(correlation) => correlations.push((document, correlation)),
                Body::Filter { .. } => filters.push(document),
            }
        }
        for filter in filters {
            set.narrow(filter);
        }
        set.follow(correlations);
        for rule in &set.rules {
            set.verdicts.push(rule.document.verdict.clone());
        }
        set.verdicts
            .sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        set
    }

    fn refuse(&mut self, document: &Document, reason: String) {
        self.verdicts.push(Verdict {
            state: State::Refused(reason),
            ..document.verdict.clone()
        });
    }

    fn narrow(&mut self, filter: Document) {
        let Body::Filter {
            source,
            rules,
            detection,
        } = &filter.body
        else {
            return;
        };
        if let Some(names) = rules {
            let unknown = names.iter().find(|name| {
                let mut known = self.rules.iter();
                !known.any(|rule| is_called(&rule.document, name))
            });
            if let Some(unknown) = unknown {
                let reason = format!("filter: there is no rule {unknown:?}");
                self.refuse(&filter, reason);
                return;
            }
        }
        for rule in &mut self.rules {
            let is_meant = match rules {
                None => source.covers(&rule.source),
                Some(names) => names.iter().any(|name| is_called(&rule.document, name)),
            };
            if is_meant {
                rule.filters.push(detection.clone());
            }
        }
        self.verdicts.push(filter.verdict);
    }

    /// Links correlations, those first that name no other.
    fn follow(&mut self, mut waiting: Vec<(Document, Correlation)>) {
        let mut loud = BTreeSet::new();
        let mut silent = BTreeSet::new();
        loop {
            let before = waiting.len();
            let mut later = Vec::new();
            for (document, correlation) in waiting {
                match self.members(&correlation) {
                    Ok(members) => {
                        for member in &members {
                            let set = if correlation.generates {
                                &mut loud
                            } else {
                                &mut silent
                            };
                            set.insert(key(member.which));
                        }
                        self.watch(document, correlation, members);
                    }
                    Err(_) => later.push((document, correlation)),
                }
            }
            if later.len() == before || later.is_empty() {
                waiting = later;
                break;
            }
            waiting = later;
        }
        for (document, correlation) in waiting {
            let unknown = self.members(&correlation).err().unwrap_or_default();
            let reason = format!(
                "correlation: there is no rule {unknown:?} that comes before it (it is missing, refused, or names this one)"
            );
            self.refuse(&document, reason);
        }
        let is_silent = |which| silent.contains(&key(which)) && !loud.contains(&key(which));
        for (number, rule) in self.rules.iter_mut().enumerate() {
            rule.is_silent = is_silent(Which::Rule(number));
        }
        for (number, watch) in self.watches.iter_mut().enumerate() {
            watch.is_silent = is_silent(Which::Watch(number));
        }
    }

    /// The members of a correlation; the name that is not known yet.
    fn members(&self, correlation: &Correlation) -> Result<Vec<Member>, String> {
        let mut members = Vec::new();
        for name in &correlation.rules {
            let mut rules = self.rules.iter();
            let mut watches = self.watches.iter();
            let which = match rules.position(|rule| is_called(&rule.document, name)) {
                Some(rule) => Which::Rule(rule),
                None => Which::Watch(
                    watches
                        .position(|watch| is_called(&watch.document, name))
                        .ok_or_else(|| name.clone())?,
                ),
            };
            let source = self.source_of(which, 0);
            let names = self.names_of(which);
            let field = |field: &String| {
                let name = correlation.name_in(field, &names);
                source.map_or_else(|| Field::raw(name), |source| source.field(name).0)
            };
            let value = match &correlation.kind {
                Kind::ValueCount(name, _)
                | Kind::ValueSum(name, _)
                | Kind::ValueAvg(name, _)
                | Kind::ValuePercentile(name, _, _) => Some(field(name)),
                Kind::EventCount(_)
                | Kind::Temporal(_)
                | Kind::TemporalIf(_)
                | Kind::TemporalOrdered => None,
            };
            members.push(Member {
                which,
                group_by: correlation.group_by.iter().map(field).collect(),
                value,
            });
        }
        Ok(members)
    }

    fn watch(&mut self, document: Document, correlation: Correlation, members: Vec<Member>) {
        let mut types = BTreeSet::new();
        let mut is_any = false;
        for member in &members {
            match member.which {
                Which::Rule(number) => {
                    let source = self.rules.get(number).map(|rule| rule.source.types);
                    is_any |= source.is_none_or(<[_]>::is_empty);
                    types.extend(source.into_iter().flatten().map(|name| (*name).to_owned()));
                }
                Which::Watch(number) => {
                    let inner = self.watches.get(number).map(|watch| &watch.types);
                    is_any |= inner.is_none_or(Vec::is_empty);
                    types.extend(inner.into_iter().flatten().cloned());
                }
            }
        }
        if is_any {
            types.clear();
        }
        let each = match &correlation.kind {
            Kind::EventCount(limit) | Kind::ValueCount(_, limit) => limit.count(),
            Kind::ValueSum(..) | Kind::ValueAvg(..) | Kind::ValuePercentile(..) => 10_000,
            Kind::Temporal(_) | Kind::TemporalIf(_) | Kind::TemporalOrdered => {
                correlation.rules.len()
            }
        };
        let groups = (MAX_MOMENTS / each.max(1)).clamp(16, MAX_GROUPS);
        self.verdicts.push(document.verdict.clone());
        self.watches.push(Watch {
            document,
            correlation,
            members,
            is_silent: false,
            types: types.into_iter().collect(),
            groups: Generations::new(groups),
        });
    }

    /// The log source of a rule, or of the first rule of a correlation.
    fn source_of(&self, which: Which, depth: usize) -> Option<&Logsource> {
        match which {
            Which::Rule(number) => self.rules.get(number).map(|rule| &rule.source),
            Which::Watch(_) if depth > 16 => None,
            Which::Watch(number) => {
                let first = self.watches.get(number)?.members.first()?;
                self.source_of(first.which, depth + 1)
            }
        }
    }

    fn names_of(&self, which: Which) -> Vec<&str> {
        let document = match which {
            Which::Rule(number) => self.rules.get(number).map(|rule| &rule.document),
            Which::Watch(number) => self.watches.get(number).map(|watch| &watch.document),
        };
        let names = document.map(|document| [&document.id, &document.name]);
        let names = names.into_iter().flatten().flatten();
        names.map(String::as_str).collect()
    }

    /// What became of every document, by file and line.
    #[must_use]
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a record of this kind may be meant: others need not be parsed.
    #[must_use]
    pub fn may_mean(&self, kind: Option<&str>) -> bool {
        let mut rules = self.rules.iter();
        match kind {
            None => !self.rules.is_empty(),
            Some(kind) => rules.any(|rule| rule.source.means(kind)),
        }
    }

    /// Holds all rules against a record.
    pub fn on_event(&mut self, record: &Json, id: &str, time: Timestamp) -> Vec<Hit> {
        let kind = record.get("event_type").and_then(Json::as_str);
        let kind = kind.unwrap_or_default();
        let mut fulfilled: HashMap<Which, bool> = HashMap::new();
        let mut hits = Vec::new();
        for (number, rule) in self.rules.iter().enumerate() {
            let holds = rule.source.means(kind)
                && rule.detection.holds(record)
                && rule.filters.iter().all(|filter| filter.holds(record));
            if holds {
                fulfilled.insert(Which::Rule(number), true);
                if !rule.is_silent {
                    hits.push(hit(&rule.document, None));
                }
            }
        }
        if fulfilled.is_empty() {
            return hits;
        }
        for number in 0..self.watches.len() {
            let Some(watch) = self.watches.get_mut(number) else {
                break;
            };
            for together in watch.take(&fulfilled, record, id, time) {
                fulfilled.insert(Which::Watch(number), true);
                if !watch.is_silent {
                    hits.push(hit(&watch.document, Some(together)));
                }
            }
        }
        hits
    }
}

impl Watch {
    /// Takes a record that fulfils rules; what is enough with it.
    fn take(
        &mut self,
        fulfilled: &HashMap<Which, bool>,
        record: &Json,
        id: &str,
        time: Timestamp,
    ) -> Vec<Together> {
        let mut enough = Vec::new();
        for (rule, member) in self.members.iter().enumerate() {
            if !fulfilled.contains_key(&member.which) {
                continue;
            }
            // A record without one of the fields belongs to no group.
            let group: Option<Vec<(Option<String>, String)>> = member
                .group_by
                .iter()
                .map(|field| {
                    let (path, value) = field.first(record)?;
                    let value = as_text(&value)?;
                    Some((path, value.chars().take(MAX_VALUE).collect()))
                })
                .collect();
            let Some(group) = group else { continue };
            let value = member.value.as_ref().and_then(|field| field.first(record));
            let text = value.as_ref().and_then(|(_, value)| as_text(value));
            let event = Event {
                time,
                id,
                rule,
                text: text.as_deref(),
                number: value.as_ref().and_then(|(_, value)| number(value)),
            };
            let name: Vec<String> = group.iter().map(|(_, value)| value.clone()).collect();
            let window = self.groups.entry(name, Window::default);
            if let Some(found) = window.take(&event, &self.correlation) {
                enough.push(Together {
                    first: found.first,
                    last: found.last,
                    ids: found.ids,
                    events: found.events,
                    types: self.types.clone(),
                    group,
                });
            }
        }
        enough
    }
}

fn hit(document: &Document, together: Option<Together>) -> Hit {
    Hit {
        rule: document.verdict.id.clone(),
        title: document.verdict.title.clone(),
        severity: document.severity,
        steps: document.steps.clone(),
        together,
    }
}

fn is_called(document: &Document, name: &str) -> bool {
    document.id.as_deref() == Some(name) || document.name.as_deref() == Some(name)
}

fn key(which: Which) -> (bool, usize) {
    match which {
        Which::Rule(number) => (false, number),
        Which::Watch(number) => (true, number),
    }
}
