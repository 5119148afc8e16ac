//! Decision trees on histograms: boosted, or voting.

use super::logistic::sigmoid;
use super::{Error, Inputs, tensor};
use crate::detector::Tensors;
use crate::random::Random;

/// Values of an input are told apart this far; the cuts lie where as many rows are on both sides.
const BINS: usize = 64;
/// Rows that the cuts are found from.
const CUT_SAMPLE: usize = 20_000;
/// Boosting: trees, what each corrects, its depth, the share of rows and of inputs that it sees.
const ROUNDS: usize = 100;
const RATE: f32 = 0.1;
const BOOSTING_DEPTH: usize = 6;
const ROW_SHARE: f64 = 0.5;
const INPUT_SHARE: f64 = 0.5;
/// Forest: trees, the rows that each sees at most, and their depth.
const VOTES: usize = 60;
const FOREST_ROWS: usize = 30_000;
const FOREST_DEPTH: usize = 14;
/// Numbers of a node in a model file.
const NODE_SIZE: usize = 5;

/// A cut, or a leaf where `left` is 0: no node is below itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Node {
    input: u32,
    /// What is not above goes left.
    at: f32,
    left: u32,
    right: u32,
    /// What a leaf adds.
    value: f32,
}

impl Node {
    pub(super) fn leaf(value: f32) -> Self {
        Node {
            value,
            ..Node::default()
        }
    }
}

/// Trees whose leaves are added up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Trees {
    nodes: Vec<Node>,
    roots: Vec<u32>,
    base: f32,
}

