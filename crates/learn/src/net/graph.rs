//! The net as Burn computes it.

use std::collections::BTreeMap;

use burn::tensor::activation::{relu, sigmoid, tanh};
use burn::tensor::{Device, Tensor, TensorData};

use super::{KERNEL, Net, Shape};
use crate::random::Random;

/// A net's weights on a device.
pub struct Graph {
    shape: Shape,
    device: Device,
    parts: BTreeMap<&'static str, Tensor<2>>,
}

/// What a net says of a batch.
pub struct Outputs {
    /// `[batch, classes]`, where there is such a head.
    pub classes: Option<Tensor<2>>,
    /// `[batch, flow]`: the last flow built again, where there is such a head.
    pub built: Option<Tensor<2>>,
}

impl Graph {
    /// Takes the weights over; with gradients where the net is to learn.
    #[must_use]
    pub fn new(net: &Net, has_gradients: bool) -> Self {
        let device = Graph::device(has_gradients);
        let parts = net.shape.parts();
        let tensor = |(part, weights): (&super::Part, &Vec<f32>)| {
            let data = TensorData::new(weights.clone(), [part.rows, part.columns]);
            let tensor = Tensor::<2>::from_data(data, &device);
            let tensor = if has_gradients {
                tensor.require_grad()
            } else {
                tensor
            };
            (part.name, tensor)
        };
        let parts = parts.iter().zip(&net.weights).map(tensor).collect();
        Graph {
            shape: net.shape,
            device,
            parts,
        }
    }

    /// Where nets are computed: this machine's processor, one thread.
    #[must_use]
    pub fn device(has_gradients: bool) -> Device {
        match has_gradients {
            true => Device::flex().autodiff(),
            false => Device::flex(),
        }
    }

    /// An array on the net's device.
    #[must_use]
    pub fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    /// Windows `[batch, places, inputs]` with zeros for the `hidden` inputs of their last flows.
    #[must_use]
    pub fn unseen(&self, batch: Tensor<3>, hidden: &[bool]) -> Tensor<3> {
        if hidden.is_empty() {
            return batch;
        }
        let [_, places, width] = batch.dims();
        let mut shown = vec![1.0; places * width];
        for (shown, is_hidden) in shown[(places - 1) * width..].iter_mut().zip(hidden) {
            *shown = f32::from(!is_hidden);
        }
        batch * self.tensor(shown, [1, places, width])
    }

    /// What the net says of `[batch, places, inputs]`. With `dropout`, that share of inputs and of hidden units
    /// is left out by chance, and the rest raised to make up for it.
    #[must_use]
    pub fn forward(&self, batch: Tensor<3>, dropout: Option<(&mut Random, f32)>) -> Outputs {
        let [count, places, inputs] = batch.dims();
        let width = self.shape.hidden;
        let is_flow = batch
            .clone()
            .narrow(2, self.shape.flow, 1)
            .reshape([count * places, 1]);
        let mut dropout = dropout;
        let batch = match &mut dropout {
            Some((random, rate)) => batch * self.kept([count, places, inputs], random, *rate / 2.0),
            None => batch,
        };
        let seen = self.convolution(batch) * is_flow.clone();
        let state = self.lstm(seen.clone(), is_flow, count, places);
        let newest = seen
            .reshape([count, places, width])
            .narrow(1, places - 1, 1)
            .reshape([count, width]);
        let both = Tensor::cat(vec![state, newest], 1);
        let both = match &mut dropout {
            Some((random, rate)) => {
                both * self.kept([count, self.shape.state + width], random, *rate)
            }
            None => both,
        };
        Outputs {
            classes: (self.shape.classes > 0).then(|| {
                let hidden =
                    relu(self.linear("class.hidden.weight", "class.hidden.bias", both.clone()));
                self.linear("class.weight", "class.bias", hidden)
            }),
            built: (self.shape.code > 0).then(|| {
                let code = tanh(self.linear("code.weight", "code.bias", both));
                let hidden = relu(self.linear("build.hidden.weight", "build.hidden.bias", code));
                self.linear("build.weight", "build.bias", hidden)
            }),
        }
    }

