//! Plans: what they never do, what they refuse, what they say.

use std::net::SocketAddr;

use event::Prefix;
use proptest::prelude::*;

use super::config::{Limits, Service, SynMode, User};
use super::facts::Translated;
use super::*;
use crate::protected::{Because, Protected};

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn facts() -> Facts {
    Facts {
        protected: Protected::new([
            (prefix("192.0.2.1"), Because::Own),
            (prefix("192.0.2.254"), Because::Gateway),
            (prefix("169.254.169.254"), Because::Resolver),
            (prefix("198.51.100.9"), Because::Session),
            (prefix("2001:db8::9"), Because::User),
        ]),
        listening: [22, 80, 443, 8080].into(),
        connections: vec![
            (
                "192.0.2.1:80".parse().unwrap(),
                "203.0.113.7:4000".parse().unwrap(),
            ),
            (
                "192.0.2.1:22".parse().unwrap(),
                "198.51.100.9:4000".parse().unwrap(),
            ),
        ],
        translated: Translated {
            ports: [8080].into(),
            any: false,
        },
        users: [("root".to_owned(), 0), ("www-data".to_owned(), 33)].into(),
        has_synproxy: true,
        has_socket: true,
        window_scale: 7,
    }
}

fn config(yaml: &str) -> HardenConfig {
    serde_yaml_ng::from_str(yaml).unwrap()
}

fn planned(yaml: &str) -> Plan {
    plan::plan(&config(yaml), &facts()).unwrap()
}

fn refused(yaml: &str) -> String {
    plan::plan(&config(yaml), &facts()).unwrap_err().to_string()
}

/// Names of the rules of a chain.
fn names(plan: &Plan, chain: &str) -> Vec<String> {
    let expected = plan.expected(false);
    let found = expected.into_iter().find(|(name, _)| name == chain);
    found.map(|(_, names)| names).unwrap_or_default()
}

/// Whether a rule takes packets away.
fn takes(text: &str) -> bool {
    ["drop", "reject", "synproxy"]
        .iter()
        .any(|word| text.contains(word))
}

#[test]
fn those_who_must_never_be_hit_come_first() {
    let plan = planned("honeypots: {networks: [10.9.0.0/24]}");
    let chain = plan.chains.iter().find(|chain| chain.name == "in").unwrap();
    let place = |name: &str| {
        chain
            .rules
            .iter()
            .position(|rule| rule.name == name)
            .unwrap()
    };
    let first = chain
        .rules
        .iter()
        .position(|rule| takes(&rule.text))
        .unwrap();
    for name in [
        "loopback",
        "established",
        "neighbours",
        "leases",
        "protected 4",
        "protected 6",
    ] {
        assert!(place(name) < first, "{name}");
        assert!(chain.rules[place(name)].text.ends_with("accept"), "{name}");
    }
    // Of a honeypot nobody administers a host; everybody else's way to do so is free.
    let but_honeypots = chain
        .rules
        .iter()
        .position(|rule| takes(&rule.text) && !rule.name.starts_with("honeypots"));
    assert!(place("administration") < but_honeypots.unwrap());
}

#[test]
fn the_proxy_answers_for_what_listens_and_no_other() {
    let plan = planned("{}");
    assert_eq!(plan.notes, ["the SYN proxy answers for port 80, 443"]);
    assert_eq!(plan.sysctls.len(), 1);
    let script = plan.script(None);
    assert!(
        script.contains("elements = { 203.0.113.7 . 4000 . 80 }"),
        "{script}"
    );
    assert!(script.contains("synproxy mss 1460 wscale 7 timestamp sack-perm"));
    assert!(script.contains("synproxy mss 1440 wscale 7 timestamp sack-perm"));
    let named = planned("syn_flood: {ports: [443, 22]}");
    assert_eq!(named.notes, ["the SYN proxy answers for port 443"]);
}

