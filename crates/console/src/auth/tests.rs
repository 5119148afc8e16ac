//! Logins from end to end, on a state of their own.

use axum::http::{HeaderMap, StatusCode, header};
use event::Timestamp;
use state::{Role, State};

use super::{Auth, Caller, Config, Principal, Refusal, Session, Via, cookie};

const GOOD: &str = "correct horse battery";
const EVIL: &str = "198.51.100.7";
const HOME: &str = "192.0.2.1";

fn at(secs: i64) -> Timestamp {
    Timestamp::new(secs, 0)
}

fn from(address: &str) -> Caller {
    Caller {
        address: Some(address.parse().unwrap()),
        agent: "a test".to_owned(),
    }
}

struct Place {
    auth: Auth,
    _folder: tempfile::TempDir,
}

/// A console with an admin `root` and an analyst `ann`, who have chosen their passwords.
async fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let config = state::Config::sqlite(&folder.path().join("state.db"));
    let state = State::open(&config).await.unwrap();
    let auth = Auth::open(&Config::default(), state, folder.path()).unwrap();
    let by = Principal::at_socket("root");
    for (name, role) in [("root", Role::Admin), ("ann", Role::Analyst)] {
        auth.new_user(&by, name, role, Some("the first password"), at(1))
            .await
            .unwrap();
        let first = auth
            .login(name, "the first password", &from("127.0.0.1"), at(1))
            .await
            .unwrap();
        let who = auth.who(&first, at(1)).await.unwrap();
        assert!(who.must_change);
        auth.change_password(&who, "the first password", GOOD, &from("127.0.0.1"), at(2))
            .await
            .unwrap();
    }
    Place {
        auth,
        _folder: folder,
    }
}

fn bearer(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::AUTHORIZATION,
        format!("Bearer {token}").parse().unwrap(),
    );
    headers
}

impl Auth {
    async fn who(&self, session: &Session, now: Timestamp) -> Option<Principal> {
        let headers = bearer(&session.access_token);
        self.identify(&headers, &from(HOME), now)
            .await
            .ok()
            .flatten()
    }
}

/// The headers of a browser with the cookie of this session.
fn browser(session: &Session) -> HeaderMap {
    let set = session.cookie.as_deref().unwrap();
    assert!(set.contains("HttpOnly; Secure; SameSite=Strict"));
    let mut headers = HeaderMap::new();
    headers.insert(
        header::COOKIE,
        set.split(';').next().unwrap().parse().unwrap(),
    );
    headers.insert(header::HOST, "ratel:9443".parse().unwrap());
    headers.insert(header::ORIGIN, "https://ratel:9443".parse().unwrap());
    headers
}

#[tokio::test]
async fn who_logs_in_is_known_until_the_token_ends() {
    let place = place().await;
    let auth = &place.auth;
    let session = auth.login("ANN", GOOD, &from(HOME), at(100)).await.unwrap();
    let who = auth.who(&session, at(100)).await.unwrap();
    assert_eq!((who.name.as_str(), who.role), ("ann", Role::Analyst));
    assert_eq!((who.via, who.must_change), (Via::Session, false));
    assert_eq!(auth.who(&session, at(699)).await, Some(who));
    assert_eq!(auth.who(&session, at(700)).await, None);
}

#[tokio::test]
async fn who_is_not_there_is_refused_like_who_mistyped() {
    let place = place().await;
    let auth = &place.auth;
    for (name, password) in [
        ("ann", "wrong password"),
        ("nobody", GOOD),
        ("", GOOD),
        ("ann' OR '1'='1", GOOD),
        ("ann", ""),
    ] {
        let refused = auth.login(name, password, &from(HOME), at(100)).await;
        assert_eq!(refused.unwrap_err(), Refusal::Wrong, "{name:?}");
    }
}

