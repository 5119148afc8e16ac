//! iptables with ipset, where nftables is absent: sets with timeouts, and chains of our own that every
//! packet passes first. What stands there is read and brought to what is wanted, in the order in which
//! no rule ever names a set that is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use event::Timestamp;
use event::action::{ActionId, Failure, Undo, What};

use super::tool::Tool;
use super::{
    Change, Finding, Firewall, FirewallError, MAX_BATCH, Reconciled, Slot, Wanted, halving,
};
use picture::Picture;
use script::{CHAINS, Chain, MAX_OWN_RULES, Rule, Shape};

pub mod picture;
pub mod script;

/// Names of sets have 31 bytes, of chains 28; ours add up to 12 to the prefix.
const MAX_PREFIX: usize = 16;
/// The comment of the rule by which a chain of the system asks ours.
const JUMP: &str = "-m comment --comment ratel -j";

/// The commands of one family.
#[derive(Clone, Debug)]
pub struct Family {
    /// `iptables-save`.
    pub save: Tool,
    /// `iptables-restore`.
    pub restore: Tool,
}

impl Family {
    /// The commands whose names begin so: `iptables`, `ip6tables`.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Family {
            save: Tool::named(&format!("{name}-save")),
            restore: Tool::named(&format!("{name}-restore")),
        }
    }

    fn exists(&self) -> bool {
        self.save.exists() && self.restore.exists()
    }
}

/// The commands that are run.
#[derive(Clone, Debug)]
pub struct Tools {
    /// `ipset`.
    pub ipset: Tool,
    /// Of IPv4.
    pub four: Family,
    /// Of IPv6.
    pub six: Family,
}

impl Default for Tools {
    fn default() -> Self {
        Tools {
            ipset: Tool::named("ipset"),
            four: Family::named("iptables"),
            six: Family::named("ip6tables"),
        }
    }
}

/// Our sets and chains, and what we know of them.
pub struct Iptables {
    tools: Tools,
    prefix: String,
    set_size: u32,
    held: BTreeMap<Slot, Wanted>,
    /// Rules that stand, as far as we know, by family and comment.
    standing: BTreeSet<(bool, &'static str, String)>,
    /// Elements that somebody else had put before us, by action.
    kept: BTreeMap<ActionId, String>,
}

/// What brings the firewall to what is wanted, in the order in which it is run.
#[derive(Default)]
struct Scripts {
    sets_first: String,
    four: String,
    six: String,
    sets_last: String,
}

impl Iptables {
    /// A firewall whose sets and chains are named `PREFIX-...`, `set_size` elements a set. Nothing is
    /// changed before the first action.
    ///
    /// # Errors
    /// In one line why these commands cannot be used here.
    pub fn new(tools: Tools, prefix: &str, set_size: u32) -> Result<Self, String> {
        if prefix.is_empty() || prefix.len() > MAX_PREFIX {
            return Err(format!(
                "{prefix:?} is no name of 1 to {MAX_PREFIX} bytes for sets and chains"
            ));
        }
        let firewall = Iptables {
            tools,
            prefix: prefix.to_owned(),
            set_size,
            held: BTreeMap::new(),
            standing: BTreeSet::new(),
            kept: BTreeMap::new(),
        };
        firewall.picture().map_err(|error| error.to_string())?;
        Ok(firewall)
    }

    fn family(&self, four: bool) -> &Family {
        if four {
            &self.tools.four
        } else {
            &self.tools.six
        }
    }

