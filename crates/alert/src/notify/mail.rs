//! E-mail over SMTP: text and HTML, a thread for each incident.
//!
//! A repeat has the Message-ID of the first attempt, which is made of the incident's name and revision: SMTP
//! itself knows no repeats (RFC 5321, section 4.1.1.4: an answer that gets lost after the data leaves the
//! message sent), but mailboxes that tell duplicates apart do it by Message-ID.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, Tls as Protection, TlsParameters,
};
use lettre::{Message, SmtpTransport, Transport as _};

use super::World;
use super::change::{Change, Receipt};
use super::clean;
use super::config::{Mail, Tls};
use super::deliver::{Delivery, Failed, How, Item, Receipts};
use super::message;
use super::webhook::template::markup;

/// Characters of a subject.
const MAX_SUBJECT: usize = 200;
/// Characters of a server's answer that are told as the reason.
const MAX_TOLD: usize = 200;

/// Who sends over one server.
#[derive(Debug)]
pub struct MailSender {
    transport: SmtpTransport,
    from: Mailbox,
    to: Vec<Mailbox>,
    domain: String,
    mark: String,
}

impl MailSender {
    /// Reads the password and certificates.
    pub fn open(
        config: &Mail,
        receiver: &str,
        timeout: Duration,
        ca: Option<&Path>,
        world: &World,
    ) -> Result<MailSender, String> {
        let mailbox = |text: &String| {
            text.parse::<Mailbox>()
                .map_err(|error| format!("{text:?} is no address: {error}"))
        };
        let from = mailbox(&config.from)?;
        let to = config.to.iter().map(mailbox).collect::<Result<_, _>>()?;
        let parameters = || parameters(&config.host, ca);
        let (protection, port) = match config.tls {
            Tls::Starttls => (Protection::Required(parameters()?), 587),
            Tls::Tls => (Protection::Wrapper(parameters()?), 465),
            Tls::None => (Protection::None, 25),
        };
        let mut builder = SmtpTransport::builder_dangerous(&config.host)
            .port(config.port.unwrap_or(port))
            .tls(protection)
            .timeout(Some(timeout));
        if let Some(login) = &config.login {
            let password = login.password.read(world)?;
            let credentials = Credentials::new(login.user.clone(), password.text().to_owned());
            builder = builder.credentials(credentials);
        }
        Ok(MailSender {
            transport: builder.build(),
            domain: from.email.domain().to_owned(),
            from,
            to,
            mark: receiver.to_owned(),
        })
    }

    /// Sends one message to all.
    pub fn send(&self, delivery: &Delivery<'_>) -> Result<Receipts, Failed> {
        let written = self
            .write(delivery)
            .map_err(|error| Failed::new(How::Refused, error))?;
        self.transport
            .send(&written.message)
            .map_err(|error| failed(&error))?;
        Ok(written.receipts)
    }

    fn write(&self, delivery: &Delivery<'_>) -> Result<Written, String> {
        let own = format!("<{}.{}@{}>", delivery.key, self.mark, self.domain);
        let one = match delivery.items.as_slice() {
            [one] => Some(one),
            _ => None,
        };
        let before = one.and_then(|item| item.told).map(|told| &told.receipt);
        let root = before.and_then(|receipt| receipt.get("message_id"));
        let headline = match one {
            Some(item) => message::headline(item),
            None => message::digest_headline(&delivery.items),
        };
        let headline = clean::line(&headline, MAX_SUBJECT);
        let first = before.and_then(|receipt| receipt.get("subject"));
        let subject = match (first, one.map(|item| item.change)) {
            // Gmail holds together what has the same subject; what is worse should stand out.
            (Some(first), Some(Change::Closed | Change::Acknowledged | Change::Updated)) => {
                format!("Re: {first}")
            }
            _ => headline.clone(),
        };
        let since = Duration::from_nanos(u64::try_from(delivery.now.nanos()).unwrap_or(0));
        let mut builder = Message::builder()
            .from(self.from.clone())
            .message_id(Some(own.clone()))
            .date(UNIX_EPOCH + since)
            .subject(subject)
            // Nobody's machine should answer (RFC 3834, section 5).
            .raw_header(raw("Auto-Submitted", "auto-generated")?)
            .raw_header(raw("X-Ratel-Key", delivery.key)?);
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        if let Some(root) = root {
            builder = builder.in_reply_to(root.clone()).references(root.clone());
        }
        let (text, html) = match one {
            Some(item) => (text_of(item, delivery.link), html_of(item, delivery.link)),
            None => digest(&headline, &delivery.items),
        };
        let message = builder
            .multipart(MultiPart::alternative_plain_html(text, html))
            .map_err(|error| error.to_string())?;
        let mut receipts = Receipts::new();
        if let Some(item) = one
            && root.is_none()
        {
            let receipt = Receipt::from([
                ("message_id".to_owned(), own),
                ("subject".to_owned(), headline),
            ]);
            receipts.insert(item.incident.id.clone(), receipt);
        }
        Ok(Written { message, receipts })
    }
}

struct Written {
    message: Message,
    receipts: Receipts,
}

fn raw(name: &str, value: &str) -> Result<HeaderValue, String> {
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|error| error.to_string())?;
    Ok(HeaderValue::new(name, value.to_owned()))
}

fn parameters(host: &str, ca: Option<&Path>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = ca {
        let pem = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let roots = Certificate::from_pem(&pem).map_err(|error| error.to_string())?;
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(roots);
    }
    builder.build_rustls().map_err(|error| error.to_string())
}

