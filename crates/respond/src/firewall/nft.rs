//! nftables: one table of our own, hash sets with timeouts, one transaction for many changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use event::Timestamp;
use event::action::{ActionId, Failure, Undo, What};

use super::tool::Tool;
use super::{
    Change, Finding, Firewall, FirewallError, MAX_BATCH, Reconciled, Slot, Wanted, halving,
};
use picture::Picture;
use script::{COMMENT, Element, Kind, Shape};

mod past;
pub mod picture;
pub mod script;

/// How often a change is tried again whose ground moved between reading and writing.
const TRIES: usize = 3;

/// Our table and what we know of it.
pub struct Nft {
    tool: Tool,
    table: String,
    set_size: u32,
    /// Whether the table of our name was seen to be ours, or absent.
    checked: bool,
    /// Whose sets and rules stand in the kernel, as far as we know.
    shapes: BTreeSet<Shape>,
    held: BTreeMap<Slot, Wanted>,
    /// Elements that somebody else had put before us, by action.
    kept: BTreeMap<ActionId, Vec<String>>,
}

impl Nft {
    /// A firewall that keeps its things in `table inet TABLE`, `set_size` elements a set.
    /// Nothing is changed before the first action.
    #[must_use]
    pub fn new(tool: Tool, table: &str, set_size: u32) -> Self {
        Nft {
            tool,
            table: table.to_owned(),
            set_size,
            checked: false,
            shapes: BTreeSet::new(),
            held: BTreeMap::new(),
            kept: BTreeMap::new(),
        }
    }

    fn picture(&self) -> Result<Picture, FirewallError> {
        match self
            .tool
            .run(&["-j", "list", "table", "inet", &self.table], "")
        {
            Ok(text) => match serde_json::from_str(&text) {
                Ok(json) => Ok(Picture::read(&json)),
                Err(error) => self.sleeping(&error),
            },
            Err(FirewallError::Gone(_)) => Ok(Picture::default()),
            Err(error) => Err(error),
        }
    }

    /// nft 1.0.6 ends its JSON in the middle where a table has a flag; as text it tells which.
    fn sleeping(&self, error: &serde_json::Error) -> Result<Picture, FirewallError> {
        let text = self
            .tool
            .run(&["-t", "list", "table", "inet", &self.table], "")?;
        Picture::of_dormant(&text).ok_or_else(|| FirewallError::Refused {
            tool: self.tool.name(),
            text: format!("its JSON cannot be read: {error}"),
        })
    }

    /// A table of our name that is not ours is never touched.
    fn ours(&self, picture: &Picture) -> Result<(), FirewallError> {
        if picture.exists && !picture.is_ours() {
            return Err(FirewallError::NotOurs(format!(
                "the table inet {}",
                self.table
            )));
        }
        Ok(())
    }

    fn commit(&self, script: &str) -> Result<(), FirewallError> {
        if script.is_empty() {
            return Ok(());
        }
        self.tool.run(&["-f", "-"], script).map(|_| ())
    }

    /// Puts of one batch in one transaction, on what we believe to stand in the kernel.
    fn put_fast(&self, puts: &[&Wanted], now: Timestamp) -> Result<(), FirewallError> {
        let mut new = BTreeSet::new();
        for wanted in puts {
            for shape in script::shapes(&wanted.what) {
                if !self.shapes.contains(&shape) {
                    new.insert(shape);
                }
            }
        }
        let mut out = String::new();
        if !new.is_empty() {
            let rules: Vec<_> = new.iter().flat_map(script::rules).collect();
            script::skeleton(&mut out, &self.table, &new, &rules, self.set_size);
        }
        // A target may stand twice in a batch; the second put meets the first.
        let mut here: BTreeMap<Slot, &Wanted> = BTreeMap::new();
        for wanted in puts {
            let slot = Slot::of(&wanted.what);
            let before = here.get(&slot).copied().or_else(|| self.held.get(&slot));
            self.put_one(&mut out, wanted, before, now);
            here.insert(slot, wanted);
        }
        self.commit(&out)
    }