#[test]
fn without_the_proxy_floods_have_a_rate() {
    let check = |yaml: &str, facts: &Facts, rule: bool| {
        let plan = plan::plan(&config(yaml), facts).unwrap();
        assert!(plan.sysctls.is_empty(), "{yaml}");
        assert_eq!(
            names(&plan, "in").contains(&"syn of all".to_owned()),
            rule,
            "{yaml}"
        );
        assert!(!plan.script(None).contains("synproxy"), "{yaml}");
    };
    let old = Facts {
        has_synproxy: false,
        ..facts()
    };
    check("{}", &old, true);
    check("syn_flood: {mode: limit}", &facts(), true);
    check("syn_flood: {mode: 'off'}", &facts(), false);
    let led = Facts {
        translated: Translated {
            ports: [].into(),
            any: true,
        },
        ..facts()
    };
    check("{}", &led, false);
}

#[test]
fn what_would_hit_the_protected_is_refused() {
    let check = |yaml: &str, expected: &str| {
        let told = refused(yaml);
        assert!(told.contains(expected), "{told}");
        assert_eq!(told.lines().count(), 1);
    };
    check(
        "honeypots: {networks: [198.51.100.0/24]}",
        "an administration session",
    );
    check("honeypots: {networks: [192.0.2.0/24]}", "a gateway");
    check("metadata: {addresses: [192.0.2.254]}", "a gateway");
    check(
        "metadata: {addresses: [198.51.100.9]}",
        "an administration session",
    );
    check(
        "metadata: {addresses: [192.0.2.1]}",
        "an address of this host",
    );
    // The cloud's resolver at the address of its metadata stays reachable by its port.
    assert!(plan::plan(&config("{}"), &facts()).is_ok());
}

#[test]
fn what_cannot_be_is_refused_with_its_key() {
    let check = |yaml: &str, expected: &str| {
        let told = refused(yaml);
        assert!(told.starts_with(&format!("harden.{expected}")), "{told}");
    };
    check("table: 'x; flush ruleset'", "table");
    check(
        "honeypots: {interfaces: ['e\" drop']}",
        "honeypots.interfaces",
    );
    check("honeypots: {interfaces: [lo]}", "honeypots.interfaces");
    check("services: [{name: 'a b', ports: [1]}]", "services");
    check("services: [{name: others, ports: [1]}]", "services");
    check(
        "services: [{name: a, ports: [1]}, {name: a, ports: [2]}]",
        "services",
    );
    check(
        "services: [{name: a, ports: [1]}, {name: b, ports: [1]}]",
        "services: b: port 1",
    );
    check(
        "services: [{name: a, ports: []}]",
        "services: a names no port",
    );
    check(
        "services: [{name: a, ports: [0]}]",
        "services: 0 is no port",
    );
    check("admin_ports: [0]", "admin_ports");
    check("metadata: {users: [nobody-of-that-name]}", "metadata.users");
    check(
        "metadata: {addresses: [169.254.0.0/16]}",
        "metadata.addresses",
    );
    check("others: {new_per_minute: 4000000000}", "others");
    check("scans: {ports: 0}", "scans");
    check("syn_flood: {mss: 1}", "syn_flood");
}

#[test]
fn an_administration_port_is_limited_only_where_a_service_names_it() {
    let admin = |plan: &Plan| {
        let set = plan.sets.iter().find(|set| set.name == "admin").unwrap();
        set.elements.clone().unwrap()
    };
    assert_eq!(admin(&planned("{}")), ["22", "8443"]);
    let plan = planned("services: [{name: ssh, ports: [22], new_per_minute: 30}]");
    assert_eq!(admin(&plan), ["8443"]);
    assert!(names(&plan, "in").contains(&"rate of ssh tcp 4".to_owned()));
}

#[test]
fn a_plan_that_waits_says_so_in_each_base_chain() {
    let plan = planned("{}");
    let script = plan.script(Some(Duration::from_secs(60)));
    let hooks = script.matches("hook ").count();
    assert_eq!(
        script.matches("meta nfproto != @armed accept").count(),
        hooks
    );
    assert!(!plan.script(None).contains("armed"));
}

#[test]
fn everything_can_be_turned_off() {
    let plan = planned(
        "{syn_flood: {mode: 'off'}, scans: {enabled: false}, bogus_tcp: false, pings_per_second: 0, \
         metadata: {enabled: false}, others: {new_per_minute: 0, connections: 0}}",
    );
    assert!(!plan.script(None).contains("drop"), "{}", plan.script(None));
    assert!(!plan.script(None).contains("reject"));
}

