//! Stream events: what can be odd about a connection, by the names of the keyword `stream-event`.

macro_rules! stream_events {
    ($($name:ident = $text:literal $(| $alias:literal)?,)*) => {
        /// Something odd about a TCP connection.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum StreamEvent { $(#[doc = concat!("`", $text, "`.")] $name,)* }

        impl StreamEvent {
            /// Every event, in the order of the enum.
            pub const ALL: &'static [StreamEvent] = &[$(StreamEvent::$name,)*];

            /// The name; EVE's anomaly records and counters put `stream.` before it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(StreamEvent::$name => $text,)* }
            }

            /// The event that the keyword's argument names.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($text $(| $alias)? => Some(StreamEvent::$name),)* _ => None }
            }
        }
    };
}

stream_events! {
    HandshakeAckInWrongDir = "3whs_ack_in_wrong_dir",
    HandshakeAsyncWrongSeq = "3whs_async_wrong_seq",
    HandshakeRightSeqWrongAckEvasion = "3whs_right_seq_wrong_ack_evasion",
    HandshakeSynackInWrongDirection = "3whs_synack_in_wrong_direction",
    HandshakeSynackResendWithDifferentAck = "3whs_synack_resend_with_diff_ack" | "3whs_synack_resend_with_different_ack",
    HandshakeSynackResendWithDiffSeq = "3whs_synack_resend_with_diff_seq",
    HandshakeSynackToserverOnSynRecv = "3whs_synack_toserver_on_syn_recv",
    HandshakeSynackWithWrongAck = "3whs_synack_with_wrong_ack",
    HandshakeSynackFlood = "3whs_synack_flood",
    HandshakeSynFlood = "3whs_syn_flood",
    HandshakeSynResendDiffSeqOnSynRecv = "3whs_syn_resend_diff_seq_on_syn_recv",
    HandshakeSynToclientOnSynRecv = "3whs_syn_toclient_on_syn_recv",
    HandshakeWrongSeqWrongAck = "3whs_wrong_seq_wrong_ack",
    HandshakeAckDataInject = "3whs_ack_data_inject",
    HandshakeSynackTfoDataIgnored = "3whs_synack_tfo_data_ignored",
    FourWaySynackWithWrongAck = "4whs_synack_with_wrong_ack",
    FourWaySynackWithWrongSyn = "4whs_synack_with_wrong_syn",
    FourWayWrongSeq = "4whs_wrong_seq",
    FourWayInvalidAck = "4whs_invalid_ack",
    ClosewaitAckOutOfWindow = "closewait_ack_out_of_window",
    ClosewaitFinOutOfWindow = "closewait_fin_out_of_window",
    ClosewaitPktBeforeLastAck = "closewait_pkt_before_last_ack",
    ClosewaitInvalidAck = "closewait_invalid_ack",
    ClosingAckWrongSeq = "closing_ack_wrong_seq",
    ClosingInvalidAck = "closing_invalid_ack",
    EstPacketOutOfWindow = "est_packet_out_of_window",
    EstPktBeforeLastAck = "est_pkt_before_last_ack",
    EstSynackResend = "est_synack_resend",
    EstSynackResendWithDifferentAck = "est_synack_resend_with_diff_ack" | "est_synack_resend_with_different_ack",
    EstSynackResendWithDiffSeq = "est_synack_resend_with_diff_seq",
    EstSynackToserver = "est_synack_toserver",
    EstSynResend = "est_syn_resend",
    EstSynResendDiffSeq = "est_syn_resend_diff_seq",
    EstSynToclient = "est_syn_toclient",
    EstInvalidAck = "est_invalid_ack",
    EstAckZwpData = "est_ack_zwp_data",
    FinInvalidAck = "fin_invalid_ack",
    Fin1AckWrongSeq = "fin1_ack_wrong_seq",
    Fin1FinWrongSeq = "fin1_fin_wrong_seq",
    Fin1InvalidAck = "fin1_invalid_ack",
    Fin2AckWrongSeq = "fin2_ack_wrong_seq",
    Fin2FinWrongSeq = "fin2_fin_wrong_seq",
    Fin2InvalidAck = "fin2_invalid_ack",
    FinButNoSession = "fin_but_no_session",
    FinOutOfWindow = "fin_out_of_window",
    FinSyn = "fin_syn",
    LastackAckWrongSeq = "lastack_ack_wrong_seq",
    LastackInvalidAck = "lastack_invalid_ack",
    RstButNoSession = "rst_but_no_session",
    RstWithData = "rst_with_data",
    RstInvalidAck = "rst_invalid_ack",
    TimewaitAckWrongSeq = "timewait_ack_wrong_seq",
    TimewaitInvalidAck = "timewait_invalid_ack",
    ShutdownSynResend = "shutdown_syn_resend",
    PktInvalidTimestamp = "pkt_invalid_timestamp",
    PktInvalidAck = "pkt_invalid_ack",
    PktBrokenAck = "pkt_broken_ack",
    PktRetransmission = "pkt_retransmission",
    PktSpuriousRetransmission = "pkt_spurious_retransmission",
    PktBadWindowUpdate = "pkt_bad_window_update",
    SuspectedRstInject = "suspected_rst_inject",
    WrongThread = "wrong_thread",
    ReassemblySegmentBeforeBaseSeq = "reassembly_segment_before_base_seq",
    ReassemblyNoSegment = "reassembly_no_segment",
    ReassemblySeqGap = "reassembly_seq_gap",
    ReassemblyOverlapDifferentData = "reassembly_overlap_different_data",
    ReassemblyDepthReached = "reassembly_depth_reached",
    ReassemblyInsertMemcap = "reassembly_insert_memcap",
    ReassemblyInsertLimit = "reassembly_insert_limit",
    ReassemblyInsertInvalid = "reassembly_insert_invalid",
    ReassemblyUrgentOobLimitReached = "reassembly_urgent_oob_limit_reached",
}

/// A set of stream events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamEvents(u128);

impl StreamEvents {
    /// Adds an event.
    pub fn add(&mut self, event: StreamEvent) {
        self.0 |= 1 << event as u8;
    }

    /// Whether the event is there.
    #[must_use]
    pub const fn has(self, event: StreamEvent) -> bool {
        self.0 & (1 << event as u8) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the two sets share an event.
    #[must_use]
    pub const fn intersects(self, other: StreamEvents) -> bool {
        self.0 & other.0 != 0
    }

    /// The events in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = StreamEvent> {
        StreamEvent::ALL
            .iter()
            .copied()
            .filter(move |event| self.has(*event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_event_and_fits_the_set() {
        assert!(StreamEvent::ALL.len() <= 128);
        for &event in StreamEvent::ALL {
            assert_eq!(StreamEvent::parse(event.as_str()), Some(event));
            let mut set = StreamEvents::default();
            set.add(event);
            assert_eq!(set.iter().collect::<Vec<_>>(), [event]);
        }
    }
}
