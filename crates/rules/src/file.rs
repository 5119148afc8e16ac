//! A file of rules: every line to its verdict, and several files to one set without duplicates.

use crate::addresses;
use crate::builder::Builder;
use crate::checks;
use crate::context::{Context, Variables};
use crate::header;
use crate::lexer::{Lines, LogicalLine, MAX_RULE_BYTES, next_option, readable};
use crate::options;
use crate::ports;
use crate::rule::{Action, Addresses, Compare, Condition, Origin, Ports, Rule};
use crate::verdict::{Parsed, Refusal, Summary};
use ahash::AHashMap;
use memchr::memmem::Finder;
use std::sync::{Arc, LazyLock};

/// Most refusals of one file that are kept with their reason: a file of noise has millions.
pub const MAX_REFUSALS: usize = 10_000;
/// Most rules of one run, six times the largest open set: each takes 3.5 kB, so that more would take a
/// gigabyte.
pub const MAX_RULES: usize = 250_000;
/// Most header fields whose meaning is kept while a file is read; real sets have a few hundred.
const MAX_CACHED_FIELDS: usize = 8192;
/// Longest piece of a refused rule that is kept.
const MAX_SHOWN_BYTES: usize = 200;

/// What a file of rules says.
#[derive(Clone, Debug, Default)]
pub struct RuleFile {
    /// Every rule in the order of the file, commented-out ones left out. One more than [`MAX_RULES`]
    /// where there are more: those behind it are not read.
    pub parsed: Vec<Parsed>,
    /// Rules commented out.
    pub disabled: u64,
    /// Refusals beyond [`MAX_REFUSALS`], of which only the number is known.
    pub more_refused: u64,
}

impl RuleFile {
    /// The totals of this file.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary {
            disabled: self.disabled,
            refused: self.more_refused,
            ..Summary::default()
        };
        for parsed in &self.parsed {
            count(parsed, &mut summary);
        }
        summary
    }
}

fn count(parsed: &Parsed, summary: &mut Summary) {
    match parsed {
        Parsed::Loaded(_) => summary.loaded += 1,
        Parsed::Degraded(..) => summary.degraded += 1,
        Parsed::Skipped(_) => summary.skipped += 1,
        Parsed::Disabled => summary.disabled += 1,
        Parsed::Refused(refusal) => {
            summary.refused += 1;
            summary.refusals.push(refusal.clone());
        }
    }
}

/// Reads a file of rules; `name` stands in messages.
#[must_use]
pub fn parse_file(name: &str, text: &[u8], context: &Context) -> RuleFile {
    let mut reader = Reader {
        file: name.into(),
        context,
        addresses: AHashMap::new(),
        ports: AHashMap::new(),
    };
    let (mut file, mut refused) = (RuleFile::default(), 0);
    for line in Lines::new(text) {
        if file.parsed.len() > MAX_RULES {
            break;
        }
        match reader.line(&line, refused < MAX_REFUSALS) {
            None => {}
            Some(Parsed::Disabled) => file.disabled += 1,
            Some(Parsed::Refused(_)) if refused >= MAX_REFUSALS => file.more_refused += 1,
            Some(parsed) => {
                refused += usize::from(matches!(parsed, Parsed::Refused(_)));
                file.parsed.push(parsed);
            }
        }
    }
    file
}

struct Reader<'a> {
    file: Arc<str>,
    context: &'a Context,
    addresses: AHashMap<String, Addresses>,
    ports: AHashMap<String, Ports>,
}

/// Offset in the rule and reason.
type Wrong = (usize, String);

enum Outcome {
    Rule(Box<Rule>, Vec<String>),
    Skipped(String),
}

