//! Reads an assets file, YAML or CSV, with the place and reason of whatever cannot be read.

use std::fmt;

use super::{Asset, Criticality};

/// Assets of one file: a whole /16, and far above any list that people keep by hand.
const MAX_ASSETS: usize = 100_000;
/// Refusals that are told of one file.
const MAX_REFUSALS: usize = 100;

/// Something in the file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 where it is not known.
    pub line: usize,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.reason),
            line => write!(f, "{}:{line}: {}", self.file, self.reason),
        }
    }
}

/// The assets of a file's text. A name that ends in `.csv` tells CSV, else it is YAML: a list, or a
/// list under `assets`. One bad line of CSV leaves the others; YAML is read as a whole.
#[must_use]
pub fn read(file: &str, text: &str) -> (Vec<Asset>, Vec<Refusal>) {
    let mut reading = Reading {
        file,
        assets: Vec::new(),
        refusals: Vec::new(),
    };
    if file.to_ascii_lowercase().ends_with(".csv") {
        reading.csv(text);
    } else {
        reading.yaml(text);
    }
    if reading.assets.len() > MAX_ASSETS {
        reading.assets.truncate(MAX_ASSETS);
        reading.refuse(
            0,
            format!("more than {MAX_ASSETS} assets; the rest is left out"),
        );
    }
    (reading.assets, reading.refusals)
}

struct Reading<'a> {
    file: &'a str,
    assets: Vec<Asset>,
    refusals: Vec<Refusal>,
}

impl Reading<'_> {
    fn refuse(&mut self, line: usize, reason: String) {
        if self.refusals.len() < MAX_REFUSALS {
            self.refusals.push(Refusal {
                file: self.file.to_owned(),
                line,
                reason,
            });
        }
    }

    fn yaml(&mut self, text: &str) {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            assets: Vec<Asset>,
        }
        let is_list = text
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default())
            .find(|line| !line.trim().is_empty() && !line.starts_with("---"))
            .is_some_and(|line| line.trim_start().starts_with(['-', '[']));
        let read = if is_list {
            serde_yaml_ng::from_str(text)
        } else {
            serde_yaml_ng::from_str(text).map(|file: File| file.assets)
        };
        match read {
            Ok(assets) => self.assets = assets,
            Err(_) if text.trim().is_empty() => {}
            Err(error) => {
                let line = error.location().map_or(0, |place| place.line());
                self.refuse(line, error.to_string());
            }
        }
    }

    /// The first line names the columns; `address` and `name` must be among them.
    fn csv(&mut self, text: &str) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut columns: Option<Vec<String>> = None;
        for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line)) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let fields = match fields(line) {
                Ok(fields) => fields,
                Err(reason) => {
                    self.refuse(number, reason.to_owned());
                    continue;
                }
            };
            let Some(columns) = &columns else {
                let names: Vec<String> = fields.iter().map(|name| name.to_lowercase()).collect();
                let unknown = names.iter().find(|name| !COLUMNS.contains(&name.as_str()));
                if let Some(unknown) = unknown {
                    let known = COLUMNS.join(", ");
                    self.refuse(
                        number,
                        format!("no such column: {unknown} (known: {known})"),
                    );
                    return;
                }
                if !names.iter().any(|n| n == "address") || !names.iter().any(|n| n == "name") {
                    self.refuse(number, "columns address and name are needed".to_owned());
                    return;
                }
                columns = Some(names);
                continue;
            };
            match asset(columns, &fields) {
                Ok(asset) => self.assets.push(asset),
                Err(reason) => self.refuse(number, reason),
            }
        }
    }
}

const COLUMNS: [&str; 5] = ["address", "name", "role", "criticality", "owner"];

