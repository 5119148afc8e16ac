//! What the provider says of somebody, and whether it says it to us, now, and about this login.

use event::Timestamp;
use serde_json::{Map, Value};
use state::Role;

use super::config::Config;
use crate::auth::secret;

/// Seconds that clocks may differ.
const SKEW: i64 = 60;
/// Bytes of the provider's name of somebody (OpenID Connect Core 1.0, section 2).
const MAX_SUBJECT: usize = 255;

/// Somebody, as the provider knows them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Issuer, a space, subject: never given to anybody else.
    pub external: String,
    /// What they are called here, if nobody else is.
    pub name: String,
    /// What their groups give them.
    pub role: Option<Role>,
}

/// Reads the payload of an ID token whose signature is good (OpenID Connect Core 1.0, 3.1.3.7).
pub(super) fn read(
    payload: &[u8],
    config: &Config,
    nonce: &str,
    now: Timestamp,
) -> Result<Known, &'static str> {
    let all: Map<String, Value> =
        serde_json::from_slice(payload).map_err(|_| "the token says nothing")?;
    let text = |name: &str| all.get(name).and_then(Value::as_str);
    let number = |name: &str| {
        all.get(name)
            .and_then(Value::as_f64)
            .map(|secs| secs as i64)
    };
    if text("iss") != Some(config.issuer.as_str()) {
        return Err("another issuer");
    }
    let audience = texts(all.get("aud"));
    if !audience.contains(&config.client_id.as_str()) {
        return Err("meant for somebody else");
    }
    match text("azp") {
        Some(party) if party != config.client_id => return Err("given to somebody else"),
        None if audience.len() > 1 => return Err("meant for several, given to nobody"),
        _ => {}
    }
    let now = now.secs();
    let ends = number("exp").ok_or("it has no end")?;
    if now >= ends.saturating_add(SKEW) {
        return Err("it is over");
    }
    let begins = number("iat").ok_or("it has no beginning")?;
    if begins.max(number("nbf").unwrap_or(begins)) > now.saturating_add(SKEW) {
        return Err("it is one later");
    }
    if !secret::same(text("nonce").unwrap_or_default(), nonce) {
        return Err("about another login");
    }
    let subject = text("sub").filter(|sub| !sub.is_empty() && sub.len() <= MAX_SUBJECT);
    let subject = subject.ok_or("about nobody")?;
    let named = [config.name_claim.as_str(), "email"];
    let name = named
        .iter()
        .find_map(|claim| state::user_name(text(claim)?).ok());
    let fallback = || {
        format!(
            "oidc-{}",
            secret::hash(subject).get(..12).unwrap_or_default()
        )
    };
    let groups = texts(all.get(&config.role_claim));
    let given = config.roles.iter();
    let given = given.filter(|mapping| groups.contains(&mapping.value.as_str()));
    Ok(Known {
        external: format!("{} {subject}", config.issuer),
        name: name.unwrap_or_else(fallback),
        role: given
            .map(|mapping| mapping.role)
            .max()
            .or(config.default_role),
    })
}

/// A text, or a list of texts.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config() -> Config {
        let tree = json!({"issuer": "https://id", "client_id": "ratel", "redirect": "https://r/",
            "roles": [{"value": "soc", "role": "analyst"}, {"value": "soc-leads", "role": "admin"}]});
        serde_json::from_value(tree).unwrap()
    }

    fn with(name: &str, value: Value) -> Result<Known, &'static str> {
        let mut all = json!({"iss": "https://id", "aud": "ratel", "sub": "7", "exp": 2000, "iat": 1000,
            "nonce": "n", "preferred_username": "Ann", "groups": ["soc", "staff"]});
        all[name] = value;
        let payload = serde_json::to_vec(&all).unwrap();
        read(&payload, &config(), "n", Timestamp::new(1500, 0))
    }

    #[test]
    fn a_word_that_is_not_for_us_now_about_this_login_is_refused() {
        let check = |name: &str, value: Value, expected: &str| {
            assert_eq!(with(name, value.clone()), Err(expected), "{name} {value}");
        };
        check("iss", json!("https://evil"), "another issuer");
        check("aud", json!("other"), "meant for somebody else");
        check(
            "aud",
            json!(["ratel", "other"]),
            "meant for several, given to nobody",
        );
        check("azp", json!("other"), "given to somebody else");
        check("exp", json!(1440), "it is over");
        check("exp", Value::Null, "it has no end");
        check("iat", json!(1600), "it is one later");
        check("nbf", json!(1600), "it is one later");
        check("nonce", json!("other"), "about another login");
        check("nonce", Value::Null, "about another login");
        check("sub", json!(""), "about nobody");
        check("sub", json!("s".repeat(256)), "about nobody");
    }

    #[test]
    fn groups_give_the_strongest_role() {
        let check = |groups: Value, expected: Option<Role>| {
            assert_eq!(with("groups", groups).unwrap().role, expected);
        };
        check(json!(["soc"]), Some(Role::Analyst));
        check(json!(["soc-leads", "soc"]), Some(Role::Admin));
        check(json!("soc"), Some(Role::Analyst));
        check(json!(["socx"]), None);
        check(Value::Null, None);
        let known = with("azp", json!("ratel")).unwrap();
        assert_eq!(
            (known.name.as_str(), known.external.as_str()),
            ("ann", "https://id 7")
        );
        assert!(
            with("preferred_username", json!("a b"))
                .unwrap()
                .name
                .starts_with("oidc-")
        );
    }
}
