//! Logins elsewhere from end to end, with a small provider on loopback.

use std::sync::{Arc, Mutex};

use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use state::{Role, State};
use std::collections::HashMap;

use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::new(secs, 0)
}

fn caller() -> Caller {
    Caller {
        address: Some("192.0.2.1".parse().unwrap()),
        agent: "a test".to_owned(),
    }
}

/// A provider that says what it is told to say.
struct Fake {
    issuer: String,
    ed: Ed25519KeyPair,
    ec: EcdsaKeyPair,
    said: Mutex<Value>,
    alg: Mutex<&'static str>,
    challenge: Mutex<String>,
}

impl Fake {
    fn sign(&self) -> String {
        let alg = *self.alg.lock().unwrap();
        let header = json!({"alg": alg, "kid": if alg == "ES256" { "ec" } else { "ed" }});
        let part = |value: &Value| jws::encode(&serde_json::to_vec(value).unwrap());
        let signed = format!("{}.{}", part(&header), part(&self.said.lock().unwrap()));
        let signature = match alg {
            "ES256" => {
                let signature = self.ec.sign(&SystemRandom::new(), signed.as_bytes());
                signature.unwrap().as_ref().to_vec()
            }
            "none" => Vec::new(),
            _ => self.ed.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        format!("{signed}.{}", jws::encode(&signature))
    }

    async fn start() -> Arc<Fake> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let random = SystemRandom::new();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let fake = Arc::new(Fake {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random)
                .unwrap(),
            said: Mutex::default(),
            alg: Mutex::new("EdDSA"),
            challenge: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(jwks))
            .route("/token", post(token))
            .with_state(fake.clone());
        tokio::spawn(async move { serve(listener, router).await });
        fake
    }
}

async fn serve(listener: tokio::net::TcpListener, router: Router) {
    let (_tell, stop) = tokio::sync::watch::channel(false);
    let limits = crate::serve::Limits {
        api: "fake",
        connections: 8,
        body: 4096,
        head: Duration::from_secs(5),
        connection: Duration::from_secs(60),
    };
    crate::serve::tcp(&listener, router, limits, stop).await;
}

async fn discovery(Shared(fake): Shared<Arc<Fake>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", fake.issuer);
    Json(
        json!({"issuer": fake.issuer, "authorization_endpoint": at("/login"),
        "token_endpoint": at("/token"), "jwks_uri": at("/keys")}),
    )
}

async fn jwks(Shared(fake): Shared<Arc<Fake>>) -> Json<Value> {
    let point = fake.ec.public_key().as_ref();
    Json(json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": jws::encode(fake.ed.public_key().as_ref())},
        {"kty": "EC", "crv": "P-256", "kid": "ec", "x": jws::encode(&point[1..33]), "y": jws::encode(&point[33..])},
        {"kty": "oct", "k": "AAAA"}
    ]}))
}

