//! Users, sessions, tokens.

use event::Timestamp;
use state::sessions::Session;
use state::tokens::Token;
use state::users::{Change, New};
use state::{Error, Paging, Role, State};

use crate::at;

fn new(name: &str, role: Role) -> New<'_> {
    New {
        name,
        role,
        password: Some("hash"),
        must_change: false,
        external: None,
    }
}

async fn add(state: &State, name: &str, role: Role) {
    let added = state.users().add(&new(name, role), at(1)).await;
    added.expect("a user");
}

pub async fn the_first_user_is_made_once(state: State) {
    let making: Vec<_> = (0..4)
        .map(|n| {
            let state = state.clone();
            tokio::spawn(async move {
                let name = format!("admin{n}");
                let new = New {
                    must_change: true,
                    ..new(&name, Role::Admin)
                };
                state.users().add_first(&new, at(1)).await
            })
        })
        .collect();
    let mut made = 0;
    for making in making {
        made += usize::from(making.await.expect("no panic").expect("asked"));
    }
    assert_eq!(made, 1);
    let again = state
        .users()
        .add_first(&new("late", Role::Admin), at(2))
        .await;
    assert!(!again.expect("asked"));
    add(&state, "Ann", Role::Viewer).await;
    let twice = state.users().add(&new("ANN", Role::Viewer), at(1)).await;
    assert!(matches!(twice, Err(Error::Exists { .. })));
    assert_eq!(state.users().get("aNn").await.expect("there").name, "ann");
    let ingest = state.users().add(&new("x", Role::Ingest), at(1)).await;
    assert!(matches!(ingest, Err(Error::Refused(_))));
}

pub async fn the_last_admin_stays(state: State) {
    add(&state, "root", Role::Admin).await;
    add(&state, "ann", Role::Analyst).await;
    let users = state.users();
    let demoted = Change {
        role: Some(Role::Viewer),
        ..Change::default()
    };
    let disabled = Change {
        disabled: Some(true),
        ..Change::default()
    };
    for change in [&demoted, &disabled] {
        let refused = users.change("root", change, at(2)).await;
        assert!(matches!(refused, Err(Error::Refused(_))));
    }
    assert!(matches!(users.remove("root").await, Err(Error::Refused(_))));
    let promoted = Change {
        role: Some(Role::Admin),
        ..Change::default()
    };
    users
        .change("ann", &promoted, at(3))
        .await
        .expect("changed");
    users.remove("root").await.expect("removed");
    assert!(users.find("root").await.expect("asked").is_none());
    assert!(matches!(
        users.remove("root").await,
        Err(Error::Missing { .. })
    ));
}

pub async fn two_admins_cannot_remove_each_other_at_once(state: State) {
    add(&state, "a", Role::Admin).await;
    add(&state, "b", Role::Admin).await;
    let demote = |name: &'static str| {
        let state = state.clone();
        tokio::spawn(async move {
            let change = Change {
                role: Some(Role::Viewer),
                ..Change::default()
            };
            state.users().change(name, &change, at(2)).await.is_ok()
        })
    };
    let (one, two) = (demote("a"), demote("b"));
    let done = u8::from(one.await.expect("no panic")) + u8::from(two.await.expect("no panic"));
    assert_eq!(done, 1);
}

pub async fn a_changed_user_loses_what_was_given(state: State) {
    add(&state, "root", Role::Admin).await;
    add(&state, "ann", Role::Analyst).await;
    state
        .sessions()
        .add(&session("s1", "ann", 10))
        .await
        .expect("begun");
    let change = Change {
        password: Some(("other", true)),
        ..Change::default()
    };
    let users = state.users();
    let changed = users.change("ann", &change, at(20)).await.expect("changed");
    assert_eq!((changed.generation, changed.must_change), (2, true));
    assert_eq!(changed.password.as_deref(), Some("other"));
    let ended = state
        .sessions()
        .find("s1")
        .await
        .expect("asked")
        .expect("there");
    assert_eq!(ended.revoked.map(|(when, _)| when), Some(at(20)));
    users.logged_in("ann", at(30)).await.expect("noted");
    users.rehash("ann", "other", "better").await.expect("kept");
    let ann = users.get("ann").await.expect("there");
    assert_eq!((ann.last_login, ann.generation), (Some(at(30)), 2));
    assert_eq!(ann.password.as_deref(), Some("better"));
    let listed = users.list(&Paging::first(1)).await.expect("a page");
    assert_eq!(listed.items, [ann]);
    let next = Paging {
        limit: 5,
        cursor: listed.next,
    };
    let listed = users.list(&next).await.expect("a page");
    assert_eq!(listed.items.len(), 1);
}

fn session(id: &str, user: &str, created: i64) -> Session {
    Session {
        id: id.to_owned(),
        user: user.to_owned(),
        current: format!("{id}-1"),
        previous: None,
        rotated: at(created),
        created: at(created),
        expires: at(created + 1000),
        address: "192.0.2.9".to_owned(),
        agent: "a browser".to_owned(),
        revoked: None,
    }
}

