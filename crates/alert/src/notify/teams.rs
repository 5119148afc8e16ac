//! Microsoft Teams: an Adaptive Card to a workflow's webhook. What attackers wrote stands in text runs of a
//! `RichTextBlock`, which know no Markdown.
//!
//! A workflow has no idempotency keys and no way to ask: a card whose answer got lost may come twice; its foot
//! carries the same key.

use event::incident::Severity;
use serde_json::{Value, json};

use super::World;
use super::clean;
use super::config::Teams;
use super::deliver::{Delivery, Failed, Receipts};
use super::http::Http;
use super::message;
use super::secret::Shown;

/// Characters of a line of a card; Teams takes 28 KB for a whole message.
const MAX_LINE: usize = 400;

/// Who sends to one workflow.
#[derive(Debug)]
pub struct TeamsSender {
    url: Shown,
    http: Http,
}

impl TeamsSender {
    /// Reads the address.
    pub fn open(config: &Teams, http: Http, world: &World) -> Result<TeamsSender, String> {
        let url = config.webhook_url.read(world)?;
        super::config::secret_url(url.text())?;
        Ok(TeamsSender { url, http })
    }

    /// Posts a card.
    pub fn send(&self, delivery: &Delivery<'_>) -> Result<Receipts, Failed> {
        let answer = self.http.post_json(self.url.text(), &[], &card(delivery))?;
        answer.good().map(|_| Receipts::new())
    }
}

fn run(text: &str, look: &Value) -> Value {
    let mut run = json!({"type": "TextRun", "text": clean::line(text, MAX_LINE)});
    if let (Value::Object(run), Value::Object(look)) = (&mut run, look) {
        run.extend(look.clone());
    }
    run
}

fn block(runs: Vec<Value>) -> Value {
    json!({"type": "RichTextBlock", "inlines": runs})
}

const fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "attention",
        Severity::Medium => "warning",
        Severity::Low | Severity::Informational => "default",
    }
}

fn card(delivery: &Delivery<'_>) -> Value {
    let worst = delivery
        .items
        .iter()
        .map(|item| item.incident.severity)
        .max();
    let look = json!({
        "weight": "bolder", "size": "medium",
        "color": colour(worst.unwrap_or(Severity::Informational)),
    });
    let mut body = Vec::new();
    let mut actions = Vec::new();
    match delivery.items.as_slice() {
        [item] => {
            body.push(block(vec![run(&message::headline(item), &look)]));
            for (name, text) in message::facts(item.incident) {
                let name = run(&format!("{name}: "), &json!({"weight": "bolder"}));
                body.push(block(vec![name, run(&text, &Value::Null)]));
            }
            if let Some(link) = message::link(delivery.link, item.incident) {
                actions
                    .push(json!({"type": "Action.OpenUrl", "title": "Open in Ratel", "url": link}));
            }
        }
        items => {
            body.push(block(vec![run(&message::digest_headline(items), &look)]));
            let lines = message::digest_lines(items);
            body.extend(
                lines
                    .iter()
                    .map(|line| block(vec![run(line, &Value::Null)])),
            );
        }
    }
    let foot = json!({"isSubtle": true, "size": "small"});
    body.push(block(vec![run(delivery.key, &foot)]));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": {"width": "Full"},
                "body": body,
                "actions": actions,
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::change::Change;
    use crate::notify::deliver::Item;
    use crate::notify::sample;
    use event::Timestamp;

    #[test]
    fn a_card_knows_no_markdown_and_is_not_too_large() {
        let mut incident = sample::incident(1);
        incident.title = "[click](https://evil.example) **x**".repeat(100);
        let incident = clean::bounded(&incident);
        let item = || Item {
            incident: &incident,
            change: Change::Opened,
            told: None,
            loud: true,
            note: "",
        };
        for times in [1, 100] {
            let card = card(&Delivery {
                key: "k",
                items: (0..times).map(|_| item()).collect(),
                repeat_of: None,
                link: None,
                now: Timestamp::default(),
            });
            let text = card.to_string();
            assert!(!text.contains("TextBlock\",\"text\"") && !text.contains("\"FactSet\""));
            assert!(text.len() < 28_000, "{}", text.len());
        }
    }
}
