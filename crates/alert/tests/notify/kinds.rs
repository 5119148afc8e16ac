//! The other kinds on the wire: e-mail, SMS, Firebase, PagerDuty, Teams.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use event::incident::{Severity, Status};
use serde_json::{Value, json};

use crate::server::{Reply, Server};
use crate::site::{drained, incident, offer, open};
use crate::smtp::{After, Smtp};

const HIGH: Severity = Severity::High;
const OPEN: Status = Status::Open;

fn header<'a>(mail: &'a str, name: &str) -> Option<&'a str> {
    mail.lines()
        .take_while(|line| !line.is_empty())
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn a_mail_whose_answer_got_lost_goes_again_under_the_same_name() {
    let smtp = Smtp::start(|n| match n {
        0 => After::Later,
        1 => After::Lose,
        _ => After::Take,
    });
    let text = format!(
        "[{{name: soc, timeout_secs: 2, mail: {{host: 127.0.0.1, port: {}, tls: none, \
         from: 'Ratel <ratel@example.org>', to: [soc@example.org]}}}}]",
        smtp.address.port()
    );
    let folder = tempfile::tempdir().unwrap();
    let notifier = open(&text, Some(folder.path()));
    offer(&notifier, &incident("i1", 1, HIGH, OPEN));
    drained(&notifier, 30);
    offer(&notifier, &incident("i1", 2, HIGH, Status::Closed));
    drained(&notifier, 30);
    let ids: Vec<String> = smtp
        .taken()
        .iter()
        .map(|mail| header(mail, "Message-ID").unwrap().to_owned())
        .collect();
    // The server took the first twice; a mailbox tells by its name that it is one.
    let (one, two) = ("<i1-1.soc@example.org>", "<i1-2.soc@example.org>");
    assert_eq!(ids, [one, one, two]);
    let last = smtp.taken()[2].clone();
    assert_eq!(header(&last, "In-Reply-To"), Some(one));
    assert!(last.contains("text/plain") && last.contains("text/html"));
}

#[test]
fn a_text_message_whose_answer_got_lost_is_looked_for_first() {
    let sent: Arc<Mutex<Vec<String>>> = Arc::default();
    let of_server = Arc::clone(&sent);
    let server = Server::start(move |n, request| {
        let expected = format!("Basic {}", STANDARD.encode("AC1:s3cret"));
        assert_eq!(request.header("authorization"), Some(expected.as_str()));
        if request.path.contains("?To=%2B15550001111") {
            let all: Vec<Value> = of_server
                .lock()
                .unwrap()
                .iter()
                .map(|body| json!({"body": body, "status": "sent"}))
                .collect();
            return Reply::json(&json!({"messages": all}));
        }
        assert_eq!(request.path, "/2010-04-01/Accounts/AC1/Messages.json");
        let text = request.text();
        let (to, rest) = text.split_once('&').unwrap();
        assert_eq!(to, "To=%2B15550001111");
        let body = rest.strip_prefix("From=%2B15550002222&Body=").unwrap();
        if n == 0 {
            return Reply::Is(429, vec![("retry-after", "1".into())], String::new());
        }
        of_server.lock().unwrap().push(
            body.replace("%20", " ")
                .replace("%28", "(")
                .replace("%29", ")"),
        );
        match n {
            1 => Reply::Close,
            _ => Reply::Is(201, Vec::new(), json!({"sid": "SM1"}).to_string()),
        }
    });
    let text = format!(
        "[{{name: sms, sms: {{account: AC1, token: {{env: SECRET}}, from: '+15550002222', \
         to: ['+15550001111'], api_url: '{}'}}}}]",
        server.url()
    );
    let notifier = open(&text, None);
    // Below the floor of text messages.
    offer(&notifier, &incident("i0", 1, Severity::Medium, OPEN));
    offer(&notifier, &incident("i1", 1, HIGH, OPEN));
    drained(&notifier, 30);
    // That it is over is not worth a text message.
    offer(&notifier, &incident("i1", 2, HIGH, Status::Closed));
    drained(&notifier, 30);
    let sent = sent.lock().unwrap().clone();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(sent[0].ends_with("(i1-1)") && sent[0].len() <= 160);
}

