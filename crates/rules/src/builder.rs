//! A rule while it is read: which buffer is looked into now, what modifiers refer to.

use crate::context::Context;
use crate::rule::{
    Action, Addresses, Arrow, BufferMatch, Condition, Content, Effect, FlowOptions, Origin,
    PayloadMatch, Ports, Protocol, Rule, Transform, Value,
};
use event::{AppProtocol, Buffer};
use std::sync::Arc;

/// Most payload conditions and conditions of one rule; real rules stay below 100.
const MAX_MATCHES: usize = 1024;
/// Most variables of one rule; an index is one byte.
const MAX_VARIABLES: usize = 64;

/// Instead of an entry: a variable of `byte_math` is seen from every buffer.
pub(crate) const ANYWHERE: usize = usize::MAX;

/// A rule being read.
pub(crate) struct Builder<'a> {
    pub(crate) context: &'a Context,
    pub(crate) rule: Rule,
    /// Entry of `rule.buffers` that a sticky buffer selected; None for packet and stream.
    pub(crate) sticky: Option<usize>,
    /// The content that modifiers change.
    pub(crate) last_content: Option<(usize, usize)>,
    /// The entry that the last payload condition went to, which relative ones follow.
    pub(crate) last_place: Option<usize>,
    /// Names of captured numbers and the entry that captured them.
    pub(crate) variables: Vec<(String, usize)>,
    /// Why the rule cannot match although it is right.
    pub(crate) degraded: Vec<String>,
    /// Protocols that keywords ask for, with the keyword.
    pub(crate) wanted: Vec<(&'static [AppProtocol], String)>,
    /// Whether `alert` was written: a pass rule tells only then.
    pub(crate) has_alert: bool,
    /// Whether the text is Snort 3's: `http_uri;` before the content, modifiers after commas.
    pub(crate) is_snort: bool,
    /// Keywords that may stand only once.
    pub(crate) once: Vec<&'static str>,
    /// Whether `priority` was written, which beats the class's.
    pub(crate) has_priority: bool,
    pub(crate) has_sid: bool,
    /// The option at hand, counted from 0.
    pub(crate) option: u16,
    pub(crate) flow: Option<FlowOptions>,
    /// Direction that `bidir.toserver` and `bidir.toclient` force.
    pub(crate) forced: Option<event::Direction>,
    matches: usize,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(context: &'a Context, text: Arc<str>, origin: Origin) -> Self {
        let rule = Rule {
            action: Action::Alert,
            protocol: Protocol::Ip { family: None },
            hook: None,
            source: Addresses::default(),
            source_ports: Ports::any(),
            arrow: Arrow::Forward,
            destination: Addresses::default(),
            destination_ports: Ports::any(),
            sid: 0,
            gid: 1,
            rev: 0,
            msg: String::new(),
            classtype: None,
            category: String::new(),
            priority: 3,
            references: Vec::new(),
            metadata: Vec::new(),
            target: None,
            is_silent: false,
            conditions: Vec::new(),
            buffers: Vec::new(),
            effects: Vec::new(),
            threshold: None,
            detection_filter: None,
            prefilter: None,
            origin,
            text,
        };
        Builder {
            context,
            rule,
            sticky: None,
            last_content: None,
            last_place: None,
            variables: Vec::new(),
            degraded: Vec::new(),
            wanted: Vec::new(),
            has_alert: false,
            is_snort: false,
            once: Vec::new(),
            has_priority: false,
            has_sid: false,
            option: 0,
            flow: None,
            forced: None,
            matches: 0,
        }
    }

    /// Refuses a second `keyword`.
    pub(crate) fn only_once(&mut self, keyword: &'static str) -> Result<(), String> {
        if self.once.contains(&keyword) {
            return Err(format!(
                "`{keyword}` stands twice: multiple \"{keyword}\" options are not allowed in the same rule; keep one"
            ));
        }
        self.once.push(keyword);
        Ok(())
    }

    fn count(&mut self) -> Result<(), String> {
        self.matches += 1;
        if self.matches > MAX_MATCHES {
            return Err(format!("the rule has more than {MAX_MATCHES} conditions"));
        }
        Ok(())
    }

    pub(crate) fn condition(&mut self, condition: Condition) -> Result<(), String> {
        self.count()?;
        self.rule.conditions.push(condition);
        Ok(())
    }

    pub(crate) fn effect(&mut self, effect: Effect) -> Result<(), String> {
        self.count()?;
        self.rule.effects.push(effect);
        Ok(())
    }

    /// A condition or effect that no reader here understands further, kept as written.
    pub(crate) fn keyword(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        let value = value.unwrap_or_default();
        let (argument, is_negated) = match value.strip_prefix('!') {
            Some(rest) => (rest.trim_start(), true),
            None => (value, false),
        };
        let argument = super::options::unquoted(argument).to_owned();
        self.condition(Condition::Keyword {
            name: name.to_owned(),
            argument,
            is_negated,
        })
    }

    /// Notes that a keyword belongs to some protocols.
    pub(crate) fn want(&mut self, protocols: &'static [AppProtocol], keyword: &str) {
        if !protocols.is_empty() {
            self.wanted.push((protocols, keyword.to_owned()));
        }
    }

    /// The entry for a buffer: the one in use, unless each entry is an instance of its own.
    pub(crate) fn entry(&mut self, buffer: Buffer, is_multi: bool) -> usize {
        let direction = self.forced;
        let same = |b: &BufferMatch| {
            b.buffer == buffer && b.transforms.is_empty() && b.direction == direction
        };
        let found = self.rule.buffers.iter().position(same);
        match found {
            Some(at) if !is_multi => at,
            Some(at)
                if self
                    .rule
                    .buffers
                    .get(at)
                    .is_some_and(|b| b.matches.is_empty()) =>
            {
                at
            }
            _ => {
                let is_multi = is_multi && found.is_some();
                let entry = BufferMatch {
                    buffer,
                    transforms: Vec::new(),
                    direction,
                    is_multi,
                    matches: Vec::new(),
                    options: Vec::new(),
                };
                self.rule.buffers.push(entry);
                self.rule.buffers.len() - 1
            }
        }
    }

    /// Selects a sticky buffer; `None` goes back to packet and stream.
    pub(crate) fn select(&mut self, buffer: Option<Buffer>, keyword: &str) -> Result<(), String> {
        if let Some(now) = self.sticky.and_then(|at| self.rule.buffers.get(at))
            && now.matches.is_empty()
        {
            let name = now.buffer.as_str();
            return Err(format!(
                "nothing is looked for in `{name}`: previous sticky buffer has no matches; put a content or pcre behind it"
            ));
        }
        self.last_content = None;
        self.last_place = None;
        self.count()?;
        let Some(buffer) = buffer else {
            self.sticky = None;
            return Ok(());
        };
        self.want(buffer.protocols(), keyword);
        let at = self.entry(buffer, is_multi_instance(buffer));
        self.sticky = Some(at);
        Ok(())
    }

    /// Adds a transform to the sticky buffer, which has nothing looked for yet.
    pub(crate) fn transform(&mut self, transform: Transform) -> Result<(), String> {
        let Some(at) = self.sticky else {
            return Err(
                "a transform changes a sticky buffer; write one before it, such as `http.uri;`"
                    .to_owned(),
            );
        };
        let Some(entry) = self.rule.buffers.get(at) else {
            return Ok(());
        };
        if entry.matches.is_empty() {
            if entry.transforms.len() >= 16 {
                return Err("more than 16 transforms follow each other".to_owned());
            }
            if let Some(entry) = self.rule.buffers.get_mut(at) {
                entry.transforms.push(transform);
            }
            return Ok(());
        }
        // The same buffer was looked into untransformed before: a new entry takes the transforms.
        let (buffer, direction) = (entry.buffer, entry.direction);
        self.rule.buffers.push(BufferMatch {
            buffer,
            transforms: vec![transform],
            direction,
            is_multi: false,
            matches: Vec::new(),
            options: Vec::new(),
        });
        self.sticky = Some(self.rule.buffers.len() - 1);
        (self.last_content, self.last_place) = (None, None);
        Ok(())
    }

    /// Where a payload condition goes: the sticky buffer, what it is relative to, or the payload.
    pub(crate) fn place(&mut self, is_relative: bool) -> usize {
        if let Some(at) = self.sticky {
            return at;
        }
        match self.last_place.filter(|_| is_relative) {
            Some(at) => at,
            None => self.entry(Buffer::Payload, false),
        }
    }

    /// Adds a payload condition to entry `at`.
    pub(crate) fn push(&mut self, at: usize, found: PayloadMatch) -> Result<(), String> {
        self.push_of(at, found, self.option)
    }

    /// As [`Builder::push`], for a condition that option number `option` wrote.
    pub(crate) fn push_of(
        &mut self,
        at: usize,
        found: PayloadMatch,
        option: u16,
    ) -> Result<(), String> {
        self.count()?;
        if let Some(entry) = self.rule.buffers.get_mut(at) {
            if let PayloadMatch::Content(_) = found {
                self.last_content = Some((at, entry.matches.len()));
            }
            entry.matches.push(found);
            entry.options.push(option);
            self.last_place = Some(at);
        }
        Ok(())
    }

    /// The content that a modifier changes.
    pub(crate) fn content(&mut self, modifier: &str) -> Result<&mut Content, String> {
        let at = self.last_content;
        let found =
            at.and_then(|(entry, at)| self.rule.buffers.get_mut(entry)?.matches.get_mut(at));
        match found {
            Some(PayloadMatch::Content(content)) => Ok(content),
            _ => Err(format!(
                "`{modifier}` needs a content before it in the same buffer; put it directly behind its content"
            )),
        }
    }

    /// Gives a name to the next captured number.
    pub(crate) fn define(&mut self, name: &str, place: usize) -> Result<u8, String> {
        if !is_name(name) {
            return Err(format!(
                "`{name}` is no name for a variable; begin with a letter and use letters, digits, `_`, `.`, `-`"
            ));
        }
        if let Some(at) = self.variables.iter().position(|(known, _)| known == name) {
            return Ok(at as u8);
        }
        if self.variables.len() >= MAX_VARIABLES {
            return Err(format!(
                "the rule captures more than {MAX_VARIABLES} variables"
            ));
        }
        self.variables.push((name.to_owned(), place));
        Ok((self.variables.len() - 1) as u8)
    }

    /// A number, or a variable captured before in the same buffer.
    pub(crate) fn value(
        &self,
        text: &str,
        keyword: &str,
        place: Option<usize>,
    ) -> Result<Value, String> {
        if let Some(number) = super::options::numbers::signed(text) {
            return Ok(Value::Number(number));
        }
        let buffer_of = |at: usize| self.rule.buffers.get(at).map(|entry| entry.buffer);
        let known = self.variables.iter().position(|(name, at)| {
            name == text
                && place.is_none_or(|place| {
                    *at == place || *at == ANYWHERE || buffer_of(*at) == buffer_of(place)
                })
        });
        match known {
            Some(at) => Ok(Value::Variable(at as u8)),
            None => Err(unknown_variable(keyword, text)),
        }
    }
}

