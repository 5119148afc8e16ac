//! Incidents and notes.

use event::Timestamp;
use event::incident::{Incident, Kind, Party, Severity, Signature, Status};
use state::incidents::{Change, Filter, Record};
use state::{Error, Paging, State};

use crate::at;

/// Incident `id` at revision 1, its last event at second 100.
pub fn incident(id: &str) -> Incident {
    Incident {
        id: id.to_owned(),
        fingerprint: format!("attacker:192.0.2.1:{id}"),
        kind: Kind::Attack,
        title: "192.0.2.1 scans".to_owned(),
        severity: Severity::Medium,
        status: Status::Open,
        first: at(90),
        last: at(100),
        opened: at(100),
        changed: at(100),
        revision: 1,
        events: 3,
        attackers: vec![Party {
            address: "192.0.2.1".to_owned(),
            events: 3,
            asset: None,
        }],
        victims: Vec::new(),
        signatures: vec![Signature {
            id: "1:2001219".to_owned(),
            text: "ET SCAN Potential 100% SSH Scan".to_owned(),
            severity: Severity::Medium,
            events: 3,
            first: at(90),
            last: at(100),
        }],
        tactics: Vec::new(),
        sensors: Vec::new(),
        actions: Vec::new(),
        sample: Vec::new(),
        query: "src_ip:192.0.2.1".to_owned(),
    }
}

async fn put(state: &State, incident: &Incident) {
    let kept = state.incidents().put_machine(incident).await;
    assert!(kept.expect("it is kept"), "{}", incident.id);
}

async fn get(state: &State, id: &str) -> Record {
    state.incidents().get(id).await.expect("it is there")
}

fn status(status: Status) -> Change {
    Change {
        status: Some(status),
        ..Change::default()
    }
}

pub async fn the_machine_and_people_do_not_overwrite_each_other(state: State) {
    let mut machine = incident("i1");
    put(&state, &machine).await;
    let fresh = get(&state, "i1").await;
    assert_eq!(
        (fresh.incident.clone(), fresh.version),
        (machine.clone(), 1)
    );
    assert_eq!((fresh.owner, fresh.triaged), (None, None));
    let change = Change {
        status: Some(Status::Acknowledged),
        owner: Some(Some("ann".to_owned())),
        why: None,
    };
    let incidents = state.incidents();
    let changed = incidents.triage("i1", 1, &change, "bob", at(110)).await;
    let changed = changed.expect("it is changed");
    assert_eq!(changed.incident.status, Status::Acknowledged);
    assert_eq!(changed.machine_status, Status::Open);
    machine.revision = 2;
    machine.events = 400;
    machine.severity = Severity::High;
    machine.last = at(120);
    machine.changed = at(120);
    put(&state, &machine).await;
    let now = get(&state, "i1").await;
    assert_eq!(
        (now.incident.events, now.incident.severity),
        (400, Severity::High)
    );
    assert_eq!(now.incident.status, Status::Acknowledged);
    assert_eq!(now.owner.as_deref(), Some("ann"));
    assert_eq!(now.triaged, Some(("bob".to_owned(), at(110))));
    assert_eq!(now.version, 2);
    let seen = incidents.triaged_since(at(110)).await.expect("a list");
    assert_eq!(seen, [now]);
    assert!(
        incidents
            .triaged_since(at(111))
            .await
            .expect("a list")
            .is_empty()
    );
}

pub async fn an_older_revision_changes_nothing(state: State) {
    let mut new = incident("i1");
    new.revision = 7;
    put(&state, &new).await;
    let mut old = incident("i1");
    old.revision = 6;
    old.events = 1;
    let kept = state.incidents().put_machine(&old).await;
    assert!(!kept.expect("no error"));
    assert_eq!(get(&state, "i1").await.incident, new);
    put(&state, &new).await;
}

pub async fn of_two_people_the_slower_one_is_told(state: State) {
    put(&state, &incident("i1")).await;
    let incidents = state.incidents();
    let change = status(Status::Acknowledged);
    let first = incidents.triage("i1", 1, &change, "ann", at(110)).await;
    assert_eq!(first.expect("it is changed").version, 2);
    let second = incidents.triage("i1", 1, &change, "bob", at(111)).await;
    assert!(matches!(second, Err(Error::Conflict { version: 2, .. })));
    let nowhere = incidents.triage("i2", 1, &change, "bob", at(111)).await;
    assert!(matches!(nowhere, Err(Error::Missing { .. })));
}

