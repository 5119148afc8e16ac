//! `arp` records.

use super::config::EveConfig;
use super::header::{self, Source};
use super::seen::Seen;
use decode::packet::Packet;
use event::json::Writer;

/// Writes the `arp` record of a packet; false where the packet is no ARP message.
pub fn arp(
    out: &mut Writer,
    packet: &Packet<'_>,
    seen: &Seen<'_>,
    source: &Source,
    eve: &EveConfig,
) -> bool {
    let Some(arp) = &packet.arp else { return false };
    header::begin(out, "arp", seen, None, source, &eve.common);
    out.object("arp");
    out.str(
        "hw_type",
        if arp.hardware == 1 {
            "ethernet"
        } else {
            "unknown"
        },
    );
    out.str(
        "proto_type",
        if arp.protocol == 0x0800 {
            "ipv4"
        } else {
            "unknown"
        },
    );
    out.str(
        "opcode",
        match arp.operation {
            1 => "request",
            2 => "reply",
            3 => "request_reverse",
            4 => "reply_reverse",
            8 => "in_request",
            9 => "in_reply",
            _ => "unknown",
        },
    );
    out.hex("src_mac", &arp.source_mac, ":");
    header::address(out, "src_ip", arp.source_ip.into());
    out.hex("dest_mac", &arp.destination_mac, ":");
    header::address(out, "dest_ip", arp.destination_ip.into());
    out.end();
    header::end(out, source);
    true
}
