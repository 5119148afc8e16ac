//! What is known of a conversation: both ends, how far they are, and what was odd.

use super::certificate::Chain;
use super::config::{EncryptionHandling, Settings};
use super::fingerprint::{self, Carrier, Ja3};
use super::hello::{self, Hello, Kind};
use super::version::Version;
use event::{AppProtocol, Direction};
use smallvec::SmallVec;

/// How far one end is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Its hello has not been seen.
    #[default]
    Started,
    /// Its hello has been seen.
    Hello,
    /// Its certificates have been seen.
    Certificate,
    /// The server has said all that it says in the clear.
    HelloDone,
    /// What follows is encrypted.
    HandshakeDone,
    /// Nothing follows.
    Finished,
}

/// Messages of the last bytes that came: what `ssl_state` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Recent(pub(super) u8);

impl Recent {
    pub(super) const CLIENT_HELLO: u8 = 1;
    pub(super) const SERVER_HELLO: u8 = 2;
    pub(super) const CLIENT_KEYS: u8 = 4;
    pub(super) const SERVER_KEYS: u8 = 8;
}

/// One end.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Its version: of its hello, or else of its records.
    pub version: Version,
    /// How far it is.
    pub phase: Phase,
    /// Its first hello.
    pub hello: Option<Hello>,
    /// The random bytes of its hello.
    pub random: Option<[u8; 32]>,
    /// The host that it asks for.
    pub sni: Option<Vec<u8>>,
    /// Its JA3 or JA3S.
    pub ja3: Option<Ja3>,
    /// Its JA4.
    pub ja4: Option<String>,
    /// Its certificates.
    pub chain: Option<Chain>,
    session_id: SmallVec<[u8; 32]>,
    has_hello: bool,
    has_changed_cipher: bool,
}

impl Side {
    fn reach(&mut self, phase: Phase) {
        self.phase = self.phase.max(phase);
    }

    /// Whether its own certificate could be read.
    #[must_use]
    pub fn has_leaf(&self) -> bool {
        self.chain
            .as_ref()
            .is_some_and(|chain| chain.leaf.is_some())
    }
}

/// Who awaits the answer to a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heartbeat {
    from: Direction,
    /// Length of the request's record where it was encrypted; else 0.
    encrypted_len: usize,
}

