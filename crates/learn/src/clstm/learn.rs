//! From flows to a trained convolutional LSTM.

use super::fold;
use super::{Clstm, Facts, LEAST_ERROR, Rule};
use crate::net::{Graph, Net, Shape, numbers};
use crate::scale::Scaler;
use crate::surprise::Surprise;
use crate::table::{NORMAL, Table};
use crate::train::checkpoint::Checkpoint;
use crate::train::fit::{CHUNK, Job, State, Task, last_flows};
use crate::train::{Error, Settings};
use crate::window::{EXTRA, Windows};

/// How much more a flow of a rare class may count than one of the average: beyond it a handful of flows that
/// somebody labelled wrongly would rule.
const MAX_WEIGHT: f32 = 20.0;
/// Normal flows that scales are fitted on, at least; with fewer, all rows are taken.
const MIN_NORMAL: usize = 50;

/// Inputs whose errors count where there are no labels: the largest. What is odd of one flow is usual of others in
/// most of its features, and a mean over all of them drowns it.
const MOST: usize = 10;

/// A training's purposes, for streams of chance that have nothing in common.
const BUILDER: u64 = 1 << 16;
const TELLER: u64 = 2 << 16;

/// What a training works on.
pub struct Learned<'a> {
    /// The flows.
    pub table: &'a Table,
    /// Rows to learn from.
    pub learn: &'a [usize],
    /// Rows held back.
    pub held: &'a [usize],
    /// Whether labels are learned from.
    pub is_supervised: bool,
    /// How.
    pub settings: &'a Settings,
}

/// Nets that a training has at most, for who tells how far it is.
#[must_use]
pub fn jobs(settings: &Settings, is_supervised: bool) -> usize {
    let folds = if is_supervised { settings.folds } else { 0 };
    2 * settings.members + folds
}

/// Trains.
///
/// # Errors
/// As [`Checkpoint::run`].
pub fn fit(learned: &Learned<'_>, checkpoint: &mut Checkpoint<'_>) -> Result<Clstm, Error> {
    let (table, settings) = (learned.table, learned.settings);
    let is_normal = |row: &usize| table.is_attack(*row) != Some(true);
    let normal: Vec<usize> = learned.learn.iter().copied().filter(is_normal).collect();
    let scaled = if normal.len() < MIN_NORMAL {
        learned.learn
    } else {
        &normal[..]
    };
    // What is normal sets the scale: so no attack does, not even one of the training's.
    let scaler = match learned.is_supervised {
        true => Scaler::fit(table, scaled),
        false => Scaler::by_service(table, scaled),
    };
    let mut rows: Vec<usize> = learned.learn.iter().chain(learned.held).copied().collect();
    rows.sort_unstable();
    let windows = Windows::build(table, &scaler.on(table)?, &rows, settings.window);
    let place = |row: &usize| rows.binary_search(row).ok();
    let places = |rows: &[usize]| -> Vec<usize> { rows.iter().filter_map(place).collect() };
    let learn = places(learned.learn)
        .into_iter()
        .filter(|at| windows.is_every(*at, settings.stride));
    let (learn, held): (Vec<usize>, Vec<usize>) = (learn.collect(), places(learned.held));
    let class = |row: &usize| table.rows[*row].class.unwrap_or(NORMAL);
    let classes: Vec<u16> = rows.iter().map(class).collect();
    let origins = scaler.origins();
    let hidden = match learned.is_supervised {
        true => Vec::new(),
        false => scaler.amounts(),
    };
    let training = Training {
        settings,
        windows: &windows,
        classes: &classes,
        origins: &origins,
        hidden: &hidden,
        count: table.classes.len(),
    };
    let of_normal = |which: &[usize]| -> Vec<usize> {
        which
            .iter()
            .copied()
            .filter(|at| classes[*at] == NORMAL)
            .collect()
    };
    let (normal_learn, normal_held) = (of_normal(&learn), of_normal(&held));
    let mut builders = Vec::new();
    let sorts = training.sorts();
    for member in 0..settings.members * sorts {
        builders.push(training.builder(checkpoint, member, &normal_learn, &normal_held)?);
    }
    let weights = (0..sorts).flat_map(|sort| {
        let nets = builders.iter().skip(sort).step_by(sorts);
        error_weights(nets, &windows, &normal_held, training.hidden(sort))
    });
    let weights = weights.collect();
    let mut clstm = Clstm {
        facts: Facts {
            window: settings.window,
            scaler: scaler.clone(),
            tellers: (training.shape(true), 0),
            builders: (training.shape(false), builders.len()),
            odds: Surprise::fit(std::iter::empty()),
            error: Surprise::fit(std::iter::empty()),
            unit: 1.0,
            rule: Rule::Sum(0.0),
            has_blind: !learned.is_supervised,
            most: (!learned.is_supervised).then_some(MOST),
        },
        tellers: Vec::new(),
        builders,
        weights,
    };
    let usual = clstm.signals(&windows, &normal_held).error;
    clstm.facts.unit = percentile(&usual, 0.99);
    clstm.facts.error = Surprise::fit(usual.into_iter());
    if !learned.is_supervised {
        return Ok(clstm);
    }
    let groups = fold::groups(&classes, &learn, settings.folds);
    let mut trials = Vec::new();
    for (at, left_out) in groups.iter().enumerate() {
        let keeps = |which: &[usize]| -> Vec<usize> {
            let is_kept = |at: &usize| !left_out.contains(&classes[*at]);
            which.iter().copied().filter(is_kept).collect()
        };
        let net = training.fold(checkpoint, at, &keeps(&learn), &keeps(&held))?;
        let told = Clstm {
            tellers: vec![net],
            ..clstm.clone()
        };
        trials.push(fold::Trial::of(
            &told, &windows, &classes, left_out, &learn, &held,
        ));
    }
    clstm.facts.rule = fold::best_rule(&trials);
    for member in 0..settings.members {
        clstm
            .tellers
            .push(training.teller(checkpoint, member, &learn, &held)?);
    }
    clstm.facts.tellers.1 = clstm.tellers.len();
    let odds = clstm.signals(&windows, &normal_held).odds;
    clstm.facts.odds = Surprise::fit(odds.into_iter());
    Ok(clstm)
}

