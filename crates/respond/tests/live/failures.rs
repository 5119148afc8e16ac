//! Ways in which an action fails though the firewall took it: each is brought about, and told as
//! ineffective with its reason.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use event::ActionId;
use event::action::{Failure, State, What, Why};
use respond::firewall::tool::Tool;

use crate::lab::{ATTACKER, HOST, Lab, Live, nft, now, ruleset, run, until};

pub const HOUR: Duration = Duration::from_secs(3600);

pub fn block() -> What {
    What::Block {
        target: ATTACKER.parse().unwrap(),
    }
}

/// The action comes to be told as ineffective for this reason.
pub fn expect(live: &mut Live, id: ActionId, expected: Failure) {
    let is_told = |state: &State| matches!(state, State::Ineffective { failure, cause } if *failure == expected && cause.len() > 10);
    let state = until(live, id, is_told);
    assert!(
        is_told(&state),
        "{state:?}, expected {expected:?}\n{}",
        ruleset()
    );
}

fn expect_effective(live: &mut Live, id: ActionId) {
    let state = until(live, id, |state| state.name() == "effective");
    assert_eq!(state.name(), "effective", "{state:?}\n{}", ruleset());
}

/// The attacker is blocked, which works; then the saboteur comes.
fn check(expected: Failure, sabotage: impl FnOnce(&Lab) + Send) {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        let mut live = lab.responder(lab.config());
        let id = live.order(block(), HOUR, Why::default(), now())[0].id;
        expect_effective(&mut live, id);
        sabotage(&lab);
        expect(&mut live, id, expected);
    });
}

#[test]
fn our_table_was_deleted() {
    check(Failure::TableMissing, |_| nft("delete table inet ratel"));
}

#[test]
fn the_whole_ruleset_was_flushed() {
    check(Failure::TableMissing, |_| nft("flush ruleset"));
}

#[test]
fn our_table_was_switched_off() {
    check(Failure::TableDormant, |_| {
        nft("add table inet ratel { flags dormant; }");
    });
}

#[test]
fn a_chain_was_deleted() {
    check(Failure::ChainMissing, |_| {
        nft("flush chain inet ratel pre\ndelete chain inet ratel pre");
    });
}

#[test]
fn a_chain_was_moved_to_a_later_hook() {
    check(Failure::ChainMoved, |_| {
        nft("flush chain inet ratel pre\ndelete chain inet ratel pre");
        nft("add chain inet ratel pre { type filter hook input priority 100; }");
    });
}

#[test]
fn a_chain_was_taken_from_its_hook() {
    check(Failure::ChainMoved, |_| {
        nft("flush chain inet ratel pre\ndelete chain inet ratel pre\nadd chain inet ratel pre");
    });
}

#[test]
fn the_rules_were_flushed() {
    check(Failure::RuleMissing, |_| nft("flush chain inet ratel pre"));
}

#[test]
fn the_rule_of_one_direction_was_deleted() {
    check(Failure::RuleMissing, |_| nft("flush chain inet ratel out"));
}

#[test]
fn a_rule_was_replaced() {
    check(Failure::RuleChanged, |_| {
        nft("flush chain inet ratel pre");
        nft("add rule inet ratel pre ip saddr @block4_32 accept comment \"ratel block4_32 saddr\"");
        nft("add rule inet ratel pre ip daddr @block4_32 drop comment \"ratel block4_32 daddr\"");
    });
}

#[test]
fn a_rule_was_narrowed_to_one_port() {
    check(Failure::RuleChanged, |_| {
        nft("flush chain inet ratel pre");
        nft(
            "add rule inet ratel pre tcp dport 80 ip saddr @block4_32 drop comment \"ratel block4_32 saddr\"",
        );
        nft("add rule inet ratel pre ip daddr @block4_32 drop comment \"ratel block4_32 daddr\"");
    });
}

#[test]
fn a_rule_before_ours_accepts() {
    check(Failure::AcceptedBefore, |lab| {
        nft("insert rule inet ratel pre iifname \"eth0\" accept");
        lab.send(ATTACKER, HOST, 3);
    });
}

#[test]
fn a_set_was_deleted() {
    check(Failure::SetMissing, |_| {
        nft(
            "flush chain inet ratel pre\nflush chain inet ratel out\ndelete set inet ratel block4_32",
        );
    });
}

