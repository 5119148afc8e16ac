//! The role `sensor`: workers of the crate `sensor`, their rules, and the thread that publishes.

use super::engines;
use super::hands::Hands;
use super::supervise::Voice;
use crate::control::now;
use anyhow::{Context, Result, bail};
use event::Topic;
use sensor::publish::Publishing;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the workers are looked after.
const LOOK: Duration = Duration::from_millis(500);

/// Folder of packets of flows that alerted, below the data folder: [`sensor::pcaps::find`] looks there.
pub const PACKETS: &str = "pcap";

/// What the role needs to start, again and again.
#[derive(Clone)]
pub struct Watch {
    /// Settings of the capture.
    pub sensor: sensor::Config,
    /// Rules and how traffic is understood.
    pub rules: engines::Config,
    /// Where datasets and compiled rules are kept.
    pub data_dir: PathBuf,
    /// A file that takes every record too.
    pub events_file: Option<PathBuf>,
    /// The bus.
    pub bus: bus::Bus,
    /// What others may do with the running sensor.
    pub hands: Arc<Hands>,
}

impl Watch {
    /// Captures until it is told to stop.
    pub async fn run(self, stop: CancellationToken, voice: Voice) -> Result<()> {
        let hands = self.hands.clone();
        let begun = tokio::task::spawn_blocking(move || self.begin());
        let (service, publishing) = begun.await.context("the sensor panicked")??;
        let publishing = Arc::new(publishing);
        hands.set(Some((service.handle(), publishing.clone())));
        let failed = loop {
            tokio::select! {
                () = stop.cancelled() => break false,
                () = tokio::time::sleep(LOOK) => {
                    if service.has_failed() || publishing.has_failed() {
                        break true;
                    }
                    match trouble(&service.handle().snapshot(), &publishing) {
                        Some(why) => voice.limps(&why),
                        None => voice.runs(),
                    }
                }
            }
        };
        hands.set(None);
        let ended = tokio::task::spawn_blocking(move || {
            let counted = service.stop();
            // Whoever reloads rules at this moment holds it for a moment more.
            if let Some(publishing) = Arc::into_inner(publishing) {
                publishing.stop();
            }
            counted
        });
        let counted = ended.await.context("the sensor panicked while stopping")?;
        tracing::info!("captured: {:?}", counted.total());
        if failed {
            bail!("a worker ended");
        }
        Ok(())
    }

    fn begin(self) -> Result<(sensor::Service, Publishing)> {
        // Said before rules are read, which takes time and has words of its own.
        sensor::may_capture()?;
        let loaded = self.hands.read(&self.rules, &self.data_dir)?;
        let recipe = &loaded.recipe;
        let publisher = self.bus.publisher(Topic::Events);
        let publishing = Publishing::start(publisher, self.events_file)?;
        let mut sinks =
            |_: sensor::Place<'_>| Ok(Box::new(publishing.sink()) as Box<dyn sensor::Sink>);
        let setup = sensor::Setup {
            engine: recipe.config.clone(),
            detection: recipe.detection,
            eves: vec![recipe.eve.clone()],
            writes_fast: false,
            rules: recipe.rules.clone(),
            clock: now,
            packets_dir: Some(self.data_dir.join(PACKETS)),
            sinks: &mut sinks,
        };
        let service = sensor::Service::start(&self.sensor, setup)?;
        Ok((service, publishing))
    }
}

/// What the sensor can't do now.
fn trouble(now: &sensor::metrics::Snapshot, publishing: &Publishing) -> Option<String> {
    let idle: BTreeSet<&str> = now
        .workers
        .iter()
        .filter(|worker| !worker.is_capturing)
        .map(|worker| worker.interface.as_str())
        .collect();
    if !idle.is_empty() {
        let names: Vec<&str> = idle.into_iter().collect();
        let names = names.join(", ");
        return Some(format!(
            "not capturing from {names}: it is not there, or down"
        ));
    }
    publishing.trouble()
}

/// Reads the rules anew and puts them in place; the old ones stay where the new ones can't be read.
pub fn reload(
    hands: &Arc<Hands>,
    rules: &engines::Config,
    data_dir: &std::path::Path,
) -> Result<u64> {
    let Some((handle, publishing)) = hands.get() else {
        bail!("the sensor does not run");
    };
    // Logs that were moved away are opened anew by the same signal, as everywhere.
    publishing.reopen();
    let (rules, data_dir) = (rules.clone(), data_dir.to_owned());
    let own = hands.clone();
    let building = handle.reload(move || {
        let rules = match own.read(&rules, &data_dir) {
            Ok(loaded) => loaded.recipe.rules.clone(),
            Err(error) => return Err(format!("{error:#}")),
        };
        match rules.loaded {
            loaded if loaded.loaded == 0 && loaded.failed > 0 => {
                Err(format!("all {} rules were refused", loaded.failed))
            }
            _ => Ok(rules),
        }
    })?;
    match building.join() {
        Ok(generation) => Ok(generation?),
        Err(_) => bail!("the thread that builds rules panicked"),
    }
}

/// The interface of the default route, where nobody names one.
pub fn default_interface() -> Option<String> {
    // Interface, destination, …: the route to 0.0.0.0 is the default one (proc(5)).
    let routes = std::fs::read_to_string("/proc/net/route").ok()?;
    routes.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace();
        let (name, destination) = (fields.next()?, fields.next()?);
        (destination == "00000000").then(|| name.to_owned())
    })
}
