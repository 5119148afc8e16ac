//! Slack. With a bot's token an incident is one message that changes in place, and what matters is also said
//! in its thread; with an incoming webhook each change is a message of its own.
//!
//! What attackers wrote stands in `plain_text` objects only: there Slack knows no links, no mentions and no
//! markup. Slack's API has no idempotency keys: each message carries its key as metadata, and one whose answer
//! got lost is looked for before it is sent again. Where the token may not read the channel, and with a
//! webhook, such a message may come twice.

use event::Timestamp;
use event::incident::Severity;
use serde_json::{Value, json};
use ureq::http::Method;

use super::World;
use super::change::Receipt;
use super::clean;
use super::config::Slack;
use super::deliver::{Delivery, Failed, How, Item, Receipts};
use super::http::Http;
use super::message;
use super::secret::Shown;

/// The API.
const API: &str = "https://slack.com/api";
/// Characters of a header block (Block Kit reference: 150).
const MAX_HEADER: usize = 150;
/// Characters of a field of a section (Block Kit reference: 2,000; less is read more).
const MAX_FIELD: usize = 500;
/// Fields of a section (Block Kit reference: 10).
const MAX_FIELDS: usize = 10;
/// The kind of metadata that our messages carry.
const EVENT: &str = "ratel_incident";
/// Messages that are looked at for one whose answer got lost.
const LOOKED_AT: u32 = 100;

/// Who sends to one channel.
#[derive(Debug)]
pub struct SlackSender {
    to: To,
    http: Http,
}

#[derive(Debug)]
enum To {
    Channel {
        api: String,
        authorization: Shown,
        channel: String,
    },
    Webhook(Shown),
}

impl SlackSender {
    /// Reads the secret.
    pub fn open(config: &Slack, http: Http, world: &World) -> Result<SlackSender, String> {
        let to = match (&config.token, &config.channel, &config.webhook_url) {
            (Some(token), Some(channel), _) => To::Channel {
                api: config
                    .api_url
                    .as_deref()
                    .unwrap_or(API)
                    .trim_end_matches('/')
                    .to_owned(),
                authorization: Shown::new(format!("Bearer {}", token.read(world)?.text())),
                channel: channel.clone(),
            },
            (_, _, Some(url)) => {
                let url = url.read(world)?;
                super::config::secret_url(url.text())?;
                To::Webhook(url)
            }
            _ => return Err("token and channel, or webhook_url".into()),
        };
        Ok(SlackSender { to, http })
    }

    /// Tells of an incident, or of many in a digest.
    pub fn send(&self, delivery: &Delivery<'_>) -> Result<Receipts, Failed> {
        let body = match delivery.items.as_slice() {
            [one] => body(one, delivery.link),
            all => digest(all),
        };
        match &self.to {
            To::Webhook(url) => {
                let answer = self.http.post_json(url.text(), &[], &body)?;
                answer.good().map(|_| Receipts::new())
            }
            To::Channel { channel, .. } => match delivery.items.as_slice() {
                [one] => self.one(one, delivery, channel, body),
                _ => {
                    self.post(delivery, channel, None, body)?;
                    Ok(Receipts::new())
                }
            },
        }
    }

    /// The message of an incident, new or changed in place, and a word in its thread.
    fn one(
        &self,
        item: &Item<'_>,
        delivery: &Delivery<'_>,
        channel: &str,
        body: Value,
    ) -> Result<Receipts, Failed> {
        let root = item.told.and_then(|told| {
            let receipt = &told.receipt;
            Some((
                receipt.get("channel")?.as_str(),
                receipt.get("ts")?.as_str(),
            ))
        });
        let id = item.incident.id.clone();
        let Some((channel, ts)) = root else {
            let receipt = self.post(delivery, channel, None, body)?;
            return Ok(Receipts::from([(id, receipt)]));
        };
        // Doing this twice changes nothing, so it comes first.
        let mut update = body;
        update["channel"] = channel.into();
        update["ts"] = ts.into();
        match self.call("chat.update", &update) {
            Ok(_) => {}
            // Somebody took the message away: the incident gets a new one.
            Err(failed) if is_gone(&failed) => {
                let receipt = self.post(delivery, channel, None, update)?;
                return Ok(Receipts::from([(id, receipt)]));
            }
            Err(failed) => return Err(failed),
        }
        if !item.loud {
            return Ok(Receipts::new());
        }
        let word = message::headline(item);
        let word = json!({"text": escape(&word), "blocks": [section(&word)]});
        self.post(delivery, channel, Some(ts), word)?;
        Ok(Receipts::new())
    }

