//! Block, verify, undo with nftables.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use event::action::{Connection, State, Transport, What, Why};
use serde_json::json;

use crate::lab::{
    ATTACKER, ATTACKER_6, HOST, HOST_6, Lab, nft, now, ruleset, run, states, until, verified,
};

const HOUR: Duration = Duration::from_secs(3600);

/// Packets that an effective action has stopped.
fn stopped(state: &State) -> u64 {
    match state {
        State::Effective { evidence } => evidence.packets_stopped,
        _ => 0,
    }
}

fn check(what: &str, from: &str, to: &str) {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    let what: What = serde_json::from_str(what).unwrap();
    lab.host(|| nft("add table ip other { chain c { type filter hook input priority 0; }; }"));
    lab.host(|| {
        let before = ruleset();
        let mut live = lab.responder(lab.config());
        let done = live.order(what, HOUR, Why::default(), now());
        assert_eq!(states(&done), ["planned", "executed"], "{done:?}");
        let id = done[0].id;
        live.tick(now());
        lab.send(from, to, 5);
        // Of IPv6 the question for the neighbour's address is stopped, and with it what would follow.
        let expected = if from.contains(':') { 1 } else { 5 };
        let state = until(&mut live, id, |state| stopped(state) >= expected);
        assert!(stopped(&state) >= expected, "{state:?}\n{}", ruleset());
        live.undo(id, "test", now()).unwrap();
        assert_eq!(ruleset(), before);
    });
}

#[test]
fn blocks_an_address_and_leaves_no_trace() {
    check(
        r#"{"step": "block", "target": "192.0.2.66"}"#,
        ATTACKER,
        HOST,
    );
}

#[test]
fn blocks_the_network_of_an_ipv6_address() {
    check(
        r#"{"step": "block", "target": "2001:db8:66::/64"}"#,
        ATTACKER_6,
        HOST_6,
    );
}

#[test]
fn quarantines_in_both_directions() {
    check(
        r#"{"step": "quarantine", "target": "192.0.2.66"}"#,
        ATTACKER,
        HOST,
    );
}

#[test]
fn limits_the_rate_of_a_source() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        let before = ruleset();
        let mut live = lab.responder(lab.config());
        let what = What::RateLimit {
            target: "192.0.2.64/26".parse().unwrap(),
            packets_per_second: 1,
            burst: 10,
        };
        let id = live.order(what, HOUR, Why::default(), now())[0].id;
        lab.send(ATTACKER, HOST, 100);
        // On a busy machine the hundred may take some seconds.
        let state = until(&mut live, id, |state| stopped(state) >= 60);
        assert!(
            (60..=90).contains(&stopped(&state)),
            "{state:?}\n{}",
            ruleset()
        );
        live.undo(id, "test", now()).unwrap();
        assert_eq!(ruleset(), before);
    });
}

#[test]
fn leads_to_a_honeypot() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        let before = ruleset();
        let honeypot = TcpListener::bind((HOST, 2222)).unwrap();
        let mut live = lab.responder(lab.config());
        let what = What::Redirect {
            target: "192.0.2.66".parse().unwrap(),
            to: HOST.parse().unwrap(),
            port: Some(2222),
        };
        let id = live.order(what, HOUR, Why::default(), now())[0].id;
        let word = thread::spawn(move || {
            let (mut guest, _) = honeypot.accept().unwrap();
            let mut word = [0; 5];
            guest.read_exact(&mut word).unwrap();
            // The verification knocks, too.
            let _knock = honeypot.accept();
            word
        });
        lab.attacker(|| {
            let mut guest = TcpStream::connect((HOST, 22)).unwrap();
            guest.write_all(b"guess").unwrap();
        });
        let state = until(&mut live, id, |state| stopped(state) >= 1);
        assert_eq!(stopped(&state), 1, "{state:?}\n{}", ruleset());
        assert_eq!(&word.join().unwrap(), b"guess");
        live.undo(id, "test", now()).unwrap();
        assert_eq!(ruleset(), before);
    });
}

