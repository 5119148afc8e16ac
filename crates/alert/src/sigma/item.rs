//! One condition of a detection: a field, modifiers, values.

use std::borrow::Cow;
use std::collections::HashSet;
use std::str::FromStr as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::{Prefix, Timestamp};
use regex::{Regex, RegexBuilder};
use serde_json::Value as Json;
use serde_yaml_ng::Value as Yaml;

use super::Placeholders;
use super::field::Field;
use super::pattern::{Pattern, Place, Text};

/// Values of one field in a rule: lists of domains have some thousands.
const MAX_VALUES: usize = 50_000;
/// Memory of one compiled regular expression, bytes.
const MAX_REGEX: usize = 1 << 20;
/// Values of one field of a record that are looked at.
const MAX_SEEN: usize = 256;

/// What must hold of a field, or of any text of the record.
#[derive(Clone, Debug)]
pub struct Item {
    /// None: any text.
    pub field: Option<Field>,
    tests: Vec<Test>,
    /// All tests must hold, not one.
    is_all: bool,
    /// It holds where the field is there and no test holds.
    is_negated: bool,
}

#[derive(Clone, Debug)]
enum Test {
    Text(Pattern),
    /// One of these texts in small.
    OneOf(HashSet<String>),
    Regex(Regex),
    Cidr(Prefix),
    Compare(Order, f64),
    Number(f64),
    Bool(bool),
    /// Absent, null or empty.
    Null,
    Exists(bool),
    /// The value of another field, at this place.
    Same(Field, Place, bool),
    /// A part of a time.
    Part(Part, f64, Order),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Less,
    LessOrEqual,
    Equal,
    MoreOrEqual,
    More,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// Modifiers of a key, read.
#[derive(Clone, Copy, Debug)]
struct Modifiers {
    place: Place,
    is_all: bool,
    is_cased: bool,
    is_negated: bool,
    has_windash: bool,
    has_expand: bool,
    what: What,
    encoding: Encoding,
    base64: Base64,
    flags: Flags,
    part: Option<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Text,
    Regex,
    Cidr,
    Compare(Order),
    Exists,
    FieldRef,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    Utf16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base64 {
    No,
    Whole,
    AnyOffset,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Flags {
    ignores_case: bool,
    is_multi_line: bool,
    dot_is_all: bool,
}

impl Modifiers {
    fn read(names: &[&str]) -> Result<Modifiers, String> {
        let mut read = Modifiers {
            place: Place::Whole,
            is_all: false,
            is_cased: false,
            is_negated: false,
            has_windash: false,
            has_expand: false,
            what: What::Text,
            encoding: Encoding::Utf8,
            base64: Base64::No,
            flags: Flags::default(),
            part: None,
        };
        for name in names {
            match *name {
                "contains" => read.place = Place::Anywhere,
                "startswith" => read.place = Place::Start,
                "endswith" => read.place = Place::End,
                "all" => read.is_all = true,
                "cased" => read.is_cased = true,
                "neq" => read.is_negated = true,
                "windash" => read.has_windash = true,
                "expand" => read.has_expand = true,
                "re" => read.what = What::Regex,
                "i" | "ignorecase" if read.what == What::Regex => read.flags.ignores_case = true,
                "m" | "multiline" if read.what == What::Regex => read.flags.is_multi_line = true,
                "s" | "dotall" if read.what == What::Regex => read.flags.dot_is_all = true,
                "cidr" => read.what = What::Cidr,
                "lt" => read.what = What::Compare(Order::Less),
                "lte" => read.what = What::Compare(Order::LessOrEqual),
                "gt" => read.what = What::Compare(Order::More),
                "gte" => read.what = What::Compare(Order::MoreOrEqual),
                "exists" => read.what = What::Exists,
                "fieldref" => read.what = What::FieldRef,
                "wide" | "utf16le" => read.encoding = Encoding::Utf16Le,
                "utf16be" => read.encoding = Encoding::Utf16Be,
                "utf16" => read.encoding = Encoding::Utf16,
                "base64" => read.base64 = Base64::Whole,
                "base64offset" => read.base64 = Base64::AnyOffset,
                "minute" => read.part = Some(Part::Minute),
                "hour" => read.part = Some(Part::Hour),
                "day" => read.part = Some(Part::Day),
                "week" => read.part = Some(Part::Week),
                "month" => read.part = Some(Part::Month),
                "year" => read.part = Some(Part::Year),
                other => return Err(format!("there is no modifier {other:?} here")),
            }
        }
        if read.encoding != Encoding::Utf8 && read.base64 == Base64::No {
            return Err("wide and utf16 are for base64 and base64offset".to_owned());
        }
        if read.what != What::Text && (read.base64 != Base64::No || read.has_windash) {
            return Err("base64 and windash are for texts".to_owned());
        }
        Ok(read)
    }
}

impl Item {
    /// Reads a key with its values; `map` finds the field that a name means.
    pub fn read(
        key: &str,
        value: &Yaml,
        placeholders: &Placeholders,
        map: &dyn Fn(&str) -> Field,
    ) -> Result<Item, String> {
        let mut names = key.split('|');
        let name = names.next().unwrap_or_default().trim();
        let names: Vec<&str> = names.map(str::trim).collect();
        let modifiers = Modifiers::read(&names).map_err(|why| format!("{key}: {why}"))?;
        let field = (!name.is_empty()).then(|| map(name));
        let values: Vec<&Yaml> = match value {
            Yaml::Sequence(list) => list.iter().collect(),
            one => vec![one],
        };
        if values.is_empty() {
            return Err(format!("{key}: an empty list matches nothing"));
        }
        if values.len() > MAX_VALUES {
            return Err(format!("{key}: more than {MAX_VALUES} values"));
        }
        let mut tests = Vec::new();
        for value in values {
            let read = read_value(value, &modifiers, placeholders, map, field.is_none());
            let made = read.map_err(|why| format!("{key}: {why}"))?;
            if modifiers.is_all && made.len() > 1 {
                return Err(format!(
                    "{key}: all does not go with several forms of one value"
                ));
            }
            tests.extend(made);
        }
        if !modifiers.is_all {
            tests = gathered(tests);
        }
        Ok(Item {
            field,
            tests,
            is_all: modifiers.is_all,
            is_negated: modifiers.is_negated,
        })
    }

    /// Whether it holds of a record.
    pub fn holds(&self, record: &Json) -> bool {
        let Some(field) = &self.field else {
            return self
                .decide(|test| any_text(record, &mut |text| test.holds_text(&Text::new(text)), 0));
        };
        let mut values = field.values(record);
        values.truncate(MAX_SEEN);
        let texts = values
            .iter()
            .filter_map(|value| as_text(value))
            .map(Text::new);
        let seen = Seen {
            texts: texts.collect(),
            values: &values,
        };
        let holds = self.decide(|test| test.holds(&seen, record));
        if self.is_negated {
            !values.is_empty() && !holds
        } else {
            holds
        }
    }

    fn decide(&self, holds: impl FnMut(&Test) -> bool) -> bool {
        if self.is_all {
            self.tests.iter().all(holds)
        } else {
            self.tests.iter().any(holds)
        }
    }
}

/// The values of a field.
struct Seen<'a> {
    values: &'a [Cow<'a, Json>],
    texts: Vec<Text<'a>>,
}

impl Seen<'_> {
    fn any_number(&self, holds: impl Fn(f64) -> bool) -> bool {
        self.values
            .iter()
            .filter_map(|value| number(value))
            .any(holds)
    }