    /// Posts a message, unless an earlier attempt with the same key is there already.
    fn post(
        &self,
        delivery: &Delivery<'_>,
        channel: &str,
        thread: Option<&str>,
        mut body: Value,
    ) -> Result<Receipt, Failed> {
        if let Some(since) = delivery.repeat_of
            && let Some(ts) = self.find(delivery.key, channel, thread, since)
        {
            return Ok(receipt(channel, &ts));
        }
        body["channel"] = channel.into();
        if let Some(ts) = thread {
            body["thread_ts"] = ts.into();
        } else if let Value::Object(all) = &mut body {
            all.remove("ts");
        }
        body["metadata"] = json!({"event_type": EVENT, "event_payload": {"key": delivery.key}});
        body["unfurl_links"] = false.into();
        body["unfurl_media"] = false.into();
        let answer = self.call("chat.postMessage", &body)?;
        let ts = answer["ts"].as_str().unwrap_or_default();
        Ok(receipt(answer["channel"].as_str().unwrap_or(channel), ts))
    }

    /// The time of the message with this key. None where there is none, or where the token may not look.
    fn find(
        &self,
        key: &str,
        channel: &str,
        thread: Option<&str>,
        since: Timestamp,
    ) -> Option<String> {
        let mut ask = json!({
            "channel": channel,
            // Their clock and ours may differ.
            "oldest": since.secs().saturating_sub(120).to_string(),
            "limit": LOOKED_AT,
            "include_all_metadata": true,
        });
        let method = match thread {
            Some(ts) => {
                ask["ts"] = ts.into();
                "conversations.replies"
            }
            None => "conversations.history",
        };
        let answer = self.call(method, &ask).ok()?;
        let messages = answer["messages"].as_array()?;
        let ours = messages.iter().find(|one| {
            one["metadata"]["event_type"] == EVENT && one["metadata"]["event_payload"]["key"] == key
        })?;
        ours["ts"].as_str().map(str::to_owned)
    }

    fn call(&self, method: &str, body: &Value) -> Result<Value, Failed> {
        let To::Channel {
            api, authorization, ..
        } = &self.to
        else {
            return Err(Failed::new(How::Denied, "a webhook has no API"));
        };
        let url = format!("{api}/{method}");
        let headers = [("authorization", authorization.text())];
        // Methods that read take forms, not JSON.
        let answer = if method.starts_with("conversations.") {
            let form = form(body);
            let headers = [
                headers[0],
                ("content-type", "application/x-www-form-urlencoded"),
            ];
            self.http
                .ask(Method::POST, &url, &headers, form.as_bytes())?
        } else {
            self.http.post_json(&url, &headers, body)?
        };
        let retry_after = answer.retry_after;
        let answer = answer.good()?.json();
        if answer["ok"] == true {
            return Ok(answer);
        }
        let error = answer["error"].as_str().unwrap_or("no JSON");
        Err(Failed {
            how: meaning(error),
            reason: format!("Slack says {}", clean::line(error, 100)),
            retry_after,
        })
    }
}

fn receipt(channel: &str, ts: &str) -> Receipt {
    Receipt::from([
        ("channel".to_owned(), channel.to_owned()),
        ("ts".to_owned(), ts.to_owned()),
    ])
}

/// What Slack's errors mean for what was sent.
fn meaning(error: &str) -> How {
    match error {
        "ratelimited" | "rate_limited" | "service_unavailable" | "team_added_to_org" => How::Away,
        "fatal_error" | "internal_error" | "request_timeout" | "no JSON" => How::Unknown,
        "invalid_blocks"
        | "invalid_blocks_format"
        | "msg_too_long"
        | "no_text"
        | "invalid_arguments"
        | "message_not_found"
        | "cant_update_message"
        | "edit_window_closed"
        | "thread_not_found"
        | "metadata_too_large" => How::Refused,
        // Tokens, rights and channels: mended by people.
        _ => How::Denied,
    }
}

