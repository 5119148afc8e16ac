//! A taken packet's payload goes into its side's buffer, and it is settled which sides now have
//! something for the application layer.

use super::buffer::Rules;
use super::event::StreamEvent;
use super::segment::{Exception, Run, Segment, StreamDrop};
use super::sequence::{after, before, from, until};
use super::side::Side;
use super::{Session, State, UrgentPolicy};
use ::event::Direction;
use decode::packet::Tcp;

/// Which sides a packet lets the application layer see.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Update {
    /// What the packet acknowledges.
    Opposing,
    /// What the packet brings.
    Own,
    Both,
}

impl Session {
    /// Takes a packet's payload and acknowledgement.
    pub(super) fn take_segment(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) {
        self.take_stream_segment(run, segment, segment.direction);
    }

    /// The same for a packet that counts for the side `direction`, wherever it came from.
    pub(super) fn take_stream_segment(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
        direction: Direction,
    ) {
        let mut update = self.update_of(run, segment);
        if update != Update::Own {
            run.outcome.updates.push(direction.opposite());
        }
        // What a RST carries is no part of the stream (RFC 9293 section 3.5.2).
        let has_data = !segment.payload.is_empty() && !segment.has(Tcp::RST);
        if has_data && !self.side(direction).no_reassembly {
            if self.insert(run, segment, direction).is_err() {
                let policy = run.config.reassembly_memcap_policy;
                run.outcome.exception = Some((Exception::ReassemblyMemory, policy));
                return;
            }
            run.outcome.data_added = true;
        }
        let side = self.side(direction);
        if side.depth_reached && !side.no_reassembly {
            // Only now was the depth reached: the application layer must hear of it.
            update = Update::Own;
        }
        if update != Update::Opposing {
            run.outcome.updates.push(direction);
        }
    }

    fn update_of(&self, run: &Run<'_>, segment: &Segment<'_>) -> Update {
        if run.config.inline || segment.has(Tcp::RST) {
            Update::Own
        } else if segment.has(Tcp::FIN) && self.state > State::TimeWait {
            if segment.has(Tcp::ACK) {
                Update::Both
            } else {
                Update::Own
            }
        } else if self.state == State::Closed || self.is_async {
            // Where only one side is seen, nobody else brings its bytes forward.
            Update::Both
        } else {
            Update::Opposing
        }
    }

    /// Puts the payload in its place; an error only where memory is short.
    fn insert(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
        direction: Direction,
    ) -> Result<(), ()> {
        self.first_data.get_or_insert(segment.direction);
        let is_app_disabled = self.is_app_disabled;
        let depth = self.depth;
        let side = self.side_mut(direction);
        let policy = *side
            .policy
            .get_or_insert_with(|| run.config.os_policy(segment.destination));
        if is_app_disabled && side.raw_closing {
            return Ok(());
        }
        let Some((sequence, payload)) = take_out_urgent(run, segment, side) else {
            return Ok(());
        };
        let size = fit_depth(side, depth, sequence, payload.len() as u32);
        if side.depth_reached {
            run.counters.stream_depth_reached += 1;
            run.note(StreamEvent::ReassemblyDepthReached);
        }
        let payload = payload.get(..size as usize).unwrap_or(payload);
        if payload.is_empty() {
            return Ok(());
        }
        if run.counters.reassembly_memuse + payload.len() as u64 > run.config.reassembly_memcap {
            run.counters.segment_memcap_drop += 1;
            run.note(StreamEvent::ReassemblyNoSegment);
            return Err(());
        }
        // Data in a SYN starts after the SYN itself.
        let is_syn_data = segment.flags == Tcp::SYN;
        let start = side.offset_of(sequence) + i64::from(is_syn_data);
        let rules = Rules {
            policy,
            inline: run.config.inline,
            check_overlap: run.config.check_overlap || run.config.inline,
            max_regions: run.config.max_regions,
        };
        let inserted = side.buffer.insert(start, payload, rules);
        if inserted.is_before {
            run.note(StreamEvent::ReassemblySegmentBeforeBaseSeq);
            return Err(());
        }
        if inserted.has_overlap {
            run.counters.overlap += 1;
        }
        if inserted.is_different {
            run.counters.overlap_diff_data += 1;
            run.note(StreamEvent::ReassemblyOverlapDifferentData);
        }
        if inserted.is_refused {
            if inserted.has_overlap {
                run.counters.insert_data_overlap_fail += 1;
            } else {
                run.counters.insert_data_normal_fail += 1;
            }
            run.note(StreamEvent::ReassemblyInsertLimit);
            return Err(());
        }
        Ok(())
    }
}

/// How many bytes of a segment the depth leaves. What would cross the depth is not taken at all.
fn fit_depth(side: &mut Side, depth: u32, sequence: u32, size: u32) -> u32 {
    if depth == 0 {
        return size;
    }
    if side.depth_reached {
        return 0;
    }
    let base = side.base_seq();
    let end = sequence.wrapping_add(size);
    if after(base, sequence) && until(end, base) {
        return 0;
    }
    let reach = side.offset_of(sequence) + i64::from(size);
    if reach > i64::from(depth) {
        side.depth_reached = true;
        return 0;
    }
    let limit = side.isn.wrapping_add(depth);
    if from(sequence, side.isn) && before(sequence, limit) {
        if until(end, limit.wrapping_add(1)) {
            return size;
        }
        side.depth_reached = true;
        return limit.wrapping_add(1).wrapping_sub(sequence).min(size);
    }
    0
}

/// Settles urgent data: the sequence number to file the payload under and what is left of it, or
/// None where nothing is.
fn take_out_urgent<'p>(
    run: &mut Run<'_>,
    segment: &Segment<'p>,
    side: &mut Side,
) -> Option<(u32, &'p [u8])> {
    let policy = run.config.urgent;
    let sequence = segment.sequence.wrapping_sub(u32::from(side.urgent_bytes));
    let len = segment.payload.len();
    let points_into = segment.urgent > 0 && usize::from(segment.urgent) <= len;
    let applies = matches!(policy, UrgentPolicy::OutOfBand | UrgentPolicy::Gap);
    if !segment.has(Tcp::URG) || !points_into || !applies {
        return Some((sequence, segment.payload));
    }
    let is_out_of_band = policy == UrgentPolicy::OutOfBand;
    if side.urgent_bytes < u16::MAX {
        if is_out_of_band {
            side.urgent_bytes += 1;
            if side.urgent_bytes == u16::MAX {
                run.note(StreamEvent::ReassemblyUrgentOobLimitReached);
            }
        }
    } else if run.config.urgent_limit == UrgentPolicy::Drop {
        run.outcome.drop = Some(StreamDrop::Urgent);
        return None;
    }
    if is_out_of_band {
        run.counters.urgent_oob_data += 1;
        if side.urgent_bytes == u16::MAX && run.config.urgent_limit == UrgentPolicy::Inline {
            return Some((sequence, segment.payload));
        }
    }
    let kept = segment.payload.get(..len - 1)?;
    (!kept.is_empty() || segment.urgent != 1).then_some((sequence, kept))
}
