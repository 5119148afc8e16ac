//! Every rule and what became of it, as the API lists them.

use std::collections::HashSet;
use std::sync::Arc;

use console::web::{RuleState, RuleText};
use rules::{Parsed, Rule, RuleSet};

/// Rules in the order of their number; refused ones without a number first.
pub fn of(set: &RuleSet, disabled: &HashSet<u32>) -> Vec<RuleText> {
    let mut listing: Vec<RuleText> = set
        .parsed()
        .iter()
        .filter_map(|parsed| match parsed {
            Parsed::Loaded(rule) => Some(loaded(rule, Vec::new(), disabled)),
            Parsed::Degraded(rule, reasons) => Some(loaded(rule, reasons.clone(), disabled)),
            Parsed::Refused(refusal) => Some(refused(refusal)),
            // For other engines, or commented out where it stands.
            Parsed::Skipped(_) | Parsed::Disabled => None,
        })
        .collect();
    listing.sort_by_key(|rule| (rule.sid, rule.gid));
    listing
}

/// Detection could not take the rule after all.
pub fn refuse(listing: &mut [RuleText], sid: u32, reason: &str) {
    let at = listing.partition_point(|rule| rule.sid < Some(sid));
    if let Some(rule) = listing.get_mut(at).filter(|rule| rule.sid == Some(sid)) {
        rule.state = RuleState::Refused;
        rule.reasons.push(reason.to_owned());
    }
}

fn loaded(rule: &Rule, reasons: Vec<String>, disabled: &HashSet<u32>) -> RuleText {
    RuleText {
        sid: Some(rule.sid),
        gid: rule.gid,
        rev: rule.rev,
        msg: rule.msg.clone(),
        state: match reasons.is_empty() {
            _ if disabled.contains(&rule.sid) => RuleState::Disabled,
            true => RuleState::Loaded,
            false => RuleState::Degraded,
        },
        reasons,
        text: rule.text.clone(),
        file: rule.origin.file.clone(),
        line: rule.origin.line,
        classtype: rule.classtype.clone(),
        priority: rule.priority,
    }
}

fn refused(refusal: &rules::Refusal) -> RuleText {
    RuleText {
        sid: refusal.sid,
        gid: 1,
        rev: 0,
        msg: String::new(),
        state: RuleState::Refused,
        reasons: vec![refusal.reason.clone()],
        text: Arc::from(refusal.text.as_str()),
        file: refusal.file.clone(),
        line: refusal.line,
        classtype: None,
        // What says nothing has the least (Suricata's default).
        priority: 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_listed_with_what_became_of_them() {
        let text = b"alert tcp any any -> any any (msg:\"b\"; sid:2;)\n\
            alert tcp any any -> any any (msg:\"a\"; sid:1;)\nalert tcp any\n";
        let mut set = RuleSet::default();
        set.add(rules::parse_file(
            "x.rules",
            text,
            &rules::Context::default(),
        ));
        let listing = of(&set, &HashSet::from([2]));
        let told: Vec<_> = listing
            .iter()
            .map(|rule| (rule.sid, rule.state, rule.line))
            .collect();
        assert_eq!(
            told,
            [
                (None, RuleState::Refused, 3),
                (Some(1), RuleState::Loaded, 2),
                (Some(2), RuleState::Disabled, 1)
            ]
        );
    }
}
