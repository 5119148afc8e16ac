//! Whatever is planned, ordered, approved or undone, and however the protected set changes meanwhile:
//! no protected address is ever in the firewall.
//!
//! `RATEL_RESPOND_PLANS` says how many random plans are tried.

#![allow(clippy::print_stdout)] // Tells its figures.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use event::action::{
    Action, ActionId, Connection, Failure, Mode, State, Transport, Undo, What, Why,
};
use event::{Prefix, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use respond::firewall::model::Model;
use respond::firewall::{Change, Finding, Firewall, FirewallError, Reconciled, Wanted};
use respond::host::model::ModelHost;
use respond::protected::{Because, Protected};
use respond::{Config, Responder};
use serde_json::json;

/// Without a parameter: a second or two.
const PLANS: u32 = 50_000;
/// Plans against one protected set.
const ROUND: u32 = 200;

/// Numbers of IPv6, first and last, and whether it is a private range as a whole.
type Span = (u128, u128, bool);

/// Reckoned here anew from the bits, so that a mistake of the crate's own reckoning is seen.
fn span(prefix: &Prefix, private: bool) -> Span {
    let (bits, host_bits) = match prefix.address() {
        IpAddr::V4(four) => {
            let bits = 0xffff_0000_0000 + u128::from(u32::from(four));
            (bits, 32 - u32::from(prefix.length()))
        }
        IpAddr::V6(six) => (u128::from(six), 128 - u32::from(prefix.length())),
    };
    let host = (0..host_bits).fold(0, |host, bit| host | 1 << bit);
    (bits & !host, bits | host, private)
}

fn is_hit(what: &What, spans: &[Span]) -> bool {
    let (first, last, _) = span(&what.target(), false);
    let local = matches!(what, What::Quarantine { .. });
    spans
        .iter()
        .any(|(from, to, private)| *from <= last && first <= *to && !(local && *private))
}

/// A firewall that looks at everything it is told.
struct Watched {
    model: Model,
    spans: Rc<RefCell<Vec<Span>>>,
}

impl Watched {
    fn look(&self, what: &What) {
        assert!(
            !is_hit(what, &self.spans.borrow()),
            "the firewall was told to {what}"
        );
    }
}

impl Firewall for Watched {
    fn name(&self) -> &'static str {
        self.model.name()
    }

    fn apply(&mut self, changes: &[Change], now: Timestamp) -> Vec<Result<Undo, FirewallError>> {
        for change in changes {
            match change {
                Change::Put(wanted) => self.look(&wanted.what),
                Change::Take(_) => {}
            }
        }
        self.model.apply(changes, now)
    }

    fn inspect(
        &mut self,
        wanted: &[Wanted],
        now: Timestamp,
    ) -> Result<Vec<Finding>, FirewallError> {
        self.model.inspect(wanted, now)
    }

    fn reconcile(
        &mut self,
        wanted: &[Wanted],
        now: Timestamp,
    ) -> Result<Reconciled, FirewallError> {
        for wanted in wanted {
            self.look(&wanted.what);
        }
        self.model.reconcile(wanted, now)
    }

    fn settle(&mut self, now: Timestamp) -> Result<(), FirewallError> {
        self.model.settle(now)
    }

    fn past(&mut self, interface: Option<&str>) -> Option<(Failure, String)> {
        self.model.past(interface)
    }
}

/// Few addresses, so that they meet, and those that are always protected among them.
fn address(bits: u64) -> IpAddr {
    let low = (bits >> 8) as u16;
    let four = |a, b| Ipv4Addr::new(a, b, (low >> 8) as u8 & 3, low as u8 & 7);
    match bits % 12 {
        0..=4 => four(198, 18).into(),
        5 => four(10, 0).into(),
        6 => four([0, 127, 169, 224, 255, 192][(bits >> 32) as usize % 6], 254).into(),
        7 => four(198, 18).to_ipv6_mapped().into(),
        8..=10 => Ipv6Addr::new(0x2001, 0xdb8, 0, low & 3, 0, 0, 0, low >> 8 & 3).into(),
        _ => {
            let first = [0, 0xfe80, 0xff02, 0xfd00, 0x64][(bits >> 32) as usize % 5];
            Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, low & 3).into()
        }
    }
}

/// Mostly single hosts and common networks; any length sometimes.
fn prefix(bits: u64) -> Prefix {
    let address = address(bits);
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match bits >> 40 & 7 {
        0..=3 => most,
        4 => most - 8,
        5 => most / 2,
        _ => (bits >> 48) as u8 % (most + 1),
    };
    Prefix::new(address, length).unwrap()
}

fn deed(kind: u8, bits: u64, more: u64) -> What {
    let target = prefix(bits);
    match kind % 5 {
        0 => What::Block { target },
        1 => What::RateLimit {
            target,
            packets_per_second: more as u32,
            burst: (more >> 32) as u32,
        },
        2 => What::DropConnection {
            connection: Connection {
                proto: Transport::Tcp,
                peer: SocketAddr::new(address(bits), more as u16 & 3),
                local: SocketAddr::new(address(more), 22),
            },
        },
        3 => What::Redirect {
            target,
            to: address(more),
            port: None,
        },
        _ => What::Quarantine { target },
    }
}