pub async fn a_session_is_renewed_by_one_of_many(state: State) {
    add(&state, "ann", Role::Analyst).await;
    let begun = session("s1", "ann", 10);
    state.sessions().add(&begun).await.expect("begun");
    assert_eq!(
        state.sessions().find("s1").await.expect("asked"),
        Some(begun)
    );
    let trying: Vec<_> = (0..8)
        .map(|n| {
            let state = state.clone();
            tokio::spawn(async move {
                let next = format!("next-{n}");
                state.sessions().rotate("s1", "s1-1", &next, at(20)).await
            })
        })
        .collect();
    let mut won = 0;
    for tried in trying {
        won += usize::from(tried.await.expect("no panic").expect("asked"));
    }
    assert_eq!(won, 1);
    let now = state
        .sessions()
        .find("s1")
        .await
        .expect("asked")
        .expect("there");
    assert_eq!(now.previous.as_deref(), Some("s1-1"));
    assert!(now.current.starts_with("next-"));
    assert_eq!(now.rotated, at(20));
}

pub async fn a_session_ends_for_good(state: State) {
    add(&state, "ann", Role::Analyst).await;
    let sessions = state.sessions();
    sessions
        .add(&session("s1", "ann", 10))
        .await
        .expect("begun");
    sessions
        .add(&session("s2", "ann", 11))
        .await
        .expect("begun");
    sessions
        .revoke("s1", "logged out", at(20))
        .await
        .expect("ended");
    sessions
        .revoke("s1", "again", at(30))
        .await
        .expect("no error");
    let ended = sessions.find("s1").await.expect("asked").expect("there");
    assert_eq!(ended.revoked, Some((at(20), "logged out".to_owned())));
    assert!(
        !sessions
            .rotate("s1", "s1-1", "x", at(21))
            .await
            .expect("asked")
    );
    // Beyond its time.
    assert!(
        !sessions
            .rotate("s2", "s2-1", "x", at(1011))
            .await
            .expect("asked")
    );
    let left = sessions.of_user("ann", at(30)).await.expect("a list");
    assert_eq!(left.len(), 1);
    assert_eq!(
        sessions
            .revoke_all("ann", "lost", at(40))
            .await
            .expect("ended"),
        1
    );
    let nobody = sessions.add(&session("s3", "nobody", 10)).await;
    assert!(nobody.is_err());
}

pub async fn too_many_sessions_end_the_oldest(state: State) {
    add(&state, "ann", Role::Analyst).await;
    add(&state, "bob", Role::Analyst).await;
    let sessions = state.sessions();
    sessions.add(&session("b", "bob", 1)).await.expect("begun");
    for n in 0..state::limits::SESSIONS + 2 {
        let begun = session(&format!("s{n}"), "ann", 10 + n);
        sessions.add(&begun).await.expect("begun");
    }
    let left = sessions.of_user("ann", at(100)).await.expect("a list");
    assert_eq!(left.len() as i64, state::limits::SESSIONS);
    assert!(left.iter().all(|s| s.id != "s0" && s.id != "s1"));
    assert_eq!(
        sessions
            .of_user("bob", at(100))
            .await
            .expect("a list")
            .len(),
        1
    );
}

fn token(id: &str, owner: &str, created: Timestamp) -> Token {
    Token {
        id: id.to_owned(),
        name: "shipper".to_owned(),
        owner: owner.to_owned(),
        hash: format!("hash of {id}"),
        role: Role::Ingest,
        created,
        expires: None,
        last_used: None,
        last_address: None,
        revoked: None,
    }
}

pub async fn tokens_belong_to_a_user(state: State) {
    add(&state, "root", Role::Admin).await;
    add(&state, "ann", Role::Analyst).await;
    let tokens = state.tokens();
    tokens.add(&token("t1", "ann", at(10))).await.expect("kept");
    tokens
        .add(&token("t2", "root", at(11)))
        .await
        .expect("kept");
    let nobody = tokens.add(&token("t3", "eve", at(12))).await;
    assert!(matches!(nobody, Err(Error::Missing { .. })));
    tokens.used("t1", "192.0.2.7", at(20)).await.expect("noted");
    let used = tokens.find("t1").await.expect("asked").expect("there");
    assert_eq!(used.last_used, Some(at(20)));
    assert_eq!(used.last_address.as_deref(), Some("192.0.2.7"));
    let own = tokens
        .list(Some("ann"), &Paging::default())
        .await
        .expect("a page");
    assert_eq!(own.items, [used]);
    let first = tokens.list(None, &Paging::first(1)).await.expect("a page");
    assert_eq!(first.items.first().map(|t| t.id.as_str()), Some("t2"));
    assert!(first.next.is_some());
    tokens.revoke("t2", at(30)).await.expect("taken back");
    assert!(matches!(
        tokens.revoke("t2", at(31)).await,
        Err(Error::Missing { .. })
    ));
    assert_eq!(tokens.forget(at(31)).await.expect("done"), 1);
    state.users().remove("ann").await.expect("removed");
    assert_eq!(tokens.find("t1").await.expect("asked"), None);
}
