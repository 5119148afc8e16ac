//! The one transaction of an SSH flow.

use super::side::{Progress, Side};
use crate::app::{Field, LogFor, Transaction};
use event::json::Writer;
use event::{Buffer, Direction};
use std::borrow::Cow;

/// Both ends up to encryption.
#[derive(Debug)]
pub(super) struct Handshake {
    client: Side,
    server: Side,
    events: Vec<(&'static str, Direction)>,
    wants_hassh: bool,
}

impl Default for Handshake {
    fn default() -> Self {
        Handshake {
            client: Side::new(false),
            server: Side::new(true),
            events: Vec::new(),
            wants_hassh: false,
        }
    }
}

impl Handshake {
    /// Takes the next bytes; false where they make no sense.
    pub(super) fn on_data(&mut self, direction: Direction, data: &[u8], wants_hassh: bool) -> bool {
        self.wants_hassh = wants_hassh;
        let side = match direction {
            Direction::ToServer => &mut self.client,
            Direction::ToClient => &mut self.server,
        };
        let events = &mut self.events;
        let mut note = |name: &'static str| {
            if !events.contains(&(name, direction)) {
                events.push((name, direction));
            }
        };
        side.on_data(data, wants_hassh, &mut note).is_ok()
    }

    pub(super) fn end(&mut self, direction: Direction) {
        match direction {
            Direction::ToServer => self.client.end(),
            Direction::ToClient => self.server.end(),
        }
    }

    /// Whether both ends sent `NEWKEYS`.
    pub(super) fn is_finished(&self) -> bool {
        self.client.progress == Progress::Finished && self.server.progress == Progress::Finished
    }

    fn is_ended(&self) -> bool {
        self.client.is_ended && self.server.is_ended
    }

    fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::ToServer => &self.client,
            Direction::ToClient => &self.server,
        }
    }
}

impl Transaction for Handshake {
    fn id(&self) -> u64 {
        0
    }

    fn is_complete(&self, direction: Direction) -> bool {
        self.is_finished() || self.side(direction).is_ended
    }

    fn is_loggable(&self) -> bool {
        // With fingerprints the record waits for the key exchanges, without only for the banners.
        let is_ready = if self.wants_hassh {
            self.is_finished()
        } else {
            self.client.progress >= Progress::Records && self.server.progress >= Progress::Records
        };
        is_ready || self.is_ended()
    }

    fn field(&self, buffer: Buffer, direction: Direction, index: usize) -> Field<'_> {
        if index > 0 {
            return Field::Absent;
        }
        let side = self.side(direction);
        let hassh = || side.hassh.as_ref();
        let value = match (buffer, direction) {
            (Buffer::SshProto, _) => Some(side.protocol.as_slice()).filter(|v| !v.is_empty()),
            (Buffer::SshSoftware, _) => Some(side.software.as_slice()).filter(|v| !v.is_empty()),
            (Buffer::SshHassh, Direction::ToServer)
            | (Buffer::SshHasshServer, Direction::ToClient) => hassh().map(|h| h.hash.as_slice()),
            (Buffer::SshHasshString, Direction::ToServer)
            | (Buffer::SshHasshServerString, Direction::ToClient) => {
                hassh().map(|h| h.text.as_slice())
            }
            // Buffers of other protocols, and fingerprints in the other end's direction.
            _ => return Field::Absent,
        };
        match value {
            Some(value) => Field::Whole(Cow::Borrowed(value)),
            None if side.is_ended || side.progress == Progress::Finished => Field::Absent,
            None => Field::Pending,
        }
    }

    fn events(&self) -> &[(&'static str, Direction)] {
        &self.events
    }

    fn record_type(&self) -> Option<&'static str> {
        let has_banner = !(self.client.protocol.is_empty() && self.server.protocol.is_empty());
        has_banner.then_some("ssh")
    }

    fn log(&self, _: LogFor<'_>, out: &mut Writer) {
        if self.record_type().is_none() {
            return;
        }
        out.object("ssh");
        for (key, side) in [("client", &self.client), ("server", &self.server)] {
            if !side.protocol.is_empty() {
                out.object(key);
                log_side(side, out);
                out.end();
            }
        }
        out.end();
    }
}

fn log_side(side: &Side, out: &mut Writer) {
    out.bytes("proto_version", &side.protocol);
    if !side.software.is_empty() {
        out.bytes("software_version", &side.software);
    }
    if let Some(hassh) = &side.hassh {
        out.object("hassh");
        out.bytes("hash", &hassh.hash);
        out.bytes("string", &hassh.text);
        out.end();
    }
}
