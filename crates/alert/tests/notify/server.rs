//! A small HTTP server that a test tells how to answer, and that remembers what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What was asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .find(same)
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What the server does.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status, headers, a body.
    Is(u16, Vec<(&'static str, String)>, String),
    /// The connection ends without an answer.
    Close,
    /// No answer for so long.
    Hang(Duration),
}

impl Reply {
    pub fn status(status: u16) -> Reply {
        Reply::Is(status, Vec::new(), String::new())
    }

    pub fn json(value: &serde_json::Value) -> Reply {
        Reply::Is(
            200,
            vec![("content-type", "application/json".into())],
            value.to_string(),
        )
    }
}

/// A server on a port of loopback; it ends with the test.
pub struct Server {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers by `answer`, which is given the number of the request, from 0.
    pub fn start(answer: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (of_thread, answer) = (Arc::clone(&asked), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (asked, answer) = (Arc::clone(&of_thread), Arc::clone(&answer));
                thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    let reply = {
                        let mut asked = asked.lock().unwrap();
                        asked.push(request.clone());
                        answer(asked.len() - 1, &request)
                    };
                    write(&stream, reply);
                });
            }
        });
        Server { address, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let path = words.nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Request {
        path,
        headers,
        body: Vec::new(),
    };
    let length = request
        .header("content-length")
        .and_then(|n| n.parse().ok());
    if request.header("transfer-encoding").is_some() {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let length = u64::from_str_radix(line.trim(), 16).ok()?;
            let mut chunk = vec![0; usize::try_from(length).ok()? + 2];
            reader.read_exact(&mut chunk).ok()?;
            chunk.truncate(chunk.len() - 2);
            request.body.extend(chunk);
            if length == 0 {
                break;
            }
        }
    } else {
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        request.body = body;
    }
    Some(request)
}

fn write(mut stream: &TcpStream, reply: Reply) {
    match reply {
        Reply::Close => {}
        Reply::Hang(time) => thread::sleep(time),
        Reply::Is(status, headers, body) => {
            let mut head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n",
                body.len()
            );
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
        }
    }
}