pub async fn the_end_that_the_machine_sees_holds_over_an_older_word(state: State) {
    let mut machine = incident("i1");
    put(&state, &machine).await;
    let incidents = state.incidents();
    let change = status(Status::Acknowledged);
    incidents
        .triage("i1", 1, &change, "ann", at(110))
        .await
        .expect("changed");
    machine.revision = 2;
    machine.status = Status::Closed;
    machine.changed = at(200);
    put(&state, &machine).await;
    assert_eq!(get(&state, "i1").await.incident.status, Status::Closed);
    // A person opens it again: that is the newer word.
    let change = status(Status::Open);
    incidents
        .triage("i1", 2, &change, "ann", at(210))
        .await
        .expect("changed");
    put(&state, &machine).await;
    assert_eq!(get(&state, "i1").await.incident.status, Status::Open);
    // Closed with a reason; what opens it takes the reason away.
    let change = Change {
        why: Some("a test of ours".to_owned()),
        ..status(Status::Closed)
    };
    let closed = incidents.triage("i1", 3, &change, "ann", at(220)).await;
    let closed = closed.expect("changed");
    assert_eq!(closed.closed_why.as_deref(), Some("a test of ours"));
    machine.revision = 3;
    machine.status = Status::Open;
    machine.changed = at(230);
    put(&state, &machine).await;
    assert_eq!(get(&state, "i1").await.incident.status, Status::Closed);
    let change = status(Status::Open);
    let open = incidents.triage("i1", 4, &change, "ann", at(240)).await;
    assert_eq!(open.expect("changed").closed_why, None);
}

async fn found(state: &State, filter: Filter) -> Vec<String> {
    let page = state.incidents().list(&filter, &Paging::default()).await;
    let page = page.expect("a page");
    page.items.into_iter().map(|r| r.incident.id).collect()
}

pub async fn filters_find_what_they_say(state: State) {
    let mut bad = incident("i2");
    bad.severity = Severity::Critical;
    bad.last = at(500);
    bad.first = at(450);
    bad.title = "the database is asked for everything".to_owned();
    state
        .incidents()
        .put_all(&[incident("i1"), bad])
        .await
        .expect("kept");
    let owned = Change {
        owner: Some(Some("ann".to_owned())),
        ..status(Status::Acknowledged)
    };
    let incidents = state.incidents();
    incidents
        .triage("i1", 1, &owned, "ann", at(110))
        .await
        .expect("changed");
    let text = |text: &str| Filter {
        text: Some(text.to_owned()),
        ..Filter::default()
    };
    assert_eq!(found(&state, Filter::default()).await, ["i2", "i1"]);
    assert_eq!(found(&state, text("DATABASE")).await, ["i2"]);
    assert_eq!(found(&state, text("192.0.2.1")).await, ["i2", "i1"]);
    assert_eq!(found(&state, text("100%")).await, ["i2", "i1"]);
    assert!(found(&state, text("100_")).await.is_empty());
    let open = Filter {
        status: vec![Status::Open],
        ..Filter::default()
    };
    assert_eq!(found(&state, open.clone()).await, ["i2"]);
    let either = Filter {
        status: vec![Status::Open, Status::Acknowledged],
        ..Filter::default()
    };
    assert_eq!(found(&state, either.clone()).await, ["i2", "i1"]);
    let high = Filter {
        severity: Some(Severity::High),
        ..Filter::default()
    };
    assert_eq!(found(&state, high).await, ["i2"]);
    let of = |owner: Option<&str>| Filter {
        owner: Some(owner.map(str::to_owned)),
        ..Filter::default()
    };
    assert_eq!(found(&state, of(Some("ann"))).await, ["i1"]);
    assert_eq!(found(&state, of(None)).await, ["i2"]);
    let during = Filter {
        since: Some(at(95)),
        until: Some(at(100)),
        ..Filter::default()
    };
    assert_eq!(found(&state, during).await, ["i1"]);
    let print = Filter {
        fingerprint: Some("attacker:192.0.2.1:i1".to_owned()),
        ..Filter::default()
    };
    assert_eq!(found(&state, print).await, ["i1"]);
    let counted = incidents.by_severity(&either).await.expect("counted");
    let counted: Vec<u64> = counted.into_iter().map(|(_, number)| number).collect();
    assert_eq!(counted, [0, 0, 1, 0, 1]);
}

