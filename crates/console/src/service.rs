//! The console at work: binds its doors, follows the topics, answers. The only place that awaits
//! (with `serve.rs`, which carries the bytes).

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bus::{Bus, Start, Subscription};
use event::action::Action;
use event::order::Order;
use event::{Timestamp, Topic};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

use crate::api::idempotency::Keys as OrderKeys;
use crate::api::status::{Role, Status, reasons};
use crate::bouncer::book::Book;
use crate::bouncer::keys::Keys;
use crate::bouncer::pulls::Pulls;
use crate::place::{Place, listen};
use crate::view::View;
use crate::web::live::Hub;
use crate::web::{Lent, door};
use crate::{Config, EventCounts, metrics, socket};

mod bouncers;
mod control;
mod monitor;
pub(crate) mod ordering;

/// The group in which the console reads topics.
pub const GROUP: &str = "console";

/// How long a reading thread waits before it looks whether it is to stop.
const READ_WAIT: Duration = Duration::from_millis(250);

/// How long the console says that it still reads the past, at most: a topic that never falls
/// silent is caught up as well.
const CATCH_UP: Duration = Duration::from_secs(30);

/// Why the console can't start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no control socket.
    #[error(transparent)]
    Socket(#[from] socket::Error),
    /// A value of the configuration can't be.
    #[error("{0}")]
    Config(String),
    /// The bouncer API has no place to listen.
    #[error("console: cannot listen at {address}: {source}")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A topic can't be read.
    #[error(transparent)]
    Bus(#[from] bus::Error),
    /// A thread or the runtime can't be made.
    #[error("console: cannot start: {0}")]
    Start(io::Error),
}

/// Puts an order out; why it could not.
pub type Publish = dyn Fn(&Order) -> Result<(), String> + Send + Sync;

/// Carries out an order in this process: what there is to say or why it failed; None where it is
/// not for this process.
pub type CarryOut = dyn Fn(&Order) -> Option<Result<String, String>> + Send + Sync;

/// What the console asks its process for. Each is called from a thread that may wait.
#[derive(Clone)]
pub struct Ports {
    /// Puts an order onto the topic `orders`.
    pub publish: Arc<Publish>,
    /// Carries out an order in this process, where that is how it is done (`reload_rules`): what
    /// there is to say, or why it failed. None for orders that others carry out.
    pub carry_out: Arc<CarryOut>,
    /// How each role fares.
    pub roles: Arc<dyn Fn() -> Vec<Role> + Send + Sync>,
    /// Counters for people, by name.
    pub counters: Arc<dyn Fn() -> BTreeMap<String, u64> + Send + Sync>,
    /// Everything that is counted, in Prometheus' text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// The time.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports")
    }
}

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) ports: Ports,
    started: Timestamp,
    pub(crate) view: Mutex<View>,
    /// The view's version: orders wait for it to change.
    version: watch::Sender<u64>,
    book: Mutex<Book>,
    pulls: Mutex<Pulls>,
    order_keys: Mutex<OrderKeys>,
    keys: Keys,
    events: Mutex<EventCounts>,
    caught_up: AtomicBool,
    /// Who follows what happens now.
    pub(crate) hub: Arc<Hub>,
}

/// Locks also where a thread died with the lock held: what it guards is whole between statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn now(&self) -> Timestamp {
        (self.ports.now)()
    }

    fn on_action(&self, action: Action) {
        let mut view = lock(&self.view);
        // The book takes what the view takes, in the same order.
        let told = action.clone();
        if !view.apply(action) {
            return;
        }
        lock(&self.book).apply(&told, self.now());
        self.hub.on_action(&told);
        metrics::actions(view.len(), view.forgotten());
        let version = view.version();
        drop(view);
        self.version.send_replace(version);
    }

    fn on_actions(&self, batch: &bus::Batch) {
        for delivery in batch.iter() {
            match serde_json::from_slice::<Action>(delivery.value) {
                Ok(action) => self.on_action(action),
                Err(error) => {
                    metrics::bad_record();
                    tracing::warn!(offset = delivery.offset, %error, "a record of actions cannot be read");
                }
            }
        }
    }

    /// Why not everything is ready; empty where it is.
    fn reasons(&self) -> Vec<String> {
        reasons(
            &(self.ports.roles)(),
            self.caught_up.load(Ordering::Acquire),
        )
    }

    pub(crate) fn status(&self) -> Status {
        let roles = (self.ports.roles)();
        let by_state = lock(&self.view).by_state();
        let counters = (self.ports.counters)();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started: self.started,
            now: self.now(),
            ready: reasons(&roles, self.caught_up.load(Ordering::Acquire)).is_empty(),
            roles,
            actions: by_state
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect(),
            events: lock(&self.events).by_kind(),
            counters,
            bouncers: lock(&self.pulls).list(),
        }
    }
}