#[test]
fn a_connection_ends_at_once_and_stays_ended() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    // Tracking makes the connection known to conntrack as well.
    lab.host(|| {
        nft("add table ip t { chain c { type filter hook input priority 0; ct state new; }; }")
    });
    let listener = lab.host(|| TcpListener::bind((HOST, 2300)).unwrap());
    let mut guest = lab.attacker(|| TcpStream::connect((HOST, 2300)).unwrap());
    let (mut here, peer) = listener.accept().unwrap();
    lab.host(|| {
        let before = ruleset();
        let mut live = lab.responder(lab.config());
        let connection = Connection {
            proto: Transport::Tcp,
            peer,
            local: (HOST.parse::<std::net::IpAddr>().unwrap(), 2300).into(),
        };
        let what = What::DropConnection { connection };
        let id = live.order(what, HOUR, Why::default(), now())[0].id;
        let state = verified(&mut live, id);
        assert!(
            matches!(state, State::Ineffective { .. }),
            "it lives still: {state:?}"
        );
        live.tick(now());
        assert!(here.read(&mut [0; 1]).is_err(), "our end was ended");
        let is_gone = |state: &State| {
            matches!(state, State::Effective { evidence } if evidence.connections_ended >= 2)
        };
        let state = until(&mut live, id, is_gone);
        assert!(is_gone(&state), "{state:?}");
        live.undo(id, "test", now()).unwrap();
        assert_eq!(ruleset(), before);
    });
    let _ = guest.write_all(b"x");
}

#[test]
fn an_established_connection_of_a_blocked_address_ends() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    let listener = lab.host(|| TcpListener::bind((HOST, 2300)).unwrap());
    let _guest = lab.attacker(|| TcpStream::connect((HOST, 2300)).unwrap());
    let (mut here, _) = listener.accept().unwrap();
    lab.host(|| {
        let mut live = lab.responder(lab.config());
        live.block(ATTACKER.parse().unwrap(), HOUR, "test", "", now());
        live.tick(now());
        assert!(here.read(&mut [0; 1]).is_err());
    });
}

#[test]
fn overlapping_actions_end_one_by_one() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        let mut live = lab.responder(lab.config());
        let mut rulesets = vec![ruleset()];
        let mut ids = Vec::new();
        for target in [
            "192.0.2.66",
            "192.0.2.64/26",
            "198.51.100.0/24",
            "2001:db8:66::/64",
        ] {
            let done = live.block(target.parse().unwrap(), HOUR, "test", "", now());
            assert_eq!(states(&done), ["planned", "executed"]);
            ids.push(done[0].id);
            rulesets.push(without_times(&ruleset()));
        }
        for (id, before) in ids.iter().zip(&rulesets).rev() {
            live.undo(*id, "test", now()).unwrap();
            assert_eq!(&without_times(&ruleset()), before);
        }
        assert_eq!(ruleset(), rulesets[0]);
    });
}

fn without_times(ruleset: &str) -> String {
    let words = ruleset.split(' ');
    let mut skip = false;
    let kept = words.filter(|word| {
        let keep = !std::mem::replace(&mut skip, *word == "expires");
        keep && *word != "expires"
    });
    kept.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_somebody_else_put_there_is_kept() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        let mut live = lab.responder(lab.config());
        let one = live.block("198.51.100.1".parse().unwrap(), HOUR, "test", "", now())[0].id;
        nft("add element inet ratel block4_32 { 198.51.100.7 }");
        nft("add element inet ratel block4_32 { 192.0.2.66 }");
        let two = live.block(ATTACKER.parse().unwrap(), HOUR, "test", "", now())[0].id;
        let undo = live.get(two).unwrap().undo.clone().unwrap();
        assert_eq!(undo.keeps, ["block4_32 192.0.2.66"]);
        let state = verified(&mut live, two);
        assert!(matches!(state, State::Effective { .. }), "{state:?}");
        live.undo(one, "test", now()).unwrap();
        live.undo(two, "test", now()).unwrap();
        let left = ruleset();
        assert!(
            left.contains("198.51.100.7 ") && left.contains("192.0.2.66 "),
            "{left}"
        );
        assert!(!left.contains("198.51.100.1 "), "{left}");
    });
}

#[test]
fn a_table_of_our_name_that_is_not_ours_is_never_touched() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        nft("add table inet ratel { chain theirs { type filter hook input priority 0; }; }");
        let before = ruleset();
        let mut live = lab.responder(lab.config());
        let id = live.block(ATTACKER.parse().unwrap(), HOUR, "test", "", now())[0].id;
        let state = &live.get(id).unwrap().state;
        assert!(
            matches!(state, State::Ineffective { cause, .. } if cause.contains("somebody else"))
        );
        assert_eq!(ruleset(), before);
    });
}

#[test]
fn the_kernel_takes_back_what_has_run_out_and_the_table_goes_with_it() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        let before = ruleset();
        let mut live = lab.responder(lab.config());
        live.block(
            ATTACKER.parse().unwrap(),
            Duration::from_secs(1),
            "test",
            "",
            now(),
        );
        thread::sleep(Duration::from_millis(1100));
        assert!(!ruleset().contains(ATTACKER));
        assert_eq!(states(&live.tick(now())), ["expired"]);
        assert_eq!(ruleset(), before);
    });
}

