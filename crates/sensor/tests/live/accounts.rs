//! Whatever happens, what came is inspected or counted where it was lost.

use crate::lab::{Lab, adds_up, config, in_lab, sender, veth, wait};
use decode::build::Stack;
use sensor::config::{Interface, Ring};
use std::time::Duration;

const EVIL: &str = r#"alert udp any any -> any any (content:"evil"; sid:1;)"#;

fn attack(n: u32) -> Vec<u8> {
    let host = std::net::Ipv4Addr::from(0x0a00_0000 + n).to_string();
    let stack = Stack::ethernet().ipv4(&host, "10.200.0.1").udp(1, 2);
    stack
        .payload(&[b"evil".as_slice(), &[0; 1000]].concat())
        .bytes()
}

#[test]
fn a_sink_that_is_too_slow_fills_the_ring_which_counts() {
    in_lab(
        "accounts::a_sink_that_is_too_slow_fills_the_ring_which_counts",
        || {
            veth();
            let mut config = config(Interface::named("tap"), 1);
            config.ring = Ring {
                size_mib: 1,
                block_kib: 128,
                ..Ring::default()
            };
            let mut lab = Lab::start(&config, EVIL, Duration::from_micros(500));
            let wire = sender("wire");
            for n in 0..6000 {
                wire.send(&attack(n)).expect("the wire takes it");
            }
            wait("that the ring is empty", || {
                let total = lab.handle.snapshot().total();
                total.ring_packets > 0 && total.waiting() == 0
            });
            let snapshot = lab.stop();
            adds_up(&snapshot);
            let total = snapshot.total();
            assert!(total.ring_drops > 0 && total.ring_freezes > 0, "{total:?}");
            assert_eq!(total.ring_packets, 6000);
            assert_eq!(total.alerts, total.inspected);
            assert_eq!(total.left_behind, 0);
            let last = lab.told("stats").pop().expect("a last record").line;
            assert_eq!(last["stats"]["capture"]["kernel_drops"], total.ring_drops);
        },
    );
}

#[test]
fn a_stop_that_has_no_time_counts_what_it_leaves() {
    in_lab(
        "accounts::a_stop_that_has_no_time_counts_what_it_leaves",
        || {
            veth();
            let mut config = config(Interface::named("tap"), 1);
            config.stop_secs = 0;
            let mut lab = Lab::start(&config, EVIL, Duration::from_millis(1));
            let wire = sender("wire");
            for n in 0..2000 {
                wire.send(&attack(n)).expect("the wire takes it");
            }
            let snapshot = lab.stop();
            adds_up(&snapshot);
            assert!(snapshot.total().left_behind > 0, "{snapshot:?}");
        },
    );
}
