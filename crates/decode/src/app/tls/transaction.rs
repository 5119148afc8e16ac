//! A conversation as a transaction: the one that a TLS flow has.

use super::certificate::Leaf;
use super::config::EncryptionHandling;
use super::log;
use super::session::{Phase, Recent, Session, Side};
use super::version::Version;
use crate::app::{Field, LogFor, LogOptions, Transaction};
use event::json::Writer;
use event::{Buffer, Direction, Number};
use std::borrow::Cow;

impl Session {
    /// Whether it resumes an earlier one and therefore shows no certificate.
    pub(super) fn is_resumed_without_certificate(&self) -> bool {
        let [_, server] = &self.sides;
        self.is_resumed && !server.has_leaf() && server.hello.is_some() && !self.hides_certificate
    }

    /// Whether the flow may be passed over from here on.
    #[must_use]
    pub fn may_bypass(&self) -> bool {
        self.is_encrypted() && self.settings.encryption == EncryptionHandling::Bypass
    }

    fn leaf(&self, direction: Direction) -> Option<&Leaf> {
        self.side(direction).chain.as_ref()?.leaf.as_ref()
    }
}

/// A field that is known, or may still come until the side has reached `until`.
fn until<'a>(side: &Side, until: Phase, value: Option<&'a [u8]>) -> Field<'a> {
    match value {
        Some(value) => Field::Whole(Cow::Borrowed(value)),
        None if side.phase < until => Field::Pending,
        None => Field::Absent,
    }
}

impl Transaction for Session {
    fn id(&self) -> u64 {
        0
    }

    fn is_complete(&self, direction: Direction) -> bool {
        self.side(direction).phase == Phase::Finished
    }

    fn is_loggable(&self) -> bool {
        self.sides
            .iter()
            .all(|side| side.phase >= Phase::HandshakeDone)
    }

