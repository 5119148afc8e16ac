//! What hardening does to packets.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use rustix::thread::set_thread_uid;

use crate::lab::*;

/// Only the SYN proxy; what else there is stays off.
const PROXY: &str = "{scans: {enabled: false}, others: {new_per_minute: 0, connections: 0}}";

/// SYN packets of a flood: a hundred times what the service's queue holds.
const FLOOD: u32 = 2000;

/// Connections that the host's service waits for.
fn half_open() -> usize {
    let table = |name| std::fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap();
    let both = [table("tcp"), table("tcp6")].concat();
    both.lines()
        .filter(|line| line.split_ascii_whitespace().nth(3) == Some("03"))
        .count()
}

/// Handshakes that this host has refused because of the timestamp that they echo.
fn rejected_echoes() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/net/netstat").unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.chunks(2).filter(|pair| pair.len() == 2);
    pairs
        .flat_map(|pair| pair[0].split(' ').zip(pair[1].split(' ')))
        .find(|(name, _)| *name == "TSEcrRejected")
        .map_or(0, |(_, value)| value.parse().unwrap())
}

/// A host without cookies of its own, whose service's queue is soon full.
fn weak() -> Option<Lab> {
    let lab = Lab::new()?;
    lab.host(|| {
        set_sysctl("net.ipv4.tcp_syncookies", "0");
        serve(80, 16);
    });
    Some(lab)
}

#[test]
fn a_flood_of_syn_packets_keeps_others_out() {
    let Some(lab) = weak() else { return };
    assert!(lab.outside(|| connect(CLIENT, HOST, 80)).is_some());
    lab.outside(|| flood(HOST, 80, FLOOD));
    assert!(lab.host(half_open) > 0);
    assert!(lab.outside(|| connect(CLIENT, HOST, 80)).is_none());
}

#[test]
fn behind_the_proxy_a_flood_of_syn_packets_keeps_nobody_out() {
    let Some(lab) = weak() else { return };
    lab.harden(PROXY);
    let tracked = || {
        sysctl("net.netfilter.nf_conntrack_count")
            .parse::<u32>()
            .unwrap()
    };
    let before = lab.host(tracked);
    lab.outside(|| flood(HOST, 80, FLOOD));
    assert_eq!(lab.host(half_open), 0);
    let after = lab.host(tracked);
    assert!(
        after < before + FLOOD / 20,
        "tracked: {before}, then {after}"
    );
    assert!(lab.counted("proxy 4") >= u64::from(FLOOD / 2));
    let mut stream = lab
        .outside(|| connect(CLIENT, HOST, 80))
        .expect("nobody gets in");
    assert!((0..20).all(|_| echo(&mut stream)));
    assert!(lab.outside(|| connect(ATTACKER_6, HOST_6, 80)).is_some());
    // The service took the proxy's handshake at its first try, not when it was repeated after a second.
    assert_eq!(lab.host(rejected_echoes), 0);
    assert!(lab.host(|| connect("", "127.0.0.1", 80)).is_some());
    assert!(lab.host(|| connect("", HOST, 80)).is_some());
    assert!(lab.guest(|| connect("", "10.9.0.1", 80)).is_some());
}

#[test]
fn what_the_users_own_filter_drops_the_proxy_does_not_let_in() {
    let Some(lab) = weak() else { return };
    lab.host(|| {
        nft(&format!(
            "table inet mine {{ chain c {{ type filter hook input priority 0; policy accept; iif lo accept;
             ct state established accept; ct state invalid drop;
             ip saddr {ATTACKER} tcp dport 80 drop; }}; }}"
        ));
    });
    lab.harden(PROXY);
    assert!(lab.outside(|| connect(ATTACKER, HOST, 80)).is_none());
    assert!(lab.outside(|| connect(CLIENT, HOST, 80)).is_some());
}

#[test]
fn a_port_that_a_client_takes_again_gets_through_the_proxy() {
    let Some(lab) = weak() else { return };
    lab.host(|| serve(81, 16));
    lab.harden(PROXY);
    // The host's end closes first and remembers the pair of ports for a minute.
    for _ in 0..3 {
        let mut stream = lab
            .outside(|| connect_by((CLIENT, 40_000), HOST, 81))
            .expect("the port is remembered");
        stream.write_all(b"quit").unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
    }
}

#[test]
fn a_connection_from_before_the_proxy_lives_on() {
    let Some(lab) = Lab::new() else { return };
    lab.host(|| serve(80, 16));
    let mut old = lab.outside(|| connect(CLIENT, HOST, 80)).unwrap();
    let mut old_6 = lab.outside(|| connect(ATTACKER_6, HOST_6, 80)).unwrap();
    lab.harden(PROXY);
    for _ in 0..5 {
        assert!(echo(&mut old) && echo(&mut old_6));
    }
}