    fn put_one(&self, out: &mut String, wanted: &Wanted, before: Option<&Wanted>, now: Timestamp) {
        let elements = script::elements(&wanted.what);
        let left = wanted.left(now);
        if let Some(before) = before {
            for old in script::elements(&before.what) {
                let stays = |new: &Element| new.shape == old.shape && new.key == old.key;
                if !elements.iter().any(stays) {
                    script::remove(out, &self.table, &old);
                }
            }
        }
        for element in &elements {
            if before.is_some() {
                script::replace(out, &self.table, element, wanted.id, left);
            } else {
                script::create(out, &self.table, element, wanted.id, left);
            }
        }
    }

    /// Puts after a reading: mends the skeleton, keeps what is somebody else's.
    fn put_slow(&mut self, puts: &[&Wanted], now: Timestamp) -> Result<(), FirewallError> {
        let picture = self.picture()?;
        self.ours(&picture)?;
        // Where our table was lost, everything that we still hold goes back with the new.
        let lost: Vec<Wanted> = self
            .held
            .values()
            .filter(|held| held.ends > now && !self.is_held(&picture, held))
            .cloned()
            .collect();
        let all: Vec<&Wanted> = lost.iter().chain(puts.iter().copied()).collect();
        let mut out = String::new();
        self.mend(&mut out, &picture, &all);
        let mut kept = BTreeMap::new();
        for wanted in &all {
            let left = wanted.left(now);
            for element in script::elements(&wanted.what) {
                match picture.element(&element) {
                    Some(held) if !held.is_ours() => {
                        let names: &mut Vec<String> = kept.entry(wanted.id).or_default();
                        names.push(named(&element));
                    }
                    Some(_) | None => {
                        script::replace(&mut out, &self.table, &element, wanted.id, left);
                    }
                }
            }
        }
        self.commit(&out)?;
        self.kept.extend(kept);
        Ok(())
    }

    fn is_held(&self, picture: &Picture, wanted: &Wanted) -> bool {
        script::elements(&wanted.what)
            .iter()
            .all(|element| picture.element(element).is_some())
    }

    /// Writes what the table lacks for these actions.
    fn mend(&self, out: &mut String, picture: &Picture, all: &[&Wanted]) {
        let shapes: BTreeSet<Shape> = all
            .iter()
            .flat_map(|wanted| script::shapes(&wanted.what))
            .collect();
        let rules: Vec<_> = shapes
            .iter()
            .flat_map(|shape| picture.missing_rules(shape))
            .collect();
        if !shapes.is_empty() {
            script::skeleton(out, &self.table, &shapes, &rules, self.set_size);
        }
    }

    fn put(&mut self, puts: &[&Wanted], now: Timestamp) -> Result<(), FirewallError> {
        if !self.checked {
            let picture = self.picture()?;
            self.ours(&picture)?;
            if picture.exists {
                return self.put_slow(puts, now);
            }
            self.checked = true;
        }
        match self.put_fast(puts, now) {
            Err(FirewallError::Exists(_) | FirewallError::Gone(_)) => {
                self.shapes.clear();
                self.put_slow(puts, now)
            }
            other => other,
        }
    }

    fn put_and_hold(&mut self, puts: &[&Wanted], now: Timestamp) -> Result<(), FirewallError> {
        self.put(puts, now)?;
        for wanted in puts {
            self.shapes.extend(script::shapes(&wanted.what));
            self.held.insert(Slot::of(&wanted.what), (*wanted).clone());
        }
        Ok(())
    }

    fn undo_of(&self, wanted: &Wanted) -> Undo {
        let keeps = self.kept.get(&wanted.id).cloned().unwrap_or_default();
        let takes = script::elements(&wanted.what)
            .iter()
            .map(named)
            .filter(|name| !keeps.contains(name))
            .collect();
        Undo {
            firewall: "nftables".to_owned(),
            takes,
            keeps,
        }
    }

    /// Takes out what is ours of these, and then every part of the table that nothing needs.
    fn take_all(&mut self, takes: &[&What], now: Timestamp) -> Result<(), FirewallError> {
        for what in takes {
            if let Some(gone) = self.held.remove(&Slot::of(what)) {
                self.kept.remove(&gone.id);
            }
        }
        self.sweep(now)
    }

    /// Takes out of the table what is ours and not held: elements, rules, sets, chains, the table.
    fn sweep(&mut self, now: Timestamp) -> Result<(), FirewallError> {
        let mut result = Ok(());
        for _ in 0..TRIES {
            let picture = self.picture()?;
            if !picture.is_ours() {
                self.shapes.clear();
                self.checked = false;
                return Ok(());
            }
            let (out, empty) = self.sweeping(&picture, now);
            result = self.commit(&out);
            match result {
                Ok(()) => {
                    if empty {
                        self.shapes.clear();
                        self.checked = false;
                    }
                    return Ok(());
                }
                // It ran out between reading and writing.
                Err(FirewallError::Gone(_)) => {}
                Err(_) => break,
            }
        }
        result
    }

