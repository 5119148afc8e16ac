//! Correlations as they are written: which rules, counted how, within what time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_yaml_ng::{Mapping, Value as Yaml};

use super::condition::Condition;

/// Rules that one correlation names.
const MAX_RULES: usize = 64;
/// Fields by which it groups.
const MAX_GROUP_BY: usize = 8;
/// The longest time that it looks back: what it remembers grows with it.
const MAX_TIMESPAN: Duration = Duration::from_secs(31 * 86_400);
/// The highest count that it waits for: so many moments are kept for each group.
pub const MAX_COUNT: usize = 10_000;

/// One correlation.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlation {
    /// How it counts.
    pub kind: Kind,
    /// Ids or names of its rules.
    pub rules: Vec<String>,
    /// Fields whose values hold its events together.
    pub group_by: Vec<String>,
    /// How long its events may lie apart.
    pub timespan: Duration,
    /// For a field under a common name, what each rule calls it.
    pub aliases: BTreeMap<String, BTreeMap<String, String>>,
    /// Whether the rules that it names are told for themselves as well.
    pub generates: bool,
}

/// How a correlation counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Events.
    EventCount(Limit),
    /// Different values of a field.
    ValueCount(String, Limit),
    /// The sum of a field.
    ValueSum(String, Limit),
    /// Its mean.
    ValueAvg(String, Limit),
    /// A percentile of it, 0 to 100.
    ValuePercentile(String, f64, Limit),
    /// So many of its rules, in any order.
    Temporal(usize),
    /// Those of its rules that this asks for, in any order.
    TemporalIf(Condition),
    /// All of its rules, in their order.
    TemporalOrdered,
}

/// When a number is reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// At least, or more than this.
    pub value: f64,
    /// This itself is enough.
    pub includes: bool,
    /// Not this, but less.
    pub is_upper: bool,
    /// Exactly this.
    pub is_exact: bool,
    /// And not more than this, for a range; with whether this itself is still in it.
    pub most: Option<(f64, bool)>,
}

impl Limit {
    /// Whether a number reaches it.
    pub fn is_reached(&self, number: f64) -> bool {
        let is_within = |(most, includes): (f64, bool)| number < most || includes && number == most;
        if !self.most.is_none_or(is_within) {
            return false;
        }
        if self.is_exact {
            number == self.value
        } else if self.is_upper {
            number < self.value || self.includes && number == self.value
        } else {
            number > self.value || self.includes && number == self.value
        }
    }

    /// How many events it takes; one more than that need not be remembered.
    pub fn count(&self) -> usize {
        let value = if self.includes || self.is_exact {
            self.value.ceil()
        } else {
            self.value.floor() + 1.0
        };
        // A float turns into the nearest whole number.
        (value.max(1.0) as usize).min(MAX_COUNT)
    }
}

impl Correlation {
    /// Reads the mapping `correlation`.
    pub fn read(map: &Mapping) -> Result<Correlation, String> {
        const KEYS: [&str; 7] = [
            "type",
            "rules",
            "group-by",
            "timespan",
            "condition",
            "aliases",
            "generate",
        ];
        for key in map.keys() {
            let key = key.as_str().unwrap_or_default();
            if !KEYS.contains(&key) {
                return Err(format!("correlation: there is no key {key:?}"));
            }
        }
        let rules = texts(map, "rules")?;
        if rules.is_empty() {
            return Err("correlation: it names no rules".to_owned());
        }
        if rules.len() > MAX_RULES {
            return Err(format!("correlation: more than {MAX_RULES} rules"));
        }
        let group_by = texts(map, "group-by")?;
        if group_by.len() > MAX_GROUP_BY {
            return Err(format!("group-by: more than {MAX_GROUP_BY} fields"));
        }
        let span = map.get("timespan").and_then(Yaml::as_str);
        let timespan = timespan(span.ok_or("correlation: timespan is needed")?)?;
        let name = map.get("type").and_then(Yaml::as_str).unwrap_or_default();
        let kind = Kind::read(name, map.get("condition"), &rules)?;
        let generates = match map.get("generate") {
            None => false,
            Some(Yaml::Bool(generates)) => *generates,
            Some(_) => return Err("generate: true or false is needed".to_owned()),
        };
        Ok(Correlation {
            kind,
            rules,
            group_by,
            timespan,
            aliases: aliases(map.get("aliases"))?,
            generates,
        })
    }