fn any_config() -> impl Strategy<Value = HardenConfig> {
    let service = (
        proptest::collection::btree_set(1_u16..2000, 1..5),
        0_u32..1000,
        0_u32..1000,
        0_u32..1000,
    );
    (
        proptest::collection::vec(service, 0..4),
        (0_u32..100_000, 0_u32..1000, 0_u32..1000),
        proptest::option::of(proptest::collection::vec(1_u16..=u16::MAX, 0..6)),
        any::<[bool; 4]>(),
        0_u32..100,
        proptest::collection::vec(0_u32..70_000, 0..4),
        proptest::collection::vec((any::<u32>(), 16_u8..=32), 0..3),
    )
        .prop_map(|(services, others, syn, is_on, pings, users, honeypots)| {
            let mut taken = std::collections::BTreeSet::new();
            let services = services.into_iter().enumerate();
            let services = services
                .map(
                    |(at, (ports, new_per_minute, burst, connections))| Service {
                        name: format!("s{at}"),
                        protocol: if at % 2 == 0 {
                            config::Protocol::Tcp
                        } else {
                            config::Protocol::Udp
                        },
                        ports: ports
                            .into_iter()
                            .filter(|port| taken.insert(*port))
                            .collect(),
                        new_per_minute,
                        burst,
                        connections,
                    },
                )
                .filter(|service| !service.ports.is_empty())
                .collect();
            let mut config = HardenConfig {
                services,
                others: Limits {
                    new_per_minute: others.0,
                    burst: others.1,
                    connections: others.2,
                },
                bogus_tcp: is_on[0],
                pings_per_second: pings,
                ..HardenConfig::default()
            };
            config.syn_flood.ports = syn;
            config.syn_flood.mode = if is_on[1] {
                SynMode::Synproxy
            } else {
                SynMode::Limit
            };
            config.scans.enabled = is_on[2];
            config.metadata.enabled = is_on[3];
            config.metadata.users = users.into_iter().map(User::Id).collect();
            config.honeypots.networks = honeypots
                .into_iter()
                .filter_map(|(bits, length)| {
                    Prefix::new(std::net::Ipv4Addr::from_bits(bits).into(), length)
                })
                .collect();
            config
        })
}

proptest! {
    #[test]
    fn nobody_who_administers_is_hit_whatever_is_configured(config in any_config()) {
        let facts = facts();
        if let Ok(plan) = plan::plan(&config, &facts) {
            for chain in plan.chains.iter().filter(|chain| chain.name == "in") {
                let place = |name: &str| chain.rules.iter().position(|rule| rule.name == name);
                let first = chain.rules.iter().position(|rule| takes(&rule.text));
                let first = first.unwrap_or(usize::MAX);
                for name in ["loopback", "established", "protected 4", "protected 6"] {
                    prop_assert!(place(name).is_some_and(|at| at < first));
                }
            }
            let named = |port| config.services.iter().any(|s| {
                s.protocol == config::Protocol::Tcp && s.ports.contains(&port)
            });
            let admin = plan.sets.iter().find(|set| set.name == "admin").unwrap();
            for port in [22, 8443] {
                let is_free = admin.elements.as_ref().unwrap().contains(&port.to_string());
                prop_assert!(is_free || named(port));
            }
            for network in &config.honeypots.networks {
                for (hit, because) in facts.protected.iter() {
                    let matters = !matches!(because, Because::Own | Because::Private);
                    prop_assert!(!(matters && network.overlaps(&hit)));
                }
            }
            let unique: std::collections::BTreeSet<_> =
                plan.chains.iter().flat_map(|c| &c.rules).map(|rule| &rule.name).collect();
            let all = plan.chains.iter().map(|chain| chain.rules.len()).sum::<usize>();
            prop_assert_eq!(unique.len(), all);
        }
    }
}

#[test]
fn connections_of_other_ports_are_not_remembered() {
    let plan = planned("{}");
    let before = plan.sets.iter().find(|set| set.name == "before4").unwrap();
    let other: SocketAddr = "198.51.100.9:4000".parse().unwrap();
    assert!(
        !before
            .elements
            .as_ref()
            .unwrap()
            .iter()
            .any(|e| e.contains(&other.ip().to_string()))
    );
}
