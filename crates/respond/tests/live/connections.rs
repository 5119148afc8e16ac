//! Connections that survive an action, and leads that do not get there: each told with its reason.

use std::net::{TcpListener, TcpStream};

use event::action::{Failure, What, Why};
use respond::Responder;
use respond::firewall::nft::Nft;
use respond::firewall::tool::Tool;
use respond::host::LinuxHost;
use respond::protected::host::Wishes;

use crate::failures::{HOUR, block, expect, stub};
use crate::lab::{ATTACKER, HOST, Lab, nft, now};

/// A connection of the attacker that was there before, on a host that tracks connections.
fn check_connection(expected: Failure, what: What, conntrack: &str, ss: &str) {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        nft("add table ip t { chain c { type filter hook input priority 0; ct state new; }; }")
    });
    let listener = lab.host(|| TcpListener::bind((HOST, 2300)).unwrap());
    let _honeypot = lab.host(|| TcpListener::bind((HOST, 2222)).unwrap());
    let _guest = lab.attacker(|| TcpStream::connect((HOST, 2300)).unwrap());
    let _here = listener.accept().unwrap();
    lab.host(|| {
        let host = LinuxHost::new(Wishes::default())
            .with_tools(stub(&lab, "conntrack", conntrack).0, stub(&lab, "ss", ss).0);
        let firewall = Nft::new(Tool::named("nft"), "ratel", 100);
        let mut live = Responder::open(lab.config(), firewall, host, now()).unwrap();
        lab.watch(&mut live, "eth0", None);
        let id = live.order(what, HOUR, Why::default(), now())[0].id;
        live.tick(now());
        expect(&mut live, id, expected);
    });
}

#[test]
fn an_established_connection_survives() {
    check_connection(
        Failure::ConnectionSurvives,
        block(),
        "exec /usr/sbin/conntrack \"$@\"",
        "exit 0",
    );
}

#[test]
fn a_tracked_connection_survives() {
    check_connection(
        Failure::TrackingSurvives,
        block(),
        "[ \"$1\" = -D ] || exec /usr/sbin/conntrack \"$@\"",
        "exec /usr/bin/ss \"$@\"",
    );
}

#[test]
fn a_flow_table_carries_the_connection_past() {
    check_connection(
        Failure::FlowtableOffload,
        block(),
        "echo 'tcp 6 src=192.0.2.66 dst=192.0.2.1 sport=1 dport=2 [OFFLOAD] mark=0'",
        "exec /usr/bin/ss \"$@\"",
    );
}

#[test]
fn a_connection_from_before_is_not_led_to_the_honeypot() {
    let honeypot = What::Redirect {
        target: ATTACKER.parse().unwrap(),
        to: HOST.parse().unwrap(),
        port: Some(2222),
    };
    check_connection(
        Failure::TrackingSurvives,
        honeypot,
        "[ \"$1\" = -D ] || exec /usr/sbin/conntrack \"$@\"",
        "exit 0",
    );
}

/// The attacker is led to a honeypot; what is in the way is brought about before.
fn check_lead(expected: Failure, to: &str, prepare: &str, listens: bool) {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        if !prepare.is_empty() {
            nft(prepare);
        }
        let _honeypot = listens.then(|| TcpListener::bind((HOST, 2222)).unwrap());
        let mut live = lab.responder(lab.config());
        let what = What::Redirect {
            target: ATTACKER.parse().unwrap(),
            to: to.parse().unwrap(),
            port: Some(2222),
        };
        let id = live.order(what, HOUR, Why::default(), now())[0].id;
        expect(&mut live, id, expected);
    });
}

#[test]
fn nobody_answers_at_the_honeypot() {
    check_lead(Failure::HoneypotSilent, HOST, "", false);
}

#[test]
fn the_honeypot_is_elsewhere_and_nothing_is_forwarded() {
    check_lead(Failure::ForwardingOff, "198.51.100.5", "", false);
}

#[test]
fn another_table_translates_first() {
    let other = "add table ip nat\n\
                 add chain ip nat pre { type nat hook prerouting priority -190; }\n\
                 add rule ip nat pre tcp dport 22 dnat to 192.0.2.1:80";
    check_lead(Failure::TranslatedBefore, HOST, other, true);
}
