//! `dataset`, `datarep` and `iprep`: what the rule looks up outside itself.

use super::numbers::{compare, upto};
use super::parts;
use crate::builder::Builder;
use crate::rule::{Compare, Condition, Dataset, DatasetCommand, PayloadMatch, ReputationSide};

/// Longest name of a set, as in Suricata.
const MAX_NAME_BYTES: usize = 64;

fn kind_is_known(kind: &str) -> bool {
    matches!(kind, "string" | "md5" | "sha256" | "ipv4" | "ipv6" | "ip")
}

/// Reads the options behind a set's name.
fn options<'a>(
    b: &Builder<'_>,
    set: &mut Dataset,
    items: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    for item in items {
        let (key, argument) = item
            .split_once(|c: char| c.is_ascii_whitespace())
            .unwrap_or((item, ""));
        let argument = argument.trim();
        if key == "remove_key" {
            set.options.push((key.to_owned(), argument.to_owned()));
            continue;
        }
        if argument.is_empty() {
            return Err(format!("option `{item}` of the set needs a value"));
        }
        match key {
            "type" if !kind_is_known(argument) => {
                return Err(format!(
                    "`{argument}` is no type of set; string, md5, sha256, ipv4, ipv6 and ip are"
                ));
            }
            "type" => set.kind = Some(argument.to_owned()),
            "load" => set.load = Some(argument.to_owned()),
            "save" => {
                check_path(b, argument)?;
                set.save = Some(argument.to_owned());
            }
            "state" => {
                check_path(b, argument)?;
                set.state = Some(argument.to_owned());
            }
            "memcap" | "hashsize" | "format" | "value_key" | "context_key" | "array_key"
            | "remove_key" | "key" | "enrichment_key" => {
                set.options.push((key.to_owned(), argument.to_owned()));
            }
            _ => return Err(format!("`{key}` is no option of a set")),
        }
    }
    if set.state.is_some() && (set.load.is_some() || set.save.is_some()) {
        return Err("`state` is both load and save; write it alone".to_owned());
    }
    Ok(())
}

/// A rule may write only below the directory for sets.
fn check_path(b: &Builder<'_>, path: &str) -> Result<(), String> {
    if b.context.allow_absolute_dataset_paths {
        return Ok(());
    }
    if path.starts_with('/') {
        return Err(format!(
            "`{path}` is absolute: a rule may write only below the data directory; give a relative name"
        ));
    }
    if path.split('/').any(|part| part == "..") {
        return Err(format!("`{path}` leaves the data directory; remove `..`"));
    }
    Ok(())
}

fn name(text: &str) -> Result<String, String> {
    let is_fine = !text.is_empty() && text.len() <= MAX_NAME_BYTES && !text.contains(' ');
    is_fine.then(|| text.to_owned()).ok_or_else(|| {
        format!("`{text}` is no name of a set; use up to {MAX_NAME_BYTES} bytes without blanks")
    })
}

pub(super) fn dataset(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    if b.sticky.is_none() {
        return Err(
            "dataset must follow a sticky buffer; write one before it, such as `dns.query;`"
                .to_owned(),
        );
    }
    let mut items = parts(value, ',');
    let command = match items.next().unwrap_or_default() {
        "isset" => DatasetCommand::IsSet,
        "isnotset" => DatasetCommand::IsNotSet,
        "set" => DatasetCommand::Set,
        "unset" => DatasetCommand::Unset,
        other => {
            return Err(format!(
                "`{other}` is no command of dataset; isset, isnotset, set and unset are"
            ));
        }
    };
    let mut set = empty(name(items.next().unwrap_or_default())?, command);
    options(b, &mut set, items)?;
    let has_format = set
        .options
        .iter()
        .any(|(key, value)| key == "format" && value != "csv");
    let has = |key: &str| set.options.iter().any(|(known, _)| known == key);
    if has_format && !has("context_key") && !has("enrichment_key") {
        return Err("a set of format json or ndjson needs `context_key`".to_owned());
    }
    if !has_format && (has("value_key") || has("context_key")) {
        return Err(
            "value_key and context_key are for sets of format json or ndjson; add `format ndjson`"
                .to_owned(),
        );
    }
    let at = b.place(false);
    b.push(at, PayloadMatch::Dataset(set))
}

fn empty(name: String, command: DatasetCommand) -> Dataset {
    Dataset {
        name,
        command,
        kind: None,
        load: None,
        save: None,
        state: None,
        options: Vec::new(),
    }
}

pub(super) fn datarep(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    if b.sticky.is_none() {
        return Err(
            "datarep must follow a sticky buffer; write one before it, such as `dns.query;`"
                .to_owned(),
        );
    }
    let mut items = parts(value, ',');
    let mut set = empty(
        name(items.next().unwrap_or_default())?,
        DatasetCommand::IsSet,
    );
    let (operator, number) = (
        items.next().unwrap_or_default(),
        items.next().unwrap_or_default(),
    );
    let n = upto(number, u16::MAX.into(), "reputation value")?;
    let compare = match operator {
        "<" => Compare::Less(n),
        ">" => Compare::Greater(n),
        "==" => Compare::Equal(n),
        _ => {
            return Err(format!(
                "`{operator}` is no operator of datarep; < > and == are"
            ));
        }
    };
    options(b, &mut set, items)?;
    let at = b.place(false);
    b.push(at, PayloadMatch::Datarep { set, compare })
}

pub(super) fn iprep(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let mut items = parts(value, ',');
    let side = match items.next().unwrap_or_default() {
        "any" => ReputationSide::Any,
        "src" => ReputationSide::Source,
        "dst" => ReputationSide::Destination,
        "both" => ReputationSide::Both,
        other => {
            return Err(format!(
                "`{other}` is no side for iprep; any, src, dst and both are"
            ));
        }
    };
    let category = items
        .next()
        .filter(|text| !text.is_empty())
        .ok_or("iprep needs a category: iprep:src,CnC,>,30")?
        .to_owned();
    let (compare, is_negated) = match items.next().unwrap_or_default() {
        "isset" => (None, false),
        "isnotset" => (None, true),
        operator => {
            // `<`, `=`, `>` and the number may stand apart or together: `>,30`, `>=,30`, `127`.
            let text: String = [operator, items.next().unwrap_or_default()].concat();
            (Some(compare(&text, 127)?), false)
        }
    };
    b.condition(Condition::IpReputation {
        side,
        category,
        compare,
        is_negated,
    })
}
