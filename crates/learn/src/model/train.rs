//! From flows to a model that is calibrated and has its threshold.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::recent;
use super::{Calibrated, Kind, Manifest, Model, Normals, Recent, Trained};
use crate::calibrate::{Calibration, expected_error};
use crate::clstm::{self, Learned};
use crate::detector::Detector;
use crate::drift::Reference;
use crate::hex::hex;
use crate::scale::Scaler;
use crate::surprise::Surprise;
use crate::table::{NORMAL, Table};
use crate::threshold::Incidents;
use crate::train::checkpoint::Checkpoint;
use crate::train::hold::{STRETCHES, hold_back};
use crate::train::{Error, Labels, Settings, Watch};
use crate::window::Links;

/// Flows that a training needs: fewer have no percentiles.
pub const MIN_ROWS: usize = 100;
/// Flows of each sort, attacks and normal ones, that labels need to be learned from.
const MIN_SORT: usize = 10;

/// Parts of the time that are each judged by a model of the others, where all rows are normal.
const PARTS: usize = 4;
/// Share of the rows that is held back at least where there are no labels: only the threshold is learned from them,
/// and it stands on the few that are most suspicious.
const HELD_BACK: f32 = 0.3;

/// Rows, ready to be learned from.
struct Ready {
    learn: Vec<usize>,
    held: Vec<usize>,
    is_supervised: bool,
    trained: Trained,
    /// Rows held back, of all those of their time.
    share: f32,
}

impl Model {
    /// Trains a convolutional LSTM on these rows.
    ///
    /// # Errors
    /// Settings that can't be, rows that nothing can be learned from, a checkpoint that can't be written, or a
    /// stop by who watches.
    pub fn train(
        table: &Table,
        rows: &[usize],
        settings: &Settings,
        watch: &mut dyn Watch,
    ) -> Result<Model, Error> {
        let ready = Ready::of(table, rows, settings, None)?;
        let learned = Learned {
            table,
            learn: &ready.learn,
            held: &ready.held,
            is_supervised: ready.is_supervised,
            settings,
        };
        let folder = settings.checkpoints.as_deref();
        let jobs = clstm::jobs(settings, ready.is_supervised);
        let mut checkpoint = Checkpoint::open(folder, &ready.trained.fingerprint, jobs, watch)?;
        let clstm = clstm::fit(&learned, &mut checkpoint)?;
        let scaler = clstm.facts.scaler.clone();
        let windows = clstm.windows(table, &ready.held)?;
        let all: Vec<usize> = (0..ready.held.len()).collect();
        let signals = clstm.signals(&windows, &all);
        let pairs = signals.odds.iter().zip(&signals.error);
        let own = pairs.map(|(odds, error)| clstm.facts.suspicion(*odds, *error).0);
        let own = own.collect();
        let kind = Kind::Clstm(Box::new(clstm));
        let raw = Surprise::fit(std::iter::empty());
        Ok(ready.finish(table, settings, kind, (scaler, raw, own)))
    }

    /// Makes a model of a detector that is fitted by `fit` on the rows to learn from.
    ///
    /// # Errors
    /// As [`Model::train`].
    pub fn of_detector(
        table: &Table,
        rows: &[usize],
        settings: &Settings,
        is_supervised: bool,
        fit: impl Fn(&Table, &[usize], u64) -> Result<Box<dyn Detector>, Error>,
    ) -> Result<Model, Error> {
        let mut ready = Ready::of(table, rows, settings, Some(is_supervised))?;
        let fit = |rows: &[usize]| fit(table, rows, settings.seed);
        let crossed = match ready.is_supervised {
            true => None,
            false => Some(ready.judged_by_parts(table, fit)?),
        };
        let detector = fit(&ready.learn)?;
        let raw = match crossed {
            Some(raw) => raw,
            None => detector.raw(table, &ready.held)?,
        };
        let pairs = ready.held.iter().zip(&raw);
        let normal = pairs.filter(|(row, _)| is_normal(table, **row));
        let scale = Surprise::fit(normal.map(|(_, raw)| *raw));
        let own = raw.into_iter().map(|raw| scale.of(raw).0).collect();
        let scaler = match detector.scaler().rarity {
            Some(_) => detector.scaler().clone(),
            None => Scaler::fit(table, &of_normal(table, &ready.learn)),
        };
        Ok(ready.finish(
            table,
            settings,
            Kind::Baseline(detector),
            (scaler, scale, own),
        ))
    }
}

