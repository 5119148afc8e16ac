//! `tag`: after a match, the packets that follow in the session or of the host are told too.

use ahash::AHashMap;
use event::Timestamp;
use rules::rule::TagMetric;
use smallvec::SmallVec;
use std::net::IpAddr;

/// Tags of one flow or host (Suricata's `DETECT_TAG_MAX_TAGS`).
const TAGS_MAX: usize = 50;
/// Matches that begin a tag anew (Suricata's `DETECT_TAG_MATCH_LIMIT`), so that a rule which
/// matches on every packet does not tag for ever.
const MATCHES_MAX: u8 = 10;
/// Tagged hosts.
const HOSTS_MAX: usize = 4096;
/// Seconds without a packet after which a host's tags are forgotten.
const IDLE_SECS: i64 = 600;

/// What a rule's `tag` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagRequest {
    /// Generator and signature id of the rule.
    pub rule: (u32, u32),
    /// How many.
    pub count: u32,
    /// Of what.
    pub metric: TagMetric,
}

#[derive(Clone, Copy, Debug)]
struct Tag {
    request: TagRequest,
    first_secs: i64,
    last_secs: i64,
    packets: u64,
    bytes: u64,
    matches: u8,
    /// The packet that matched is told by its alert.
    has_skipped_first: bool,
}

/// The tags of one flow or one host.
#[derive(Clone, Debug, Default)]
pub struct Tags(SmallVec<[Tag; 1]>);

impl Tags {
    /// Begins a tag, or begins it anew where the rule has one here already. Call it on the packet
    /// that matched, before [`Tags::on_packet`].
    pub fn add(&mut self, request: TagRequest, now: Timestamp) {
        let first_secs = now.secs();
        if let Some(tag) = self
            .0
            .iter_mut()
            .find(|tag| tag.request.rule == request.rule)
        {
            tag.matches = tag.matches.saturating_add(1);
            if tag.matches < MATCHES_MAX {
                (tag.first_secs, tag.last_secs) = (first_secs, first_secs);
                (tag.packets, tag.bytes) = (0, 0);
            }
        } else if self.0.len() < TAGS_MAX {
            self.0.push(Tag {
                request,
                first_secs,
                last_secs: first_secs,
                packets: 0,
                bytes: 0,
                matches: 0,
                has_skipped_first: false,
            });
        }
    }

    /// Counts a packet of `len` bytes; whether it is to be told.
    pub fn on_packet(&mut self, len: usize, now: Timestamp) -> bool {
        let mut is_tagged = false;
        self.0.retain(|tag| {
            tag.last_secs = now.secs();
            tag.packets += 1;
            tag.bytes = tag.bytes.saturating_add(len as u64);
            if !tag.has_skipped_first {
                tag.has_skipped_first = true;
                return true;
            }
            let count = match tag.request.metric {
                TagMetric::Packets => tag.packets,
                TagMetric::Bytes => tag.bytes,
                TagMetric::Seconds => u64::try_from(tag.last_secs - tag.first_secs).unwrap_or(0),
            };
            let is_live = count <= u64::from(tag.request.count);
            is_tagged |= is_live;
            is_live
        });
        is_tagged
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The tags of hosts.
#[derive(Debug, Default)]
pub struct HostTags {
    hosts: AHashMap<IpAddr, Tags>,
    swept_secs: i64,
}

impl HostTags {
    /// Whether no host is tagged: then packets need not be counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Begins a tag of `host`. Beyond the limit of hosts nothing is tagged.
    pub fn add(&mut self, host: IpAddr, request: TagRequest, now: Timestamp) {
        if self.hosts.len() >= HOSTS_MAX && !self.hosts.contains_key(&host) {
            if self.swept_secs != now.secs() {
                self.swept_secs = now.secs();
                let since = now.secs() - IDLE_SECS;
                self.hosts
                    .retain(|_, tags| tags.0.iter().any(|tag| tag.last_secs >= since));
            }
            if self.hosts.len() >= HOSTS_MAX {
                return;
            }
        }
        self.hosts.entry(host).or_default().add(request, now);
    }

    /// Counts a packet between two hosts; whether it is to be told.
    pub fn on_packet(
        &mut self,
        source: IpAddr,
        destination: IpAddr,
        len: usize,
        now: Timestamp,
    ) -> bool {
        if self.hosts.is_empty() {
            return false;
        }
        let mut is_tagged = false;
        for host in [source, destination] {
            if let Some(tags) = self.hosts.get_mut(&host) {
                is_tagged |= tags.on_packet(len, now);
                if tags.is_empty() {
                    self.hosts.remove(&host);
                }
            }
        }
        is_tagged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(metric: TagMetric, count: u32, expected: &[bool]) {
        let mut tags = Tags::default();
        tags.add(
            TagRequest {
                rule: (1, 1),
                count,
                metric,
            },
            Timestamp::new(100, 0),
        );
        let told: Vec<_> = (0..expected.len())
            .map(|n| tags.on_packet(10, Timestamp::new(100 + n as i64, 0)))
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn tells_what_follows_the_match_up_to_the_count() {
        check(TagMetric::Packets, 3, &[false, true, true, false, false]);
        check(TagMetric::Bytes, 25, &[false, true, false, false]);
        check(TagMetric::Seconds, 2, &[false, true, true, false]);
    }

    #[test]
    fn a_match_again_begins_anew_but_not_for_ever() {
        let mut tags = Tags::default();
        let request = TagRequest {
            rule: (1, 1),
            count: 2,
            metric: TagMetric::Packets,
        };
        let mut told = 0;
        for n in 0..40 {
            tags.add(request, Timestamp::new(n, 0));
            told += usize::from(tags.on_packet(10, Timestamp::new(n, 0)));
            if tags.is_empty() {
                break;
            }
        }
        assert_eq!(told, 10);
    }

    #[test]
    fn a_host_is_tagged_at_either_end() {
        let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let now = Timestamp::new(1, 0);
        let mut hosts = HostTags::default();
        let request = TagRequest {
            rule: (1, 1),
            count: 3,
            metric: TagMetric::Packets,
        };
        hosts.add(a, request, now);
        assert!(!hosts.on_packet(a, b, 1, now));
        assert!(hosts.on_packet(b, a, 1, now));
        assert!(!hosts.on_packet(b, b, 1, now));
        assert!(hosts.on_packet(a, b, 1, now));
        assert!(!hosts.on_packet(a, b, 1, now));
        assert!(hosts.is_empty());
    }
}
