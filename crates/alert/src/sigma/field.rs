//! Fields: what names of rules mean in EVE records.

use std::borrow::Cow;

use serde_json::Value as Json;

/// A field of records under the name that a rule gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As the rule has it.
    pub name: String,
    sources: Vec<Source>,
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// At this path.
    Path(Vec<String>),
    /// A part of `http.url`.
    Url(UrlPart),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UrlPart {
    /// Before the question mark.
    Stem,
    /// Behind it.
    Query,
    /// Of the last part of the stem, behind its last dot.
    Extension,
}

/// Values of one field.
const MAX_VALUES: usize = 256;

impl Field {
    /// A field by its own path.
    pub fn raw(name: &str) -> Field {
        Field {
            name: name.to_owned(),
            sources: vec![path(name)],
        }
    }

    /// A field that stands at one of these: paths, or `url:stem`, `url:query`, `url:extension`.
    pub fn at(name: &str, places: &str) -> Field {
        let sources = places.split_whitespace().map(|place| match place {
            "url:stem" => Source::Url(UrlPart::Stem),
            "url:query" => Source::Url(UrlPart::Query),
            "url:extension" => Source::Url(UrlPart::Extension),
            other => path(other),
        });
        Field {
            name: name.to_owned(),
            sources: sources.collect(),
        }
    }

    /// Its values in a record.
    pub fn values<'a>(&self, record: &'a Json) -> Vec<Cow<'a, Json>> {
        let mut values = Vec::new();
        for source in &self.sources {
            match source {
                Source::Path(path) => collect(record, path, &mut values),
                Source::Url(part) => {
                    let url = record.get("http").and_then(|http| http.get("url"));
                    let part = url.and_then(Json::as_str).and_then(|url| part.of(url));
                    values.extend(part.map(|part| Cow::Owned(Json::from(part))));
                }
            }
        }
        values
    }

    /// The first value, and the path at which a search finds it; none for a part of a value.
    pub fn first<'a>(&self, record: &'a Json) -> Option<(Option<String>, Cow<'a, Json>)> {
        for source in &self.sources {
            match source {
                Source::Path(path) => {
                    let mut values = Vec::new();
                    collect(record, path, &mut values);
                    values.retain(|value| !value.is_null());
                    if let Some(value) = values.into_iter().next() {
                        return Some((Some(path.join(".")), value));
                    }
                }
                Source::Url(_) => {
                    let mut values = self.values(record);
                    if !values.is_empty() {
                        return Some((None, values.swap_remove(0)));
                    }
                }
            }
        }
        None
    }
}

impl UrlPart {
    fn of(self, url: &str) -> Option<&str> {
        let (stem, query) = match url.split_once('?') {
            Some((stem, query)) => (stem, Some(query)),
            None => (url, None),
        };
        match self {
            UrlPart::Stem => Some(stem),
            UrlPart::Query => query,
            UrlPart::Extension => {
                let name = stem.rsplit('/').next().unwrap_or_default();
                name.rsplit_once('.').map(|(_, extension)| extension)
            }
        }
    }
}

fn path(text: &str) -> Source {
    Source::Path(text.split('.').map(str::to_owned).collect())
}

/// All values at a path, through lists; a name with dots in it is looked for as it stands as well.
fn collect<'a>(value: &'a Json, path: &[String], values: &mut Vec<Cow<'a, Json>>) {
    if values.len() >= MAX_VALUES {
        return;
    }
    match (value, path) {
        (Json::Array(list), _) => {
            for value in list {
                collect(value, path, values);
            }
        }
        (leaf, []) if !leaf.is_object() => values.push(Cow::Borrowed(leaf)),
        (Json::Object(members), [name, rest @ ..]) => {
            if let Some(value) = members.get(name) {
                collect(value, rest, values);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_found_through_lists_and_in_parts_of_an_address() {
        let record = json!({
            "dns": {"queries": [{"rrname": "a.example"}, {"rrname": "b.example"}]},
            "http": {"url": "/a/b.php?x=1&y=2"},
        });
        let check = |places: &str, expected: &[&str]| {
            let values = Field::at("x", places).values(&record);
            let values: Vec<&str> = values.iter().filter_map(|value| value.as_str()).collect();
            assert_eq!(values, expected, "{places}");
        };
        check("dns.rrname dns.queries.rrname", &["a.example", "b.example"]);
        check("url:stem", &["/a/b.php"]);
        check("url:query", &["x=1&y=2"]);
        check("url:extension", &["php"]);
        check("dns", &[]);
        check("http.url.more", &[]);
    }
}
