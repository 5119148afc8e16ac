//! Ways past our table that other tables open: earlier translations, flow tables, early chains.

use event::action::Failure;
use serde_json::Value;

use super::script::{FILTER_PRIORITY, NAT_PRIORITY};
use crate::firewall::tool::Tool;

/// Another table that translates destinations before ours does: the first translation wins.
pub fn translated_before(tool: &Tool, table: &str) -> Option<(Failure, String)> {
    let objects = ruleset(tool)?;
    let of = |kind: &str| -> Vec<&Value> {
        objects
            .iter()
            .filter_map(|object| object.get(kind))
            .collect()
    };
    let rules = of("rule");
    of("chain").into_iter().find_map(|chain| {
        let word = |key: &str| chain.get(key).and_then(Value::as_str).unwrap_or_default();
        let priority = chain.get("prio").and_then(Value::as_i64)?;
        let early = word("type") == "nat"
            && word("hook") == "prerouting"
            && priority < i64::from(NAT_PRIORITY)
            && word("table") != table;
        let translates = rules.iter().any(|rule| {
            ["family", "table"].iter().all(|key| rule.get(*key) == chain.get(*key))
                && rule.get("chain") == chain.get("name")
                && rule.get("expr").is_some_and(|expr| {
                    let text = expr.to_string();
                    text.contains("\"dnat\"") || text.contains("\"redirect\"")
                })
        });
        (early && translates).then(|| {
            (
                Failure::TranslatedBefore,
                format!(
                    "the chain {} of the table {} {} translates destinations first (priority {priority})",
                    word("name"),
                    word("family"),
                    word("table")
                ),
            )
        })
    })
}

/// A flow table, a chain at the interface itself or one that changes addresses: what takes packets
/// before our rules are asked, or makes them others.
pub fn ingress(tool: &Tool, interface: Option<&str>) -> Option<(Failure, String)> {
    let objects = ruleset(tool)?;
    find_ingress(&objects, interface).or_else(|| find_rewriting(&objects))
}

fn find_rewriting(objects: &[Value]) -> Option<(Failure, String)> {
    let chains = objects.iter().filter_map(|object| object.get("chain"));
    let rewrites = |chain: &Value| {
        objects.iter().filter_map(|o| o.get("rule")).any(|rule| {
            let expr = rule.get("expr").map(Value::to_string).unwrap_or_default();
            ["family", "table"]
                .iter()
                .all(|key| rule.get(*key) == chain.get(*key))
                && rule.get("chain") == chain.get("name")
                && expr.contains("\"mangle\"")
                && (expr.contains("\"saddr\"") || expr.contains("\"daddr\""))
        })
    };
    chains
        .filter(|chain| {
            let priority = chain.get("prio").and_then(Value::as_i64);
            chain.get("hook").and_then(Value::as_str) == Some("prerouting")
                && priority.is_some_and(|priority| priority < i64::from(FILTER_PRIORITY))
        })
        .find(|chain| rewrites(chain))
        .map(|chain| {
            let word = |key: &str| chain.get(key).and_then(Value::as_str).unwrap_or_default();
            (
                Failure::TranslatedBefore,
                format!(
                    "the chain {} of the table {} {} changes addresses before our rules are asked",
                    word("name"),
                    word("family"),
                    word("table")
                ),
            )
        })
}

fn find_ingress(objects: &[Value], interface: Option<&str>) -> Option<(Failure, String)> {
    // nft 1.0.6 does not tell the interface of a chain: then it may be this one.
    let at = |body: &Value| match (interface, body.get("dev")) {
        (Some(name), Some(devices)) => devices.to_string().contains(&format!("\"{name}\"")),
        (None, _) | (_, None) => true,
    };
    objects.iter().find_map(|object| {
        let word = |body: &Value, key: &str| {
            let text = body.get(key).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        if let Some(flowtable) = object.get("flowtable")
            && at(flowtable)
        {
            return Some((
                Failure::FlowtableOffload,
                format!(
                    "the flow table {} of the table {} carries established connections past all rules",
                    word(flowtable, "name"),
                    word(flowtable, "table")
                ),
            ));
        }
        let chain = object.get("chain")?;
        let early = word(chain, "hook") == "ingress" && at(chain);
        let forwards = early
            && objects.iter().filter_map(|o| o.get("rule")).any(|rule| {
                rule.get("table") == chain.get("table")
                    && rule.get("chain") == chain.get("name")
                    && rule.get("expr").is_some_and(|e| e.to_string().contains("\"fwd\""))
            });
        forwards.then(|| {
            (
                Failure::IngressPast,
                format!(
                    "the chain {} of the table {} {} forwards packets at the interface, before our rules",
                    word(chain, "name"),
                    word(chain, "family"),
                    word(chain, "table")
                ),
            )
        })
    })
}

/// All objects of all tables, without elements.
fn ruleset(tool: &Tool) -> Option<Vec<Value>> {
    let text = tool.run(&["-j", "-t", "list", "ruleset"], "").ok()?;
    let json: Value = serde_json::from_str(&text).ok()?;
    json.get("nftables")?.as_array().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_table_at_the_interface_is_a_way_past() {
        let objects: Vec<Value> = serde_json::from_str(
            r#"[{"flowtable": {"family": "inet", "name": "fast", "table": "fw",
                "hook": "ingress", "prio": 0, "dev": ["eth0", "eth1"]}}]"#,
        )
        .unwrap();
        let found = |interface| find_ingress(&objects, interface).map(|(failure, _)| failure);
        assert_eq!(found(Some("eth1")), Some(Failure::FlowtableOffload));
        assert_eq!(found(None), Some(Failure::FlowtableOffload));
        assert_eq!(found(Some("eth9")), None);
    }
}
