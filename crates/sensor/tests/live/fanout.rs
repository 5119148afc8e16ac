//! Two workers: both directions of a flow come to the same one, whatever stands before its addresses.

use crate::lab::{Lab, Told, adds_up, config, in_lab, sender, veth};
use decode::build::Stack;
use sensor::config::{Balance, Interface};
use std::collections::BTreeMap;
use std::time::Duration;

/// Pairs of hosts in each test: with 32, the chance that all come to one worker is one in 2^31.
const PAIRS: u8 = 32;

/// Sends a packet each way between each of so many pairs: there over the wire, and back from the tap's
/// own side, so that it is captured on its way out.
fn send(pair: impl Fn(u8, bool) -> Vec<u8>) -> u64 {
    let (there, back) = (sender("wire"), sender("tap"));
    for host in 1..=PAIRS {
        there.send(&pair(host, true)).expect("the wire takes it");
        back.send(&pair(host, false)).expect("the tap takes it");
    }
    u64::from(PAIRS) * 2
}

/// A datagram between host `n` and a server, below `stack`.
fn v4(stack: Stack, n: u8, is_there: bool) -> Stack {
    let host = format!("10.1.0.{n}");
    if is_there {
        stack.ipv4(&host, "10.2.0.1").udp(5000, 53)
    } else {
        stack.ipv4("10.2.0.1", &host).udp(53, 5000)
    }
}

/// Flows in which both ends spoke, and flows in which one did.
fn flows(told: &[Told], is_wanted: impl Fn(&Told) -> bool) -> (usize, usize) {
    let both = |told: &&Told| {
        told.line["flow"]["pkts_toserver"] == 1 && told.line["flow"]["pkts_toclient"] == 1
    };
    let wanted: Vec<&Told> = told.iter().filter(|t| is_wanted(t)).collect();
    let whole = wanted.iter().filter(|t| both(t)).count();
    (whole, wanted.len() - whole)
}

/// Sends with `pair` and checks that no flow with `port` was torn apart.
fn check(name: &str, balance: Balance, port: u16, pair: impl Fn(u8, bool) -> Vec<u8>) {
    in_lab(name, || {
        veth();
        let mut config = config(Interface::named("tap"), 2);
        config.balance = balance;
        let mut lab = Lab::start(&config, "", Duration::ZERO);
        let sent = send(&pair);
        lab.wait_for_packets(sent);
        let snapshot = lab.stop();
        adds_up(&snapshot);
        assert_eq!(snapshot.total().ring_packets, sent, "each is seen once");
        let told = lab.told("flow");
        let (whole, torn) = flows(&told, |t| t.line["dest_port"] == port);
        assert_eq!((whole, torn), (usize::from(PAIRS), 0), "{:?}", told.first());
        let mut by_worker: BTreeMap<usize, u32> = BTreeMap::new();
        for flow in &told {
            *by_worker.entry(flow.worker).or_default() += 1;
        }
        if !name.contains("tunnel") {
            assert_eq!(by_worker.len(), 2, "both workers have flows: {by_worker:?}");
        }
    });
}

#[test]
fn ipv4() {
    check("fanout::ipv4", Balance::Hosts, 53, |n, is_there| {
        v4(Stack::ethernet(), n, is_there).payload(b"x").bytes()
    });
}

#[test]
fn ipv4_by_flows() {
    check(
        "fanout::ipv4_by_flows",
        Balance::Flows,
        53,
        |n, is_there| v4(Stack::ethernet(), n, is_there).payload(b"x").bytes(),
    );
}

#[test]
fn below_a_tag() {
    check("fanout::below_a_tag", Balance::Hosts, 53, |n, is_there| {
        v4(Stack::ethernet().vlan(9), n, is_there)
            .payload(b"x")
            .bytes()
    });
}

#[test]
fn below_two_tags() {
    check(
        "fanout::below_two_tags",
        Balance::Hosts,
        53,
        |n, is_there| {
            v4(Stack::ethernet().vlan(9).vlan(10), n, is_there)
                .payload(b"x")
                .bytes()
        },
    );
}

#[test]
fn ipv6_with_a_flow_label_one_way() {
    let name = "fanout::ipv6_with_a_flow_label_one_way";
    check(name, Balance::Hosts, 53, |n, is_there| {
        let (host, server) = (format!("fd00::{n}"), "fd00:1::1");
        if !is_there {
            return Stack::ethernet()
                .ipv6(server, &host)
                .udp(53, 5000)
                .payload(b"x")
                .bytes();
        }
        let mut frame = Stack::ethernet()
            .ipv6(&host, server)
            .udp(5000, 53)
            .payload(b"x")
            .bytes();
        // The flow label's last byte.
        frame[14 + 3] = n;
        frame
    });
}

/// The ends of a tunnel, in the direction of the packet.
fn ends(is_there: bool) -> (&'static str, &'static str) {
    let (a, b) = ("192.0.2.1", "192.0.2.2");
    if is_there { (a, b) } else { (b, a) }
}

#[test]
fn in_a_gre_tunnel() {
    check(
        "fanout::in_a_gre_tunnel",
        Balance::Hosts,
        53,
        |n, is_there| {
            let (from, to) = ends(is_there);
            let tunnel = Stack::ethernet().ipv4(from, to).gre();
            v4(tunnel, n, is_there).payload(b"x").bytes()
        },
    );
}

#[test]
fn in_a_vxlan_tunnel() {
    check(
        "fanout::in_a_vxlan_tunnel",
        Balance::Hosts,
        53,
        |n, is_there| {
            let (from, to) = ends(is_there);
            // As senders do, each way has source ports of its own.
            let port = 40_000 + u16::from(n) + if is_there { 0 } else { 500 };
            let tunnel = Stack::ethernet().ipv4(from, to).vxlan(7).inner_ethernet();
            let mut frame = v4(tunnel, n, is_there).payload(b"x").bytes();
            frame[14 + 20..14 + 22].copy_from_slice(&port.to_be_bytes());
            frame
        },
    );
}
