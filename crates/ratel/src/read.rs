//! `ratel read`: captures and rules in, records and a summary out.

pub mod explain;
pub mod inputs;
mod progress;
mod summary;

use crate::cli::{Format, Read};
use crate::config::{self, eve::EveOutput, outputs::Outputs, policies::Policies};
use crate::journal::{Journal, Level};
use crate::ruleset::{self, Loaded};
use crate::settings::Settings;
use crate::sinks::{Sinks, Target};
use anyhow::{Context, Result, anyhow, bail};
use decode::capture::Reader;
use engine::config::RulesLoaded;
use engine::detect::{Detector, Ruleset};
use engine::pipeline::Engine;
use engine::records::{Recorder, Source};
use explain::Explain;
use inputs::{Input, Inputs};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use summary::Summary;

/// Does what the command line says; the exit status is 1 where a capture was broken.
pub fn run(args: &Read) -> Result<ExitCode> {
    let settings = settings(args)?;
    if args.dump_config {
        summary::print(settings.dump().as_bytes(), false)?;
        return Ok(ExitCode::SUCCESS);
    }
    let inputs = Inputs::new(args)?;
    let mut journal = match log_folder(args)? {
        Some(folder) => Journal::open(&settings, folder),
        None => Journal::default(),
    };
    let result = go(args, &settings, &inputs, &mut journal);
    if let Err(error) = &result {
        // What is wrong with the rules stands there already.
        let message = match error.downcast_ref::<ruleset::Fatal>() {
            Some(_) => "Loading signatures failed.".to_owned(),
            None => format!("{error:#}"),
        };
        journal.say(Level::Error, "ratel", &message);
    }
    result
}

/// The folder for logs, made where it is not there yet; None where none are wanted.
fn log_folder(args: &Read) -> Result<Option<&Path>> {
    match args.log_dir.as_deref() {
        None => Ok(None),
        Some(path) if path == Path::new("-") => Ok(None),
        Some(path) => {
            std::fs::create_dir_all(path)
                .with_context(|| format!("cannot create the folder {}", path.display()))?;
            Ok(Some(path))
        }
    }
}

fn go(
    args: &Read,
    settings: &Settings,
    inputs: &Inputs,
    journal: &mut Journal,
) -> Result<ExitCode> {
    let begun = Instant::now();
    let is_inline = settings.flag("engine.simulate-ips").unwrap_or(false);
    let policies = policies(args, settings, is_inline)?;
    for note in &policies.notes {
        journal.say(Level::Info, "exception-policy", note);
    }
    let eves = config::eve::outputs(settings);
    let outputs = Outputs::new(settings);
    let loaded = rules(args, settings, journal)?;
    if args.engine_analysis {
        write_analysis(args, &loaded)?;
    }
    let mut config = config::engine::config(settings, &eves, &outputs, loaded.wants);
    policies.apply(&mut config);
    config.features = args.flow_features.then(features::Attach::default);
    let (whole, degraded, failed) = loaded.counts();
    config.rules = RulesLoaded {
        loaded: whole + degraded,
        failed,
        skipped: loaded.summary.skipped,
    };
    let detection = config::engine::detection(settings);
    // Nobody wrote the built-in defaults: they are no news.
    if args.init_errors_fatal
        && let Some(refusal) = settings.refusals().first()
    {
        bail!("configuration: {refusal}");
    }
    if args.config.is_some() || !args.set.is_empty() {
        config::warn(settings);
    }
    if args.test || (inputs.captures.is_empty() && args.engine_analysis) {
        return Ok(ExitCode::SUCCESS);
    }
    let mut reading = Reading::begin(args, (config, detection), eves, &outputs, loaded)?;
    for input in &inputs.captures {
        reading.capture(input, inputs);
    }
    reading.finish(args, begun)
}

/// Writes `rules.json`: what detection makes of each rule.
fn write_analysis(args: &Read, loaded: &Loaded) -> Result<()> {
    let Some(folder) = args
        .log_dir
        .as_deref()
        .filter(|path| *path != Path::new("-"))
    else {
        return Ok(());
    };
    let path = folder.join("rules.json");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, &loaded.analysis))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn settings(args: &Read) -> Result<Settings> {
    let mut settings = match &args.config {
        Some(path) => Settings::load(path)?,
        None => Settings::parse(config::DEFAULTS).context("the built-in defaults are broken")?,
    };
    for assignment in &args.set {
        settings.set(assignment)?;
    }
    if args.simulate_ips {
        settings.set("engine.simulate-ips=yes")?;
    }
    match args.checksums.as_deref() {
        None | Some("all" | "auto") => {}
        Some("none") => settings.set("stream.checksum-validation=no")?,
        Some(other) => bail!(crate::Usage(format!(
            "-k takes all, none or auto, not {other:?}"
        ))),
    }
    Ok(settings)
}

