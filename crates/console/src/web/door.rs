//! The door itself: what every request passes on its way in, every answer on its way out, and what runs
//! beside them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::app::App;
use super::captures::Captures;
use super::countries::Countries;
use super::lent::Lent;
use super::slot::Slot;
use super::{face, files, openapi, samples};
use crate::api::problem::Problem;
use crate::auth::{Auth, Caller, Principal};
use crate::config::Web;
use crate::place::Place;
use crate::proxies::Trusted;
use crate::serve::{self, Limits};
use crate::service::{Shared, lock};
use crate::tls::{Peer, Tls};

/// Browsers open six connections each, streams keep one.
const LIMITS: Limits = Limits {
    api: "web",
    connections: 1024,
    // Each route has its own.
    body: 0,
    head: Duration::from_secs(30),
    connection: Duration::from_secs(3600),
};

/// How long an answer may take to begin.
const ANSWER: Duration = Duration::from_secs(60);

/// The same where a capture arrives.
const UPLOAD: Duration = Duration::from_secs(420);

/// Between two tellings of counters.
const STATS: Duration = Duration::from_secs(2);

/// How often it is looked whether a change of a rule has ended.
const OVERLAYS: Duration = Duration::from_secs(60);

/// How often the keys of other consoles are read.
const KEYS: Duration = Duration::from_secs(30);

/// Between two looks whether the state is open.
const LOOK: Duration = Duration::from_millis(500);

/// Nothing but our own files, none of them inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

/// What every answer says to a browser.
const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=()",
    ),
];

/// The door, bound.
#[derive(Debug)]
pub struct Bound {
    place: Option<Place>,
    config: Web,
    lent: Lent,
}

impl Bound {
    /// Listens where it is to stand.
    pub fn bind(config: &Web, lent: Lent) -> Bound {
        Bound {
            place: config.listen.map(|wanted| Place::bind(wanted, "dashboard")),
            config: config.clone(),
            lent,
        }
    }

    /// The port that was chosen for port 0.
    pub fn address(&self) -> Option<SocketAddr> {
        self.place.as_ref().and_then(Place::address)
    }

    /// Why it does not stand.
    pub fn trouble(&self) -> Option<&str> {
        self.place.as_ref().and_then(Place::trouble)
    }

    /// What answers, ready to run.
    pub fn start(
        self,
        shared: Arc<Shared>,
        stop: watch::Receiver<bool>,
    ) -> std::io::Result<Running> {
        let now = shared.ports.now.clone();
        let folder = self.lent.folder.join("captures");
        let captures = Captures::start(folder, self.lent.clone(), now, stop.clone())?;
        let countries = Countries::open(self.config.countries.as_deref());
        let auth = Slot::empty("logins are not ready yet");
        let app = App::new(shared, self.lent, auth, countries, captures, stop);
        Ok(Running {
            app,
            place: self.place,
            config: self.config,
        })
    }
}

/// The door at work.
#[derive(Debug)]
pub struct Running {
    app: App,
    place: Option<Place>,
    config: Web,
}

