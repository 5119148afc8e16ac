//! The roles of one host, in the order of the flow.

use super::answer::Answering;
use super::hands::Hands;
use super::keep::{self, Kept};
use super::mirror;
use super::supervise::{Role, Voice};
use super::watch::Watch;
use crate::control::now;
use crate::site::Site;
use alert::notify::Notifier;
use anyhow::{Context, Result};
use console::web::Lent;
use console::{Console, Ports};
use respond::host::namespace_of;
use respond::verify::Arrivals;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Packets in, events out.
pub fn sensor(site: &Site, bus: &bus::Bus, hands: &Arc<Hands>) -> Role {
    let watch = Watch {
        sensor: site.sensor.clone(),
        rules: site.rules.clone(),
        data_dir: site.data_dir.clone(),
        events_file: site.events_file.clone(),
        bus: bus.clone(),
        hands: hands.clone(),
    };
    Role {
        name: "sensor",
        start: Box::new(move |stop, voice| Box::pin(watch.clone().run(stop, voice))),
    }
}

/// The model that ships with the program: `make model` makes it.
pub static SHIPPED: &[u8] = include_bytes!("../../models/default.ratel-model");

/// Flows in, findings of a model out.
pub fn learn(site: &Site, bus: &bus::Bus) -> Role {
    let (config, bus) = (site.learn.clone(), bus.clone());
    let ports = learn::service::Ports {
        now,
        shipped: SHIPPED,
        known: features::columns::names(features::Definition::Corrected, true),
        data_dir: site.data_dir.join("learn"),
    };
    Role {
        name: "learn",
        start: Box::new(move |stop, voice| {
            let role = learn::service::Learn {
                config: config.clone(),
                bus: bus.clone(),
                ports: ports.clone(),
            };
            let run = move || role.run(&|| stop.is_cancelled(), &Told(&voice));
            Box::pin(async move {
                let running = tokio::task::spawn_blocking(run).await;
                Ok(running.context("the role panicked")??)
            })
        }),
    }
}

/// Events in, actions out.
pub fn respond(site: &Site, bus: &bus::Bus, hands: &Arc<Hands>) -> Role {
    let answering = Answering {
        config: site.respond.clone(),
        feeds: site.feeds.clone(),
        data_dir: site.data_dir.clone(),
        bus: bus.clone(),
        hands: hands.clone(),
    };
    let hands = hands.clone();
    Role {
        name: "respond",
        start: Box::new(move |stop, voice| {
            let (answering, sensor) = (answering.clone(), sensor_of(&hands));
            let run = move || answering.run(sensor, &stop, &voice);
            Box::pin(async move {
                let running = tokio::task::spawn_blocking(run);
                running.await.context("the responder panicked")?
            })
        }),
    }
}

/// Answers whether packets of a target still arrive, while a sensor runs.
fn sensor_of(hands: &Arc<Hands>) -> respond::verify::Sensor {
    let hands = hands.clone();
    let namespace = namespace_of(Path::new("/proc/self/ns/net"));
    Box::new(move |target, since| {
        let (handle, _) = hands.get()?;
        let seen = handle.arrivals(*target, since)?;
        Some(Arrivals {
            packets: seen.packets,
            interface: seen.interface,
            namespace,
        })
    })
}

/// How often a role that needs the state looks whether it is open.
const LOOK: Duration = Duration::from_millis(500);

