//! The roles of one host, in the order of the flow.

use super::answer::Answering;
use super::hands::Hands;
use super::supervise::{Role, Voice};
use super::watch::Watch;
use crate::site::Site;
use anyhow::{Context, Result};
use console::{Console, Ports};
use respond::host::namespace_of;
use respond::verify::Arrivals;
use std::path::Path;
use std::sync::Arc;
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

/// Events in, actions out.
pub fn respond(site: &Site, bus: &bus::Bus, hands: &Arc<Hands>) -> Role {
    let answering = Answering {
        config: site.respond.clone(),
        feeds: site.feeds.clone(),
        data_dir: site.data_dir.clone(),
        bus: bus.clone(),
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

/// What people and bouncers ask.
pub fn console(site: &Site, bus: &bus::Bus, ports: Ports) -> Role {
    let (config, bus) = (site.console.clone(), bus.clone());
    Role {
        name: "console",
        start: Box::new(move |stop, voice| {
            let (config, bus, ports) = (config.clone(), bus.clone(), ports.clone());
            Box::pin(run_console(config, bus, ports, stop, voice))
        }),
    }
}

async fn run_console(
    config: console::Config,
    bus: bus::Bus,
    ports: Ports,
    stop: CancellationToken,
    voice: Voice,
) -> Result<()> {
    // Whatever is wrong with bouncers, people must be able to undo.
    let (console, trouble) = match Console::bind(&config, ports.clone()) {
        Ok(console) => (console, None),
        Err(error) if config.bouncers.is_some() => {
            let without = console::Config {
                bouncers: None,
                ..config
            };
            let console = Console::bind(&without, ports)?;
            tracing::error!("bouncers are not answered: {error}");
            (console, Some(format!("bouncers are not answered: {error}")))
        }
        Err(error) => return Err(error.into()),
    };
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
