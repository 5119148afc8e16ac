//! What others see of a connection's bytes: the application layer, stream signatures, records.

use super::counters::Counters;
use super::sequence::after;
use super::side::Side;
use super::{Config, Session, State};
use ::event::Direction;
use decode::packet::Tcp;
use smallvec::SmallVec;

/// What comes next for the application layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// Bytes from its progress on, as far as they may be seen.
    Data(&'a [u8]),
    /// So many bytes will never come; go on with [`Session::skip_gap`].
    Gap(u64),
    /// Nothing now.
    None,
}

/// Bytes in a row and their place in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawPiece<'a> {
    /// The bytes.
    pub data: &'a [u8],
    /// Place of the first.
    pub offset: u64,
}

/// What stream signatures look into for one packet.
#[derive(Clone, Debug, Default)]
pub struct RawView<'a> {
    /// The pieces in order: one, but for holes.
    pub pieces: SmallVec<[RawPiece<'a>; 1]>,
    /// What to hand to [`Session::advance_raw`] once all pieces were looked into.
    pub progress: u64,
}

/// The packet for which stream signatures run.
#[derive(Clone, Copy, Debug)]
pub struct RawPacket<'a> {
    /// Its sequence number.
    pub sequence: u32,
    /// Its payload.
    pub payload: &'a [u8],
    /// Whether the payload went into the stream ([`super::PacketOutcome::data_added`]).
    pub is_added: bool,
}

impl<'a> RawPacket<'a> {
    /// Of a packet that is there.
    #[must_use]
    pub fn new(tcp: &Tcp<'_>, payload: &'a [u8], is_added: bool) -> Self {
        RawPacket {
            sequence: tcp.sequence,
            payload,
            is_added,
        }
    }
}