    /// What a field of this name is called in a rule.
    pub fn name_in<'a>(&'a self, field: &'a str, rule_names: &[&str]) -> &'a str {
        let names = self.aliases.get(field);
        let found = names.and_then(|names| rule_names.iter().find_map(|rule| names.get(*rule)));
        found.map_or(field, String::as_str)
    }
}

impl Kind {
    fn read(name: &str, condition: Option<&Yaml>, names: &[String]) -> Result<Kind, String> {
        let rules = names.len();
        let map = match condition {
            None => None,
            Some(Yaml::Mapping(map)) => Some(map),
            Some(Yaml::String(text)) if name.starts_with("temporal") => {
                return of_text(name, text, names);
            }
            Some(_) => return Err("condition: a mapping such as {gte: 10} is needed".to_owned()),
        };
        let needed = || map.ok_or_else(|| format!("condition: {name}: a condition is needed"));
        let field = || {
            let field = needed()?.get("field");
            if field.is_some_and(Yaml::is_sequence) {
                return Err(format!(
                    "field: {name} of several fields together is not counted; name one"
                ));
            }
            let field = field.and_then(Yaml::as_str);
            field
                .map(str::to_owned)
                .ok_or_else(|| format!("condition: {name}: condition.field is needed"))
        };
        let counted = |limit: Limit| {
            if limit.is_upper {
                return Err(format!(
                    "condition: {name} of fewer than a number is true at any time; gt, gte or eq is needed"
                ));
            }
            if limit.value > MAX_COUNT as f64 {
                return Err(format!(
                    "condition: {name}: more than {MAX_COUNT} cannot be counted"
                ));
            }
            Ok(limit)
        };
        match name {
            "event_count" => Ok(Kind::EventCount(counted(limit(needed()?)?)?)),
            "value_count" => Ok(Kind::ValueCount(field()?, counted(limit(needed()?)?)?)),
            "value_sum" => Ok(Kind::ValueSum(field()?, limit(needed()?)?)),
            "value_avg" => Ok(Kind::ValueAvg(field()?, limit(needed()?)?)),
            "value_percentile" | "value_median" => {
                let said = needed()?.get("percentile").map(number).transpose()?;
                let percentile = said.unwrap_or(50.0);
                if !(0.0..=100.0).contains(&percentile) {
                    return Err("percentile: 0 to 100 is needed".to_owned());
                }
                Ok(Kind::ValuePercentile(
                    field()?,
                    percentile,
                    limit(needed()?)?,
                ))
            }
            "temporal" => {
                let Some(map) = map else {
                    return Ok(Kind::Temporal(rules));
                };
                let limit = counted(limit(map)?)?;
                if limit.count() > rules {
                    return Err(format!(
                        "condition: temporal: {} of {rules} rules cannot be",
                        limit.count()
                    ));
                }
                Ok(Kind::Temporal(limit.count()))
            }
            "temporal_ordered" if map.is_none() => Ok(Kind::TemporalOrdered),
            "temporal_ordered" => {
                Err("condition: temporal_ordered takes none that counts".to_owned())
            }
            "" => Err("correlation: type is needed".to_owned()),
            other => Err(format!(
                "type: there is no correlation of type {other:?} (known: event_count, value_count, value_sum, \
                 value_avg, value_percentile, temporal, temporal_ordered)"
            )),
        }
    }
}

/// A condition over names of rules. What did not come is known only when the time is over, and an order is
/// one of all: these are refused.
fn of_text(name: &str, text: &str, names: &[String]) -> Result<Kind, String> {
    let condition = Condition::parse(text, names).map_err(|why| format!("condition: {why}"))?;
    if condition.has_negation() {
        return Err("condition: not: what did not come is not waited for".to_owned());
    }
    let is_of_all = (0..names.len()).all(|left| !condition.holds(&mut |number| number != left));
    match name {
        "temporal" if is_of_all => Ok(Kind::Temporal(names.len())),
        "temporal" => Ok(Kind::TemporalIf(condition)),
        "temporal_ordered" if is_of_all => Ok(Kind::TemporalOrdered),
        "temporal_ordered" => {
            Err("condition: temporal_ordered is of all its rules in their order".to_owned())
        }
        other => Err(format!("there is no correlation of type {other:?}")),
    }
}