    /// Gradients of a loss, as the weights are arranged. The graph is used up.
    #[must_use]
    pub fn gradients(self, loss: &Tensor<1>) -> Vec<Vec<f32>> {
        let gradients = loss.backward();
        let of = |part: &super::Part| {
            let gradient = self.parts[part.name].grad(&gradients);
            gradient.map_or_else(|| vec![0.0; part.rows * part.columns], numbers)
        };
        self.shape.parts().iter().map(of).collect()
    }

    /// `[batch × places, hidden]`. The three places are laid side by side, so that it is one product.
    fn convolution(&self, batch: Tensor<3>) -> Tensor<2> {
        let [count, places, inputs] = batch.dims();
        let weight = self.parts["convolution.weight"].clone();
        let before = (KERNEL - 1).min(places - 1);
        // Places before the first flow are zeros: their weights need not be looked at.
        let weight = weight.narrow(0, (KERNEL - 1 - before) * inputs, (before + 1) * inputs);
        let beside = if before == 0 {
            batch.reshape([count * places, inputs])
        } else {
            let nothing = Tensor::zeros([count, before, inputs], &self.device);
            let padded = Tensor::cat(vec![nothing, batch], 1);
            let shifted = (0..=before).map(|shift| padded.clone().narrow(1, shift, places));
            Tensor::cat(shifted.collect(), 2).reshape([count * places, (before + 1) * inputs])
        };
        relu(beside.matmul(weight) + self.parts["convolution.bias"].clone())
    }

    /// The last state, `[batch, state]`.
    fn lstm(&self, seen: Tensor<2>, is_flow: Tensor<2>, count: usize, places: usize) -> Tensor<2> {
        let width = self.shape.state;
        let gates = self.linear("lstm.input", "lstm.bias", seen);
        let gates = gates.reshape([count, places, 4 * width]);
        let is_flow = is_flow.reshape([count, places, 1]);
        let mut memory: Option<Tensor<2>> = None;
        let mut state: Option<Tensor<2>> = None;
        for place in 0..places {
            let mut now = gates
                .clone()
                .narrow(1, place, 1)
                .reshape([count, 4 * width]);
            if let Some(state) = state.take() {
                now = now + state.matmul(self.parts["lstm.state"].clone());
            }
            let opened = sigmoid(now.clone().narrow(1, 0, 3 * width));
            let news = tanh(now.narrow(1, 3 * width, width));
            let gate = |at: usize| opened.clone().narrow(1, at * width, width);
            let mut kept = gate(0) * news;
            if let Some(memory) = memory.take() {
                kept = kept + gate(1) * memory;
            }
            // A place without a flow leaves nothing behind.
            let is_flow = is_flow.clone().narrow(1, place, 1).reshape([count, 1]);
            let kept = kept * is_flow;
            state = Some(gate(2) * tanh(kept.clone()));
            memory = Some(kept);
        }
        state.unwrap_or_else(|| Tensor::zeros([count, width], &self.device))
    }

    fn linear(&self, weight: &str, bias: &str, input: Tensor<2>) -> Tensor<2> {
        input.matmul(self.parts[weight].clone()) + self.parts[bias].clone()
    }

    /// Zeros for what is left out.
    fn kept<const D: usize>(&self, shape: [usize; D], random: &mut Random, rate: f32) -> Tensor<D> {
        let kept = 1.0 / (1.0 - rate);
        // Four decisions of 16 bits from each number: chance must not cost more than the net.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let limit = (rate * 65_536.0) as u64;
        let count: usize = shape.iter().product();
        let mut values = Vec::with_capacity(count + 3);
        while values.len() < count {
            let bits = random.bits();
            let each = [0, 16, 32, 48].map(|shift| (bits >> shift) & 0xffff);
            values.extend(each.map(|part| if part < limit { 0.0 } else { kept }));
        }
        values.truncate(count);
        self.tensor(values, shape)
    }
}

/// The numbers of an array.
#[must_use]
pub fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    // The device computes in f32 throughout; another type would be a fault of this file.
    tensor.into_data().try_to_vec::<f32>().unwrap_or_default()
}
