//! Features of flows that somebody else keeps: an engine, whose table says where a flow begins and ends.

use crate::definition::Definition;
use crate::flow::{Ends, Flow};
use crate::hosts::Hosts;
use crate::seen::Seen;
use decode::packet::Packet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// CICFlowMeter's: microseconds without a packet after which a flow counts as idle.
const ACTIVITY_US: i64 = 5_000_000;

/// What engines need to have features with their flows. Those that share it count together what hosts did lately:
/// it is locked once for each flow, not for each packet.
#[derive(Clone, Debug, Default)]
pub struct Attach {
    hosts: Arc<Mutex<Hosts>>,
}

impl Attach {
    /// Takes a packet of a flow, whose features begin with it where there are none yet.
    pub fn add(&self, flow: &mut Option<Box<Flow>>, packet: &Packet<'_>) {
        let Some(seen) = Seen::of(packet, Definition::Corrected) else {
            return;
        };
        if let Some(flow) = flow {
            flow.note_activity(seen.time);
            flow.add(&seen);
            return;
        }
        let ends = Flow::ends_of_first(&seen, Definition::Corrected);
        let hosts = self.hosts.lock();
        // What is guarded is whole between statements.
        let mut hosts = hosts.unwrap_or_else(PoisonError::into_inner);
        let lately = hosts.begin(&ends, seen.protocol, seen.time);
        drop(hosts);
        let begun = Flow::new(
            &seen,
            ends,
            Definition::Corrected,
            ACTIVITY_US,
            Some(lately),
        );
        *flow = Some(Box::new(begun));
    }
}

impl Flow {
    /// Has `client`:`port` be who began the flow, as its keeper knows by now.
    pub fn face(&mut self, client: IpAddr, port: u16) {
        let Ends {
            source,
            source_port,
            destination,
            destination_port,
        } = self.ends;
        // Of protocols without ports the keeper's port is something else.
        let has_ports = source_port != 0 || destination_port != 0;
        let is_it = |address: IpAddr, own: u16| address == client && (!has_ports || own == port);
        if !is_it(source, source_port) && is_it(destination, destination_port) {
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.ends = self.ends.reversed();
        std::mem::swap(&mut self.forward, &mut self.backward);
        if let Some(more) = &mut self.more {
            more.turn();
        }
    }
}
