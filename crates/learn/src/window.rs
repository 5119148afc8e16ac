//! Flows to windows: for each flow, what its host did just before.
//!
//! A window is the flow and those of the same host before it, at most `length` of them, in the order of time. It
//! is not copied together until a batch is: each flow knows the flow before it, and that is all.

use std::collections::HashMap;

use crate::scale::Fitted;
use crate::table::Table;

/// Flows of a window at most: what a host did longer ago is told by features that count over time.
pub const MAX_LENGTH: usize = 64;
/// Inputs of a place besides the flow's own: whether there is a flow, and the time since the one before.
pub const EXTRA: usize = 2;

/// No flow before this one.
const NONE: u32 = u32::MAX;
/// Seconds between two flows of a host that count as one unit, on a scale of logarithms: e to the 3rd, 20 s.
const GAP_UNIT: f32 = 3.0;

/// For each of some flows the one of the same host before it.
#[derive(Clone, Debug)]
pub struct Links {
    /// By flow: the flow before it.
    before: Vec<u32>,
    /// By flow: how many came before it.
    places: Vec<u32>,
}

impl Links {
    /// Among these rows of a table, in the order of time; rows of equal time in their own order.
    #[must_use]
    pub fn of(table: &Table, rows: &[usize]) -> Self {
        let flow = |flow: u32| &table.rows[rows[flow as usize]];
        let mut order: Vec<u32> = (0..u32::try_from(rows.len()).unwrap_or(NONE)).collect();
        order.sort_by_key(|at| (flow(*at).at_us, *at));
        let mut links = Links {
            before: vec![NONE; rows.len()],
            places: vec![0; rows.len()],
        };
        let mut newest: HashMap<u32, u32> = HashMap::new();
        for at in order {
            let Some(host) = flow(at).host else {
                continue;
            };
            if let Some(last) = newest.insert(host, at) {
                links.before[at as usize] = last;
                links.places[at as usize] = links.places[last as usize] + 1;
            }
        }
        links
    }

    /// The flow before one, by place among the rows.
    #[must_use]
    pub fn before(&self, flow: usize) -> Option<usize> {
        let before = self.before.get(flow).copied();
        before
            .filter(|before| *before != NONE)
            .map(|before| before as usize)
    }

    /// A flow and those before it, newest first.
    pub fn chain(&self, flow: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(flow), |flow| self.before(*flow))
    }
}

/// Windows over some rows of a table, each ending at one of them.
#[derive(Clone, Debug)]
pub struct Windows {
    /// Flows in a window, at most.
    pub length: usize,
    /// Inputs of each place: the flow's, then [`EXTRA`].
    pub width: usize,
    /// By window: the table's row of its last flow, which the score belongs to.
    pub last: Vec<usize>,
    /// Inputs of the flows, one after the other, without [`EXTRA`].
    flows: Vec<f32>,
    /// By flow: what came before it.
    links: Links,
    /// By flow: the time since the one before, scaled.
    gaps: Vec<f32>,
}

impl Windows {
    /// Windows over these rows and no others, one that ends at each, in the order of the rows.
    #[must_use]
    pub fn build(table: &Table, fitted: &Fitted<'_>, rows: &[usize], length: usize) -> Self {
        let mut flows = Vec::with_capacity(rows.len() * fitted.width());
        for row in rows {
            fitted.bent(table.values(*row), &mut flows);
        }
        let links = Links::of(table, rows);
        let at_us = |flow: usize| table.rows[rows[flow]].at_us;
        let gap = |flow: usize| {
            let before = links.before(flow);
            before.map_or(0.0, |before| {
                scaled_gap(at_us(flow).saturating_sub(at_us(before)))
            })
        };
        Windows {
            length: length.clamp(1, MAX_LENGTH),
            width: fitted.width() + EXTRA,
            last: rows.to_vec(),
            flows,
            gaps: (0..rows.len()).map(gap).collect(),
            links,
        }
    }

    /// Windows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.last.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// Whether a window is one of those that end at every `stride`-th flow of a host.
    #[must_use]
    pub fn is_every(&self, window: usize, stride: usize) -> bool {
        let place = self.links.places.get(window);
        let place = place.map_or(0, |place| *place as usize);
        place.is_multiple_of(stride.max(1))
    }

    /// Inputs of the last flow of a window, without [`EXTRA`].
    #[must_use]
    pub fn flow(&self, window: usize) -> &[f32] {
        let width = self.width - EXTRA;
        let at = window.saturating_mul(width);
        self.flows
            .get(at..at.saturating_add(width))
            .unwrap_or_default()
    }

