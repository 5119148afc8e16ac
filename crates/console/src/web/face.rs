//! `/es/`: what shippers of logs and Grafana ask of Elasticsearch. What it means is told by `store::face`;
//! here are sockets, rights and limits.

use std::io::Read as _;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use event::RecordId;
use flate2::read::GzDecoder;
use store::face::{self, Ask, PRODUCT_HEADER, Reply, Todo};

use super::app::App;
use super::extract::body;
use crate::api::problem::Problem;
use crate::auth::{Principal, Role};

/// Bytes of a request as it travels: what shippers send at once at most (Filebeat: 50 records, Vector: 10 MB).
const MAX_BODY: usize = 20 << 20;

/// Bytes of a request unpacked: a bomb is larger.
const MAX_UNPACKED: u64 = 64 << 20;

/// What stands below `/es`.
pub fn router(app: &App) -> Router {
    Router::new()
        .fallback(answer)
        .layer(from_fn_with_state(
            app.clone(),
            super::door::identify_shipper,
        ))
        .with_state(app.clone())
}

async fn answer(State(app): State<App>, request: Request) -> Response {
    let is_head = request.method() == axum::http::Method::HEAD;
    let reply = match replied(&app, request).await {
        Ok(reply) => reply,
        Err(reply) => reply,
    };
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let bytes = if is_head { Vec::new() } else { reply.bytes() };
    let (name, value) = PRODUCT_HEADER;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(reply.content_type()),
        ),
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        ),
    ];
    (status, headers, bytes).into_response()
}

/// A refusal of ours in the form that these clients know.
fn of(problem: &Problem) -> Reply {
    Reply::error(problem.status, "ratel", &problem.detail)
}

async fn replied(app: &App, request: Request) -> Result<Reply, Reply> {
    let who = request.extensions().get::<Principal>().cloned();
    let who = who.ok_or_else(|| of(&super::extract::unknown()))?;
    let method = request.method().as_str().to_owned();
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let packed = request
        .headers()
        .get(header::CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("identity")
        .to_ascii_lowercase();
    let bytes = body(request, MAX_BODY)
        .await
        .map_err(|problem| of(&problem))?;
    let now = app.now();
    let todo = app
        .wait(move || {
            let bytes = unpack(&packed, &bytes)?;
            let ask = Ask {
                method: &method,
                path: &path,
                query: &query,
                body: &bytes,
            };
            Ok(face::understand(&ask, now))
        })
        .await
        .map_err(|problem| of(&problem))??;
    let may = match &todo {
        // What this is, to whoever may do anything.
        Todo::Reply(_) => true,
        todo if todo.is_write() => who.role.may_ingest(),
        _ => who.role >= Role::Viewer,
    };
    if !may {
        let (name, role) = (&who.name, who.role);
        tracing::warn!(
            who = name,
            role = role.name(),
            "refused at /es: not the role for it"
        );
        let why = format!("{name} has the role {role}: it does not take this");
        return Err(Reply::error(403, "security_exception", &why));
    }
    carry_out(app, todo).await
}

async fn carry_out(app: &App, todo: Todo) -> Result<Reply, Reply> {
    let failed = |problem: Problem| of(&problem);
    match todo {
        Todo::Reply(reply) => Ok(reply),
        Todo::Write(write) => {
            let publish = app.lent.publish_events.clone();
            let written = app.wait(move || {
                let records: Vec<&[u8]> = write
                    .events()
                    .map(|event| event.record.as_bytes())
                    .collect();
                let published: Vec<Result<RecordId, String>> = publish(&records);
                write.reply(&published)
            });
            written.await.map_err(failed)
        }
        Todo::Search(search) => {
            let begun = std::time::Instant::now();
            let mut answers = Vec::new();
            for request in search.requests() {
                let answer = app.find(request.clone()).await;
                answers.push(match answer {
                    Ok((answer, _)) => Ok(answer),
                    Err(problem) => Err((problem.status < 500, problem.detail)),
                });
            }
            let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            Ok(search.reply(answers, took))
        }
        Todo::Count(query) => {
            let count = app.count(query).await.map_err(failed)?;
            Ok(face::count_reply(count))
        }
        Todo::Get(id) => {
            let hit = app.event(id).await.map_err(failed)?;
            Ok(face::get_reply(id, hit.as_ref()))
        }
    }
}

/// The body as it was before it was packed.
fn unpack(encoding: &str, bytes: &[u8]) -> Result<Vec<u8>, Reply> {
    let wrong = |status, why: &str| Reply::error(status, "parse_exception", why);
    match encoding {
        "" | "identity" => Ok(bytes.to_vec()),
        "gzip" | "x-gzip" => {
            let mut out = Vec::new();
            let mut unpacking = GzDecoder::new(bytes).take(MAX_UNPACKED + 1);
            unpacking
                .read_to_end(&mut out)
                .map_err(|_| wrong(400, "the body is no gzip"))?;
            if out.len() as u64 > MAX_UNPACKED {
                return Err(wrong(413, "the body is too large"));
            }
            Ok(out)
        }
        _ => Err(wrong(415, "the body comes plain or as gzip")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    #[test]
    fn a_packed_body_is_unpacked_up_to_a_limit() {
        let pack = |bytes: &[u8]| {
            let mut out = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        };
        assert_eq!(unpack("gzip", &pack(b"{}")).unwrap(), b"{}");
        assert_eq!(unpack("identity", b"{}").unwrap(), b"{}");
        let bomb = pack(&vec![0; MAX_UNPACKED as usize + 1]);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(unpack("gzip", &bomb).unwrap_err().status, 413);
        assert_eq!(unpack("gzip", b"x").unwrap_err().status, 400);
        assert_eq!(unpack("br", b"x").unwrap_err().status, 415);
    }
}
