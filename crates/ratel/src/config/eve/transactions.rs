//! Options of the records that transactions write.

use crate::settings::{Node, Settings};
use decode::app::LogOptions;
use decode::app::dns::{Formats, LogSettings, TypeSet, Version};
use decode::app::http::LogConfig;
use decode::app::smtp::EmailLog;
use decode::app::tls::{self, FieldSet};

/// Fields of a mail's header that `extended` stands for.
const EXTENDED_EMAIL: [&str; 5] = ["bcc", "message_id", "subject", "x_mailer", "user_agent"];

/// Reads the options of the records of type `kind`.
pub fn options(log: &mut LogOptions, kind: &str, options: &Node, settings: &Settings) {
    match kind {
        "http" => log.http = http(options),
        "dns" => log.dns = dns(options, settings),
        "tls" => log.tls = tls(options, settings),
        "smtp" => log.smtp = smtp(options, settings),
        _ => {}
    }
}

fn words<'a>(options: &'a Node, key: &str) -> impl Iterator<Item = &'a str> {
    options
        .child(key)
        .into_iter()
        .flat_map(Node::items)
        .filter_map(Node::text)
}

fn http(options: &Node) -> LogConfig {
    let all = options.child_text("dump-all-headers").unwrap_or_default();
    LogConfig {
        is_brief: !options.child_flag("extended").unwrap_or(false),
        request_headers: matches!(all, "both" | "request"),
        response_headers: matches!(all, "both" | "response"),
        custom: words(options, "custom")
            .map(str::to_ascii_lowercase)
            .collect(),
    }
}

fn dns(options: &Node, settings: &Settings) -> LogSettings {
    let mut log = LogSettings::default();
    match options.child_text("version") {
        None | Some("3") => {}
        Some("2") => log.version = Version::V2,
        Some(other) => settings.complain(format!(
            "eve-log: dns records of version {other:?} are not written"
        )),
    }
    // The names of the first version were other ones.
    let flag = |key, old| options.child_flag(key).or_else(|| options.child_flag(old));
    log.requests = flag("requests", "query").unwrap_or(true);
    log.responses = flag("responses", "answer").unwrap_or(true);
    if options
        .child("types")
        .is_some_and(|types| *types != Node::Empty)
    {
        let mut types = TypeSet::default();
        for name in words(options, "types") {
            if !types.insert(name) {
                settings.complain(format!("eve-log: dns has no records of type {name:?}"));
            }
        }
        log.types = Some(types);
    }
    let has = |format| words(options, "formats").any(|word| word == format);
    log.formats = match (has("detailed"), has("grouped")) {
        (true, false) => Formats::Detailed,
        (false, true) => Formats::Grouped,
        (true, true) | (false, false) => Formats::Both,
    };
    log
}

fn tls(options: &Node, settings: &Settings) -> tls::LogSettings {
    let is_extended = options.child_flag("extended").unwrap_or(false);
    let mut fields = if is_extended {
        FieldSet::EXTENDED
    } else {
        FieldSet::BASIC
    };
    if options.child("custom").is_some() {
        fields = FieldSet::default();
        for name in words(options, "custom") {
            match FieldSet::named(name) {
                Some(field) => fields = fields.with(field),
                None => settings.complain(format!("eve-log: tls has no field {name:?}")),
            }
        }
    }
    if options.child_flag("ja4") == Some(true) {
        fields = fields.with(FieldSet::JA4);
    }
    let session_resumption = options.child_flag("session-resumption").unwrap_or(true);
    if session_resumption {
        fields = fields.with(FieldSet::SESSION_RESUMED);
    }
    tls::LogSettings {
        fields,
        session_resumption,
    }
}

fn smtp(options: &Node, settings: &Settings) -> EmailLog {
    let mut log = EmailLog::default();
    if options.child_flag("extended").unwrap_or(false) {
        for name in EXTENDED_EMAIL {
            log.add_field(name);
        }
    }
    for name in words(options, "custom") {
        if !log.add_field(name) {
            settings.complain(format!("eve-log: mails have no field {name:?}"));
        }
    }
    for name in words(options, "md5") {
        match name {
            "body" => log.body_md5 = true,
            "subject" => log.subject_md5 = true,
            other => settings.complain(format!("eve-log: mails have no MD5 of {other:?}")),
        }
    }
    log
}
