//! Interfaces go and come back.

use crate::lab::{Lab, adds_up, config, in_lab, sender, sh, veth, wait};
use decode::build::Stack;
use sensor::config::Interface;
use std::time::Duration;

const EVIL: &str = r#"alert udp any any -> any any (content:"evil"; sid:1;)"#;

fn attack() {
    let frame = Stack::ethernet()
        .ipv4("10.0.0.1", "10.0.0.2")
        .udp(1, 2)
        .payload(b"evil");
    sender("wire")
        .send(&frame.bytes())
        .expect("the wire takes it");
}

fn goes_and_comes_back(workers: usize) {
    veth();
    let mut lab = Lab::on_tap(workers, EVIL);
    attack();
    wait("the first alert", || lab.alerts().len() == 1);
    sh("ip link del tap");
    wait("that it is gone", || {
        lab.handle
            .snapshot()
            .workers
            .iter()
            .all(|w| !w.is_capturing)
    });
    veth();
    lab.wait_for_capture();
    attack();
    wait("the second alert", || lab.alerts().len() == 2);
    let snapshot = lab.stop();
    adds_up(&snapshot);
    let total = snapshot.total();
    assert_eq!((total.inspected, total.ring_packets), (2, 2));
    assert_eq!(total.rings_opened, 2 * workers as u64);
    assert!(total.interface_downs >= 1);
}

#[test]
fn one_that_is_deleted_and_made_anew_is_captured_from_again() {
    let name = "interface::one_that_is_deleted_and_made_anew_is_captured_from_again";
    in_lab(name, || goes_and_comes_back(1));
}

#[test]
fn a_group_of_workers_finds_it_again_together() {
    let name = "interface::a_group_of_workers_finds_it_again_together";
    in_lab(name, || goes_and_comes_back(2));
}

#[test]
fn one_that_is_down_for_a_while_goes_on_with_the_same_ring() {
    let name = "interface::one_that_is_down_for_a_while_goes_on_with_the_same_ring";
    in_lab(name, || {
        veth();
        let mut lab = Lab::on_tap(1, EVIL);
        sh("ip link set tap down");
        wait("that it is down", || {
            lab.handle.snapshot().total().interface_downs == 1
        });
        sh("ip link set tap up");
        wait("carrier", || {
            std::fs::read_to_string("/sys/class/net/tap/operstate").is_ok_and(|s| s.trim() == "up")
        });
        attack();
        wait("the alert", || lab.alerts() == [1]);
        assert_eq!(lab.stop().total().rings_opened, 1);
    });
}

#[test]
fn one_that_is_not_there_yet_is_waited_for() {
    in_lab("interface::one_that_is_not_there_yet_is_waited_for", || {
        let config = config(Interface::named("tap"), 1);
        let mut lab = Lab::begin(&config, EVIL, Duration::ZERO);
        veth();
        lab.wait_for_capture();
        attack();
        wait("the alert", || lab.alerts() == [1]);
        lab.stop();
    });
}
