//! `classification.config` and `reference.config`: what class names and reference systems mean.

use crate::lexer::Lines;
use ahash::AHashMap;

/// Most entries of a list; Suricata's ids are 16 bits wide.
const MAX_ENTRIES: usize = u16::MAX as usize;
/// Most complaints kept about one list.
const MAX_COMPLAINTS: usize = 100;

/// One class of attacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// What alerts show as `category`.
    pub description: String,
    /// 1 (highest) to 255.
    pub priority: u8,
}

/// The classes that rules name.
#[derive(Clone, Debug, Default)]
pub struct Classes(AHashMap<String, Class>);

impl Classes {
    /// Reads `config classification: name,description,priority` lines; also what was wrong, by line.
    #[must_use]
    pub fn parse(text: &[u8]) -> (Self, Vec<(u32, String)>) {
        let (mut classes, mut complaints) = (AHashMap::new(), Vec::new());
        for line in Lines::new(text) {
            match class(&line.text) {
                Ok(None) => {}
                Ok(Some(_)) if classes.len() >= MAX_ENTRIES => break,
                Ok(Some((name, class))) => {
                    classes.entry(name).or_insert(class);
                }
                Err(why) if complaints.len() < MAX_COMPLAINTS => complaints.push((line.line, why)),
                Err(_) => {}
            }
        }
        (Classes(classes), complaints)
    }

    /// The class of that name; names are compared without case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Class> {
        self.0
            .get(name)
            .or_else(|| self.0.get(&name.to_ascii_lowercase()))
    }

    /// Whether no list was read: then an unknown class is no mistake of the rule's.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn entry<'a>(line: &'a str, what: &str) -> Result<Option<&'a str>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    line.strip_prefix("config")
        .and_then(|rest| rest.trim_start().strip_prefix(what))
        .and_then(|rest| rest.trim_start().strip_prefix(':'))
        .map(|rest| Some(rest.trim()))
        .ok_or_else(|| format!("a line begins with `config {what}:`"))
}

fn class(line: &str) -> Result<Option<(String, Class)>, String> {
    let Some(rest) = entry(line, "classification")? else {
        return Ok(None);
    };
    let parts = rest
        .split_once(',')
        .and_then(|(name, rest)| Some((name, rest.rsplit_once(',')?)));
    let Some((name, (description, priority))) = parts else {
        return Err("a class is `name,description,priority`".to_owned());
    };
    let priority: u8 = priority
        .trim()
        .parse()
        .ok()
        .filter(|&priority| priority >= 1)
        .ok_or_else(|| format!("priority `{}` is no number from 1 to 255", priority.trim()))?;
    let class = Class {
        description: description.trim().to_owned(),
        priority,
    };
    Ok(Some((name.trim().to_ascii_lowercase(), class)))
}

/// Reference systems and the prefix of their addresses.
#[derive(Clone, Debug, Default)]
pub struct References(AHashMap<String, String>);

impl References {
    /// Reads `config reference: system prefix` lines; also what was wrong, by line.
    #[must_use]
    pub fn parse(text: &[u8]) -> (Self, Vec<(u32, String)>) {
        let (mut systems, mut complaints) = (AHashMap::new(), Vec::new());
        for line in Lines::new(text) {
            let parsed = entry(&line.text, "reference").and_then(|rest| match rest {
                None => Ok(None),
                Some(rest) => rest
                    .split_once(|c: char| c.is_ascii_whitespace())
                    .map(Some)
                    .ok_or_else(|| "a reference is `system prefix`".to_owned()),
            });
            match parsed {
                Ok(None) => {}
                Ok(Some(_)) if systems.len() >= MAX_ENTRIES => break,
                Ok(Some((system, prefix))) => {
                    systems.insert(system.to_ascii_lowercase(), prefix.trim().to_owned());
                }
                Err(why) if complaints.len() < MAX_COMPLAINTS => complaints.push((line.line, why)),
                Err(_) => {}
            }
        }
        (References(systems), complaints)
    }

    /// The address prefix of a system.
    #[must_use]
    pub fn get(&self, system: &str) -> Option<&str> {
        self.0.get(&system.to_ascii_lowercase()).map(String::as_str)
    }

    /// Whether no list was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_classes_and_tells_what_is_wrong() {
        let text = b"# no\n\nconfig classification: web-app,A thing, with comma,2\nconfig classification: x,y\nnonsense\n";
        let (classes, complaints) = Classes::parse(text);
        let class = classes.get("Web-App").unwrap();
        assert_eq!(
            (class.description.as_str(), class.priority),
            ("A thing, with comma", 2)
        );
        assert_eq!(complaints.iter().map(|c| c.0).collect::<Vec<_>>(), [4, 5]);
    }

    #[test]
    fn reads_reference_systems() {
        let (references, complaints) =
            References::parse(b"config reference: cve   http://cve/\nconfig reference: x\n");
        assert_eq!(references.get("CVE"), Some("http://cve/"));
        assert_eq!(complaints.len(), 1);
    }
}
