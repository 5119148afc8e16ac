//! What goes over the wire is seen: alerts, tags, filters, frames that a card would have finished.

use crate::lab::{Lab, adds_up, config, in_lab, sender, sh, veth, wait};
use decode::build::Stack;
use sensor::config::Interface;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

const EVIL: &str = r#"alert udp any any -> any any (content:"evil"; sid:1;)"#;

fn datagram(stack: Stack, payload: &[u8]) -> Vec<u8> {
    stack
        .ipv4("10.0.0.1", "10.0.0.2")
        .udp(1000, 2000)
        .payload(payload)
        .bytes()
}

#[test]
fn an_attack_on_the_wire_is_an_alert() {
    in_lab("seen::an_attack_on_the_wire_is_an_alert", || {
        veth();
        let mut lab = Lab::on_tap(1, EVIL);
        let wire = sender("wire");
        wire.send(&datagram(Stack::ethernet(), b"evil")).unwrap();
        wire.send(&datagram(Stack::ethernet(), b"good")).unwrap();
        wait("the alert", || lab.alerts() == [1]);
        let line = &lab.told("alert")[0].line;
        assert_eq!(line["in_iface"], "tap");
        assert_eq!(line["src_ip"], "10.0.0.1");
        let snapshot = lab.stop();
        let total = snapshot.total();
        assert_eq!(
            (total.ring_packets, total.inspected, total.ring_drops),
            (2, 2, 0)
        );
        assert_eq!(total.alerts, 1);
        adds_up(&snapshot);
        // The flow ended with the sensor, and the counters were told once more.
        assert_eq!(lab.told("flow").len(), 1);
        let stats = lab.told("stats");
        let last = &stats.last().expect("a last record").line["stats"];
        assert_eq!(last["capture"]["kernel_packets"], 2);
        assert_eq!(last["capture"]["kernel_drops"], 0);
        assert_eq!(last["decoder"]["pkts"], 2);
        assert_eq!(last["ratel"]["sensor"]["inspected"], 2);
        assert_eq!(last["detect"]["engines"][0]["rules_loaded"], 1);
    });
}

#[test]
fn tags_that_the_kernel_took_out_are_seen() {
    in_lab("seen::tags_that_the_kernel_took_out_are_seen", || {
        veth();
        let mut lab = Lab::on_tap(1, EVIL);
        let wire = sender("wire");
        wire.send(&datagram(Stack::ethernet().vlan(5), b"evil"))
            .unwrap();
        wire.send(&datagram(Stack::ethernet().vlan(6).vlan(7), b"evil"))
            .unwrap();
        wait("the alerts", || lab.alerts().len() == 2);
        let vlans: Vec<_> = lab
            .told("alert")
            .iter()
            .map(|t| t.line["vlan"].to_string())
            .collect();
        assert_eq!(vlans, ["[5]", "[6,7]"]);
        assert_eq!(lab.stop().total().tags_restored, 2);
    });
}

#[test]
fn what_the_filter_keeps_out_is_counted_and_not_inspected() {
    in_lab(
        "seen::what_the_filter_keeps_out_is_counted_and_not_inspected",
        || {
            veth();
            let interface = Interface {
                filter: Some("vlan 5 and udp port 2000".to_owned()),
                ..Interface::named("tap")
            };
            let mut lab = Lab::start(&config(interface, 1), EVIL, Duration::ZERO);
            let wire = sender("wire");
            wire.send(&datagram(Stack::ethernet(), b"evil")).unwrap();
            wire.send(&datagram(Stack::ethernet().vlan(5), b"evil"))
                .unwrap();
            lab.wait_for_packets(2);
            let snapshot = lab.stop();
            let total = snapshot.total();
            assert_eq!((total.filtered, total.inspected, total.alerts), (1, 1, 1));
            adds_up(&snapshot);
        },
    );
}

#[test]
fn long_frames_without_checksums_are_seen_whole_and_once() {
    in_lab(
        "seen::long_frames_without_checksums_are_seen_whole_and_once",
        || {
            // On loopback nothing is cut into packets and no checksum is computed.
            sh("ip link set lo up");
            let rules = r#"alert tcp any any -> any any (flow:established,to_server; content:"|00|evil"; sid:1;)"#;
            let mut lab = Lab::start(&config(Interface::named("lo"), 1), rules, Duration::ZERO);
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let address = listener.local_addr().expect("it is bound");
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("the client comes");
                let mut all = Vec::new();
                stream.read_to_end(&mut all).expect("the client ends");
                all.len()
            });
            let mut client = TcpStream::connect(address).expect("the server listens");
            let mut data = vec![0u8; 600_000];
            data.extend(b"evil");
            client.write_all(&data).expect("the server reads");
            drop(client);
            assert_eq!(server.join().expect("the server ends"), data.len());
            wait("the alert", || lab.alerts() == [1]);
            let snapshot = lab.stop();
            let total = snapshot.total();
            assert!(total.offloaded > 0 && total.truncated == 0, "{total:?}");
            // Few frames for so many bytes: they were longer than any link's.
            assert!(total.inspected_bytes / total.inspected > 5000, "{total:?}");
            let flows = lab.told("flow");
            let of_ours = flows.iter().find(|t| t.line["dest_port"] == address.port());
            let sent = &of_ours.expect("its flow").line["flow"];
            let bytes = sent["bytes_toserver"].as_u64().expect("bytes");
            // Once: what leaves is not counted again when it arrives.
            assert!((600_000..700_000).contains(&bytes), "{sent}");
            let last = lab.told("stats").pop().expect("a last record").line;
            assert_eq!(last["stats"]["tcp"]["invalid_checksum"], 0);
            adds_up(&snapshot);
        },
    );
}
