//! The convolutional LSTM as a detector: nets that tell classes apart, nets that build flows again, and how far
//! each is trusted.

mod fold;
mod learn;

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

pub use learn::{Learned, fit, jobs};

use crate::detector::Tensors;
use crate::net::{Graph, Net, Shape, numbers};
use crate::scale::{Missing, Scaler};
use crate::surprise::Surprise;
use crate::table::Table;
use crate::train::fit::{CHUNK, last_flows};
use crate::window::{EXTRA, Windows};

/// Added to the usual error of an input: a feature that is always built perfectly must not count without bound.
const LEAST_ERROR: f32 = 0.01;

/// How the two signals become one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// So much of the classes' surprise, the rest of the error's.
    Sum(f32),
    /// The larger one, after the classes' surprise is multiplied by this.
    Larger(f32),
}

/// What the nets say of flows, before it is put together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signals {
    /// Logarithm of the odds that it is an attack, as the classes tell; 0 without them.
    pub odds: Vec<f32>,
    /// How badly it was built again.
    pub error: Vec<f32>,
    /// The likeliest class, as the nets count classes.
    pub class: Vec<u16>,
}

/// A trained one.
#[derive(Clone, Debug, PartialEq)]
pub struct Clstm {
    /// What is told in the manifest.
    pub facts: Facts,
    /// Nets that tell classes apart; none where there were no labels.
    pub tellers: Vec<Net>,
    /// Nets that build flows again.
    pub builders: Vec<Net>,
    /// By input of a flow: what its squared error is multiplied by; of nets of two sorts, first of the one, then of
    /// the other.
    pub weights: Vec<f32>,
}

/// All of it but the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Flows of a window.
    pub window: usize,
    /// Features to inputs.
    pub scaler: Scaler,
    /// Sizes of the nets that tell classes apart, and how many there are.
    pub tellers: (Shape, usize),
    /// Sizes of the nets that build flows again, and how many there are.
    pub builders: (Shape, usize),
    /// How rare odds are among normal flows.
    pub odds: Surprise,
    /// How rare errors are among normal flows.
    pub error: Surprise,
    /// The 99th percentile of normal flows' error.
    pub unit: f32,
    /// How the two signals become one.
    pub rule: Rule,
    /// Whether every other builder, from the first, is not shown the amounts of the last flow: it tells what is to be
    /// expected of it by its service and the flows before it. The others tell what goes together within a flow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_blind: bool,
    /// Inputs whose errors count, the largest; without, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<usize>,
}

impl Rule {
    /// The one signal, and how much each of the two adds to it just there.
    fn apply(self, odds: (f32, f32), error: (f32, f32)) -> (f32, f32, f32) {
        match self {
            Rule::Sum(share) => {
                let rest = 1.0 - share;
                (
                    share * odds.0 + rest * error.0,
                    share * odds.1,
                    rest * error.1,
                )
            }
            Rule::Larger(times) if times * odds.0 >= error.0 => {
                (times * odds.0, times * odds.1, 0.0)
            }
            Rule::Larger(_) => (error.0, 0.0, error.1),
        }
    }
}

impl Facts {
    /// How suspicious signals are, and how much each of the two adds to it just there.
    #[must_use]
    pub fn suspicion(&self, odds: f32, error: f32) -> (f32, f32, f32) {
        if self.tellers.1 == 0 {
            let (rareness, slope) = self.error.of(error);
            return (rareness, 0.0, slope);
        }
        self.rule.apply(self.odds.of(odds), self.error.of(error))
    }
}

impl Clstm {
    /// Windows that end at each of the rows.
    ///
    /// # Errors
    /// Columns that the table lacks.
    pub fn windows(&self, table: &Table, rows: &[usize]) -> Result<Windows, Missing> {
        let fitted = self.facts.scaler.on(table)?;
        Ok(Windows::build(table, &fitted, rows, self.facts.window))
    }

    /// What the nets say of these windows.
    #[must_use]
    pub fn signals(&self, windows: &Windows, which: &[usize]) -> Signals {
        let graphs = Graphs::new(self, false);
        let mut signals = Signals::default();
        let mut batch = Vec::new();
        for chunk in which.chunks(CHUNK) {
            let places = windows.batch(chunk, &mut batch);
            let batch = std::mem::take(&mut batch);
            let target = last_flows(&batch, places, windows.width);
            let input = graphs.input(batch, [chunk.len(), places, windows.width]);
            graphs.signals(self, input, &target, &mut signals);
        }
        signals
    }

