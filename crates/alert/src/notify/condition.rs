//! Conditions of routes over an incident, whose every field is known.

use condition::{Condition as Cel, Facts as Documents, Shape, Wanted, Words};
use event::incident::{Incident, Severity};
use serde_json::Value as Json;

use super::sample;

/// What conditions call it.
const NAME: &str = "incident";
/// Loops within loops: lists of an incident as it is told have twenty members.
const MAX_LOOPS: usize = 3;

/// A compiled condition.
#[derive(Debug)]
pub struct Condition(Cel);

/// An incident in the form in which conditions see it.
pub struct Facts(Documents);

impl Facts {
    /// The facts of an incident. Beside its fields there is `level`: its severity as a number, 0
    /// (informational) to 4 (critical).
    #[must_use]
    pub fn of(incident: &Incident) -> Facts {
        Facts(Documents::of(&[(NAME, &tree(incident))]))
    }
}

fn tree(incident: &Incident) -> Json {
    let mut tree = serde_json::to_value(incident).unwrap_or_default();
    let level = Severity::ALL.iter().position(|s| *s == incident.severity);
    if let (Json::Object(all), Some(level)) = (&mut tree, level) {
        all.insert("level".into(), level.into());
    }
    tree
}

/// An incident with every field filled.
fn whole() -> Json {
    let mut tree = tree(&sample::incident(1));
    for parties in ["attackers", "victims"] {
        for party in tree[parties].as_array_mut().into_iter().flatten() {
            // It is left out where nobody named the asset.
            if party["asset"].is_null() {
                party["asset"] = "".into();
            }
        }
    }
    tree
}

impl Condition {
    /// Compiles `text`; in words why it cannot be.
    ///
    /// # Errors
    /// It is no CEL, or it can never hold.
    pub fn compile(text: &str) -> Result<Condition, String> {
        let words = Words {
            names: vec![(NAME, Shape::Like(whole()))],
            loops: MAX_LOOPS,
        };
        Cel::compile(text, &words, Wanted::YesOrNo).map(Condition)
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// Whether it holds. What the incident lacks makes it false.
    #[must_use]
    pub fn holds(&self, facts: &Facts) -> bool {
        self.0.holds(&facts.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: bool) {
        let condition = Condition::compile(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(
            condition.holds(&Facts::of(&sample::incident(1))),
            expected,
            "{text}"
        );
    }

    fn check_refused(text: &str, expected: &str) {
        let why = Condition::compile(text).map(|_| ()).unwrap_err();
        assert!(why.contains(expected), "{text}: {why}");
    }

    #[test]
    fn conditions_speak_about_the_fields_of_an_incident() {
        check("incident.severity == 'high'", true);
        check("incident.level >= 3 && incident.kind == 'attack'", true);
        check("incident.severity in ['low', 'medium']", false);
        check("incident.title.contains('SSH')", true);
        check("incident.title.matches('(?i)^ssh')", true);
        check(
            "incident.attackers.exists(a, within(a.address, '192.0.2.0/24'))",
            true,
        );
        check("incident.victims.all(v, v.asset == 'web')", false);
        check(
            "incident.attackers.exists(a, has(a.asset) && a.asset == 'x')",
            false,
        );
        check("size(incident.tactics) > 1 || incident.events > 100", true);
        check(
            "incident.tactics.exists(t, t.techniques.exists(q, q.id == 'T1110'))",
            true,
        );
        check("incident.signatures[0].id == '1:2001219'", true);
        check("incident.signatures[7].id == '1:2001219'", false);
        check("!(incident.sensors.exists(s, s == 'sensor-9'))", true);
        check("true", true);
    }

    #[test]
    fn what_can_never_hold_is_refused_with_the_reason() {
        check_refused(
            "incident.severty == 'high'",
            "no such field: severty; there are",
        );
        check_refused("incdent.severity == 'high'", "no such name: incdent");
        check_refused("event.src_ip == '192.0.2.1'", "no such name: event");
        check_refused("incident.attackers.exists(a, a.adress == 'x')", "adress");
        check_refused(
            "inside('192.0.2.1', '192.0.2.0/24')",
            "no such function: inside",
        );
        check_refused("false && inside('a', 'b')", "no such function: inside");
        check_refused("incident.severity", "not true or false");
        check_refused("incident.events + 1", "not true or false");
        check_refused("incident.events > 'many'", "");
        check_refused("incident.severity ==", "column");
        check_refused("incident.title.title == 'x'", "nothing there has a field");
        check_refused(&"a".repeat(5000), "4096");
        let deep = "incident.tactics.exists(a, incident.tactics.exists(b, incident.tactics.exists(c, incident.tactics.exists(d, a == b && c == d))))";
        check_refused(deep, "loops");
    }
}
