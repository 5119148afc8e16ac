//! Detections: named groups of items, and the condition over them.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use serde_yaml_ng::{Mapping, Value as Yaml};

use super::Placeholders;
use super::condition::Condition;
use super::item::Item;
use super::logsource::Logsource;

/// Detections of one rule.
const MAX_DETECTIONS: usize = 256;

/// Detections and their condition.
#[derive(Clone, Debug)]
pub struct Detection {
    groups: Vec<Group>,
    condition: Condition,
}

/// What a named detection says: one of these lists holds, in which all items hold.
#[derive(Clone, Debug)]
struct Group(Vec<Vec<Item>>);

impl Detection {
    /// Reads the mapping `detection` (or that of a filter); with it the names of fields that no record
    /// has.
    pub fn read(
        map: &Mapping,
        source: &Logsource,
        placeholders: &Placeholders,
    ) -> Result<(Detection, BTreeSet<String>), String> {
        let (mut names, mut groups) = (Vec::new(), Vec::new());
        let mut reading = Reading {
            source,
            placeholders,
            unknown: BTreeSet::new(),
        };
        for (key, value) in map {
            let name = key.as_str().ok_or("names of detections are texts")?;
            match name {
                "condition" => continue,
                "timeframe" => {
                    return Err("timeframe: it is of older Sigma; write a correlation".to_owned());
                }
                // Of filters: to which rules it belongs.
                "rules" => continue,
                _ => {}
            }
            if names.len() >= MAX_DETECTIONS {
                return Err(format!("more than {MAX_DETECTIONS} detections"));
            }
            let group = reading
                .group(value)
                .map_err(|why| format!("{name}: {why}"))?;
            names.push(name.to_owned());
            groups.push(group);
        }
        let parse =
            |text: &str| Condition::parse(text, &names).map_err(|why| format!("condition: {why}"));
        let condition = match map.get("condition") {
            Some(Yaml::String(text)) => parse(text)?,
            Some(Yaml::Sequence(list)) => {
                let read =
                    |value: &Yaml| parse(value.as_str().ok_or("condition: texts are needed")?);
                Condition::One(list.iter().map(read).collect::<Result<_, _>>()?)
            }
            Some(_) => return Err("condition: it is no text".to_owned()),
            None => return Err("detection: there is no condition".to_owned()),
        };
        Ok((Detection { groups, condition }, reading.unknown))
    }

    /// Whether a record is meant.
    pub fn holds(&self, record: &Json) -> bool {
        // Each group is asked once.
        let mut known = vec![None; self.groups.len()];
        self.condition.holds(&mut |number| {
            if let Some(Some(known)) = known.get(number) {
                return *known;
            }
            let holds = self
                .groups
                .get(number)
                .is_some_and(|group| group.holds(record));
            if let Some(place) = known.get_mut(number) {
                *place = Some(holds);
            }
            holds
        })
    }
}

impl Group {
    fn holds(&self, record: &Json) -> bool {
        let mut lists = self.0.iter();
        lists.any(|items| items.iter().all(|item| item.holds(record)))
    }
}

struct Reading<'a> {
    source: &'a Logsource,
    placeholders: &'a Placeholders,
    unknown: BTreeSet<String>,
}

impl Reading<'_> {
    fn group(&mut self, value: &Yaml) -> Result<Group, String> {
        match value {
            Yaml::Mapping(map) => Ok(Group(vec![self.items(map)?])),
            Yaml::Sequence(list) if list.is_empty() => Err("it is empty".to_owned()),
            Yaml::Sequence(list) => {
                let is_maps = list.iter().any(Yaml::is_mapping);
                if !is_maps {
                    return Ok(Group(vec![vec![self.item("", value)?]]));
                }
                let mut lists = Vec::new();
                for value in list {
                    lists.push(match value {
                        Yaml::Mapping(map) => self.items(map)?,
                        keyword => vec![self.item("", keyword)?],
                    });
                }
                Ok(Group(lists))
            }
            Yaml::String(_) | Yaml::Number(_) => Ok(Group(vec![vec![self.item("", value)?]])),
            Yaml::Null | Yaml::Bool(_) | Yaml::Tagged(_) => Err("it says nothing".to_owned()),
        }
    }

    fn items(&mut self, map: &Mapping) -> Result<Vec<Item>, String> {
        if map.is_empty() {
            return Err("it is empty".to_owned());
        }
        let mut items = Vec::with_capacity(map.len());
        for (key, value) in map {
            let key = match key {
                Yaml::String(text) => text.clone(),
                Yaml::Number(number) => number.to_string(),
                _ => return Err("names of fields are texts".to_owned()),
            };
            items.push(self.item(&key, value)?);
        }
        Ok(items)
    }

    fn item(&mut self, key: &str, value: &Yaml) -> Result<Item, String> {
        let mut unknown = Vec::new();
        let cell = std::cell::RefCell::new(&mut unknown);
        let item = Item::read(key, value, self.placeholders, &|name| {
            let (field, is_known) = self.source.field(name);
            if !is_known {
                cell.borrow_mut().push(name.to_owned());
            }
            field
        })?;
        self.unknown.extend(unknown);
        Ok(item)
    }
}
