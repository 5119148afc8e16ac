//! The face with real clients: the Python clients of Elasticsearch and OpenSearch and rsyslog's output module talk to
//! a small server on loopback, before an embedded store.
//!
//! RATEL_TEST_PYTHON names a Python that has `elasticsearch` and `opensearchpy`; RATEL_TEST_RSYSLOGD names an
//! `rsyslogd`, and RATEL_TEST_RSYSLOG_MODULES the folder of its modules. What is not named is skipped.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use event::{RecordIds, Timestamp};
use store::face::{self, Ask, Reply, Todo};
use store::index::Writer;
use store::{Config, Store};

/// The time of the test: no clock is read.
const NOW: Timestamp = Timestamp::new(1_767_323_045, 0);

/// A face on a port of loopback.
struct Server {
    port: u16,
    store: Store,
    sink: Arc<Mutex<Sink>>,
    _dir: tempfile::TempDir,
}

struct Sink {
    writer: Writer,
    ids: RecordIds,
}

fn server() -> Server {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        dir: dir.path().to_owned(),
        ..Config::default()
    };
    let store = Store::open(&config).unwrap();
    let sink = Arc::new(Mutex::new(Sink {
        writer: store.writer(NOW).unwrap(),
        ids: RecordIds::new(1),
    }));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (theirs, shared) = (store.clone(), Arc::clone(&sink));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (store, sink) = (theirs.clone(), Arc::clone(&shared));
            std::thread::spawn(move || {
                let _ = serve(stream, &store, &sink);
            });
        }
    });
    Server {
        port,
        store,
        sink,
        _dir: dir,
    }
}

/// Requests of one connection, one after the other.
fn serve(stream: TcpStream, store: &Store, sink: &Mutex<Sink>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut out = stream.try_clone()?;
    let mut stream = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if stream.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut words = first.split_whitespace();
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or("/"));
        let mut length = 0;
        loop {
            let mut header = String::new();
            stream.read_line(&mut header)?;
            let header = header.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if header.starts_with("expect:") {
                out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let ask = Ask {
            method,
            path,
            query,
            body: &body,
        };
        let reply = answer(face::understand(&ask, NOW), store, sink);
        let bytes = if method == "HEAD" {
            Vec::new()
        } else {
            reply.bytes()
        };
        let (name, product) = face::PRODUCT_HEADER;
        write!(
            out,
            "HTTP/1.1 {} x\r\ncontent-type: {}\r\n{name}: {product}\r\ncontent-length: {}\r\n\r\n",
            reply.status,
            reply.content_type(),
            bytes.len()
        )?;
        out.write_all(&bytes)?;
    }
}

fn answer(todo: Todo, store: &Store, sink: &Mutex<Sink>) -> Reply {
    match todo {
        Todo::Reply(reply) => reply,
        Todo::Write(write) => {
            let mut sink = sink.lock().unwrap();
            let published: Vec<_> = write
                .events()
                .map(|event| {
                    let id = sink.ids.next(NOW);
                    sink.writer.push(id, NOW, event.record.as_bytes()).unwrap();
                    Ok(id)
                })
                .collect();
            sink.writer.commit(NOW).unwrap();
            write.reply(&published)
        }
        Todo::Search(search) => {
            let answers = search
                .requests()
                .map(|request| {
                    store
                        .search(request)
                        .map_err(|error| (error.is_asked_wrong(), error.to_string()))
                })
                .collect();
            search.reply(answers, 1)
        }
        Todo::Count(query) => face::count_reply(store.count(&query, None, None).unwrap()),
        Todo::Get(id) => face::get_reply(id, store.get(id).unwrap().as_ref()),
    }
}

