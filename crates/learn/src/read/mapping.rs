//! A mapping file: which column means what, for files that no format describes.

use super::Error;
use super::cells::Separator;
use super::formats::Format;
use super::layout::{Field, Layout, Role};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What a mapping file says. Columns that it does not name are features: numbers where all that is seen of
/// them first are numbers, names otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// The names of the columns, where the file has no line of names.
    pub columns: Option<Vec<String>>,
    /// What stands between cells: one character. Found out where it is not told.
    pub separator: Option<char>,
    /// When the flow began.
    pub time: Option<String>,
    /// Dates have the month before the day.
    pub month_first: bool,
    /// The host that began the flow.
    pub host: Option<String>,
    /// What kind of traffic it is.
    pub label: Option<String>,
    /// The same more precisely, where the label does not say normal.
    pub detail: Option<String>,
    /// Labels of normal traffic.
    pub normal: Vec<String>,
    /// Labels that say nothing.
    pub unlabelled: Vec<String>,
    /// Columns with ports: they become names of services.
    pub ports: Vec<String>,
    /// Columns with amounts.
    pub numbers: Vec<String>,
    /// Columns with names.
    pub names: Vec<String>,
    /// Columns that are no features.
    pub skip: Vec<String>,
    /// Other names for columns, so that a model fits that knows them otherwise.
    pub rename: BTreeMap<String, String>,
}

impl Mapping {
    /// Reads a mapping file; `file` is its name in errors.
    ///
    /// # Errors
    /// No YAML, an unknown key, or a label without a value that is normal.
    pub fn parse(file: &str, text: &str) -> Result<Self, Error> {
        let wrong = |why: String| Error::Mapping {
            file: file.to_owned(),
            why,
        };
        let mapping: Mapping =
            serde_yaml_ng::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if mapping.label.is_some() && mapping.normal.is_empty() {
            return Err(wrong(
                "`label` is there, but not under `normal` which of its values are normal traffic"
                    .to_owned(),
            ));
        }
        if mapping.detail.is_some() && mapping.label.is_none() {
            return Err(wrong("`detail` is there without `label`".to_owned()));
        }
        Ok(mapping)
    }

    /// The columns that the mapping names and the file does not have.
    pub(super) fn missing(&self, columns: &[String]) -> Vec<String> {
        let single = [&self.time, &self.host, &self.label, &self.detail];
        let lists = [&self.ports, &self.numbers, &self.names];
        let named = single.into_iter().flatten();
        named
            .chain(lists.into_iter().flatten())
            .chain(self.rename.keys())
            .filter(|name| !columns.contains(name))
            .cloned()
            .collect()
    }

    /// What the columns are; `looks_like` tells it of those that nobody named.
    pub(super) fn layout(
        &self,
        columns: &[String],
        separator: Separator,
        looks_like: impl Fn(usize) -> Role,
    ) -> Layout {
        let field = |(at, name): (usize, &String)| {
            let is = |one: &Option<String>| one.as_ref() == Some(name);
            let role = match name {
                _ if is(&self.label) => Role::Label,
                _ if is(&self.detail) => Role::Detail,
                _ if is(&self.time) => Role::Time,
                _ if is(&self.host) => Role::Host,
                name if self.skip.contains(name) => Role::Skip,
                name if self.ports.contains(name) => Role::Port,
                name if self.numbers.contains(name) => Role::Number,
                name if self.names.contains(name) => Role::Category,
                _ => looks_like(at),
            };
            let name = self.rename.get(name).unwrap_or(name).clone();
            Field { name, role }
        };
        Layout {
            format: Format::Mapped,
            separator,
            fields: columns.iter().enumerate().map(field).collect(),
            is_month_first: self.month_first,
            normal: self.normal.clone(),
            unlabelled: self.unlabelled.clone(),
            rate_of: None,
        }
    }
}
