//! Block, verify, undo with iptables and ipset: both the iptables that writes into nftables' tables
//! and the one that has its own.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use event::ActionId;
use event::action::{Connection, Failure, State, Transport, What, Why};
use respond::Responder;
use respond::firewall::iptables::{Family, Iptables, Tools};
use respond::firewall::tool::Tool;
use respond::host::LinuxHost;
use respond::protected::host::Wishes;

use crate::lab::{ATTACKER, ATTACKER_6, HOST, HOST_6, Lab, now, run, states, until};

const HOUR: Duration = Duration::from_secs(3600);
const KINDS: [&str; 2] = ["nft", "legacy"];

type Live = Responder<Iptables, LinuxHost>;

fn tools(kind: &str) -> Tools {
    Tools {
        ipset: Tool::named("ipset"),
        four: Family::named(&format!("iptables-{kind}")),
        six: Family::named(&format!("ip6tables-{kind}")),
    }
}

fn iptables(kind: &str, arguments: &str) {
    assert!(run(&format!("iptables-{kind} {arguments}")), "{arguments}");
}

/// A lab whose host has this kind of iptables; None and a line where it has not.
fn lab(kind: &str) -> Option<Lab> {
    let names = [
        format!("iptables-{kind}"),
        format!("ip6tables-{kind}"),
        "ipset".to_owned(),
    ];
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let lab = Lab::new(&names)?;
    let works = lab.host(|| {
        run(&format!("iptables-{kind} -t raw -S")) && run(&format!("ip6tables-{kind} -t raw -S"))
    });
    if !works {
        eprintln!("skipped: this kernel has no tables for iptables-{kind}");
    }
    works.then_some(lab)
}

fn responder(lab: &Lab, kind: &str, size: u32) -> Live {
    let firewall = Iptables::new(tools(kind), "ratel", size).unwrap();
    let host = LinuxHost::new(Wishes::default());
    let mut live = Responder::open(lab.config(), firewall, host, now()).unwrap();
    lab.watch(&mut live, "eth0", None);
    live
}

/// All rules, chains and sets; not the chains of the system, which iptables itself leaves behind
/// where it has once looked at a table.
fn rules(kind: &str) -> String {
    let tools = tools(kind);
    let mut text = tools.ipset.run(&["save"], "").unwrap();
    for family in [tools.four, tools.six] {
        let saved = family.save.run(&[], "").unwrap();
        let lines = saved.lines().filter(|line| {
            let is_system = line.starts_with(':') && !line.contains(" - [");
            !is_system && !line.starts_with(['#', '*']) && *line != "COMMIT"
        });
        lines.for_each(|line| text.push_str(&format!("{line}\n")));
    }
    text
}

fn stopped(state: &State) -> u64 {
    match state {
        State::Effective { evidence } => evidence.packets_stopped,
        _ => 0,
    }
}

