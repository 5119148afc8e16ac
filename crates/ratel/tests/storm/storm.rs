//! Ten thousand datagrams of three attacks: three incidents, few messages to everybody, a first-seen attack told
//! at once, one alert for each incident in two Alertmanagers; nothing lost, nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::account::account;
use crate::cable::{Attack, Cable, events};
use crate::manager::Alertmanager;
use crate::server::{Reply, Server};
use crate::services::{Taken, receivers, services};
use crate::site::wait;
use crate::smtp::{After, Smtp};
use crate::{names, tls};

/// Events of the storm.
const EVENTS: usize = 10_000;
/// Messages that a receiver may get of it.
const MAX_MESSAGES: usize = 5;
/// In what time a first-seen attack is told.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn a_storm_of_three_attacks_is_three_incidents_and_few_messages_to_everybody() {
    let Some(cable) = Cable::new(3) else { return };
    let _turn = crate::turn();
    cable.host(|| run(&cable));
}

fn run(cable: &Cable) {
    names::serve();
    let folder = cable.folder.path();
    let taken: Taken = Arc::default();
    let web = services(Arc::clone(&taken));
    let smtp = Smtp::start(|n| match n {
        0 => After::Later,
        1 => After::Lose,
        _ => After::Take,
    });
    // Over TLS, by name, with certificates that only a file makes believed.
    let safe = Server::start(|_, _| Reply::status(200));
    let letters = Smtp::start(|_| After::Take);
    let safe_port = tls::before(safe.address, "hook.ratel.test", &folder.join("hook.pem")).port();
    let letters_port =
        tls::before(letters.address, "mail.ratel.test", &folder.join("mail.pem")).port();
    let managers: Vec<Alertmanager> = (0..2).filter_map(|_| Alertmanager::start("5m")).collect();
    let account = account(&format!("{}/token", web.url()));
    let account_path = folder.join("account.json");
    let mut kinds = vec!["clean", "webhook", "slack", "pagerduty", "teams", "sms"];
    let mut text = String::new();
    if let Some(account) = &account {
        std::fs::copy(account.path(), &account_path).unwrap();
        text = account_path.display().to_string();
        kinds.push("firebase");
    }
    let at = folder.display();
    let receivers = receivers(&web.url(), &smtp.address.to_string(), &text, &managers)
        + &format!(
            "- {{name: safe, ca_file: {at}/hook.pem, webhook: {{url: 'https://hook.ratel.test:{safe_port}/safe'}}}}\n\
             - {{name: letters, ca_file: {at}/mail.pem, mail: {{host: mail.ratel.test, port: {letters_port}, tls: tls, from: r@example.org, to: [s@example.org]}}}}\n"
        );
    let receivers = receivers.replace("\n- ", "\n  - ");
    cable.configure(3, &format!("  receivers:\n  {receivers}"));
    let ratel = cable.ratel(&[
        ("SECRET", "s3cret".to_owned()),
        ("TEAMS", format!("{}/teams", web.url())),
    ]);
    ratel.is_ready();

    let begun = Instant::now();
    // The third attack begins in the middle.
    let third = cable.attackers(|| {
        let mut attacks: Vec<Attack> = (0..3).map(Attack::new).collect();
        let mut third = None;
        for n in 0..EVENTS {
            let attack = if n < EVENTS / 2 { n % 2 } else { n % 3 };
            if attack == 2 {
                third.get_or_insert_with(Instant::now);
            }
            attacks[attack].send();
        }
        third.unwrap()
    });
    let sent = begun.elapsed();
    wait(60, "all is counted", || {
        events(&ratel.incidents()) == EVENTS as u64
    });
    let counted = begun.elapsed();
    let incidents = ratel.incidents();
    assert_eq!(incidents.len(), 3, "{incidents:?}");
    let ids: Vec<&str> = incidents
        .iter()
        .filter_map(|one| one["id"].as_str())
        .collect();
    let secure = || -> Vec<String> { safe.asked().iter().map(|one| one.text()).collect() };
    wait(60, "everybody heard of all three", || {
        let taken = taken.lock().unwrap();
        let heard =
            |kind: &str, id: &str| taken.iter().any(|one| one.0 == kind && one.1.contains(id));
        let by_other_ways = [smtp.taken(), letters.taken(), secure()];
        ids.iter().all(|id| {
            kinds.iter().all(|kind| heard(kind, id))
                && by_other_ways
                    .iter()
                    .all(|all| all.iter().any(|one| one.contains(id)))
        })
    });
    for manager in &managers {
        wait(20, "one alert for each incident", || {
            manager.firing().len() == 3
        });
    }
    ratel.stop();

    let taken = taken.lock().unwrap().clone();
    let mut by_kind: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (kind, key, _) in &taken {
        *by_kind.entry(kind).or_default().entry(key).or_default() += 1;
    }
    let mails = [smtp.taken(), letters.taken()];
    let mails = mails.each_ref().map(|all| message_ids(all));
    eprintln!(
        "{EVENTS} datagrams in {:.1} s, all counted after {:.1} s; messages: {}, mail {}, mail over TLS {}, HTTPS {}",
        sent.as_secs_f64(),
        counted.as_secs_f64(),
        by_kind
            .iter()
            .map(|(kind, keys)| format!("{kind} {}", keys.len()))
            .collect::<Vec<_>>()
            .join(", "),
        mails[0].len(),
        mails[1].len(),
        safe.asked().len(),
    );
    for (kind, keys) in &by_kind {
        assert!(
            keys.values().all(|times| *times == 1),
            "twice: {kind} {keys:?}"
        );
        // Objects in place are no messages to people.
        if *kind != "firebase" {
            assert!((3..=MAX_MESSAGES).contains(&keys.len()), "{kind} {keys:?}");
        }
    }
    for ids in &mails {
        assert!((3..=MAX_MESSAGES).contains(&ids.len()), "{ids:?}");
    }
    assert!((3..=MAX_MESSAGES).contains(&safe.asked().len()));
    // The third attack, by those that do not fail then.
    let id = incidents
        .iter()
        .find(|one| one["attackers"][0]["address"] == crate::cable::attacker(2))
        .and_then(|one| one["id"].as_str())
        .expect("the third attack is an incident");
    for kind in &kinds {
        let heard = taken
            .iter()
            .find(|one| one.0 == *kind && one.1.contains(id));
        let after = heard.expect("told").2.saturating_duration_since(third);
        eprintln!(
            "{kind}: the first-seen attack after {:.1} s",
            after.as_secs_f64()
        );
        assert!(*kind != "clean" || after < SOON, "{after:?}");
    }
}

/// The names of messages; a repeat has that of the first.
fn message_ids(mails: &[String]) -> BTreeSet<&str> {
    mails
        .iter()
        .filter_map(|mail| {
            mail.lines()
                .find_map(|line| line.strip_prefix("Message-ID: "))
        })
        .collect()
}
