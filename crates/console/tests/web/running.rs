//! A console with its door on a port of its own, and a client that says exactly what it is told to.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use console::web::{CaptureRead, Lent, Slot};
use console::{Config, Console, Ports};
use event::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::{Value, json};
use tokio::sync::watch;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The clock at the start, seconds.
const START: i64 = 1_700_000_000;

/// What people choose here.
pub const PASSWORD: &str = "correct horse battery staple 9";

pub struct Running {
    pub address: SocketAddr,
    /// The clock, seconds.
    pub clock: Arc<AtomicI64>,
    pub orders: Arc<Mutex<Vec<event::order::Order>>>,
    pub published: Arc<Mutex<Vec<String>>>,
    /// The one-time password of the first admin.
    first: String,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    folder: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The cookie that this sets, as a browser sends it back.
    pub fn cookie(&self) -> String {
        let set = self.header("set-cookie").unwrap();
        set.split(';').next().unwrap().to_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// A header, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

pub fn start() -> Running {
    start_as(START, |_| (), |_| ())
}

/// The same with other things lent.
pub fn start_with(lend: impl FnOnce(&mut Lent)) -> Running {
    start_as(START, |_| (), lend)
}

/// With other settings.
pub fn start_set(set: impl FnOnce(&mut Config)) -> Running {
    start_as(START, set, |_| ())
}

/// At this time.
pub fn start_at(secs: i64) -> Running {
    start_as(secs, |_| (), |_| ())
}

fn start_as(secs: i64, set: impl FnOnce(&mut Config), lend: impl FnOnce(&mut Lent)) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config {
        socket: folder.path().join("ratel.sock"),
        monitor: None,
        ..Config::default()
    };
    config.web.listen = Some("127.0.0.1:0".parse().unwrap());
    set(&mut config);
    let clock = Arc::new(AtomicI64::new(secs));
    let time = clock.clone();
    let orders: Arc<Mutex<Vec<event::order::Order>>> = Arc::default();
    let published: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = orders.clone();
    let ports = Ports {
        publish: Arc::new(move |order| {
            kept.lock().unwrap().push(order.clone());
            Ok(())
        }),
        carry_out: Arc::new(|_| None),
        roles: Arc::new(Vec::new),
        counters: Arc::new(|| BTreeMap::from([("inspected".into(), 7)])),
        metrics: Arc::new(String::new),
        now: Arc::new(move || Timestamp::new(time.load(Ordering::SeqCst), 0)),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let state = state::Config::sqlite(&folder.path().join("state.db"));
    let state = runtime.block_on(state::State::open(&state)).unwrap();
    let store = store::Config {
        dir: folder.path().join("store"),
        ..store::Config::default()
    };
    let store = store::Store::open(&store).unwrap();
    let mut lent = Lent::nothing();
    lent.folder = folder.path().join("console");
    lent.state = Slot::empty("");
    lent.state.set(Ok(state));
    lent.store = Slot::empty("");
    lent.store.set(Ok(store));
    let announced: Arc<Mutex<String>> = Arc::default();
    let told = announced.clone();
    lent.announce = Arc::new(move |text| told.lock().unwrap().push_str(text));
    lent.read_capture = Some(Arc::new(|job| {
        (job.take)(br#"{"event_type":"alert","alert":{"signature_id":1}}"#);
        CaptureRead {
            packets: 1,
            events: 1,
            alerts: 1,
            wrong_checksums: u64::from(job.is_checked),
            error: None,
        }
    }));
    let to = published.clone();
    lent.publish_events = Arc::new(move |records| {
        let texts = records
            .iter()
            .map(|record| String::from_utf8_lossy(record).into_owned());
        to.lock().unwrap().extend(texts);
        records
            .iter()
            .map(|_| Ok(event::RecordId::from_bytes([7; 16])))
            .collect()
    });
    lend(&mut lent);
    let console = Console::bind_with(&config, ports, Some(lent)).unwrap();
    let address = console.web_address().unwrap();
    let (stop, stopped) = watch::channel(false);
    let thread = std::thread::spawn(move || {
        let _state = runtime;
        console.run_blocking(stopped).unwrap();
    });
    let first = wait_for(|| {
        let told = announced.lock().unwrap();
        let (_, rest) = told.split_once("password ")?;
        rest.split_whitespace().next().map(str::to_owned)
    });
    Running {
        address,
        clock,
        orders,
        published,
        first,
        stop,
        thread: Some(thread),
        folder,
    }
}

/// Waits until there is something.
pub fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "it did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Takes any certificate: what is tested here is what comes behind.
#[derive(Debug)]
struct Any(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

pub type Tls = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

impl Running {
    /// Where the console keeps what is its own.
    pub fn own_folder(&self) -> std::path::PathBuf {
        self.folder.path().join("console")
    }

    /// A connection, nothing said yet.
    pub fn connect(&self) -> Tls {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Any(provider)))
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        rustls::StreamOwned::new(client, stream)
    }

    /// What is answered to these bytes, on a connection of its own.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        // A server that refuses early may close before all is written.
        let _ = stream.write_all(bytes);
        let _ = stream.flush();
        read(&mut stream)
    }

    /// What is answered to a request with these headers.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: ratel.test\r\nConnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        self.raw(request.as_bytes())
    }

