//! What rules ask to keep: files, and the certificates of TLS.

use super::Core;
use crate::detect::StoreScope;
use crate::flow::Flow;
use crate::output::{Certificates, Output};
use crate::records::Seen;
use decode::app::Field;
use decode::app::ssh::EncryptionHandling as SshHandling;
use decode::app::tls::EncryptionHandling as TlsHandling;
use event::{AppProtocol, Buffer, Direction};

impl Core {
    /// What rules saw of bodies and files in `direction` need not be held any longer, but for what
    /// they look at again together with what follows.
    pub(super) fn move_windows(&self, flow: &mut Flow, direction: Direction) {
        let Some(parser) = &mut flow.app.parser else {
            return;
        };
        let has_rules = !self.detector.ruleset().is_empty();
        let window = self.detector.settings().body_windows.of(flow.app.protocol);
        for id in parser.tx_range() {
            let Some(tx) = parser.tx_mut(id) else {
                continue;
            };
            tx.inspected(direction);
            let Some(files) = tx.files_mut(direction) else {
                continue;
            };
            for file in &mut files.files {
                if has_rules {
                    window[usize::from(direction)].pass(file);
                } else {
                    file.trim_to(file.size);
                }
            }
        }
    }

    /// Remembers which files the rules that just matched on a packet in `direction` want stored.
    pub(super) fn note_stores(&self, flow: &mut Flow, direction: Direction) {
        if !self.config.stores_files {
            return;
        }
        for request in &self.alerts.stores {
            let wanted = |d: Direction| match request.scope {
                StoreScope::File => d == direction && request.direction.is_none_or(|r| r == d),
                StoreScope::Transaction | StoreScope::Flow => {
                    request.direction.is_none_or(|r| r == d)
                }
            };
            for side in Direction::BOTH.into_iter().filter(|d| wanted(*d)) {
                let side = usize::from(side);
                if request.scope == StoreScope::Flow {
                    flow.stores_files[side] = true;
                    continue;
                }
                let range = flow.app.parser.as_ref().map_or(0..0, |p| p.tx_range());
                let ids = request.tx.map_or(range, |id| id..id.saturating_add(1));
                for id in ids {
                    let mut told = flow.txs.get(id);
                    told.stores_files[side] = true;
                    flow.txs.set(id, told);
                }
            }
        }
    }

    /// Hands out the certificates that rules asked to store.
    pub(super) fn store_certificates(&mut self, flow: &Flow, seen: &Seen<'_>, to: &mut dyn Output) {
        if !self.alerts.stores_certificates {
            return;
        }
        let Some(parser) = &flow.app.parser else {
            return;
        };
        let direction = seen.direction.unwrap_or(Direction::ToClient);
        let Some(tx) = parser.tx(parser.tx_range().start) else {
            return;
        };
        let text = |buffer| match tx.field(buffer, direction, 0) {
            Field::Whole(text) => String::from_utf8_lossy(&text).into_owned(),
            Field::Body { .. } | Field::Pending | Field::Absent => String::new(),
        };
        let fields: Vec<_> = (0..)
            .map_while(|at| match tx.field(Buffer::TlsCerts, direction, at) {
                Field::Whole(der) => Some(der),
                Field::Body { .. } | Field::Pending | Field::Absent => None,
            })
            .collect();
        if fields.is_empty() {
            return;
        }
        to.certificates(
            &Certificates {
                is_of_client: direction == Direction::ToServer,
                chain: &fields.iter().map(AsRef::as_ref).collect::<Vec<&[u8]>>(),
                subject: &text(Buffer::TlsCertSubject),
                issuer: &text(Buffer::TlsCertIssuer),
                fingerprint: &text(Buffer::TlsCertFingerprint),
            },
            seen,
        );
    }

    /// Whether the configuration wants flows of this protocol left alone once they are encrypted.
    pub(super) fn bypasses_encrypted(&self, protocol: AppProtocol) -> bool {
        match protocol {
            AppProtocol::Tls => self.config.app.tls.encryption == TlsHandling::Bypass,
            AppProtocol::Ssh => self.config.app.ssh.encryption_handling == SshHandling::Bypass,
            _ => false,
        }
    }
}