    /// The script of a sweep, and whether it takes the whole table.
    fn sweeping(&mut self, picture: &Picture, now: Timestamp) -> (String, bool) {
        let needed: BTreeSet<(Shape, String)> = self
            .held
            .values()
            .filter(|held| held.ends > now)
            .flat_map(|held| script::elements(&held.what))
            .map(|element| (element.shape, element.key))
            .collect();
        let mut out = String::new();
        let mut goes = BTreeSet::new();
        let mut stays = BTreeSet::new();
        let mut foreign = picture.others > 0;
        for (name, set) in &picture.sets {
            let Some(shape) = Shape::named(name) else {
                foreign = true;
                continue;
            };
            let mut used = needed.iter().any(|(of, _)| *of == shape);
            for (key, held) in &set.elements {
                if !held.is_ours() {
                    used = true;
                } else if !needed.contains(&(shape, key.clone())) {
                    let _ = writeln!(out, "delete element inet {} {name} {{ {key} }}", self.table);
                }
            }
            if used {
                stays.insert(shape);
            } else {
                goes.insert(shape);
            }
        }
        // The two sets of a limit stand in one rule.
        for shape in stays.clone() {
            if let Some(other) = partner(&shape)
                && goes.remove(&other)
            {
                stays.insert(other);
            }
        }
        let gone_sets: BTreeSet<String> = goes.iter().map(Shape::name).collect();
        let goes_too = |comment: &str| {
            comment
                .strip_prefix(COMMENT)
                .and_then(|rest| rest.split(' ').next())
                .is_some_and(|set| gone_sets.contains(set))
        };
        let left: Vec<_> = picture
            .rules
            .iter()
            .filter(|rule| !goes_too(&rule.comment))
            .collect();
        foreign |= picture.chains.keys().any(|name| {
            name != script::MARK && !script::CHAINS.iter().any(|chain| chain.name == name)
        });
        if stays.is_empty() && left.is_empty() && !foreign {
            return (format!("delete table inet {}\n", self.table), true);
        }
        for rule in picture.rules.iter().filter(|rule| goes_too(&rule.comment)) {
            let _ = writeln!(
                out,
                "delete rule inet {} {} handle {}",
                self.table, rule.chain, rule.handle
            );
        }
        for shape in &goes {
            let (word, name) = (shape.word(), shape.name());
            let _ = writeln!(out, "delete {word} inet {} {name}", self.table);
        }
        for chain in &script::CHAINS {
            let is_empty = !left.iter().any(|rule| rule.chain == chain.name);
            if is_empty && picture.chains.contains_key(chain.name) {
                let _ = writeln!(out, "delete chain inet {} {}", self.table, chain.name);
            }
        }
        self.shapes = stays;
        (out, false)
    }
}

fn partner(shape: &Shape) -> Option<Shape> {
    let kind = match shape.kind {
        Kind::Limit => Kind::Over,
        Kind::Over => Kind::Limit,
        Kind::Block | Kind::Connection | Kind::Lead | Kind::LeadPort | Kind::Jail => return None,
    };
    Some(Shape { kind, ..*shape })
}

fn named(element: &Element) -> String {
    format!("{} {}", element.shape.name(), element.key)
}