impl Reader<'_> {
    fn line(&mut self, line: &LogicalLine<'_>, is_reported: bool) -> Option<Parsed> {
        let text = line.text.trim_matches(crate::lexer::is_blank);
        let start = line.text.len() - line.text.trim_start_matches(crate::lexer::is_blank).len();
        if text.is_empty() {
            return None;
        }
        if let Some(comment) = text.strip_prefix('#') {
            return is_disabled_rule(comment).then_some(Parsed::Disabled);
        }
        let outcome = if line.is_too_long {
            Err((0, format!("the line is longer than {MAX_RULE_BYTES} bytes")))
        } else {
            self.rule(text, line.line)
        };
        Some(match outcome {
            Ok(Outcome::Rule(rule, reasons)) if reasons.is_empty() => Parsed::Loaded(rule),
            Ok(Outcome::Rule(rule, reasons)) => Parsed::Degraded(rule, reasons),
            Ok(Outcome::Skipped(why)) => Parsed::Skipped(self.refusal(line, text, start, why)),
            // Only the number of refusals beyond the limit is kept: no text is made for them.
            Err(_) if !is_reported => Parsed::Refused(Refusal {
                file: self.file.clone(),
                line: line.line,
                column: 1,
                reason: String::new(),
                sid: None,
                text: String::new(),
            }),
            Err((offset, why)) => Parsed::Refused(self.refusal(line, text, start + offset, why)),
        })
    }

    fn refusal(
        &self,
        line: &LogicalLine<'_>,
        text: &str,
        offset: usize,
        reason: String,
    ) -> Refusal {
        let (at, column) = line.position(offset);
        let end = (0..=MAX_SHOWN_BYTES.min(text.len()))
            .rev()
            .find(|&end| text.is_char_boundary(end));
        let shown = readable(text.get(..end.unwrap_or(0)).unwrap_or_default());
        Refusal {
            file: self.file.clone(),
            line: at,
            column,
            reason,
            sid: sid_of(text),
            text: shown,
        }
    }

    fn rule(&mut self, text: &str, line: u32) -> Result<Outcome, Wrong> {
        let word = text
            .split(|c: char| crate::lexer::is_blank(c) || c == '(')
            .next()
            .unwrap_or_default();
        let action = header::action(word).map_err(|_| {
            let shown: String = readable(word).chars().take(40).collect();
            (0, format!("`{shown}` is no action; a rule begins with alert, pass, drop, reject, rejectsrc, rejectdst, rejectboth or config"))
        })?;
        let header = header::split(text)?;
        if REQUIRES.find(text.as_bytes()).is_some()
            && let Some(why) = self.unmet(header.options, header.options_at)?
        {
            return Ok(Outcome::Skipped(why));
        }
        let origin = Origin {
            file: self.file.clone(),
            line,
        };
        let rule_text: Arc<str> = if text.is_ascii() {
            text.into()
        } else {
            readable(text).into()
        };
        let mut builder = Builder::new(self.context, rule_text, origin);
        builder.rule.action = action;
        // What passes is not told, unless `alert` asks for it.
        builder.rule.is_silent = action == Action::Pass;
        self.header(&mut builder, &header)?;
        builder.is_snort = is_snort(text);
        let (mut rest, mut offset) = (header.options, header.options_at);
        let mut number = 0_usize;
        while let Some(option) = next_option(&mut rest, &mut offset) {
            let option = option?;
            if option.name.is_empty() {
                if option.value.is_none() {
                    continue;
                }
                return Err((
                    option.offset,
                    "an option has a value and no keyword".to_owned(),
                ));
            }
            builder.option = u16::try_from(number).unwrap_or(u16::MAX);
            number += 1;
            options::apply(&mut builder, &option).map_err(|why| {
                (
                    option.offset,
                    format!(
                        "{}: {why}",
                        readable(option.name).chars().take(60).collect::<String>()
                    ),
                )
            })?;
        }
        let (rule, reasons) = checks::finish(builder).map_err(|why| (0, why))?;
        Ok(Outcome::Rule(Box::new(rule), reasons))
    }

    fn unmet(&self, mut rest: &str, mut offset: usize) -> Result<Option<String>, Wrong> {
        while let Some(option) = next_option(&mut rest, &mut offset) {
            let Ok(option) = option else { return Ok(None) };
            if option.name == "requires" {
                let unmet =
                    options::requires::unmet(option.value.unwrap_or_default(), self.context);
                match unmet.map_err(|why| (option.offset, why))? {
                    None => {}
                    why => return Ok(why),
                }
            }
        }
        Ok(None)
    }

    fn header(
        &mut self,
        builder: &mut Builder<'_>,
        header: &header::Header<'_>,
    ) -> Result<(), Wrong> {
        let field = |at: usize| header.fields.get(at).copied().unwrap_or_default();
        let (at, text) = field(1);
        // IGMP has neither ports nor a parser: it is IP with a number.
        let text = if text == "igmp" {
            builder
                .condition(Condition::IpProto(Compare::Equal(2)))
                .map_err(|why| (at, why))?;
            "ip"
        } else {
            text
        };
        let (protocol, hook) = header::protocol(text).map_err(|why| (at, why))?;
        builder.rule.protocol = protocol;
        builder.rule.hook = hook;
        if header.fields.len() < 7 {
            return Ok(());
        }
        builder.rule.source = self.address(field(2))?;
        builder.rule.source_ports = self.port(field(3))?;
        let (at, arrow) = field(4);
        builder.rule.arrow = header::arrow(arrow).map_err(|why| (at, why))?;
        builder.rule.destination = self.address(field(5))?;
        builder.rule.destination_ports = self.port(field(6))?;
        Ok(())
    }

    fn address(&mut self, field: (usize, &str)) -> Result<Addresses, Wrong> {
        cached(
            &mut self.addresses,
            field,
            &self.context.addresses,
            addresses::parse,
        )
    }

    fn port(&mut self, field: (usize, &str)) -> Result<Ports, Wrong> {
        cached(&mut self.ports, field, &self.context.ports, ports::parse)
    }
}

