//! That it is verified, ends when it is not confirmed, and leaves no trace.

use std::time::{Duration, Instant};

use respond::audit;
use respond::harden::{Fault, HardenError, Undone};

use crate::lab::*;

const LOOSE: &str = "net.netfilter.nf_conntrack_tcp_loose";
/// A ruleset of the user's own, with what nft likes to write in other words.
const USERS: &str = "table ip filter {
\tset friends {
\t\ttype ipv4_addr
\t\tflags interval
\t\telements = { 10.0.0.0/8, 192.0.2.77 }
\t}
\tchain input {
\t\ttype filter hook input priority 0; policy accept;
\t\tct state established,related accept
\t\tip saddr @friends counter accept
\t\ttcp dport 25 drop
\t}
}
table inet nat {
\tchain pre {
\t\ttype nat hook prerouting priority -100; policy accept;
\t\ttcp dport 8080 redirect to :80
\t}
}
";

#[test]
fn what_is_undone_leaves_no_trace() {
    let Some(lab) = Lab::new() else { return };
    lab.host(|| {
        serve(80, 16);
        serve(8080, 16);
        nft(USERS);
        set_sysctl(LOOSE, "1");
    });
    let users = || {
        let tool = respond::firewall::tool::Tool::named("nft");
        tool.run(&["list", "table", "ip", "filter"], "").unwrap()
    };
    let (before, filter) = lab.host(|| (ruleset(), users()));
    for yaml in ["{}", "honeypots: {networks: [10.9.0.0/24]}", "{}"] {
        lab.harden(yaml);
        assert_ne!(lab.host(ruleset), before);
        assert_eq!(lab.host(users), filter);
        assert_eq!(lab.host(|| sysctl(LOOSE)), "0");
        assert!(lab.outside(|| connect(ATTACKER, HOST, 80)).is_some());
        assert!(lab.outside(|| connect(ATTACKER, HOST, 8080)).is_some());
        assert!(lab.outside(|| connect(ATTACKER, HOST, 25)).is_none());
    }
    let undone = lab.host(|| lab.hardener().undo(now()).unwrap());
    assert!(undone.was_there && undone.left.is_empty());
    let after = lab.host(ruleset);
    let without_counts = |text: &str| {
        text.split("counter packets")
            .map(|part| part.trim_start_matches(|c: char| c != 'a'))
            .collect::<String>()
    };
    assert_eq!(without_counts(&after), without_counts(&before));
    assert_eq!(lab.host(|| sysctl(LOOSE)), "1");
    assert_eq!(
        lab.host(|| lab.hardener().undo(now()).unwrap()),
        Undone::default()
    );
    let log = audit::verify(&lab.folder.path().join("harden-audit.log")).unwrap();
    assert_eq!((log.flaws, log.lines), (vec![], 7));
}

#[test]
fn an_empty_ruleset_is_empty_again_byte_for_byte() {
    let Some(lab) = Lab::new() else { return };
    assert_eq!(lab.host(ruleset), "");
    lab.harden("{}");
    lab.host(|| lab.hardener().undo(now()).unwrap());
    assert_eq!(lab.host(ruleset), "");
}

#[test]
fn what_is_not_confirmed_ends_by_the_kernels_own_clock() {
    let Some(lab) = Lab::new() else { return };
    lab.host(|| serve(80, 16));
    lab.host(|| {
        nft("table ip mine { chain c { type filter hook input priority 5; policy accept; }; }")
    });
    let before = lab.host(ruleset);
    let blocks = "services: [{name: web, ports: [80], new_per_minute: 1, burst: 1}]";
    lab.host(|| {
        let hardener = lab.hardener();
        let plan = hardener.plan(&config(blocks)).unwrap();
        let record = hardener
            .apply(&plan, Some(Duration::from_secs(3)), now())
            .unwrap();
        assert!(record.until.is_some());
        assert_eq!(hardener.check("ratel_harden").unwrap().faults, []);
        assert!(!hardener.take_back(now()).unwrap());
    });
    assert!(lab.outside(|| connect(ATTACKER, HOST, 80)).is_some());
    assert!(lab.outside(|| connect(ATTACKER, HOST, 80)).is_none());
    // Nobody does anything; the kernel's set runs out.
    let deadline = Instant::now() + Duration::from_secs(20);
    while lab.outside(|| connect(ATTACKER, HOST, 80)).is_none() {
        assert!(Instant::now() < deadline);
    }
    lab.host(|| {
        let hardener = lab.hardener();
        assert_eq!(
            hardener.check("ratel_harden").unwrap().faults,
            [Fault::RanOut]
        );
        assert!(matches!(hardener.confirm(now()), Err(HardenError::TooLate)));
        assert_eq!(ruleset(), before);
        assert!(matches!(
            hardener.confirm(now()),
            Err(HardenError::NothingWaits)
        ));
    });
}