impl Running {
    /// What all handlers share.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Answers, and does what is to be done beside it, until told to stop.
    pub async fn run(self) {
        let mut stop = self.app.stop.clone();
        let beside = [
            tokio::spawn(tell(self.app.clone())),
            tokio::spawn(follow_overlays(self.app.clone())),
            tokio::spawn(open_logins(self.app.clone(), self.config.auth.clone())),
        ];
        if let Some(place) = self.place {
            let app = self.app.clone();
            answer(app, place, &self.config, stop.clone()).await;
        }
        let _ = stop.wait_for(|stop| *stop).await;
        self.app.hub.close();
        beside.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Answers over HTTPS until told to stop.
async fn answer(app: App, place: Place, config: &Web, mut stop: watch::Receiver<bool>) {
    let listener = tokio::select! {
        listener = place.listener() => listener,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    let listens = config.listen.map(|address| address.ip());
    let (wanted, folder, now) = (config.tls.clone(), app.lent.folder.clone(), app.now());
    let opened = app
        .wait(move || Tls::open(&wanted, &folder, listens.as_slice(), now))
        .await;
    let tls = match opened {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => {
            tracing::error!("console: no dashboard: {error}");
            return;
        }
        Err(_) => return,
    };
    app.authority.set(Ok(tls.authority().clone()));
    if let Ok(address) = listener.local_addr() {
        let shown = tls.shown();
        tracing::info!(
            certificate = shown.source,
            fingerprint = shown.fingerprint,
            "the dashboard stands at https://{address}"
        );
    }
    let clock = app.shared.ports.now.clone();
    tokio::spawn(tls.clone().keep(move || clock(), stop.clone()));
    // Streams must end before connections are waited for.
    let (hub, mut told) = (app.hub.clone(), stop.clone());
    tokio::spawn(async move {
        let _ = told.wait_for(|stop| *stop).await;
        hub.close();
    });
    let trusted = Trusted::new(&config.trusted_proxies);
    let router = router(&app, trusted.clone());
    serve::tls(&listener, tls.acceptor(), trusted, router, LIMITS, stop).await;
}

/// Everything that stands at the door.
fn router(app: &App, trusted: Trusted) -> Router {
    Router::new()
        .nest(openapi::BASE, api(app))
        .route("/api/openapi.json", get(description))
        .nest("/es", face::router(app))
        .fallback(files::serve)
        .layer(from_fn_with_state(trusted, pass))
}

async fn description() -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, openapi::text()).into_response()
}

/// The API: with who asks beside each request.
pub fn api(app: &App) -> Router {
    let (router, _) = super::routes().split();
    router
        .fallback(|| async {
            Problem::missing("no such place; /api/openapi.json says what there is")
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this place knows other methods",
            )
        })
        .layer(from_fn_with_state(app.clone(), identify))
        .with_state(app.clone())
}

/// Who asks, for the access log.
#[derive(Clone)]
struct Asked(String);

/// Puts the [`Principal`] beside a request of the API.
async fn identify(State(app): State<App>, request: Request, next: Next) -> Response {
    // Routers take the base off; nothing else that has such a part in its path may be mistaken for it.
    let path = request.uri().path();
    let path = path.strip_prefix(openapi::BASE).unwrap_or(path);
    let is_login = path.starts_with("/auth/");
    introduce(app, is_login, request, next).await
}

/// The same where nobody logs in.
pub async fn identify_shipper(State(app): State<App>, request: Request, next: Next) -> Response {
    introduce(app, false, request, next).await
}

