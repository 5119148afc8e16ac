//! A `suricata.yaml` as a tree of texts: includes followed, `--set` laid on top, each key that was
//! looked at remembered, so that what nobody knows can be named.

use crate::bounded;
use serde_yaml_ng::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Files that include files that include files: no more than this.
const MAX_INCLUDE_DEPTH: usize = 8;
/// Largest file of settings that is read: the longest known has a hundred kilobytes.
const MAX_FILE: u64 = 16 << 20;

/// A tree of settings.
#[derive(Debug, Default)]
pub struct Settings {
    root: Node,
    used: RefCell<BTreeSet<String>>,
    complaints: RefCell<Vec<String>>,
    refusals: RefCell<Vec<String>>,
}

/// A node of the tree. Everything that is neither a list nor a map is text, as it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Node {
    /// Nothing was written.
    #[default]
    Empty,
    /// A value.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in order.
    Map(Vec<(String, Node)>),
}

/// Why settings can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file can't be read.
    #[error("cannot read the configuration {path}: {cause}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is not YAML.
    #[error("the configuration {path} is not valid YAML: {cause}")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        cause: serde_yaml_ng::Error,
    },
    /// Includes go in circles.
    #[error("the configuration {path} is included through more than {MAX_INCLUDE_DEPTH} files")]
    TooDeep {
        /// Which file.
        path: PathBuf,
    },
    /// `--set` without `=`.
    #[error("--set {0:?} is not of the form key=value")]
    Set(String),
}

impl Settings {
    /// Reads a file and what it includes.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        Ok(Settings {
            root: load(path, 0)?,
            ..Self::default()
        })
    }

    /// Reads a text, for the defaults that are built in.
    pub fn parse(text: &str) -> Result<Self, serde_yaml_ng::Error> {
        let value: Value = serde_yaml_ng::from_str(text)?;
        Ok(Settings {
            root: node(value),
            ..Self::default()
        })
    }

    /// Lays `key=value` on top, as `--set` does.
    pub fn set(&mut self, assignment: &str) -> Result<(), SettingsError> {
        let (key, value) = assignment
            .split_once('=')
            .ok_or_else(|| SettingsError::Set(assignment.to_owned()))?;
        let path: Vec<&str> = key.trim().split('.').collect();
        self.root.assign(&path, value.trim());
        Ok(())
    }

    /// The node at a dotted path; list items are addressed by number.
    pub fn node(&self, path: &str) -> Option<&Node> {
        self.used.borrow_mut().insert(path.to_owned());
        let mut at = &self.root;
        for part in path.split('.') {
            at = at.child(part)?;
        }
        (*at != Node::Empty).then_some(at)
    }

    /// The node at a dotted path, for a look at its keys: they don't count as used by it.
    pub fn peek(&self, path: &str) -> Option<&Node> {
        path.split('.')
            .try_fold(&self.root, |at, part| at.child(part))
    }

    /// The text at `path`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.node(path)?.text()
    }

    /// The truth at `path`: `yes`, `true`, `on`, `1` and their opposites.
    pub fn flag(&self, path: &str) -> Option<bool> {
        let text = self.text(path)?;
        let flag = truth(text);
        if flag.is_none() {
            self.complain(format!("{path}: {text:?} is neither yes nor no"));
        }
        flag
    }

    /// The truth at `path`; None for one of the other `words` that may stand there, too.
    pub fn flag_or(&self, path: &str, words: &[&str]) -> Option<bool> {
        let text = self.text(path)?;
        let flag = truth(text);
        if flag.is_none() && !words.contains(&text) {
            self.complain(format!("{path}: {text:?} is not known"));
        }
        flag
    }

    /// The number at `path`, with a unit of bytes where one is given (`10mb`, `64 KiB`).
    pub fn size(&self, path: &str) -> Option<u64> {
        let text = self.text(path)?;
        let size = bytes(text);
        if size.is_none() {
            self.complain(format!("{path}: {text:?} is not a number of bytes"));
        }
        size
    }

    /// The number at `path`.
    pub fn number<T: std::str::FromStr>(&self, path: &str) -> Option<T> {
        let text = self.text(path)?;
        let number = text.parse().ok();
        if number.is_none() {
            self.complain(format!("{path}: {text:?} is not a number that fits here"));
        }
        number
    }

    /// Every value with its dotted path, a line each, in the order they were written.
    pub fn dump(&self) -> String {
        let mut out = String::new();
        self.root.dump("", &mut out);
        out
    }

    /// Remembers that a value made no sense.
    pub fn complain(&self, what: String) {
        self.complaints.borrow_mut().push(what);
    }

    /// Remembers that a value can't stand as it is: with `--init-errors-fatal` the run ends.
    pub fn refuse(&self, what: String) {
        self.refusals.borrow_mut().push(what);
    }

    /// Values that can't stand as they are.
    pub fn refusals(&self) -> Vec<String> {
        self.refusals.borrow().clone()
    }

    /// Values that made no sense, each once.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.borrow().clone()
    }

    /// Keys that are set and that nobody looked at, shortened to their first unknown part.
    pub fn unknown(&self) -> Vec<String> {
        let used = self.used.borrow();
        let mut unknown = Vec::new();
        self.root.collect_unknown("", &used, &mut unknown);
        unknown
    }
}

