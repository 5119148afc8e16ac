//! One end of an SSH conversation: its banner, then its unencrypted records.

use super::hassh::{self, Hassh};

/// A banner longer than this is odd (RFC 4253 section 4.2 allows 255 bytes).
const LONG_BANNER: usize = 256;

/// Most bytes of a banner that are read; what follows up to the end of its line is skipped.
const MAX_BANNER: usize = 4096;

/// Key exchanges of this size and more are not read; a real one has about 2 KiB.
const MAX_KEXINIT: usize = 65_535;

/// Length, padding length and message code of a record.
const HEADER: usize = 6;

const MSG_KEXINIT: u8 = 20;
const MSG_NEWKEYS: u8 = 21;

/// How far an end has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    /// Its banner is not complete.
    #[default]
    Banner,
    /// The rest of an endless banner is skipped.
    BannerTail,
    /// Its banner is read, records follow.
    Records,
    /// It sent `NEWKEYS`.
    Finished,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// One end.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) progress: Progress,
    pub(super) protocol: Vec<u8>,
    pub(super) software: Vec<u8>,
    pub(super) hassh: Option<Hassh>,
    pub(super) is_ended: bool,
    is_server: bool,
    is_long: bool,
    /// An incomplete banner, record header or key exchange.
    pending: Vec<u8>,
    /// Bytes of the present record that are still to be skipped.
    skip: u64,
}

impl Side {
    pub(super) fn new(is_server: bool) -> Self {
        Side {
            is_server,
            ..Side::default()
        }
    }

    /// Takes the next bytes; events go to `event`.
    pub(super) fn on_data(
        &mut self,
        mut data: &[u8],
        wants_hassh: bool,
        event: &mut impl FnMut(&'static str),
    ) -> Result<(), Broken> {
        while !data.is_empty() {
            data = match self.progress {
                Progress::Banner => self.on_banner(data, event)?,
                Progress::BannerTail => self.on_banner_tail(data),
                Progress::Records => self.on_record(data, wants_hassh, event)?,
                Progress::Finished => return Ok(()),
            };
        }
        Ok(())
    }

    /// No more bytes will come: what is there of an endless banner counts.
    pub(super) fn end(&mut self) {
        if self.progress == Progress::Banner && self.pending.len() >= LONG_BANNER {
            let line = std::mem::take(&mut self.pending);
            let _ = self.read_banner(&line);
        }
        self.is_ended = true;
    }

    /// Gathers a line, however it is cut, and gives what follows it.
    fn on_banner<'a>(
        &mut self,
        data: &'a [u8],
        event: &mut impl FnMut(&'static str),
    ) -> Result<&'a [u8], Broken> {
        // A carriage return that ended the last bytes: a line feed still belongs to it.
        if self.pending.last() == Some(&b'\r') {
            let rest = data.strip_prefix(b"\n").unwrap_or(data);
            self.pending.pop();
            return self.banner_done(rest, event);
        }
        let end = memchr::memchr2(b'\n', b'\r', data);
        let room = MAX_BANNER.saturating_sub(self.pending.len());
        let line = data.get(..end.unwrap_or(data.len())).unwrap_or(data);
        self.pending
            .extend_from_slice(line.get(..room).unwrap_or(line));
        let is_cut = line.len() > room;
        if self.pending.len() >= LONG_BANNER && !self.is_long {
            self.is_long = true;
            if !self.pending.starts_with(b"SSH-") {
                event("invalid_banner");
                return Err(Broken);
            }
            event("long_banner");
        }
        if is_cut {
            let line = std::mem::take(&mut self.pending);
            self.read_banner(&line).map_err(|_| {
                event("invalid_banner");
                Broken
            })?;
            self.progress = Progress::BannerTail;
            return Ok(data.get(room..).unwrap_or_default());
        }
        let Some(end) = end else { return Ok(&[]) };
        let rest = data.get(end + 1..).unwrap_or_default();
        if data.get(end) == Some(&b'\n') {
            return self.banner_done(rest, event);
        }
        if rest.is_empty() {
            self.pending.push(b'\r');
            return Ok(&[]);
        }
        self.banner_done(rest.strip_prefix(b"\n").unwrap_or(rest), event)
    }

    fn banner_done<'a>(
        &mut self,
        rest: &'a [u8],
        event: &mut impl FnMut(&'static str),
    ) -> Result<&'a [u8], Broken> {
        let line = std::mem::take(&mut self.pending);
        if self.read_banner(&line).is_err() {
            event("invalid_banner");
            return Err(Broken);
        }
        self.progress = Progress::Records;
        Ok(rest)
    }

    /// `SSH-protoversion-softwareversion SP comments` (RFC 4253 section 4.2).
    fn read_banner(&mut self, line: &[u8]) -> Result<(), Broken> {
        let after = line.strip_prefix(b"SSH-").ok_or(Broken)?;
        let dash = memchr::memchr(b'-', after)
            .filter(|dash| *dash > 0)
            .ok_or(Broken)?;
        let (protocol, software) = after.split_at_checked(dash).ok_or(Broken)?;
        let software = software.get(1..).unwrap_or_default();
        self.protocol = protocol.to_vec();
        self.software = software
            .split(|b| *b == b' ')
            .next()
            .unwrap_or_default()
            .to_vec();
        Ok(())
    }

    fn on_banner_tail<'a>(&mut self, data: &'a [u8]) -> &'a [u8] {
        match memchr::memchr(b'\n', data) {
            Some(end) => {
                self.progress = Progress::Records;
                data.get(end + 1..).unwrap_or_default()
            }
            None => &[],
        }
    }

    /// Takes what belongs to the present record and gives what follows.
    fn on_record<'a>(
        &mut self,
        data: &'a [u8],
        wants_hassh: bool,
        event: &mut impl FnMut(&'static str),
    ) -> Result<&'a [u8], Broken> {
        if self.skip > 0 {
            let skip = usize::try_from(self.skip)
                .unwrap_or(usize::MAX)
                .min(data.len());
            self.skip -= skip as u64;
            return Ok(data.get(skip..).unwrap_or_default());
        }
        let need = HEADER.saturating_sub(self.pending.len()).min(data.len());
        let (head, data) = data.split_at_checked(need).ok_or(Broken)?;
        self.pending.extend_from_slice(head);
        let Some(header) = self.pending.first_chunk::<HEADER>() else {
            return Ok(&[]);
        };
        let [a, b, c, d, _padding, code] = *header;
        let len = u32::from_be_bytes([a, b, c, d]);
        if len < 2 {
            event("invalid_record");
            return Err(Broken);
        }
        let body = u64::from(len - 2);
        if code == MSG_KEXINIT && wants_hassh {
            if body < MAX_KEXINIT as u64 {
                return Ok(self.on_kexinit(data, body as usize));
            }
            event("long_kex_record");
        }
        if code == MSG_NEWKEYS {
            self.progress = Progress::Finished;
        }
        self.pending.clear();
        self.skip = body;
        Ok(data)
    }

    fn on_kexinit<'a>(&mut self, data: &'a [u8], len: usize) -> &'a [u8] {
        let need = (HEADER + len)
            .saturating_sub(self.pending.len())
            .min(data.len());
        let (part, rest) = data.split_at_checked(need).unwrap_or((data, &[]));
        self.pending.extend_from_slice(part);
        if self.pending.len() == HEADER + len {
            if self.hassh.is_none() {
                let body = self.pending.get(HEADER..).unwrap_or_default();
                self.hassh = hassh::read(body, self.is_server);
            }
            self.pending = Vec::new();
        }
        rest
    }
}