    fn any_text(&self, holds: impl Fn(&Text<'_>) -> bool) -> bool {
        self.texts.iter().any(holds)
    }
}

impl Test {
    fn holds(&self, seen: &Seen<'_>, record: &Json) -> bool {
        match self {
            Test::Null => seen.values.iter().all(|value| is_nothing(value)),
            Test::Exists(wanted) => seen.values.iter().any(|value| !value.is_null()) == *wanted,
            Test::Same(field, place, is_cased) => {
                let others = field.values(record);
                let mut others = others.iter().filter_map(|other| as_text(other));
                others.any(|other| {
                    let pattern = Pattern::literal(&other, *place, *is_cased);
                    seen.any_text(|text| pattern.fits(text))
                })
            }
            Test::Text(_) | Test::OneOf(_) | Test::Regex(_) => {
                seen.any_text(|text| self.holds_text(text))
            }
            Test::Cidr(prefix) => seen.any_text(|text| {
                let address = text.text.parse::<std::net::IpAddr>();
                address.is_ok_and(|address| prefix.contains(address))
            }),
            Test::Number(wanted) => seen.any_number(|number| number == *wanted),
            Test::Bool(wanted) => seen.any_text(|text| text.text == wanted.to_string()),
            Test::Compare(order, limit) => seen.any_number(|number| order.holds(number, *limit)),
            Test::Part(part, limit, order) => seen.any_text(|text| {
                let time = text.text.parse::<Timestamp>();
                time.is_ok_and(|time| order.holds(part.of(time), *limit))
            }),
        }
    }