impl Node {
    /// The value, where it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text),
            Node::Empty | Node::List(_) | Node::Map(_) => None,
        }
    }

    /// The value of `key` in a map, or the item of that number in a list.
    pub fn child(&self, key: &str) -> Option<&Node> {
        match self {
            Node::Map(entries) => entries.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v),
            Node::List(items) => items.get(key.parse::<usize>().ok()?),
            Node::Empty | Node::Text(_) => None,
        }
    }

    /// The text of `key` below this node.
    pub fn child_text(&self, key: &str) -> Option<&str> {
        self.child(key)?.text()
    }

    /// The truth of `key` below this node.
    pub fn child_flag(&self, key: &str) -> Option<bool> {
        truth(self.child_text(key)?)
    }

    /// The items of a list; a single text counts as a list of one.
    pub fn items(&self) -> impl Iterator<Item = &Node> {
        match self {
            Node::List(items) => items.as_slice(),
            Node::Text(_) => std::slice::from_ref(self),
            Node::Empty | Node::Map(_) => &[],
        }
        .iter()
    }

    /// The entries of a map.
    pub fn entries(&self) -> &[(String, Node)] {
        match self {
            Node::Map(entries) => entries,
            Node::Empty | Node::Text(_) | Node::List(_) => &[],
        }
    }

    fn assign(&mut self, path: &[&str], value: &str) {
        let Some((first, rest)) = path.split_first() else {
            *self = Node::Text(value.to_owned());
            return;
        };
        if let Node::List(items) = self
            && let Ok(n) = first.parse::<usize>()
            && let Some(item) = items.get_mut(n)
        {
            // A bare word in a list of outputs becomes a map when something is set below it.
            if let (Node::Text(word), Some(key)) = (&*item, rest.first())
                && word == key
            {
                *item = Node::Map(vec![(word.clone(), Node::Empty)]);
            }
            item.assign(rest, value);
            return;
        }
        // The place behind the last item makes the list longer.
        if let Node::List(items) = self
            && *first == items.len().to_string()
        {
            let mut item = Node::Empty;
            item.assign(rest, value);
            items.push(item);
            return;
        }
        if !matches!(self, Node::Map(_)) {
            *self = Node::Map(Vec::new());
        }
        if let Node::Map(entries) = self {
            let at = entries
                .iter()
                .rposition(|(key, _)| key == first)
                .unwrap_or_else(|| {
                    entries.push(((*first).to_owned(), Node::Empty));
                    entries.len() - 1
                });
            entries[at].1.assign(rest, value);
        }
    }

    fn dump(&self, path: &str, out: &mut String) {
        let below = |key: &str| match path {
            "" => key.to_owned(),
            _ => format!("{path}.{key}"),
        };
        match self {
            Node::Empty => out.push_str(&format!("{path} = (null)\n")),
            Node::Text(text) => out.push_str(&format!("{path} = {text}\n")),
            Node::List(items) => {
                for (n, item) in items.iter().enumerate() {
                    // An item that is a map is named by its first key.
                    if let Some((key, _)) = item.entries().first() {
                        out.push_str(&format!("{} = {key}\n", below(&n.to_string())));
                    }
                    item.dump(&below(&n.to_string()), out);
                }
            }
            Node::Map(entries) => {
                for (n, (key, value)) in entries.iter().enumerate() {
                    // What is written later holds.
                    if !entries.iter().skip(n + 1).any(|(later, _)| later == key) {
                        value.dump(&below(key), out);
                    }
                }
            }
        }
    }

    fn collect_unknown(&self, path: &str, used: &BTreeSet<String>, unknown: &mut Vec<String>) {
        for (key, value) in self.entries() {
            let full = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            if used.contains(&full) {
                continue;
            }
            let below = format!("{full}.");
            if used
                .range(below.clone()..)
                .next()
                .is_some_and(|next| next.starts_with(&below))
            {
                value.collect_unknown(&full, used, unknown);
            } else if *value != Node::Empty {
                unknown.push(full);
            }
        }
    }
}

/// `yes` and `no` in the spellings of YAML 1.1.
pub fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// A number of bytes with an optional unit.
pub fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    match number.parse::<u64>() {
        Ok(number) => number.checked_mul(scale),
        Err(_) => Some((number.parse::<f64>().ok()? * scale as f64) as u64),
    }
}