fn limit(map: &Mapping) -> Result<Limit, String> {
    let (mut least, mut most): (Option<Limit>, Option<Limit>) = (None, None);
    for (key, value) in map {
        let key = key.as_str().unwrap_or_default();
        let (includes, is_upper, is_exact) = match key {
            "gt" => (false, false, false),
            "gte" => (true, false, false),
            "lt" => (false, true, false),
            "lte" => (true, true, false),
            "eq" => (true, false, true),
            "field" | "percentile" => continue,
            other => return Err(format!("condition: there is no {other:?}")),
        };
        let limit = Limit {
            value: number(value)?,
            includes,
            is_upper,
            is_exact,
            most: None,
        };
        let place = if is_upper { &mut most } else { &mut least };
        if place.replace(limit).is_some() {
            return Err("condition: gt and gte, lt and lte, eq: one of each at most".to_owned());
        }
    }
    match (least, most) {
        (Some(least), Some(most)) => {
            let range = Limit {
                most: Some((most.value, most.includes)),
                ..least
            };
            // A range that holds nothing: 5 and more, and less than 5.
            let is_empty = most.value < least.value
                || most.value == least.value && !(most.includes && least.includes);
            match least.is_exact || is_empty {
                true => Err("condition: a range such as {gt: 5, lte: 9} is needed".to_owned()),
                false => Ok(range),
            }
        }
        (Some(one), None) | (None, Some(one)) => Ok(one),
        (None, None) => Err("condition: one of gt, gte, lt, lte, eq is needed".to_owned()),
    }
}

fn number(value: &Yaml) -> Result<f64, String> {
    let number = value.as_f64().filter(|number| number.is_finite());
    number.ok_or_else(|| "condition: a number is needed".to_owned())
}

/// `30s`, `5m`, `1h`, `7d`.
fn timespan(text: &str) -> Result<Duration, String> {
    let wrong = || format!("timespan: {text:?}: a number with s, m, h or d is needed");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number = text
        .strip_suffix(unit)
        .and_then(|n| n.trim().parse::<u64>().ok());
    let secs = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return Err(wrong()),
    };
    let secs = number.ok_or_else(wrong)?.checked_mul(secs);
    let span = Duration::from_secs(secs.ok_or_else(wrong)?);
    if span.is_zero() || span > MAX_TIMESPAN {
        return Err(format!("timespan: {text:?}: 1s to 31d can be watched"));
    }
    Ok(span)
}

fn texts(map: &Mapping, key: &str) -> Result<Vec<String>, String> {
    match map.get(key) {
        None | Some(Yaml::Null) => Ok(Vec::new()),
        Some(Yaml::String(text)) => Ok(vec![text.clone()]),
        Some(Yaml::Sequence(list)) => list
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| format!("{key}: texts are needed")),
        Some(_) => Err(format!("{key}: a list is needed")),
    }
}

