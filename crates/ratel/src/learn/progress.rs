//! A training on the terminal: what it does, its loss, and the time left.

use ::learn::train::{Progress, Watch};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal as _};
use std::time::Duration;

/// Steps of the bar.
const STEPS: u64 = 1_000;

/// Draws a bar where somebody is there to look at it.
pub struct Bar(Option<ProgressBar>);

impl Bar {
    pub fn new(is_quiet: bool) -> Self {
        let is_shown = io::stderr().is_terminal() && !is_quiet;
        Bar(is_shown.then(|| {
            let style = ProgressStyle::with_template("{wide_msg} [{bar:30}] {eta} left")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::new(STEPS).with_style(style);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        }))
    }
}

impl Watch for Bar {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn epoch(&mut self, progress: &Progress) -> bool {
        if let Some(bar) = &self.0 {
            bar.set_message(format!(
                "{}, round {} of {}: loss {:.4}, held back {:.4}, best {:.4}",
                progress.what,
                progress.epoch,
                progress.epochs,
                progress.loss,
                progress.held_back,
                progress.best
            ));
            bar.set_position((f64::from(progress.part_done) * STEPS as f64) as u64);
        }
        true
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