pub async fn pages_show_everything_once(state: State) {
    let many: Vec<Incident> = (0..25)
        .map(|n| Incident {
            // Some share a moment: the name decides.
            last: at(100 + n / 3),
            ..incident(&format!("i{n:02}"))
        })
        .collect();
    assert_eq!(state.incidents().put_all(&many).await.expect("kept"), 25);
    let mut seen = Vec::new();
    let mut paging = Paging::first(7);
    loop {
        let page = state.incidents().list(&Filter::default(), &paging).await;
        let page = page.expect("a page");
        assert!(page.items.len() <= 7);
        seen.extend(page.items.into_iter().map(|r| r.incident.id));
        paging.cursor = page.next;
        if paging.cursor.is_none() {
            break;
        }
    }
    let mut expected: Vec<String> = many.iter().map(|i| i.id.clone()).collect();
    expected.reverse();
    assert_eq!(seen, expected);
    paging.cursor = Some("garbage".to_owned());
    let refused = state.incidents().list(&Filter::default(), &paging).await;
    assert!(matches!(refused, Err(Error::Refused(_))));
}

pub async fn a_batch_is_kept_whole_or_not_at_all(state: State) {
    let mut huge = incident("i2");
    huge.title = "x".repeat(state::limits::INCIDENT);
    let refused = state.incidents().put_all(&[incident("i1"), huge]).await;
    assert!(matches!(refused, Err(Error::Refused(_))));
    assert!(found(&state, Filter::default()).await.is_empty());
}

pub async fn closed_incidents_are_forgotten_with_their_notes(state: State) {
    let mut closed = incident("i1");
    closed.status = Status::Closed;
    put(&state, &closed).await;
    put(&state, &incident("i2")).await;
    state
        .notes()
        .add("i1", "ann", "seen", at(101))
        .await
        .expect("noted");
    assert_eq!(state.incidents().forget(at(100)).await.expect("done"), 0);
    assert_eq!(state.incidents().forget(at(101)).await.expect("done"), 1);
    assert_eq!(found(&state, Filter::default()).await, ["i2"]);
    assert!(state.notes().of("i1").await.expect("a list").is_empty());
}

pub async fn notes_stand_in_the_order_of_time(state: State) {
    put(&state, &incident("i1")).await;
    let notes = state.notes();
    notes
        .add("i1", "bob", "second", at(120))
        .await
        .expect("noted");
    notes
        .add("i1", "ann", "first — ünïcode", at(110))
        .await
        .expect("noted");
    let all = notes.of("i1").await.expect("a list");
    let told: Vec<(&str, &str, Timestamp)> = all
        .iter()
        .map(|n| (n.author.as_str(), n.text.as_str(), n.time))
        .collect();
    let expected = [
        ("ann", "first — ünïcode", at(110)),
        ("bob", "second", at(120)),
    ];
    assert_eq!(told, expected);
    let nowhere = notes.add("i9", "ann", "lost", at(1)).await;
    assert!(matches!(nowhere, Err(Error::Missing { .. })));
    let empty = notes.add("i1", "ann", " ", at(1)).await;
    assert!(matches!(empty, Err(Error::Refused(_))));
    let mut full = true;
    for n in 0..state::limits::NOTES {
        full = notes.add("i1", "ann", "again", at(200 + n)).await.is_ok();
    }
    assert!(!full, "notes have a limit");
}

