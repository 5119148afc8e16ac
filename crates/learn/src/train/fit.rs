//! One net learns.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::net::{Adam, Graph, Net, Shape, numbers};
use crate::random::Random;
use crate::window::{EXTRA, Windows};

/// Windows that are scored at once.
pub const CHUNK: usize = 512;
/// Windows held back that are looked at after each round.
const HELD: usize = 10_000;
/// The learning rate's last value, as a share of its first.
const LAST_RATE: f32 = 0.02;
/// Share of a flow's features that mixing takes from other flows: from this to all but this.
const MIXED_LEAST: f64 = 0.1;
/// How much of the truth is spread over all classes: a net that is asked for certainty gives it where it should not
/// (C. Szegedy et al., "Rethinking the Inception Architecture", 2016, section 7).
const SMOOTH: f32 = 0.01;

/// What a net is to learn.
pub enum Task<'a> {
    /// To tell classes apart.
    Classes {
        /// By window its class.
        of: &'a [u16],
        /// By class how much it counts.
        weights: Vec<f32>,
        /// Of a step's windows, how many more are mixed up.
        mixed: f32,
        /// By input of a flow its feature: mixing takes features whole.
        origins: &'a [usize],
    },
    /// To build flows again.
    Build {
        /// By input of a flow whether the net is not shown it of the last flow, which it has to expect; all are shown
        /// behind the end.
        hidden: &'a [bool],
    },
}

/// A net's training.
pub struct Job<'a> {
    /// Sizes of the net.
    pub shape: Shape,
    /// All windows.
    pub windows: &'a Windows,
    /// Those to learn from.
    pub learn: &'a [usize],
    /// Those held back.
    pub held: &'a [usize],
    /// What is learned.
    pub task: Task<'a>,
    /// Rounds at most.
    pub epochs: usize,
    /// Windows of a round at most.
    pub windows_per_epoch: usize,
    /// Windows of a step.
    pub batch: usize,
    /// Rounds without a better loss.
    pub patience: usize,
    /// Of the first step.
    pub learning_rate: f32,
    /// By which weights shrink.
    pub weight_decay: f32,
    /// Share left out.
    pub dropout: f32,
}

/// Where a net's training stands after a round: all that the next round needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Rounds done.
    pub epoch: usize,
    /// Rounds since the best.
    pub since_best: usize,
    /// Mean loss over the last round.
    pub loss: f32,
    /// Loss on windows held back.
    pub held_back: f32,
    /// The best of these.
    pub best: f32,
    /// Chance.
    pub random: Random,
    /// The weights now.
    #[serde(skip)]
    pub weights: Vec<Vec<f32>>,
    /// The best weights.
    #[serde(skip)]
    pub best_weights: Vec<Vec<f32>>,
    /// Steps taken and moments.
    #[serde(skip)]
    pub means: Vec<Vec<f32>>,
    /// Moments of the second order.
    #[serde(skip)]
    pub squares: Vec<Vec<f32>>,
    /// Steps taken.
    pub steps: i32,
}

impl State {
    /// Before the first round.
    #[must_use]
    pub fn new(shape: Shape, seed: u64, purpose: u64) -> Self {
        let mut random = Random::of(seed, purpose);
        let net = Net::new(shape, &mut random);
        let adam = Adam::new(&net);
        State {
            epoch: 0,
            since_best: 0,
            loss: f32::INFINITY,
            held_back: f32::INFINITY,
            best: f32::INFINITY,
            random,
            best_weights: net.weights.clone(),
            weights: net.weights,
            means: adam.mean,
            squares: adam.square,
            steps: 0,
        }
    }
}