#[test]
fn an_event_becomes_a_block_within_a_moment() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        let mut live = lab.responder(lab.config());
        let playbook =
            "- name: all\n  when: event.alert.severity == 1\n  steps: [block: {ttl: 1h}]\n";
        assert_eq!(live.load(&[("p.yaml".into(), playbook.into())], now()), []);
        let alert =
            |ip: &str| json!({"event_type": "alert", "src_ip": ip, "alert": {"severity": 1}});
        let done = live.on_event(&alert(ATTACKER), now());
        assert_eq!(states(&done), ["planned", "executed"]);
        assert_eq!(
            live.on_event(&alert(ATTACKER), now()),
            [],
            "it holds already"
        );
        assert_eq!(states(&live.on_event(&alert(HOST), now())), ["refused"]);
        assert_eq!(live.on_event(&alert("nobody"), now()), []);
        assert!(ruleset().contains(ATTACKER) && !ruleset().contains(HOST));
    });
}

#[test]
fn after_a_crash_the_firewall_agrees_with_the_journal() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        let before = ruleset();
        let mut live = lab.responder(lab.config());
        for target in ["198.51.100.1", "198.51.100.2", "198.51.100.3"] {
            live.block(target.parse().unwrap(), HOUR, "test", "", now());
        }
        drop(live);
        nft("delete element inet ratel block4_32 { 198.51.100.2 }");
        nft("add element inet ratel block4_32 { 198.51.100.9 timeout 1h comment \"ratel a99\" }");
        let mut live = lab.responder(lab.config());
        let text = ruleset();
        for (target, held) in [("1", true), ("2", true), ("3", true), ("9", false)] {
            assert_eq!(
                text.contains(&format!("198.51.100.{target} ")),
                held,
                "{target}: {text}"
            );
        }
        live.undo_all("test", now()).unwrap();
        assert_eq!(ruleset(), before);
    });
}

#[test]
fn a_password_guesser_is_blocked_and_a_session_from_before_is_not() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    let listener = lab.host(|| TcpListener::bind((HOST, 22)).unwrap());
    let connect = || lab.attacker(|| TcpStream::connect((HOST, 22)).unwrap());
    // Whether the attacker was connected before the responder was there.
    for (before, expected) in [(true, "refused"), (false, "executed")] {
        let mut connections = Vec::new();
        if before {
            connections.push((connect(), listener.accept().unwrap()));
        }
        let mut live = lab.host(|| lab.responder(lab.config()));
        if !before {
            connections.push((connect(), listener.accept().unwrap()));
        }
        let done = lab.host(|| live.block(ATTACKER.parse().unwrap(), HOUR, "test", "", now()));
        assert_eq!(states(&done).last(), Some(&expected), "{done:?}");
        lab.host(|| live.undo_all("test", now()).unwrap());
    }
}

#[test]
fn what_another_table_accepts_is_stopped_all_the_same() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        nft("add table ip early { chain c { type filter hook prerouting priority -400; }; }");
        nft("add rule ip early c accept");
        let mut live = lab.responder(lab.config());
        let id = live.block(ATTACKER.parse().unwrap(), HOUR, "test", "", now())[0].id;
        lab.send(ATTACKER, HOST, 5);
        let state = until(&mut live, id, |state| stopped(state) >= 5);
        assert!(stopped(&state) >= 5, "{state:?}\n{}", ruleset());
    });
}

#[test]
fn a_container_behind_the_host_is_protected_too() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    let (name, inside) = (&lab.name, "10.66.0.2");
    for command in [
        format!("ip netns add {name}-c"),
        format!("ip -n {name}-h link add cont0 type veth peer name eth0 netns {name}-c"),
        format!("ip -n {name}-h addr add 10.66.0.1/24 dev cont0"),
        format!("ip -n {name}-c addr add {inside}/24 dev eth0"),
        format!("ip -n {name}-h link set cont0 up"),
        format!("ip -n {name}-c link set eth0 up"),
        format!("ip -n {name}-a route add 10.66.0.0/24 via {HOST}"),
    ] {
        assert!(run(&command), "{command}");
    }
    lab.host(|| {
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        // As container engines do: what comes to a port of the host goes to the container.
        nft("add table ip engine { chain c { type nat hook prerouting priority -100; }; }");
        nft(&format!(
            "add rule ip engine c udp dport 9 ip daddr {HOST} dnat to {inside}:9"
        ));
        let mut live = lab.responder(lab.config());
        let id = live.block(ATTACKER.parse().unwrap(), HOUR, "test", "", now())[0].id;
        lab.send(ATTACKER, HOST, 5);
        lab.send(ATTACKER, inside, 5);
        let state = until(&mut live, id, |state| stopped(state) >= 10);
        assert!(stopped(&state) >= 10, "{state:?}\n{}", ruleset());
    });
}
