//! Timestamps against wrapped sequence numbers (RFC 7323 section 5), as each system applies them.

use super::Session;
use super::config::OsPolicy;
use super::event::StreamEvent;
use super::segment::{Refused, Run, Segment};

/// Timestamps older than this say nothing (RFC 7323 section 5.5).
const OUTDATED_SECS: u32 = 24 * 24 * 60 * 60;

/// What a timestamp is worth.
enum Verdict {
    /// Nothing to compare.
    Unchecked,
    Valid,
    /// Too old, but so is what it was compared with.
    Renewed,
    Invalid,
}

impl Session {
    /// Refuses a packet whose timestamp is invalid, where timestamps are in use.
    pub(super) fn validate_timestamp(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if !self.has_timestamps {
            return Ok(());
        }
        let policy = self.receiver_policy(run, segment);
        match self.judge(run, segment, policy, false) {
            Verdict::Invalid => run.refuse(StreamEvent::PktInvalidTimestamp),
            Verdict::Unchecked | Verdict::Valid | Verdict::Renewed => Ok(()),
        }
    }

    /// Remembers the timestamp of a packet that was taken, where timestamps are in use.
    pub(super) fn handle_timestamp(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) {
        if !self.has_timestamps {
            return;
        }
        let policy = self.receiver_policy(run, segment);
        let Some((value, _)) = segment.options.timestamps else {
            // Solaris gives timestamps up with the first packet that has none.
            self.has_timestamps &= policy != OsPolicy::Solaris;
            return;
        };
        let verdict = self.judge(run, segment, policy, true);
        let side = self.side_mut(segment.direction);
        match verdict {
            Verdict::Unchecked => {}
            Verdict::Valid => {
                if side.next_seq == segment.sequence {
                    side.last_timestamp = value;
                }
                side.last_packet_secs = segment.secs;
            }
            Verdict::Renewed => {
                side.last_timestamp = value;
                side.last_packet_secs = segment.secs;
            }
            Verdict::Invalid => run.note(StreamEvent::PktInvalidTimestamp),
        }
    }

    fn receiver_policy(&mut self, run: &Run<'_>, segment: &Segment<'_>) -> OsPolicy {
        let receiver = self.side_mut(segment.direction.opposite());
        *receiver
            .policy
            .get_or_insert_with(|| run.config.os_policy(segment.destination))
    }

    fn judge(
        &mut self,
        run: &Run<'_>,
        segment: &Segment<'_>,
        policy: OsPolicy,
        keeps: bool,
    ) -> Verdict {
        let Some((value, _)) = segment.options.timestamps else {
            return Verdict::Unchecked;
        };
        let is_midstream = self.is_midstream;
        let side = self.side_mut(segment.direction);
        let is_expected = side.next_seq == segment.sequence;
        let mut is_checked = policy != OsPolicy::Hpux11 || is_expected;
        let mut stops_timestamps = false;
        if side.has_zero_timestamp {
            match policy {
                // The handshake used 0, which these do not allow.
                OsPolicy::Linux | OsPolicy::Windows2k3 => {
                    is_checked = false;
                    stops_timestamps = true;
                }
                OsPolicy::OldLinux | OsPolicy::Windows | OsPolicy::Vista => {
                    if keeps {
                        side.has_zero_timestamp = false;
                        if is_expected {
                            side.last_timestamp = value;
                        }
                    }
                    is_checked &= !is_expected;
                }
                OsPolicy::Bsd
                | OsPolicy::Solaris
                | OsPolicy::Hpux10
                | OsPolicy::Hpux11
                | OsPolicy::Irix
                | OsPolicy::Macos
                | OsPolicy::First
                | OsPolicy::Last => {}
            }
        }
        let allows_zero = matches!(
            policy,
            OsPolicy::OldLinux
                | OsPolicy::Windows
                | OsPolicy::Windows2k3
                | OsPolicy::Vista
                | OsPolicy::Solaris
        );
        let mut last_secs = side.last_packet_secs;
        if last_secs == 0 && is_midstream {
            last_secs = segment.secs;
        }
        let last = side.last_timestamp;
        if keeps && stops_timestamps {
            self.has_timestamps = false;
        }
        if value == 0 && !allows_zero {
            return Verdict::Invalid;
        }
        if !is_checked {
            return Verdict::Unchecked;
        }
        let tolerance = u32::from(policy == OsPolicy::Linux || run.config.liberal_timestamps);
        let is_older = (value.wrapping_sub(last).wrapping_add(tolerance) as i32) < 0;
        let is_stale = segment.secs > last_secs.saturating_add(OUTDATED_SECS);
        if !is_older && (last == 0 || !is_stale) {
            Verdict::Valid
        } else if is_expected && is_stale {
            Verdict::Renewed
        } else {
            Verdict::Invalid
        }
    }

    /// Whether an answer to a SYN echoes the SYN's timestamp.
    pub(super) fn is_echo_plausible(&self, segment: &Segment<'_>) -> bool {
        let Some((_, echo)) = segment.options.timestamps else {
            return true;
        };
        if segment.is_to_server() {
            return true;
        }
        let client = self.side(::event::Direction::ToServer);
        if client.has_timestamp {
            client.last_timestamp == 0 || echo == 0 || echo == client.last_timestamp
        } else {
            client.last_timestamp != 0 || echo == 0
        }
    }
}