impl Ready {
    fn of(
        table: &Table,
        rows: &[usize],
        settings: &Settings,
        wants_labels: Option<bool>,
    ) -> Result<Self, Error> {
        settings.check()?;
        let few = |given: usize| Error::Few {
            given,
            wanted: MIN_ROWS,
        };
        if rows.len() < MIN_ROWS {
            return Err(few(rows.len()));
        }
        let labelled = |is_attack| {
            rows.iter()
                .filter(|row| table.is_attack(**row) == Some(is_attack))
                .count()
        };
        let (attacks, normal) = (labelled(true), labelled(false));
        let has_both = attacks >= MIN_SORT && normal >= MIN_SORT;
        let is_supervised = match (settings.labels, wants_labels) {
            (Labels::Ignore, _) => false,
            (Labels::Use, _) if !has_both => {
                let class = table.classes.get(usize::from(attacks > normal));
                return Err(Error::OneClass(class.cloned().unwrap_or_default()));
            }
            (Labels::Use, _) => true,
            (Labels::Auto, wants) => has_both && wants != Some(false),
        };
        let is_used = |row: &usize| match table.is_attack(*row) {
            Some(true) => {
                is_supervised || wants_labels == Some(false) && attacks < rows.len() && normal > 0
            }
            Some(false) => true,
            None => !is_supervised,
        };
        let mut used: Vec<usize> = rows.iter().copied().filter(is_used).collect();
        used.sort_unstable();
        used.dedup();
        if used.is_empty() {
            let class = rows.first().and_then(|row| table.rows[*row].class);
            let name = class.and_then(|class| table.classes.get(usize::from(class)));
            return Err(Error::OneClass(name.cloned().unwrap_or_default()));
        }
        if used.len() < MIN_ROWS {
            return Err(few(used.len()));
        }
        if is_constant(table, &used) {
            return Err(Error::Constant);
        }
        // What is usual of a day is known to who saw an hour of it: without labels the end is held back, whole days.
        let (share, stretches) = match is_supervised {
            true => (settings.held_back, STRETCHES),
            false => (settings.held_back.max(HELD_BACK), 1),
        };
        let (learn, held) = hold_back(table, &used, share, stretches);
        let hash = hash(table, &used);
        let mut classes = BTreeMap::new();
        for row in &used {
            let class = table.rows[*row]
                .class
                .and_then(|class| table.classes.get(usize::from(class)));
            let class = class.map_or("not labelled", String::as_str);
            *classes.entry(class.to_owned()).or_default() += 1;
        }
        let told = Settings {
            checkpoints: None,
            name: String::new(),
            ..settings.clone()
        };
        // Settings are numbers and words: nothing that JSON can't say.
        let mut told = serde_json::to_string(&told).unwrap_or_default();
        if !is_supervised {
            // What was trained otherwise before is no checkpoint of this.
            told += " by service";
        }
        let trained = Trained {
            fingerprint: hex(&Sha256::digest(format!("{hash} {is_supervised} {told}"))),
            hash,
            sources: table.sources.clone(),
            learned: learn.len(),
            held_back: held.len(),
            classes,
        };
        Ok(Ready {
            learn,
            held,
            is_supervised,
            trained,
            // The end in one piece is all of its time.
            share: if stretches == 1 { 1.0 } else { share },
        })
    }

    /// Raw scores of all rows, each by a detector that learned from other parts of the time; from then on all rows
    /// are both learned from and held back.
    fn judged_by_parts(
        &mut self,
        table: &Table,
        fit: impl Fn(&[usize]) -> Result<Box<dyn Detector>, Error>,
    ) -> Result<Vec<f32>, Error> {
        let mut all = [&self.learn[..], &self.held[..]].concat();
        all.sort_unstable();
        let place = |row: &usize| (table.rows[*row].at_us, table.rows[*row].source, *row);
        let mut ordered = all.clone();
        ordered.sort_by_key(place);
        let mut raw = vec![0.0; all.len()];
        for part in ordered.chunks(ordered.len().div_ceil(PARTS).max(1)) {
            let (first, last) = (part.first().map(place), part.last().map(place));
            let is_other = |row: &usize| Some(place(row)) < first || Some(place(row)) > last;
            let others: Vec<usize> = all.iter().copied().filter(is_other).collect();
            let scores = fit(&others)?.raw(table, part)?;
            for (row, score) in part.iter().zip(scores) {
                if let Ok(at) = all.binary_search(row) {
                    raw[at] = score;
                }
            }
        }
        (self.learn, self.held) = (all.clone(), all);
        (self.trained.learned, self.trained.held_back) = (self.learn.len(), self.held.len());
        self.share = 1.0;
        Ok(raw)
    }