impl Session {
    /// What the application layer gets next from a side. In IDS mode only acknowledged bytes, until
    /// [`Session::finish`]. Bytes wait while the parser wants more than are there.
    pub fn app_chunk(&mut self, config: &Config, direction: Direction) -> Chunk<'_> {
        loop {
            let state = self.state;
            let uses_all = config.inline || self.uses_unacked(direction);
            let is_over = self.side(direction).is_finishing && state == State::Closed;
            if self.is_app_disabled || self.side(direction).no_reassembly {
                return Chunk::None;
            }
            let side = self.side_mut(direction);
            let progress = side.app_progress;
            let Some((start, bytes)) = side.buffer.next(progress) else {
                return Chunk::None;
            };
            let limit = if uses_all {
                u64::MAX
            } else {
                side.acked().saturating_sub(progress)
            };
            if start > progress {
                let missing = (start - progress).min(limit);
                let is_gap = missing > 0 && is_gap(side, state);
                return if is_gap {
                    Chunk::Gap(missing)
                } else {
                    Chunk::None
                };
            }
            let len = usize::try_from(limit)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            if len == 0 {
                return Chunk::None;
            }
            let waits = len < side.app_needs as usize && !is_over;
            if !waits {
                let side = self.side_mut(direction);
                side.app_needs = 0;
                let bytes = side.buffer.at(progress);
                return Chunk::Data(bytes.get(..len).unwrap_or(bytes));
            }
            let block_end = progress + bytes.len() as u64;
            let has_hole_ahead = side.buffer.next(block_end).is_some() && side.acked() >= block_end;
            if !has_hole_ahead {
                return Chunk::None;
            }
            // The record will never be whole.
            side.app_progress += len as u64;
            side.app_needs -= len as u32;
        }
    }

    /// The application layer is done with `bytes` bytes.
    pub fn consume_app(&mut self, direction: Direction, bytes: u64) {
        let side = self.side_mut(direction);
        side.app_progress = side.app_progress.saturating_add(bytes);
    }

    /// The application layer was told of a gap; counts it. The caller adds
    /// [`super::StreamEvent::ReassemblySeqGap`] to the packet's events.
    pub fn skip_gap(&mut self, direction: Direction, bytes: u64, counters: &mut Counters) {
        counters.reassembly_gap += 1;
        let side = self.side_mut(direction);
        side.had_gap = true;
        side.app_progress = side.app_progress.saturating_add(bytes);
        side.app_needs = side
            .app_needs
            .saturating_sub(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// A gap came before it was known what the connection speaks: it is counted, but progress stays
    /// where it is, and the next acknowledgement brings the gap again. The caller adds the event as
    /// with [`Session::skip_gap`] and stops asking for chunks.
    pub fn leave_gap(&self, counters: &mut Counters) {
        counters.reassembly_gap += 1;
    }

    /// The parser wants so many bytes at least before it is asked again.
    pub fn set_app_needs(&mut self, direction: Direction, bytes: u32) {
        self.side_mut(direction).app_needs = bytes;
    }

    /// How far the application layer has come.
    #[must_use]
    pub fn app_progress(&self, direction: Direction) -> u64 {
        self.side(direction).app_progress
    }

    /// Whether the application layer is to be told that a side ends here: nothing is left, and
    /// nothing will come. Asked when a side is in the outcome's updates and gives no chunk.
    #[must_use]
    pub fn app_is_at_end(&self, direction: Direction) -> bool {
        let side = self.side(direction);
        !self.is_app_disabled
            && !side.no_reassembly
            && (self.state >= State::Closing || side.is_finishing)
            && (!self.may_be_revived() || side.is_finishing)
            && side.buffer.end() <= side.app_progress
    }

    /// Whether a RST closed an open connection that may go on, since its receiver may refuse the RST.
    fn may_be_revived(&self) -> bool {
        self.previous >= State::Established
            && self.previous != State::Closed
            && self.sides.iter().any(|side| side.reset_received)
    }

    /// Whether what a side gives is its end (Suricata's `STREAM_EOF`).
    #[must_use]
    pub fn app_is_eof(&self, direction: Direction) -> bool {
        self.state == State::Closed || self.side(direction).is_finishing
    }

    /// Bytes held of a side before the application layer's progress moves, for recognition.
    #[must_use]
    pub fn bytes_held(&self, direction: Direction) -> u64 {
        let side = self.side(direction);
        side.buffer.at(side.app_progress).len() as u64
    }

    /// Whether a side holds bytes that detection or the application layer has not seen: then
    /// [`Session::finish`] brings something when the flow ends.
    #[must_use]
    pub fn has_unseen(&self, config: &Config, direction: Direction) -> bool {
        let side = self.side(direction);
        let end = side.buffer.end();
        let raw = config.raw && !side.raw_closed && end > side.raw_progress;
        let app = !self.is_app_disabled && end > side.app_progress;
        !side.no_reassembly && (raw || app)
    }

    /// Nothing more will come from a side: its un-acknowledged bytes are handed out too.
    pub fn finish(&mut self, direction: Direction) {
        self.side_mut(direction).is_finishing = true;
    }

    /// Whether a side's un-acknowledged bytes count, although data normally waits for its ACK.
    fn uses_unacked(&self, direction: Direction) -> bool {
        self.side(direction).is_finishing && (self.state < State::Closed || self.is_closed_by_reset)
    }

    /// Whether stream signatures have something to look into for a packet in `direction`.
    #[must_use]
    pub fn raw_is_ready(
        &self,
        config: &Config,
        direction: Direction,
        packet: Option<RawPacket<'_>>,
    ) -> bool {
        let side = self.side(direction);
        if !config.raw || !side.buffer.has_segments() || side.no_reassembly || side.raw_closed {
            return false;
        }
        if config.inline {
            return packet.is_some_and(|packet| packet.is_added && !packet.payload.is_empty());
        }
        side.raw_progress != side.buffer.end() && self.raw_is_due(config, direction)
    }

    /// Whether enough has gathered, or nothing more will.
    fn raw_is_due(&self, config: &Config, direction: Direction) -> bool {
        let side = self.side(direction);
        let chunk = chunk_size(config, direction);
        side.depth_reached
            || side.raw_triggered
            || side.raw_closing
            || self.state > State::TimeWait
            || side.is_finishing
            || u64::from(chunk) + side.raw_progress <= side.acked()
    }

    /// What stream signatures look into for a packet in `direction`; `packet` is None at the end
    /// of a flow. `respects_depth`: whether the minimal depth before the application layer's
    /// progress is added after [`Session::trigger_raw`].
    #[must_use]
    pub fn raw(
        &self,
        config: &Config,
        direction: Direction,
        packet: Option<RawPacket<'_>>,
        respects_depth: bool,
    ) -> RawView<'_> {
        let side = self.side(direction);
        let idle = RawView {
            pieces: SmallVec::new(),
            progress: side.raw_progress,
        };
        if side.no_reassembly || side.raw_closed || !config.raw {
            return idle;
        }
        if config.inline {
            return match packet {
                Some(packet) if packet.is_added && !packet.payload.is_empty() => {
                    raw_around(side, chunk_size(config, direction), packet).unwrap_or(idle)
                }
                Some(_) => idle,
                None => raw_from(side, side.raw_progress, u64::MAX),
            };
        }
        if !self.raw_is_due(config, direction) {
            return idle;
        }
        let mut from = side.raw_progress;
        if respects_depth && side.raw_triggered && side.min_inspect_depth > 0 {
            let depth = u64::from(side.min_inspect_depth);
            from = from.min(side.app_progress.saturating_sub(depth));
        }
        let edge = if side.is_finishing {
            u64::MAX
        } else {
            side.acked()
        };
        raw_from(side, from, edge)
    }

    /// Stream signatures have looked up to `progress` ([`RawView::progress`]); 0 where they did
    /// not look at all, and then progress follows the application layer.
    pub fn advance_raw(&mut self, direction: Direction, progress: u64) {
        let is_app_disabled = self.is_app_disabled;
        let side = self.side_mut(direction);
        let window = u64::from(side.window);
        if progress > side.raw_progress {
            side.raw_progress = progress;
            side.raw_triggered = false;
        } else if progress == 0 && !is_app_disabled && side.app_progress > side.raw_progress {
            if side.raw_triggered {
                side.raw_progress = side.app_progress;
                side.raw_triggered = false;
            } else if window > 0 && side.app_progress > window {
                side.raw_progress = side.raw_progress.max(side.app_progress - window);
            }
        } else if progress == 0 {
            let end = side.buffer.end();
            if window < end {
                side.raw_progress = side.raw_progress.max(end - window);
            }
            side.raw_triggered = false;
        }
        if side.raw_closing {
            side.raw_closed = true;
        }
    }

    /// The bytes that an alert on the stream shows as its payload: what is held of a side and
    /// acknowledged, with the place of each piece; the first place to show is the second value.
    #[must_use]
    pub fn payload_window(
        &self,
        config: &Config,
        direction: Direction,
    ) -> (SmallVec<[RawPiece<'_>; 1]>, u64) {
        let side = self.side(direction);
        let uses_all = config.inline || side.is_finishing;
        let edge = if uses_all { u64::MAX } else { side.acked() };
        let base = side.buffer.base();
        if side.no_reassembly {
            return (SmallVec::new(), base);
        }
        (raw_from(side, base, edge).pieces, base)
    }

    /// Forgets what nobody needs any more of a side. Called once detection is done with a packet
    /// in `direction`.
    pub fn prune(&mut self, config: &Config, counters: &mut Counters, direction: Direction) {
        let is_app_disabled = self.is_app_disabled;
        let is_open = self.state < State::Closed;
        let chunk = u64::from(chunk_size(config, direction));
        let side = self.side_mut(direction);
        if side.no_reassembly {
            return;
        }
        let raw_is_dead = side.raw_closed || !config.raw;
        if side.depth_reached || (is_app_disabled && raw_is_dead) {
            side.no_reassembly = true;
            side.buffer.clear();
            self.account_memory(counters);
            return;
        }
        let mut edge = u64::MAX;
        if !raw_is_dead {
            edge = side.raw_progress;
            if config.inline {
                edge = edge.saturating_sub(chunk);
            }
            if !is_app_disabled && is_open {
                edge = edge.saturating_sub(u64::from(side.min_inspect_depth));
            }
        }
        if !is_app_disabled {
            edge = edge.min(side.app_progress);
        }
        edge = edge.min(side.buffer.end());
        if config.inline {
            edge = edge.min(side.acked());
        } else if config.check_overlap {
            // Injected bytes may come late, after the true ones were acknowledged.
            const WINDOW_UNKNOWN: u32 = 4096;
            let window = if side.window > 0 {
                side.window
            } else {
                WINDOW_UNKNOWN
            };
            edge = edge.saturating_sub(u64::from(window));
        }
        side.buffer.slide(edge);
        self.account_memory(counters);
    }
}

fn chunk_size(config: &Config, direction: Direction) -> u32 {
    match direction {
        Direction::ToServer => config.toserver_chunk,
        Direction::ToClient => config.toclient_chunk,
    }
}

/// Whether the bytes that are missing at the application layer's progress will never come: they
/// were acknowledged, so the other end has them.
fn is_gap(side: &Side, state: State) -> bool {
    let fin = u64::from(state >= State::FinWait1);
    let acked = side.acked().saturating_sub(fin);
    if acked <= side.app_progress {
        return false;
    }
    // An ACK beyond everything seen may be wrong; then there must be data after the hole.
    if after(side.last_ack, side.next_seq) && !side.buffer.has_holes() {
        return false;
    }
    true
}

/// Pieces from `from` up to `edge`.
fn raw_from(side: &Side, from: u64, edge: u64) -> RawView<'_> {
    let mut view = RawView {
        pieces: SmallVec::new(),
        progress: from,
    };
    let mut at = from;
    while let Some((offset, data)) = side.buffer.next(at) {
        let Some(room) = edge.checked_sub(offset).filter(|room| *room > 0) else {
            break;
        };
        at = offset + data.len() as u64;
        let len = usize::try_from(room).unwrap_or(usize::MAX).min(data.len());
        let data = data.get(..len).unwrap_or(data);
        view.pieces.push(RawPiece { data, offset });
        view.progress = offset + len as u64;
    }
    view
}

