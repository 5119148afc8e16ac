//! Domain names on the wire: labels, compression pointers, and the limits that stop both.

use smallvec::SmallVec;

/// Longest name kept, in its dotted form. dnsmasq's limit, which Suricata took over; RFC 1035 has
/// 255, and names beyond it are what tunnels and attacks look like, so they are worth seeing.
const MAX_NAME_LEN: usize = 1025;

/// Labels and pointers followed for one name: the guard against names without an end.
const MAX_STEPS: usize = 255;

/// Bytes that the names of one message may take when written out. Pointers let 64 KiB of message
/// stand for many times as much; 60 times is far beyond honest messages.
const MAX_EXPANDED: usize = 4 << 20;

/// Names remembered by the place they are pointed at. Answers mostly point at one or two.
const REMEMBERED: usize = 8;

/// What was odd about a name; together for a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameFlags {
    /// A pointer led back to where it stands.
    pub loops: bool,
    /// The name was cut.
    pub truncated: bool,
    /// There were more labels than are followed.
    pub too_many_labels: bool,
}

impl NameFlags {
    fn add(&mut self, other: NameFlags) {
        self.loops |= other.loops;
        self.truncated |= other.truncated;
        self.too_many_labels |= other.too_many_labels;
    }
}

/// A name written out in the bytes of its message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// Where it begins in the bytes of its message.
    at: u32,
    len: u16,
    /// Whether it was cut.
    pub is_truncated: bool,
}

impl Name {
    /// The dotted form in `bytes`, the store that it was written to.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        let start = self.at as usize;
        bytes
            .get(start..start + usize::from(self.len))
            .unwrap_or_default()
    }
}

/// Writes out the names of one message behind its bytes.
pub(super) struct Names {
    /// The message, then every name in dotted form.
    pub(super) bytes: Vec<u8>,
    /// Length of the message.
    message_len: usize,
    /// What was odd about any name so far.
    pub(super) flags: NameFlags,
    remembered: SmallVec<[(u16, Name); REMEMBERED]>,
}

impl Names {
    /// For `message`, whose bytes are kept.
    #[must_use]
    pub(super) fn new(message: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(message.len() * 2);
        bytes.extend_from_slice(message);
        Names {
            bytes,
            message_len: message.len(),
            flags: NameFlags::default(),
            remembered: SmallVec::new(),
        }
    }

    /// Reads the name at `start`, which ends before `end` unless it points elsewhere. Gives it and
    /// the place of what follows; None where it can't be read.
    pub(super) fn read(&mut self, start: usize, end: usize) -> Option<(Name, usize)> {
        let target = self
            .pointer_at(start, end)
            .filter(|target| usize::from(*target) != start);
        if let Some(target) = target
            && let Some((_, name)) = self.remembered.iter().find(|(at, _)| *at == target)
        {
            return Some((*name, start + 2));
        }
        let mut walk = Walk {
            pos: start,
            end,
            resume: None,
            flags: NameFlags::default(),
        };
        let at = self.bytes.len();
        let done = self.walk(&mut walk, at);
        self.flags.add(walk.flags);
        if done.is_none() {
            self.bytes.truncate(at);
            return None;
        }
        let name = Name {
            at: u32::try_from(at).ok()?,
            len: u16::try_from(self.bytes.len() - at).ok()?,
            is_truncated: walk.flags.truncated,
        };
        if let Some(target) = target
            && self.remembered.len() < REMEMBERED
        {
            self.remembered.push((target, name));
        }
        Some((name, walk.resume.unwrap_or(walk.pos)))
    }

    /// The target of a pointer that stands at `pos`.
    fn pointer_at(&self, pos: usize, end: usize) -> Option<u16> {
        let [high, low] = *self.bytes.get(pos..end)?.first_chunk::<2>()?;
        (high >= 0xc0).then_some(u16::from_be_bytes([high & 0x3f, low]))
    }

    fn walk(&mut self, walk: &mut Walk, at: usize) -> Option<()> {
        let mut steps = 0;
        while walk.pos < walk.end {
            let len = *self.bytes.get(walk.pos)?;
            match len {
                0 => {
                    walk.pos += 1;
                    break;
                }
                1..=0x3f => {
                    let label = walk.pos + 1..walk.pos + 1 + usize::from(len);
                    if label.end > walk.end {
                        return None;
                    }
                    if !walk.flags.truncated {
                        self.append(label.clone(), at, walk);
                    }
                    walk.pos = label.end;
                }
                0x40..=0xbf => return None,
                0xc0.. => {
                    let target = usize::from(self.pointer_at(walk.pos, walk.end)?);
                    if target > self.message_len {
                        return None;
                    }
                    if target == walk.pos && walk.end == self.message_len {
                        walk.flags.loops = true;
                        // Behind an earlier pointer it is known where the message goes on.
                        walk.resume?;
                        break;
                    }
                    walk.resume.get_or_insert(walk.pos + 2);
                    walk.pos = target;
                    walk.end = self.message_len;
                }
            }
            steps += 1;
            if steps > MAX_STEPS {
                walk.flags.too_many_labels = true;
                walk.resume?;
                walk.flags.truncated = true;
                break;
            }
            if self.bytes.len() - at > MAX_NAME_LEN {
                self.bytes.truncate(at + MAX_NAME_LEN);
                walk.flags.truncated = true;
            }
            // Without a pointer the end of the name is still to be found.
            if walk.flags.truncated && walk.resume.is_some() {
                break;
            }
        }
        Some(())
    }

    fn append(&mut self, label: std::ops::Range<usize>, at: usize, walk: &mut Walk) {
        if self.bytes.len() > self.message_len + MAX_EXPANDED {
            walk.flags.truncated = true;
            return;
        }
        if self.bytes.len() > at {
            self.bytes.push(b'.');
        }
        self.bytes.extend_from_within(label);
    }
}

struct Walk {
    pos: usize,
    end: usize,
    /// Where the message goes on behind the first pointer.
    resume: Option<usize>,
    flags: NameFlags,
}
