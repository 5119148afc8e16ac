//! Silences, saved queries, overlays, values.

use event::Timestamp;
use state::silences::{Kind, New, Silence};
use state::{Error, Paging, State, overlays, queries};

use crate::at;

fn new<'a>(query: &'a str, expires: Timestamp) -> New<'a> {
    New {
        kind: Kind::Silence,
        query,
        reason: "the scanner of ours",
        owner: "ann",
        expires,
        origin: None,
    }
}

async fn active(state: &State, now: Timestamp) -> Vec<String> {
    let all = state.silences().active(now).await.expect("a list");
    all.into_iter().map(|s: Silence| s.query).collect()
}

pub async fn a_silence_ends_by_time_or_by_hand(state: State) {
    let silences = state.silences();
    let one = silences
        .add(&new("src_ip:192.0.2.1", at(200)), at(100))
        .await;
    let one = one.expect("made");
    let two = silences
        .add(&new("alert.signature_id:7", at(300)), at(101))
        .await;
    let two = two.expect("made");
    assert_eq!(silences.get(&one.id).await.expect("there"), one);
    assert!(one.is_active(at(199)) && !one.is_active(at(200)));
    assert_eq!(
        active(&state, at(150)).await,
        ["src_ip:192.0.2.1", "alert.signature_id:7"]
    );
    assert_eq!(active(&state, at(200)).await, ["alert.signature_id:7"]);
    let longer = silences
        .extend(&one.id, at(400), at(150))
        .await
        .expect("extended");
    assert_eq!((longer.expires, longer.changed), (at(400), at(150)));
    let ended = silences.end(&two.id, "bob", at(160)).await.expect("ended");
    assert_eq!(
        (ended.ended, ended.ended_by.as_deref()),
        (Some(at(160)), Some("bob"))
    );
    let again = silences
        .end(&two.id, "eve", at(170))
        .await
        .expect("no error");
    assert_eq!(again, ended);
    assert_eq!(active(&state, at(200)).await, ["src_ip:192.0.2.1"]);
    assert!(matches!(
        silences.extend(&two.id, at(500), at(170)).await,
        Err(Error::Missing { .. })
    ));
    let past = silences.add(&new("x", at(100)), at(100)).await;
    assert!(matches!(past, Err(Error::Refused(_))));
    let listed = silences
        .list(None, &Paging::first(1))
        .await
        .expect("a page");
    assert_eq!(listed.items, [ended]);
    let next = Paging {
        limit: 1,
        cursor: listed.next,
    };
    let listed = silences.list(None, &next).await.expect("a page");
    assert_eq!((listed.items, listed.next), (vec![longer.clone()], None));
    let in_force = silences
        .list(Some(at(200)), &Paging::default())
        .await
        .expect("a page");
    assert_eq!(in_force.items, [longer]);
    assert_eq!(silences.forget(at(161)).await.expect("done"), 1);
}

pub async fn a_silence_is_made_once_for_each_origin(state: State) {
    let given = New {
        origin: Some("am/77"),
        kind: Kind::Suppress,
        ..new("x", at(200))
    };
    let made = state.silences().add(&given, at(100)).await.expect("made");
    assert_eq!(made.kind, Kind::Suppress);
    let again = state.silences().add(&given, at(101)).await;
    assert!(matches!(again, Err(Error::Exists { .. })));
    let found = state.silences().find_origin("am/77").await.expect("asked");
    assert_eq!(found, Some(made));
    assert_eq!(
        state.silences().find_origin("am/78").await.expect("asked"),
        None
    );
}

pub async fn mirrors_are_noted_by_many_at_once(state: State) {
    let made = state
        .silences()
        .add(&new("x", at(200)), at(100))
        .await
        .expect("made");
    let noting: Vec<_> = (0..8)
        .map(|n| {
            let (state, id) = (state.clone(), made.id.clone());
            tokio::spawn(async move {
                let receiver = format!("am{n}");
                state.silences().mirror(&id, &receiver, "theirs").await
            })
        })
        .collect();
    for noted in noting {
        noted.await.expect("no panic").expect("noted");
    }
    let mirrors = state.silences().get(&made.id).await.expect("there").mirrors;
    assert_eq!(mirrors.len(), 8);
    assert_eq!(mirrors.get("am3").map(String::as_str), Some("theirs"));
}

