//! TCP: where each end stands, and its bytes in order.
//!
//! `Session::on_packet` decides whether a packet belongs and keeps its bytes; the outcome tells
//! which sides then have something for the application layer (`app_chunk`, `consume_app`) and for
//! stream signatures (`raw`, `advance_raw`). `prune` forgets what nobody needs any more.

mod arrival;
mod buffer;
mod closing;
mod config;
mod counters;
mod established;
mod event;
mod handshake;
mod opening;
mod overlap;
mod reassembly;
mod reuse;
mod sack;
mod segment;
mod sequence;
mod shape;
mod side;
mod timestamp;
mod validity;
mod views;

#[cfg(test)]
mod tests;

pub use config::{Config, ExceptionPolicy, OsPolicy, UrgentPolicy};
pub use counters::{Counters, EventCounts};
pub use event::{StreamEvent, StreamEvents};
pub use reuse::reuse;
pub use segment::{Exception, PacketOutcome, StreamDrop, Updates};
pub use views::{Chunk, RawPacket, RawPiece, RawView};

use ::event::Direction;
use handshake::Queued;
use segment::Run;
use side::Side;

/// Memory a session takes, for `stream.memcap`: the struct and its small lists.
const SESSION_BYTES: u64 = size_of::<Session>() as u64;

/// Where a connection stands. The order is the one in which "at least" is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// A SYN was seen.
    SynSent,
    /// And a SYN/ACK.
    SynRecv,
    /// The handshake is done.
    Established,
    /// The server sent a FIN.
    FinWait1,
    /// And it was acknowledged.
    FinWait2,
    /// Both sent FINs.
    TimeWait,
    /// The server's FIN after the client's.
    LastAck,
    /// The client sent a FIN.
    CloseWait,
    /// Both sent FINs at once.
    Closing,
    /// It is over.
    Closed,
}

impl State {
    /// EVE's `flow.tcp.state`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            State::SynSent => "syn_sent",
            State::SynRecv => "syn_recv",
            State::Established => "established",
            State::FinWait1 => "fin_wait1",
            State::FinWait2 => "fin_wait2",
            State::TimeWait => "time_wait",
            State::LastAck => "last_ack",
            State::CloseWait => "close_wait",
            State::Closing => "closing",
            State::Closed => "closed",
        }
    }

    /// The flow's state that goes with it; None while the handshake lasts.
    #[must_use]
    pub const fn flow_state(self) -> Option<crate::flow::State> {
        match self {
            State::SynSent | State::SynRecv => None,
            State::Established
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::CloseWait => Some(crate::flow::State::Established),
            State::LastAck | State::TimeWait | State::Closed => Some(crate::flow::State::Closed),
        }
    }
}

/// Both ends of a TCP connection.
#[derive(Debug)]
pub struct Session {
    state: State,
    /// The state before the present one: a forged RST leads back to it.
    previous: State,
    /// What each end sends, by direction.
    sides: [Side; 2],
    /// Bytes of each side that are kept, 0 for all.
    depth: u32,
    /// All TCP flags seen.
    tcp_flags: u8,
    is_midstream: bool,
    is_midstream_established: bool,
    is_midstream_synack: bool,
    is_async: bool,
    has_timestamps: bool,
    has_server_scale: bool,
    client_may_sack: bool,
    may_sack: bool,
    is_four_way: bool,
    is_fast_open: bool,
    fast_open_data_ignored: bool,
    is_evasion: bool,
    is_confirmed: bool,
    is_closed_by_reset: bool,
    is_app_disabled: bool,
    is_bypassed: bool,
    first_data: Option<Direction>,
    queue: Vec<Queued>,
    /// Memory that the counters hold for its buffers.
    counted_memory: u64,
}

impl Session {
    fn new(config: &Config) -> Self {
        Session {
            state: State::SynSent,
            previous: State::SynSent,
            sides: [Side::default(), Side::default()],
            depth: config.depth,
            tcp_flags: 0,
            is_midstream: false,
            is_midstream_established: false,
            is_midstream_synack: false,
            is_async: false,
            has_timestamps: false,
            has_server_scale: false,
            client_may_sack: false,
            may_sack: false,
            is_four_way: false,
            is_fast_open: false,
            fast_open_data_ignored: false,
            is_evasion: false,
            is_confirmed: false,
            is_closed_by_reset: false,
            is_app_disabled: false,
            is_bypassed: false,
            first_data: None,
            queue: Vec::new(),
            counted_memory: 0,
        }
    }

    fn side(&self, direction: Direction) -> &Side {
        let [to_server, to_client] = &self.sides;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
    }

    fn side_mut(&mut self, direction: Direction) -> &mut Side {
        let [to_server, to_client] = &mut self.sides;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
    }

    /// The side of a packet's sender, and the other one.
    fn pair(&mut self, direction: Direction) -> (&mut Side, &mut Side) {
        let [to_server, to_client] = &mut self.sides;
        match direction {
            Direction::ToServer => (to_server, to_client),
            Direction::ToClient => (to_client, to_server),
        }
    }

