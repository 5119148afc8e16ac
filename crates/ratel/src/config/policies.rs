//! `exception-policy` and its kin: what is done where the engine can't do its work.

use crate::settings::Settings;
use engine::config::Config;
use engine::tcp::ExceptionPolicy;

const WORDS: &str =
    "drop-flow, pass-flow, bypass, reject, drop-packet, pass-packet, ignore and auto are known";

/// A policy for each thing that can go wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    midstream: ExceptionPolicy,
    sessions: ExceptionPolicy,
    reassembly: ExceptionPolicy,
    flows: ExceptionPolicy,
    defrag: ExceptionPolicy,
    parsers: ExceptionPolicy,
    /// What was decided, for the journal.
    pub notes: Vec<String>,
}

/// Why a policy makes no sense.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PolicyError {
    /// No such word.
    #[error("{key}: {value:?} is no exception policy; {WORDS}")]
    Unknown {
        /// The key it stands at.
        key: &'static str,
        /// What stands there.
        value: String,
    },
    /// A policy that can't be carried out here.
    #[error("stream.midstream-policy: {value:?} {why}")]
    Midstream {
        /// What stands there.
        value: String,
        /// Why it can't be.
        why: &'static str,
    },
}

/// Where a policy is asked for.
#[derive(Clone, Copy)]
struct Place {
    is_inline: bool,
    /// Connections are picked up in their middle, so that a middle is nothing exceptional.
    is_expected: bool,
    /// Whether there is a flow to act on.
    has_flow: bool,
}

impl Place {
    /// What is safe: drop where that is possible, since what is not inspected may be an attack.
    fn safe(self) -> ExceptionPolicy {
        match (self.is_inline && !self.is_expected, self.has_flow) {
            (false, _) => ExceptionPolicy::Ignore,
            (true, true) => ExceptionPolicy::DropFlow,
            (true, false) => ExceptionPolicy::DropPacket,
        }
    }

    fn parse(self, key: &'static str, value: &str) -> Result<ExceptionPolicy, PolicyError> {
        if value == "auto" {
            return Ok(self.safe());
        }
        let policy = ExceptionPolicy::parse(value).ok_or_else(|| PolicyError::Unknown {
            key,
            value: value.to_owned(),
        })?;
        Ok(if self.has_flow {
            policy
        } else {
            policy.for_packets()
        })
    }
}

impl Policies {
    /// Reads them; `is_inline` tells whether packets can be dropped.
    pub fn new(settings: &Settings, is_inline: bool) -> Result<Self, PolicyError> {
        let master = Master::new(settings, is_inline)?;
        let of = |key: &'static str, has_flow| {
            let place = Place {
                is_inline,
                is_expected: false,
                has_flow,
            };
            match settings.text(key) {
                Some(value) => place.parse(key, value),
                None => Ok(master.of(place)),
            }
        };
        Ok(Policies {
            midstream: midstream(settings, &master, is_inline)?,
            sessions: of("stream.memcap-policy", true)?,
            reassembly: of("stream.reassembly.memcap-policy", true)?,
            flows: of("flow.memcap-policy", false)?,
            defrag: of("defrag.memcap-policy", false)?,
            parsers: of("app-layer.error-policy", true)?,
            notes: master.note,
        })
    }

    /// Hands them to the engine.
    pub fn apply(&self, config: &mut Config) {
        config.tcp.midstream_policy = self.midstream;
        config.tcp.memcap_policy = self.sessions;
        config.tcp.reassembly_memcap_policy = self.reassembly;
        config.flow.memcap_policy = self.flows;
        config.defrag_memcap_policy = self.defrag;
        config.app_error_policy = self.parsers;
    }
}

/// The switch for all that say nothing of their own.
struct Master {
    /// None: `auto`, or nothing set, which is the same.
    policy: Option<ExceptionPolicy>,
    note: Vec<String>,
}