#[test]
fn what_is_confirmed_stays_and_comes_back_where_the_next_is_not() {
    let Some(lab) = Lab::new() else { return };
    lab.host(|| {
        serve(80, 16);
        let hardener = lab.hardener();
        let plan = hardener.plan(&config("{}")).unwrap();
        hardener
            .apply(&plan, Some(Duration::from_secs(60)), now())
            .unwrap();
        hardener.confirm(now()).unwrap();
        let kept = ruleset();
        assert!(!kept.contains("armed"));
        assert_eq!(hardener.check("ratel_harden").unwrap().faults, []);

        let other = hardener.plan(&config("syn_flood: {mode: 'off'}")).unwrap();
        hardener
            .apply(&other, Some(Duration::from_secs(60)), now())
            .unwrap();
        assert_eq!(sysctl(LOOSE), "1");
        let late = respond_later(120);
        assert!(hardener.take_back(late).unwrap());
        assert_eq!(sysctl(LOOSE), "0");
        assert_eq!(ruleset(), kept);
        assert_eq!(hardener.check("ratel_harden").unwrap().faults, []);
        hardener.undo(now()).unwrap();
        assert_eq!((ruleset().as_str(), sysctl(LOOSE).as_str()), ("", "1"));
    });
}

fn respond_later(secs: i64) -> event::Timestamp {
    event::Timestamp::new(now().secs() + secs, 0)
}

#[test]
fn each_way_in_which_it_no_longer_holds_is_told() {
    let check = |change: &(dyn Fn() + Sync), expected: &str| {
        let Some(lab) = Lab::new() else { return };
        lab.host(|| serve(80, 16));
        lab.harden("{}");
        lab.host(|| {
            change();
            let report = lab.hardener().check("ratel_harden").unwrap();
            let told: Vec<String> = report.faults.iter().map(Fault::to_string).collect();
            assert!(
                told.iter().any(|fault| fault.contains(expected)),
                "{expected}: {told:?}"
            );
            lab.hardener().undo(now()).unwrap();
            assert!(!ruleset().contains("ratel_harden"), "{}", ruleset());
        });
    };
    check(
        &|| nft("delete table inet ratel_harden"),
        "the table is gone",
    );
    check(&|| nft("flush ruleset"), "the table is gone");
    check(
        &|| nft("flush chain inet ratel_harden in"),
        "missing: chain in:",
    );
    check(
        &|| nft("insert rule inet ratel_harden in accept"),
        "added by somebody else: chain in: accept",
    );
    check(
        &|| nft("delete element inet ratel_harden metadata4 { 169.254.169.254 }"),
        "missing: set metadata4",
    );
    check(
        &|| nft("add element inet ratel_harden protected4 { 0.0.0.0/1 }"),
        "set protected4",
    );
    check(
        &|| nft("add table inet ratel_harden { flags dormant; }"),
        "dormant",
    );
    check(
        &|| set_sysctl(LOOSE, "1"),
        "nf_conntrack_tcp_loose is 1 and should be 0",
    );
}

#[test]
fn a_table_that_somebody_else_made_is_not_touched() {
    let Some(lab) = Lab::new() else { return };
    lab.host(|| {
        nft("add table inet ratel_harden");
        let before = ruleset();
        let hardener = lab.hardener();
        let plan = hardener.plan(&config("{}")).unwrap();
        let told = hardener.apply(&plan, None, now()).unwrap_err().to_string();
        assert!(told.contains("made by somebody else"), "{told}");
        hardener.undo(now()).unwrap();
        assert_eq!(ruleset(), before);
    });
}

#[test]
fn where_the_kernel_refuses_nothing_is_changed() {
    let Some(lab) = Lab::new() else { return };
    lab.host(|| {
        serve(80, 16);
        let hardener = lab.hardener();
        let mut plan = hardener.plan(&config("{}")).unwrap();
        let chain = plan
            .chains
            .iter_mut()
            .find(|chain| chain.name == "in")
            .unwrap();
        chain.rules[0].text = "no such words".to_owned();
        assert!(hardener.apply(&plan, None, now()).is_err());
        assert_eq!((ruleset().as_str(), sysctl(LOOSE).as_str()), ("", "1"));
        assert!(hardener.check("ratel_harden").unwrap().record.is_none());
    });
}