/// The console, its doors bound.
#[derive(Debug)]
pub struct Console {
    shared: Arc<Shared>,
    control: socket::Bound,
    monitor: Option<Place>,
    bouncers: Option<std::net::TcpListener>,
    web: Option<door::Bound>,
}

impl Console {
    /// Binds the doors, so that everything that can be wrong is told before anything runs.
    ///
    /// # Errors
    /// A socket that another process has, an address in use, a key that can't be.
    pub fn bind(config: &Config, ports: Ports) -> Result<Console, Error> {
        Console::bind_with(config, ports, None)
    }

    /// The same with the dashboard and its API, which ask for what the process lends.
    ///
    /// # Errors
    /// As [`Console::bind`].
    pub fn bind_with(config: &Config, ports: Ports, lent: Option<Lent>) -> Result<Console, Error> {
        metrics::describe();
        let (bouncers, keys) = match &config.bouncers {
            None => (None, Keys::default()),
            Some(bouncers) => {
                let keys = Keys::read(&bouncers.keys).map_err(Error::Config)?;
                let listener = listen(bouncers.listen).map_err(|source| Error::Listen {
                    address: bouncers.listen,
                    source,
                })?;
                if !bouncers.listen.ip().is_loopback() {
                    tracing::warn!(listen = %bouncers.listen,
                        "bouncers' keys travel unencrypted: put a proxy with TLS before this address");
                }
                (Some(listener), keys)
            }
        };
        let control = socket::bind(&config.socket)?;
        // Last: a second Ratel has failed by now, and does not take the place of the first.
        let monitor = config.monitor.map(monitor::bind);
        let web = lent.map(|lent| door::Bound::bind(&config.web, lent));
        let started = (ports.now)();
        let shared = Shared {
            ports,
            started,
            view: Mutex::default(),
            version: watch::Sender::new(0),
            book: Mutex::default(),
            pulls: Mutex::default(),
            order_keys: Mutex::default(),
            keys,
            events: Mutex::default(),
            caught_up: AtomicBool::new(true),
            hub: Arc::default(),
        };
        Ok(Console {
            shared: Arc::new(shared),
            control,
            monitor,
            bouncers,
            web,
        })
    }

    /// Where the dashboard stands, where it does: the port that was chosen for port 0.
    #[must_use]
    pub fn web_address(&self) -> Option<std::net::SocketAddr> {
        self.web.as_ref().and_then(door::Bound::address)
    }

    /// Why the dashboard does not stand where it should.
    #[must_use]
    pub fn web_trouble(&self) -> Option<&str> {
        self.web.as_ref().and_then(door::Bound::trouble)
    }

    /// Where metrics and probes are answered, where they are: the port that was chosen for port 0.
    #[must_use]
    pub fn monitor_address(&self) -> Option<std::net::SocketAddr> {
        self.monitor.as_ref().and_then(Place::address)
    }

    /// Where the bouncer API listens, where there is one: the port that was chosen for port 0.
    #[must_use]
    pub fn bouncers_address(&self) -> Option<std::net::SocketAddr> {
        self.bouncers
            .as_ref()
            .and_then(|listener| listener.local_addr().ok())
    }