async fn token(
    Shared(fake): Shared<Arc<Fake>>,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Value>, StatusCode> {
    let form: HashMap<&str, &str> = body
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .collect();
    // `ratel:the secret`, each encoded.
    let expected = format!("Basic {}", base64_of("ratel:the%20secret"));
    let is_us = headers[header::AUTHORIZATION] == expected.as_str();
    let proof = jws::encode(&Sha256::digest(form["code_verifier"].as_bytes()));
    let is_same = proof == *fake.challenge.lock().unwrap();
    if is_us && is_same && form["code"] == "the%20code" {
        Ok(Json(json!({"id_token": fake.sign(), "access_token": "x"})))
    } else {
        Err(StatusCode::BAD_REQUEST)
    }
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

async fn place(fake: &Fake) -> (Auth, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = state::Config::sqlite(&folder.path().join("state.db"));
    let state = State::open(&config).await.unwrap();
    let oidc = json!({"issuer": fake.issuer, "client_id": "ratel", "client_secret": "the secret",
        "redirect": "https://ratel/api/v1/auth/oidc/callback",
        "roles": [{"value": "soc", "role": "analyst"}, {"value": "leads", "role": "responder"}]});
    let config = crate::auth::Config {
        oidc: Some(serde_json::from_value(oidc).unwrap()),
        ..crate::auth::Config::default()
    };
    (Auth::open(&config, state, folder.path()).unwrap(), folder)
}

/// Goes to the provider and comes back: with the cookie of the browser and what the provider would say.
async fn begun(auth: &Auth, fake: &Fake, groups: Value) -> (HeaderMap, String) {
    let start = auth.oidc_start(at(1000)).await.unwrap();
    assert!(start.cookie.contains("HttpOnly; Secure; SameSite=Lax"));
    let query = start
        .location
        .strip_prefix(&format!("{}/login?", fake.issuer))
        .unwrap();
    let pairs: HashMap<&str, &str> = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .collect();
    assert_eq!(pairs["code_challenge_method"], "S256");
    *fake.challenge.lock().unwrap() = pairs["code_challenge"].to_owned();
    *fake.said.lock().unwrap() = json!({"iss": fake.issuer, "aud": "ratel", "sub": "7", "exp": 1300,
        "iat": 1000, "nonce": pairs["nonce"], "preferred_username": "Ann", "groups": groups});
    let mut headers = HeaderMap::new();
    let cookie = start.cookie.split(';').next().unwrap();
    headers.insert(header::COOKIE, cookie.parse().unwrap());
    (headers, pairs["state"].to_owned())
}

#[tokio::test]
async fn who_the_provider_knows_comes_in_with_the_role_of_their_groups() {
    let fake = Fake::start().await;
    let (auth, _folder) = place(&fake).await;
    for (alg, groups, role) in [
        ("EdDSA", json!(["soc"]), Role::Analyst),
        ("ES256", json!(["soc", "leads"]), Role::Responder),
    ] {
        *fake.alg.lock().unwrap() = alg;
        let (headers, state) = begun(&auth, &fake, groups).await;
        let session = auth
            .oidc_callback(&headers, "the code", &state, &caller(), at(1100))
            .await;
        let session = session.unwrap();
        assert_eq!(
            (session.user.name.as_str(), session.user.role),
            ("ann", role)
        );
        assert!(session.cookie.is_some());
        // Once.
        let again = auth
            .oidc_callback(&headers, "the code", &state, &caller(), at(1100))
            .await;
        assert_eq!(again.unwrap_err(), NOTHING);
    }
    // Without a password nobody logs in by one.
    assert_eq!(
        auth.login("ann", "", &caller(), at(1200))
            .await
            .unwrap_err(),
        Refusal::Wrong
    );
    let (headers, state) = begun(&auth, &fake, json!(["others"])).await;
    let nobody = auth
        .oidc_callback(&headers, "the code", &state, &caller(), at(1100))
        .await;
    assert!(matches!(nobody, Err(Refusal::Forbidden(_))));
}

#[tokio::test]
async fn what_another_began_or_forged_comes_to_nothing() {
    let fake = Fake::start().await;
    let (auth, _folder) = place(&fake).await;
    let soc = || json!(["soc"]);
    // Another browser.
    let (_, state) = begun(&auth, &fake, soc()).await;
    let refused = auth
        .oidc_callback(&HeaderMap::new(), "the code", &state, &caller(), at(1100))
        .await;
    assert_eq!(refused.unwrap_err(), NOTHING);
    // A state that nobody began, a code that the provider did not give, too late.
    let (headers, state) = begun(&auth, &fake, soc()).await;
    let refused = auth
        .oidc_callback(&headers, "the code", "other", &caller(), at(1100))
        .await;
    assert_eq!(refused.unwrap_err(), NOTHING);
    let refused = auth
        .oidc_callback(&headers, "a code", &state, &caller(), at(1100))
        .await;
    assert_eq!(refused.unwrap_err(), NOTHING);
    let (headers, state) = begun(&auth, &fake, soc()).await;
    let refused = auth
        .oidc_callback(&headers, "the code", &state, &caller(), at(1600))
        .await;
    assert_eq!(refused.unwrap_err(), NOTHING);
    // Unsigned, signed by a shared secret, about another login.
    for alg in ["none", "HS256"] {
        *fake.alg.lock().unwrap() = alg;
        let (headers, state) = begun(&auth, &fake, soc()).await;
        let refused = auth
            .oidc_callback(&headers, "the code", &state, &caller(), at(1100))
            .await;
        assert_eq!(refused.unwrap_err(), NOTHING, "{alg}");
    }
    *fake.alg.lock().unwrap() = "EdDSA";
    let (headers, state) = begun(&auth, &fake, soc()).await;
    fake.said.lock().unwrap()["nonce"] = json!("other");
    let refused = auth
        .oidc_callback(&headers, "the code", &state, &caller(), at(1100))
        .await;
    assert_eq!(refused.unwrap_err(), NOTHING);
}

#[tokio::test]
async fn a_name_that_was_given_here_is_not_given_to_others() {
    let fake = Fake::start().await;
    let (auth, _folder) = place(&fake).await;
    let by = crate::auth::Principal::at_socket("root");
    auth.new_user(&by, "ann", Role::Admin, Some("a password of ours"), at(1))
        .await
        .unwrap();
    let (headers, state) = begun(&auth, &fake, json!(["soc"])).await;
    let refused = auth
        .oidc_callback(&headers, "the code", &state, &caller(), at(1100))
        .await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))));
}