#[tokio::test]
async fn ten_thousand_wrong_passwords_are_refused_and_do_not_keep_the_owner_out() {
    let place = place().await;
    let auth = &place.auth;
    auth.login("ann", GOOD, &from(HOME), at(50)).await.unwrap();
    let mut tried = 0;
    for n in 0..10_000 {
        let now = Timestamp::from_nanos(100_000_000_000 + n * 1_000_000);
        match auth.login("ann", "wrong password", &from(EVIL), now).await {
            Err(Refusal::Wrong) => tried += 1,
            Err(Refusal::TooOften(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(tried < 20, "{tried}");
    // Even the right password is of no use there.
    let refused = auth.login("ann", GOOD, &from(EVIL), at(110)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    auth.login("ann", GOOD, &from(HOME), at(110)).await.unwrap();
}

#[tokio::test]
async fn a_console_that_was_started_again_still_knows_the_owners_address() {
    let place = place().await;
    place
        .auth
        .login("ann", GOOD, &from(HOME), at(50))
        .await
        .unwrap();
    let state = place.auth.state().clone();
    let auth = Auth::open(&Config::default(), state, place._folder.path()).unwrap();
    for n in 0..100_u8 {
        let elsewhere = from(&format!("198.51.100.{n}"));
        let _ = auth
            .login("ann", "wrong password", &elsewhere, at(100))
            .await;
    }
    let stranger = auth.login("ann", GOOD, &from("203.0.113.1"), at(100)).await;
    assert!(matches!(stranger, Err(Refusal::TooOften(_))));
    auth.login("ann", GOOD, &from(HOME), at(100)).await.unwrap();
}

#[tokio::test]
async fn a_session_is_renewed_and_a_token_used_twice_ends_it() {
    let place = place().await;
    let auth = &place.auth;
    let first = auth.login("ann", GOOD, &from(HOME), at(100)).await.unwrap();
    let second = auth
        .refresh(&browser(&first), &from(HOME), at(200))
        .await
        .unwrap();
    assert!(auth.who(&second, at(200)).await.is_some());
    // Another page of the same browser asks at the same moment: no new cookie, nothing ends.
    let beside = auth
        .refresh(&browser(&first), &from(HOME), at(205))
        .await
        .unwrap();
    assert_eq!(beside.cookie, None);
    let third = auth
        .refresh(&browser(&second), &from(HOME), at(300))
        .await
        .unwrap();
    // A thief has the second: the session is over for everybody.
    let stolen = auth.refresh(&browser(&second), &from(EVIL), at(400)).await;
    assert!(matches!(stolen, Err(Refusal::Unknown(_))));
    let owner = auth.refresh(&browser(&third), &from(HOME), at(401)).await;
    assert!(matches!(owner, Err(Refusal::Unknown(_))));
    assert_eq!(auth.who(&third, at(401)).await, None);
}

#[tokio::test]
async fn a_session_ends_when_nobody_renews_it_and_in_any_case_in_the_end() {
    let place = place().await;
    let auth = &place.auth;
    let session = auth.login("ann", GOOD, &from(HOME), at(100)).await.unwrap();
    let idle = 100 + 720 * 60;
    let late = auth
        .refresh(&browser(&session), &from(HOME), at(idle + 1))
        .await;
    assert!(late.is_err());
    let mut session = auth.login("ann", GOOD, &from(HOME), at(100)).await.unwrap();
    let end = 100 + 168 * 3600;
    let mut now = 100;
    loop {
        now += 6 * 3600;
        match auth.refresh(&browser(&session), &from(HOME), at(now)).await {
            Ok(next) => session = next,
            Err(_) => break,
        }
        assert!(now < end);
    }
    assert!(now >= end);
}

#[tokio::test]
async fn pages_of_others_can_not_use_the_cookie() {
    let place = place().await;
    let auth = &place.auth;
    let session = auth.login("ann", GOOD, &from(HOME), at(100)).await.unwrap();
    let mut headers = browser(&session);
    headers.insert(header::ORIGIN, "https://evil.example".parse().unwrap());
    let refused = auth.refresh(&headers, &from(HOME), at(101)).await;
    assert!(matches!(refused, Err(Refusal::Forbidden(_))));
    let refused = auth.logout(&headers, at(101)).await;
    assert!(matches!(refused, Err(Refusal::Forbidden(_))));
    auth.refresh(&browser(&session), &from(HOME), at(102))
        .await
        .unwrap();
}

#[tokio::test]
async fn consoles_on_one_state_take_each_others_tokens() {
    let place = place().await;
    let other_folder = tempfile::tempdir().unwrap();
    let state = place.auth.state().clone();
    let other = Auth::open(&Config::default(), state, other_folder.path()).unwrap();
    let home = from(HOME);
    let login = place.auth.login("ann", GOOD, &home, at(100));
    let session = login.await.unwrap();
    assert_eq!(other.who(&session, at(100)).await, None);
    place.auth.share_keys(at(100)).await.unwrap();
    other.share_keys(at(100)).await.unwrap();
    let who = other.who(&session, at(101)).await.unwrap();
    assert_eq!(who.name, "ann");
    // What one ends is over at the other, and only the public half of a key is in the state.
    let kept = other.state().kv().get("console/access-keys").await.unwrap();
    assert!(!kept.unwrap().0.contains("PRIVATE"));
    other.logout(&browser(&session), at(102)).await.unwrap();
    assert_eq!(place.auth.who(&session, at(103)).await, None);
    // A console that has not spoken for days is forgotten.
    place.auth.share_keys(at(103)).await.unwrap();
    other.share_keys(at(5 * 86_400)).await.unwrap();
    let late = place.auth.login("ann", GOOD, &home, at(5 * 86_400));
    let late = late.await.unwrap();
    assert_eq!(other.who(&late, at(5 * 86_400)).await, None);
}

#[tokio::test]
async fn who_may_stay_is_who_could_come_in() {
    let place = place().await;
    let auth = &place.auth;
    let root = Principal::at_socket("root");
    assert!(auth.may_stay(&root, at(100)).await.unwrap());
    let session = auth.login("ann", GOOD, &from(HOME), at(100)).await.unwrap();
    let ann = auth.who(&session, at(100)).await.unwrap();
    let made = auth.new_token(&ann, "ann", "x", Role::Viewer, None, at(100));
    let (row, token) = made.await.unwrap();
    let headers = bearer(&token);
    let program = auth.identify(&headers, &from(HOME), at(101)).await;
    let program = program.unwrap().unwrap();
    assert!(auth.may_stay(&ann, at(101)).await.unwrap());
    assert!(auth.may_stay(&program, at(101)).await.unwrap());
    auth.revoke_token(&root, &row.id, at(102)).await.unwrap();
    assert!(!auth.may_stay(&program, at(103)).await.unwrap());
    auth.logout(&browser(&session), at(104)).await.unwrap();
    assert!(!auth.may_stay(&ann, at(105)).await.unwrap());
}

#[tokio::test]
async fn who_logs_out_is_nobody_at_once() {
    let place = place().await;
    let auth = &place.auth;
    let session = auth.login("ann", GOOD, &from(HOME), at(100)).await.unwrap();
    let set = auth.logout(&browser(&session), at(101)).await.unwrap();
    assert!(set.starts_with(&format!("{}=;", cookie::REFRESH)) && set.contains("Max-Age=0"));
    assert_eq!(auth.who(&session, at(102)).await, None);
    assert!(
        auth.refresh(&browser(&session), &from(HOME), at(102))
            .await
            .is_err()
    );
    auth.logout(&HeaderMap::new(), at(103)).await.unwrap();
}

#[tokio::test]
async fn another_password_or_role_ends_what_was_given_before() {
    let place = place().await;
    let auth = &place.auth;
    let old = auth.login("ann", GOOD, &from(HOME), at(100)).await.unwrap();
    let who = auth.who(&old, at(100)).await.unwrap();
    let change = |old: &'static str, new: &'static str| {
        let (auth, who) = (auth.clone(), who.clone());
        async move {
            auth.change_password(&who, old, new, &from(HOME), at(101))
                .await
        }
    };
    assert!(matches!(
        change("wrong", "some other words").await,
        Err(Refusal::Forbidden(_))
    ));
    assert!(matches!(change(GOOD, "short").await, Err(Refusal::Bad(_))));
    assert!(matches!(change(GOOD, GOOD).await, Err(Refusal::Bad(_))));
    let new = change(GOOD, "some other words").await.unwrap();
    assert_eq!(auth.who(&old, at(102)).await, None);
    assert!(auth.who(&new, at(102)).await.is_some());
    let root = Principal::at_socket("root");
    let viewer = auth
        .change_user(&root, "ann", Some(Role::Viewer), None, None, at(103))
        .await;
    assert_eq!(viewer.unwrap().user.role, Role::Viewer);
    assert_eq!(auth.who(&new, at(104)).await, None);
    auth.change_user(&root, "ann", None, Some(true), None, at(105))
        .await
        .unwrap();
    let refused = auth
        .login("ann", "some other words", &from(HOME), at(106))
        .await;
    assert_eq!(refused.unwrap_err(), Refusal::Wrong);
}

#[tokio::test]
async fn a_token_may_no_more_than_its_owner() {
    let place = place().await;
    let auth = &place.auth;
    let session = auth.login("ann", GOOD, &from(HOME), at(100)).await.unwrap();
    let ann = auth.who(&session, at(100)).await.unwrap();
    let strong = auth
        .new_token(&ann, "ann", "x", Role::Admin, None, at(100))
        .await;
    assert!(matches!(strong, Err(Refusal::Forbidden(_))));
    let foreign = auth
        .new_token(&ann, "root", "x", Role::Viewer, None, at(100))
        .await;
    assert!(matches!(foreign, Err(Refusal::Forbidden(_))));
    let made = auth
        .new_token(
            &ann,
            "ann",
            "shipper",
            Role::Analyst,
            Some(at(500)),
            at(100),
        )
        .await;
    let (row, token) = made.unwrap();
    assert!(token.starts_with("ratel_") && !token.contains(&row.hash));
    let show = |token: String, now| {
        let auth = auth.clone();
        async move {
            let mut headers = HeaderMap::new();
            headers.insert("x-api-key", token.parse().unwrap());
            auth.identify(&headers, &from(EVIL), at(now)).await
        }
    };
    let who = show(token.clone(), 200).await.unwrap().unwrap();
    assert_eq!((who.role, who.via), (Role::Analyst, Via::Token));
    let noted = auth.state().tokens().find(&row.id).await.unwrap().unwrap();
    assert_eq!(noted.last_used, Some(at(200)));
    assert_eq!(noted.last_address.as_deref(), Some(EVIL));
    // A token makes no tokens.
    let more = auth
        .new_token(&who, "ann", "x", Role::Viewer, None, at(200))
        .await;
    assert!(matches!(more, Err(Refusal::Forbidden(_))));
    // Who is demoted has no stronger tokens left.
    let root = Principal::at_socket("root");
    auth.change_user(&root, "ann", Some(Role::Viewer), None, None, at(201))
        .await
        .unwrap();
    let who = show(token.clone(), 202).await.unwrap().unwrap();
    assert_eq!(who.role, Role::Viewer);
    let mut wrong = token.clone();
    wrong.pop();
    wrong.push(if token.ends_with('A') { 'B' } else { 'A' });
    assert!(show(wrong, 203).await.is_err());
    assert!(show(token.clone(), 500).await.is_err());
    auth.revoke_token(&root, &row.id, at(210)).await.unwrap();
    assert!(show(token, 211).await.is_err());
}

#[tokio::test]
async fn the_first_start_makes_an_admin_once() {
    let folder = tempfile::tempdir().unwrap();
    let config = state::Config::sqlite(&folder.path().join("state.db"));
    let state = State::open(&config).await.unwrap();
    let auth = Auth::open(&Config::default(), state, folder.path()).unwrap();
    let made = auth.first_start(at(1)).await.unwrap().unwrap();
    let password = made.one_time_password.clone().unwrap();
    assert!(!format!("{made:?}").contains(&password));
    assert!(auth.first_start(at(2)).await.unwrap().is_none());
    let session = auth
        .login("admin", &password, &from(HOME), at(3))
        .await
        .unwrap();
    assert!(session.user.must_change);
    assert!(!format!("{session:?}").contains(&session.access_token));
}

#[tokio::test]
async fn bad_tokens_are_refused_and_throttled() {
    let place = place().await;
    let auth = &place.auth;
    let mut told = Vec::new();
    for n in 0..100 {
        let now = Timestamp::from_nanos(100_000_000_000 + n * 1_000_000);
        let refused = auth
            .identify(&bearer("e30.e30.AAAA"), &from(EVIL), now)
            .await;
        told.push(refused.unwrap_err().status().as_u16());
    }
    assert_eq!(told.first(), Some(&401));
    assert_eq!(told.last(), Some(&429));
    // Nobody else is concerned.
    let session = auth.login("ann", GOOD, &from(EVIL), at(101)).await.unwrap();
    let known = auth
        .identify(&bearer(&session.access_token), &from(EVIL), at(101))
        .await;
    assert!(known.unwrap().is_some());
}