impl Firewall for Nft {
    fn name(&self) -> &'static str {
        "nftables"
    }

    fn apply(&mut self, changes: &[Change], now: Timestamp) -> Vec<Result<Undo, FirewallError>> {
        let mut answers = Vec::with_capacity(changes.len());
        for batch in changes.chunks(MAX_BATCH) {
            let takes: Vec<&What> = batch
                .iter()
                .filter_map(|change| match change {
                    Change::Take(what) => Some(what),
                    Change::Put(_) => None,
                })
                .collect();
            let taken = if takes.is_empty() {
                Ok(())
            } else {
                self.take_all(&takes, now)
            };
            let puts: Vec<&Wanted> = batch
                .iter()
                .filter_map(|change| match change {
                    Change::Put(wanted) => Some(wanted),
                    Change::Take(_) => None,
                })
                .collect();
            let failed = halving(&puts, &mut |puts| self.put_and_hold(puts, now));
            answers.extend(batch.iter().map(|change| match change {
                Change::Take(_) => taken.clone().map(|()| Undo::default()),
                Change::Put(wanted) => match failed.get(&wanted.id) {
                    Some(error) => Err(error.clone()),
                    None => Ok(self.undo_of(wanted)),
                },
            }));
        }
        answers
    }

    fn inspect(
        &mut self,
        wanted: &[Wanted],
        now: Timestamp,
    ) -> Result<Vec<Finding>, FirewallError> {
        let picture = self.picture()?;
        let leads = wanted
            .iter()
            .any(|wanted| matches!(wanted.what, What::Redirect { .. }));
        let translated = if leads {
            past::translated_before(&self.tool, &self.table)
        } else {
            None
        };
        Ok(wanted
            .iter()
            .map(|wanted| self.finding(&picture, wanted, translated.as_ref(), now))
            .collect())
    }

    fn reconcile(
        &mut self,
        wanted: &[Wanted],
        now: Timestamp,
    ) -> Result<Reconciled, FirewallError> {
        let picture = self.picture()?;
        if picture.exists {
            self.ours(&picture)?;
        }
        let mut done = Reconciled::default();
        self.held = wanted
            .iter()
            .filter(|wanted| wanted.ends > now)
            .map(|wanted| (Slot::of(&wanted.what), wanted.clone()))
            .collect();
        let needed: BTreeSet<(String, String)> = self
            .held
            .values()
            .flat_map(|held| script::elements(&held.what))
            .map(|element| (element.shape.name(), element.key))
            .collect();
        for (name, set) in &picture.sets {
            for (key, held) in &set.elements {
                if !held.is_ours() {
                    done.kept += 1;
                } else if !needed.contains(&(name.clone(), key.clone())) {
                    done.taken += 1;
                }
            }
        }
        let all: Vec<Wanted> = self.held.values().cloned().collect();
        let missing: Vec<&Wanted> = all
            .iter()
            .filter(|wanted| {
                let finding = self.finding(&picture, wanted, None, now);
                finding.fault.is_some()
            })
            .collect();
        for batch in missing.chunks(MAX_BATCH) {
            self.put_slow(batch, now)?;
            done.put += batch.len();
        }
        self.shapes = self
            .held
            .values()
            .flat_map(|held| script::shapes(&held.what))
            .collect();
        self.checked = !self.held.is_empty();
        self.sweep(now)?;
        Ok(done)
    }

    fn settle(&mut self, now: Timestamp) -> Result<(), FirewallError> {
        let before = self.held.len();
        self.held.retain(|_, held| held.ends > now);
        let held = &self.held;
        self.kept
            .retain(|id, _| held.values().any(|wanted| wanted.id == *id));
        if self.held.len() == before {
            return Ok(());
        }
        let needed: BTreeSet<Shape> = self
            .held
            .values()
            .flat_map(|held| script::shapes(&held.what))
            .collect();
        if self.shapes.is_subset(&needed) {
            return Ok(());
        }
        self.sweep(now)
    }

    fn past(&mut self, interface: Option<&str>) -> Option<(Failure, String)> {
        past::ingress(&self.tool, interface)
    }
}

impl Nft {
    fn finding(
        &self,
        picture: &Picture,
        wanted: &Wanted,
        translated: Option<&(Failure, String)>,
        now: Timestamp,
    ) -> Finding {
        let mut finding = Finding::default();
        let kept = self.kept.get(&wanted.id);
        for element in script::elements(&wanted.what) {
            let was_there = kept.is_some_and(|names| names.contains(&named(&element)));
            let fault = picture
                .fault_of(&self.table, &element.shape)
                .or_else(|| picture.fault_of_element(&element, wanted.ends, was_there, now));
            match fault {
                None => finding.held_by.push(element.shape.name()),
                Some(fault) if finding.fault.is_none() => finding.fault = Some(fault),
                Some(_) => {}
            }
            // A limit's own set has no counter; what goes over it is counted in the other.
            finding.packets_stopped += picture.element(&element).map_or(0, |held| held.packets);
        }
        if finding.fault.is_none() && matches!(wanted.what, What::Redirect { .. }) {
            finding.fault = translated.cloned();
        }
        finding
    }
}
