//! Captures that people hand in, read by an engine of its own, in the caller's thread, at low priority.

use super::engines::{self, Recipe};
use super::hands::Hands;
use anyhow::{Context, Result, anyhow};
use console::web::{CaptureJob, CaptureRead, ReadCapture, RefusedRule};
use decode::capture::Reader;
use engine::detect::Detector;
use engine::output::Output;
use engine::pipeline::Engine;
use engine::records::stats::Counters;
use engine::records::{Recorder, Source};
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

/// Less than everything else that Ratel does (nice(2)).
const NICE: i32 = 10;
/// Packets between two looks whether to break off.
const LOOK: u64 = 256;
/// Rules that were refused and are told.
const MAX_REFUSALS: usize = 1000;

/// The engine's count of packets that it left out of their streams.
const WRONG_CHECKSUMS: &str = "tcp.invalid_checksum";

/// What reads captures with the rules of the sensor.
pub fn reader(rules: &engines::Config, data_dir: &Path, hands: &Arc<Hands>) -> Arc<ReadCapture> {
    let (rules, data_dir, hands) = (rules.clone(), data_dir.to_owned(), hands.clone());
    Arc::new(move |mut job: CaptureJob<'_>| {
        let mut done = CaptureRead::default();
        if let Err(error) = read(&rules, &data_dir, &hands, &mut job, &mut done) {
            done.error = Some(format!("{error:#}"));
        }
        done
    })
}

fn read(
    config: &engines::Config,
    data_dir: &Path,
    hands: &Hands,
    job: &mut CaptureJob<'_>,
    done: &mut CaptureRead,
) -> Result<()> {
    // This thread alone; one that may not is as good as it is.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
    let loaded;
    let tested;
    let recipe = match job.rules {
        None => {
            loaded = hands.load(config, data_dir)?;
            &loaded.recipe
        }
        Some(text) => {
            tested = test(config, data_dir, job.file, text, job.refused)?;
            &tested
        }
    };
    *job.loaded = recipe.rules.loaded.loaded;
    let ruleset = recipe.rules.ruleset.clone();
    let source = Source {
        ruleset: Some(ruleset.clone()),
        capture_name: Some(job.name.to_owned()),
        ..Source::default()
    };
    let recorder = Recorder::new(vec![recipe.eve.clone()], source);
    let detector = Detector::new(ruleset, recipe.detection);
    let mut config = recipe.config.clone();
    config.tcp.checksum_validation &= job.is_checked;
    let mut engine = Engine::new(config, detector, recorder);
    let mut sink = Taken {
        take: job.take,
        done,
        is_over: false,
    };
    let file = std::fs::File::open(job.file).context("the capture is gone")?;
    let mut reader = Reader::new(BufReader::new(file)).map_err(|error| anyhow!(error))?;
    let mut result = Ok(());
    loop {
        match reader.next() {
            Ok(Some(frame)) => {
                let mut frame = frame;
                sink.done.packets += 1;
                frame.number = sink.done.packets;
                engine.on_frame(&frame, &mut sink);
            }
            Ok(None) => break,
            Err(error) => {
                result = Err(anyhow!(error));
                break;
            }
        }
        if sink.is_over || (sink.done.packets.is_multiple_of(LOOK) && (job.stop)()) {
            break;
        }
    }
    engine.finish(&mut sink);
    result
}

/// Rules that somebody wrote to try them.
fn test(
    config: &engines::Config,
    data_dir: &Path,
    beside: &Path,
    text: &str,
    refused: &mut Vec<RefusedRule>,
) -> Result<Recipe> {
    let file = beside.with_extension("rules.upload");
    std::fs::write(&file, text).context("the rules can't be kept")?;
    let read = Recipe::test(config, data_dir, &file);
    let _ = std::fs::remove_file(&file);
    let (recipe, refusals) = read?;
    refused.extend(
        refusals
            .into_iter()
            .take(MAX_REFUSALS)
            .map(|refusal| RefusedRule {
                line: refusal.line,
                column: refusal.column,
                sid: refusal.sid,
                reason: refusal.reason,
            }),
    );
    Ok(recipe)
}

/// Hands records on, and counts them.
struct Taken<'a, 'j> {
    take: &'a mut (dyn FnMut(&[u8]) -> bool + 'j),
    done: &'a mut CaptureRead,
    is_over: bool,
}

impl Output for Taken<'_, '_> {
    fn record(&mut self, _log: usize, kind: &'static str, line: &[u8]) {
        // Counters of a run are no events.
        if self.is_over || kind == "stats" {
            return;
        }
        self.done.events += 1;
        self.done.alerts += u64::from(kind == "alert");
        self.is_over = !(self.take)(line);
    }

    fn stats(&mut self, counters: &Counters) {
        let wrong = counters.get(WRONG_CHECKSUMS);
        self.done.wrong_checksums = wrong.copied().unwrap_or_default();
    }
}