    /// How suspicious windows are that are already copied together, `[count, places, width]`.
    #[must_use]
    pub fn suspicion(&self, batch: Vec<f32>, shape: [usize; 3]) -> Vec<f32> {
        let graphs = Graphs::new(self, false);
        let mut signals = Signals::default();
        let target = last_flows(&batch, shape[1], shape[2]);
        let input = graphs.input(batch, shape);
        graphs.signals(self, input, &target, &mut signals);
        let pairs = signals.odds.iter().zip(&signals.error);
        pairs
            .map(|(odds, error)| self.facts.suspicion(*odds, *error).0)
            .collect()
    }

    /// How the suspicion of such windows rises with each input, in the same arrangement.
    #[must_use]
    pub fn gradient(&self, batch: Vec<f32>, shape: [usize; 3]) -> Vec<f32> {
        let graphs = Graphs::new(self, true);
        let mut signals = Signals::default();
        let target = last_flows(&batch, shape[1], shape[2]);
        let input = graphs.input(batch, shape).require_grad();
        let (odds, error) = graphs.signals(self, input.clone(), &target, &mut signals);
        let pairs = signals.odds.iter().zip(&signals.error);
        let slopes: Vec<(f32, f32, f32)> = pairs
            .map(|(odds, error)| self.facts.suspicion(*odds, *error))
            .collect();
        let slope =
            |which: fn(&(f32, f32, f32)) -> f32| graphs.column(slopes.iter().map(which).collect());
        let error = (error * slope(|slopes| slopes.2)).sum();
        let whole = match odds {
            Some(odds) => error + (odds * slope(|slopes| slopes.1)).sum(),
            None => error,
        };
        let gradients = whole.backward();
        input.grad(&gradients).map(numbers).unwrap_or_default()
    }

    /// All arrays.
    #[must_use]
    pub fn to_tensors(&self) -> Tensors {
        let mut tensors = BTreeMap::from([("error.weights".to_owned(), self.weights.clone())]);
        for (kind, nets) in [("teller", &self.tellers), ("builder", &self.builders)] {
            for (at, net) in nets.iter().enumerate() {
                tensors.extend(net.to_tensors(&format!("{kind}.{at}")));
            }
        }
        tensors
    }

    /// The reverse of [`Clstm::to_tensors`].
    ///
    /// # Errors
    /// What is missing or can't be, in words.
    pub fn from_tensors(facts: Facts, tensors: &Tensors) -> Result<Self, String> {
        let width = facts.scaler.width();
        let fits =
            |shape: &Shape| shape.is_sane() && shape.flow == width && shape.inputs == width + EXTRA;
        let is_sane = [&facts.tellers, &facts.builders]
            .iter()
            .all(|(shape, count)| fits(shape) && *count <= 64);
        let has_heads = (facts.tellers.1 == 0 || facts.tellers.0.classes > 1)
            && facts.builders.1 > 0
            && facts.builders.0.code > 0;
        let is_sane = is_sane
            && has_heads
            && facts.scaler.is_sane()
            && facts.odds.is_sane()
            && facts.error.is_sane();
        if !(is_sane && facts.unit.is_finite() && facts.unit > 0.0) {
            return Err("its sizes or scales can't be".to_owned());
        }
        let nets = |kind: &str, (shape, count): (Shape, usize)| -> Result<Vec<Net>, String> {
            let net = |at| Net::from_tensors(shape, &format!("{kind}.{at}"), tensors);
            let missing = |name| format!("array {name:?} is missing or of another size");
            (0..count)
                .map(net)
                .collect::<Result<_, _>>()
                .map_err(missing)
        };
        let sorts = 1 + usize::from(facts.has_blind);
        let weights = tensors
            .get("error.weights")
            .filter(|weights| weights.len() == sorts * width);
        Ok(Clstm {
            tellers: nets("teller", facts.tellers)?,
            builders: nets("builder", facts.builders)?,
            weights: weights
                .ok_or("array \"error.weights\" is missing or of another size")?
                .clone(),
            facts,
        })
    }
}

/// All nets on a device.
struct Graphs {
    tellers: Vec<Graph>,
    builders: Vec<Graph>,
    /// For each sort of builder.
    weights: Vec<Tensor<2>>,
    /// By input of a flow, whether blind builders are not shown it of the last flow; empty where none is blind.
    hidden: Vec<bool>,
    device: Device,
}

impl Graphs {
    fn new(clstm: &Clstm, has_gradients: bool) -> Self {
        let graphs = |nets: &[Net]| {
            nets.iter()
                .map(|net| Graph::new(net, has_gradients))
                .collect()
        };
        let device = Graph::device(has_gradients);
        let width = clstm.facts.scaler.width();
        let weights = clstm.weights.chunks(width.max(1)).map(|weights| {
            let weights = burn::tensor::TensorData::new(weights.to_vec(), [1, width]);
            Tensor::from_data(weights, &device)
        });
        Graphs {
            tellers: graphs(&clstm.tellers),
            builders: graphs(&clstm.builders),
            weights: weights.collect(),
            device: device.clone(),
            hidden: match clstm.facts.has_blind {
                true => clstm.facts.scaler.amounts(),
                false => Vec::new(),
            },
        }
    }