fn text_of(item: &Item<'_>, link: Option<&str>) -> String {
    let mut text = format!("{}\r\n\r\n", message::headline(item));
    for (name, fact) in message::facts(item.incident) {
        text.push_str(&format!("{name}: {fact}\r\n"));
    }
    if let Some(link) = message::link(link, item.incident) {
        text.push_str(&format!("\r\n{link}\r\n"));
    }
    text
}

fn html_of(item: &Item<'_>, link: Option<&str>) -> String {
    let mut rows = String::new();
    for (name, fact) in message::facts(item.incident) {
        rows.push_str(&format!(
            "<tr><th align=\"left\" valign=\"top\">{}</th><td>{}</td></tr>\r\n",
            markup(name),
            markup(&fact)
        ));
    }
    let link = message::link(link, item.incident).map_or_else(String::new, |link| {
        format!("<p><a href=\"{}\">Open in Ratel</a></p>\r\n", markup(&link))
    });
    page(
        &message::headline(item),
        &format!("<table cellpadding=\"4\">\r\n{rows}</table>\r\n{link}"),
    )
}

fn digest(headline: &str, items: &[Item<'_>]) -> (String, String) {
    let lines = message::digest_lines(items);
    let text = format!("{headline}\r\n\r\n{}\r\n", lines.join("\r\n"));
    let rows: String = lines
        .iter()
        .map(|line| format!("<li>{}</li>\r\n", markup(line)))
        .collect();
    (text, page(headline, &format!("<ul>\r\n{rows}</ul>\r\n")))
}

fn page(headline: &str, body: &str) -> String {
    format!(
        "<!doctype html>\r\n<html><head><meta charset=\"utf-8\"></head>\r\n<body>\r\n<h3>{}</h3>\r\n{body}</body></html>\r\n",
        markup(headline)
    )
}

fn failed(error: &lettre::transport::smtp::Error) -> Failed {
    let text = error.to_string();
    let code = error.status().map(u16::from);
    let how = match code {
        // Logins and rights (RFC 4954, section 6).
        Some(454 | 530 | 534 | 535 | 538) => How::Denied,
        Some(_) if error.is_transient() => How::Away,
        Some(_) => How::Refused,
        None if error.is_tls() || text.starts_with("Connection error") => How::Away,
        None => How::Unknown,
    };
    let mut reason = text;
    if let Some(source) = std::error::Error::source(error) {
        let source = source.to_string();
        if !reason.contains(&source) {
            reason = format!("{reason}: {source}");
        }
    }
    Failed::new(how, clean::line(&reason, MAX_TOLD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::change::Told;
    use crate::notify::{queue, sample};
    use event::Timestamp;
    use event::incident::Status;

    fn sender() -> MailSender {
        let config = Mail {
            host: "127.0.0.1".into(),
            tls: Tls::None,
            from: "Ratel <ratel@example.org>".into(),
            to: vec!["a@example.org".into(), "b@example.org".into()],
            ..Mail::default()
        };
        let world = World::of_test(Path::new("/nonexistent"));
        MailSender::open(&config, "soc", Duration::from_secs(1), None, &world).unwrap()
    }

    fn write(incident: &event::Incident, told: Option<&Told>) -> (String, Receipts) {
        let key = queue::key(incident);
        let delivery = Delivery {
            key: &key,
            items: vec![Item {
                incident,
                change: Change::of(told, incident),
                told,
                loud: true,
                note: "",
            }],
            repeat_of: None,
            link: Some("https://r.example.org"),
            now: Timestamp::new(1_767_323_045, 0),
        };
        let written = sender().write(&delivery).unwrap();
        (
            String::from_utf8(written.message.formatted()).unwrap(),
            written.receipts,
        )
    }

    #[test]
    fn an_incident_is_a_thread() {
        let incident = sample::incident(1);
        let (first, receipts) = write(&incident, None);
        assert!(
            first.contains("Message-ID: <i0123456789abcdef-1.soc@example.org>\r\n"),
            "{first}"
        );
        assert!(first.contains("Auto-Submitted: auto-generated\r\n"));
        assert!(!first.contains("In-Reply-To"));
        assert!(first.contains("To: a@example.org, b@example.org\r\n"));
        let mut told = Told::of(&incident, Timestamp::new(1, 0));
        told.receipt = receipts[&incident.id].clone();
        let mut over = sample::incident(2);
        over.status = Status::Closed;
        let (second, receipts) = write(&over, Some(&told));
        assert!(second.contains("Message-ID: <i0123456789abcdef-2.soc@example.org>\r\n"));
        assert!(second.contains("In-Reply-To: <i0123456789abcdef-1.soc@example.org>\r\n"));
        assert!(second.contains("References: <i0123456789abcdef-1.soc@example.org>\r\n"));
        assert!(second.contains("Subject: Re: [HIGH] New: "));
        assert!(receipts.is_empty());
    }

    #[test]
    fn what_attackers_wrote_becomes_neither_a_header_nor_html() {
        let mut incident = sample::incident(1);
        incident.title = "x\r\nBcc: evil@example.org\r\n\r\n<script>alert(1)</script>".into();
        let (mail, _) = write(&clean::bounded(&incident), None);
        let (head, body) = mail.split_once("\r\n\r\n").unwrap();
        let begins = |name: &str| head.lines().any(|line| line.starts_with(name));
        assert!(begins("Subject:") && !begins("Bcc"), "{head}");
        let html = body.split("text/html").nth(1).unwrap();
        assert!(
            html.contains("&lt;script&gt;") && !html.contains("<script"),
            "{html}"
        );
    }
}
