//! Text messages through Twilio's Messages API: one segment of at most 160 characters of the GSM alphabet.
//!
//! The API has no idempotency keys: each text ends with its key, and one whose answer got lost is looked for
//! in the list of messages before it is sent again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::Timestamp;
use ureq::http::Method;

use super::World;
use super::change::Receipt;
use super::clean;
use super::config::Sms;
use super::deliver::{Delivery, Failed, Receipts};
use super::http::Http;
use super::message;
use super::secret::Shown;
use super::slack::percent;

/// The API.
const API: &str = "https://api.twilio.com";
/// Characters of one segment (3GPP TS 23.040: 140 bytes of seven bits).
pub const MAX_TEXT: usize = 160;
/// Messages that are looked at for one whose answer got lost.
const LOOKED_AT: u32 = 50;

/// Who sends to one number.
#[derive(Debug)]
pub struct SmsSender {
    url: String,
    authorization: Shown,
    from: (&'static str, String),
    to: String,
    http: Http,
}

impl SmsSender {
    /// Reads the secret.
    pub fn open(config: &Sms, to: &str, http: Http, world: &World) -> Result<SmsSender, String> {
        let token = config.token.read(world)?;
        let user = config.key.as_ref().unwrap_or(&config.account);
        let both = STANDARD.encode(format!("{user}:{}", token.text()));
        let api = config
            .api_url
            .as_deref()
            .unwrap_or(API)
            .trim_end_matches('/');
        let kind = match config.from.starts_with("MG") {
            true => "MessagingServiceSid",
            false => "From",
        };
        Ok(SmsSender {
            url: format!("{api}/2010-04-01/Accounts/{}/Messages.json", config.account),
            authorization: Shown::new(format!("Basic {both}")),
            from: (kind, config.from.clone()),
            to: to.to_owned(),
            http,
        })
    }

    /// Sends, unless it is known to have been sent.
    pub fn send(&self, delivery: &Delivery<'_>) -> Result<Receipts, Failed> {
        let text = text(delivery);
        if let Some(since) = delivery.repeat_of
            && self.is_there(delivery.key, since)
        {
            return Ok(Receipts::new());
        }
        let pairs = [
            ("To", self.to.as_str()),
            (self.from.0, &self.from.1),
            ("Body", &text),
        ];
        let form: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={}", percent(value)))
            .collect();
        let headers = [
            ("authorization", self.authorization.text()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let body = form.join("&");
        let answer = self
            .http
            .ask(Method::POST, &self.url, &headers, body.as_bytes())?;
        let answer = answer.good()?.json();
        let sid = clean::line(answer["sid"].as_str().unwrap_or_default(), 64);
        let mut receipts = Receipts::new();
        if let [item] = delivery.items.as_slice() {
            let receipt = Receipt::from([("sid".to_owned(), sid)]);
            receipts.insert(item.incident.id.clone(), receipt);
        }
        Ok(receipts)
    }

    /// Whether the list of messages to this number has one with the key.
    fn is_there(&self, key: &str, since: Timestamp) -> bool {
        // The list can be cut by day, in UTC; ours may be a little ahead of theirs.
        let day = message::moment(Timestamp::new(since.secs() - 3600, 0));
        let day = day.get(..10).unwrap_or_default();
        let url = format!(
            "{}?To={}&PageSize={LOOKED_AT}&DateSent%3E={day}",
            self.url,
            percent(&self.to)
        );
        let headers = [("authorization", self.authorization.text())];
        let Ok(answer) = self.http.ask(Method::GET, &url, &headers, &[]) else {
            return false;
        };
        let Ok(answer) = answer.good() else {
            return false;
        };
        let list = answer.json();
        let end = format!("({key})");
        let ours = |one: &serde_json::Value| {
            let is_failed = matches!(one["status"].as_str(), Some("failed" | "canceled"));
            !is_failed
                && one["body"]
                    .as_str()
                    .is_some_and(|body| body.ends_with(&end))
        };
        list["messages"]
            .as_array()
            .is_some_and(|all| all.iter().any(ours))
    }
}

fn text(delivery: &Delivery<'_>) -> String {
    let words = match delivery.items.as_slice() {
        [item] => message::headline(item),
        items => {
            let first = items.first().map(message::headline).unwrap_or_default();
            format!("{}; {first}", message::digest_headline(items))
        }
    };
    let end = format!(" ({})", gsm(delivery.key));
    let room = MAX_TEXT.saturating_sub(end.chars().count() + "Ratel ".len());
    let words: String = gsm(&words).chars().take(room).collect();
    format!("Ratel {}{end}", words.trim_end())
}

/// `text` in characters that take one place of GSM's basic alphabet (3GPP TS 23.038, section 6.2.1), so that
/// 160 of them are one segment; what has no likeness there becomes `?`.
#[must_use]
pub fn gsm(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '[' | '{' => '(',
            ']' | '}' => ')',
            '~' => '-',
            '^' | '`' => '\'',
            '|' | '\\' => '/',
            '…' => '.',
            '→' => '>',
            ' '..='\u{7e}' => c,
            'ä' | 'ö' | 'ü' | 'Ä' | 'Ö' | 'Ü' | 'ß' | 'ñ' | 'Ñ' | 'à' | 'è' | 'é' | 'ù' | 'ì'
            | 'ò' | 'Å' | 'å' | 'Æ' | 'æ' | 'Ø' | 'ø' | 'É' => c,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::change::Change;
    use crate::notify::deliver::Item;
    use crate::notify::sample;
    use proptest::prelude::*;

    fn check(title: &str, expected: &str) {
        let mut incident = sample::incident(1);
        incident.title = title.into();
        assert_eq!(text_of(&incident, 1), expected);
    }

    fn text_of(incident: &event::Incident, times: usize) -> String {
        let item = || Item {
            incident,
            change: Change::Opened,
            told: None,
            loud: true,
            note: "",
        };
        text(&Delivery {
            key: "i0123456789abcdef-1",
            items: (0..times).map(|_| item()).collect(),
            repeat_of: None,
            link: None,
            now: Timestamp::default(),
        })
    }

    #[test]
    fn a_text_is_one_segment_that_ends_with_its_key() {
        check(
            "SSH from 192.0.2.1",
            "Ratel (HIGH) New: SSH from 192.0.2.1 (i0123456789abcdef-1)",
        );
        check(
            "größer | 日本",
            "Ratel (HIGH) New: größer / ?? (i0123456789abcdef-1)",
        );
        let mut long = sample::incident(1);
        long.title = "x".repeat(500);
        let text = text_of(&long, 30);
        assert_eq!(text.chars().count(), MAX_TEXT);
        assert!(text.starts_with("Ratel (HIGH) Digest: 30 incidents"));
        assert!(text.ends_with("x (i0123456789abcdef-1)"));
    }

    proptest! {
        #[test]
        fn whatever_attackers_write_stays_in_the_alphabet(title in "\\PC{0,300}|.{0,300}") {
            let mut incident = sample::incident(1);
            incident.title = title;
            let text = text_of(&incident, 1);
            prop_assert!(text.chars().count() <= MAX_TEXT);
            let is_long = |c: char| c.is_control() || "[]{}^~|\\`".contains(c);
            prop_assert!(!text.chars().any(is_long));
        }
    }
}