impl Trees {
    /// Begins a tree; the next node is its root.
    pub(super) fn begin(&mut self) {
        self.roots
            .push(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
    }

    pub(super) fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Makes a cut of a leaf.
    pub(super) fn cut(&mut self, place: usize, input: usize, at: f32, left: usize, right: usize) {
        let small = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        if let Some(node) = self.nodes.get_mut(place) {
            *node = Node {
                input: small(input),
                at,
                left: small(left),
                right: small(right),
                value: node.value,
            };
        }
    }

    pub(super) fn len(&self) -> usize {
        self.roots.len()
    }

    /// The sum of all trees. Nodes stand after the one above them, so that every way ends.
    pub(super) fn sum(&self, inputs: &[f32]) -> f32 {
        self.roots
            .iter()
            .fold(self.base, |sum, root| sum + self.one(*root, inputs))
    }

    fn one(&self, root: u32, inputs: &[f32]) -> f32 {
        let mut at = root;
        loop {
            let Some(node) = self.nodes.get(at as usize) else {
                return 0.0;
            };
            if node.left <= at {
                return node.value;
            }
            let input = inputs.get(node.input as usize).copied().unwrap_or_default();
            at = if input <= node.at {
                node.left
            } else {
                node.right
            };
        }
    }

    /// Trees that correct each other's logistic loss.
    pub(super) fn boosting(inputs: &Inputs, random: &mut Random) -> Self {
        let bins = Bins::new(inputs, random);
        let rows: Vec<u32> = (0..).take(inputs.len()).collect();
        let attacks = inputs.is_attack.iter().filter(|is| **is).count() as f32;
        let odds = attacks.max(0.5) / (inputs.len() as f32 - attacks).max(0.5);
        let mut trees = Trees {
            base: odds.ln(),
            ..Trees::default()
        };
        let mut sums = vec![trees.base; inputs.len()];
        let mut slopes = vec![Slope::default(); inputs.len()];
        let grow = Grow {
            depth: BOOSTING_DEPTH,
            least_weight: 1.0,
            ridge: 1.0,
            rate: RATE,
            inputs_per_node: usize::MAX,
        };
        let all: Vec<usize> = (0..inputs.width).collect();
        for _ in 0..ROUNDS {
            for ((slope, sum), is_attack) in slopes.iter_mut().zip(&sums).zip(&inputs.is_attack) {
                let share = sigmoid(*sum);
                slope.gradient = f32::from(u8::from(*is_attack)) - share;
                slope.weight = (share * (1.0 - share)).max(1e-6);
            }
            let some = random.some(&rows, (rows.len() as f64 * ROW_SHARE) as usize);
            let columns = random.some(&all, (all.len() as f64 * INPUT_SHARE).ceil() as usize);
            trees.begin();
            grow.tree(&bins, &slopes, some, &columns, &mut trees, random);
            let root = trees.roots.last().copied().unwrap_or_default();
            for (sum, row) in sums.iter_mut().zip(inputs.rows()) {
                *sum += trees.one(root, row);
            }
        }
        trees
    }

    /// Trees that vote, each on rows drawn with replacement and few inputs at each cut.
    pub(super) fn forest(inputs: &Inputs, random: &mut Random) -> Self {
        let bins = Bins::new(inputs, random);
        let slope = |is_attack: &bool| Slope {
            gradient: f32::from(u8::from(*is_attack)),
            weight: 1.0,
        };
        let slopes: Vec<Slope> = inputs.is_attack.iter().map(slope).collect();
        let grow = Grow {
            depth: FOREST_DEPTH,
            least_weight: 2.0,
            ridge: 0.0,
            rate: 1.0 / VOTES as f32,
            inputs_per_node: (2.0 * (inputs.width as f64).sqrt()).ceil() as usize,
        };
        let all: Vec<usize> = (0..inputs.width).collect();
        let mut trees = Trees::default();
        for _ in 0..VOTES {
            let mut rows: Vec<u32> = (0..inputs.len().min(FOREST_ROWS))
                .map(|_| u32::try_from(random.below(inputs.len())).unwrap_or_default())
                .collect();
            rows.sort_unstable();
            trees.begin();
            grow.tree(&bins, &slopes, rows, &all, &mut trees, random);
        }
        trees
    }

    pub(super) fn to_tensors(&self) -> Tensors {
        // Places are exact below 2^24; no forest here has a sixteenth of that.
        let node = |node: &Node| {
            let Node {
                input,
                at,
                left,
                right,
                value,
            } = *node;
            [input as f32, at, left as f32, right as f32, value]
        };
        Tensors::from([
            (
                "nodes".to_owned(),
                self.nodes.iter().flat_map(node).collect(),
            ),
            (
                "roots".to_owned(),
                self.roots.iter().map(|root| *root as f32).collect(),
            ),
            ("base".to_owned(), vec![self.base]),
        ])
    }

    pub(super) fn from_tensors(width: usize, tensors: &Tensors) -> Result<Self, Error> {
        let values = tensor(tensors, "nodes")?;
        let count = values.len() / NODE_SIZE;
        let place = |value: f32, limit: usize| {
            let is_place = value >= 0.0 && value.fract() == 0.0 && (value as usize) < limit;
            is_place
                .then_some(value as u32)
                .ok_or(Error::Tensor("nodes"))
        };
        let mut nodes = Vec::with_capacity(count);
        for node in values.chunks(NODE_SIZE) {
            let [input, at, left, right, value] = *node else {
                return Err(Error::Tensor("nodes"));
            };
            let node = Node {
                input: place(input, width.max(1))?,
                at,
                left: place(left, count)?,
                right: place(right, count)?,
                value,
            };
            let here = nodes.len() as u32;
            // A cut whose right side stood before it would lead around in circles.
            if node.left > here && node.right <= here {
                return Err(Error::Tensor("nodes"));
            }
            nodes.push(node);
        }
        let roots = tensor(tensors, "roots")?;
        let roots: Result<Vec<u32>, Error> = roots.iter().map(|root| place(*root, count)).collect();
        let [base] = *tensor(tensors, "base")? else {
            return Err(Error::Tensor("base"));
        };
        Ok(Trees {
            nodes,
            roots: roots?,
            base,
        })
    }
}

/// Inputs as places between cuts, column after column.
struct Bins {
    rows: usize,
    places: Vec<u8>,
    cuts: Vec<Vec<f32>>,
}

impl Bins {
    fn new(inputs: &Inputs, random: &mut Random) -> Self {
        let all: Vec<usize> = (0..inputs.len()).collect();
        let sample = random.some(&all, CUT_SAMPLE);
        let mut places = Vec::with_capacity(inputs.values.len());
        let mut cuts = Vec::with_capacity(inputs.width);
        for column in 0..inputs.width {
            let value = |row: usize| inputs.row(row).get(column).copied().unwrap_or_default();
            let mut values: Vec<f32> = sample.iter().map(|row| value(*row)).collect();
            let own = quantiles(&mut values);
            places.extend(all.iter().map(|row| {
                let value = value(*row);
                u8::try_from(own.partition_point(|cut| *cut < value)).unwrap_or(u8::MAX)
            }));
            cuts.push(own);
        }
        Bins {
            rows: inputs.len(),
            places,
            cuts,
        }
    }

