//! What feeds list is blocked and let go of, over a model of a firewall.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::config::Config;
use crate::feeds::Feed;
use crate::firewall::model::Model;
use crate::host::model::ModelHost;
use crate::protected::{Because, Protected};

struct Lab {
    folder: tempfile::TempDir,
    feeds: Feeds,
    responder: Responder<Model, ModelHost>,
    follower: Follower,
}

fn at(secs: i64) -> Timestamp {
    Timestamp::new(secs, 0)
}

fn lab(action: Deed, mode: Mode) -> Lab {
    let folder = tempfile::tempdir().unwrap();
    let feed = Feed {
        name: "drop".into(),
        url: format!("file://{}/list", folder.path().display()),
        action,
        refresh_secs: 60,
        keep_secs: 3600,
        ..Feed::default()
    };
    let protected = Protected::new([("192.0.2.254".parse().unwrap(), Because::Gateway)]);
    let config = Config {
        mode,
        max_per_minute: 10,
        ..Config::default()
    };
    Lab {
        feeds: Feeds::open(vec![feed], None, at(0)).unwrap(),
        responder: Responder::open(config, Model::default(), ModelHost::new(protected), at(0))
            .unwrap(),
        follower: Follower::default(),
        folder,
    }
}

impl Lab {
    fn list(&self) -> PathBuf {
        self.folder.path().join("list")
    }

    /// The list says this from now on; how many actions changed.
    fn says(&mut self, text: &str, now: i64) -> usize {
        fs::write(self.list(), text).unwrap();
        self.feeds.fetch_due(|| at(now), || false);
        self.follow(now)
    }

    fn follow(&mut self, now: i64) -> usize {
        let (feeds, responder) = (&self.feeds, &mut self.responder);
        self.follower.follow(feeds, responder, at(now)).len()
    }

    fn blocked(&self) -> Vec<String> {
        let held = self.responder.actuator().firewall().held.values();
        held.map(|wanted| wanted.what.target().to_string())
            .collect()
    }
}

#[test]
fn a_feed_blocks_only_where_it_is_told_to_and_where_actions_are_enforced() {
    let mut lab = super::tests::lab(Deed::Tag, Mode::Enforce);
    assert_eq!(lab.says("192.0.2.1\n", 0), 0);
    for mode in [Mode::Observe, Mode::Ask] {
        let mut lab = super::tests::lab(Deed::Block, mode);
        assert_eq!(lab.says("192.0.2.1\n", 0), 1);
        assert_eq!(lab.blocked(), Vec::<String>::new());
        let action = lab.responder.list().next().unwrap();
        assert_eq!(
            (action.mode, &action.state),
            (Mode::Observe, &State::Planned)
        );
        assert_eq!(lab.follow(20), 0);
    }
}

#[test]
fn what_is_listed_is_blocked_and_what_is_not_any_more_is_let_go_of() {
    let mut lab = lab(Deed::Block, Mode::Enforce);
    lab.says("192.0.2.1\n192.0.2.2\n198.51.100.0/24\n198.51.100.7\n", 0);
    assert_eq!(lab.blocked(), ["192.0.2.1", "192.0.2.2", "198.51.100.0/24"]);
    let action = lab.responder.list().next().unwrap().clone();
    assert_eq!(action.why.feed.as_deref(), Some("drop"));
    assert!(action.why.reason.starts_with("listed by drop (file:///"));
    assert_eq!(action.ttl_secs, 3600);
    lab.says("# other\n192.0.2.1\n", 60);
    assert_eq!(lab.blocked(), ["192.0.2.1"]);
    let undone = lab.responder.list().find(|a| a.is_over()).unwrap();
    let cause = "no longer listed by drop".to_owned();
    assert_eq!(undone.state, State::Undone { cause });
    // It comes back, and so does the block.
    lab.says("# other one\n192.0.2.1\n192.0.2.2\n", 120);
    assert_eq!(lab.blocked(), ["192.0.2.1", "192.0.2.2"]);
}

#[test]
fn a_protected_address_stays_free_and_is_not_tried_all_the_time() {
    let mut lab = lab(Deed::Block, Mode::Enforce);
    assert_eq!(lab.says("192.0.2.0/24\n192.0.3.1\n", 0), 3);
    assert_eq!(lab.blocked(), ["192.0.3.1"]);
    for now in [10, 20, 600] {
        assert_eq!(lab.follow(now), 0);
    }
}

#[test]
fn what_a_person_takes_back_stays_free() {
    let mut lab = lab(Deed::Block, Mode::Enforce);
    lab.says("192.0.2.1\n192.0.2.2\n", 0);
    let freed = "192.0.2.1".parse().unwrap();
    lab.responder.unblock(freed, "root", at(5)).unwrap();
    for now in [10, 60, 600] {
        lab.follow(now);
        assert_eq!(lab.blocked(), ["192.0.2.2"]);
    }
}

#[test]
fn blocks_are_renewed_while_the_feed_is_fetched_and_end_when_it_is_not() {
    let mut lab = lab(Deed::Block, Mode::Enforce);
    lab.says("192.0.2.1\n", 0);
    let ends = |lab: &Lab| {
        let held = lab.responder.actuator().firewall().held.values();
        held.map(|wanted| wanted.ends.secs()).next()
    };
    assert_eq!(ends(&lab), Some(3600));
    // The same file is fetched again and again.
    for now in (60..=2700).step_by(60) {
        lab.says("192.0.2.1\n", now);
    }
    assert_eq!(ends(&lab), Some(3600));
    lab.says("192.0.2.1\n", 2760);
    assert_eq!(ends(&lab), Some(2760 + 3600));
    // The file is gone: the set stays until it is too old.
    fs::remove_file(lab.list()).unwrap();
    lab.feeds.fetch_due(|| at(5000), || false);
    assert!(lab.feeds.standings(at(5000))[0].error.is_some());
    lab.follow(5000);
    assert_eq!(lab.blocked(), ["192.0.2.1"]);
    lab.responder.tick(at(2760 + 3600));
    lab.follow(2760 + 3600);
    assert!(lab.responder.list().all(Action::is_over));
}

#[test]
fn thousands_are_blocked_batch_by_batch_whatever_playbooks_may_do() {
    let mut lab = lab(Deed::Block, Mode::Enforce);
    let list = |count: u32| -> String {
        let address = |n: u32| std::net::Ipv4Addr::from(0x0100_0000 + 2 * n).to_string() + "\n";
        (0..count).map(address).collect()
    };
    lab.says(&list(1300), 0);
    let mut rounds = 1;
    while lab.blocked().len() < 1300 {
        assert!(lab.follow(0) > 0);
        rounds += 1;
    }
    assert_eq!(rounds, 1300_usize.div_ceil(SLICE));
    lab.says("# nobody\n", 60);
    while !lab.blocked().is_empty() {
        assert!(lab.follow(60) > 0);
    }
    // Playbooks and people have their own measure.
    let block = |lab: &mut Lab| {
        let target = "203.0.113.9".parse().unwrap();
        let hour = Duration::from_secs(3600);
        lab.responder.block(target, hour, "root", "", at(60));
    };
    block(&mut lab);
    assert_eq!(lab.blocked(), ["203.0.113.9"]);
    // More than may ever be: the rest is left out.
    lab.says(&list(MAX_BLOCKS as u32 + 5), 120);
    while lab.follow(120) > 0 {}
    assert_eq!(lab.blocked().len(), MAX_BLOCKS + 1);
    assert_eq!(lab.follower.left_out, 5);
}