fn aliases(value: Option<&Yaml>) -> Result<BTreeMap<String, BTreeMap<String, String>>, String> {
    match value {
        None => Ok(BTreeMap::new()),
        Some(value) => serde_yaml_ng::from_value(value.clone())
            .map_err(|_| "aliases: {NAME: {RULE: FIELD}} is needed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Correlation, String> {
        Correlation::read(&serde_yaml_ng::from_str(text).unwrap())
    }

    #[test]
    fn correlations_of_every_type_are_read() {
        let check =
            |text: &str, expected: Kind| assert_eq!(read(text).unwrap().kind, expected, "{text}");
        let gte = |value| Limit {
            value,
            includes: true,
            is_upper: false,
            is_exact: false,
            most: None,
        };
        check(
            "{type: event_count, rules: [a], timespan: 5m, condition: {gte: 10}}",
            Kind::EventCount(gte(10.0)),
        );
        check(
            "{type: value_count, rules: a, timespan: 1h, condition: {field: user, gte: 3}}",
            Kind::ValueCount("user".into(), gte(3.0)),
        );
        check(
            "{type: temporal, rules: [a, b, c], timespan: 1d}",
            Kind::Temporal(3),
        );
        check(
            "{type: temporal, rules: [a, b, c], timespan: 1d, condition: {gte: 2}}",
            Kind::Temporal(2),
        );
        check(
            "{type: temporal_ordered, rules: [a, b], timespan: 10s}",
            Kind::TemporalOrdered,
        );
        check(
            "{type: temporal_ordered, rules: [a, b], timespan: 10s, condition: a AND b}",
            Kind::TemporalOrdered,
        );
        check(
            "{type: temporal, rules: [a, b], timespan: 10s, condition: b and a}",
            Kind::Temporal(2),
        );
        check(
            "{type: event_count, rules: [a], timespan: 5m, condition: {gte: 10, lt: 20}}",
            Kind::EventCount(Limit {
                most: Some((20.0, false)),
                ..gte(10.0)
            }),
        );
        check(
            "{type: value_percentile, rules: [a], timespan: 10s, condition: {field: x, percentile: 95, gte: 7}}",
            Kind::ValuePercentile("x".into(), 95.0, gte(7.0)),
        );
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        let check = |text: &str, part: &str| {
            let why = read(text).unwrap_err();
            assert!(why.contains(part), "{text}: {why}");
        };
        check("{}", "names no rules");
        check("{rules: [a]}", "timespan is needed");
        check("{rules: [a], timespan: 5}", "timespan is needed");
        check("{rules: [a], timespan: 5y}", "s, m, h or d");
        check("{rules: [a], timespan: 0s}", "1s to 31d");
        check(
            "{rules: [a], timespan: 99999999999999999999d}",
            "s, m, h or d",
        );
        check("{rules: [a], timespan: 5m}", "type is needed");
        check("{type: magic, rules: [a], timespan: 5m}", "magic");
        check(
            "{type: event_count, rules: [a], timespan: 5m}",
            "a condition is needed",
        );
        check(
            "{type: event_count, rules: [a], timespan: 5m, condition: {lt: 5}}",
            "at any time",
        );
        check(
            "{type: event_count, rules: [a], timespan: 5m, condition: {gte: 5, gt: 9}}",
            "one of each",
        );
        check(
            "{type: event_count, rules: [a], timespan: 5m, condition: {gte: 9, lt: 9}}",
            "a range such as",
        );
        check(
            "{type: value_count, rules: [a], timespan: 5m, condition: {field: [x, y], gte: 9}}",
            "several fields",
        );
        check(
            "{type: temporal, rules: [a, b], timespan: 5m, condition: a and not b}",
            "what did not come",
        );
        check(
            "{type: temporal_ordered, rules: [a, b], timespan: 5m, condition: a or b}",
            "in their order",
        );
        check(
            "{type: event_count, rules: [a], timespan: 5m, condition: {gte: 1e9}}",
            "cannot be counted",
        );
        check(
            "{type: value_count, rules: [a], timespan: 5m, condition: {gte: 5}}",
            "condition.field",
        );
        check(
            "{type: temporal, rules: [a], timespan: 5m, condition: {gte: 2}}",
            "2 of 1 rules",
        );
        check(
            "{type: temporal, rules: [a], timespan: 5m, condition: a and b}",
            "no detection \"b\"",
        );
        check(
            "{type: event_count, rules: [a], timespan: 5m, condition: a}",
            "a mapping",
        );
        check(
            "{type: temporal, rules: [a], timespan: 5m, colour: red}",
            "colour",
        );
        check(
            "{type: temporal, rules: [a], timespan: 5m, aliases: [x]}",
            "aliases",
        );
        check(
            "{type: temporal, rules: [a], timespan: 5m, generate: 7}",
            "generate",
        );
    }

    #[test]
    fn a_limit_tells_how_much_must_be_remembered() {
        let limit = |value, includes| Limit {
            value,
            includes,
            is_upper: false,
            is_exact: false,
            most: None,
        };
        assert_eq!(limit(5.0, true).count(), 5);
        assert_eq!(limit(5.0, false).count(), 6);
        assert_eq!(limit(-5.0, true).count(), 1);
    }
}
