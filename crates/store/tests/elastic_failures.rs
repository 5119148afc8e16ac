//! A server that fails in every way between: nothing is lost and nothing is there twice.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use event::{RecordId, RecordIds, Timestamp};
use serde_json::{Value, json};
use store::elastic::{Config, Elastic, Error};

/// What the server does with one bulk request.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Answers 503 and takes nothing.
    Busy,
    /// Takes half of it, then is gone without an answer.
    Gone,
    /// Takes every other record, and has no time for the others.
    Some,
    /// Takes all of it.
    All,
}

#[derive(Default)]
struct Index {
    /// How often each id was taken.
    taken: HashMap<String, u32>,
    acts: Vec<Act>,
    /// What data streams forget by a rollover: ids are known to searches alone.
    forgets: bool,
}

fn server(acts: &[Act], forgets: bool) -> (String, Arc<Mutex<Index>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let index = Arc::new(Mutex::new(Index {
        acts: acts.iter().rev().copied().collect(),
        forgets,
        ..Index::default()
    }));
    let theirs = Arc::clone(&index);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let index = Arc::clone(&theirs);
            std::thread::spawn(move || serve(stream, &index));
        }
    });
    (url, index)
}

fn serve(stream: TcpStream, index: &Mutex<Index>) -> Option<()> {
    let mut out = stream.try_clone().ok()?;
    let mut stream = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if stream.read_line(&mut first).ok()? == 0 {
            return None;
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).ok()?;
            let header = header.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        let (status, reply) = index.lock().ok()?.answer(&first, &body)?;
        let reply = reply.to_string();
        write!(
            out,
            "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{reply}",
            reply.len()
        )
        .ok()?;
    }
}

impl Index {
    /// None: the connection ends.
    fn answer(&mut self, first: &str, body: &[u8]) -> Option<(u16, Value)> {
        if first.contains("/_bulk") {
            return self.bulk(body);
        }
        if first.contains("/_search") {
            let hits: Vec<Value> = self.taken.keys().map(|id| json!({"_id": id})).collect();
            return Some((200, json!({"hits": {"hits": hits}})));
        }
        let about = json!({"version": {"distribution": "opensearch"}, "acknowledged": true});
        Some((200, about))
    }

    fn bulk(&mut self, body: &[u8]) -> Option<(u16, Value)> {
        let act = self.acts.pop().unwrap_or(Act::All);
        let ids: Vec<String> = body
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
            .filter_map(|line| Some(line.get("create")?.get("_id")?.as_str()?.to_owned()))
            .collect();
        let half = ids.len() / 2;
        let mut items = Vec::new();
        for (place, id) in ids.into_iter().enumerate() {
            let status = match act {
                Act::Busy => return Some((503, json!({"error": "busy"}))),
                Act::Gone if place >= half => return None,
                Act::Some if place % 2 == 1 => 429,
                Act::Gone | Act::Some | Act::All
                    if self.taken.contains_key(&id) && !self.forgets =>
                {
                    409
                }
                Act::Gone | Act::Some | Act::All => {
                    *self.taken.entry(id).or_default() += 1;
                    201
                }
            };
            items.push(json!({"create": {"status": status}}));
        }
        Some((200, json!({"items": items})))
    }
}

fn records(count: usize) -> Vec<(RecordId, String)> {
    let mut ids = RecordIds::new(3);
    (0..count)
        .map(|n| (ids.next(Timestamp::new(1, 0)), json!({"n": n}).to_string()))
        .collect()
}

fn open(url: &str) -> Elastic {
    Elastic::open(&Config {
        // The first node is not there.
        urls: vec!["http://127.0.0.1:9".into(), url.to_owned()],
        ..Config::default()
    })
    .unwrap()
}

fn check(acts: &[Act], forgets: bool) {
    let (url, index) = server(acts, forgets);
    let elastic = open(&url);
    let records = records(100);
    let all = || records.iter().map(|(id, record)| (*id, record.as_str()));
    let written = elastic.write(all()).unwrap();
    assert_eq!(written.created + written.repeated, 100, "{acts:?}");
    // Another process after a crash gives the same again.
    let again = open(&url).write(all()).unwrap();
    assert_eq!((again.created, again.repeated), (0, 100), "{acts:?}");
    let index = index.lock().unwrap();
    assert_eq!(index.taken.len(), 100, "{acts:?}");
    assert!(index.taken.values().all(|times| *times == 1), "{acts:?}");
}

#[test]
fn every_record_is_there_once_whatever_a_server_does() {
    for forgets in [false, true] {
        check(&[], forgets);
        check(&[Act::Busy], forgets);
        check(&[Act::Gone], forgets);
        check(&[Act::Some, Act::Some], forgets);
        check(&[Act::Busy, Act::Gone, Act::Some], forgets);
    }
}

#[test]
fn a_server_that_stays_away_is_told_and_the_batch_is_the_callers() {
    let (url, index) = server(&[Act::Busy; 100], false);
    let elastic = open(&url);
    let records = records(10);
    let all = || records.iter().map(|(id, record)| (*id, record.as_str()));
    let error = elastic.write(all()).unwrap_err();
    assert!(error.is_passing());
    assert!(
        matches!(error, Error::Status { status: 503, .. }),
        "{error}"
    );
    index.lock().unwrap().acts.clear();
    assert_eq!(elastic.write(all()).unwrap().created, 10);
    let nowhere = open("http://127.0.0.1:9").write(all()).unwrap_err();
    assert!(matches!(nowhere, Error::Unreachable(_)), "{nowhere}");
}
