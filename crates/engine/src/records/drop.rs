//! `drop` records: packets that were, or in a simulation would have been, dropped.

use super::config::EveConfig;
use super::header::{self, Source};
use super::seen::Seen;
use crate::flow::Flow;
use decode::packet::{Ip, Tcp, Transport};
use event::json::Writer;

/// Opens a `drop` record and writes the packet's headers into it; the caller adds the alert that
/// caused it and closes the record.
pub fn begin(
    out: &mut Writer,
    reason: &str,
    seen: &Seen<'_>,
    flow: Option<&Flow>,
    source: &Source,
    eve: &EveConfig,
) {
    header::begin(out, "drop", seen, flow, source, &eve.common);
    if let Some(flow) = flow {
        super::flow::app_protocols(out, flow);
    }
    out.object("drop");
    if let Some(packet) = seen.packet {
        match packet.ip {
            Some(Ip::V4(ip)) => {
                out.uint("len", u64::from(ip.total_len));
                out.uint("tos", u64::from(ip.tos));
                out.uint("ttl", u64::from(ip.ttl));
                out.uint("ipid", u64::from(ip.id));
            }
            Some(Ip::V6(ip)) => {
                out.uint("len", u64::from(ip.payload_len));
                out.uint("tc", u64::from(ip.class));
                out.uint("hoplimit", u64::from(ip.hop_limit));
                out.uint("flowlbl", u64::from(ip.flow_label));
            }
            None => {}
        }
        match packet.transport {
            Transport::Tcp(tcp) => {
                out.uint("tcpseq", u64::from(tcp.sequence));
                out.uint("tcpack", u64::from(tcp.acknowledgement));
                out.uint("tcpwin", u64::from(tcp.window));
                for (bit, name) in [
                    (Tcp::SYN, "syn"),
                    (Tcp::ACK, "ack"),
                    (Tcp::PSH, "psh"),
                    (Tcp::RST, "rst"),
                    (Tcp::URG, "urg"),
                    (Tcp::FIN, "fin"),
                ] {
                    out.bool(name, tcp.flags & bit != 0);
                }
                out.uint("tcpres", u64::from(tcp.reserved));
                out.uint("tcpurgp", u64::from(tcp.urgent));
            }
            Transport::Udp(udp) => out.uint("udplen", u64::from(udp.len)),
            Transport::Icmpv4(icmp) | Transport::Icmpv6(icmp) => {
                if let Some((id, sequence)) = icmp.echo {
                    out.uint("icmp_id", u64::from(id));
                    out.uint("icmp_seq", u64::from(sequence));
                }
            }
            Transport::None | Transport::Sctp(_) | Transport::Esp { .. } | Transport::Gre => {}
        }
    }
    out.str("reason", reason);
    out.end();
}