    pub fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(
            "GET",
            path,
            &[("Authorization", &format!("Bearer {token}"))],
            "",
        )
    }

    pub fn send(&self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        self.ask(method, path, &headers, &body.to_string())
    }

    pub fn login(&self, name: &str, password: &str) -> Answer {
        let body = json!({"username": name, "password": password}).to_string();
        self.ask(
            "POST",
            "/api/v1/auth/login",
            &[("Content-Type", "application/json")],
            &body,
        )
    }

    /// An access token of somebody who may log in with this password.
    pub fn token(&self, name: &str, password: &str) -> String {
        let answer = self.login(name, password);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// The admin, who has chosen a password.
    pub fn admin(&self) -> String {
        let token = self.token("admin", &self.first);
        let body = json!({"old": self.first, "new": PASSWORD});
        let answer = self.send("POST", "/api/v1/auth/password", &token, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// A user of this role who has chosen a password; their access token.
    pub fn person(&self, admin: &str, name: &str, role: &str) -> String {
        let body = json!({"name": name, "role": role});
        let made = self.send("POST", "/api/v1/users", admin, &body);
        assert_eq!(made.status, 201, "{made:?}");
        let first = made.json()["one_time_password"]
            .as_str()
            .unwrap()
            .to_owned();
        let token = self.token(name, &first);
        let body = json!({"old": first, "new": PASSWORD});
        let answer = self.send("POST", "/api/v1/auth/password", &token, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// A token of a program with this role, made by the admin.
    pub fn program(&self, admin: &str, role: &str) -> String {
        let body = json!({"name": format!("a {role}"), "role": role});
        let answer = self.send("POST", "/api/v1/tokens", admin, &body);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["secret"].as_str().unwrap().to_owned()
    }

    /// The one-time password of the first admin.
    pub fn one_time_password(&self) -> &str {
        &self.first
    }
}

/// Reads an answer to the end of its body.
pub fn read(stream: &mut Tls) -> Answer {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(answer) = whole(&bytes) {
            return answer;
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
    whole(&bytes).unwrap_or_else(|| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        Answer {
            status: status(head),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    })
}

fn status(head: &str) -> u16 {
    let code = head.split_whitespace().nth(1);
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// The answer, once as much of its body is there as its head says.
fn whole(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let answer = Answer {
        status: status(head),
        head: head.to_owned(),
        body: body.to_owned(),
    };
    let length: usize = answer.header("content-length")?.parse().ok()?;
    (body.len() >= length).then_some(answer)
}
