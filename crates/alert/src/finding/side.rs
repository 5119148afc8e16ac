//! Which side attacks: by what the rule says, who began the flow, and who is at home.

use std::net::IpAddr;

use event::Prefix;
use serde_json::Value;

use crate::attack::{COMMAND_AND_CONTROL, EXFILTRATION, Step};

/// Private and local ranges: at home where nobody says otherwise (RFC 1918, 4193, 3927, 4291).
pub const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "fc00::/7",
    "fe80::/10",
];

/// Who attacks and who is attacked, as far as an event tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// Who attacks.
    pub attacker: Option<IpAddr>,
    /// Who is attacked.
    pub victim: Option<IpAddr>,
    /// Whether the victim calls out to the attacker: it was taken before.
    pub is_callback: bool,
}

/// The networks that are ours.
#[derive(Clone, Debug)]
pub struct Homes(Vec<Prefix>);

impl Default for Homes {
    fn default() -> Self {
        Homes(
            PRIVATE
                .iter()
                .filter_map(|text| text.parse().ok())
                .collect(),
        )
    }
}

impl Homes {
    /// These networks; the private ones where there is none.
    #[must_use]
    pub fn new(prefixes: Vec<Prefix>) -> Homes {
        if prefixes.is_empty() {
            Homes::default()
        } else {
            Homes(prefixes)
        }
    }

    /// Whether the address is ours.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|prefix| prefix.contains(address))
    }
}

impl Sides {
    /// The sides of an alert. In this order: what the rule's `target` says (`alert.source`,
    /// `alert.target`); a call from inside to a command server, whose victim is who calls; the
    /// rule's `attack_target`; who began the flow.
    #[must_use]
    pub fn of_alert(record: &Value, alert: &Value, steps: &[Step], homes: &Homes) -> Sides {
        let said = |side: &str| address(alert.get(side)?.get("ip"));
        if let (Some(attacker), Some(victim)) = (said("source"), said("target")) {
            return Sides {
                attacker: Some(attacker),
                victim: Some(victim),
                is_callback: false,
            };
        }
        let flow = Sides::of_flow(record);
        let (Some(client), Some(server)) = (flow.attacker, flow.victim) else {
            return flow;
        };
        let is_call = steps
            .iter()
            .any(|step| matches!(step.tactic, COMMAND_AND_CONTROL | EXFILTRATION));
        if is_call && homes.has(client) {
            // A name server that is asked for a bad name attacks nobody.
            let is_resolver = is_name_service(record);
            return Sides {
                attacker: (!is_resolver).then_some(server),
                victim: Some(client),
                is_callback: true,
            };
        }
        let is_aimed_at_client = targets(alert).any(|target| target.starts_with("Client"));
        if is_aimed_at_client && homes.has(client) && !homes.has(server) {
            return Sides {
                attacker: Some(server),
                victim: Some(client),
                is_callback: false,
            };
        }
        flow
    }

    /// Who began the flow attacks. The record may stand on an answer: `flow.src_ip` or the direction
    /// tells who began; a record with neither is taken as it stands.
    #[must_use]
    pub fn of_flow(record: &Value) -> Sides {
        let of = |value: &Value| (address(value.get("src_ip")), address(value.get("dest_ip")));
        let is_answer = record.get("direction").and_then(Value::as_str) == Some("to_client");
        let (attacker, victim) = match record.get("flow").map(of) {
            Some((Some(client), Some(server))) => (Some(client), Some(server)),
            _ => {
                let (src, dest) = of(record);
                if is_answer { (dest, src) } else { (src, dest) }
            }
        };
        Sides {
            attacker,
            victim,
            is_callback: false,
        }
    }
}

fn address(value: Option<&Value>) -> Option<IpAddr> {
    let address: IpAddr = value?.as_str()?.parse().ok()?;
    Some(address.to_canonical())
}

/// Whether the record is about a question to a name server.
fn is_name_service(record: &Value) -> bool {
    let is_dns = record.get("app_proto").and_then(Value::as_str) == Some("dns");
    let port = |key: &str| record.get(key).and_then(Value::as_u64) == Some(53);
    is_dns || port("dest_port") || port("src_port")
}

/// `attack_target` of a rule's metadata, as Emerging Threats writes it.
fn targets(alert: &Value) -> impl Iterator<Item = &str> {
    let list = alert.get("metadata").and_then(|m| m.get("attack_target"));
    let list = list.and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(record: &Value, tactic: Option<&'static str>, expected: (&str, &str, bool)) {
        let steps: Vec<Step> = tactic
            .map(|tactic| Step {
                tactic,
                technique: None,
            })
            .into_iter()
            .collect();
        let empty = json!({});
        let alert = record.get("alert").unwrap_or(&empty);
        let sides = Sides::of_alert(record, alert, &steps, &Homes::default());
        let text = |address: Option<IpAddr>| address.map_or(String::new(), |a| a.to_string());
        let (attacker, victim) = (text(sides.attacker), text(sides.victim));
        assert_eq!(
            (attacker.as_str(), victim.as_str(), sides.is_callback),
            expected,
            "{record}"
        );
    }

    #[test]
    fn who_began_the_flow_attacks_unless_the_rule_says_otherwise() {
        let (out, home) = ("192.0.2.1", "10.0.0.5");
        check(
            &json!({"src_ip": out, "dest_ip": home}),
            None,
            (out, home, false),
        );
        check(
            &json!({"src_ip": home, "dest_ip": out, "direction": "to_client"}),
            None,
            (out, home, false),
        );
        check(
            &json!({"src_ip": home, "dest_ip": out, "flow": {"src_ip": out, "dest_ip": home}}),
            None,
            (out, home, false),
        );
        check(
            &json!({"src_ip": home, "dest_ip": out,
                    "alert": {"source": {"ip": out}, "target": {"ip": home}}}),
            None,
            (out, home, false),
        );
        check(&json!({"src_ip": "pear"}), None, ("", "", false));
    }

    #[test]
    fn a_call_to_a_command_server_has_its_victim_inside() {
        let (out, home) = ("192.0.2.1", "10.0.0.5");
        let call = json!({"src_ip": home, "dest_ip": out, "dest_port": 443});
        check(&call, Some("TA0011"), (out, home, true));
        check(&call, Some("TA0043"), (home, out, false));
        let asked = json!({"src_ip": home, "dest_ip": "9.9.9.9", "dest_port": 53});
        check(&asked, Some("TA0011"), ("", home, true));
    }

    #[test]
    fn a_server_that_serves_an_exploit_to_a_client_attacks() {
        let (out, home) = ("192.0.2.1", "10.0.0.5");
        let record = json!({"src_ip": out, "dest_ip": home, "direction": "to_client",
            "alert": {"metadata": {"attack_target": ["Client_Endpoint"]}}});
        check(&record, Some("TA0001"), (out, home, false));
    }

    #[test]
    fn an_address_has_one_form() {
        let record = json!({"src_ip": "2001:0db8:0000:0000:0000:0000:0000:0001", "dest_ip": "::ffff:10.0.0.5"});
        check(&record, None, ("2001:db8::1", "10.0.0.5", false));
    }
}
