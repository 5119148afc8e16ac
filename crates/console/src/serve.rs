//! One door: accepts connections up to a limit, answers each with the same router, and ends them.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use crate::crowd::Crowd;
use crate::metrics;
use crate::proxies::Trusted;
use crate::tls::Acceptor;
#[cfg(doc)]
use crate::tls::Peer;

/// What a door lets in.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The door's name in metrics.
    pub api: &'static str,
    /// Connections at once; one more is closed without a word.
    pub connections: usize,
    /// Bytes of a request's body.
    pub body: usize,
    /// Time for the head of a request to arrive, the wait on an idle connection included.
    pub head: Duration,
    /// How long a connection lives; a client that needs it longer opens another.
    pub connection: Duration,
}

/// Connections of one address at an encrypted door: a quarter of the dashboard's, some dozen browsers behind one
/// router.
const OF_ONE: usize = 256;

/// Time for a body to arrive: a megabyte over a slow line.
const BODY_WAIT: Duration = Duration::from_secs(10);

/// Time for a connection to end by itself when its time or ours is over.
const FAREWELL: Duration = Duration::from_secs(5);

/// Pause after the system refused to accept (too many open files): without it the loop would spin.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// Bytes of a request's head, hyper's buffer included: a query of 8 KiB takes three times as much in an
/// address.
pub const HEAD_BYTES: usize = 64 << 10;

/// Accepts connections over TCP until told to stop; a request carries the peer's address.
pub async fn tcp(
    listener: &TcpListener,
    router: Router,
    limits: Limits,
    stop: watch::Receiver<bool>,
) {
    let accept_one = || async {
        let (stream, peer) = listener.accept().await?;
        // Answers are small and waited for.
        let _ = stream.set_nodelay(true);
        Ok((stream, peer))
    };
    accept(accept_one, router, limits, stop).await;
}

/// The same encrypted: a request carries the [`Peer`]. Shaking hands takes one of the places, not the loop. Who is
/// `trusted` to stand for many has no limit of their own.
pub async fn tls(
    listener: &TcpListener,
    acceptor: Acceptor,
    trusted: Trusted,
    router: Router,
    limits: Limits,
    stop: watch::Receiver<bool>,
) {
    let crowd = Crowd::new(OF_ONE);
    let open = move |stream, address: SocketAddr| {
        let (acceptor, crowd, trusted) = (acceptor.clone(), crowd.clone(), trusted.clone());
        async move {
            let ip = address.ip();
            let place = match trusted.contains(ip) {
                true => None,
                false => match crowd.enter(ip) {
                    None => {
                        metrics::refused(limits.api);
                        return None;
                    }
                    place => place,
                },
            };
            let (stream, peer) = acceptor.accept(stream, address).await?;
            Some((stream, peer, place))
        }
    };
    accept_and_open(|| listener.accept(), open, router, limits, stop).await;
}

/// Accepts until told to stop, then waits for what is open.
pub async fn accept<A, F, S, P>(
    accept: A,
    router: Router,
    limits: Limits,
    stop: watch::Receiver<bool>,
) where
    A: FnMut() -> F,
    F: Future<Output = io::Result<(S, P)>>,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    P: Clone + Send + Sync + 'static,
{
    let open = |stream, peer| std::future::ready(Some((stream, peer, ())));
    accept_and_open(accept, open, router, limits, stop).await;
}

/// The same; `open` makes of each connection one that is talked over, or none, and what is held as long as it is.
async fn accept_and_open<A, F, R, Q, O, G, S, P, H>(
    mut accept: A,
    open: O,
    router: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) where
    A: FnMut() -> F,
    F: Future<Output = io::Result<(R, Q)>>,
    R: Send + 'static,
    Q: Send + 'static,
    O: Fn(R, Q) -> G + Clone + Send + 'static,
    G: Future<Output = Option<(S, P, H)>> + Send,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    P: Clone + Send + Sync + 'static,
    H: Send,
{
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            accepted = accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(api = limits.api, %error, "cannot accept a connection");
                sleep(REFUSED_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            metrics::refused(limits.api);
            continue;
        };
        let (router, stop, open) = (router.clone(), stop.clone(), open.clone());
        tokio::spawn(async move {
            metrics::opened(limits.api);
            if let Some((stream, peer, held)) = open(stream, peer).await {
                talk(stream, peer, router, limits, stop).await;
                drop(held);
            }
            metrics::closed(limits.api);
            drop(place);
        });
    }
    // All places free means that nobody is left.
    let everybody = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let _ = timeout(FAREWELL, places.acquire_many(everybody)).await;
}

