//! Other rules while packets come: none is lost, flows go on, what is wrong changes nothing.

use crate::lab::{Lab, adds_up, in_lab, rules, sender, veth, wait};
use decode::build::Stack;
use sensor::{ReloadError, Rules};

fn text(sid: u32) -> String {
    format!(r#"alert udp any any -> any any (content:"evil"; sid:{sid};)"#)
}

fn frame(host: u8, payload: &[u8]) -> Vec<u8> {
    let host = format!("10.0.0.{host}");
    Stack::ethernet()
        .ipv4(&host, "10.9.0.1")
        .udp(1, 2)
        .payload(payload)
        .bytes()
}

#[test]
fn under_load_nothing_is_lost() {
    in_lab("reload::under_load_nothing_is_lost", || {
        const PACKETS: u64 = 40_000;
        veth();
        let mut lab = Lab::on_tap(2, &text(1));
        let handle = lab.handle.clone();
        let load = std::thread::spawn(move || {
            let wire = sender("wire");
            for n in 0..PACKETS {
                wire.send(&frame(n as u8, b"x")).expect("the wire takes it");
                // As fast as the workers, so that a loss would be the reload's.
                while n - handle.snapshot().total().inspected.min(n) > 4000 {
                    std::thread::yield_now();
                }
            }
        });
        let mut generation = 1;
        while !load.is_finished() {
            let sid = generation as u32 + 1;
            generation = lab
                .handle
                .install(rules(&text(sid)))
                .expect("rules are right");
        }
        load.join().expect("all is sent");
        assert!(generation > 1);
        sender("wire")
            .send(&frame(1, b"evil"))
            .expect("the wire takes it");
        wait("the alert", || lab.alerts() == [generation]);
        let snapshot = lab.stop();
        adds_up(&snapshot);
        let total = snapshot.total();
        assert_eq!((total.ring_packets, total.ring_drops), (PACKETS + 1, 0));
        assert_eq!(total.inspected, PACKETS + 1);
        assert_eq!(snapshot.reloads, generation - 1);
        // No flow was cut in two: each host has one.
        assert_eq!(lab.told("flow").len(), 256);
    });
}

#[test]
fn rules_that_cannot_be_built_leave_those_before_in_place() {
    let name = "reload::rules_that_cannot_be_built_leave_those_before_in_place";
    in_lab(name, || {
        veth();
        let mut lab = Lab::on_tap(1, &text(1));
        let fails = lab
            .handle
            .reload(|| Err::<Rules, _>("line 7 makes no sense"));
        let result = fails.expect("a thread").join().expect("it ends");
        assert_eq!(
            result,
            Err(ReloadError::Build("line 7 makes no sense".to_owned()))
        );
        let panics = lab
            .handle
            .reload(|| -> Result<Rules, String> { panic!("on purpose") });
        let result = panics.expect("a thread").join().expect("it ends");
        assert!(matches!(result, Err(ReloadError::Thread(_))));
        sender("wire")
            .send(&frame(1, b"evil"))
            .expect("the wire takes it");
        wait("the alert", || lab.alerts() == [1]);
        let snapshot = lab.stop();
        assert_eq!(
            (
                snapshot.generation,
                snapshot.reloads,
                snapshot.failed_reloads
            ),
            (1, 0, 2)
        );
    });
}
