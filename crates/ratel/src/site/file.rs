//! The configuration of one site: `ratel.yaml`, with `RATEL_SECTION__KEY` of the environment on top.

use anyhow::{Context, Result, anyhow, bail};
use serde::de::DeserializeOwned;
use serde_yaml_ng::{Mapping, Value};
use std::path::Path;

/// Where the configuration stands where none is named.
pub const PATH: &str = "/etc/ratel/ratel.yaml";
/// What environment variables that set keys begin with.
const PREFIX: &str = "RATEL_";
/// Between the section and the key of a variable: keys have single underscores in them.
const SEPARATOR: &str = "__";
/// No configuration that a person wrote is larger.
const MAX_LEN: u64 = 1 << 20;
/// Names of sections, one below the other, that a variable may have.
const MAX_DEPTH: usize = 8;

/// Reads `path`, or defaults where it is not there and nobody named it, with `variables` on top.
pub(super) fn read<T: DeserializeOwned>(
    path: Option<&Path>,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<T> {
    let (name, text) = match path {
        Some(path) => (path, load(path)?),
        None if Path::new(PATH).exists() => (Path::new(PATH), load(Path::new(PATH))?),
        None => (Path::new(PATH), String::new()),
    };
    parse(name, &text, variables)
}

fn load(path: &Path) -> Result<String> {
    let len = std::fs::metadata(path)
        .with_context(|| format!("cannot read the configuration {}", path.display()))?
        .len();
    if len > MAX_LEN {
        bail!("{}: {len} bytes are no configuration", path.display());
    }
    std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration {}", path.display()))
}

fn parse<T: DeserializeOwned>(
    name: &Path,
    text: &str,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<T> {
    let name = name.display();
    let located = |error: serde_yaml_ng::Error| match error.location() {
        Some(place) => anyhow!("{name}:{}:{}: {error}", place.line(), place.column()),
        None => anyhow!("{name}: {error}"),
    };
    let mut tree: Value = serde_yaml_ng::from_str(text).map_err(located)?;
    if tree.is_null() {
        tree = Value::Mapping(Mapping::new());
    }
    // The file by itself first: its mistakes have a line.
    if !text.trim().is_empty() && !matches!(&tree, Value::Mapping(all) if all.is_empty()) {
        serde_yaml_ng::from_str::<T>(text).map_err(located)?;
    }
    let mut is_set = Vec::new();
    for (variable, value) in variables {
        if set(&mut tree, &variable, &value)? {
            is_set.push(variable);
        }
    }
    serde_yaml_ng::from_value(tree).map_err(|error| match is_set.as_slice() {
        [] => anyhow!("{name}: {error}"),
        set => anyhow!("{name} with {}: {error}", set.join(", ")),
    })
}

/// Sets what a variable names; false where it is none of ours.
fn set(tree: &mut Value, variable: &str, value: &str) -> Result<bool> {
    let Some(path) = variable.strip_prefix(PREFIX) else {
        return Ok(false);
    };
    if !path.contains(SEPARATOR) {
        return Ok(false);
    }
    let keys: Vec<String> = path.split(SEPARATOR).map(str::to_ascii_lowercase).collect();
    if keys.len() > MAX_DEPTH || keys.iter().any(String::is_empty) {
        bail!("{variable} names no key: RATEL_SECTION__KEY is wanted");
    }
    // Lists and numbers are written as in YAML; what is no YAML is text.
    let value = serde_yaml_ng::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    let mut at = tree;
    for key in &keys {
        if !at.is_mapping() {
            *at = Value::Mapping(Mapping::new());
        }
        let Value::Mapping(all) = at else {
            bail!("{variable} names no key");
        };
        at = all.entry(Value::String(key.clone())).or_insert(Value::Null);
    }
    *at = value;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
    #[serde(default, deny_unknown_fields)]
    struct Site {
        sensor: Sensor,
        data_dir: String,
    }

    #[derive(Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
    #[serde(default, deny_unknown_fields)]
    struct Sensor {
        interfaces: Vec<String>,
        ring_mib: u32,
    }

    fn check(text: &str, variables: &[(&str, &str)], expected: Result<&str, &str>) {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let read = parse::<Site>(Path::new("ratel.yaml"), text, variables);
        let told = read
            .map(|read| {
                let sensor = &read.sensor;
                format!(
                    "{:?} {} {:?}",
                    sensor.interfaces, sensor.ring_mib, read.data_dir
                )
            })
            .map_err(|error| format!("{error:#}"));
        assert_eq!(told.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn every_key_is_optional() {
        check("", &[], Ok(r#"[] 0 """#));
        check("# nothing\n", &[], Ok(r#"[] 0 """#));
        check(
            "sensor:\n  interfaces: [eth0]\n",
            &[],
            Ok(r#"["eth0"] 0 """#),
        );
    }

    #[test]
    fn unknown_keys_are_named() {
        check(
            "sensor:\n  interface: eth0\nsensors: 1\n",
            &[],
            Err(
                "ratel.yaml:2:3: sensor: unknown field `interface`, expected `interfaces` or `ring_mib` at line 2 column 3",
            ),
        );
    }

    #[test]
    fn mistakes_have_a_line() {
        check(
            "sensor:\n  ring_mib: lots\n",
            &[],
            Err(
                "ratel.yaml:2:13: sensor.ring_mib: invalid type: string \"lots\", expected u32 at line 2 column 13",
            ),
        );
    }

    #[test]
    fn the_environment_stands_above_the_file() {
        check(
            "sensor:\n  ring_mib: 1\n",
            &[
                ("RATEL_SENSOR__RING_MIB", "64"),
                ("RATEL_SENSOR__INTERFACES", "[eth0, eth1]"),
                ("RATEL_DATA", "not ours"),
                ("HOME", "/root"),
            ],
            Ok(r#"["eth0", "eth1"] 64 """#),
        );
        check(
            "",
            &[("RATEL_SENSOR__RING_MIB", "lots")],
            Err(
                "ratel.yaml with RATEL_SENSOR__RING_MIB: invalid type: string \"lots\", expected u32",
            ),
        );
        check(
            "",
            &[("RATEL_SENSOR__", "1")],
            Err("RATEL_SENSOR__ names no key: RATEL_SECTION__KEY is wanted"),
        );
    }
}