/// What surrounds a packet: the packet itself, and what came before and after it, `chunk` bytes or
/// so in all.
fn raw_around<'a>(side: &'a Side, chunk: u32, packet: RawPacket<'_>) -> Option<RawView<'a>> {
    let len = packet.payload.len() as u64;
    let third = u64::from(chunk / 3);
    let chunk = if len > third * 2 {
        len + third
    } else {
        u64::from(chunk)
    };
    let left = u64::try_from(side.offset_of(packet.sequence)).unwrap_or(0);
    let right = left + len;
    let (offset, data) = side
        .buffer
        .pieces()
        .find(|(offset, data)| *offset <= left && offset + data.len() as u64 >= right)?;
    let end = offset + data.len() as u64;
    let (mut from, mut to) = (offset, end);
    if end - offset > chunk {
        let spare = chunk - len;
        let (before, after) = (left - offset, end - right);
        let half = spare / 2;
        let (before, after) = if after == 0 {
            (spare, 0)
        } else if before == 0 {
            (0, spare)
        } else if after >= half && before >= half {
            (half, half)
        } else if after >= half {
            (before, spare - before)
        } else {
            (spare - after, after)
        };
        from = left - before.min(left - offset);
        to = right + after.min(end - right);
    }
    let skip = usize::try_from(from - offset).ok()?;
    let stop = usize::try_from(to - offset).ok()?;
    let data = data.get(skip..stop)?;
    let progress = if side.buffer.has_holes() && side.raw_progress >= side.acked() {
        side.raw_progress
    } else if side.buffer.has_holes() && from > side.acked() {
        side.acked()
    } else {
        to
    };
    Some(RawView {
        pieces: SmallVec::from_slice(&[RawPiece { data, offset: from }]),
        progress,
    })
}
