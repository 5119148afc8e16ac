//! The hellos of client and server (RFC 8446 section 4.1, RFC 5246 section 7.4.1).
//!
//! What stands before an error counts: a hello that breaks off in its extensions still has its
//! version and its ciphers.

use super::version::Version;

const INVALID_LENGTH: &str = "handshake_invalid_length";

/// Longest host name, as of domain names.
const MAX_SNI: usize = 255;

/// Which end a hello is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// The lists of a hello, without the values that are sent to keep parsers supple (GREASE).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The highest version named.
    pub version: Version,
    /// Ciphers offered; the one chosen.
    pub ciphers: Vec<u16>,
    /// Types of extensions.
    pub extensions: Vec<u16>,
    /// Algorithms of signatures.
    pub signature_algorithms: Vec<u16>,
    /// Groups of the key exchange, formerly curves.
    pub groups: Vec<u16>,
    /// Formats of the points on curves.
    pub point_formats: Vec<u8>,
    /// Protocols offered; the one chosen.
    pub protocols: Vec<Vec<u8>>,
}

/// What was read of a hello.
#[derive(Debug, Default)]
pub(super) struct Reading<'a> {
    pub(super) hello: Hello,
    /// The version field.
    pub(super) legacy_version: Version,
    /// The version meant: in the extension of versions, or else in the field.
    pub(super) version: Version,
    pub(super) random: Option<[u8; 32]>,
    pub(super) session_id: &'a [u8],
    pub(super) sni: Option<&'a [u8]>,
    /// Whether the client lists versions in an extension.
    pub(super) lists_versions: bool,
    /// Whether the client brings a ticket of an earlier session.
    pub(super) has_ticket: bool,
    /// Whether the client sends data before the handshake is over.
    pub(super) has_early_data: bool,
    /// Whether enough was read for a fingerprint.
    pub(super) is_fingerprintable: bool,
    /// What was odd.
    pub(super) events: Vec<&'static str>,
}

/// Reads the hello `body`; `has_sni` tells whether an earlier one named a host.
pub(super) fn read(kind: Kind, body: &[u8], has_sni: bool) -> Reading<'_> {
    let mut reading = Reading::default();
    if let Err(event) = reading.fill(kind, &mut Cursor(body), has_sni) {
        reading.events.push(event);
    }
    reading
}

/// Whether a value is one of those of RFC 8701.
fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// How far an extension that can't be read reaches.
enum Stop {
    /// What was read before it is kept, for the fingerprint too.
    Here(&'static str),
    /// There is no fingerprint.
    Nowhere(&'static str),
}

impl<'a> Reading<'a> {
    fn fill(
        &mut self,
        kind: Kind,
        input: &mut Cursor<'a>,
        has_sni: bool,
    ) -> Result<(), &'static str> {
        let version = Version(input.word().ok_or(INVALID_LENGTH)?);
        self.legacy_version = version;
        self.version = version.from_hello();
        self.hello.version = version;
        self.random = Some(
            *input
                .take(32)
                .and_then(<[u8]>::first_chunk)
                .ok_or(INVALID_LENGTH)?,
        );
        // Early drafts of TLS 1.3 left these out of the server's hello.
        let is_long = kind == Kind::Client || !version.is_draft_in_hello();
        if is_long {
            self.session_id = input.short_list().ok_or(INVALID_LENGTH)?;
        }
        let ciphers = match kind {
            Kind::Client => input.long_list(),
            Kind::Server => input.take(2),
        };
        let ciphers = ciphers
            .filter(|list| list.len() % 2 == 0)
            .ok_or(INVALID_LENGTH)?;
        self.hello.ciphers = words(ciphers)
            .filter(|cipher| !is_grease(*cipher))
            .collect();
        if is_long {
            match kind {
                Kind::Client => input.short_list(),
                Kind::Server => input.take(1),
            }
            .ok_or(INVALID_LENGTH)?;
        }
        self.extensions(kind, input, has_sni)
    }

    fn extensions(
        &mut self,
        kind: Kind,
        input: &mut Cursor<'a>,
        has_sni: bool,
    ) -> Result<(), &'static str> {
        if input.0.len() < 2 {
            self.is_fingerprintable = true;
            return Ok(());
        }
        let mut list = Cursor(input.long_list().ok_or(INVALID_LENGTH)?);
        while !list.0.is_empty() {
            let extension = list.word().ok_or(INVALID_LENGTH)?;
            let data = list.long_list().ok_or(INVALID_LENGTH)?;
            if !data.is_empty() || matches!(extension, 35 | 42) {
                match self.extension(kind, extension, data, has_sni) {
                    Ok(()) => {}
                    Err(Stop::Here(event)) => {
                        self.is_fingerprintable = true;
                        return Err(event);
                    }
                    Err(Stop::Nowhere(event)) => return Err(event),
                }
            }
            if !is_grease(extension) {
                self.hello.extensions.push(extension);
            }
        }
        self.is_fingerprintable = true;
        Ok(())
    }

