//! SSH (RFC 4253): banners and key exchange, up to the point where all is encrypted.
//!
//! A flow is one transaction: both banners, the fingerprints of both key exchanges (HASSH), and
//! complete once both ends have sent `NEWKEYS`.

mod hassh;
mod side;
mod transaction;

#[cfg(test)]
mod tests;

use super::{Config, Context, Entry, Outcome, Parser, Probe, ProbeInput, Transaction};
use event::{AppProtocol, Direction};
use transaction::Handshake;

/// The line of the protocol table.
pub const ENTRY: Entry = Entry {
    protocol: AppProtocol::Ssh,
    tcp: true,
    udp: false,
    probe: Some(probe),
    create: |config| {
        Box::new(Ssh {
            config: config.ssh,
            ..Ssh::default()
        })
    },
    events: &[
        "invalid_banner",
        "long_banner",
        "invalid_record",
        "long_kex_record",
    ],
};

/// What follows once the conversation is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncryptionHandling {
    /// The flow is still counted, its payload is not inspected.
    #[default]
    TrackOnly,
    /// The flow is not looked at any more.
    Bypass,
    /// Its payload is inspected as before.
    Full,
}

/// Settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SshConfig {
    /// Whether to fingerprint key exchanges; also on where a rule asks for it.
    pub hassh: bool,
    /// What follows once the conversation is encrypted.
    pub encryption_handling: EncryptionHandling,
}

/// Tells SSH by the start of its banner, in either direction.
fn probe(input: &ProbeInput<'_>, _: &Config) -> Probe {
    const START: &[u8] = b"SSH-";
    if input.data.starts_with(START) {
        Probe::Yes
    } else if START.starts_with(input.data) {
        Probe::Undecided
    } else {
        Probe::No
    }
}

/// One conversation.
#[derive(Debug, Default)]
struct Ssh {
    config: SshConfig,
    handshake: Handshake,
    is_dropped: bool,
}

impl Ssh {
    fn fail(&mut self) -> Outcome {
        self.handshake.end(Direction::ToServer);
        self.handshake.end(Direction::ToClient);
        Outcome::Failed
    }
}

impl Parser for Ssh {
    fn on_data(&mut self, _: &Context, direction: Direction, data: &[u8]) -> Outcome {
        if self.is_dropped {
            return Outcome::Taken;
        }
        let was_finished = self.handshake.is_finished();
        if !self.handshake.on_data(direction, data, self.config.hassh) {
            return self.fail();
        }
        let is_opaque = self.config.encryption_handling != EncryptionHandling::Full;
        if is_opaque && !was_finished && self.handshake.is_finished() {
            return Outcome::Encrypted;
        }
        Outcome::Taken
    }

    fn on_gap(&mut self, _: &Context, _: Direction, _: u64) -> Outcome {
        self.fail()
    }

    fn on_end(&mut self, _: &Context, direction: Direction) {
        self.handshake.end(direction);
    }

    fn tx_range(&self) -> std::ops::Range<u64> {
        u64::from(self.is_dropped)..1
    }

    fn tx(&self, id: u64) -> Option<&dyn Transaction> {
        (id == 0 && !self.is_dropped).then_some(&self.handshake)
    }

    fn tx_mut(&mut self, id: u64) -> Option<&mut dyn Transaction> {
        (id == 0 && !self.is_dropped).then_some(&mut self.handshake)
    }

    fn drop_tx(&mut self, id: u64) {
        self.is_dropped |= id == 0;
    }
}