pub async fn what_goes_on_after_the_end_is_open_again(state: State) {
    let mut machine = incident("i1");
    put(&state, &machine).await;
    let change = status(Status::Closed);
    let incidents = state.incidents();
    let closed = incidents.triage("i1", 1, &change, "ann", at(110)).await;
    assert_eq!(
        closed.expect("it is changed").incident.status,
        Status::Closed
    );
    for (revision, status, expected) in [
        (2, Status::Open, Status::Closed),
        (3, Status::Closed, Status::Closed),
        (4, Status::Open, Status::Open),
        (5, Status::Open, Status::Open),
        (6, Status::Closed, Status::Closed),
    ] {
        machine.revision = revision;
        machine.status = status;
        machine.changed = at(110 + i64::try_from(revision).expect("small"));
        put(&state, &machine).await;
        assert_eq!(
            get(&state, "i1").await.incident.status,
            expected,
            "{revision}"
        );
    }
}

pub async fn what_alert_keeps_is_kept_whole_or_not_at_all(state: State) {
    use state::machine::Save;
    let machine = state.machine();
    let memories = [("i1".to_owned(), "{}".to_owned())];
    let incidents = [incident("i1")];
    let save = Save {
        incidents: &incidents,
        memories: &memories,
        value: Some(("alert/position", "1")),
        ..Save::default()
    };
    machine.save(&save, at(100)).await.expect("it is kept");
    assert_eq!(machine.load().await.expect("a list"), ["{}"]);
    assert_eq!(get(&state, "i1").await.incident.id, "i1");
    let kept = state.kv().get("alert/position").await.expect("a value");
    assert_eq!(kept, Some(("1".to_owned(), 1)));
    let forgotten = ["i1".to_owned()];
    let wrong = [("i2".to_owned(), String::new())];
    let save = Save {
        memories: &wrong,
        forgotten: &forgotten,
        ..Save::default()
    };
    assert!(machine.save(&save, at(101)).await.is_err());
    assert_eq!(machine.load().await.expect("a list"), ["{}"]);
    let save = Save {
        forgotten: &forgotten,
        ..Save::default()
    };
    machine.save(&save, at(102)).await.expect("it is kept");
    assert!(machine.load().await.expect("a list").is_empty());
}

async fn written_out(state: &State) -> Vec<u8> {
    let mut lines = Vec::new();
    state.dump(&mut lines).await.expect("written out");
    lines
}

pub async fn what_is_written_out_can_be_put_back(state: State) {
    assert!(state.is_empty().await.expect("asked"));
    let many: Vec<Incident> = (0..1203).map(|n| incident(&format!("i{n:04}"))).collect();
    state.incidents().put_all(&many).await.expect("kept");
    state
        .incidents()
        .triage("i0007", 1, &status(Status::Closed), "ann", at(110))
        .await
        .expect("changed");
    state
        .notes()
        .add("i0007", "ann", "a \"note\"\n— ünïcode", at(111))
        .await
        .expect("noted");
    state.kv().put("a", "b", at(1)).await.expect("put");
    let lines = written_out(&state).await;
    state.kv().put("c", "d", at(1)).await.expect("put");
    state
        .incidents()
        .put_machine(&incident("later"))
        .await
        .expect("kept");
    let put = state.load(lines.as_slice()).await.expect("put back");
    assert_eq!(put, 1205);
    assert_eq!(written_out(&state).await, lines);
    assert!(!state.is_empty().await.expect("asked"));
    assert_eq!(get(&state, "i0007").await.incident.status, Status::Closed);
}

pub async fn what_is_no_dump_changes_nothing(state: State) {
    put(&state, &incident("i1")).await;
    let before = written_out(&state).await;
    for lines in [
        "no json\n",
        "{\"table\": \"users\", \"row\": {}}\n",
        "{\"table\": \"sqlite_master\", \"row\": {\"a\": 1}}\n",
        "{\"table\": \"kv\", \"row\": {\"name) VALUES (1); --\": 1}}\n",
        "{\"table\": \"kv\", \"row\": {\"name\": \"x\"}}\n",
        "{\"table\": \"kv\", \"row\": {\"column_of_a_newer_ratel\": \"x\"}}\n",
        "{\"table\": \"kv\", \"row\": {\"name\": 1.5}}\n",
        "{\"table\": \"kv\"",
    ] {
        assert!(state.load(lines.as_bytes()).await.is_err(), "{lines}");
        assert_eq!(written_out(&state).await, before);
    }
}