#[test]
fn python_clients_write_and_ask() {
    let Ok(python) = std::env::var("RATEL_TEST_PYTHON") else {
        eprintln!("skipped: RATEL_TEST_PYTHON names no Python");
        return;
    };
    let server = server();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/face_clients.py");
    let output = Command::new(python)
        .arg(script)
        .arg(format!("http://127.0.0.1:{}", server.port))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_panel_of_grafana_is_drawn_from_the_embedded_store() {
    let server = server();
    let asked = |path: &str, body: &str| {
        let ask = Ask {
            method: "POST",
            path,
            query: "max_concurrent_shard_requests=5",
            body: body.as_bytes(),
        };
        let reply = answer(face::understand(&ask, NOW), &server.store, &server.sink);
        serde_json::from_slice::<serde_json::Value>(&reply.bytes()).unwrap()
    };
    let lines: String = (0..30)
        .map(|n| {
            format!(
                "{{\"create\":{{}}}}\n{{\"timestamp\":\"2026-01-02T03:{n:02}:00.000000+0000\",\"event_type\":\"alert\",\"proto\":\"{}\",\"alert\":{{\"severity\":{}}}}}\n",
                ["TCP", "UDP"][n % 2],
                n % 3
            )
        })
        .collect();
    assert_eq!(asked("/_bulk", &lines)["errors"], false);
    let panel = concat!(
        r#"{"ignore_unavailable":true,"index":"ratel-events"}"#,
        "\n",
        r#"{"size":0,"query":{"bool":{"filter":[{"range":{"@timestamp":{"gte":1767323000000,"lte":1767326399000,"format":"epoch_millis"}}},{"query_string":{"analyze_wildcard":true,"query":"event_type:alert"}}]}},"aggs":{"3":{"terms":{"field":"proto","size":"10","order":{"_term":"desc"},"min_doc_count":1},"aggs":{"2":{"date_histogram":{"field":"@timestamp","interval":"10m","min_doc_count":0,"extended_bounds":{"min":1767323000000,"max":1767326399000},"format":"epoch_millis"},"aggs":{"1":{"avg":{"field":"alert.severity"}}}}}}}}"#,
        "\n",
    );
    let told = asked("/_msearch", panel);
    let response = &told["responses"][0];
    assert_eq!(response["status"], 200, "{told}");
    let protocols = response["aggregations"]["3"]["buckets"].as_array().unwrap();
    let names: Vec<_> = protocols
        .iter()
        .map(|bucket| bucket["key"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["UDP", "TCP"], "{told}");
    let counts: Vec<_> = protocols[0]["2"]["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| bucket["doc_count"].as_u64().unwrap())
        .collect();
    assert_eq!(
        counts.iter().sum::<u64>(),
        13,
        "from 03:03:20 on: {counts:?}"
    );
}

#[test]
fn rsyslog_sends_what_it_hears() {
    let (Ok(rsyslogd), Ok(modules)) = (
        std::env::var("RATEL_TEST_RSYSLOGD"),
        std::env::var("RATEL_TEST_RSYSLOG_MODULES"),
    ) else {
        eprintln!("skipped: RATEL_TEST_RSYSLOGD and RATEL_TEST_RSYSLOG_MODULES name no rsyslogd");
        return;
    };
    let server = server();
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("input.log");
    let lines: String = (0..50)
        .map(|n| format!("line {n} failed password\n"))
        .collect();
    std::fs::write(&input, lines).unwrap();
    let configuration = format!(
        r#"
global(workDirectory="{dir}")
module(load="imfile" mode="polling" pollingInterval="1")
module(load="omelasticsearch")
input(type="imfile" file="{input}" tag="test" readMode="0")
template(name="line" type="list" option.json="on") {{
    constant(value="{{\"@timestamp\":\"") property(name="timereported" dateFormat="rfc3339")
    constant(value="\",\"message\":\"") property(name="msg")
    constant(value="\",\"host\":{{\"name\":\"") property(name="hostname") constant(value="\"}}}}")
}}
action(type="omelasticsearch" server="127.0.0.1" serverport="{port}" template="line" searchIndex="syslog-1"
    searchType="" bulkmode="on" errorFile="{dir}/errors.log")
"#,
        dir = dir.path().display(),
        input = input.display(),
        port = server.port,
    );
    let conf = dir.path().join("rsyslog.conf");
    std::fs::write(&conf, configuration).unwrap();
    let mut child = Command::new(rsyslogd)
        .args(["-n", "-C", "-f"])
        .arg(&conf)
        .arg("-i")
        .arg(dir.path().join("pid"))
        .arg("-M")
        .arg(modules)
        .spawn()
        .unwrap();
    let query =
        store::query::Query::parse("message:\"failed password\" ratel.index:syslog-1").unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut found = 0;
    while found < 50 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(100));
        found = server.store.count(&query, None, None).unwrap();
    }
    let _ = child.kill();
    let _ = child.wait();
    let errors = std::fs::read_to_string(dir.path().join("errors.log")).unwrap_or_default();
    assert_eq!(found, 50, "{errors}");
}