    fn picture(&self) -> Result<Picture, FirewallError> {
        let mut picture = Picture::default();
        let names = self.tools.ipset.run(&["list", "-n"], "")?;
        for shape in Shape::all() {
            let name = format!("{}-{}", self.prefix, shape.name());
            if names.lines().any(|line| line == name) {
                match self.tools.ipset.run(&["save", &name], "") {
                    Ok(text) => picture.read_sets(&self.prefix, &text),
                    // It went between the two commands.
                    Err(FirewallError::Gone(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        picture.read_chains(true, &self.tools.four.save.run(&[], "")?);
        // A kernel without IPv6 has nothing there, and nothing needs it.
        if self.tools.six.exists()
            && let Ok(text) = self.tools.six.save.run(&[], "")
        {
            picture.read_chains(false, &text);
        }
        Ok(picture)
    }

    fn wanted(&self, now: Timestamp) -> impl Iterator<Item = &Wanted> {
        self.held.values().filter(move |wanted| wanted.ends > now)
    }

    /// Reads what stands, and brings it to what is held.
    fn converge(&mut self, now: Timestamp) -> Result<(), FirewallError> {
        let picture = self.picture()?;
        if let Some(name) = picture.foreign(&self.prefix) {
            return Err(FirewallError::NotOurs(name));
        }
        let (rules, scripts) = self.scripts(&picture, now)?;
        self.standing.clear();
        self.ipset(&scripts.sets_first)?;
        for (four, script) in [(true, &scripts.four), (false, &scripts.six)] {
            if !script.is_empty() {
                let arguments = ["-w", "5", "-n"];
                self.family(four).restore.run(&arguments, script)?;
            }
        }
        self.ipset(&scripts.sets_last)?;
        self.standing = rules
            .into_iter()
            .map(|rule| (rule.four, rule.chain, rule.comment))
            .collect();
        Ok(())
    }

    fn ipset(&self, script: &str) -> Result<(), FirewallError> {
        if script.is_empty() {
            return Ok(());
        }
        self.tools.ipset.run(&["restore"], script).map(|_| ())
    }

    fn scripts(
        &mut self,
        picture: &Picture,
        now: Timestamp,
    ) -> Result<(Vec<Rule>, Scripts), FirewallError> {
        let mut out = Scripts::default();
        let mut rules = script::all_rules(&self.prefix, self.wanted(now));
        let own = rules
            .iter()
            .filter(|rule| rule.comment.ends_with(char::is_numeric))
            .count();
        if own > MAX_OWN_RULES {
            return Err(FirewallError::SetFull(format!(
                "more than {MAX_OWN_RULES} rules for limits, leads and connections"
            )));
        }
        let mut needed: BTreeMap<Shape, BTreeSet<String>> = BTreeMap::new();
        let mut kept = BTreeMap::new();
        for wanted in self.wanted(now) {
            let shape = script::shape(&wanted.what);
            needed
                .entry(shape)
                .or_default()
                .insert(script::key(&wanted.what));
            match picture.element(wanted) {
                Some(held) if !held.is_ours() => {
                    kept.insert(wanted.id, named(&wanted.what));
                }
                // What stands as it must is left alone, with its counts.
                Some(_)
                    if picture
                        .fault_of_element(&self.prefix, wanted, false, now)
                        .is_none()
                        && picture
                            .element(wanted)
                            .is_some_and(|held| held.comment == owner(wanted)) => {}
                Some(_) | None => {
                    script::add(
                        &mut out.sets_first,
                        &self.prefix,
                        wanted,
                        left_secs(wanted, now),
                        true,
                    );
                }
            }
        }
        let creates: String = needed
            .keys()
            .filter(|shape| !picture.sets.contains_key(&shape.name()))
            .map(|shape| shape.create(&self.prefix, self.set_size))
            .collect();
        out.sets_first.insert_str(0, &creates);
        for shape in Shape::all() {
            self.old_elements(
                picture,
                shape,
                needed.get(&shape),
                &mut out.sets_last,
                &mut rules,
            );
        }
        self.kept = kept;
        out.four = self.chains(picture, true, &rules);
        out.six = self.chains(picture, false, &rules);
        Ok((rules, out))
    }

    /// Takes out of a set what is ours and not needed, and the set where nothing is left in it. Where
    /// somebody else has put something, set and rules stay.
    fn old_elements(
        &self,
        picture: &Picture,
        shape: Shape,
        needed: Option<&BTreeSet<String>>,
        out: &mut String,
        rules: &mut Vec<Rule>,
    ) {
        let (prefix, name) = (&self.prefix, shape.name());
        let Some(set) = picture.sets.get(&name) else {
            return;
        };
        let is_needed = |key: &String| needed.is_some_and(|needed| needed.contains(key));
        let ours = set.elements.iter().filter(|(_, held)| held.is_ours());
        for (key, _) in ours.filter(|(key, _)| !is_needed(key)) {
            let _ = writeln!(out, "del {prefix}-{name} {key} -exist");
        }
        if needed.is_some() {
            return;
        }
        if set.elements.values().all(picture::Held::is_ours) {
            let _ = writeln!(out, "destroy {prefix}-{name}");
            return;
        }
        // Rules of the shape that stand are kept by their comments.
        let shared = shared_rules(prefix, shape);
        rules.extend(shared.into_iter().filter(|rule| {
            let chain = CHAINS.iter().find(|chain| chain.name == rule.chain);
            let found = chain.and_then(|chain| picture.own(prefix, rule.four, chain));
            found.is_some_and(|found| {
                found
                    .iter()
                    .any(|text| picture::comment(text).as_deref() == Some(&rule.comment))
            })
        }));
    }

    /// What iptables-restore is told so that our chains of one family have these rules; empty where
    /// they have them.
    fn chains(&self, picture: &Picture, four: bool, rules: &[Rule]) -> String {
        let mut out = String::new();
        for table in ["raw", "filter", "nat"] {
            let mut part = String::new();
            for chain in CHAINS.iter().filter(|chain| chain.table == table) {
                let wanted: Vec<&Rule> = rules
                    .iter()
                    .filter(|rule| rule.four == four && rule.chain == chain.name)
                    .collect();
                self.chain(picture, four, chain, &wanted, &mut part);
            }
            if !part.is_empty() {
                let _ = write!(out, "*{table}\n{part}COMMIT\n");
            }
        }
        out
    }

    fn chain(
        &self,
        picture: &Picture,
        four: bool,
        chain: &Chain,
        wanted: &[&Rule],
        out: &mut String,
    ) {
        let name = format!("{}-{}", self.prefix, chain.name);
        let found = picture.own(&self.prefix, four, chain);
        let others: Vec<&String> = found
            .into_iter()
            .flatten()
            .filter(|rule| !picture::is_ours(rule))
            .collect();
        let from = picture.chain(four, chain.table, chain.from);
        let jumps = || {
            from.into_iter()
                .flatten()
                .filter(|rule| rule.ends_with(&format!("-j {name}")))
        };
        if wanted.is_empty() && others.is_empty() {
            if found.is_some() {
                for jump in jumps() {
                    let _ = writeln!(out, "-D {} {jump}", chain.from);
                }
                let _ = write!(out, "-F {name}\n-X {name}\n");
            }
            return;
        }
        let comments = |rules: &[String]| -> Vec<String> {
            let ours = rules.iter().filter(|rule| picture::is_ours(rule));
            ours.filter_map(|rule| picture::comment(rule)).collect()
        };
        let expected: Vec<String> = wanted.iter().map(|rule| rule.comment.clone()).collect();
        let same = |found: &picture::Rules| {
            let (mut found, mut expected) = (comments(found), expected.clone());
            found.sort();
            expected.sort();
            found == expected
        };
        if !found.is_some_and(same) {
            // Naming the chain so makes or empties it; all of a table happens at once.
            let mut text = format!(":{name} - [0:0]\n");
            for rule in wanted {
                let _ = writeln!(text, "-A {name} {}", rule.text());
            }
            for rule in others {
                let _ = writeln!(text, "-A {name} {rule}");
            }
            out.insert_str(0, &text);
        }
        if !jumps().any(|rule| picture::is_jump(rule, &name)) {
            let _ = writeln!(out, "-I {} 1 {JUMP} {name}", chain.from);
        }
    }

    fn put(&mut self, puts: &[&Wanted], now: Timestamp) -> Result<(), FirewallError> {
        let before = self.held.clone();
        let rules = script::all_rules(&self.prefix, puts.iter().copied());
        let stands = rules.iter().all(|rule| {
            self.standing
                .contains(&(rule.four, rule.chain, rule.comment.clone()))
        });
        let mut out = String::new();
        let mut overwrites = false;
        for wanted in puts {
            let before = self.held.insert(Slot::of(&wanted.what), (*wanted).clone());
            let exists = before.is_some();
            // What is somebody else's must stay as it is.
            overwrites |= before.is_some_and(|before| self.kept.contains_key(&before.id));
            script::add(
                &mut out,
                &self.prefix,
                wanted,
                left_secs(wanted, now),
                exists,
            );
        }
        let done = if stands && !overwrites {
            self.ipset(&out)
        } else {
            Err(FirewallError::Gone(String::new()))
        };
        let done = match done {
            // Somebody has put or taken something meanwhile, or rules are to be made.
            Err(FirewallError::Exists(_) | FirewallError::Gone(_)) => self.converge(now),
            other => other,
        };
        if done.is_err() {
            self.held = before;
        }
        done
    }

    fn undo_of(&self, wanted: &Wanted) -> Undo {
        let keeps: Vec<String> = self.kept.get(&wanted.id).cloned().into_iter().collect();
        let takes = if keeps.is_empty() {
            vec![named(&wanted.what)]
        } else {
            Vec::new()
        };
        Undo {
            firewall: "iptables".to_owned(),
            takes,
            keeps,
        }
    }

    fn finding(&self, picture: &Picture, wanted: &Wanted, now: Timestamp) -> Finding {
        let was_there = self.kept.contains_key(&wanted.id);
        let fault = picture
            .fault_of(&self.prefix, wanted)
            .or_else(|| picture.fault_of_element(&self.prefix, wanted, was_there, now));
        let name = script::shape(&wanted.what).name();
        Finding {
            held_by: if fault.is_none() {
                vec![name]
            } else {
                Vec::new()
            },
            packets_stopped: picture.element(wanted).map_or(0, |held| held.packets),
            fault,
        }
    }
}

/// The rules that blocks and quarantines of a family share; others have none that outlive an action.
fn shared_rules(prefix: &str, shape: Shape) -> Vec<Rule> {
    let address: std::net::IpAddr = if shape.four {
        [0, 0, 0, 0].into()
    } else {
        [0_u16; 8].into()
    };
    let target = event::Prefix::host(address);
    let what = match shape.kind {
        script::Kind::Block => What::Block { target },
        script::Kind::Jail => What::Quarantine { target },
        script::Kind::Limit | script::Kind::Lead | script::Kind::Connection => return Vec::new(),
    };
    let any = Wanted {
        id: ActionId(0),
        what,
        ends: Timestamp::default(),
    };
    script::rules(prefix, &any)
}

fn owner(wanted: &Wanted) -> String {
    format!("{}{}", script::COMMENT, wanted.id)
}

/// Whole seconds that are left, never fewer.
fn left_secs(wanted: &Wanted, now: Timestamp) -> u64 {
    let left = wanted.left(now);
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}

fn named(what: &What) -> String {
    format!("{} {}", script::shape(what).name(), script::key(what))
}

impl Firewall for Iptables {
    fn name(&self) -> &'static str {
        "iptables"
    }

    fn apply(&mut self, changes: &[Change], now: Timestamp) -> Vec<Result<Undo, FirewallError>> {
        let mut answers = Vec::with_capacity(changes.len());
        for batch in changes.chunks(MAX_BATCH) {
            let mut takes = false;
            let mut puts = Vec::new();
            for change in batch {
                match change {
                    Change::Put(wanted) => puts.push(wanted),
                    Change::Take(what) => {
                        self.held.remove(&Slot::of(what));
                        takes = true;
                    }
                }
            }
            let taken = if takes { self.converge(now) } else { Ok(()) };
            let failed = halving(&puts, &mut |puts| self.put(puts, now));
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
        Ok(wanted
            .iter()
            .map(|wanted| self.finding(&picture, wanted, now))
            .collect())
    }

    fn reconcile(
        &mut self,
        wanted: &[Wanted],
        now: Timestamp,
    ) -> Result<Reconciled, FirewallError> {
        let picture = self.picture()?;
        self.held = wanted
            .iter()
            .filter(|wanted| wanted.ends > now)
            .map(|wanted| (Slot::of(&wanted.what), wanted.clone()))
            .collect();
        let needed: BTreeSet<String> = self.held.values().map(|held| named(&held.what)).collect();
        let mut done = Reconciled {
            put: self
                .held
                .values()
                .filter(|wanted| self.finding(&picture, wanted, now).fault.is_some())
                .count(),
            ..Reconciled::default()
        };
        for (name, set) in &picture.sets {
            for (key, held) in &set.elements {
                if !held.is_ours() {
                    done.kept += 1;
                } else if !needed.contains(&format!("{name} {key}")) {
                    done.taken += 1;
                }
            }
        }
        self.converge(now).map(|()| done)
    }

    fn settle(&mut self, now: Timestamp) -> Result<(), FirewallError> {
        let before = self.held.len();
        self.held.retain(|_, held| held.ends > now);
        if self.held.len() == before {
            return Ok(());
        }
        let needed = script::all_rules(&self.prefix, self.held.values());
        if needed.len() >= self.standing.len() {
            return Ok(());
        }
        self.converge(now)
    }

    fn past(&mut self, _interface: Option<&str>) -> Option<(Failure, String)> {
        None
    }
}