fn is_gone(failed: &Failed) -> bool {
    let gone = [
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
    ];
    failed.how == How::Refused && gone.iter().any(|error| failed.reason.ends_with(error))
}

/// The three characters that mean something in Slack's text (its formatting guide: "escaping text").
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn plain(text: &str, max: usize) -> Value {
    json!({"type": "plain_text", "text": clean::line(text, max), "emoji": false})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": plain(text, MAX_FIELD)})
}

const fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "🟣",
        Severity::High => "🔴",
        Severity::Medium => "🟠",
        Severity::Low => "🟡",
        Severity::Informational => "🔵",
    }
}

fn body(item: &Item<'_>, link: Option<&str>) -> Value {
    let incident = item.incident;
    let headline = message::headline(item);
    let header = format!("{} {headline}", mark(incident.severity));
    let mut blocks = vec![json!({"type": "header", "text": plain(&header, MAX_HEADER)})];
    let facts = message::facts(incident);
    let fields: Vec<Value> = facts
        .iter()
        .filter(|(name, _)| *name != "Incident")
        .take(MAX_FIELDS)
        .map(|(name, text)| plain(&format!("{name}: {text}"), MAX_FIELD))
        .collect();
    blocks.push(json!({"type": "section", "fields": fields}));
    if let Some(url) = message::link(link, incident) {
        blocks.push(json!({"type": "actions", "elements": [
            {"type": "button", "text": plain("Open in Ratel", 40), "url": url},
        ]}));
    }
    let foot = format!("{} revision {}", incident.id, incident.revision);
    blocks.push(json!({"type": "context", "elements": [plain(&foot, MAX_FIELD)]}));
    json!({"text": escape(&headline), "blocks": blocks})
}

fn digest(items: &[Item<'_>]) -> Value {
    let headline = message::digest_headline(items);
    let mut blocks = vec![json!({"type": "header", "text": plain(&headline, MAX_HEADER)})];
    blocks.extend(
        message::digest_lines(items)
            .iter()
            .map(|line| section(line)),
    );
    json!({"text": escape(&headline), "blocks": blocks})
}

/// A form of an object's texts and numbers.
fn form(body: &Value) -> String {
    let pairs = body.as_object().into_iter().flatten().map(|(name, value)| {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        format!("{}={}", percent(name), percent(&value))
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Percent-encoding of everything but RFC 3986's unreserved characters.
#[must_use]
pub fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::sample;

    fn item(incident: &event::Incident) -> Item<'_> {
        Item {
            incident,
            change: crate::notify::change::Change::Opened,
            told: None,
            loud: true,
            note: "",
        }
    }

    #[test]
    fn what_attackers_wrote_is_plain_text_and_escaped() {
        let mut incident = sample::incident(1);
        incident.title = "<!channel> *bold* <https://evil.example|click> &".into();
        let body = body(&item(&incident), Some("https://r.example.org"));
        assert_eq!(
            body["text"],
            "[HIGH] New: &lt;!channel&gt; *bold* &lt;https://evil.example|click&gt; &amp;"
        );
        assert!(!body.to_string().contains("\"mrkdwn\""));
        assert_eq!(body["blocks"][0]["text"]["type"], "plain_text");
        assert!(body["blocks"][1]["fields"].as_array().unwrap().len() <= MAX_FIELDS);
    }

    #[test]
    fn blocks_keep_to_slacks_limits() {
        let mut incident = sample::incident(1);
        incident.title = "x".repeat(10_000);
        let incident = clean::bounded(&incident);
        let one = body(&item(&incident), None);
        let header = one["blocks"][0]["text"]["text"].as_str().unwrap();
        assert!(header.chars().count() <= MAX_HEADER);
        let items: Vec<Item<'_>> = (0..100).map(|_| item(&incident)).collect();
        // Slack takes 50 blocks.
        assert!(digest(&items)["blocks"].as_array().unwrap().len() < 50);
    }

    #[test]
    fn forms_are_percent_encoded() {
        assert_eq!(
            form(&json!({"a b": "ä&=", "n": 7})),
            "a%20b=%C3%A4%26%3D&n=7"
        );
    }
}