impl Job<'_> {
    /// Whether it is enough.
    #[must_use]
    pub fn is_done(&self, state: &State) -> bool {
        state.epoch >= self.epochs || state.since_best >= self.patience
    }

    /// One round.
    ///
    /// # Errors
    /// A loss that is no number.
    pub fn epoch(&self, state: &mut State) -> Result<(), Error> {
        let mut order = state.random.some(self.learn, self.windows_per_epoch);
        state.random.shuffle(&mut order);
        let mut net = Net {
            shape: self.shape,
            weights: std::mem::take(&mut state.weights),
        };
        let mut adam = Adam {
            steps: state.steps,
            mean: std::mem::take(&mut state.means),
            square: std::mem::take(&mut state.squares),
        };
        let steps = order.len().div_ceil(self.batch).max(1);
        let mut sum = 0.0_f64;
        for (at, windows) in order.chunks(self.batch).enumerate() {
            #[allow(clippy::cast_precision_loss)]
            let part = (state.epoch as f32 + at as f32 / steps as f32) / self.epochs as f32;
            let wave = 0.5 + 0.5 * (std::f32::consts::PI * part).cos();
            let rate = self.learning_rate * (LAST_RATE + (1.0 - LAST_RATE) * wave);
            let (loss, gradients) = self.step(&net, windows, &mut state.random);
            sum += f64::from(loss);
            adam.step(&mut net, &gradients, rate, self.weight_decay);
        }
        state.epoch += 1;
        state.steps = adam.steps;
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
        let loss = (sum / steps as f64) as f32;
        state.loss = loss;
        state.held_back = self.held_back(&net);
        if !(state.loss.is_finite() && state.held_back.is_finite()) {
            let (epoch, rate) = (state.epoch, self.learning_rate);
            return Err(Error::Diverged { epoch, rate });
        }
        if state.held_back < state.best {
            state.best = state.held_back;
            state.best_weights.clone_from(&net.weights);
            state.since_best = 0;
        } else {
            state.since_best += 1;
        }
        (state.weights, state.means, state.squares) = (net.weights, adam.mean, adam.square);
        Ok(())
    }

    fn step(&self, net: &Net, windows: &[usize], random: &mut Random) -> (f32, Vec<Vec<f32>>) {
        let graph = Graph::new(net, true);
        let mut batch = Vec::new();
        let mixed = match self.task {
            Task::Classes { mixed, .. } => {
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss
                )]
                let count = (windows.len() as f32 * mixed) as usize;
                count
            }
            Task::Build { .. } => 0,
        };
        let mut all = windows.to_vec();
        all.extend((0..mixed).map(|_| self.learn[random.below(self.learn.len())]));
        let places = self.windows.batch(&all, &mut batch);
        self.mix(&mut batch, windows.len(), places, random);
        let target = match self.task {
            Task::Build { .. } => last_flows(&batch, places, self.windows.width),
            Task::Classes { .. } => Vec::new(),
        };
        let input = graph.tensor(batch, [all.len(), places, self.windows.width]);
        let input = graph.unseen(input, self.hidden());
        let outputs = graph.forward(input, Some((random, self.dropout)));
        let loss = self.loss(&graph, &outputs, windows, all.len(), target);
        let value = numbers(loss.clone().detach())
            .first()
            .copied()
            .unwrap_or(f32::NAN);
        (value, graph.gradients(&loss))
    }

    /// What the net is not shown of last flows.
    fn hidden(&self) -> &[bool] {
        match self.task {
            Task::Build { hidden } => hidden,
            Task::Classes { .. } => &[],
        }
    }

    /// Makes flows of the last windows that no host ever sent: each takes a part of its features from others.
    fn mix(&self, batch: &mut [f32], from: usize, places: usize, random: &mut Random) {
        let Task::Classes { origins, .. } = self.task else {
            return;
        };
        let (width, features) = (
            self.windows.width,
            origins.last().map_or(0, |last| last + 1),
        );
        for window in batch.chunks_mut(places * width).skip(from) {
            let share = MIXED_LEAST + (1.0 - 2.0 * MIXED_LEAST) * random.unit();
            let begin = (places - 1) * width;
            let donors: Vec<Option<usize>> = (0..features)
                .map(|_| {
                    (random.unit() < share).then(|| self.learn[random.below(self.learn.len())])
                })
                .collect();
            for (input, origin) in origins.iter().enumerate() {
                if let Some(donor) = donors[*origin] {
                    window[begin + input] = self.windows.flow(donor)[input];
                }
            }
        }
    }

    /// The mean loss of a batch; windows behind those given are mixed up.
    fn loss(
        &self,
        graph: &Graph,
        outputs: &crate::net::Outputs,
        windows: &[usize],
        all: usize,
        target: Vec<f32>,
    ) -> Tensor<1> {
        match (&self.task, &outputs.classes, &outputs.built) {
            (Task::Classes { of, weights, .. }, Some(told), _) => {
                let classes = self.shape.classes;
                #[allow(clippy::cast_precision_loss)]
                let smooth = SMOOTH / classes as f32;
                let mut truth = Vec::with_capacity(all * classes);
                let mut total = 0.0;
                for at in 0..all {
                    // The last class is that of no known class.
                    let class = windows
                        .get(at)
                        .map_or(classes - 1, |window| usize::from(of[*window]));
                    let weight = weights.get(class).copied().unwrap_or(1.0);
                    total += weight;
                    let begin = truth.len();
                    truth.resize(begin + classes, smooth * weight);
                    truth[begin + class.min(classes - 1)] += (1.0 - SMOOTH) * weight;
                }
                let truth = graph.tensor(truth, [all, classes]);
                (log_softmax(told.clone(), 1) * truth).sum() / -total.max(f32::MIN_POSITIVE)
            }
            (Task::Build { .. }, _, Some(built)) => {
                let target = graph.tensor(target, [all, self.shape.flow]);
                (built.clone() - target).square().mean()
            }
            // A job asks for a head that its shape has; without one there is nothing to learn.
            (Task::Classes { .. } | Task::Build { .. }, _, _) => graph.tensor(vec![0.0], [1]),
        }
    }

    fn held_back(&self, net: &Net) -> f32 {
        let step = self.held.len().div_ceil(HELD).max(1);
        let held: Vec<usize> = self.held.iter().copied().step_by(step).collect();
        let graph = Graph::new(net, false);
        let mut batch = Vec::new();
        let mut sum = 0.0_f64;
        for windows in held.chunks(CHUNK) {
            let places = self.windows.batch(windows, &mut batch);
            let target = last_flows(&batch, places, self.windows.width);
            let input = graph.tensor(
                std::mem::take(&mut batch),
                [windows.len(), places, self.windows.width],
            );
            let outputs = graph.forward(graph.unseen(input, self.hidden()), None);
            let loss = self.loss(&graph, &outputs, windows, windows.len(), target);
            let loss = numbers(loss).first().copied().unwrap_or(f32::NAN);
            sum += f64::from(loss) * windows.len() as f64;
        }
        #[allow(clippy::cast_possible_truncation)]
        let mean = (sum / held.len().max(1) as f64) as f32;
        mean
    }
}

/// The last flow of each window of a batch.
#[must_use]
pub fn last_flows(batch: &[f32], places: usize, width: usize) -> Vec<f32> {
    let last = batch.chunks(width).skip(places - 1).step_by(places);
    last.flat_map(|place| &place[..width - EXTRA])
        .copied()
        .collect()
}