    fn column(&self, column: usize) -> &[u8] {
        let begin = column * self.rows;
        self.places
            .get(begin..begin + self.rows)
            .unwrap_or_default()
    }
}

/// Cuts between the values, all different, at most `BINS` - 1.
fn quantiles(values: &mut [f32]) -> Vec<f32> {
    values.sort_unstable_by(f32::total_cmp);
    let last = values.last().copied().unwrap_or_default();
    let count = values.len();
    let mut distinct = values.to_vec();
    distinct.dedup();
    let mut cuts: Vec<f32> = match distinct.len() <= BINS {
        true => distinct
            .windows(2)
            .map(|pair| f32::midpoint(pair[0], pair[1]))
            .collect(),
        false => (1..BINS).map(|bin| values[bin * count / BINS]).collect(),
    };
    cuts.dedup();
    cuts.retain(|cut| *cut < last);
    cuts
}

/// What a row pulls towards, and how much it counts.
#[derive(Clone, Copy, Debug, Default)]
struct Slope {
    gradient: f32,
    weight: f32,
}

struct Grow {
    depth: usize,
    /// Either side of a cut has this weight at least.
    least_weight: f64,
    /// Draws leaves to zero.
    ridge: f64,
    /// A leaf's share of what would be right.
    rate: f32,
    /// Inputs, drawn anew, that a cut is looked for in.
    inputs_per_node: usize,
}

/// The best cut of a node.
struct Cut {
    gain: f64,
    column: usize,
    bin: usize,
}

impl Grow {
    fn tree(
        &self,
        bins: &Bins,
        slopes: &[Slope],
        rows: Vec<u32>,
        columns: &[usize],
        trees: &mut Trees,
        random: &mut Random,
    ) {
        // Nodes wait with the place of the one above and on which side of it they are.
        let mut waiting = vec![(rows, 0, None::<(usize, bool)>)];
        while let Some((rows, depth, above)) = waiting.pop() {
            let total = sum(slopes, &rows);
            let place = trees.add(Node::leaf(self.rate * self.value(total) as f32));
            if let Some((above, is_left)) = above
                && let Some(node) = trees.nodes.get_mut(above)
            {
                let place = u32::try_from(place).unwrap_or(u32::MAX);
                let side = if is_left {
                    &mut node.left
                } else {
                    &mut node.right
                };
                *side = place;
            }
            if depth >= self.depth {
                continue;
            }
            let some = match self.inputs_per_node < columns.len() {
                true => &random.some(columns, self.inputs_per_node),
                false => columns,
            };
            let Some(cut) = self.best(bins, slopes, &rows, some, total) else {
                continue;
            };
            let column = bins.column(cut.column);
            let is_left = |row: &u32| {
                column
                    .get(*row as usize)
                    .is_some_and(|bin| usize::from(*bin) <= cut.bin)
            };
            let (left, right): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| is_left(row));
            if let Some(node) = trees.nodes.get_mut(place) {
                node.input = u32::try_from(cut.column).unwrap_or(u32::MAX);
                node.at = bins.cuts[cut.column][cut.bin];
            }
            waiting.push((right, depth + 1, Some((place, false))));
            waiting.push((left, depth + 1, Some((place, true))));
        }
    }

    fn value(&self, (gradient, weight): (f64, f64)) -> f64 {
        gradient / (weight + self.ridge).max(f64::MIN_POSITIVE)
    }

    /// What a side is worth.
    fn worth(&self, (gradient, weight): (f64, f64)) -> f64 {
        gradient * gradient / (weight + self.ridge).max(f64::MIN_POSITIVE)
    }

    fn best(
        &self,
        bins: &Bins,
        slopes: &[Slope],
        rows: &[u32],
        columns: &[usize],
        total: (f64, f64),
    ) -> Option<Cut> {
        let nothing = self.worth(total) + 1e-9;
        let mut best: Option<Cut> = None;
        let mut sums = [(0.0_f64, 0.0_f64); BINS];
        for column in columns {
            let cuts = bins.cuts.get(*column).map_or(0, Vec::len);
            if cuts == 0 {
                continue;
            }
            sums.fill((0.0, 0.0));
            let places = bins.column(*column);
            for row in rows {
                let (at, slope) = (places[*row as usize], slopes[*row as usize]);
                let (gradient, weight) = &mut sums[usize::from(at) % BINS];
                *gradient += f64::from(slope.gradient);
                *weight += f64::from(slope.weight);
            }
            let mut left = (0.0, 0.0);
            for (bin, sum) in sums.iter().enumerate().take(cuts) {
                left = (left.0 + sum.0, left.1 + sum.1);
                let right = (total.0 - left.0, total.1 - left.1);
                if left.1 < self.least_weight || right.1 < self.least_weight {
                    continue;
                }
                let gain = self.worth(left) + self.worth(right) - nothing;
                if gain > best.as_ref().map_or(0.0, |best| best.gain) {
                    let column = *column;
                    best = Some(Cut { gain, column, bin });
                }
            }
        }
        best
    }
}

fn sum(slopes: &[Slope], rows: &[u32]) -> (f64, f64) {
    rows.iter().fold((0.0, 0.0), |(gradient, weight), row| {
        let slope = slopes.get(*row as usize).copied().unwrap_or_default();
        (
            gradient + f64::from(slope.gradient),
            weight + f64::from(slope.weight),
        )
    })
}
