//! Firebase Realtime Database: an object for each incident under a path, always in its newest state. Writing
//! the same again changes nothing, so that nothing can come twice.
//!
//! The service account signs a claim (RFC 7523) with its key, Google gives a token for it, and the token
//! opens the database.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use event::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use serde_json::json;
use ureq::http::Method;

use super::config::{Firebase, secret_url};
use super::deliver::{Delivery, Failed, How, Receipts};
use super::http::Http;
use super::message;
use super::secret::Shown;
use super::slack::percent;

/// What a token is asked for (Firebase, "Authenticate REST requests").
const SCOPES: &str = "https://www.googleapis.com/auth/firebase.database https://www.googleapis.com/auth/userinfo.email";
/// How long a claim holds; Google takes an hour at most.
const CLAIM_SECS: i64 = 3600;
/// A token that ends so soon is not used any more.
const SPARE: Duration = Duration::from_secs(120);
/// Bytes of a service account's file.
const MAX_FILE: u64 = 64 << 10;

/// Who writes to one database.
#[derive(Debug)]
pub struct FirebaseSender {
    base: String,
    account: Account,
    token: Mutex<Option<(Shown, Timestamp)>>,
    http: Http,
}

struct Account {
    email: String,
    key_id: String,
    token_uri: String,
    key: RsaKeyPair,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

/// What Google's console writes.
#[derive(Deserialize)]
struct File {
    client_email: String,
    private_key: String,
    #[serde(default)]
    private_key_id: String,
    token_uri: String,
}

impl FirebaseSender {
    /// Reads the service account.
    pub fn open(config: &Firebase, http: Http) -> Result<FirebaseSender, String> {
        let path: Vec<String> = config
            .path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(percent)
            .collect();
        let base = config.url.trim_end_matches('/');
        Ok(FirebaseSender {
            base: match path.is_empty() {
                true => base.to_owned(),
                false => format!("{base}/{}", path.join("/")),
            },
            account: Account::read(&config.service_account)
                .map_err(|why| format!("{}: {why}", config.service_account.display()))?,
            token: Mutex::new(None),
            http,
        })
    }

    /// Writes.
    pub fn send(&self, delivery: &Delivery<'_>) -> Result<Receipts, Failed> {
        for item in &delivery.items {
            let mut body = json!(item.incident);
            body["change"] = item.change.name().into();
            body["key"] = delivery.key.into();
            if let Some(link) = message::link(delivery.link, item.incident) {
                body["link"] = link.into();
            }
            let body = body.to_string();
            self.ask(
                Method::PUT,
                &item.incident.id,
                body.as_bytes(),
                delivery.now,
            )?;
        }
        Ok(Receipts::new())
    }

    /// Takes an object away.
    pub fn remove(&self, id: &str, now: Timestamp) -> Result<(), Failed> {
        self.ask(Method::DELETE, id, &[], now)
    }

    fn ask(&self, method: Method, id: &str, body: &[u8], now: Timestamp) -> Result<(), Failed> {
        let token = self.token(now)?;
        // A key has none of these (Firebase, "Structure your database").
        let id: String = id.chars().filter(|c| !".$#[]/".contains(*c)).collect();
        let url = format!("{}/{}.json?print=silent", self.base, percent(&id));
        let bearer = Shown::new(format!("Bearer {}", token.text()));
        let headers = [
            ("authorization", bearer.text()),
            ("content-type", "application/json"),
        ];
        let answer = self.http.ask(method, &url, &headers, body)?;
        answer.good().map(drop)
    }

    fn token(&self, now: Timestamp) -> Result<Shown, Failed> {
        let mut kept = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, ends)) = &*kept
            && *ends > now + SPARE
        {
            return Ok(token.clone());
        }
        let claim = self
            .account
            .claim(now)
            .map_err(|why| Failed::new(How::Denied, why))?;
        let grant = percent("urn:ietf:params:oauth:grant-type:jwt-bearer");
        let form = format!("grant_type={grant}&assertion={claim}");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let uri = &self.account.token_uri;
        // Nothing was told yet: whatever happened, it did not arrive.
        let away = |failed: Failed| Failed {
            how: match failed.how {
                How::Refused => How::Denied,
                How::Unknown => How::Away,
                how => how,
            },
            reason: format!("no token: {}", failed.reason),
            ..failed
        };
        let answer = self
            .http
            .ask(Method::POST, uri, &headers, form.as_bytes())
            .map_err(away)?;
        let answer = answer.good().map_err(away)?.json();
        let Some(token) = answer["access_token"].as_str() else {
            return Err(Failed::new(How::Denied, "no token: the answer has none"));
        };
        let token = Shown::new(token.to_owned());
        let secs = answer["expires_in"].as_u64().unwrap_or(0).min(86_400);
        *kept = Some((token.clone(), now + Duration::from_secs(secs)));
        Ok(token)
    }
}

impl Account {
    fn read(path: &Path) -> Result<Account, String> {
        let mut text = String::new();
        fs::File::open(path)
            .and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
            .map_err(|error| error.to_string())?;
        // The error of the parser would repeat what stands there.
        let file: File = serde_json::from_str(&text).map_err(|_| {
            "it is no service account's key as Google's console writes it".to_owned()
        })?;
        secret_url(&file.token_uri).map_err(|why| format!("token_uri: {why}"))?;
        let der = der_of(&file.private_key).ok_or("private_key is no PEM")?;
        let key = RsaKeyPair::from_pkcs8(&der).map_err(|why| format!("private_key: {why}"))?;
        Ok(Account {
            email: file.client_email,
            key_id: file.private_key_id,
            token_uri: file.token_uri,
            key,
        })
    }

    /// A signed claim (RFC 7515, RFC 7523; RS256).
    fn claim(&self, now: Timestamp) -> Result<String, String> {
        let mut head = json!({"alg": "RS256", "typ": "JWT"});
        if !self.key_id.is_empty() {
            head["kid"] = self.key_id.as_str().into();
        }
        let claims = json!({
            "iss": self.email, "scope": SCOPES, "aud": self.token_uri,
            "iat": now.secs(), "exp": now.secs() + CLAIM_SECS,
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| "the key does not sign".to_owned())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn der_of(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(body).ok()
}
