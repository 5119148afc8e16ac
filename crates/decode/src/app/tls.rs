//! TLS and SSL 2 and 3, as far as they speak in the clear: hellos, certificates, fingerprints.
//!
//! A flow is one transaction. Its record is written once both ends have finished the handshake,
//! and application data is stepped over without being kept.

mod certificate;
mod config;
mod fingerprint;
mod hello;
mod log;
mod opening;
mod record;
mod session;
mod transaction;
mod version;

#[cfg(test)]
mod tests;

pub use certificate::{Chain, Leaf};
pub use config::{EncryptionHandling, FieldSet, LogSettings, Settings};
pub use fingerprint::{Carrier, Ja3, ja3, ja4};
pub use hello::{Hello, Kind};
pub use opening::{Opening, Shown};
pub use session::{Phase, Session, Side};
pub use version::Version;

use super::{Config, Context, Entry, Outcome, Parser, Probe, ProbeInput, Transaction};
use event::{AppProtocol, Direction};
use record::Stream;
use session::Broken;

/// The line of the protocol table.
pub(super) const ENTRY: Entry = Entry {
    protocol: AppProtocol::Tls,
    tcp: true,
    udp: false,
    probe: Some(probe),
    create: |config| Box::new(TlsParser::new(config.tls)),
    events: &[
        "invalid_sslv2_header",
        "invalid_tls_header",
        "invalid_record_version",
        "invalid_record_type",
        "invalid_record_length",
        "invalid_handshake_message",
        "heartbeat_message",
        "invalid_heartbeat_message",
        "overflow_heartbeat_message",
        "dataleak_heartbeat_mismatch",
        "handshake_invalid_length",
        "multiple_sni_extensions",
        "invalid_sni_type",
        "invalid_sni_length",
        "too_many_records_in_packet",
        "invalid_alert_message",
        "invalid_certificate",
        "certificate_invalid_length",
        "certificate_invalid_version",
        "certificate_invalid_serial",
        "certificate_invalid_algorithmidentifier",
        "certificate_invalid_x509name",
        "certificate_invalid_date",
        "certificate_invalid_extensions",
        "certificate_invalid_der",
        "certificate_invalid_subject",
        "certificate_invalid_issuer",
        "certificate_invalid_validity",
        "error_message_encountered",
        "invalid_ssl_record",
    ],
};

/// Tells TLS by the header of the first record, on any port and in any direction; SSL 2 by the
/// client's hello.
fn probe(input: &ProbeInput<'_>, _: &Config) -> Probe {
    const ALERT: u8 = 21;
    const HANDSHAKE: u8 = 22;
    const APPLICATION_DATA: u8 = 23;
    let is_to_server = input.direction == Direction::ToServer;
    match *input.data {
        [HANDSHAKE, 3, 0..=3, _, _, 2, ..] if is_to_server && input.is_midstream => Probe::Reversed,
        [HANDSHAKE, 3, 0..=3, _, _, 1, ..] if !is_to_server && input.is_midstream => {
            Probe::Reversed
        }
        [HANDSHAKE, 3, 0..=3, ..] => Probe::Yes,
        [ALERT | APPLICATION_DATA, 3, 0..=3, ..] if !is_to_server => Probe::Yes,
        [HANDSHAKE] | [HANDSHAKE, 3] => Probe::Undecided,
        [ALERT | APPLICATION_DATA] | [ALERT | APPLICATION_DATA, 3] if !is_to_server => {
            Probe::Undecided
        }
        [first, ..] if is_to_server && first & 0x80 != 0 => probe_ssl2(input),
        _ => Probe::No,
    }
}

/// The hello of SSL 2, by which clients also asked for later versions.
fn probe_ssl2(input: &ProbeInput<'_>) -> Probe {
    // On its own port, the type of the message is enough.
    const PORT: u16 = 443;
    match *input.data {
        [_, _, 1, 0, 2, ..] | [_, _, 1, 3, 0..=3, ..] => Probe::Yes,
        [_, _, 1, ..] if input.server_port == PORT => Probe::Yes,
        [_] | [_, _] | [_, _, 1] | [_, _, 1, 0 | 3] => Probe::Undecided,
        _ => Probe::No,
    }
}

/// The conversation of one flow.
struct TlsParser {
    session: Session,
    streams: [Stream; 2],
    /// Whether the transaction was given up by the engine.
    is_dropped: bool,
}

impl TlsParser {
    fn new(settings: Settings) -> Self {
        TlsParser {
            session: Session::new(settings),
            streams: Default::default(),
            is_dropped: false,
        }
    }
}

impl Parser for TlsParser {
    fn on_data(&mut self, _cx: &Context, direction: Direction, data: &[u8]) -> Outcome {
        let stream = &mut self.streams[usize::from(direction)];
        if stream.is_between_records() {
            self.session.recent = Default::default();
        }
        if let Err(Broken) = stream.feed(&mut self.session, direction, data) {
            return Outcome::Failed;
        }
        self.session.settle();
        if self.session.is_encrypted() {
            Outcome::Encrypted
        } else {
            Outcome::Taken
        }
    }

    fn on_end(&mut self, _cx: &Context, direction: Direction) {
        self.session.end(direction);
    }

    fn set_origin(&mut self, origin: AppProtocol) {
        self.session.origin = Some(origin);
    }

    fn tx_range(&self) -> std::ops::Range<u64> {
        u64::from(self.is_dropped)..1
    }

    fn tx(&self, id: u64) -> Option<&dyn Transaction> {
        (id == 0 && !self.is_dropped).then_some(&self.session)
    }

    fn tx_mut(&mut self, id: u64) -> Option<&mut dyn Transaction> {
        (id == 0 && !self.is_dropped).then_some(&mut self.session)
    }

    fn drop_tx(&mut self, id: u64) {
        self.is_dropped |= id == 0;
    }
}