#[test]
fn who_tries_port_after_port_gets_nowhere_but_to_administration() {
    let Some(lab) = Lab::new() else { return };
    lab.host(|| {
        for port in [22, 80, 81, 82] {
            serve(port, 16);
        }
    });
    lab.harden("{}");
    // Open ports are no scan, and a few closed ones are none.
    for port in (80..83).chain(4000..4010) {
        lab.outside(|| connect(CLIENT, HOST, port));
    }
    assert!(lab.outside(|| connect(CLIENT, HOST, 80)).is_some());
    lab.outside(|| {
        for port in 5000..5040 {
            // The packet is what counts, not its answer.
            let socket = rustix::net::socket_with(
                rustix::net::AddressFamily::INET,
                rustix::net::SocketType::STREAM,
                rustix::net::SocketFlags::NONBLOCK,
                None,
            )
            .unwrap();
            let from: std::net::SocketAddr = format!("{ATTACKER}:0").parse().unwrap();
            rustix::net::bind(&socket, &from).unwrap();
            let to: std::net::SocketAddr = format!("{HOST}:{port}").parse().unwrap();
            let _ = rustix::net::connect(&socket, &to);
        }
    });
    let report = lab.host(|| lab.hardener().check("ratel_harden").unwrap());
    assert_eq!(report.scanners, [ATTACKER]);
    assert_eq!(report.faults, []);
    assert!(lab.outside(|| connect(ATTACKER, HOST, 81)).is_none());
    assert!(lab.outside(|| connect(ATTACKER, HOST, 22)).is_some());
    assert!(lab.outside(|| connect(CLIENT, HOST, 81)).is_some());
    lab.host(|| lab.hardener().undo(now()).unwrap());
    assert!(lab.outside(|| connect(ATTACKER, HOST, 81)).is_some());
}

/// From the host, as a user.
fn as_user(lab: &Lab, uid: u32, to: &str, port: u16) -> bool {
    lab.host(|| {
        set_thread_uid(rustix::process::Uid::from_raw(uid)).unwrap();
        connect("", to, port).is_some()
    })
}

#[test]
fn metadata_is_for_those_who_may_ask() {
    let Some(lab) = Lab::new() else { return };
    lab.outside(|| {
        serve(80, 16);
        serve(53, 16);
    });
    let check = |expected: bool| {
        assert!(as_user(&lab, 0, METADATA, 80));
        assert_eq!(as_user(&lab, 65_534, METADATA, 80), expected);
        assert_eq!(as_user(&lab, 65_534, METADATA_6, 80), expected);
        assert_eq!(lab.guest(|| connect("", METADATA, 80)).is_some(), expected);
        // What else is out there is nobody's business here.
        assert!(as_user(&lab, 65_534, ATTACKER, 80));
        assert!(as_user(&lab, 65_534, METADATA, 53));
    };
    lab.outside(|| {
        // The guest's packets come back by the host.
        assert!(connect("", METADATA, 80).is_some());
    });
    check(true);
    lab.harden("{}");
    check(false);
    assert!(lab.counted("metadata") > 0);
    lab.harden("metadata: {users: [0, 65534], networks: [10.9.0.0/24]}");
    check(true);
    lab.host(|| lab.hardener().undo(now()).unwrap());
    check(true);
}

#[test]
fn a_honeypot_answers_and_reaches_nobody() {
    let Some(lab) = Lab::new() else { return };
    lab.guest(|| serve(2222, 16));
    lab.host(|| {
        serve(22, 16);
        serve(80, 16);
    });
    lab.outside(|| serve(80, 16));
    let check = |reaches: bool| {
        assert!(lab.outside(|| connect(ATTACKER, GUEST, 2222)).is_some());
        assert!(lab.host(|| connect("", GUEST, 2222)).is_some());
        assert_eq!(lab.guest(|| connect("", ATTACKER, 80)).is_some(), reaches);
        for port in [22, 80] {
            assert_eq!(
                lab.guest(|| connect("", "10.9.0.1", port)).is_some(),
                reaches
            );
            assert_eq!(lab.guest(|| connect("", HOST, port)).is_some(), reaches);
        }
    };
    check(true);
    lab.harden("honeypots: {networks: [10.9.0.0/24]}");
    check(false);
    lab.harden("honeypots: {interfaces: [eth1]}");
    check(false);
    lab.harden("honeypots: {interfaces: [eth1], may_reach: [192.0.2.77]}");
    check(false);
    assert!(lab.guest(|| connect("", CLIENT, 80)).is_some());
}

#[test]
fn a_service_has_limits_for_each_source() {
    let Some(lab) = Lab::new() else { return };
    lab.host(|| {
        serve(80, 64);
        serve(81, 64);
    });
    lab.harden(
        "{services: [{name: web, ports: [80], new_per_minute: 1, burst: 3}, \
          {name: chat, ports: [81], connections: 2}], protected: [192.0.2.77]}",
    );
    let made = |from: &str, port: u16| {
        let to = if from.contains(':') { HOST_6 } else { HOST };
        let streams: Vec<_> = (0..6)
            .map(|_| lab.outside(|| connect(from, to, port)))
            .collect();
        streams.iter().flatten().count()
    };
    assert_eq!(made(ATTACKER, 80), 3);
    assert_eq!(made(ATTACKER, 81), 2);
    assert_eq!(made(ATTACKER_6, 80), 3);
    // Whom the user protects is not limited.
    assert_eq!(made(CLIENT, 80), 6);
    assert_eq!(made(CLIENT, 81), 6);
    assert!(lab.counted("rate of web tcp 4") > 0);
    assert!(lab.counted("connections of chat tcp 4") > 0);
    // Once connections have ended there is room again.
    thread::sleep(Duration::from_millis(200));
    assert!(lab.outside(|| connect(ATTACKER, HOST, 81)).is_some());
}
