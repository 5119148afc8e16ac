//! Conditions of playbooks over events and incidents, and of which kinds an event must be for them to hold.

use std::collections::BTreeSet;

use condition::{Condition as Cel, Facts as Documents, Shape, Wanted, Words};
use serde_json::Value as Json;

use super::Kinds;

/// Loops (`all`, `exists`, `map`, `filter`) within loops. With 256 members each, two nested ones
/// take some 65,000 steps.
const MAX_LOOPS: usize = 2;
/// Names that a condition may use.
const NAMES: [&str; 2] = ["event", "incident"];

/// A compiled condition or expression.
#[derive(Debug)]
pub struct Condition {
    cel: Cel,
    kinds: Kinds,
}

/// A record in the form in which conditions see it; made once for all playbooks.
pub struct Facts(Documents);

impl Facts {
    /// The facts of an event.
    #[must_use]
    pub fn of_event(record: &Json) -> Self {
        Facts::of("event", record)
    }

    /// The facts of an incident.
    #[must_use]
    pub fn of_incident(record: &Json) -> Self {
        Facts::of("incident", record)
    }

    fn of(name: &str, record: &Json) -> Self {
        let nothing = Json::Object(serde_json::Map::new());
        let documents = NAMES.map(|known| (known, if known == name { record } else { &nothing }));
        Facts(Documents::of(&documents))
    }
}

impl Condition {
    /// Compiles a condition; in words why it cannot be, or can never hold.
    pub fn compile(text: &str) -> Result<Self, String> {
        Condition::read(text, Wanted::YesOrNo)
    }

    /// Compiles an expression that gives a text.
    pub fn compile_text(text: &str) -> Result<Self, String> {
        Condition::read(text, Wanted::Text)
    }

    fn read(text: &str, wanted: Wanted) -> Result<Self, String> {
        // An event has the fields of its kind, and rules bring more: any may be there.
        let words = Words {
            names: NAMES.map(|name| (name, Shape::Any)).to_vec(),
            loops: MAX_LOOPS,
        };
        let cel = Cel::compile(text, &words, wanted)?;
        let kinds = if cel.is_about("event") {
            Kinds::of(cel.expression())
        } else {
            Kinds::These(BTreeSet::new())
        };
        Ok(Condition { cel, kinds })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        self.cel.text()
    }

    /// Of which kinds an event must be for it to hold.
    #[must_use]
    pub fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// Whether it holds. A field that the record does not have makes it false.
    #[must_use]
    pub fn holds(&self, facts: &Facts) -> bool {
        self.cel.holds(&facts.0)
    }

    /// The text that it evaluates to.
    #[must_use]
    pub fn string(&self, facts: &Facts) -> Option<String> {
        self.cel.string(&facts.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_condition_sees_the_record_that_it_names() {
        let record = json!({"src_ip": "192.0.2.1", "severity": "high"});
        let check = |text: &str, event: bool, incident: bool| {
            let condition = Condition::compile(text).unwrap();
            assert_eq!(condition.holds(&Facts::of_event(&record)), event, "{text}");
            let facts = Facts::of_incident(&record);
            assert_eq!(condition.holds(&facts), incident, "{text}");
        };
        check("event.src_ip == '192.0.2.1'", true, false);
        check("incident.severity == 'high'", false, true);
        check("has(event.src_ip) || has(incident.src_ip)", true, true);
    }

    #[test]
    fn what_can_never_hold_is_refused_with_the_reason() {
        let refused = |text: &str| Condition::compile(text).map(|_| ()).unwrap_err();
        assert!(refused("inside(event.src_ip, 'x')").contains("no such function: inside"));
        assert!(refused("event.dest_port * 2").contains("not true or false"));
        assert!(refused("evnt.src_ip == 'x'").contains("evnt; conditions know event and incident"));
        let text = Condition::compile_text("event.src_ip == 'x'").map(|_| ());
        assert!(text.unwrap_err().contains("not a text"));
    }
}