    fn extension(
        &mut self,
        kind: Kind,
        extension: u16,
        data: &'a [u8],
        has_sni: bool,
    ) -> Result<(), Stop> {
        let mut input = Cursor(data);
        match extension {
            0 => self.server_name(&mut input, has_sni).map_err(Stop::Here)?,
            10 => {
                let list = input.long_list().ok_or(Stop::Nowhere(INVALID_LENGTH))?;
                if list.len() % 2 != 0 {
                    return Err(Stop::Nowhere(INVALID_LENGTH));
                }
                self.hello
                    .groups
                    .extend(words(list).filter(|group| !is_grease(*group)));
            }
            11 => {
                let list = input.short_list().ok_or(Stop::Nowhere(INVALID_LENGTH))?;
                self.hello.point_formats.extend_from_slice(list);
            }
            13 => {
                let list = input.long_list().filter(|list| list.len() % 2 == 0);
                let list = list.ok_or(Stop::Here(INVALID_LENGTH))?;
                let algorithms = words(list).filter(|algorithm| !is_grease(*algorithm));
                self.hello.signature_algorithms.extend(algorithms);
            }
            16 => self.protocols(&mut input).map_err(Stop::Here)?,
            35 => self.has_ticket = true,
            42 => self.has_early_data = true,
            43 => self.versions(kind, &mut input).map_err(Stop::Here)?,
            _ => {}
        }
        Ok(())
    }

    fn server_name(&mut self, input: &mut Cursor<'a>, has_sni: bool) -> Result<(), &'static str> {
        input.word().ok_or(INVALID_LENGTH)?;
        // Host names are the only kind there is, RFC 6066 section 3.
        if input.byte().ok_or(INVALID_LENGTH)? != 0 {
            return Err("invalid_sni_type");
        }
        let len = usize::from(input.word().ok_or(INVALID_LENGTH)?);
        let name = input
            .take(len)
            .filter(|name| (1..=MAX_SNI).contains(&name.len()));
        let name = name.ok_or("invalid_sni_length")?;
        if has_sni || self.sni.is_some() {
            self.events.push("multiple_sni_extensions");
        } else {
            self.sni = Some(name);
        }
        Ok(())
    }

    fn protocols(&mut self, input: &mut Cursor<'a>) -> Result<(), &'static str> {
        let mut list = Cursor(input.long_list().ok_or(INVALID_LENGTH)?);
        while let Some(len) = list.byte() {
            // A name that reaches beyond the list ends it.
            let Some(name) = list.take(usize::from(len)) else {
                break;
            };
            if !name.is_empty() {
                self.hello.protocols.push(name.to_vec());
            }
        }
        Ok(())
    }

    fn versions(&mut self, kind: Kind, input: &mut Cursor<'a>) -> Result<(), &'static str> {
        match kind {
            Kind::Client => {
                let list = input.short_list().filter(|list| list.len() >= 2);
                let list = list.ok_or(INVALID_LENGTH)?;
                // The first is the one the client prefers.
                if let Some(version) = words(list).map(Version).find(|v| v.is_valid()) {
                    self.version = version;
                    self.hello.version = self.hello.version.max(version);
                }
                self.lists_versions = true;
            }
            Kind::Server => self.version = Version(input.word().ok_or(INVALID_LENGTH)?),
        }
        Ok(())
    }
}

fn words(list: &[u8]) -> impl Iterator<Item = u16> {
    list.chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

/// Bytes that are read from the front.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).and_then(|b| b.first().copied())
    }

    pub(super) fn word(&mut self) -> Option<u16> {
        self.take(2)
            .and_then(<[u8]>::first_chunk)
            .map(|b| u16::from_be_bytes(*b))
    }

    /// A number of three bytes.
    pub(super) fn triple(&mut self) -> Option<usize> {
        let [a, b, c] = *self.take(3)?.first_chunk::<3>()?;
        usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()
    }

    /// A list behind its length in one byte.
    fn short_list(&mut self) -> Option<&'a [u8]> {
        let len = self.byte()?;
        self.take(usize::from(len))
    }

    /// A list behind its length in two bytes.
    fn long_list(&mut self) -> Option<&'a [u8]> {
        let len = self.word()?;
        self.take(usize::from(len))
    }
}