fn check(what: &str, from: &str, to: &str) {
    for kind in KINDS {
        let Some(lab) = lab(kind) else {
            continue;
        };
        let what: What = serde_json::from_str(what).unwrap();
        lab.host(|| {
            iptables(kind, "-A INPUT -s 198.51.100.3 -j DROP");
            let before = rules(kind);
            let mut live = responder(&lab, kind, 100);
            let done = live.order(what, HOUR, Why::default(), now());
            assert_eq!(states(&done), ["planned", "executed"], "{done:?}");
            let id = done[0].id;
            lab.send(from, to, 5);
            let state = until(&mut live, id, |state| stopped(state) >= 1);
            assert!(stopped(&state) >= 1, "{kind} {state:?}\n{}", rules(kind));
            live.undo(id, "test", now()).unwrap();
            assert_eq!(rules(kind), before, "{kind}");
        });
    }
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
fn blocks_a_network_of_ipv6() {
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
    let what =
        r#"{"step": "rate_limit", "target": "192.0.2.64/26", "packets_per_second": 1, "burst": 2}"#;
    check(what, ATTACKER, HOST);
}

#[test]
fn leads_to_a_honeypot() {
    for kind in KINDS {
        let Some(lab) = lab(kind) else {
            continue;
        };
        lab.host(|| {
            let before = rules(kind);
            let _honeypot = TcpListener::bind((HOST, 2222)).unwrap();
            let mut live = responder(&lab, kind, 100);
            let what = What::Redirect {
                target: ATTACKER.parse().unwrap(),
                to: HOST.parse().unwrap(),
                port: Some(2222),
            };
            let id = live.order(what, HOUR, Why::default(), now())[0].id;
            lab.attacker(|| TcpStream::connect((HOST, 22)).unwrap());
            let state = until(&mut live, id, |state| stopped(state) >= 1);
            assert_eq!(stopped(&state), 1, "{kind} {state:?}\n{}", rules(kind));
            live.undo(id, "test", now()).unwrap();
            assert_eq!(rules(kind), before);
        });
    }
}

#[test]
fn a_connection_ends_and_stays_ended() {
    for kind in KINDS {
        let Some(lab) = lab(kind) else {
            continue;
        };
        let listener = lab.host(|| TcpListener::bind((HOST, 2300)).unwrap());
        let _guest = lab.attacker(|| TcpStream::connect((HOST, 2300)).unwrap());
        let (mut here, peer) = listener.accept().unwrap();
        lab.host(|| {
            let before = rules(kind);
            let mut live = responder(&lab, kind, 100);
            let connection = Connection {
                proto: Transport::Tcp,
                peer,
                local: format!("{HOST}:2300").parse().unwrap(),
            };
            let what = What::DropConnection { connection };
            let id = live.order(what, HOUR, Why::default(), now())[0].id;
            live.tick(now());
            assert!(here.read(&mut [0; 1]).is_err(), "our end was ended");
            let state = until(&mut live, id, |state| state.name() == "effective");
            assert_eq!(
                state.name(),
                "effective",
                "{kind} {state:?}\n{}",
                rules(kind)
            );
            live.undo(id, "test", now()).unwrap();
            assert_eq!(rules(kind), before);
        });
    }
}

/// A block works; then the saboteur comes.
fn check_failure(expected: Failure, sabotage: impl Fn(&Lab, &str) + Sync) {
    for kind in KINDS {
        let Some(lab) = lab(kind) else {
            continue;
        };
        lab.host(|| {
            let mut live = responder(&lab, kind, 100);
            let target = ATTACKER.parse().unwrap();
            let id = live.block(target, HOUR, "test", "", now())[0].id;
            let state = until(&mut live, id, |state| state.name() == "effective");
            assert_eq!(state.name(), "effective", "{state:?}");
            sabotage(&lab, kind);
            expect(&mut live, id, expected, kind);
        });
    }
}

fn expect(live: &mut Live, id: ActionId, expected: Failure, kind: &str) {
    let is_told =
        |state: &State| matches!(state, State::Ineffective { failure, .. } if *failure == expected);
    let state = until(live, id, is_told);
    assert!(is_told(&state), "{kind} {state:?}\n{}", rules(kind));
}

#[test]
fn the_rules_were_flushed() {
    check_failure(Failure::RuleMissing, |_, kind| iptables(kind, "-t raw -F"));
}

#[test]
fn nobody_jumps_to_our_chain() {
    check_failure(Failure::RuleMissing, |_, kind| {
        iptables(kind, "-t raw -F PREROUTING")
    });
}

#[test]
fn the_chains_were_deleted() {
    check_failure(Failure::ChainMissing, |_, kind| {
        iptables(kind, "-t raw -F");
        iptables(kind, "-t raw -X");
    });
}

#[test]
fn a_rule_before_ours_accepts() {
    check_failure(Failure::AcceptedBefore, |lab, kind| {
        iptables(kind, "-t raw -I PREROUTING -i eth0 -j ACCEPT");
        lab.send(ATTACKER, HOST, 3);
    });
}

#[test]
fn a_rule_was_replaced() {
    check_failure(Failure::RuleChanged, |_, kind| {
        let rule = "-m set --match-set ratel-block4 src -m comment --comment";
        let command = format!("-t raw -R ratel-pre 1 -p tcp {rule}");
        let mut words: Vec<&str> = command.split(' ').collect();
        words.extend(["ratel block4 src", "-j", "DROP"]);
        let tool = Tool::named(&format!("iptables-{kind}"));
        tool.run(&words, "").unwrap();
    });
}

#[test]
fn the_set_was_flushed() {
    check_failure(Failure::ElementMissing, |_, _| {
        assert!(run("ipset flush ratel-block4"));
    });
}

#[test]
fn the_set_is_gone_with_the_rules() {
    check_failure(Failure::SetMissing, |_, kind| {
        iptables(kind, "-t raw -F");
        assert!(run("ipset destroy ratel-block4"));
    });
}

#[test]
fn the_element_has_lost_its_end() {
    check_failure(Failure::TimeoutLost, |_, _| {
        assert!(run(&format!(
            "ipset -exist add ratel-block4 {ATTACKER} timeout 0"
        )));
    });
}

#[test]
fn the_set_takes_no_more() {
    for kind in KINDS {
        let Some(lab) = lab(kind) else {
            continue;
        };
        lab.host(|| {
            let mut live = responder(&lab, kind, 1);
            live.block("198.51.100.1".parse().unwrap(), HOUR, "test", "", now());
            // A set of hashes may take a few more than it says.
            let full = (2..=40).any(|host| {
                let target = format!("198.51.100.{host}").parse().unwrap();
                let done = live.block(target, HOUR, "test", "", now());
                matches!(
                    done.last().map(|action| &action.state),
                    Some(State::Ineffective {
                        failure: Failure::SetFull,
                        ..
                    })
                )
            });
            assert!(full, "{kind}\n{}", rules(kind));
        });
    }
}

#[test]
fn what_has_run_out_goes_with_everything_that_held_it() {
    for kind in KINDS {
        let Some(lab) = lab(kind) else {
            continue;
        };
        lab.host(|| {
            let before = rules(kind);
            let mut live = responder(&lab, kind, 100);
            live.block(
                ATTACKER.parse().unwrap(),
                Duration::from_secs(1),
                "test",
                "",
                now(),
            );
            thread::sleep(Duration::from_millis(1100));
            assert_eq!(states(&live.tick(now())), ["expired"]);
            assert_eq!(rules(kind), before);
        });
    }
}

#[test]
fn after_a_crash_the_firewall_agrees_with_the_journal() {
    for kind in KINDS {
        let Some(lab) = lab(kind) else {
            continue;
        };
        lab.host(|| {
            let before = rules(kind);
            let mut live = responder(&lab, kind, 100);
            for host in 1..=3 {
                let target = format!("198.51.100.{host}").parse().unwrap();
                live.block(target, HOUR, "test", "", now());
            }
            drop(live);
            assert!(run("ipset del ratel-block4 198.51.100.2"));
            assert!(run("ipset add ratel-block4 198.51.100.8 timeout 3600"));
            let stray = "add ratel-block4 198.51.100.9 timeout 3600 comment \"ratel a99\"\n";
            Tool::named("ipset").run(&["restore"], stray).unwrap();
            iptables(kind, "-t raw -F PREROUTING");
            let mut live = responder(&lab, kind, 100);
            let text = rules(kind);
            for (host, held) in [(1, true), (2, true), (3, true), (8, true), (9, false)] {
                let found = text.contains(&format!("198.51.100.{host} "));
                assert_eq!(found, held, "{kind} {host}: {text}");
            }
            assert!(
                text.contains("-A PREROUTING -m comment --comment ratel -j ratel-pre"),
                "{text}"
            );
            // What somebody else has put into our set stays, and keeps working.
            live.undo_all("test", now()).unwrap();
            let text = rules(kind);
            assert!(
                text.contains("198.51.100.8 ") && !text.contains("198.51.100.1 "),
                "{text}"
            );
            assert!(text.contains("--match-set ratel-block4 src"), "{text}");
            assert!(run("ipset del ratel-block4 198.51.100.8"));
            drop(live);
            drop(responder(&lab, kind, 100));
            assert_eq!(rules(kind), before);
        });
    }
}
