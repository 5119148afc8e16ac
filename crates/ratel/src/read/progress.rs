//! A progress bar on a terminal, nothing elsewhere.

use super::inputs::Input;
use crate::cli::Read as Args;
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::time::Duration;

/// How far reading has come.
pub struct Progress {
    bar: Option<ProgressBar>,
}

/// Bytes of a capture, counted as they are read.
pub enum Watched {
    /// Of a file.
    File(File, Option<ProgressBar>),
    /// Of standard input.
    Stdin(io::Stdin),
}

impl Progress {
    /// A bar, where somebody is there to look at it.
    pub fn new(args: &Args) -> Self {
        // What is explained comes in between.
        let is_shown = io::stderr().is_terminal() && !args.quiet && !args.explain;
        let bar = is_shown.then(|| {
            let style = ProgressStyle::with_template(
                "{wide_msg} {bytes}/{total_bytes} {bytes_per_sec} [{bar:30}] {eta}",
            )
            .unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::new(0).with_style(style);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Progress { bar }
    }

    /// Opens a capture and watches how far it is read.
    pub fn watch(&self, input: &Input) -> Result<Watched> {
        match input {
            Input::Stdin => Ok(Watched::Stdin(io::stdin())),
            Input::File(path) => {
                let file = File::open(path).context("cannot be opened")?;
                if let Some(bar) = &self.bar {
                    bar.set_length(file.metadata().map_or(0, |m| m.len()));
                    bar.set_position(0);
                    bar.set_message(input.name());
                }
                Ok(Watched::File(file, self.bar.clone()))
            }
        }
    }

    /// Takes the bar away.
    pub fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Watched::Stdin(stdin) => stdin.read(buffer),
            Watched::File(file, bar) => {
                let count = file.read(buffer)?;
                if let Some(bar) = bar {
                    bar.inc(count as u64);
                }
                Ok(count)
            }
        }
    }
}
