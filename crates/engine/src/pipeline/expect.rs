//! Flows that other flows announced: FTP's data channels.

use crate::flow::Flow;
use decode::app::{Config, Expectation};
use event::{Direction, IpProtocol, Timestamp};
use hashbrown::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Expectations held at once. A client opens one data channel at a time; more than this many are
/// an attempt to fill the table.
const MAX_EXPECTATIONS: usize = 65_536;
/// How long an expected flow may take to come; Suricata's value.
const LIFETIME: Duration = Duration::from_secs(30);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    listener: IpAddr,
    caller: IpAddr,
    port: u16,
}

#[derive(Debug)]
struct Held {
    expectation: Expectation,
    parent: u64,
    until: Timestamp,
}

/// The table of what is expected.
#[derive(Debug, Default)]
pub(super) struct Expectations {
    held: HashMap<Key, Held>,
}

impl Expectations {
    /// Whether nothing is expected.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Remembers what the flow `parent` between `client` and `server` announced.
    pub(super) fn add(&mut self, flow: &Flow, expectation: Expectation, now: Timestamp) {
        if self.held.len() >= MAX_EXPECTATIONS {
            self.held.retain(|_, held| held.until > now);
            if self.held.len() >= MAX_EXPECTATIONS {
                return;
            }
        }
        let (listener, caller) = match expectation.listener {
            Direction::ToServer => (flow.server, flow.client),
            Direction::ToClient => (flow.client, flow.server),
        };
        let key = Key {
            listener,
            caller,
            port: expectation.port,
        };
        self.held.insert(
            key,
            Held {
                expectation,
                parent: flow.id,
                until: now + LIFETIME,
            },
        );
    }

    /// Tells a flow what was announced of it. Asked when its bytes come, not when it opens: the other
    /// end may call back before the packet that announces it was acknowledged.
    pub(super) fn meet(&mut self, flow: &mut Flow, now: Timestamp, config: &Config) {
        if self.is_empty() || flow.protocol != IpProtocol::TCP {
            return;
        }
        let key = Key {
            listener: flow.server,
            caller: flow.client,
            port: flow.server_port,
        };
        if let Some(held) = self.held.remove(&key)
            && held.until > now
        {
            flow.app.expect(&held.expectation, config);
            flow.parent = Some(held.parent);
        }
    }
}
