//! EVE's object `tls`.

use super::config::FieldSet;
use super::fingerprint::Ja3;
use super::session::{Session, Side};
use crate::app::LogFor;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use event::json::Writer;
use event::time::civil;
use std::fmt;

/// Writes `"tls": {…}`.
pub(super) fn write(session: &Session, purpose: LogFor<'_>, out: &mut Writer) {
    let fields = match purpose {
        LogFor::Record(options) => options.tls.fields,
        LogFor::Alert => FieldSet::EXTENDED,
    };
    let [client, server] = &session.sides;
    out.object("tls");
    server_certificate(session, server, fields, out);
    if fields.has(FieldSet::JA3) {
        ja3("ja3", client.ja3.as_ref(), out);
    }
    if fields.has(FieldSet::JA3S) {
        ja3("ja3s", server.ja3.as_ref(), out);
    }
    if let Some(ja4) = client.ja4.as_ref().filter(|_| fields.has(FieldSet::JA4)) {
        out.str("ja4", ja4);
    }
    if fields.has(FieldSet::CLIENT_ALPNS) {
        protocols("client_alpns", client, out);
    }
    if fields.has(FieldSet::SERVER_ALPNS) {
        protocols("server_alpns", server, out);
    }
    if fields.has(FieldSet::CLIENT_HANDSHAKE) {
        client_handshake(client, out);
    }
    if fields.has(FieldSet::SERVER_HANDSHAKE) {
        server_handshake(server, out);
    }
    if fields.has(FieldSet::CLIENT) && client.has_leaf() {
        out.object("client");
        client_certificate(client, fields, out);
        out.end();
    }
    if let (LogFor::Record(_), Some(origin)) = (purpose, session.origin) {
        out.str("from_proto", origin.as_str());
    }
    out.end();
}

fn server_certificate(session: &Session, server: &Side, fields: FieldSet, out: &mut Writer) {
    let leaf = server.chain.as_ref().and_then(|chain| chain.leaf.as_ref());
    if let Some(leaf) = leaf {
        if fields.has(FieldSet::SUBJECT) {
            out.str("subject", &leaf.subject);
        }
        if fields.has(FieldSet::ISSUER) {
            out.str("issuerdn", &leaf.issuer);
        }
        if fields.has(FieldSet::SUBJECT_ALT_NAME) && !leaf.alt_names.is_empty() {
            out.array("subjectaltname");
            leaf.alt_names.iter().for_each(|name| out.item_str(name));
            out.end_array();
        }
    }
    if fields.has(FieldSet::SESSION_RESUMED) && session.is_resumed_without_certificate() {
        out.bool("session_resumed", true);
    }
    if let Some(leaf) = leaf {
        if fields.has(FieldSet::SERIAL) {
            out.str("serial", &leaf.serial);
        }
        if fields.has(FieldSet::FINGERPRINT) {
            out.str("fingerprint", &leaf.fingerprint);
        }
    }
    if fields.has(FieldSet::SNI)
        && let Some(name) = &session.sides[0].sni
    {
        out.bytes("sni", name);
    }
    if fields.has(FieldSet::VERSION) {
        out.display("version", server.version);
    }
    if let Some(leaf) = leaf {
        if fields.has(FieldSet::NOT_BEFORE) && leaf.not_before != 0 {
            out.display("notbefore", Moment(leaf.not_before));
        }
        if fields.has(FieldSet::NOT_AFTER) && leaf.not_after != 0 {
            out.display("notafter", Moment(leaf.not_after));
        }
    }
    if fields.has(FieldSet::CERTIFICATE) {
        certificate(server, out);
    }
    if fields.has(FieldSet::CHAIN) {
        chain(server, out);
    }
}

fn client_certificate(client: &Side, fields: FieldSet, out: &mut Writer) {
    if let Some(leaf) = client.chain.as_ref().and_then(|chain| chain.leaf.as_ref()) {
        out.str("subject", &leaf.subject);
        out.str("issuerdn", &leaf.issuer);
        out.str("fingerprint", &leaf.fingerprint);
        out.str("serial", &leaf.serial);
        if leaf.not_before != 0 {
            out.display("notbefore", Moment(leaf.not_before));
        }
        if leaf.not_after != 0 {
            out.display("notafter", Moment(leaf.not_after));
        }
    }
    if fields.has(FieldSet::CLIENT_CERTIFICATE) {
        certificate(client, out);
    }
    if fields.has(FieldSet::CLIENT_CHAIN) {
        chain(client, out);
    }
}

fn certificate(side: &Side, out: &mut Writer) {
    if let Some(der) = side.chain.as_ref().and_then(|chain| chain.get(0)) {
        out.base64("certificate", der);
    }
}

fn chain(side: &Side, out: &mut Writer) {
    let Some(chain) = side.chain.as_ref().filter(|chain| !chain.is_empty()) else {
        return;
    };
    out.array("chain");
    chain
        .iter()
        .for_each(|der| out.item_str(&STANDARD.encode(der)));
    out.end_array();
}

fn ja3(key: &str, ja3: Option<&Ja3>, out: &mut Writer) {
    if let Some(ja3) = ja3 {
        out.object(key);
        out.str("hash", &ja3.hash);
        out.str("string", &ja3.text);
        out.end();
    }
}

fn protocols(key: &str, side: &Side, out: &mut Writer) {
    let Some(hello) = side
        .hello
        .as_ref()
        .filter(|hello| !hello.protocols.is_empty())
    else {
        return;
    };
    out.array(key);
    hello.protocols.iter().for_each(|name| out.item_bytes(name));
    out.end_array();
}

fn client_handshake(client: &Side, out: &mut Writer) {
    let Some(hello) = &client.hello else { return };
    out.object("client_handshake");
    out.display("version", hello.version);
    numbers("ciphers", &hello.ciphers, out);
    numbers("exts", &hello.extensions, out);
    numbers("sig_algs", &hello.signature_algorithms, out);
    out.end();
}

fn server_handshake(server: &Side, out: &mut Writer) {
    let Some(hello) = &server.hello else { return };
    out.object("server_handshake");
    out.display("version", hello.version);
    out.uint(
        "cipher",
        hello.ciphers.first().copied().unwrap_or_default().into(),
    );
    numbers("exts", &hello.extensions, out);
    out.end();
}

fn numbers(key: &str, values: &[u16], out: &mut Writer) {
    if !values.is_empty() {
        out.array(key);
        values
            .iter()
            .for_each(|value| out.item_uint(u64::from(*value)));
        out.end_array();
    }
}

/// Seconds since 1970 as `1969-12-31T00:00:00`.
struct Moment(i64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(86_400));
        let of_day = self.0.rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )
    }
}