/// The conversation can't be followed any further.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// One conversation.
#[derive(Clone, Debug)]
pub struct Session {
    /// What is computed and written.
    pub settings: Settings,
    /// What the flow spoke before an upgrade to TLS.
    pub origin: Option<AppProtocol>,
    /// Client and server.
    pub sides: [Side; 2],
    /// Whether the client brought a ticket, or the server took up the client's session.
    pub is_resumed: bool,
    /// Whether it is TLS 1.3, where certificates are encrypted.
    pub hides_certificate: bool,
    pub(super) recent: Recent,
    pub(super) events: SmallVec<[(&'static str, Direction); 2]>,
    lists_versions: bool,
    has_early_data: bool,
    wants_client_certificate: bool,
    heartbeat: Option<Heartbeat>,
    ended: [bool; 2],
    ssl2: Ssl2,
    is_encrypted: bool,
}

/// How far a handshake of SSL 2 is.
#[derive(Clone, Copy, Debug, Default)]
struct Ssl2 {
    has_client_hello: bool,
    has_server_hello: bool,
    has_master_key: bool,
    has_no_session: bool,
    encrypted: [bool; 2],
}

impl Session {
    pub(super) fn new(settings: Settings) -> Self {
        Session {
            settings,
            origin: None,
            sides: Default::default(),
            is_resumed: false,
            hides_certificate: false,
            recent: Recent::default(),
            events: SmallVec::new(),
            lists_versions: false,
            has_early_data: false,
            wants_client_certificate: false,
            heartbeat: None,
            ended: [false; 2],
            ssl2: Ssl2::default(),
            is_encrypted: false,
        }
    }

    /// The end that sends in `direction`.
    #[must_use]
    pub fn side(&self, direction: Direction) -> &Side {
        &self.sides[usize::from(direction)]
    }

    pub(super) fn side_mut(&mut self, direction: Direction) -> &mut Side {
        &mut self.sides[usize::from(direction)]
    }

    /// Whether payload need not be looked at any more.
    pub(super) fn is_encrypted(&self) -> bool {
        let is_done = self
            .sides
            .iter()
            .all(|side| side.phase >= Phase::HandshakeDone);
        self.is_encrypted && is_done && self.settings.encryption != EncryptionHandling::Full
    }

    pub(super) fn add_event(&mut self, event: &'static str, direction: Direction) {
        if !self.events.contains(&(event, direction)) {
            self.events.push((event, direction));
        }
    }

    /// Notes the event and gives up.
    pub(super) fn fail<T>(
        &mut self,
        event: &'static str,
        direction: Direction,
    ) -> Result<T, Broken> {
        self.add_event(event, direction);
        Err(Broken)
    }

    /// Notes the version of a record, unless the hello has told it.
    pub(super) fn record_version(&mut self, direction: Direction, version: Version) {
        let side = self.side_mut(direction);
        if !side.has_hello || side.version == Version::UNKNOWN {
            side.version = version;
        }
    }

    /// One direction of the flow has ended.
    pub(super) fn end(&mut self, direction: Direction) {
        self.ended[usize::from(direction)] = true;
        self.side_mut(direction).reach(Phase::Finished);
    }

    /// What follows from all that was said so far.
    pub(super) fn settle(&mut self) {
        let [client, server] = &self.sides;
        let is_done = if self.wants_client_certificate {
            client.has_leaf()
        } else {
            server.has_leaf()
        };
        if is_done {
            self.sides
                .iter_mut()
                .for_each(|side| side.reach(Phase::HandshakeDone));
        }
    }

    /// A ChangeCipherSpec record.
    pub(super) fn change_cipher(&mut self, direction: Direction) {
        let side = self.side_mut(direction);
        side.has_changed_cipher = true;
        if direction == Direction::ToServer {
            side.reach(Phase::HandshakeDone);
        }
    }

    fn has_changed_cipher(&self) -> bool {
        self.sides.iter().any(|side| side.has_changed_cipher)
    }

    /// A record of application data begins.
    pub(super) fn application_data(&mut self, direction: Direction) {
        // Early data comes before the handshake is over, RFC 8446 section 2.3.
        if self.has_early_data && !self.sides[1].has_hello {
            return;
        }
        self.side_mut(direction).reach(Phase::HandshakeDone);
        self.is_encrypted = true;
    }

    /// An Alert record.
    pub(super) fn alert(&mut self, direction: Direction, body: &[u8]) -> Result<(), Broken> {
        match body {
            [] | [_] => self.fail("invalid_alert_message", direction),
            // Longer ones are encrypted.
            [2, _] => {
                self.sides
                    .iter_mut()
                    .for_each(|side| side.reach(Phase::Finished));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A Heartbeat record (RFC 6520), and what CVE-2014-0160 makes of it.
    pub(super) fn heartbeat(&mut self, direction: Direction, body: &[u8]) -> Result<(), Broken> {
        let Some((&[kind, high, low], rest)) = body.split_first_chunk::<3>() else {
            return Ok(());
        };
        let is_encrypted = self.has_changed_cipher();
        if !is_encrypted && !matches!(kind, 1 | 2) {
            return self.fail("invalid_heartbeat_message", direction);
        }
        match self.heartbeat {
            None => {
                let encrypted_len = if is_encrypted { body.len() } else { 0 };
                self.heartbeat = Some(Heartbeat {
                    from: direction,
                    encrypted_len,
                });
                if is_encrypted {
                    return Ok(());
                }
                let payload = usize::from(u16::from_be_bytes([high, low]));
                match rest.len().checked_sub(payload) {
                    None => self.fail("overflow_heartbeat_message", direction),
                    // Section 4 asks for 16 bytes of padding.
                    Some(..16) => self.fail("invalid_heartbeat_message", direction),
                    Some(_) => Ok(()),
                }
            }
            Some(request) if request.from == direction => {
                self.fail("invalid_heartbeat_message", direction)
            }
            Some(request) => {
                self.heartbeat = None;
                if is_encrypted && (1..body.len()).contains(&request.encrypted_len) {
                    return self.fail("dataleak_heartbeat_mismatch", direction);
                }
                Ok(())
            }
        }
    }

    /// Whether records of handshake messages can still be read.
    pub(super) fn reads_handshake(&self) -> bool {
        // TLS 1.3 sends ChangeCipherSpec for the sake of middleboxes only, RFC 8446 appendix D.4.
        let [client, server] = &self.sides;
        let is_for_show = client.has_hello && client.version > Version::TLS12 && !server.has_hello;
        !self.has_changed_cipher() || is_for_show
    }

    /// A handshake message of a type that is not known.
    pub(super) fn unknown_message(&mut self, direction: Direction) {
        // Behind a ChangeCipherSpec it is encrypted, and its type stands for nothing.
        if !self.side(direction).has_changed_cipher {
            self.add_event("invalid_handshake_message", direction);
        }
    }

    /// A whole handshake message.
    pub(super) fn message(
        &mut self,
        direction: Direction,
        kind: u8,
        body: &[u8],
    ) -> Result<(), Broken> {
        match kind {
            1 => {
                self.recent = Recent(Recent::CLIENT_HELLO);
                self.hello(Kind::Client, direction, body);
            }
            2 => {
                self.recent = Recent(Recent::SERVER_HELLO);
                self.hello(Kind::Server, direction, body);
            }
            11 => return self.certificates(direction, body),
            12 => self.recent = Recent(Recent::SERVER_KEYS),
            13 if direction == Direction::ToClient => {
                self.recent = Recent::default();
                self.wants_client_certificate = true;
            }
            14 if direction == Direction::ToClient => {
                self.side_mut(direction).reach(Phase::HelloDone);
            }
            16 => self.recent = Recent(Recent::CLIENT_KEYS),
            _ => {}
        }
        Ok(())
    }

    fn hello(&mut self, kind: Kind, direction: Direction, body: &[u8]) {
        let settings = self.settings;
        let side = self.side_mut(direction);
        let mut reading = hello::read(kind, body, side.sni.is_some());
        for event in std::mem::take(&mut reading.events) {
            self.add_event(event, direction);
        }
        let side = self.side_mut(direction);
        side.has_hello = true;
        if reading.legacy_version != Version::UNKNOWN {
            side.version = reading.version;
        }
        side.random = reading.random.or(side.random);
        if let Some(name) = reading.sni {
            side.sni = Some(name.to_vec());
        }
        if side.session_id.is_empty() {
            side.session_id = SmallVec::from_slice(reading.session_id);
        }
        if settings.ja3 && side.ja3.is_none() && reading.is_fingerprintable {
            let ja3 = fingerprint::ja3(kind, reading.legacy_version, &reading.hello);
            side.ja3 = Some(ja3);
        }
        if kind == Kind::Client && settings.ja4 && side.ja4.is_none() {
            side.ja4 = Some(fingerprint::ja4(Carrier::Tcp, &reading.hello));
        }
        side.reach(Phase::Hello);
        match kind {
            Kind::Client => {
                self.is_resumed |= reading.has_ticket;
                self.has_early_data |= reading.has_early_data;
                self.lists_versions |= reading.lists_versions;
            }
            Kind::Server => {
                let is_agreed = self.lists_versions && reading.version > Version::TLS12;
                self.hides_certificate |= is_agreed || reading.legacy_version.is_draft_in_hello();
                let [client, server] = &self.sides;
                self.is_resumed |=
                    !server.session_id.is_empty() && server.session_id == client.session_id;
            }
        }
        self.side_mut(direction).hello.get_or_insert(reading.hello);
    }

    fn certificates(&mut self, direction: Direction, body: &[u8]) -> Result<(), Broken> {
        if self.side(direction).chain.is_some() {
            // A renegotiation shows them again.
            return Ok(());
        }
        match Chain::read(body) {
            Ok(chain) => {
                let side = self.side_mut(direction);
                side.chain = Some(chain);
                side.reach(Phase::Certificate);
                Ok(())
            }
            Err(event) => {
                if let Some(event) = event {
                    self.add_event(event, direction);
                }
                Err(Broken)
            }
        }
    }

    /// A record of SSL 2: the type of its message, and what follows the type.
    pub(super) fn ssl2_message(
        &mut self,
        direction: Direction,
        kind: u8,
        body: &[u8],
    ) -> Result<(), Broken> {
        self.side_mut(direction).version = Version::SSL2;
        match kind {
            0 => self.add_event("error_message_encountered", direction),
            1 => {
                let Some(&[high, low, _, _, session_high, session_low]) = body.first_chunk() else {
                    return self.fail("invalid_ssl_record", direction);
                };
                self.recent = Recent(Recent::CLIENT_HELLO);
                self.ssl2.has_client_hello = true;
                self.ssl2.has_no_session = session_high == 0 && session_low == 0;
                let side = self.side_mut(direction);
                side.has_hello = true;
                side.version = Version(u16::from_be_bytes([high, low]));
                side.reach(Phase::Hello);
            }
            2 => self.ssl2.has_master_key = true,
            4 => {
                self.recent = Recent(Recent::SERVER_HELLO);
                self.ssl2.has_server_hello = true;
                let side = self.side_mut(direction);
                side.has_hello = true;
                side.reach(Phase::Hello);
            }
            3 | 5..=8 => {
                if kind == 8 && direction == Direction::ToServer {
                    self.recent = Recent(Recent::CLIENT_KEYS);
                }
                self.ssl2_encrypts(direction);
            }
            _ => {}
        }
        Ok(())
    }

    /// Messages of SSL 2 that come once a side encrypts.
    fn ssl2_encrypts(&mut self, direction: Direction) {
        let state = &mut self.ssl2;
        if !state.has_client_hello || !state.has_server_hello {
            return;
        }
        state.encrypted[usize::from(direction)] |= match direction {
            Direction::ToServer => state.has_no_session || state.has_master_key,
            Direction::ToClient => true,
        };
        if state.encrypted == [true, true] {
            self.is_encrypted = true;
            self.sides
                .iter_mut()
                .for_each(|side| side.reach(Phase::HandshakeDone));
        }
    }
}