struct Training<'a> {
    settings: &'a Settings,
    windows: &'a Windows,
    classes: &'a [u16],
    origins: &'a [usize],
    /// By input whether blind builders are not shown it of the last flow; empty where none is blind.
    hidden: &'a [bool],
    /// Classes of the table.
    count: usize,
}

impl Training<'_> {
    /// Sorts of builders: where there are no labels, every other one is not shown all of the last flow.
    fn sorts(&self) -> usize {
        1 + usize::from(!self.hidden.is_empty())
    }

    /// What a builder is not shown.
    fn hidden(&self, member: usize) -> &[bool] {
        match member.is_multiple_of(2) {
            true => self.hidden,
            false => &[],
        }
    }

    fn shape(&self, is_teller: bool) -> Shape {
        let hidden = self.settings.hidden;
        Shape {
            inputs: self.windows.width,
            hidden,
            state: self.settings.state,
            // One more, for flows of no known class.
            classes: if is_teller { self.count + 1 } else { 0 },
            code: if is_teller { 0 } else { (hidden / 4).max(2) },
            flow: self.windows.width - EXTRA,
        }
    }

    fn builder(
        &self,
        checkpoint: &mut Checkpoint<'_>,
        member: usize,
        learn: &[usize],
        held: &[usize],
    ) -> Result<Net, Error> {
        let task = Task::Build {
            hidden: self.hidden(member),
        };
        let job = self.job(learn, held, task, false);
        let begin = || State::new(job.shape, self.settings.seed, BUILDER + member as u64);
        checkpoint.run("what is normal", &format!("builder.{member}"), &job, begin)
    }

    fn teller(
        &self,
        checkpoint: &mut Checkpoint<'_>,
        member: usize,
        learn: &[usize],
        held: &[usize],
    ) -> Result<Net, Error> {
        let job = self.telling(learn, held);
        let begin = || State::new(job.shape, self.settings.seed, TELLER + member as u64);
        checkpoint.run(
            "what is an attack",
            &format!("teller.{member}"),
            &job,
            begin,
        )
    }

    /// Trained with less effort: it only says how far tellers are to be trusted.
    fn fold(
        &self,
        checkpoint: &mut Checkpoint<'_>,
        at: usize,
        learn: &[usize],
        held: &[usize],
    ) -> Result<Net, Error> {
        let mut job = self.telling(learn, held);
        job.epochs = job.epochs.div_ceil(2);
        job.windows_per_epoch = job.windows_per_epoch.div_ceil(2);
        let begin = || State::new(job.shape, self.settings.seed, TELLER + (1 << 8) + at as u64);
        checkpoint.run("kinds left out", &format!("fold.{at}"), &job, begin)
    }

    /// A teller's training: rare classes count for more.
    fn telling<'c>(&'c self, learn: &'c [usize], held: &'c [usize]) -> Job<'c> {
        let task = Task::Classes {
            of: self.classes,
            weights: class_weights(self.classes, learn, self.count),
            mixed: self.settings.mixed,
            origins: self.origins,
        };
        self.job(learn, held, task, true)
    }

    fn job<'c>(
        &self,
        learn: &'c [usize],
        held: &'c [usize],
        task: Task<'c>,
        is_teller: bool,
    ) -> Job<'c>
    where
        Self: 'c,
    {
        let settings = self.settings;
        Job {
            shape: self.shape(is_teller),
            windows: self.windows,
            learn,
            held,
            task,
            epochs: settings.epochs,
            windows_per_epoch: settings.windows_per_epoch,
            batch: settings.batch,
            patience: settings.patience,
            learning_rate: settings.learning_rate,
            weight_decay: settings.weight_decay,
            dropout: settings.dropout,
        }
    }
}