fn asset(columns: &[String], fields: &[String]) -> Result<Asset, String> {
    if fields.len() != columns.len() {
        return Err(format!(
            "{} fields where {} are named",
            fields.len(),
            columns.len()
        ));
    }
    let of = |name: &str| {
        let at = columns.iter().position(|column| column == name)?;
        fields.get(at).map(|field| field.trim())
    };
    let text = |name| of(name).unwrap_or_default().to_owned();
    let address = of("address").unwrap_or_default();
    let criticality = match of("criticality")
        .unwrap_or_default()
        .to_lowercase()
        .as_str()
    {
        "" | "medium" => Criticality::Medium,
        "low" => Criticality::Low,
        "high" => Criticality::High,
        "critical" => Criticality::Critical,
        other => {
            return Err(format!(
                "criticality {other:?} is none of low, medium, high, critical"
            ));
        }
    };
    let name = text("name");
    if name.is_empty() {
        return Err("an asset needs a name".to_owned());
    }
    Ok(Asset {
        address: address.parse().map_err(|error| format!("{error}"))?,
        name,
        role: text("role"),
        criticality,
        owner: text("owner"),
    })
}

/// The fields of a line (RFC 4180; a field does not reach over lines).
fn fields(line: &str) -> Result<Vec<String>, &'static str> {
    let mut fields = Vec::new();
    let mut rest = line.trim_end_matches('\r');
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => in_quotes(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let (field, after) = rest.split_at(end);
                (field.trim().to_owned(), after)
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(after) => rest = after,
            None if after.is_empty() => return Ok(fields),
            None => return Err("something stands behind a closing quote"),
        }
    }
}

fn in_quotes(text: &str) -> Result<(String, &str), &'static str> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let Some((part, after)) = rest.split_once('"') else {
            return Err("a quote is not closed");
        };
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Ok((field, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, text: &str, names: &[&str], refused: &[(usize, &str)]) {
        let (assets, refusals) = read(file, text);
        let read: Vec<&str> = assets.iter().map(|asset| asset.name.as_str()).collect();
        assert_eq!(read, names, "{text}");
        assert_eq!(refusals.len(), refused.len(), "{refusals:?}");
        for (refusal, (line, part)) in refusals.iter().zip(refused) {
            assert_eq!(refusal.line, *line, "{refusal}");
            assert!(refusal.reason.contains(part), "{refusal}");
        }
    }

    #[test]
    fn csv_is_read_line_by_line() {
        let text = "Address,Name,Criticality\r\n10.0.0.5,\"db \"\"one\"\", main\",critical\r\n\r\n# note\r\n\
                    pear,x,low\r\n10.0.0.6,y\r\n10.0.0.7,z,huge\r\n10.0.0.8,,low\r\n10.0.0.9,\"a,low\r\n\"a\"b,c,low\r\n";
        check(
            "a.csv",
            text,
            &["db \"one\", main"],
            &[
                (5, "neither an address nor a prefix"),
                (6, "2 fields where 3"),
                (7, "huge"),
                (8, "needs a name"),
                (9, "not closed"),
                (10, "behind a closing quote"),
            ],
        );
        check(
            "a.csv",
            "name\nx\n",
            &[],
            &[(1, "address and name are needed")],
        );
        check("a.csv", "address,name,colour\n", &[], &[(1, "colour")]);
        check("a.csv", "", &[], &[]);
    }

    #[test]
    fn yaml_is_a_list_or_a_list_under_assets() {
        check(
            "a.yaml",
            "- {address: 10.0.0.5, name: db1, criticality: high}\n",
            &["db1"],
            &[],
        );
        check(
            "a.yaml",
            "# ours\nassets:\n- address: 10.0.0.0/8\n  name: inside\n  role: office\n  owner: it\n",
            &["inside"],
            &[],
        );
        check("a.yaml", "", &[], &[]);
        check(
            "a.yaml",
            "assets:\n- {address: 10.0.0.5}\n",
            &[],
            &[(2, "name")],
        );
        check(
            "a.yaml",
            "- {address: pear, name: x}\n",
            &[],
            &[(1, "pear")],
        );
        check(
            "a.yaml",
            "- {address: 10.0.0.1, name: x, colour: red}\n",
            &[],
            &[(1, "colour")],
        );
    }
}
