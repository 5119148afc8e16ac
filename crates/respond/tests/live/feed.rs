//! Thousands of addresses of a feed, on a real firewall with connections that live.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use respond::feeds::config::Deed;
use respond::feeds::follow::Follower;
use respond::feeds::{Feed, Feeds};

use crate::lab::{ATTACKER, HOST, Lab, Live, now, ruleset};

/// Entries of the feed, beside the attacker.
const ENTRIES: u32 = 2000;

fn list(attacker: bool) -> String {
    let address = |n: u32| Ipv4Addr::from(0x0100_0000 + 2 * n).to_string() + "\n";
    let mut list: String = (0..ENTRIES).map(address).collect();
    if attacker {
        list.push_str(&format!("{ATTACKER} # listed\n"));
    }
    list
}

/// Follows until nothing is left to do; the longest that one step took.
fn follow(follower: &mut Follower, feeds: &Feeds, live: &mut Live) -> Duration {
    let mut longest = Duration::ZERO;
    loop {
        let began = Instant::now();
        let changed = follower.follow(feeds, live, now());
        live.tick(now());
        longest = longest.max(began.elapsed());
        if changed.is_empty() {
            return longest;
        }
    }
}

#[test]
fn a_feed_of_thousands_is_enforced_and_let_go_of() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    let path = lab.folder.path().join("list");
    let feed = Feed {
        name: "drop".into(),
        url: format!("file://{}", path.display()),
        action: Deed::Block,
        refresh_secs: 60,
        ..Feed::default()
    };
    let feeds = Feeds::open(vec![feed], None, now()).unwrap();
    lab.host(|| {
        let listener = TcpListener::bind((HOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let reaches = || {
            let address = format!("{HOST}:{port}").parse().unwrap();
            let wait = Duration::from_millis(700);
            lab.attacker(|| TcpStream::connect_timeout(&address, wait).is_ok())
        };
        let held = lab.attacker(|| TcpStream::connect((HOST, port)).unwrap());
        let (server, _) = listener.accept().unwrap();
        let mut live = lab.responder(lab.config());
        let mut follower = Follower::default();
        assert!(reaches());
        std::fs::write(&path, list(true)).unwrap();
        feeds.fetch_due(now, || false);
        let began = Instant::now();
        let longest = follow(&mut follower, &feeds, &mut live);
        println!(
            "{ENTRIES} entries blocked in {:?}, the longest step {longest:?}",
            began.elapsed()
        );
        assert_eq!(
            live.list().filter(|a| a.is_in_force()).count() as u32,
            ENTRIES + 1
        );
        assert!(!reaches());
        // The connection that was there before is ended.
        let id = live
            .list()
            .find(|a| a.what.target().to_string() == ATTACKER)
            .unwrap()
            .id;
        let began = Instant::now();
        live.verify_now(now());
        println!("all verified in {:?}", began.elapsed());
        let state = crate::lab::until(&mut live, id, |state| state.name() == "effective");
        assert_eq!(state.name(), "effective", "{state:?}");
        drop((held, server));
        // The feed lets go of everybody but one who never was here.
        std::fs::write(&path, "1.0.0.0\n").unwrap();
        feeds.fetch_due(|| now() + Duration::from_secs(60), || false);
        let began = Instant::now();
        let longest = follow(&mut follower, &feeds, &mut live);
        println!(
            "let go of in {:?}, the longest step {longest:?}",
            began.elapsed()
        );
        assert!(reaches());
        assert!(!ruleset().contains(ATTACKER));
    });
}