/// By class how much a flow of it counts: the square root of how much rarer it is than the average, so that rare
/// kinds are learned and common ones still rule. The class of no known kind counts as the average.
#[allow(clippy::cast_precision_loss)]
fn class_weights(classes: &[u16], learn: &[usize], count: usize) -> Vec<f32> {
    let mut counts = vec![0_usize; count + 1];
    for at in learn {
        if let Some(count) = counts.get_mut(usize::from(classes[*at])) {
            *count += 1;
        }
    }
    let present = counts.iter().filter(|count| **count > 0).count().max(1);
    let average = learn.len() as f32 / present as f32;
    let weight = |count: &usize| match count {
        0 => 1.0,
        count => (average / *count as f32).sqrt().min(MAX_WEIGHT),
    };
    counts.iter().map(weight).collect()
}

/// By input, one over its usual squared error.
#[allow(clippy::cast_precision_loss)]
fn error_weights<'a>(
    builders: impl Iterator<Item = &'a Net>,
    windows: &Windows,
    normal: &[usize],
    hidden: &[bool],
) -> Vec<f32> {
    let width = windows.width - EXTRA;
    let mut sums = vec![0.0_f64; width];
    let mut count = 0_usize;
    let mut batch = Vec::new();
    for net in builders {
        let graph = Graph::new(net, false);
        count += normal.len();
        for chunk in normal.chunks(CHUNK) {
            let places = windows.batch(chunk, &mut batch);
            let target = last_flows(&batch, places, windows.width);
            let shape = [chunk.len(), places, windows.width];
            let input = graph.tensor(std::mem::take(&mut batch), shape);
            let built = graph
                .forward(graph.unseen(input, hidden), None)
                .built
                .map(numbers)
                .unwrap_or_default();
            for (at, (built, target)) in built.iter().zip(&target).enumerate() {
                sums[at % width] += f64::from(built - target).powi(2);
            }
        }
    }
    let count = count.max(1) as f64;
    #[allow(clippy::cast_possible_truncation)]
    let weight = |sum: f64| 1.0 / ((sum / count) as f32 + LEAST_ERROR);
    sums.into_iter().map(weight).collect()
}

/// The value below which that share lies; 1 without any, and never nothing: it is divided by.
fn percentile(values: &[f32], share: f64) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    let at = (share * sorted.len().saturating_sub(1) as f64) as usize;
    sorted.get(at).copied().unwrap_or(1.0).max(1e-6)
}