/// Events in, incidents out.
pub fn alert(site: &Site, bus: &bus::Bus, kept: &Kept) -> Role {
    let (config, bus, kept) = (site.alert.clone(), bus.clone(), kept.clone());
    let world = crate::receivers::world(site);
    Role {
        name: "alert",
        start: Box::new(move |stop, voice| {
            let (config, bus, kept) = (config.clone(), bus.clone(), kept.clone());
            let world = world.clone();
            Box::pin(async move {
                let notify = config.notify();
                let opening = move || Notifier::open(&notify, &world);
                let opened = tokio::task::spawn_blocking(opening).await;
                let notifier = Arc::new(opened.context("the notifier panicked")??);
                kept.notifier.set(Ok(notifier.clone()));
                let Some(state) = state_of(&kept, &stop, &voice).await else {
                    return Ok(());
                };
                let handle = tokio::runtime::Handle::current();
                let (silenced, told) = (state.clone(), notifier.clone());
                let ports = alert::Ports {
                    now,
                    compile: Arc::new(compile),
                    tell: Arc::new(move |change| notifier.offer(change, now())),
                };
                let role = alert::Alert {
                    config,
                    bus,
                    state,
                    ports,
                };
                let run = move || {
                    let is_stopped = || stop.is_cancelled();
                    role.run(&handle, &is_stopped, &Told(&voice))
                };
                let running = tokio::select! {
                    done = tokio::task::spawn_blocking(run) => done,
                    never = mirror::silences(&silenced, &told) => match never {},
                };
                // Its outboxes are given back before they are opened again.
                kept.notifier.set(Err("it starts again".to_owned()));
                Ok(running.context("the role panicked")??)
            })
        }),
    }
}

/// Events in; they are kept and found again.
pub fn store(site: &Site, bus: &bus::Bus, kept: &Kept) -> Role {
    let (config, bus, kept) = (site.store.clone(), bus.clone(), kept.clone());
    Role {
        name: "store",
        start: Box::new(move |stop, voice| {
            let (config, bus, kept) = (config.clone(), bus.clone(), kept.clone());
            Box::pin(keep::events(config, bus, kept, stop, voice))
        }),
    }
}

/// The state, once it is open; None where Ratel stops before.
async fn state_of(kept: &Kept, stop: &CancellationToken, voice: &Voice) -> Option<state::State> {
    loop {
        match kept.state.get() {
            Ok(state) => return Some(state),
            Err(why) => voice.limps(&why),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return None,
        }
    }
}

/// The test that a query of the store's language makes.
pub(super) fn compile(text: &str) -> Result<alert::silence::Matches, String> {
    let query = store::query::Query::parse(text).map_err(|error| error.reason)?;
    let plan = query.plan();
    Ok(Box::new(move |record| {
        store::query::matches_plan(&plan, record)
    }))
}

/// How a role of a crate is, told as any other's.
struct Told<'v>(&'v Voice);

impl alert::service::Voice for Told<'_> {
    fn runs(&self) {
        self.0.runs();
    }

    fn limps(&self, why: &str) {
        self.0.limps(why);
    }
}

impl learn::service::Voice for Told<'_> {
    fn runs(&self) {
        self.0.runs();
    }

    fn limps(&self, why: &str) {
        self.0.limps(why);
    }
}

/// What people and bouncers ask.
pub fn console(site: &Site, bus: &bus::Bus, ports: Ports, lent: Lent) -> Role {
    let (config, bus) = (site.console.clone(), bus.clone());
    Role {
        name: "console",
        start: Box::new(move |stop, voice| {
            let (config, bus) = (config.clone(), bus.clone());
            let (ports, lent) = (ports.clone(), lent.clone());
            Box::pin(run_console(config, bus, ports, lent, stop, voice))
        }),
    }
}

async fn run_console(
    config: console::Config,
    bus: bus::Bus,
    ports: Ports,
    lent: Lent,
    stop: CancellationToken,
    voice: Voice,
) -> Result<()> {
    // Whatever is wrong with bouncers, people must be able to undo.
    let (console, trouble) = match Console::bind_with(&config, ports.clone(), Some(lent.clone())) {
        Ok(console) => (console, None),
        Err(error) if config.bouncers.is_some() => {
            let without = console::Config {
                bouncers: None,
                ..config
            };
            let console = Console::bind_with(&without, ports, Some(lent))?;
            tracing::error!("bouncers are not answered: {error}");
            (console, Some(format!("bouncers are not answered: {error}")))
        }
        Err(error) => return Err(error.into()),
    };
    let trouble = trouble.or_else(|| console.web_trouble().map(str::to_owned));
    let (tell, told) = tokio::sync::watch::channel(false);
    console.follow(&bus, &told)?;
    let running = tokio::spawn(console.run(told));
    match trouble {
        Some(why) => voice.limps(&why),
        None => voice.runs(),
    }
    stop.cancelled().await;
    let _ = tell.send(true);
    Ok(running.await.context("the console panicked")??)
}
