//! A plan as nft is told it.

use std::fmt::Write;
use std::time::Duration;

use super::plan::Plan;

/// An empty chain by which our own table is known.
pub const MARK: &str = "made_by_ratel_harden";
/// How comments of our rules begin; what follows is the rule's name.
pub const COMMENT: &str = "ratel ";
/// Holds both families while a plan waits to be confirmed. Its elements run out in the kernel, by
/// its own clock, and with them every chain lets all packets pass: no process needs to live for it.
pub const ARMED: &str = "armed";

/// A set, as nft defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// Type, flags, size, timeout.
    pub head: String,
    /// What it holds; None where packets fill it.
    pub elements: Option<Vec<String>>,
}

impl Set {
    /// A set of these.
    pub fn of(name: &str, head: &str, elements: Vec<String>) -> Self {
        Set {
            name: name.to_owned(),
            head: head.to_owned(),
            elements: Some(elements),
        }
    }

    /// A set that packets fill.
    pub fn filled(name: String, head: String) -> Self {
        Set {
            name,
            head,
            elements: None,
        }
    }
}

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: &'static str,
    /// Hook and priority; None where only other chains lead here.
    pub hook: Option<(&'static str, i32)>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name: one of its table.
    pub name: String,
    /// Its text without the comment.
    pub text: String,
}

impl Rule {
    /// A rule.
    pub fn new(name: &str, text: impl Into<String>) -> Self {
        Rule {
            name: name.to_owned(),
            text: text.into(),
        }
    }
}

impl Plan {
    /// One transaction that puts the table in, in place of an older one of ours. With `guard` it is
    /// without effect after that time.
    #[must_use]
    pub fn script(&self, guard: Option<Duration>) -> String {
        let mut out = String::new();
        let table = &self.table;
        // Makes, deletes and makes again: deleting what is not there would fail.
        let _ = writeln!(
            out,
            "table inet {table}\ndelete table inet {table}\ntable inet {table} {{"
        );
        if let Some(guard) = guard {
            let secs = guard.as_secs().max(1);
            let _ = writeln!(
                out,
                "\tset {ARMED} {{\n\t\ttypeof meta nfproto\n\t\tflags timeout\n\
                 \t\telements = {{ ipv4 timeout {secs}s, ipv6 timeout {secs}s }}\n\t}}"
            );
        }
        for set in &self.sets {
            let _ = write!(
                out,
                "\tset {} {{\n\t\t{}\n",
                set.name,
                set.head.replace("; ", "\n\t\t")
            );
            if let Some(elements) = &set.elements
                && !elements.is_empty()
            {
                let _ = writeln!(out, "\t\telements = {{ {} }}", elements.join(", "));
            }
            out.push_str("\t}\n");
        }
        let _ = writeln!(out, "\tchain {MARK} {{\n\t}}");
        // Chains must be known before a rule leads to them.
        for chain in self.chains.iter().rev() {
            let _ = writeln!(out, "\tchain {} {{", chain.name);
            if let Some((hook, priority)) = chain.hook {
                let _ = writeln!(
                    out,
                    "\t\ttype filter hook {hook} priority {priority}; policy accept;"
                );
                if guard.is_some() {
                    let _ = writeln!(
                        out,
                        "\t\tmeta nfproto != @{ARMED} accept comment \"{COMMENT}unconfirmed {}\"",
                        chain.name
                    );
                }
            }
            for rule in &chain.rules {
                let _ = writeln!(out, "\t\t{} comment \"{COMMENT}{}\"", rule.text, rule.name);
            }
            out.push_str("\t}\n");
        }
        out.push_str("}\n");
        out
    }

    /// The names of rules by chain, as a reading must show them.
    #[must_use]
    pub fn expected(&self, guarded: bool) -> Vec<(String, Vec<String>)> {
        let names = |chain: &Chain| {
            let guard =
                (guarded && chain.hook.is_some()).then(|| format!("unconfirmed {}", chain.name));
            guard
                .into_iter()
                .chain(chain.rules.iter().map(|rule| rule.name.clone()))
                .collect()
        };
        self.chains
            .iter()
            .map(|chain| (chain.name.to_owned(), names(chain)))
            .collect()
    }
}
