//! Any server that takes a POST: JSON with everything, or a body by a template; signed where a secret is set.
//!
//! Headers: `Idempotency-Key` is the same for every attempt with the same content, so that a server can tell a
//! repeat; `X-Ratel-Signature: t=SECONDS,v1=HEX` is HMAC-SHA256 of `SECONDS.BODY`, where the time keeps an old
//! request from being played again.

pub mod template;

use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use ureq::http::Method;

use super::World;
use super::config::Webhook;
use super::deliver::{Delivery, Failed, Receipts};
use super::http::Http;
use super::message;
use super::secret::Shown;
use template::{Escaping, Template};

/// The version of the JSON body: it changes only where something is taken away.
const VERSION: u32 = 1;

/// Who sends to one server.
#[derive(Debug)]
pub struct WebhookSender {
    url: Shown,
    headers: Vec<(String, Shown)>,
    hmac: Option<Shown>,
    template: Option<Template>,
    content_type: String,
    http: Http,
}

impl WebhookSender {
    /// Reads secrets, compiles the template.
    pub fn open(config: &Webhook, http: Http, world: &World) -> Result<WebhookSender, String> {
        let url = match (&config.url, &config.secret_url) {
            (Some(url), _) => Shown::new(url.clone()),
            (None, Some(secret)) => {
                let url = secret.read(world)?;
                super::config::secret_url(url.text())?;
                url
            }
            (None, None) => return Err("url or secret_url is wanted".into()),
        };
        let mut headers: Vec<(String, Shown)> = config
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), Shown::new(value.clone())))
            .collect();
        for (name, secret) in &config.secret_headers {
            headers.push((name.clone(), secret.read(world)?));
        }
        let content_type = config.content_type.clone();
        let content_type = content_type.unwrap_or_else(|| "application/json".into());
        if content_type.chars().any(char::is_control) {
            return Err("content_type has control characters".into());
        }
        let template = match &config.template {
            Some(text) => {
                let template = Template::compile(text, Escaping::of(&content_type))?;
                template.check(&sample_values())?;
                Some(template)
            }
            None => None,
        };
        Ok(WebhookSender {
            url,
            headers,
            hmac: config
                .hmac
                .as_ref()
                .map(|secret| secret.read(world))
                .transpose()?,
            template,
            content_type,
            http,
        })
    }

    /// Posts.
    pub fn send(&self, delivery: &Delivery<'_>) -> Result<Receipts, Failed> {
        let values = values(delivery);
        let body = match &self.template {
            Some(template) => template.render(&values),
            None => values.to_string(),
        };
        let mut headers = vec![
            ("content-type", self.content_type.as_str()),
            ("idempotency-key", delivery.key),
        ];
        for (name, value) in &self.headers {
            headers.push((name, value.text()));
        }
        let signature = self.hmac.as_ref().map(|secret| {
            let time = delivery.now.secs();
            format!("t={time},v1={}", sign(secret, time, &body))
        });
        if let Some(signature) = &signature {
            headers.push(("x-ratel-signature", signature));
        }
        let answer = self
            .http
            .ask(Method::POST, self.url.text(), &headers, body.as_bytes())?;
        answer.good().map(|_| Receipts::new())
    }
}

/// What a template may use, and what is sent without one.
fn values(delivery: &Delivery<'_>) -> Value {
    let one = |item: &super::deliver::Item<'_>| {
        json!({
            "change": item.change.name(),
            "headline": message::headline(item),
            "note": item.note,
            "incident": item.incident,
            "link": message::link(delivery.link, item.incident),
        })
    };
    match delivery.items.as_slice() {
        [item] => {
            let mut all = one(item);
            all["version"] = VERSION.into();
            all["key"] = delivery.key.into();
            all
        }
        items => json!({
            "version": VERSION,
            "key": delivery.key,
            "change": "digest",
            "headline": message::digest_headline(items),
            "incidents": items.iter().map(one).collect::<Vec<_>>(),
        }),
    }
}

/// Every name that a template may use, with a value.
fn sample_values() -> Value {
    let incident = super::sample::incident(1);
    json!({
        "version": VERSION, "key": "k", "change": "opened", "headline": "h", "note": "n", "link": "l",
        "incident": incident,
        "incidents": [{"change": "opened", "headline": "h", "note": "n", "link": "l", "incident": incident}],
    })
}

fn sign(secret: &Shown, time: i64, body: &str) -> String {
    // A key of any length is a key (RFC 2104, section 2).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.text().as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{time}.").as_bytes());
    mac.update(body.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_signed_with_its_time() {
        // echo -n '1700000000.{}' | openssl dgst -sha256 -hmac key
        let signature = sign(&Shown::new("key".into()), 1_700_000_000, "{}");
        assert_eq!(
            signature,
            "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
        );
    }
}
