//! Every promise of the state, on SQLite and on PostgreSQL.

#[path = "both/accounts.rs"]
mod accounts;
#[path = "both/machine.rs"]
mod machine;
#[path = "both/people.rs"]
mod people;
#[path = "both/server.rs"]
mod server;

use std::future::Future;
use std::pin::Pin;

use event::Timestamp;
use state::{Config, State};

type Case = (
    &'static str,
    fn(State) -> Pin<Box<dyn Future<Output = ()> + Send>>,
);

macro_rules! cases {
    ($($module:ident :: $name:ident),* $(,)?) => {
        const CASES: &[Case] = &[$((stringify!($name), |state| Box::pin($module::$name(state)))),*];
        mod sqlite {
            $(#[test] fn $name() { super::on_sqlite(|state| Box::pin(super::$module::$name(state))); })*
        }
    };
}

cases! {
    machine::the_machine_and_people_do_not_overwrite_each_other,
    machine::an_older_revision_changes_nothing,
    machine::of_two_people_the_slower_one_is_told,
    machine::the_end_that_the_machine_sees_holds_over_an_older_word,
    machine::what_goes_on_after_the_end_is_open_again,
    machine::what_alert_keeps_is_kept_whole_or_not_at_all,
    machine::filters_find_what_they_say,
    machine::pages_show_everything_once,
    machine::a_batch_is_kept_whole_or_not_at_all,
    machine::closed_incidents_are_forgotten_with_their_notes,
    machine::notes_stand_in_the_order_of_time,
    people::a_silence_ends_by_time_or_by_hand,
    people::a_silence_is_made_once_for_each_origin,
    people::mirrors_are_noted_by_many_at_once,
    people::saved_queries_are_seen_by_their_owner_or_shared,
    people::an_overlay_stands_once_for_a_rule_and_scope,
    people::values_are_swapped_by_one_of_many,
    people::texts_that_cannot_be_kept_are_refused,
    people::sql_in_a_text_is_a_text,
    accounts::the_first_user_is_made_once,
    accounts::the_last_admin_stays,
    accounts::two_admins_cannot_remove_each_other_at_once,
    accounts::a_changed_user_loses_what_was_given,
    accounts::a_session_is_renewed_by_one_of_many,
    accounts::a_session_ends_for_good,
    accounts::too_many_sessions_end_the_oldest,
    accounts::tokens_belong_to_a_user,
    machine::what_is_written_out_can_be_put_back,
    machine::what_is_no_dump_changes_nothing,
}

/// Second `secs`.
fn at(secs: i64) -> Timestamp {
    Timestamp::new(secs, 0)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn on_sqlite(case: fn(State) -> Pin<Box<dyn Future<Output = ()> + Send>>) {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::sqlite(&folder.path().join("deep/state.db"));
    runtime().block_on(async {
        let state = State::open(&config).await.expect("it opens");
        case(state.clone()).await;
        state.close().await;
    });
}

#[test]
fn all_the_same_on_postgresql() {
    let Some(server) = server::Server::start() else {
        return;
    };
    runtime().block_on(async {
        for (name, case) in CASES {
            let url = server.database(name);
            let config = Config {
                url,
                ..Config::default()
            };
            let state = State::open(&config).await.expect("it opens");
            eprintln!("{name}");
            case(state.clone()).await;
            state.close().await;
        }
    });
}

#[test]
fn what_was_kept_is_there_after_opening_again_and_nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.db");
    let config = Config::sqlite(&path);
    runtime().block_on(async {
        let state = State::open(&config).await.expect("it opens");
        state.kv().put("a/b", "kept", at(1)).await.expect("kept");
        state.close().await;
        let state = State::open(&config).await.expect("it opens again");
        let kept = state.kv().get("a/b").await.expect("it is read");
        assert_eq!(kept, Some(("kept".to_owned(), 1)));
        state.ping().await.expect("it answers");
        state.close().await;
    });
    let mode = std::fs::metadata(&path)
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_database_that_cannot_be_opened_is_told_without_its_password() {
    let config = Config {
        url: "postgres://me:s3cret@127.0.0.1:1/none".to_owned(),
        ..Config::default()
    };
    let told = runtime().block_on(State::open(&config)).unwrap_err();
    let told = told.to_string();
    assert!(
        told.starts_with("state: cannot open postgres://127.0.0.1:1/none"),
        "{told}"
    );
    assert!(!told.contains("s3cret"));
}