    /// Of squared errors `[batch, inputs]` the mean of the largest.
    fn largest(&self, off: Tensor<2>, most: Option<usize>) -> Tensor<2> {
        let [count, width] = off.dims();
        let Some(most) = most.filter(|most| (1..width).contains(most)) else {
            return off.mean_dim(1);
        };
        let values = numbers(off.clone().detach());
        let mut mask = vec![0.0; values.len()];
        let mut order: Vec<usize> = Vec::with_capacity(width);
        for (row, mask) in values.chunks(width).zip(mask.chunks_mut(width)) {
            order.clear();
            order.extend(0..width);
            order.select_nth_unstable_by(most - 1, |a, b| {
                row[*b].total_cmp(&row[*a]).then(a.cmp(b))
            });
            for at in &order[..most] {
                mask[*at] = 1.0;
            }
        }
        let mask = burn::tensor::TensorData::new(mask, [count, width]);
        let mask = Tensor::from_data(mask, &self.device);
        #[allow(clippy::cast_precision_loss)]
        let most = most as f32;
        (off * mask).sum_dim(1) / most
    }

    fn input(&self, batch: Vec<f32>, shape: [usize; 3]) -> Tensor<3> {
        Tensor::from_data(burn::tensor::TensorData::new(batch, shape), &self.device)
    }

    fn column(&self, values: Vec<f32>) -> Tensor<2> {
        let shape = [values.len(), 1];
        Tensor::from_data(burn::tensor::TensorData::new(values, shape), &self.device)
    }

    /// Adds a batch's signals; gives those that have gradients, `[batch, 1]` each.
    fn signals(
        &self,
        clstm: &Clstm,
        input: Tensor<3>,
        target: &[f32],
        into: &mut Signals,
    ) -> (Option<Tensor<2>>, Tensor<2>) {
        let [count, places, _] = input.dims();
        let flow = clstm.facts.scaler.width();
        let target_now = input
            .clone()
            .narrow(1, places - 1, 1)
            .narrow(2, 0, flow)
            .reshape([count, flow]);
        debug_assert_eq!(target.len(), count * flow);
        let mut odds: Option<Tensor<2>> = None;
        let mut told: Option<Tensor<2>> = None;
        for graph in &self.tellers {
            let Some(classes) = graph.forward(input.clone(), None).classes else {
                continue;
            };
            let now = log_odds(&classes);
            odds = Some(match odds {
                Some(odds) => odds + now,
                None => now,
            });
            told = Some(match told {
                Some(told) => told + classes.detach(),
                None => classes.detach(),
            });
        }
        let mut error = Tensor::zeros([count, 1], &self.device);
        for (at, graph) in self.builders.iter().enumerate() {
            let sort = at % self.weights.len().max(1);
            let hidden = if sort == 0 { &self.hidden[..] } else { &[] };
            let seen = graph.unseen(input.clone(), hidden);
            if let Some(built) = graph.forward(seen, None).built
                && let Some(weights) = self.weights.get(sort)
            {
                let off = (built - target_now.clone()).square() * weights.clone();
                error = error + self.largest(off.log1p(), clstm.facts.most);
            }
        }
        #[allow(clippy::cast_precision_loss)]
        let (tellers, builders) = (
            self.tellers.len().max(1) as f32,
            self.builders.len().max(1) as f32,
        );
        let (odds, error) = (odds.map(|odds| odds / tellers), error / builders);
        into.error.extend(numbers(error.clone().detach()));
        match &odds {
            Some(odds) => into.odds.extend(numbers(odds.clone().detach())),
            None => into.odds.extend(std::iter::repeat_n(0.0, count)),
        }
        if let Some(told) = told {
            let [_, classes] = told.dims();
            // The last class is that of no known class.
            let likeliest = |row: &[f32]| {
                let known = row.iter().enumerate().take(classes - 1);
                let most = known.max_by(|a, b| a.1.total_cmp(b.1));
                most.map_or(0, |(class, _)| u16::try_from(class).unwrap_or(0))
            };
            into.class
                .extend(numbers(told).chunks(classes).map(likeliest));
        }
        (odds, error)
    }
}

/// Logarithm of the odds of any class but the first: `[batch, 1]`.
fn log_odds(classes: &Tensor<2>) -> Tensor<2> {
    let [_, count] = classes.dims();
    let normal = classes.clone().narrow(1, 0, 1);
    let others = classes.clone().narrow(1, 1, count - 1);
    let most = others.clone().detach().max_dim(1);
    (others - most.clone()).exp().sum_dim(1).log() + most - normal
}