    fn field(&self, buffer: Buffer, direction: Direction, index: usize) -> Field<'_> {
        let side = self.side(direction);
        let leaf = self.leaf(direction);
        let is_first = index == 0;
        let ja3 = || side.ja3.as_ref().filter(|_| is_first);
        let of_leaf = |text: fn(&Leaf) -> &String| {
            let text = leaf.filter(|_| is_first).map(|leaf| text(leaf).as_bytes());
            until(side, Phase::Certificate, text)
        };
        let of_hello = |value| until(side, Phase::Hello, value);
        let random = side
            .random
            .as_ref()
            .filter(|_| is_first)
            .map(<[u8; 32]>::as_slice);
        match buffer {
            Buffer::TlsSni => of_hello(side.sni.as_deref().filter(|_| is_first)),
            Buffer::TlsAlpn => {
                let protocols = side.hello.as_ref().map(|hello| &hello.protocols);
                of_hello(
                    protocols
                        .and_then(|list| list.get(index))
                        .map(Vec::as_slice),
                )
            }
            Buffer::TlsRandom => of_hello(random),
            Buffer::TlsRandomTime => of_hello(random.and_then(|random| random.get(..4))),
            Buffer::TlsRandomBytes => of_hello(random.and_then(|random| random.get(4..))),
            Buffer::Ja3Hash if direction == Direction::ToServer => {
                of_hello(ja3().map(|ja3| ja3.hash.as_bytes()))
            }
            Buffer::Ja3String if direction == Direction::ToServer => {
                of_hello(ja3().map(|ja3| ja3.text.as_bytes()))
            }
            Buffer::Ja3sHash if direction == Direction::ToClient => {
                of_hello(ja3().map(|ja3| ja3.hash.as_bytes()))
            }
            Buffer::Ja3sString if direction == Direction::ToClient => {
                of_hello(ja3().map(|ja3| ja3.text.as_bytes()))
            }
            Buffer::Ja4Hash => {
                of_hello(side.ja4.as_ref().filter(|_| is_first).map(String::as_bytes))
            }
            Buffer::TlsCerts => {
                let der = side.chain.as_ref().and_then(|chain| chain.get(index));
                until(side, Phase::Certificate, der)
            }
            Buffer::TlsCertSubject => of_leaf(|leaf| &leaf.subject),
            Buffer::TlsCertIssuer => of_leaf(|leaf| &leaf.issuer),
            Buffer::TlsCertSerial => of_leaf(|leaf| &leaf.serial),
            Buffer::TlsCertFingerprint => of_leaf(|leaf| &leaf.fingerprint),
            Buffer::TlsSubjectAltName => {
                let name = leaf.and_then(|leaf| leaf.alt_names.get(index));
                until(side, Phase::Certificate, name.map(String::as_bytes))
            }
            _ => Field::Absent,
        }
    }

    fn number(&self, number: Number, direction: Direction, index: usize) -> Option<u64> {
        let side = self.side(direction);
        let moment = |moment: fn(&Leaf) -> i64| {
            // Suricata takes 1970-01-01 for a moment that was never read.
            let seconds = self
                .leaf(direction)
                .map(moment)
                .filter(|seconds| *seconds != 0);
            seconds.map(|seconds| u64::try_from(seconds).unwrap_or(0))
        };
        match number {
            _ if index > 0 => None,
            // Only the server's chain counts.
            Number::TlsCertChainLen if direction == Direction::ToServer => None,
            Number::TlsCertChainLen => {
                let len = side
                    .chain
                    .as_ref()
                    .map_or(0, super::certificate::Chain::len);
                (side.phase >= Phase::Certificate).then_some(len as u64)
            }
            Number::TlsVersion => {
                (side.version != Version::UNKNOWN).then_some(u64::from(side.version.0))
            }
            Number::TlsNotBefore => moment(|leaf| leaf.not_before),
            Number::TlsNotAfter => moment(|leaf| leaf.not_after),
            _ => None,
        }
    }

    fn holds(&self, keyword: &str, argument: &str, direction: Direction) -> Option<bool> {
        match keyword {
            "ssl_state" => Some(state_matches(self.recent, argument)),
            "ssl_version" => Some(version_matches(self.side(direction).version, argument)),
            "tls.version" | "tls_version" => {
                Some(Version::of_rule(argument) == Some(self.side(direction).version))
            }
            // It only asks for the certificates to be kept.
            "tls.store" | "tls_store" => Some(true),
            _ => None,
        }
    }

    fn events(&self) -> &[(&'static str, Direction)] {
        &self.events
    }

    fn record_type(&self) -> Option<&'static str> {
        Some("tls")
    }

    fn record_count(&self, options: &LogOptions) -> usize {
        let is_told = self.leaf(Direction::ToClient).is_some()
            || self.hides_certificate
            || (self.is_resumed && options.tls.session_resumption);
        usize::from(is_told)
    }

    fn log(&self, purpose: LogFor<'_>, out: &mut Writer) {
        log::write(self, purpose, out);
    }
}

/// `ssl_state:client_hello|!server_hello`: whether a state named is there, or one negated is not.
fn state_matches(recent: Recent, argument: &str) -> bool {
    let (mut named, mut negated) = (0, 0);
    for item in argument.split(['|', ',']) {
        let item = item.trim();
        let (is_negated, name) = match item.strip_prefix('!') {
            Some(name) => (true, name.trim()),
            None => (false, item),
        };
        let state = match name {
            "client_hello" => Recent::CLIENT_HELLO,
            "server_hello" => Recent::SERVER_HELLO,
            "client_keyx" => Recent::CLIENT_KEYS,
            "server_keyx" => Recent::SERVER_KEYS,
            _ => 0,
        };
        named |= state;
        negated |= if is_negated { state } else { 0 };
    }
    (named & recent.0) ^ negated != 0
}

/// `ssl_version:tls1.0,!tls1.2`: whether the version is one of those named or, where there are
/// negated ones, none of these.
fn version_matches(version: Version, argument: &str) -> bool {
    if !(version == Version::SSL2 || (Version::SSL3..=Version::TLS13).contains(&version)) {
        return false;
    }
    let (mut has_negated, mut is_negated, mut is_named) = (false, false, false);
    for item in argument.split(',') {
        let item = item.trim().trim_matches('"');
        match item.strip_prefix('!') {
            Some(name) => {
                has_negated = true;
                is_negated |= Version::of_rule(name) == Some(version);
            }
            None => is_named |= Version::of_rule(item) == Some(version),
        }
    }
    is_named || (has_negated && !is_negated)
}
