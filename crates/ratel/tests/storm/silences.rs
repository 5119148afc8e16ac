//! Silences in a running Ratel beside a real Alertmanager: what was told is quiet, there as well, and is told
//! once more when the silence is over; what people silence there is quiet here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cable::{Attack, Cable, attacker};
use crate::manager::Alertmanager;
use crate::server::{Reply, Server};
use crate::site::wait;

/// How long nothing may come where nothing is to come: several times what would be told again.
const QUIET: Duration = Duration::from_secs(6);

#[test]
fn a_silence_quiets_what_was_told_here_and_in_alertmanager_until_it_ends() {
    let Some(cable) = Cable::new(2) else { return };
    let _turn = crate::turn();
    cable.host(|| run(&cable));
}

fn run(cable: &Cable) {
    let Some(manager) = Alertmanager::start("5m") else {
        return;
    };
    let web = Server::start(|_, _| Reply::status(200));
    // What would be told soon is told at once, so that the test need not wait for it.
    let text = format!(
        "  settle_ms: 300\n  refresh_secs: 1\n  digest_secs: 2\n  receivers:\n\
         \x20 - {{name: hook, updates: true, update_secs: 0, rate: {{per_minute: 600, burst: 100}}, webhook: {{url: '{}/hook'}}}}\n\
         \x20 - {{name: am, alertmanager: {{urls: ['{}']}}}}\n",
        web.url(),
        manager.url
    );
    cable.configure(2, &text);
    let ratel = cable.ratel(&[]);
    ratel.is_ready();
    let (stop, second) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| cable.attackers(|| attack(&stop, &second)));
        let _stops = Stops(&stop);
        let told = |n: usize| -> Vec<Value> {
            let all = web.asked();
            let bodies = all.iter().map(|one| one.json());
            bodies.filter(|one| is_about(one, n)).collect()
        };
        wait(20, "the attack is told", || !told(0).is_empty());
        wait(20, "and goes on", || told(0).len() > 2);
        wait(20, "Alertmanager shows it", || manager.firing().len() == 1);

        // A silence of ours: quiet here, and there.
        let query = format!("src_ip:{}", attacker(0));
        let added = ratel.ask(&[
            "silences",
            "add",
            &query,
            "--for",
            "1h",
            "--why",
            "our own scanner",
            "-o",
            "json",
        ]);
        let added: Value = serde_json::from_str(&added).unwrap_or_else(|_| panic!("{added}"));
        let id = added["id"].as_str().unwrap().to_owned();
        wait(30, "it stands in Alertmanager", || {
            silences(&manager, "active")
                .iter()
                .any(|one| one["comment"] == format!("our own scanner [ratel:{id}]"))
        });
        wait(20, "which is quiet", || {
            manager.json("/api/v2/alerts")[0]["status"]["state"] == "suppressed"
        });
        let before = quiet(|| told(0).len());

        // It ends: told once more, and there it is gone.
        ratel.ask(&["silences", "expire", &id]);
        wait(20, "it goes on, and is told", || told(0).len() > before);
        wait(30, "gone in Alertmanager", || {
            silences(&manager, "active").is_empty()
        });

        // A silence that people make there, of another attack: only it is quiet here.
        second.store(true, Ordering::Relaxed);
        wait(20, "the second is told", || !told(1).is_empty());
        let other = told(1)[0]["incident"]["id"].clone();
        let ends = jiff::Timestamp::now() + Duration::from_secs(45);
        let theirs = json!({
            "matchers": [{"name": "incident", "value": other, "isRegex": false, "isEqual": true}],
            "startsAt": "2020-01-01T00:00:00Z", "endsAt": ends.to_string(),
            "createdBy": "bob", "comment": "maintenance",
        });
        ureq::post(format!("{}/api/v2/silences", manager.url))
            .header("content-type", "application/json")
            .send(theirs.to_string())
            .unwrap();
        let last = quiet(|| told(1).len());
        let first = told(0).len();
        wait(20, "the first is still told", || told(0).len() > first);
        assert_eq!(told(1).len(), last);
        wait(60, "theirs is over, and it is told", || {
            told(1).len() > last
        });
    });
    ratel.stop();
}

/// The count, once it has not grown for as long as nothing is to come: what was on its way may still arrive.
fn quiet(count: impl Fn() -> usize) -> usize {
    let mut last = (count(), Instant::now());
    wait(40, "it is quiet", || {
        if count() != last.0 {
            last = (count(), Instant::now());
        }
        last.1.elapsed() > QUIET
    });
    last.0
}

/// The thread that attacks ends, also where an assertion fails.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn is_about(body: &Value, number: usize) -> bool {
    body["incident"]["attackers"][0]["address"] == attacker(number)
}

fn silences(manager: &Alertmanager, state: &str) -> Vec<Value> {
    let all = manager.json("/api/v2/silences");
    let of = |one: &&Value| one["status"]["state"] == state;
    all.as_array()
        .into_iter()
        .flatten()
        .filter(of)
        .cloned()
        .collect()
}

fn attack(stop: &AtomicBool, second: &AtomicBool) {
    let mut attacks = [Attack::new(0), Attack::new(1)];
    while !stop.load(Ordering::Relaxed) {
        attacks[0].send();
        if second.load(Ordering::Relaxed) {
            attacks[1].send();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