    /// Calibrates, sets the threshold and puts the model together; `own` are the suspicions of the rows held back,
    /// each by itself.
    fn finish(
        self,
        table: &Table,
        settings: &Settings,
        kind: Kind,
        (scaler, raw, own): (Scaler, Surprise, Vec<f32>),
    ) -> Model {
        let (recent, suspicions) = match self.is_supervised {
            true => (None, own),
            false => self.joined(table, settings.window, &own),
        };
        let normal_learn = of_normal(table, &self.learn);
        let mut model = Model {
            manifest: Manifest {
                name: settings.name.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                classes: table.classes.clone(),
                is_supervised: self.is_supervised,
                settings: Settings {
                    checkpoints: None,
                    ..settings.clone()
                },
                trained: self.trained,
                calibrated: Calibrated::Rareness,
                raw,
                recent,
                cut: 0.0,
                incidents: Incidents::default(),
                drift: Reference::fit(table, &self.learn),
                metrics: BTreeMap::new(),
            },
            kind,
            normals: Normals::choose(table, &normal_learn, &scaler, settings.seed),
            checkpoint: settings.checkpoints.clone(),
        };
        let is_attack: Vec<bool> = self
            .held
            .iter()
            .map(|row| table.is_attack(*row) == Some(true))
            .collect();
        if self.is_supervised {
            let calibration = Calibration::fit(&suspicions, &is_attack);
            model.manifest.calibrated = Calibrated::Labels(calibration);
            let error = cross_fitted_error(&suspicions, &is_attack);
            model.manifest.metrics.insert("ece".to_owned(), error);
        }
        let pairs = self.held.iter().zip(suspicions);
        let normal = pairs.filter(|(row, _)| table.is_attack(**row) != Some(true));
        let flows = normal.map(|(row, suspicion)| (&table.rows[*row], suspicion));
        let all = match self.share < 1.0 {
            true => [&self.learn[..], &self.held[..]].concat(),
            false => self.held.clone(),
        };
        let all = all.iter().map(|row| &table.rows[*row]);
        model.manifest.incidents = Incidents::of(flows, all, self.share);
        model.manifest.cut = model.cut(settings.incidents_per_day);
        model
    }

    /// How the flows of a host become one suspicion, and those of the rows held back.
    fn joined(&self, table: &Table, flows: usize, own: &[f32]) -> (Option<Recent>, Vec<f32>) {
        let links = Links::of(table, &self.held);
        let last = |at: usize| links.chain(at).map(|flow| own[flow]).take(flows);
        let normal = (0..self.held.len()).filter(|at| is_normal(table, self.held[*at]));
        let means = normal.map(|at| recent::mean(last(at)));
        let recent = Recent::fit(flows, means);
        let joined = (0..self.held.len()).map(|at| recent.of(last(at)));
        let joined = joined.collect();
        (Some(recent), joined)
    }
}

/// The calibration error of flows that the calibration was not fitted on: each half is judged by the other's.
fn cross_fitted_error(suspicions: &[f32], is_attack: &[bool]) -> f64 {
    let half = |odd: usize| -> (Vec<f32>, Vec<bool>) {
        let pairs = suspicions.iter().copied().zip(is_attack.iter().copied());
        pairs.skip(odd).step_by(2).unzip()
    };
    let off = |(fit, judge): (usize, usize)| {
        let ((scores, truth), (others, others_truth)) = (half(fit), half(judge));
        let calibration = Calibrated::Labels(Calibration::fit(&scores, &truth));
        let told: Vec<f32> = others
            .iter()
            .map(|score| calibration.probability(*score))
            .collect();
        expected_error(&told, &others_truth)
    };
    [(0, 1), (1, 0)].map(off).iter().sum::<f64>() / 2.0
}

fn of_normal(table: &Table, rows: &[usize]) -> Vec<usize> {
    let is_it = |row: &usize| is_normal(table, *row);
    rows.iter().copied().filter(is_it).collect()
}

fn is_normal(table: &Table, row: usize) -> bool {
    table.rows[row].class.unwrap_or(NORMAL) == NORMAL
}

/// Whether all rows have the same features.
fn is_constant(table: &Table, rows: &[usize]) -> bool {
    let bits = |row: usize| table.values(row).iter().map(|value| value.to_bits());
    let Some((first, rest)) = rows.split_first() else {
        return true;
    };
    rest.iter().all(|row| bits(*row).eq(bits(*first)))
}

fn hash(table: &Table, rows: &[usize]) -> String {
    let mut hash = Sha256::new();
    for column in &table.columns {
        hash.update(column.name.as_bytes());
        hash.update([0]);
        for name in &column.names {
            hash.update(name.as_bytes());
            hash.update([1]);
        }
    }
    for class in &table.classes {
        hash.update(class.as_bytes());
        hash.update([2]);
    }
    for row in rows {
        let known = &table.rows[*row];
        hash.update(known.class.unwrap_or(u16::MAX).to_le_bytes());
        hash.update(known.host.unwrap_or(u32::MAX).to_le_bytes());
        hash.update(known.at_us.to_le_bytes());
        for value in table.values(*row) {
            hash.update(value.to_bits().to_le_bytes());
        }
    }
    hex(&hash.finalize())
}
