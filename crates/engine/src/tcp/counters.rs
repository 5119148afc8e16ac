//! What is counted about TCP, by the names of EVE's `stats` records.

use super::event::{StreamEvent, StreamEvents};

macro_rules! counters {
    ($($field:ident = $name:literal,)*) => {
        /// Counters of TCP tracking.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $(#[doc = concat!("`", $name, "`.")] pub $field: u64,)*
            /// How often each stream event happened, by [`StreamEvent`] as index.
            pub events: EventCounts,
        }

        impl Counters {
            /// Names and values, in the order of the table.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$(($name, self.$field),)*].into_iter()
            }
        }
    };
}

counters! {
    active_sessions = "tcp.active_sessions",
    sessions = "tcp.sessions",
    ssn_memcap_drop = "tcp.ssn_memcap_drop",
    ssn_from_cache = "tcp.ssn_from_cache",
    ssn_from_pool = "tcp.ssn_from_pool",
    pseudo = "tcp.pseudo",
    invalid_checksum = "tcp.invalid_checksum",
    midstream_pickups = "tcp.midstream_pickups",
    pkt_on_wrong_thread = "tcp.pkt_on_wrong_thread",
    ack_unseen_data = "tcp.ack_unseen_data",
    syn = "tcp.syn",
    synack = "tcp.synack",
    rst = "tcp.rst",
    urg = "tcp.urg",
    segment_memcap_drop = "tcp.segment_memcap_drop",
    segment_from_cache = "tcp.segment_from_cache",
    segment_from_pool = "tcp.segment_from_pool",
    stream_depth_reached = "tcp.stream_depth_reached",
    reassembly_gap = "tcp.reassembly_gap",
    overlap = "tcp.overlap",
    overlap_diff_data = "tcp.overlap_diff_data",
    insert_data_normal_fail = "tcp.insert_data_normal_fail",
    insert_data_overlap_fail = "tcp.insert_data_overlap_fail",
    urgent_oob_data = "tcp.urgent_oob_data",
    memuse = "tcp.memuse",
    reassembly_memuse = "tcp.reassembly_memuse",
}

/// How often each stream event happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventCounts([u64; StreamEvent::ALL.len()]);

impl Default for EventCounts {
    fn default() -> Self {
        EventCounts([0; StreamEvent::ALL.len()])
    }
}

impl EventCounts {
    /// Counts the events of a packet.
    pub fn count(&mut self, events: StreamEvents) {
        if !events.is_empty() {
            for event in events.iter() {
                self.0[event as usize] += 1;
            }
        }
    }

    /// Events and how often they happened; EVE writes them under `stats.stream`.
    pub fn iter(&self) -> impl Iterator<Item = (StreamEvent, u64)> + '_ {
        StreamEvent::ALL
            .iter()
            .map(|&event| (event, self.0[event as usize]))
    }
}