fn cached<T: Clone>(
    known: &mut AHashMap<String, T>,
    (at, text): (usize, &str),
    variables: &Variables,
    parse: fn(&str, &Variables) -> Result<T, String>,
) -> Result<T, Wrong> {
    if let Some(found) = known.get(text) {
        return Ok(found.clone());
    }
    let found = parse(text, variables).map_err(|why| (at, why))?;
    if known.len() < MAX_CACHED_FIELDS {
        known.insert(text.to_owned(), found.clone());
    }
    Ok(found)
}

/// Snort 3 names services and puts modifiers behind commas.
fn is_snort(text: &str) -> bool {
    SNORT
        .iter()
        .any(|sign| sign.find(text.as_bytes()).is_some())
}

static SNORT: LazyLock<[Finder<'static>; 5]> = LazyLock::new(|| {
    [
        "service:",
        "\",fast_pattern",
        "\",nocase",
        "bufferlen:",
        "\",depth ",
    ]
    .map(Finder::new)
});

static REQUIRES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("requires"));

/// Whether a comment is a rule that was switched off.
fn is_disabled_rule(comment: &str) -> bool {
    let rule = comment.trim_start_matches(|c: char| c == '#' || crate::lexer::is_blank(c));
    let word = rule
        .split(crate::lexer::is_blank)
        .next()
        .unwrap_or_default();
    header::action(word).is_ok() && rule.contains('(') && rule.contains("sid")
}

/// The number behind `sid:` of a rule that could not be read.
fn sid_of(text: &str) -> Option<u32> {
    let (_, rest) = text.rsplit_once("sid:")?;
    let digits = rest.trim_start();
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}

/// Rules of several files: of each signature only the newest revision.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    parsed: Vec<Parsed>,
    by_id: AHashMap<(u32, u32), usize>,
    disabled: u64,
    more_refused: u64,
}

impl RuleSet {
    /// Adds a file; a signature that is there in the same or a newer revision is refused.
    pub fn add(&mut self, file: RuleFile) {
        self.disabled += file.disabled;
        self.more_refused += file.more_refused;
        self.parsed.reserve(file.parsed.len());
        for parsed in file.parsed {
            let parsed = match parsed.rule() {
                Some(rule) => self
                    .newest((rule.gid, rule.sid), rule.rev, rule)
                    .map_or(parsed, Parsed::Refused),
                None => parsed,
            };
            self.parsed.push(parsed);
        }
    }

    fn newest(&mut self, id: (u32, u32), rev: u32, rule: &Rule) -> Option<Refusal> {
        let at = self.parsed.len();
        let Some(&known) = self.by_id.get(&id) else {
            self.by_id.insert(id, at);
            return None;
        };
        let slot = self.parsed.get_mut(known)?;
        let kept = slot.rule()?;
        let (older, newer) = if rev > kept.rev {
            (kept, rule)
        } else {
            (rule, kept)
        };
        let reason = format!(
            "Duplicate signature: sid {} of revision {} is already there in revision {} ({}:{}); give it another sid or remove one",
            id.1, older.rev, newer.rev, newer.origin.file, newer.origin.line
        );
        let refusal = Refusal {
            file: older.origin.file.clone(),
            line: older.origin.line,
            column: 1,
            reason,
            sid: Some(id.1),
            text: older.text.chars().take(MAX_SHOWN_BYTES).collect(),
        };
        if rev > kept.rev {
            *slot = Parsed::Skipped(refusal);
            self.by_id.insert(id, at);
            return None;
        }
        Some(refusal)
    }

    /// Every verdict in the order of the files.
    #[must_use]
    pub fn parsed(&self) -> &[Parsed] {
        &self.parsed
    }

    /// The rules that can match.
    pub fn loaded(&self) -> impl Iterator<Item = &Rule> {
        self.parsed.iter().filter_map(|parsed| match parsed {
            Parsed::Loaded(rule) => Some(rule.as_ref()),
            Parsed::Degraded(..) | Parsed::Refused(_) | Parsed::Skipped(_) | Parsed::Disabled => {
                None
            }
        })
    }

    /// The rules that can match, handed over.
    pub fn into_loaded(self) -> impl Iterator<Item = Rule> {
        self.parsed.into_iter().filter_map(|parsed| match parsed {
            Parsed::Loaded(rule) => Some(*rule),
            Parsed::Degraded(..) | Parsed::Refused(_) | Parsed::Skipped(_) | Parsed::Disabled => {
                None
            }
        })
    }

    /// The totals.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary {
            disabled: self.disabled,
            refused: self.more_refused,
            ..Summary::default()
        };
        for parsed in &self.parsed {
            count(parsed, &mut summary);
        }
        summary
    }
}