async fn talk<S, P>(
    mut stream: S,
    peer: P,
    router: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    P: Clone + Send + Sync + 'static,
{
    let answer = tower::service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        let mut request: Request = request.map(|body| Body::new(Arriving(Some(body))));
        request.extensions_mut().insert(peer.clone());
        async move {
            let began = std::time::Instant::now();
            let response = router.oneshot(request).await?;
            metrics::request(limits.api, response.status().as_u16(), began.elapsed());
            Ok::<_, std::convert::Infallible>(hardened(response))
        }
    });
    let ended = {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(&mut stream), TowerToHyperService::new(answer));
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = sleep(limits.connection) => None,
            _ = stop.wait_for(|stop| *stop) => None,
        };
        match ended {
            Some(ended) => ended,
            None => farewell(connection).await,
        }
    };
    // A client that breaks off is its own affair; one whose head was refused has more to send and an answer to read.
    if ended.is_err_and(|error| error.is_parse()) {
        let _ = timeout(LINGER_WAIT, throw_away_rest(&mut stream)).await;
    }
}

/// Answers what is being asked, then ends.
async fn farewell<I, S>(mut connection: Pin<&mut http1::Connection<I, S>>) -> hyper::Result<()>
where
    S: hyper::service::HttpService<Incoming, ResBody = Body>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    connection.as_mut().graceful_shutdown();
    timeout(FAREWELL, connection).await.unwrap_or(Ok(()))
}

/// Reads on up to [`LINGER`] bytes of what was not understood.
async fn throw_away_rest(stream: &mut (impl AsyncRead + Unpin)) {
    let mut buffer = vec![0; 16 << 10];
    let mut read = 0;
    while read < LINGER {
        let mut free = ReadBuf::new(&mut buffer);
        let filled = std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut free));
        match filled.await {
            Ok(()) if !free.filled().is_empty() => read += free.filled().len(),
            _ => return,
        }
    }
}

/// Nothing that we answer is to be kept, or to be shown as something else than it says it is.
fn hardened(mut response: axum::response::Response) -> axum::response::Response {
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        // Files that never change say so themselves.
        headers
            .entry(HeaderName::from_static(name))
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// What is read and thrown away of a head or body that is too large, bytes: a connection that is closed with bytes unread
/// takes the answer with it (RFC 9112, section 9.6).
const LINGER: usize = 8 << 20;

/// How long that may take.
const LINGER_WAIT: Duration = Duration::from_secs(2);

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than the door lets in.
    TooLarge,
    /// It did not arrive, or not in time.
    Missing,
}

/// The whole body, within the limits.
pub async fn body(request: Request, most: usize) -> Result<Bytes, Unread> {
    let limited = Limited::new(request.into_body(), most);
    match timeout(BODY_WAIT, limited.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) | Err(_) => Err(Unread::Missing),
    }
}

/// A body on its way in. What nobody read of it is read on and thrown away beside the answer: a connection that is
/// closed while its client still writes takes the answer with it, and one that is not closed serves the next request.
struct Arriving(Option<Incoming>);

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        // Where the runtime ends, so does the connection.
        if let Some(body) = self.0.take().filter(|body| !body.is_end_stream())
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(timeout(LINGER_WAIT, throw_away(body)));
        }
    }
}

/// Reads up to [`LINGER`] bytes of what nobody wants.
async fn throw_away(mut body: Incoming) {
    let mut read = 0;
    while read < LINGER
        && let Some(Ok(frame)) = body.frame().await
    {
        read += frame.data_ref().map_or(1, Bytes::len);
    }
}