async fn introduce(app: App, is_login: bool, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().cloned();
    let address = peer.as_ref().map(|peer| peer.address.ip().to_canonical());
    if let Some(machine) = peer.and_then(|peer| peer.machine) {
        let admitted = match app.auth() {
            Ok(auth) => auth.admit_machine(&machine, app.now()).await,
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = admitted {
            return refusal.into_response();
        }
        request.extensions_mut().insert(machine);
    }
    let caller = Caller::of(address, request.headers());
    match app.auth.get() {
        Ok(auth) => {
            crate::auth::identify::layer(auth, caller, app.now(), is_login, request, next).await
        }
        Err(_) => next.run(request).await,
    }
}

/// How large the head of a request is, about. The server's own limit is looked at between two reads only, so that
/// what arrives at once may be larger.
fn head_bytes(request: &Request) -> usize {
    let fields = request.headers().iter();
    let fields: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    let place = request.uri().path_and_query();
    fields + place.map_or(0, |place| place.as_str().len())
}

/// Who asks, behind proxies that were named: from here on the request comes from there, for throttling and for logs.
fn client(trusted: &Trusted, request: &mut Request) -> Option<IpAddr> {
    let peer = request.extensions().get::<Peer>()?.clone();
    let address = trusted.client(peer.address.ip(), request.headers());
    if address != peer.address.ip() {
        let address = SocketAddr::new(address, 0);
        request.extensions_mut().insert(Peer { address, ..peer });
    }
    Some(address)
}

static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// What every request and answer passes: a name, a time limit, headers, the access log.
async fn pass(State(trusted): State<Trusted>, mut request: Request, next: Next) -> Response {
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    let id = format!("{:x}-{number:x}", std::process::id());
    let begun = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let from = client(&trusted, &mut request);
    let is_local = request
        .headers()
        .get(header::HOST)
        .is_none_or(|host| host.as_bytes().starts_with(b"localhost"));
    let is_upload =
        method == Method::POST && (path.ends_with("/captures") || path.ends_with("/rules/test"));
    let limit = if is_upload { UPLOAD } else { ANSWER };
    let mut response = if head_bytes(&request) > serve::HEAD_BYTES {
        let too_large = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Problem::new(too_large, "the head of the request is too large").into_response()
    } else {
        match timeout(limit, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Problem::unavailable("the answer took too long").into_response(),
        }
    };
    let status = response.status();
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    // At localhost it would hold for every other server of a developer's, too.
    if !is_local {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    if status == StatusCode::UNAUTHORIZED {
        let how = HeaderValue::from_static("Bearer realm=\"ratel\"");
        headers.entry(header::WWW_AUTHENTICATE).or_insert(how);
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        let later = HeaderValue::from_static("5");
        headers.entry(header::RETRY_AFTER).or_insert(later);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    let who = response
        .extensions()
        .get::<Asked>()
        .map(|asked| asked.0.as_str());
    let who = who.unwrap_or("-");
    let ms = begun.elapsed().as_millis();
    let from = from.map_or_else(|| "-".to_owned(), |address| address.to_string());
    let status = status.as_u16();
    // What only reads and goes well is asked again every few seconds by each open page.
    if status >= 400 || !matches!(method, Method::GET | Method::HEAD) {
        tracing::info!(target: "access", id, %method, path, status, ms, who, from, "request");
    } else {
        tracing::debug!(target: "access", id, %method, path, status, ms, who, from, "request");
    }
    response
}

/// Tells those who follow what is counted, and keeps it for charts.
async fn tell(app: App) {
    let mut beat = interval(STATS);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sampled: Option<Instant> = None;
    loop {
        beat.tick().await;
        let is_due = sampled.is_none_or(|at| at.elapsed() >= samples::EVERY);
        if !is_due && !app.hub.is_followed() {
            continue;
        }
        let Ok(mut status) = app.status().await else {
            continue;
        };
        if is_due {
            sampled = Some(Instant::now());
            lock(&app.samples).take(&status.counters, app.now());
        }
        status.bouncers.clear();
        let text = serde_json::to_vec(&status).unwrap_or_default();
        app.hub.tick(&text);
    }
}

/// Reads rules again where people changed something about them, or such a change ended.
async fn follow_overlays(app: App) {
    let mut known = None;
    loop {
        if let Ok(state) = app.state()
            && let Ok(active) = state.overlays().active(app.now()).await
        {
            let changes = super::rules::changes(&active);
            if known.as_ref() != Some(&changes) {
                // What the sensor began with is what stood there at the last stop.
                match app.reload(false).await {
                    Ok(note) => tracing::info!("rules with what people changed: {note}"),
                    Err(problem) => tracing::debug!("{}", problem.detail),
                }
                known = Some(changes);
            }
        }
        let wait = if known.is_none() { LOOK } else { OVERLAYS };
        tokio::select! {
            () = app.overlays_changed.notified() => {}
            () = sleep(wait) => {}
        }
    }
}

/// Opens logins once the state is open; at the first start there is an admin with a password that is
/// told once.
async fn open_logins(app: App, config: crate::auth::Config) {
    loop {
        if let Ok(state) = app.lent.state.get() {
            match Auth::open(&config, state, &app.lent.folder) {
                Ok(auth) => match first(&app, &auth).await {
                    Ok(()) => {
                        app.auth.set(Ok(auth.clone()));
                        return share_keys(&app, &auth).await;
                    }
                    Err(why) => app.auth.set(Err(why)),
                },
                Err(error) => app.auth.set(Err(error.to_string())),
            }
        }
        sleep(LOOK).await;
    }
}

/// Tells other consoles on the same state our key, and learns theirs.
async fn share_keys(app: &App, auth: &Auth) {
    loop {
        if let Err(refusal) = auth.share_keys(app.now()).await {
            tracing::debug!(target: "auth", "keys are not shared: {refusal}");
        }
        sleep(KEYS).await;
    }
}

async fn first(app: &App, auth: &Auth) -> Result<(), String> {
    let made = auth.first_start(app.now()).await;
    let made = made.map_err(|refusal| refusal.to_string())?;
    if let Some(made) = made
        && let Some(password) = made.one_time_password
    {
        let name = made.user.name;
        (app.lent.announce)(&format!(
            "The first admin: {name}, password {password} (told this once, to be changed at the first login)"
        ));
    }
    Ok(())
}

/// The name of who asks travels with the answer.
pub fn signed(mut response: Response, who: &Principal) -> Response {
    response.extensions_mut().insert(Asked(who.name.clone()));
    response
}