    /// The table's rows of a window's flows, oldest first.
    #[must_use]
    pub fn members(&self, window: usize) -> Vec<usize> {
        let flows = self.chain(window).map(|flow| self.last[flow]);
        let mut members: Vec<usize> = flows.collect();
        members.reverse();
        members
    }

    /// Copies windows together: `[windows, places, width]`, where there are as many places as the longest of
    /// these windows has flows, at least one, and the last flow stands in the last place. Returns the places.
    pub fn batch(&self, windows: &[usize], into: &mut Vec<f32>) -> usize {
        let count = |window: &usize| self.chain(*window).count();
        let places = windows.iter().map(count).max().unwrap_or(0).max(1);
        let width = self.width - EXTRA;
        into.clear();
        into.resize(windows.len() * places * self.width, 0.0);
        for (window, to) in windows.iter().zip(into.chunks_mut(places * self.width)) {
            for (at, to) in self.chain(*window).zip(to.rchunks_mut(self.width)) {
                to[..width].copy_from_slice(&self.flows[at * width..(at + 1) * width]);
                to[width] = 1.0;
                to[width + 1] = self.gaps[at];
            }
        }
        places
    }

    /// The flows of a window, newest first.
    fn chain(&self, window: usize) -> impl Iterator<Item = usize> + '_ {
        let length = if window < self.len() { self.length } else { 0 };
        self.links.chain(window).take(length)
    }
}

/// Time between two flows as an input.
fn scaled_gap(microseconds: i64) -> f32 {
    #[allow(clippy::cast_precision_loss)]
    let seconds = microseconds.max(0) as f32 / 1e6;
    seconds.ln_1p() / GAP_UNIT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::Scaler;
    use crate::table::{Column, Kind, Row};

    /// Flows as `(host, second)`; the feature is the row's number.
    fn table(flows: &[(Option<u32>, i64)]) -> Table {
        let mut table = Table::new(vec![Column {
            name: "n".to_owned(),
            kind: Kind::Number,
            names: Vec::new(),
        }]);
        for (n, (host, second)) in (0_u8..).zip(flows) {
            let row = Row {
                host: *host,
                at_us: second * 1_000_000,
                ..Row::default()
            };
            table.push(row, &[f32::from(n)]).unwrap();
        }
        table
    }

    fn members(flows: &[(Option<u32>, i64)], length: usize) -> Vec<Vec<usize>> {
        let table = table(flows);
        let rows: Vec<usize> = (0..table.len()).collect();
        let scaler = Scaler::fit(&table, &rows);
        let fitted = scaler.on(&table).unwrap();
        let windows = Windows::build(&table, &fitted, &rows, length);
        (0..windows.len())
            .map(|window| windows.members(window))
            .collect()
    }

    #[test]
    fn a_window_holds_what_the_host_did_before_in_the_order_of_time() {
        let flows = [
            (Some(1), 30),
            (Some(2), 1),
            (Some(1), 10),
            (None, 5),
            (Some(1), 20),
            (None, 6),
        ];
        let expected = [vec![4, 0], vec![1], vec![2], vec![3], vec![2, 4], vec![5]];
        assert_eq!(members(&flows, 2), expected);
    }

    #[test]
    fn a_stride_leaves_windows_out_but_no_history() {
        let flows: Vec<_> = (0..5).map(|second| (Some(1), second)).collect();
        let table = table(&flows);
        let rows: Vec<usize> = (0..5).collect();
        let scaler = Scaler::fit(&table, &rows);
        let windows = Windows::build(&table, &scaler.on(&table).unwrap(), &rows, 3);
        let ends: Vec<usize> = (0..5).filter(|at| windows.is_every(*at, 2)).collect();
        assert_eq!(ends, [0, 2, 4]);
        assert_eq!(windows.members(4), [2, 3, 4]);
    }

    #[test]
    fn places_without_a_flow_are_zeros_and_say_so() {
        let table = table(&[(Some(1), 0), (Some(1), 19), (Some(2), 0)]);
        let scaler = Scaler::fit(&table, &[0, 1, 2]);
        let fitted = scaler.on(&table).unwrap();
        let windows = Windows::build(&table, &fitted, &[0, 1, 2], 9);
        let mut batch = Vec::new();
        assert_eq!(windows.batch(&[1, 2], &mut batch), 2);
        let gap = 20.0_f32.ln() / GAP_UNIT;
        let flow = |window: usize| windows.flow(window)[0];
        let expected = [
            [flow(0), 1.0, 0.0],
            [flow(1), 1.0, gap],
            [0.0, 0.0, 0.0],
            [flow(2), 1.0, 0.0],
        ];
        assert_eq!(batch, expected.concat());
        assert_eq!(windows.batch(&[2], &mut batch), 1, "no longer than needed");
    }
}