impl Master {
    fn new(settings: &Settings, is_inline: bool) -> Result<Self, PolicyError> {
        let key = "exception-policy";
        let Some(value) = settings.text(key) else {
            return Ok(Master {
                policy: None,
                note: Vec::new(),
            });
        };
        let place = Place {
            is_inline,
            is_expected: false,
            has_flow: true,
        };
        let policy = match place.parse(key, value)? {
            // Nothing can be dropped.
            ExceptionPolicy::DropFlow | ExceptionPolicy::DropPacket if !is_inline => {
                ExceptionPolicy::Ignore
            }
            policy => policy,
        };
        Ok(Master {
            policy: (value != "auto").then_some(policy),
            note: vec![format!("master exception-policy set to: {value}")],
        })
    }

    fn of(&self, place: Place) -> ExceptionPolicy {
        match self.policy {
            None => place.safe(),
            Some(policy) if place.has_flow => policy,
            Some(policy) => policy.for_packets(),
        }
    }
}

/// The policy for connections whose beginning was not seen.
fn midstream(
    settings: &Settings,
    master: &Master,
    is_inline: bool,
) -> Result<ExceptionPolicy, PolicyError> {
    let key = "stream.midstream-policy";
    let is_expected = settings.flag("stream.midstream").unwrap_or(false);
    let place = Place {
        is_inline,
        is_expected,
        has_flow: true,
    };
    let Some(value) = settings.text(key) else {
        return Ok(match master.of(place) {
            // The stream is what is missing: there is no single packet to act on.
            ExceptionPolicy::PassPacket | ExceptionPolicy::DropPacket => ExceptionPolicy::Ignore,
            policy => policy,
        });
    };
    let policy = place.parse(key, value)?;
    let refuse = |why| {
        Err(PolicyError::Midstream {
            value: value.to_owned(),
            why,
        })
    };
    match policy {
        ExceptionPolicy::PassPacket | ExceptionPolicy::DropPacket => {
            refuse("acts on single packets, and a connection from its middle has none")
        }
        ExceptionPolicy::Ignore | ExceptionPolicy::PassFlow => Ok(policy),
        _ if is_expected => {
            refuse("contradicts stream.midstream; with it only pass-flow and ignore make sense")
        }
        ExceptionPolicy::DropFlow if !is_inline => refuse("can't be: nothing is dropped here"),
        _ => Ok(policy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, is_inline: bool, expected: Result<[ExceptionPolicy; 3], ()>) {
        let settings = Settings::parse(text).expect("the test's own text is YAML");
        let policies = Policies::new(&settings, is_inline)
            .map(|p| [p.midstream, p.sessions, p.defrag])
            .map_err(|_| ());
        assert_eq!(policies, expected, "{text} {is_inline}");
    }

    #[test]
    fn what_is_not_inspected_is_dropped_where_that_can_be() {
        use ExceptionPolicy::{DropFlow, DropPacket, Ignore};
        for text in ["a: b", "exception-policy: auto"] {
            check(text, true, Ok([DropFlow, DropFlow, DropPacket]));
            check(text, false, Ok([Ignore; 3]));
            let text = format!("{text}\nstream: {{midstream: yes}}");
            check(&text, true, Ok([Ignore, DropFlow, DropPacket]));
        }
        check("exception-policy: drop-flow", false, Ok([Ignore; 3]));
    }

    #[test]
    fn the_master_switch_yields_to_single_ones() {
        use ExceptionPolicy::{Bypass, Ignore, PassFlow};
        let text = "exception-policy: bypass\nstream: {midstream-policy: pass-flow}";
        check(text, true, Ok([PassFlow, Bypass, Ignore]));
    }

    #[test]
    fn senseless_policies_are_refused() {
        for (text, is_inline) in [
            ("exception-policy: perhaps", true),
            ("stream: {midstream-policy: drop-packet}", true),
            ("stream: {midstream-policy: drop-flow}", false),
            ("stream: {midstream: yes, midstream-policy: reject}", true),
        ] {
            check(text, is_inline, Err(()));
        }
    }
}
