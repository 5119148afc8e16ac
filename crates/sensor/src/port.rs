//! An interface and the group of rings on it: opened together, left together, found again.

use crate::config::{Balance, Config, ConfigError, Interface};
use decode::filter::Filter;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tpacket::{Error, Fanout, Options, Ring, interface_index, interface_is_up};

/// How long the gate of a ring waits for the other rings of the group. One that has not come by then
/// has its own reason to be late.
const GATHER_MAX: Duration = Duration::from_secs(2);

/// An interface that is captured from.
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) filter: Option<Filter>,
    options: Options,
    balance: tpacket::Balance,
    workers: usize,
    group: Mutex<Group>,
}

#[derive(Debug, Default)]
struct Group {
    members: usize,
    id: Option<u16>,
    /// Index of the interface that the members were opened on.
    index: u32,
}

/// Why no ring was opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Closed {
    /// Rings on the interface that had this name before are still open: they go first.
    #[error("another worker still holds the interface that is gone")]
    Leaving,
    #[error(transparent)]
    Ring(#[from] Error),
}

impl Port {
    pub(crate) fn new(
        interface: &Interface,
        config: &Config,
        workers: usize,
    ) -> Result<Self, ConfigError> {
        Ok(Port {
            name: interface.name.clone(),
            filter: interface.filter()?,
            options: Options {
                block_bytes: config.ring.block_bytes(),
                blocks: config.ring.blocks(),
                hand_over: config.ring.hand_over(),
                promiscuous: interface.promiscuous,
                fanout: None,
                // Shut until all rings of the group are there: before, packets are spread otherwise.
                starts_shut: workers > 1,
            },
            balance: match config.balance {
                Balance::Hosts => tpacket::Balance::Hosts,
                Balance::Flows => tpacket::Balance::Flows,
            },
            workers,
            group: Mutex::default(),
        })
    }

    /// The longest that a packet waits in a block that is not full.
    pub(crate) fn hand_over(&self) -> Duration {
        self.options.hand_over
    }

    /// Opens a ring for one more worker. It is shut where there are others to come.
    pub(crate) fn open(&self) -> Result<Ring, Closed> {
        let mut group = self.lock();
        let index =
            interface_index(&self.name).ok_or_else(|| Error::NoInterface(self.name.clone()))?;
        if group.members > 0 && group.index != index {
            return Err(Closed::Leaving);
        }
        let options = Options {
            fanout: (self.workers > 1).then_some(Fanout {
                group: group.id,
                balance: self.balance,
            }),
            ..self.options.clone()
        };
        let ring = Ring::open(&self.name, &options)?;
        group.members += 1;
        group.id = ring.fanout_group();
        group.index = ring.index();
        Ok(ring)
    }

    /// Waits for the other workers and lets packets in.
    pub(crate) fn let_in(&self, ring: &Ring) -> std::io::Result<()> {
        if self.workers == 1 {
            return Ok(());
        }
        let begun = Instant::now();
        while self.lock().members < self.workers && begun.elapsed() < GATHER_MAX {
            std::thread::sleep(Duration::from_millis(2));
        }
        ring.open_gate()
    }

    /// Closes a worker's ring.
    pub(crate) fn close(&self, ring: Ring) {
        let mut group = self.lock();
        drop(ring);
        group.members = group.members.saturating_sub(1);
        if group.members == 0 {
            *group = Group::default();
        }
    }

    /// Index of the interface that has the name now.
    pub(crate) fn index(&self) -> Option<u32> {
        interface_index(&self.name)
    }

    /// Whether the interface is up.
    pub(crate) fn is_up(&self) -> bool {
        interface_is_up(&self.name)
    }

    fn lock(&self) -> MutexGuard<'_, Group> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
