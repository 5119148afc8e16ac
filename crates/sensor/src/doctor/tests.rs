//! Findings from facts.

use super::*;
use event::Timestamp;
use tpacket::offload::Offloads;

/// A machine on which all is well.
fn well() -> Facts {
    Facts {
        kernel_release: "6.1.0-28-amd64".to_owned(),
        capabilities: 1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW,
        processors: 4,
        memory_available_mib: 8192,
        now: Timestamp::new(CLOCK_LEAST_SECS + 1, 0),
        is_clock_synchronised: Some(true),
        clock_source: Some("tsc".to_owned()),
        interfaces: vec![Interface {
            name: "eth0".to_owned(),
            is_present: true,
            is_up: true,
            has_carrier: Some(true),
            mtu: 1500,
            rx_dropped: 0,
            offloads: Offloads::default(),
        }],
    }
}

/// Checks that a change of the facts gives this finding first, with a way to mend it that holds `mend`.
fn check_one(change: impl FnOnce(&mut Facts), severity: Severity, what: &str, mend: &str) {
    let mut facts = well();
    change(&mut facts);
    let findings = check(&facts, &Config::default());
    let first = findings.first().expect("something is said");
    assert_eq!(first.severity, severity, "{findings:?}");
    assert!(first.what.contains(what), "{first:?}");
    let mended = first.mend.as_deref().unwrap_or_default();
    assert!(mended.contains(mend), "{first:?}");
}

#[test]
fn where_all_is_well_nothing_worse_is_said() {
    let findings = check(&well(), &Config::default());
    assert!(
        findings
            .iter()
            .all(|f| f.severity == Severity::Good && f.mend.is_none())
    );
}

#[test]
fn each_finding_tells_how_it_is_mended() {
    use Severity::{Advice, Error, Warning};
    let eth = |facts: &mut Facts| facts.interfaces.remove(0);
    check_one(
        |f| f.kernel_release = "3.10.0".to_owned(),
        Error,
        "4.20",
        "upgrade",
    );
    check_one(
        |f| f.kernel_release = "?".to_owned(),
        Warning,
        "not understood",
        "",
    );
    check_one(|f| f.capabilities = 0, Error, "CAP_NET_RAW", "setcap");
    check_one(
        |f| f.capabilities = 1 << CAP_NET_RAW,
        Advice,
        "CAP_NET_ADMIN",
        "setcap",
    );
    check_one(
        |f| f.now = Timestamp::new(5, 0),
        Error,
        "clock",
        "timedatectl",
    );
    check_one(
        |f| f.is_clock_synchronised = Some(false),
        Warning,
        "synchronised",
        "set-ntp",
    );
    check_one(
        |f| f.is_clock_synchronised = None,
        Advice,
        "synchronised",
        "timedatectl",
    );
    check_one(
        |f| f.clock_source = Some("hpet".to_owned()),
        Advice,
        "hpet",
        "tsc",
    );
    check_one(
        |f| f.memory_available_mib = 512,
        Warning,
        "256 MiB of 512",
        "size_mib: 32",
    );
    check_one(
        |f| f.interfaces.clear(),
        Error,
        "no interface",
        "--interface",
    );
    let with = |change: fn(&mut Interface)| {
        move |facts: &mut Facts| {
            let mut interface = eth(facts);
            change(&mut interface);
            facts.interfaces.push(interface);
        }
    };
    check_one(
        with(|i| i.is_present = false),
        Error,
        "no interface eth0",
        "ip -brief",
    );
    check_one(
        with(|i| i.is_up = false),
        Error,
        "down",
        "ip link set eth0 up",
    );
    check_one(
        with(|i| i.has_carrier = Some(false)),
        Warning,
        "plugged",
        "",
    );
    check_one(
        with(|i| i.mtu = 2 << 20),
        Warning,
        "do not fit",
        "block_kib",
    );
    check_one(
        with(|i| i.offloads.lro = Some(true)),
        Warning,
        "LRO",
        "lro off",
    );
    check_one(
        with(|i| i.offloads.gro = Some(true)),
        Advice,
        "GRO",
        "gro off",
    );
    check_one(
        with(|i| i.rx_dropped = 5),
        Advice,
        "dropped 5",
        "ethtool -G",
    );
}

#[test]
fn the_facts_of_this_machine_can_be_read() {
    let facts = gather(
        &["lo".to_owned(), "no-such".to_owned()],
        Timestamp::new(1, 0),
    );
    assert!(!facts.kernel_release.is_empty() && facts.memory_available_mib > 0);
    let there: Vec<bool> = facts.interfaces.iter().map(|i| i.is_present).collect();
    assert_eq!(there, [true, false]);
}