    fn holds_text(&self, text: &Text<'_>) -> bool {
        match self {
            Test::Text(pattern) => pattern.fits(text),
            Test::OneOf(set) => set.contains(&text.small()),
            Test::Regex(regex) => regex.is_match(&text.text),
            Test::Number(wanted) => number_in(&text.text) == Some(*wanted),
            Test::Cidr(_)
            | Test::Compare(..)
            | Test::Bool(_)
            | Test::Null
            | Test::Exists(_)
            | Test::Same(..)
            | Test::Part(..) => false,
        }
    }
}

impl Order {
    fn holds(self, number: f64, limit: f64) -> bool {
        match self {
            Order::Less => number < limit,
            Order::LessOrEqual => number <= limit,
            Order::Equal => number == limit,
            Order::MoreOrEqual => number >= limit,
            Order::More => number > limit,
        }
    }
}

impl Part {
    fn of(self, time: Timestamp) -> f64 {
        let days = time.secs().div_euclid(86_400);
        let of_day = time.secs().rem_euclid(86_400);
        let (year, month, day) = event::time::civil(days);
        let number = match self {
            Part::Minute => of_day / 60 % 60,
            Part::Hour => of_day / 3600,
            Part::Day => i64::from(day),
            // 1970-01-01 was a Thursday; a week belongs to the year of its Thursday (ISO 8601).
            Part::Week => {
                let thursday = days - (days + 3).rem_euclid(7) + 3;
                let (of, _, _) = event::time::civil(thursday);
                (thursday - event::time::days(of, 1, 1)) / 7 + 1
            }
            Part::Month => i64::from(month),
            Part::Year => year,
        };
        #[expect(clippy::cast_precision_loss, reason = "a year at most")]
        let number = number as f64;
        number
    }
}

/// Texts without wildcards become one set: a list of thousands is asked once.
fn gathered(tests: Vec<Test>) -> Vec<Test> {
    let mut set = HashSet::new();
    let mut others = Vec::new();
    for test in tests {
        match &test {
            Test::Text(pattern) => match pattern.whole() {
                Some(text) => drop(set.insert(text)),
                None => others.push(test),
            },
            _ => others.push(test),
        }
    }
    if !set.is_empty() {
        others.insert(0, Test::OneOf(set));
    }
    others
}

fn read_value(
    value: &Yaml,
    modifiers: &Modifiers,
    placeholders: &Placeholders,
    map: &dyn Fn(&str) -> Field,
    is_keyword: bool,
) -> Result<Vec<Test>, String> {
    if let Some(part) = modifiers.part {
        let order = match modifiers.what {
            What::Compare(order) => order,
            _ => Order::Equal,
        };
        return Ok(vec![Test::Part(part, number_of(value)?, order)]);
    }
    match modifiers.what {
        What::Exists => match value {
            Yaml::Bool(wanted) => Ok(vec![Test::Exists(*wanted)]),
            _ => Err("exists takes true or false".to_owned()),
        },
        What::Compare(order) => Ok(vec![Test::Compare(order, number_of(value)?)]),
        What::Cidr => {
            let text = text_of_yaml(value)?;
            let prefix = Prefix::from_str(&text).map_err(|error| error.to_string())?;
            Ok(vec![Test::Cidr(prefix)])
        }
        What::Regex => {
            let text = text_of_yaml(value)?;
            let flags = modifiers.flags;
            let regex = RegexBuilder::new(&text)
                .case_insensitive(flags.ignores_case)
                .multi_line(flags.is_multi_line)
                .dot_matches_new_line(flags.dot_is_all)
                .size_limit(MAX_REGEX)
                .build()
                .map_err(|error| last_line(&error.to_string()))?;
            Ok(vec![Test::Regex(regex)])
        }
        What::FieldRef => {
            let other = map(&text_of_yaml(value)?);
            Ok(vec![Test::Same(other, modifiers.place, modifiers.is_cased)])
        }
        What::Text => texts_of(value, modifiers, placeholders, is_keyword),
    }
}

fn texts_of(
    value: &Yaml,
    modifiers: &Modifiers,
    placeholders: &Placeholders,
    is_keyword: bool,
) -> Result<Vec<Test>, String> {
    let is_plain = modifiers.place == Place::Whole && modifiers.base64 == Base64::No && !is_keyword;
    match value {
        Yaml::Null if is_plain => return Ok(vec![Test::Null]),
        Yaml::Bool(wanted) if is_plain => return Ok(vec![Test::Bool(*wanted)]),
        Yaml::Number(number) if is_plain => {
            return Ok(vec![Test::Number(number.as_f64().unwrap_or(f64::NAN))]);
        }
        _ => {}
    }
    let text = text_of_yaml(value)?;
    let mut forms = if modifiers.has_expand {
        expanded(&text, placeholders)?
    } else {
        vec![text]
    };
    if modifiers.has_windash {
        forms = forms.iter().flat_map(|form| dashes(form)).collect();
    }
    if is_plain && forms.len() == 1 && forms.first().is_some_and(String::is_empty) {
        return Ok(vec![Test::Null]);
    }
    let place = match (modifiers.place, is_keyword) {
        (_, true) => Place::Anywhere,
        (place, false) => place,
    };
    let mut tests = Vec::new();
    for form in forms {
        if modifiers.base64 == Base64::No {
            tests.push(Test::Text(Pattern::new(&form, place, modifiers.is_cased)));
            continue;
        }
        for bytes in encoded(&form, modifiers.encoding) {
            for code in base64_of(&bytes, modifiers.base64) {
                // Base64 tells capitals from small letters.
                tests.push(Test::Text(Pattern::literal(&code, place, true)));
            }
        }
    }
    Ok(tests)
}

/// Every combination of what its placeholders stand for; bounded.
fn expanded(text: &str, placeholders: &Placeholders) -> Result<Vec<String>, String> {
    let mut forms = vec![String::new()];
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        let Some((name, behind)) = after.split_once('%') else {
            break;
        };
        let values = placeholders.get(name).ok_or_else(|| {
            format!("the placeholder %{name}% is not set (alert.sigma_placeholders)")
        })?;
        if forms.len().saturating_mul(values.len()) > MAX_VALUES {
            return Err(format!(
                "placeholders stand for more than {MAX_VALUES} values"
            ));
        }
        forms = forms
            .iter()
            .flat_map(|form| {
                values
                    .iter()
                    .map(move |value| format!("{form}{before}{value}"))
            })
            .collect();
        rest = behind;
    }
    Ok(forms.into_iter().map(|form| form + rest).collect())
}

