//! What records say of a mail: `smtp`, the envelope, and `email`, the mail itself.

use super::config::EmailLog;
use super::mime::Mime;
use super::transaction::Mail;
use crate::app::LogFor;
use event::json::Writer;
use md5::{Digest, Md5};

/// How a field of the header is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Its first instance.
    Text,
    /// Every instance.
    Instances,
    /// Its first instance, taken apart at commas.
    List,
}

/// A field of the header that `custom` can ask for.
pub(super) struct LoggedField {
    /// The key in records.
    pub(super) key: &'static str,
    /// The name in the header.
    pub(super) header: &'static str,
    form: Form,
}

impl LoggedField {
    /// Whether EVE's schema has a place for it; the others stand apart, under `ratel`.
    fn is_in_schema(&self) -> bool {
        matches!(
            self.key,
            "message_id" | "subject" | "x_mailer" | "received" | "date"
        )
    }
}

const fn field(key: &'static str, header: &'static str, form: Form) -> LoggedField {
    LoggedField { key, header, form }
}

/// Every field that `custom` can ask for, in the order of records.
pub(super) const FIELDS: [LoggedField; 16] = [
    field("reply_to", "reply-to", Form::Text),
    field("bcc", "bcc", Form::List),
    field("message_id", "message-id", Form::Text),
    field("subject", "subject", Form::Text),
    field("x_mailer", "x-mailer", Form::Text),
    field("user_agent", "user-agent", Form::Text),
    field("received", "received", Form::Instances),
    field("x_originating_ip", "x-originating-ip", Form::Text),
    field("in_reply_to", "in-reply-to", Form::Text),
    field("references", "references", Form::Text),
    field("importance", "importance", Form::Text),
    field("priority", "priority", Form::Text),
    field("sensitivity", "sensitivity", Form::Text),
    field("organization", "organization", Form::Text),
    field("content_md5", "content-md5", Form::Text),
    field("date", "date", Form::Text),
];

pub(super) fn envelope(mail: &Mail, out: &mut Writer) {
    out.object("smtp");
    if let Some(helo) = &mail.helo {
        out.bytes("helo", helo);
    }
    if let Some(sender) = &mail.mail_from {
        out.bytes("mail_from", sender);
    }
    if !mail.rcpt_to.is_empty() {
        out.array("rcpt_to");
        for recipient in &mail.rcpt_to {
            out.item_bytes(recipient);
        }
        out.end_array();
    }
    out.end();
}

pub(super) fn email(
    mime: &Mime,
    body_md5: Option<&[u8; 32]>,
    purpose: LogFor<'_>,
    out: &mut Writer,
) {
    out.object("email");
    if let Some(from) = mime.header(b"from").filter(|from| !from.is_empty()) {
        text(out, "from", from);
    }
    for key in ["to", "cc"] {
        list(out, key, mime.header(key.as_bytes()).unwrap_or_default());
    }
    // Whatever became of the mail, this is the word.
    out.str("status", "PARSE_DONE");
    texts(
        out,
        "attachment",
        mime.attachments().iter().map(Vec::as_slice),
    );
    // The last found comes first.
    texts(out, "url", mime.urls().iter().rev().map(Vec::as_slice));
    if let LogFor::Record(options) = purpose {
        fields(mime, &options.smtp, true, out);
        details(mime, body_md5, &options.smtp, out);
    }
    out.end();
    if let LogFor::Record(options) = purpose
        && (FIELDS.iter().enumerate()).any(|(at, field)| {
            !field.is_in_schema()
                && options.smtp.has_field(at)
                && mime.header(field.header.as_bytes()).is_some()
        })
    {
        out.own();
        out.object("email");
        fields(mime, &options.smtp, false, out);
        out.end();
        out.end_own();
    }
}

/// The fields that are asked for: those that EVE's schema has a place for, or the others.
fn fields(mime: &Mime, wants: &EmailLog, in_schema: bool, out: &mut Writer) {
    let wanted = FIELDS.iter().enumerate();
    for (_, field) in
        wanted.filter(|(at, field)| wants.has_field(*at) && field.is_in_schema() == in_schema)
    {
        let name = field.header.as_bytes();
        match (field.form, mime.header(name)) {
            (Form::Text, Some(value)) => text(out, field.key, value),
            (Form::List, Some(value)) => list(out, field.key, value),
            (Form::Instances, Some(_)) => {
                let all = mime.headers().iter().filter(|header| header.is(name));
                texts(out, field.key, all.map(|header| header.value.as_slice()));
            }
            (_, None) => {}
        }
    }
}

fn details(mime: &Mime, body_md5: Option<&[u8; 32]>, wants: &EmailLog, out: &mut Writer) {
    if let Some(subject) = mime.header(b"subject").filter(|_| wants.subject_md5) {
        out.bytes("subject_md5", &hex(&Md5::digest(subject).into()));
    }
    if let Some(hash) = body_md5.filter(|_| wants.body_md5) {
        out.bytes("body_md5", hash);
    }
}

/// Text of mails is written with replacement characters where it is no UTF-8.
fn text(out: &mut Writer, key: &str, value: &[u8]) {
    out.str(key, &String::from_utf8_lossy(value));
}

fn texts<'a>(out: &mut Writer, key: &str, values: impl Iterator<Item = &'a [u8]>) {
    let mut values = values.peekable();
    if values.peek().is_none() {
        return;
    }
    out.array(key);
    for value in values {
        out.item_str(&String::from_utf8_lossy(value));
    }
    out.end_array();
}

/// Addresses between commas; a comma within quotation marks separates nothing.
fn list(out: &mut Writer, key: &str, value: &[u8]) {
    let mut is_quoted = false;
    let items = value.split(|byte| {
        is_quoted ^= *byte == b'"';
        *byte == b',' && !is_quoted
    });
    texts(
        out,
        key,
        items
            .map(<[u8]>::trim_ascii_start)
            .filter(|item| !item.is_empty()),
    );
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8; 16]) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = [0; 32];
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ]);
    }
    out
}