    fn enter(&mut self, run: &mut Run<'_>, state: State) {
        if state != self.state {
            self.previous = self.state;
            self.state = state;
            run.outcome.state_changed = true;
        }
    }

    fn close_by_reset(&mut self, run: &mut Run<'_>) {
        self.is_closed_by_reset = true;
        self.enter(run, State::Closed);
    }

    /// Where the connection stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// All TCP flags seen (EVE `tcp.tcp_flags`).
    #[must_use]
    pub fn tcp_flags(&self) -> u8 {
        self.tcp_flags
    }

    /// TCP flags sent in a direction (EVE `tcp.tcp_flags_ts`, `tcp.tcp_flags_tc`).
    #[must_use]
    pub fn tcp_flags_of(&self, direction: Direction) -> u8 {
        self.side(direction).tcp_flags
    }

    /// Most pieces with holes between them that a side held (EVE `tcp.ts_max_regions`).
    #[must_use]
    pub fn max_regions(&self, direction: Direction) -> u16 {
        self.side(direction).buffer.max_regions()
    }

    /// Whether bytes of a side were missing for good.
    #[must_use]
    pub fn has_gap(&self, direction: Direction) -> bool {
        self.side(direction).had_gap
    }

    /// Bytes of a side that were taken out of the stream as urgent.
    #[must_use]
    pub fn urgent_oob_bytes(&self, direction: Direction) -> u16 {
        self.side(direction).urgent_bytes
    }

    /// Whether its beginning was not seen.
    #[must_use]
    pub fn is_midstream(&self) -> bool {
        self.is_midstream
    }

    /// Whether only one end was seen so far where that is allowed.
    #[must_use]
    pub fn is_async(&self) -> bool {
        self.is_async
    }

    /// Which end sent data first.
    #[must_use]
    pub fn first_data(&self) -> Option<Direction> {
        self.first_data
    }

    /// Bytes acknowledged in a direction, as the keyword `stream_size` counts them: from the
    /// initial sequence number on, wrapping at 4 GiB.
    #[must_use]
    pub fn stream_size(&self, direction: Direction) -> u32 {
        let side = self.side(direction);
        side.last_ack.wrapping_sub(side.isn).wrapping_sub(1)
    }

    /// Whether a side has given as many bytes as are looked at.
    #[must_use]
    pub fn is_depth_reached(&self, direction: Direction) -> bool {
        self.side(direction).depth_reached
    }

    /// Whether a side is not put together any more.
    #[must_use]
    pub fn is_reassembly_off(&self, direction: Direction) -> bool {
        self.side(direction).no_reassembly
    }

    /// Bytes of a side that are looked at from now on, 0 for all.
    pub fn set_depth(&mut self, depth: u32) {
        self.depth = depth;
    }

    /// Bytes of a side that are kept before its depth is reached, 0 for all; only ever raised.
    pub fn raise_depth(&mut self, depth: u32) {
        if depth > self.depth || depth == 0 {
            self.depth = depth;
        }
    }

    /// No application layer any more: its protocol is unknown, or it gave up.
    pub fn disable_app(&mut self) {
        self.is_app_disabled = true;
    }

    /// Whether the application layer gets nothing any more.
    #[must_use]
    pub fn is_app_disabled(&self) -> bool {
        self.is_app_disabled
    }

    /// Nothing of a side is wanted any more: what follows is encrypted. Stream signatures see what
    /// is there once more.
    pub fn stop_reassembly(&mut self, direction: Direction) {
        self.is_app_disabled = true;
        self.side_mut(direction).raw_closing = true;
    }

    /// Stream signatures get nothing of a side that comes from now on.
    pub fn stop_raw(&mut self, direction: Direction) {
        self.side_mut(direction).raw_closing = true;
    }

    /// The rest of the connection need not be looked at (`stream.bypass`).
    pub fn mark_bypass(&mut self) {
        self.is_bypassed = true;
    }

    /// Stream signatures see now what is there, without waiting for a whole chunk: a request or a
    /// response is complete.
    pub fn trigger_raw(&mut self, direction: Direction) {
        self.side_mut(direction).raw_triggered = true;
    }

    /// Stream signatures that share their packet with the application layer want at least this
    /// many bytes before its progress.
    pub fn set_min_inspect_depth(&mut self, direction: Direction, depth: u32) {
        self.side_mut(direction).min_inspect_depth = depth;
    }

    /// Client and server were taken for each other: exchanges the sides.
    pub fn swap(&mut self) {
        self.sides.swap(0, 1);
        self.first_data = self.first_data.map(Direction::opposite);
    }

    /// The session ends: gives back what the counters hold for it.
    pub fn release(&mut self, counters: &mut Counters) {
        counters.active_sessions = counters.active_sessions.saturating_sub(1);
        counters.memuse = counters.memuse.saturating_sub(SESSION_BYTES);
        counters.reassembly_memuse = counters
            .reassembly_memuse
            .saturating_sub(self.counted_memory);
        self.counted_memory = 0;
        for side in &mut self.sides {
            side.buffer.clear();
        }
    }
}
