//! What is asked of the provider itself: who it is, its keys, a code for a token. In threads that may wait.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tokio::task::spawn_blocking;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::config::{Config, is_safe};
use super::keys::Keys;
use crate::auth::Error;

/// Time for one answer.
const WAIT: Duration = Duration::from_secs(10);
/// Bytes of an answer.
const MOST: u64 = 1 << 20;

/// What the provider says of itself (OpenID Connect Discovery 1.0).
#[derive(Debug, Deserialize)]
pub(super) struct Provider {
    issuer: String,
    pub authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    agent: Agent,
    config: Config,
    secret: Option<String>,
}

impl Fetcher {
    pub fn new(config: &Config) -> Result<Fetcher, Error> {
        let mut tls = TlsConfig::builder();
        if let Some(path) = &config.ca_file {
            let failed =
                |why: String| Error::Config(format!("oidc.ca_file: {}: {why}", path.display()));
            let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
            let mut roots = Vec::new();
            for item in parse_pem(&pem) {
                if let PemItem::Certificate(root) =
                    item.map_err(|error| failed(error.to_string()))?
                {
                    roots.push(root);
                }
            }
            tls = tls.root_certs(RootCerts::new_with_certs(&roots));
        } else {
            tls = tls.root_certs(RootCerts::PlatformVerifier);
        }
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .timeout_global(Some(WAIT))
            // Who sends us elsewhere could send us anywhere.
            .max_redirects(0)
            .http_status_as_error(true)
            .user_agent("ratel")
            .build();
        Ok(Fetcher {
            agent: agent.into(),
            secret: config.secret()?,
            config: config.clone(),
        })
    }

    /// What the provider says of itself, and its keys.
    pub async fn provider(&self) -> Result<(Provider, Keys), String> {
        let own = self.clone();
        waited(move || {
            let base = own.config.issuer.trim_end_matches('/');
            let text = own.get(&format!("{base}/.well-known/openid-configuration"))?;
            let provider: Provider =
                serde_json::from_slice(&text).map_err(|error| format!("discovery: {error}"))?;
            if provider.issuer != own.config.issuer {
                return Err(format!("it calls itself {:?}", provider.issuer));
            }
            let places = [
                &provider.authorization_endpoint,
                &provider.token_endpoint,
                &provider.jwks_uri,
            ];
            if let Some(place) = places.into_iter().find(|place| !is_safe(place)) {
                return Err(format!("{place:?} is not encrypted"));
            }
            let keys = Keys::read(&own.get(&provider.jwks_uri)?)?;
            Ok((provider, keys))
        })
        .await
    }

    /// The ID token for a code.
    pub async fn exchange(
        &self,
        provider: &Provider,
        code: &str,
        verifier: &str,
    ) -> Result<String, String> {
        let (own, place) = (self.clone(), provider.token_endpoint.clone());
        let config = &self.config;
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &config.redirect),
            ("code_verifier", verifier),
        ];
        if self.secret.is_none() {
            pairs.push(("client_id", &config.client_id));
        }
        let body = form(&pairs);
        // RFC 6749, 2.3.1: both are encoded before they are joined.
        let login = self.secret.as_ref().map(|secret| {
            let login = format!("{}:{}", encode(&config.client_id), encode(secret));
            format!("Basic {}", STANDARD.encode(login))
        });
        waited(move || {
            let mut request = own
                .agent
                .post(&place)
                .content_type("application/x-www-form-urlencoded")
                .header("accept", "application/json");
            if let Some(login) = login {
                request = request.header("authorization", login);
            }
            // What it answers may have secrets in it: only that it failed is told.
            let mut answer = request
                .send(body)
                .map_err(|error| format!("the code is not taken: {error}"))?;
            #[derive(Deserialize)]
            struct Tokens {
                id_token: String,
            }
            let text = answer.body_mut().with_config().limit(MOST).read_to_vec();
            let text = text.map_err(|error| format!("no tokens: {error}"))?;
            let tokens: Tokens =
                serde_json::from_slice(&text).map_err(|_| "no ID token came".to_owned())?;
            Ok(tokens.id_token)
        })
        .await
    }

    fn get(&self, place: &str) -> Result<Vec<u8>, String> {
        let failed = |error: ureq::Error| format!("{place}: {error}");
        let mut answer = self.agent.get(place).call().map_err(failed)?;
        answer
            .body_mut()
            .with_config()
            .limit(MOST)
            .read_to_vec()
            .map_err(failed)
    }
}

async fn waited<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    spawn_blocking(work)
        .await
        .map_err(|error| error.to_string())?
}

/// Pairs as a form or a query has them.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn encode(text: &str) -> String {
    crate::api::query::encode(text)
}