#[test]
fn a_set_was_made_anew_for_the_other_family() {
    check(Failure::WrongFamily, |_| {
        nft(
            "flush chain inet ratel pre\nflush chain inet ratel out\ndelete set inet ratel block4_32",
        );
        nft("add set inet ratel block4_32 { type ipv6_addr; flags timeout; }");
    });
}

#[test]
fn the_element_was_deleted() {
    check(Failure::ElementMissing, |_| {
        nft(&format!(
            "delete element inet ratel block4_32 {{ {ATTACKER} }}"
        ));
    });
}

#[test]
fn the_set_was_flushed() {
    check(Failure::ElementMissing, |_| {
        nft("flush set inet ratel block4_32")
    });
}

#[test]
fn the_element_has_lost_its_end() {
    check(Failure::TimeoutLost, |_| {
        nft("flush set inet ratel block4_32");
        nft(&format!(
            "add element inet ratel block4_32 {{ {ATTACKER} }}"
        ));
    });
}

#[test]
fn the_element_ends_too_early() {
    check(Failure::TimeoutShort, |_| {
        nft("flush set inet ratel block4_32");
        nft(&format!(
            "add element inet ratel block4_32 {{ {ATTACKER} timeout 30s }}"
        ));
    });
}

#[test]
fn the_interface_is_gone() {
    check(Failure::InterfaceGone, |_| assert!(run("ip link del eth0")));
}

#[test]
fn the_interface_is_down() {
    check(Failure::InterfaceDown, |_| {
        assert!(run("ip link set eth0 down"));
    });
}

#[test]
fn a_bridge_carries_the_traffic_past() {
    check(Failure::BridgedPast, |lab| {
        let mac = "02:00:00:00:00:77";
        fs::write("/proc/sys/net/bridge/bridge-nf-call-iptables", "0").unwrap();
        for command in [
            "ip link add br0 type bridge",
            "ip link set br0 up",
            "ip link set eth0 master br0",
            &format!(
                "ip link add eth1 type veth peer name eth9 address {mac} netns {}-a",
                lab.name
            ),
            "ip link set eth1 up master br0",
            &format!("ip -n {}-a link set eth9 up", lab.name),
            &format!(
                "ip -n {}-a neigh add 192.0.2.77 lladdr {mac} dev eth0",
                lab.name
            ),
        ] {
            assert!(run(command), "{command}");
        }
        lab.send(ATTACKER, "192.0.2.77", 5);
    });
}

#[test]
fn a_device_of_a_container_takes_the_traffic_past() {
    check(Failure::StillArriving, |lab| {
        let mac = "02:00:00:00:00:78";
        for command in [
            &format!(
                "ip link add link eth0 name box netns {}-a address {mac} type macvlan mode bridge",
                lab.name
            ),
            &format!("ip -n {}-a link set box up", lab.name),
            &format!(
                "ip -n {}-a neigh add 192.0.2.78 lladdr {mac} dev eth0",
                lab.name
            ),
        ] {
            assert!(run(command), "{command}");
        }
        lab.send(ATTACKER, "192.0.2.78", 5);
    });
}

#[test]
fn a_block_that_worked_is_passed_later() {
    check(Failure::IngressPast, |lab| {
        lab.send(ATTACKER, HOST, 5);
        assert!(run("ip link add elsewhere type veth peer name beyond"));
        assert!(run("ip link set elsewhere up") && run("ip link set beyond up"));
        nft("add table netdev fast\n\
             add chain netdev fast in { type filter hook ingress device eth0 priority 0; }\n\
             add rule netdev fast in ip protocol udp fwd to elsewhere");
        // The attacker goes on, verification after verification.
        let sent = Arc::clone(&lab.sent);
        let ends = Instant::now() + Duration::from_secs(10);
        thread::spawn(move || {
            while Instant::now() < ends {
                sent.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(20));
            }
        });
    });
}

#[test]
fn a_chain_at_the_interface_forwards_the_traffic_past() {
    check(Failure::IngressPast, |lab| {
        assert!(run("ip link add elsewhere type veth peer name beyond"));
        assert!(run("ip link set elsewhere up") && run("ip link set beyond up"));
        nft("add table netdev fast\n\
             add chain netdev fast in { type filter hook ingress device eth0 priority 0; }\n\
             add rule netdev fast in ip protocol udp fwd to elsewhere");
        lab.send(ATTACKER, HOST, 5);
    });
}