/// A dash of a command line in all its forms.
fn dashes(text: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for dash in ["-", "/", "\u{2013}", "\u{2014}", "\u{2015}"] {
        let mut form = String::with_capacity(text.len());
        let mut before = ' ';
        for c in text.chars() {
            if matches!(c, '-' | '/') && before.is_whitespace() {
                form.push_str(dash);
            } else {
                form.push(c);
            }
            before = c;
        }
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

fn encoded(text: &str, encoding: Encoding) -> Vec<Vec<u8>> {
    let units = || text.encode_utf16();
    let little = || units().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let big = || units().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    match encoding {
        Encoding::Utf8 => vec![text.as_bytes().to_vec()],
        Encoding::Utf16Le => vec![little()],
        Encoding::Utf16Be => vec![big()],
        Encoding::Utf16 => {
            let marked = |mark: [u8; 2], bytes: Vec<u8>| [&mark[..], &bytes].concat();
            vec![marked([0xff, 0xfe], little()), marked([0xfe, 0xff], big())]
        }
    }
}

/// What these bytes look like in Base64: as a whole, or within other bytes at any of three offsets.
/// Characters at the ends that hold bits of neighbours are left out.
fn base64_of(bytes: &[u8], how: Base64) -> Vec<String> {
    if how == Base64::Whole {
        return vec![STANDARD.encode(bytes)];
    }
    (0..3_usize)
        .map(|offset| {
            let mut padded = vec![0; offset];
            padded.extend_from_slice(bytes);
            let code = STANDARD.encode(&padded);
            let start = [0, 2, 3].get(offset).copied().unwrap_or(0);
            let cut = match padded.len() % 3 {
                0 => 0,
                1 => 3,
                _ => 2,
            };
            let end = code.len().saturating_sub(cut);
            code.get(start..end).unwrap_or_default().to_owned()
        })
        .filter(|code| !code.is_empty())
        .collect()
}

fn number_of(value: &Yaml) -> Result<f64, String> {
    let number = match value {
        Yaml::Number(number) => number.as_f64(),
        Yaml::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| "a number is needed".to_owned())
}

fn text_of_yaml(value: &Yaml) -> Result<String, String> {
    match value {
        Yaml::String(text) => Ok(text.clone()),
        Yaml::Number(number) => Ok(number.to_string()),
        Yaml::Bool(value) => Ok(value.to_string()),
        Yaml::Null => Ok(String::new()),
        Yaml::Sequence(_) | Yaml::Mapping(_) | Yaml::Tagged(_) => {
            Err("a text or a number is needed".to_owned())
        }
    }
}

fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default().trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn is_nothing(value: &Json) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// A value as text: numbers and truth values as JSON writes them.
pub fn as_text(value: &Json) -> Option<Cow<'_, str>> {
    match value {
        Json::String(text) => Some(Cow::Borrowed(text)),
        Json::Number(number) => Some(Cow::Owned(number.to_string())),
        Json::Bool(value) => Some(Cow::Owned(value.to_string())),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A value as number, also where it is written as text.
pub fn number(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => number_in(text),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

fn number_in(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// Whether any text of the record holds.
fn any_text(value: &Json, holds: &mut dyn FnMut(&str) -> bool, depth: usize) -> bool {
    // EVE has at most six levels.
    if depth > 16 {
        return false;
    }
    match value {
        Json::String(text) => holds(text),
        Json::Number(number) => holds(&number.to_string()),
        Json::Array(list) => list.iter().any(|value| any_text(value, holds, depth + 1)),
        Json::Object(members) => members
            .values()
            .any(|value| any_text(value, holds, depth + 1)),
        Json::Null | Json::Bool(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item(key: &str, value: &str) -> Result<Item, String> {
        let value: Yaml = serde_yaml_ng::from_str(value).unwrap();
        let set = Placeholders::from([(
            "admins".to_owned(),
            vec!["root".to_owned(), "adm*".to_owned()],
        )]);
        Item::read(key, &value, &set, &Field::raw)
    }

    fn check(key: &str, value: &str, expected: bool) {
        let record = json!({
            "timestamp": "2026-01-02T03:04:05.678901+0000",
            "src_ip": "10.1.2.3", "dest_port": 443, "user": "Administrator", "other": "administrator",
            "list": ["one", "Two"], "empty": "", "none": null, "yes": true,
            "cmd": "powershell -enc aGVsbG8gd29ybGQ=",
            "path": "C:\\Windows\\cmd.exe", "six": "2001:db8::1", "text": "line one\nline two",
            "wide": "ZABpAHIA",
        });
        let item = item(key, value).unwrap();
        assert_eq!(item.holds(&record), expected, "{key}: {value}");
    }

    #[test]
    fn values_are_compared_as_sigma_says() {
        check("user", "administrator", true);
        check("user|cased", "administrator", false);
        check("user", "Admin*", true);
        check("user|contains", "MINI", true);
        check("user|startswith", "adm", true);
        check("user|endswith", "adm", false);
        check("list", "two", true);
        check("list|contains|all", "[one, two]", true);
        check("list|contains|all", "[one, three]", false);
        check("dest_port", "443", true);
        check("dest_port", "'443'", true);
        check("dest_port", "[80, 8080]", false);
        check("yes", "true", true);
        check("missing", "x", false);
        check("path|endswith", r"'\cmd.exe'", true);
    }

    #[test]
    fn nothing_and_something_are_told_apart() {
        check("missing", "null", true);
        check("none", "null", true);
        check("empty", "''", true);
        check("user", "null", false);
        check("user|exists", "true", true);
        check("missing|exists", "false", true);
        check("none|exists", "true", false);
        check("user|neq", "guest", true);
        check("user|neq", "administrator", false);
        check("missing|neq", "x", false);
    }

    #[test]
    fn numbers_networks_and_times_are_compared_by_what_they_are() {
        check("dest_port|gt", "442", true);
        check("dest_port|gte", "443", true);
        check("dest_port|lt", "443", false);
        check("dest_port|lte", "443", true);
        check("src_ip|cidr", "10.0.0.0/8", true);
        check("src_ip|cidr", "[192.168.0.0/16, '2001:db8::/32']", false);
        check("six|cidr", "'2001:db8::/32'", true);
        check("timestamp|hour", "3", true);
        check("timestamp|year", "2026", true);
        check("timestamp|month", "1", true);
        check("timestamp|day|gt", "2", false);
        check("timestamp|week", "1", true);
        check("timestamp|minute|lte", "4", true);
    }

    #[test]
    fn regular_expressions_have_their_flags() {
        check("user|re", "^Admin.*r$", true);
        check("user|re", "^admin", false);
        check("user|re|i", "^admin", true);
        check("text|re", "^line two$", false);
        check("text|re|m", "^line two$", true);
        check("text|re", "one.line", false);
        check("text|re|s", "one.line", true);
    }

    #[test]
    fn encodings_are_found_in_other_texts() {
        check("cmd|base64|contains", "hello world", true);
        check("cmd|base64offset|contains", "lo wor", true);
        check("cmd|base64offset|contains", "ello", true);
        check("cmd|base64offset|contains", "absent", false);
        check("wide|wide|base64offset|contains", "dir", true);
        check("cmd|windash|contains", "' /enc'", true);
        check("cmd|windash|contains", "' -enc'", true);
    }

    #[test]
    fn fields_are_compared_and_placeholders_are_filled() {
        check("user|fieldref", "other", true);
        check("user|fieldref", "src_ip", false);
        check("user|fieldref|startswith", "other", true);
        check("user|expand", "'%admins%'", true);
        check("user|expand", "'x%admins%'", false);
    }

    #[test]
    fn keywords_look_everywhere() {
        check("", "powershell", true);
        check("|all", "[powershell, 443]", true);
        check("|all", "[powershell, 444]", false);
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        let check = |key: &str, value: &str, part: &str| {
            let why = item(key, value).unwrap_err();
            assert!(why.contains(part), "{key} {value}: {why}");
        };
        check("a|colour", "x", "no modifier \"colour\"");
        check("a|i", "x", "no modifier \"i\"");
        check("a|re", "'('", "unclosed group");
        check("a|re", r"'\w{1000}{1000}'", "size limit");
        check("a|cidr", "pear", "neither an address");
        check("a|gt", "pear", "a number is needed");
        check("a|exists", "1", "true or false");
        check("a|wide|contains", "x", "for base64");
        check("a|expand", "'%nobody%'", "%nobody% is not set");
        check("a", "[]", "empty list");
        check("a", "{b: c}", "a text or a number");
    }

    #[test]
    fn base64_of_a_part_is_found_wherever_it_stands() {
        for before in 0..5 {
            for after in 0..5 {
                let text = format!("{}needle{}", "x".repeat(before), "y".repeat(after));
                let code = STANDARD.encode(text);
                let forms = base64_of(b"needle", Base64::AnyOffset);
                assert!(
                    forms.iter().any(|form| code.contains(form)),
                    "{before} {after}"
                );
            }
        }
    }
}