#[test]
fn pagerduty_hears_triggers_acknowledgements_and_ends() {
    let server = Server::start(|n, _| match n {
        0 => Reply::status(500),
        _ => Reply::Is(202, Vec::new(), json!({"status": "success"}).to_string()),
    });
    let text = format!(
        "[{{name: pager, pagerduty: {{routing_key: {{env: SECRET}}, api_url: '{}'}}}}]",
        server.url()
    );
    let notifier = open(&text, None);
    for (revision, status) in [
        (1, OPEN),
        (2, Status::Acknowledged),
        (3, Status::Closed),
        (4, OPEN),
    ] {
        offer(&notifier, &incident("i1", revision, HIGH, status));
        drained(&notifier, 30);
    }
    let asked: Vec<Value> = server
        .asked()
        .iter()
        .map(|request| request.json())
        .collect();
    let actions: Vec<&str> = asked
        .iter()
        .map(|one| one["event_action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        ["trigger", "trigger", "acknowledge", "resolve", "trigger"]
    );
    for one in &asked {
        assert_eq!(
            (&one["dedup_key"], &one["routing_key"]),
            (&json!("i1"), &json!("s3cret"))
        );
    }
    assert_eq!(asked[0]["payload"]["severity"], "error");
    assert_eq!(asked[0]["payload"]["source"], "198.51.100.7 (gateway)");
    assert_eq!(server.asked()[0].path, "/v2/enqueue");
}

#[test]
fn teams_gets_a_card() {
    let server = Server::start(|_, _| Reply::status(202));
    let url = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(url.path(), format!("{}/workflow?sig=x", server.url())).unwrap();
    let text = format!(
        "[{{name: team, teams: {{webhook_url: {{file: {}}}}}}}]",
        url.path().display()
    );
    let notifier = open(&text, None);
    offer(&notifier, &incident("i1", 1, HIGH, OPEN));
    drained(&notifier, 30);
    let asked = server.asked();
    assert_eq!(
        (asked.len(), asked[0].path.as_str()),
        (1, "/workflow?sig=x")
    );
    let card = &asked[0].json()["attachments"][0];
    assert_eq!(
        card["contentType"],
        "application/vnd.microsoft.card.adaptive"
    );
    assert_eq!(card["content"]["type"], "AdaptiveCard");
    assert_eq!(
        card["content"]["actions"][0]["url"],
        "https://ratel.example.org/incidents/i1"
    );
}

#[test]
fn firebase_keeps_the_newest_state_under_a_path() {
    let Some(key) = crate::account::key() else {
        return;
    };
    let server = Server::start(|n, request| match request.path.as_str() {
        "/token" => Reply::json(&json!({"access_token": format!("t{n}"), "expires_in": 3600})),
        // The first token is not taken: another is asked for.
        _ if request.header("authorization") == Some("Bearer t0") => Reply::status(401),
        _ => Reply::Is(204, Vec::new(), String::new()),
    });
    let account = crate::account::account_of(&key, &format!("{}/token", server.url()));
    let key = json!(key);
    let text = format!(
        "[{{name: fire, update_secs: 0, firebase: {{url: '{}', path: ratel/incidents, service_account: {}}}}}]",
        server.url(),
        account.path().display()
    );
    let notifier = open(&text, None);
    offer(&notifier, &incident("i1", 1, HIGH, OPEN));
    drained(&notifier, 30);
    offer(&notifier, &incident("i1", 2, HIGH, OPEN));
    drained(&notifier, 30);
    let asked = server.asked();
    let paths: Vec<&str> = asked.iter().map(|request| request.path.as_str()).collect();
    let object = "/ratel/incidents/i1.json?print=silent";
    assert_eq!(paths, ["/token", object, "/token", object, object]);
    assert_eq!(asked[4].json()["revision"], 2);
    let form = asked[0].text();
    let claim = form.split_once("assertion=").unwrap().1;
    let part = |n: usize| -> Value {
        let part = claim.split('.').nth(n).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(part(0), json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    assert_eq!(part(1)["iss"], "ratel@example.iam.gserviceaccount.com");
    assert_eq!(
        part(1)["exp"].as_i64().unwrap() - part(1)["iat"].as_i64().unwrap(),
        3600
    );
    assert!(is_signed(&key, claim));
    assert!(!format!("{notifier:?}").contains("PRIVATE KEY"));
}

fn is_signed(key: &Value, claim: &str) -> bool {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
    let pem: String = key
        .as_str()
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(pem).unwrap()).unwrap();
    let (signed, signature) = claim.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref())
        .verify(signed.as_bytes(), &signature)
        .is_ok()
}
