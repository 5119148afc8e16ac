//! Which decisions a bouncer asks for, by the parameters of CrowdSec's local API.

use event::Prefix;

use super::decision::Decision;

/// What a query asks for. What is not said does not matter; unknown parameters are ignored, as
/// CrowdSec does: bouncers send some that only they understand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    scopes: Vec<String>,
    value: Option<String>,
    kind: Option<String>,
    origins: Vec<String>,
    containing: Vec<String>,
    not_containing: Vec<String>,
    target: Option<Prefix>,
    contained: bool,
    simulated: bool,
}

impl Filter {
    /// Reads the parameters.
    ///
    /// # Errors
    /// An address or a flag that can't be read, in words.
    pub fn read(pairs: &[(String, String)]) -> Result<Filter, String> {
        let mut filter = Filter::default();
        for (name, value) in pairs {
            match name.as_str() {
                "scopes" | "scope" => filter.scopes = list(value),
                "value" => filter.value = Some(value.clone()),
                "type" => filter.kind = Some(value.clone()),
                "origins" => filter.origins = list(value),
                "scenarios_containing" => filter.containing = list(value),
                "scenarios_not_containing" => filter.not_containing = list(value),
                "ip" | "range" => {
                    let target = value.parse();
                    filter.target = Some(target.map_err(|error| format!("{name}: {error}"))?);
                }
                "contains" => filter.contained = !flag(name, value)?,
                "simulated" => filter.simulated = flag(name, value)?,
                _ => {}
            }
        }
        Ok(filter)
    }

    /// Whether the decision is asked for.
    #[must_use]
    pub fn takes(&self, decision: &Decision) -> bool {
        let any = |names: &[String], of: &str| {
            names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(of))
        };
        let scenario = decision.scenario.to_lowercase();
        let holds = |part: &String| scenario.contains(part);
        (self.simulated || !decision.simulated)
            && any(&self.scopes, decision.scope())
            && any(&self.origins, decision.origin)
            && (self.containing.is_empty() || self.containing.iter().any(holds))
            && !self.not_containing.iter().any(holds)
            && self
                .kind
                .as_deref()
                .is_none_or(|kind| kind == decision.kind.name())
            && self
                .value
                .as_deref()
                .is_none_or(|value| is_value(value, decision))
            && self
                .target
                .is_none_or(|target| self.meets(target, decision.target))
    }

    /// By default decisions that hold the whole of what is asked; with `contains=false` those
    /// that lie within.
    fn meets(&self, asked: Prefix, decided: Prefix) -> bool {
        let (outer, inner) = if self.contained {
            (asked, decided)
        } else {
            (decided, asked)
        };
        let (outer, inner) = (outer.bounds(), inner.bounds());
        outer.0 <= inner.0 && inner.1 <= outer.1
    }
}

/// A value is compared as what it means: `2001:DB8::1` is `2001:db8::1`.
fn is_value(value: &str, decision: &Decision) -> bool {
    value.parse() == Ok(decision.target)
}

fn list(value: &str) -> Vec<String> {
    let names = value.split(',').map(|name| name.trim().to_lowercase());
    names.filter(|name| !name.is_empty()).collect()
}

/// A flag as Go's `strconv.ParseBool` reads it.
fn flag(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("{name}: {value:?} is neither true nor false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::query::pairs;
    use crate::view::tests::action;
    use event::action::{Mode, State};

    #[test]
    fn parameters_choose_decisions() {
        let host = Decision::of(&action(1, "192.0.2.1", 100, State::Executed)).unwrap();
        let range = Decision::of(&action(2, "192.0.2.0/24", 100, State::Executed)).unwrap();
        let six = Decision::of(&action(3, "2001:db8::/64", 100, State::Executed)).unwrap();
        let mut told = action(4, "192.0.2.9", 100, State::Planned);
        told.mode = Mode::Observe;
        let told = Decision::of(&told).unwrap();
        let check = |query: &str, expected: [bool; 4]| {
            let filter = Filter::read(&pairs(Some(query))).unwrap();
            let taken = [&host, &range, &six, &told].map(|decision| filter.takes(decision));
            assert_eq!(taken, expected, "{query}");
        };
        check("", [true, true, true, false]);
        check("simulated=true", [true, true, true, true]);
        check("ip=192.0.2.1&banned=true", [true, true, false, false]);
        check("ip=192.0.2.2", [false, true, false, false]);
        check("ip=2001:db8::7", [false, false, true, false]);
        check("ip=::ffff:192.0.2.1", [true, true, false, false]);
        check("range=192.0.2.0/25", [false, true, false, false]);
        check(
            "range=192.0.0.0/16&contains=false",
            [true, true, false, false],
        );
        check("scopes=ip", [true, false, false, false]);
        check("scopes=ip,range", [true, true, true, false]);
        check("scope=Range", [false, true, true, false]);
        check("scopes=country", [false, false, false, false]);
        check("value=192.0.2.0/24", [false, true, false, false]);
        check("value=alice", [false, false, false, false]);
        check("type=ban", [true, true, true, false]);
        check("type=captcha", [false, false, false, false]);
        check("origins=ratel,lists", [true, true, true, false]);
        check("origins=CAPI", [false, false, false, false]);
        check("scenarios_containing=SCAN,ssh", [true, true, true, false]);
        check(
            "scenarios_not_containing=scan",
            [false, false, false, false],
        );
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (query, expected) in [
            ("ip=pear", "ip: \"pear\" is neither"),
            ("range=10.0.0.0/99", "range: "),
            ("contains=maybe", "contains: \"maybe\""),
        ] {
            let told = Filter::read(&pairs(Some(query))).unwrap_err();
            assert!(told.contains(expected), "{told}");
        }
    }
}