fn load(path: &Path, depth: usize) -> Result<Node, SettingsError> {
    if depth > MAX_INCLUDE_DEPTH {
        return Err(SettingsError::TooDeep {
            path: path.to_owned(),
        });
    }
    let text = bounded::read_text(path, MAX_FILE).map_err(|cause| SettingsError::Read {
        path: path.to_owned(),
        cause,
    })?;
    let value: Value = serde_yaml_ng::from_str(&text).map_err(|cause| SettingsError::Parse {
        path: path.to_owned(),
        cause,
    })?;
    include(node(value), path.parent().unwrap_or(Path::new("")), depth)
}

/// Replaces `include` keys by what the files say; keys written later win.
fn include(tree: Node, folder: &Path, depth: usize) -> Result<Node, SettingsError> {
    match tree {
        Node::Map(entries) => {
            let mut merged = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                if key == "include" {
                    for file in value.items().filter_map(Node::text) {
                        if let Node::Map(more) = load(&folder.join(file), depth + 1)? {
                            merged.extend(more);
                        }
                    }
                } else if let Node::Text(text) = &value
                    && let Some(file) = text.strip_prefix("!include ")
                {
                    merged.push((key, load(&folder.join(file.trim()), depth + 1)?));
                } else {
                    merged.push((key, include(value, folder, depth)?));
                }
            }
            Ok(Node::Map(merged))
        }
        Node::List(items) => Ok(Node::List(
            items
                .into_iter()
                .map(|item| include(item, folder, depth))
                .collect::<Result<_, _>>()?,
        )),
        other => Ok(other),
    }
}

fn node(value: Value) -> Node {
    match value {
        Value::Null => Node::Empty,
        Value::Bool(flag) => Node::Text(if flag { "yes" } else { "no" }.to_owned()),
        Value::Number(number) => Node::Text(number.to_string()),
        Value::String(text) => Node::Text(text),
        Value::Sequence(items) => Node::List(items.into_iter().map(node).collect()),
        Value::Mapping(entries) => Node::Map(
            entries
                .into_iter()
                .filter_map(|(key, value)| match node(key) {
                    Node::Text(key) => Some((key, node(value))),
                    Node::Empty | Node::List(_) | Node::Map(_) => None,
                })
                .collect(),
        ),
        Value::Tagged(tagged) if tagged.tag == "include" => match node(tagged.value) {
            Node::Text(file) => Node::Text(format!("!include {file}")),
            other => other,
        },
        Value::Tagged(tagged) => node(tagged.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        Settings::parse(text).expect("the test's own text is YAML")
    }

    #[test]
    fn finds_values_by_dotted_paths() {
        let s = settings("a:\n  b: [x, {c: 12kb}]\n  d: yes\n");
        assert_eq!(s.text("a.b.0"), Some("x"));
        assert_eq!(s.size("a.b.1.c"), Some(12 << 10));
        assert_eq!(s.flag("a.d"), Some(true));
        assert_eq!(s.text("a.e"), None);
    }

    #[test]
    fn lays_assignments_on_top() {
        let mut s = settings("outputs:\n - eve-log:\n    types: [alert, frame]\n");
        s.set("outputs.0.eve-log.types.1.frame.enabled=yes")
            .expect("has a =");
        s.set("stream.midstream=true").expect("has a =");
        assert_eq!(
            s.flag("outputs.0.eve-log.types.1.frame.enabled"),
            Some(true)
        );
        assert_eq!(s.flag("stream.midstream"), Some(true));
        s.set("outputs.1.file-store.enabled=yes").expect("has a =");
        assert_eq!(s.flag("outputs.1.file-store.enabled"), Some(true));
        assert_eq!(s.text("outputs.0.eve-log.types.0"), Some("alert"));
        assert!(s.set("no equals sign").is_err());
    }

    #[test]
    fn names_what_nobody_looked_at() {
        let s = settings("a: 1\nb:\n  c: 2\n  d: 3\ne:\n  f: 4\n");
        let _ = (s.text("a"), s.text("b.c"));
        assert_eq!(s.unknown(), ["b.d", "e"]);
    }

    #[test]
    fn prints_each_value_with_its_path() {
        let s = settings("a: 1\nb: [x, {c: 2}]\n");
        assert_eq!(s.dump(), "a = 1\nb.0 = x\nb.1 = c\nb.1.c = 2\n");
    }

    #[test]
    fn reads_sizes_with_units() {
        for (text, expected) in [
            ("10", Some(10)),
            ("1kb", Some(1024)),
            ("2 MiB", Some(2 << 20)),
            ("1gb", Some(1 << 30)),
            ("0.5mb", Some(1 << 19)),
            ("pear", None),
            ("12 parsecs", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