pub async fn saved_queries_are_seen_by_their_owner_or_shared(state: State) {
    let view = serde_json::json!({"columns": ["src_ip"]});
    let new = |name, owner, shared| queries::New {
        name,
        query: "event_type:alert",
        view: &view,
        owner,
        shared,
    };
    let queries = state.queries();
    let own = queries
        .put(&new("mine", "ann", false), at(1))
        .await
        .expect("saved");
    let shared = queries
        .put(&new("ours", "bob", true), at(2))
        .await
        .expect("saved");
    queries
        .put(&new("his", "bob", false), at(3))
        .await
        .expect("saved");
    let seen = queries
        .list("ann", &Paging::default())
        .await
        .expect("a page");
    assert_eq!(seen.items, [shared, own.clone()]);
    let again = queries
        .put(&new("mine", "ann", true), at(4))
        .await
        .expect("saved");
    assert_eq!((again.id.as_str(), again.shared), (own.id.as_str(), true));
    assert_eq!(queries.get(&own.id).await.expect("there").view, view);
    queries.remove(&own.id).await.expect("removed");
    assert!(matches!(
        queries.remove(&own.id).await,
        Err(Error::Missing { .. })
    ));
}

pub async fn an_overlay_stands_once_for_a_rule_and_scope(state: State) {
    let off = serde_json::json!({"enabled": false});
    let new = |sid, scope, expires| overlays::New {
        gid: 1,
        sid,
        scope,
        action: &off,
        reason: "noise",
        owner: "ann",
        expires,
    };
    let overlays = state.overlays();
    overlays.put(&new(7, "", None), at(1)).await.expect("kept");
    let again = overlays
        .put(&new(7, "", Some(at(50))), at(2))
        .await
        .expect("kept");
    overlays
        .put(&new(7, "10.0.0.0/8", None), at(3))
        .await
        .expect("kept");
    let all = overlays.active(at(10)).await.expect("a list");
    let told: Vec<(&str, Option<Timestamp>)> =
        all.iter().map(|o| (o.scope.as_str(), o.expires)).collect();
    assert_eq!(told, [("", Some(at(50))), ("10.0.0.0/8", None)]);
    assert_eq!(overlays.active(at(50)).await.expect("a list").len(), 1);
    overlays.remove(&again.id).await.expect("removed");
    assert_eq!(overlays.active(at(10)).await.expect("a list").len(), 1);
}

pub async fn values_are_swapped_by_one_of_many(state: State) {
    let kv = state.kv();
    assert_eq!(kv.get("alert/x").await.expect("asked"), None);
    assert!(kv.swap("alert/x", 0, "a", at(1)).await.expect("asked"));
    assert!(!kv.swap("alert/x", 0, "b", at(1)).await.expect("asked"));
    let trying: Vec<_> = (0..8)
        .map(|n| {
            let state = state.clone();
            tokio::spawn(async move { state.kv().swap("alert/x", 1, &n.to_string(), at(2)).await })
        })
        .collect();
    let mut won = 0;
    for tried in trying {
        won += usize::from(tried.await.expect("no panic").expect("asked"));
    }
    assert_eq!(won, 1);
    kv.put("alert/x", "c", at(3)).await.expect("put");
    assert_eq!(
        kv.get("alert/x").await.expect("asked"),
        Some(("c".to_owned(), 3))
    );
    kv.remove("alert/x").await.expect("removed");
    assert_eq!(kv.get("alert/x").await.expect("asked"), None);
}

pub async fn texts_that_cannot_be_kept_are_refused(state: State) {
    let silences = state.silences();
    for query in ["", "a\0b", &"x".repeat(state::limits::QUERY + 1)] {
        let refused = silences.add(&new(query, at(200)), at(100)).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{query:?}");
    }
    let refused = state.kv().put("", "x", at(1)).await;
    assert!(matches!(refused, Err(Error::Refused(_))));
}

pub async fn sql_in_a_text_is_a_text(state: State) {
    let text = "'); DROP TABLE users; --";
    let made = state
        .silences()
        .add(&new(text, at(200)), at(100))
        .await
        .expect("made");
    assert_eq!(made.query, text);
    let silence = state.silences().get("x' OR '1'='1").await;
    assert!(matches!(silence, Err(Error::Missing { .. })));
    assert_eq!(
        state.users().find("' OR 1=1 --").await.expect("asked"),
        None
    );
    assert_eq!(state.users().count().await.expect("counted"), 0);
}
