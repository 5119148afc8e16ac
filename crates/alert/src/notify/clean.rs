//! Text from outside, made fit to be shown: incidents carry what attackers wrote.
//!
//! Everything that is told goes through [`bounded`] once, at the door of the outbox; each format then
//! escapes only what is special to itself.

use event::incident::{Incident, Party, Signature};

/// Characters of a title.
pub const MAX_TITLE: usize = 200;
/// Characters of any other text of an incident.
const MAX_TEXT: usize = 200;
/// Characters of a search: it is longer, because it names addresses.
const MAX_QUERY: usize = 1000;
/// Members of a list of an incident that are kept for telling; counts stay those of all.
const MAX_MEMBERS: usize = 20;

/// `text` in one line of at most `max` characters, without what acts on a terminal, hides, or turns the
/// direction of what stands beside it.
#[must_use]
pub fn line(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    let mut left = max;
    for c in text.chars() {
        let c = match c {
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => ' ',
            c if is_hidden(c) => continue,
            c => c,
        };
        if c == ' ' && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        if left == 0 {
            out.pop();
            out.push('…');
            return out;
        }
        out.push(c);
        left -= 1;
    }
    out.truncate(out.trim_end().len());
    out
}

/// Characters without a shape of their own that change how others are read: zero width, direction
/// (Unicode TR 36, section 2.5), tags.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// The incident as it is told: its texts cleaned, its lists cut.
#[must_use]
pub fn bounded(incident: &Incident) -> Incident {
    let text = |text: &String| line(text, MAX_TEXT);
    let parties = |all: &[Party]| {
        let one = |party: &Party| Party {
            address: text(&party.address),
            events: party.events,
            asset: party.asset.as_ref().map(text),
        };
        all.iter().take(MAX_MEMBERS).map(one).collect()
    };
    let signature = |one: &Signature| Signature {
        id: text(&one.id),
        text: text(&one.text),
        ..one.clone()
    };
    let mut tactics: Vec<_> = incident.tactics.iter().take(MAX_MEMBERS).cloned().collect();
    for tactic in &mut tactics {
        tactic.id = text(&tactic.id);
        tactic.name = text(&tactic.name);
        tactic.techniques.truncate(MAX_MEMBERS);
        for technique in &mut tactic.techniques {
            technique.id = text(&technique.id);
            technique.name = text(&technique.name);
        }
    }
    let texts = |all: &[String]| all.iter().take(MAX_MEMBERS).map(text).collect();
    Incident {
        id: text(&incident.id),
        fingerprint: text(&incident.fingerprint),
        kind: incident.kind,
        title: line(&incident.title, MAX_TITLE),
        severity: incident.severity,
        status: incident.status,
        first: incident.first,
        last: incident.last,
        opened: incident.opened,
        changed: incident.changed,
        revision: incident.revision,
        events: incident.events,
        attackers: parties(&incident.attackers),
        victims: parties(&incident.victims),
        signatures: incident
            .signatures
            .iter()
            .take(MAX_MEMBERS)
            .map(signature)
            .collect(),
        tactics,
        sensors: texts(&incident.sensors),
        actions: incident.actions.iter().take(MAX_MEMBERS).copied().collect(),
        sample: texts(&incident.sample),
        query: line(&incident.query, MAX_QUERY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, max: usize, expected: &str) {
        assert_eq!(line(text, max), expected);
    }

    #[test]
    fn what_acts_on_readers_is_taken_out() {
        check("plain", 10, "plain");
        check("a\r\nBcc: x\t\u{1b}[2Jy", 40, "a Bcc: x [2Jy");
        check("gpj.\u{202e}exe\u{200b}", 10, "gpj.exe");
        check("  a   b  ", 10, "a b");
        check("abcdef", 4, "abc…");
        check("äöüß", 4, "äöüß");
        check("", 4, "");
        check("a", 0, "…");
    }

    proptest! {
        #[test]
        fn a_line_is_one_line_and_no_longer_than_allowed(text in ".*\\PC*", max in 1_usize..50) {
            let line = line(&text, max);
            prop_assert!(line.chars().count() <= max);
            prop_assert!(!line.chars().any(char::is_control));
        }
    }
}