    /// Something to tell the console of actions with, for a process that reads the topic itself.
    pub fn on_action(&self) -> impl Fn(Action) + Send + Sync + 'static {
        let shared = self.shared.clone();
        move |action| shared.on_action(action)
    }

    /// Follows the topics `actions` and `events` in threads of its own until told to stop.
    /// The view lives in memory: actions are read again from the oldest at each start.
    ///
    /// # Errors
    /// A group that can't be joined, a thread that can't be started.
    pub fn follow(&self, bus: &Bus, stop: &watch::Receiver<bool>) -> Result<(), Error> {
        let actions = bus.subscribe_from(GROUP, &[Topic::Actions], Start::Again)?;
        let events = bus.subscribe_from("console-counts", &[Topic::Events], Start::Newest)?;
        self.shared.caught_up.store(false, Ordering::Release);
        let shared = self.shared.clone();
        let mut reading = Some(std::time::Instant::now());
        self.read("console-actions", actions, stop.clone(), move |batch| {
            if let Some(batch) = batch {
                shared.on_actions(batch);
            }
            // A wait that brought nothing: everything that was there is read.
            if reading.is_some_and(|since| batch.is_none() || since.elapsed() > CATCH_UP) {
                shared.caught_up.store(true, Ordering::Release);
                reading = None;
            }
        })?;
        let shared = self.shared.clone();
        self.read("console-events", events, stop.clone(), move |batch| {
            let Some(batch) = batch else { return };
            let mut counts = lock(&shared.events);
            batch
                .iter()
                .for_each(|delivery| counts.on_record(delivery.value));
            drop(counts);
            let now = shared.now();
            for delivery in batch.iter() {
                shared.hub.on_event(delivery.id, delivery.value, now);
            }
        })?;
        let incidents =
            bus.subscribe_from("console-incidents", &[Topic::Incidents], Start::Newest)?;
        let shared = self.shared.clone();
        self.read("console-incidents", incidents, stop.clone(), move |batch| {
            for delivery in batch.into_iter().flat_map(bus::Batch::iter) {
                shared.hub.on_incident(delivery.value);
            }
        })
    }

    fn read(
        &self,
        name: &str,
        mut subscription: Subscription,
        stop: watch::Receiver<bool>,
        mut on_batch: impl FnMut(Option<&bus::Batch>) + Send + 'static,
    ) -> Result<(), Error> {
        let reader = move || {
            while !*stop.borrow() && stop.has_changed().is_ok() {
                match subscription.next(READ_WAIT) {
                    Ok(batch) => {
                        on_batch(batch.as_ref());
                        let committed = batch.map_or(Ok(()), |batch| subscription.commit(&batch));
                        if let Err(error) = committed {
                            tracing::warn!(%error, "what the console has read is not noted");
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the console cannot read a topic; it tries again");
                        std::thread::sleep(READ_WAIT);
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(reader).map(drop).map_err(Error::Start)
    }

    /// Answers until `stop` says so; then ends what is open within seconds and removes the socket.
    ///
    /// # Errors
    /// A listener that the runtime does not take.
    pub async fn run(self, stop: watch::Receiver<bool>) -> Result<(), Error> {
        let Console {
            shared,
            control,
            monitor,
            bouncers,
            web,
        } = self;
        let listener = control
            .listener()
            .and_then(UnixListener::from_std)
            .map_err(Error::Start)?;
        let bouncers = bouncers.map(TcpListener::from_std).transpose();
        let bouncers = bouncers.map_err(Error::Start)?;
        let web = match web {
            None => None,
            Some(bound) => {
                let started = bound.start(shared.clone(), stop.clone());
                Some(started.map_err(Error::Start)?)
            }
        };
        let api = web.as_ref().map(|web| door::api(web.app()));
        let people = control::serve(listener, shared.clone(), api, stop.clone());
        let machines = async {
            if let Some(place) = monitor {
                monitor::serve(place, shared.clone(), stop.clone()).await;
            }
        };
        let walls = async {
            if let Some(listener) = bouncers {
                bouncers::serve(listener, shared.clone(), stop.clone()).await;
            }
        };
        let screens = async {
            if let Some(web) = web {
                web.run().await;
            }
        };
        tokio::join!(people, machines, walls, screens);
        Ok(())
    }

    /// The same in this thread, with a runtime of its own.
    ///
    /// # Errors
    /// As [`Console::run`], or no runtime.
    pub fn run_blocking(self, stop: watch::Receiver<bool>) -> Result<(), Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("console")
            .enable_all()
            .build()
            .map_err(Error::Start)?;
        runtime.block_on(self.run(stop))
    }
}