#[test]
fn an_earlier_table_changes_the_source() {
    check(Failure::TranslatedBefore, |lab| {
        nft("add table ip early { chain c { type filter hook prerouting priority -400; }; }");
        nft(&format!(
            "add rule ip early c ip saddr {ATTACKER} ip saddr set 198.51.100.200"
        ));
        lab.send(ATTACKER, HOST, 5);
    });
}

#[test]
fn the_firewall_is_that_of_another_namespace() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        let mut live = lab.responder(lab.config());
        lab.watch(&mut live, "eth0", Some(1));
        let id = live.order(block(), HOUR, Why::default(), now())[0].id;
        expect(&mut live, id, Failure::OtherNamespace);
    });
}

#[test]
fn the_set_takes_no_more() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        let mut live = lab.responder_with(lab.config(), Tool::named("nft"), 2);
        for target in ["198.51.100.1", "198.51.100.2"] {
            live.block(target.parse().unwrap(), HOUR, "test", "", now());
        }
        let done = live.order(block(), HOUR, Why::default(), now());
        let state = &done.last().unwrap().state;
        assert!(
            matches!(
                state,
                State::Ineffective {
                    failure: Failure::SetFull,
                    ..
                }
            ),
            "{state:?}"
        );
        expect(&mut live, done[0].id, Failure::ElementMissing);
    });
}

/// A command that does what the script says in place of the real one.
pub fn stub(lab: &Lab, name: &str, script: &str) -> (Tool, PathBuf) {
    let path = lab.folder.path().join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    (Tool::at(&path), path)
}

/// The block works; then the command `nft` itself is changed.
fn check_tool(expected: Failure, sabotage: impl FnOnce(&PathBuf) + Send) {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        let (tool, path) = stub(&lab, "nft", "exec /usr/sbin/nft \"$@\"");
        let tool = tool.within(Duration::from_secs(5));
        let mut live = lab.responder_with(lab.config(), tool, 100);
        let id = live.order(block(), HOUR, Why::default(), now())[0].id;
        expect_effective(&mut live, id);
        sabotage(&path);
        expect(&mut live, id, expected);
    });
}

#[test]
fn nft_has_vanished() {
    check_tool(Failure::ToolMissing, |path| fs::remove_file(path).unwrap());
}

#[test]
fn nft_may_not_any_more() {
    check_tool(Failure::NotPermitted, |path| {
        let script = "#!/bin/sh\nexec setpriv --reuid 65534 --clear-groups /usr/sbin/nft \"$@\"\n";
        fs::write(path, script).unwrap();
    });
}

#[test]
fn nft_does_not_end() {
    check_tool(Failure::TimedOut, |path| {
        fs::write(path, "#!/bin/sh\nexec sleep 60\n").unwrap();
    });
}

#[test]
fn more_passes_than_the_limit_allows() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        let mut live = lab.responder(lab.config());
        let what = What::RateLimit {
            target: ATTACKER.parse().unwrap(),
            packets_per_second: 1,
            burst: 5,
        };
        let id = live.order(what, HOUR, Why::default(), now())[0].id;
        nft("flush set inet ratel limit4_32");
        nft(&format!(
            "add element inet ratel limit4_32 {{ {ATTACKER} limit rate over 900/second burst 900 packets timeout 1h }}"
        ));
        lab.send(ATTACKER, HOST, 100);
        expect(&mut live, id, Failure::LimitExceeded);
    });
}

#[test]
fn what_was_lost_is_put_back_by_itself() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.host(|| {
        let mut config = lab.config();
        config.repair = true;
        let mut live = lab.responder(config);
        let id = live.order(block(), HOUR, Why::default(), now())[0].id;
        nft("flush ruleset");
        let told = live.tick(now() + Duration::from_millis(40));
        let told: Vec<&str> = told.iter().map(|action| action.state.name()).collect();
        assert_eq!(told, ["ineffective"]);
        assert!(ruleset().contains(ATTACKER), "{}", ruleset());
        lab.send(ATTACKER, HOST, 2);
        expect_effective(&mut live, id);
    });
}