/// Exception policies; a senseless one ends the run only where mistakes are to do that.
fn policies(args: &Read, settings: &Settings, is_inline: bool) -> Result<Policies> {
    match Policies::new(settings, is_inline) {
        Ok(policies) => Ok(policies),
        Err(error) if args.init_errors_fatal || args.test => Err(error.into()),
        Err(error) => {
            crate::complain(&format!("configuration: {error}; all policies are off"));
            Ok(Policies::default())
        }
    }
}

fn rules(args: &Read, settings: &Settings, journal: &mut Journal) -> Result<Loaded> {
    if args.disable_detection {
        return Ok(Loaded::default());
    }
    let files = ruleset::files(&args.only_rules, &args.more_rules, settings);
    let loaded = ruleset::load(&files, settings, &ruleset::Options::from(args))?;
    loaded.tell(files.len(), journal);
    if (args.init_errors_fatal || args.test)
        && let Some(first) = loaded.first_error()
    {
        bail!(ruleset::Fatal(first));
    }
    loaded.warn();
    Ok(loaded)
}

/// A clock for what rules cost.
fn nanos() -> u64 {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    BEGUN.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// A run in progress.
struct Reading {
    engine: Engine,
    sinks: Sinks,
    progress: progress::Progress,
    summary: Summary,
    ruleset: Arc<Ruleset>,
}

impl Reading {
    fn begin(
        args: &Read,
        (config, detection): (engine::config::Config, engine::detect::Settings),
        eves: Vec<EveOutput>,
        outputs: &Outputs,
        loaded: Loaded,
    ) -> Result<Self> {
        let target = match &args.log_dir {
            None => Target::Nothing,
            Some(path) if path == Path::new("-") => Target::Stdout,
            Some(path) => Target::Folder(path),
        };
        let sinks = Sinks::open(&target, &eves, outputs)?;
        // Records that go nowhere are not written at all.
        let eves = match target {
            Target::Nothing => Vec::new(),
            Target::Folder(_) | Target::Stdout => eves.into_iter().map(|eve| eve.config).collect(),
        };
        let mut eves = eves;
        let (mut sinks, mut detection) = (sinks, detection);
        if args.explain {
            let is_stdout_taken = matches!(target, Target::Stdout) || args.format == Format::Json;
            sinks.explain = Some(Explain::new(eves.len(), is_stdout_taken));
            eves.push(Explain::eve());
            detection.traces_per_sec = Some(u32::MAX);
        }
        if args.costs {
            detection.tallies = true;
            detection.clock = Some(nanos);
        }
        let summary = Summary::new(&loaded);
        let ruleset = Arc::new(loaded.ruleset);
        let rules = ruleset.clone();
        let source = Source {
            ruleset: Some(ruleset.clone()),
            ..Source::default()
        };
        let mut recorder = Recorder::new(eves, source);
        recorder.writes_fast = outputs.fast.is_some() && matches!(target, Target::Folder(_));
        let detector = Detector::new(ruleset, detection);
        Ok(Reading {
            engine: Engine::new(config, detector, recorder),
            sinks,
            progress: progress::Progress::new(args),
            summary,
            ruleset: rules,
        })
    }

    /// Reads one capture to its end or to where it breaks.
    fn capture(&mut self, input: &Input, inputs: &Inputs) {
        let result = self.read(input, inputs);
        if let Err(error) = result {
            self.summary
                .broken
                .push(format!("{}: {error:#}", input.name()));
        }
    }

    fn read(&mut self, input: &Input, inputs: &Inputs) -> Result<()> {
        self.engine.set_capture_name(Some(input.name()));
        let source = self.progress.watch(input)?;
        let mut reader = Reader::new(source).map_err(|error| anyhow!(error))?;
        while let Some(frame) = reader.next().map_err(|error| anyhow!(error))? {
            if let Some(filter) = &inputs.filter
                && !filter.matches(&frame)
            {
                continue;
            }
            let mut frame = frame;
            self.summary.count(&frame);
            frame.number = self.summary.packets;
            self.engine.on_frame(&frame, &mut self.sinks);
        }
        Ok(())
    }

    fn finish(mut self, args: &Read, begun: Instant) -> Result<ExitCode> {
        self.engine.finish(&mut self.sinks);
        ruleset::save_datasets(&self.ruleset, args.data_dir.as_deref());
        self.progress.done();
        self.summary.close(&mut self.engine, begun.elapsed());
        let closed = self
            .sinks
            .close()
            .context("the logs could not be written in full");
        let is_stdout_taken = args.log_dir.as_deref() == Some(Path::new("-"));
        if !args.quiet {
            match args.format {
                Format::Text => self.summary.print_text(is_stdout_taken)?,
                Format::Json => self.summary.print_json(is_stdout_taken)?,
            }
        }
        closed?;
        for broken in self.summary.broken.iter().take(summary::SHOWN_BROKEN) {
            crate::complain(broken);
        }
        if self.summary.broken.len() > summary::SHOWN_BROKEN {
            crate::complain(&format!(
                "{} captures could not be read to their end; -o json lists them",
                self.summary.broken.len()
            ));
        }
        // The process ends: giving back half a million allocations one by one would only take time.
        std::mem::forget(self.engine);
        Ok(if self.summary.broken.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