const PLAYBOOKS: &str = r#"
- name: all
  when: event.kind < 3
  steps:
  - block: {ttl: 20s, prefix4: 24}
  - rate_limit: {packets_per_second: 5, ttl: 1m, prefix6: 48}
  - quarantine: {target: destination, ttl: 5s}
- name: connections
  when: event.kind == 3
  cooling_off: 1s
  steps: [drop_connection: {}, redirect: {to: [192.0.2.9, "2001:db8::9"]}]
  escalation: {factor: 10}
- name: asked
  when: event.kind == 4
  mode: ask
  target: event.dest_ip
  steps: [block: {ttl: 30s, prefix4: 16, prefix6: 32}]
"#;

struct World {
    responder: Responder<Watched, ModelHost>,
    spans: Rc<RefCell<Vec<Span>>>,
    members: Vec<(Prefix, Because)>,
    now: Timestamp,
    /// Refused, and carried out.
    counts: (u64, u64),
}

impl World {
    fn new(members: Vec<(Prefix, Because)>) -> Self {
        let spans = Rc::new(RefCell::new(Vec::new()));
        let config = Config {
            mode: Mode::Enforce,
            max_per_minute: u32::MAX,
            ..Config::default()
        };
        let firewall = Watched {
            model: Model::default(),
            spans: Rc::clone(&spans),
        };
        let now = Timestamp::new(1_000_000, 0);
        let host = ModelHost::new(Protected::new([]));
        let mut responder = Responder::open(config, firewall, host, now).unwrap();
        assert_eq!(
            responder.load(&[("p.yaml".into(), PLAYBOOKS.into())], now),
            []
        );
        let mut world = World {
            responder,
            spans,
            members,
            now,
            counts: (0, 0),
        };
        world.protect();
        world
    }

    fn protect(&mut self) {
        let set = Protected::new(self.members.iter().copied());
        *self.spans.borrow_mut() = set
            .iter()
            .map(|(prefix, because)| span(&prefix, because == Because::Private))
            .collect();
        self.responder.host_mut().protected = Ok(set);
    }

    fn count(&mut self, told: Vec<Action>) {
        for action in told {
            match action.state {
                State::Refused { .. } => self.counts.0 += 1,
                State::Executed => self.counts.1 += 1,
                _ => {}
            }
        }
    }

    fn step(&mut self, kind: u8, bits: u64, more: u64) {
        let id = ActionId(bits % 64 + self.responder.list().count() as u64 / 2);
        let told = match kind % 16 {
            0..=4 => {
                let ttl = Duration::from_secs(more % 60);
                let what = deed(kind, bits, more);
                self.responder.order(what, ttl, Why::default(), self.now)
            }
            5..=10 => {
                let record = json!({
                    "kind": more % 5,
                    "src_ip": address(bits), "src_port": bits as u16, "proto": "TCP",
                    "dest_ip": address(more), "dest_port": more as u16,
                });
                self.responder.on_event(&record, self.now)
            }
            11 => self
                .responder
                .approve(id, "test", self.now)
                .unwrap_or_default(),
            12 => self
                .responder
                .undo(id, "test", self.now)
                .unwrap_or_default(),
            13 | 14 => {
                if kind % 16 == 13 || self.members.is_empty() {
                    self.members.push((prefix(bits), Because::Own));
                } else {
                    self.members.swap_remove(more as usize % self.members.len());
                }
                self.protect();
                Vec::new()
            }
            _ => {
                self.now = self.now + Duration::from_secs(1 + more % 8);
                let told = self.responder.tick(self.now);
                for wanted in self.responder.actuator().firewall().model.held.values() {
                    self.responder.actuator().firewall().look(&wanted.what);
                }
                told
            }
        };
        self.count(told);
    }
}

#[test]
fn no_protected_address_is_ever_in_the_firewall() {
    let plans = std::env::var("RATEL_RESPOND_PLANS");
    let plans = plans.map_or(PLANS, |plans| plans.parse().unwrap());
    let cases = Cases {
        cases: plans.div_ceil(ROUND),
        failure_persistence: None,
        ..Cases::default()
    };
    // Of sixteen steps eleven plan something.
    let steps = ROUND as usize * 16 / 11;
    let strategy = (
        proptest::collection::vec(any::<u64>(), 0..40),
        any::<bool>(),
        proptest::collection::vec(any::<(u8, u64, u64)>(), steps),
    );
    let counts = RefCell::new((0, 0));
    let done = TestRunner::new(cases).run(&strategy, |(members, private, steps)| {
        let members = members
            .into_iter()
            .map(|bits| (prefix(bits), Because::User));
        let members = members.chain(Protected::private().filter(|_| private));
        let mut world = World::new(members.collect());
        for (kind, bits, more) in steps {
            world.step(kind, bits, more);
        }
        let mut counts = counts.borrow_mut();
        counts.0 += world.counts.0;
        counts.1 += world.counts.1;
        Ok(())
    });
    done.unwrap();
    let (refused, carried_out) = *counts.borrow();
    println!("{plans} plans: {refused} refused, {carried_out} carried out");
    assert!(refused > u64::from(plans) / 4 && carried_out > u64::from(plans) / 20);
}