fn unknown_variable(keyword: &str, name: &str) -> String {
    let known = match keyword {
        "byte_math" => format!("unknown byte_ keyword var seen in byte_math - {name}"),
        _ => format!("Unknown byte_extract var seen in {keyword} - {name}"),
    };
    format!("{known}; capture it before with byte_extract or byte_math in the same buffer")
}

fn is_name(name: &str) -> bool {
    let is_fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    name.bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.len() <= 64
        && name.bytes().all(is_fine)
}

/// Buffers that exist many times in a transaction: each selection is one instance of its own.
pub(crate) fn is_multi_instance(buffer: Buffer) -> bool {
    let name = buffer.as_str();
    matches!(
        buffer,
        Buffer::FileData
            | Buffer::FileName
            | Buffer::FileMagic
            | Buffer::HttpRequestHeader
            | Buffer::HttpResponseHeader
            | Buffer::Http2HeaderName
            | Buffer::TlsCerts
            | Buffer::TlsAlpn
            | Buffer::TlsSubjectAltName
            | Buffer::EmailUrl
            | Buffer::EmailReceived
            | Buffer::SmtpRcptTo
            | Buffer::FtpReply
            | Buffer::FtpCompletionCode
    ) || (name.starts_with("dns.") && !name.starts_with("dns.opcode"))
        || name.starts_with("mdns.")
        || matches!(
            name,
            "ike.vendor"
                | "krb5.cname"
                | "krb5.sname"
                | "mqtt.subscribe.topic"
                | "mqtt.unsubscribe.topic"
                | "quic.cyu.hash"
                | "quic.cyu.string"
        )
        || name.starts_with("ldap.responses.")
        || name.starts_with("sdp.media")
}
