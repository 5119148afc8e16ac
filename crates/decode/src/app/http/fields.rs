//! The fields of an exchange as rules look into them.

use super::header_list::Headers;
use super::transaction::{HttpTx, Message, Method, Progress};
use crate::app::Field;
use event::Direction::{self, ToClient, ToServer};
use event::{Buffer, Number};
use std::borrow::Cow;

/// The field `buffer`, see `Transaction::field`.
pub(super) fn field(tx: &HttpTx, buffer: Buffer, way: Direction, index: usize) -> Field<'_> {
    let message = tx.message(way);
    if index > 0 && !repeats(buffer) {
        return Field::Absent;
    }
    match buffer {
        Buffer::HttpMethod => line_part(message, way, ToServer, 0),
        Buffer::HttpUri if tx.is_request_unseen => Field::Absent,
        Buffer::HttpUri => match known(message, Progress::Line, way, ToServer) {
            Some(pending) => pending,
            None => or_absent(tx.uri.text.as_deref()),
        },
        Buffer::HttpUriRaw => match known(message, Progress::Line, way, ToServer) {
            Some(pending) => pending,
            None => or_absent(tx.target()),
        },
        Buffer::HttpRequestLine => first_line(message, way, ToServer),
        Buffer::HttpResponseLine => first_line(message, way, ToClient),
        Buffer::HttpProtocol => match way {
            ToServer => line_part(message, way, ToServer, 2),
            ToClient => line_part(message, way, ToClient, 0),
        },
        Buffer::HttpStatCode => line_part(message, way, ToClient, 1),
        Buffer::HttpStatMsg => line_part(message, way, ToClient, 2),
        Buffer::HttpHost => match known(message, Progress::Headers, way, ToServer) {
            Some(pending) => pending,
            None => or_absent(tx.host.as_deref()),
        },
        Buffer::HttpHostRaw => match known(message, Progress::Headers, way, ToServer) {
            Some(pending) => pending,
            None => {
                let host = tx.uri.host.as_deref();
                or_absent(host.or_else(|| message.headers.get(b"host")))
            }
        },
        Buffer::HttpHeader
        | Buffer::HttpHeaderRaw
        | Buffer::HttpHeaderNames
        | Buffer::HttpStart
        | Buffer::HttpRequestHeader
        | Buffer::HttpResponseHeader => header_field(message, buffer, way, index),
        Buffer::HttpRequestBody if way == ToServer => message
            .body
            .field(&tx.settings.server.request, message.is_complete()),
        Buffer::HttpResponseBody if way == ToClient => response_body(tx),
        Buffer::FileData if way == ToClient => response_body(tx),
        Buffer::FileData | Buffer::FileName | Buffer::FileMagic => {
            message.files.field(buffer, index, message.is_complete())
        }
        _ => match one_header(buffer, way) {
            Some(name) => match known(message, Progress::Headers, way, way) {
                Some(pending) => pending,
                None => or_absent(message.headers.get(name)),
            },
            None => Field::Absent,
        },
    }
}

/// The number `number`, see `Transaction::number`.
pub(super) fn number(tx: &HttpTx, number: Number, way: Direction, index: usize) -> Option<u64> {
    match number {
        Number::HttpStatCode if way == ToClient && index == 0 => tx.status.map(u64::from),
        Number::HttpUriLen if way == ToServer && index == 0 => {
            tx.uri.text.as_ref().map(|text| text.len() as u64)
        }
        _ => None,
    }
}

const fn repeats(buffer: Buffer) -> bool {
    matches!(
        buffer,
        Buffer::HttpRequestHeader
            | Buffer::HttpResponseHeader
            | Buffer::FileData
            | Buffer::FileName
            | Buffer::FileMagic
    )
}

/// The header that has a buffer of its own.
const fn one_header(buffer: Buffer, way: Direction) -> Option<&'static [u8]> {
    let both: &[u8] = match buffer {
        Buffer::HttpConnection => b"connection",
        Buffer::HttpContentType => b"content-type",
        Buffer::HttpContentLen => b"content-length",
        Buffer::HttpCookie => match way {
            ToServer => b"cookie",
            ToClient => b"set-cookie",
        },
        _ => return one_way_header(buffer, way),
    };
    Some(both)
}

const fn one_way_header(buffer: Buffer, way: Direction) -> Option<&'static [u8]> {
    let (name, its_way): (&[u8], Direction) = match buffer {
        Buffer::HttpUserAgent => (b"user-agent", ToServer),
        Buffer::HttpAccept => (b"accept", ToServer),
        Buffer::HttpAcceptEnc => (b"accept-encoding", ToServer),
        Buffer::HttpAcceptLang => (b"accept-language", ToServer),
        Buffer::HttpReferer => (b"referer", ToServer),
        Buffer::HttpServer => (b"server", ToClient),
        Buffer::HttpLocation => (b"location", ToClient),
        _ => return None,
    };
    match (its_way, way) {
        (ToServer, ToServer) | (ToClient, ToClient) => Some(name),
        _ => None,
    }
}

/// None once the message is past `stage`; else what to say until then.
fn known(
    message: &Message,
    stage: Progress,
    way: Direction,
    its_way: Direction,
) -> Option<Field<'static>> {
    if way != its_way {
        return Some(Field::Absent);
    }
    let is_past = match stage {
        Progress::Line => message.line.is_some(),
        _ => message.progress > stage,
    };
    match (is_past, message.is_complete()) {
        (true, _) | (false, true) => None,
        (false, false) => Some(Field::Pending),
    }
}

fn or_absent(text: Option<&[u8]>) -> Field<'_> {
    text.map_or(Field::Absent, |text| Field::Whole(Cow::Borrowed(text)))
}

fn first_line(message: &Message, way: Direction, its_way: Direction) -> Field<'_> {
    match known(message, Progress::Line, way, its_way) {
        Some(pending) => pending,
        None => or_absent(message.line_text()),
    }
}

fn line_part(message: &Message, way: Direction, its_way: Direction, part: usize) -> Field<'_> {
    match known(message, Progress::Line, way, its_way) {
        Some(pending) => pending,
        None => or_absent(message.part(part)),
    }
}

fn response_body(tx: &HttpTx) -> Field<'_> {
    if tx.method == Method::Head && tx.response.is_complete() {
        return Field::Absent;
    }
    tx.response
        .body
        .field(&tx.settings.server.response, tx.response.is_complete())
}

fn header_field(message: &Message, buffer: Buffer, way: Direction, index: usize) -> Field<'_> {
    if let Some(pending) = known(message, Progress::Headers, way, way) {
        return pending;
    }
    let headers = &message.headers;
    match buffer {
        Buffer::HttpHeaderRaw if message.raw_headers.is_empty() => Field::Absent,
        Buffer::HttpHeaderRaw => Field::Whole(Cow::Borrowed(&message.raw_headers)),
        Buffer::HttpRequestHeader if way == ToServer => one_line(headers, index),
        Buffer::HttpResponseHeader if way == ToClient => one_line(headers, index),
        Buffer::HttpHeader => {
            let text = message
                .header_text
                .get_or_init(|| header_text(headers, way));
            if text.is_empty() {
                Field::Absent
            } else {
                Field::Whole(Cow::Borrowed(text))
            }
        }
        Buffer::HttpHeaderNames if headers.len() > 0 => Field::Whole(header_names(headers).into()),
        Buffer::HttpStart => match message.line_text() {
            Some(line) => Field::Whole(start(line, headers).into()),
            None => Field::Absent,
        },
        _ => Field::Absent,
    }
}

fn one_line(headers: &Headers, index: usize) -> Field<'_> {
    match headers.at(index) {
        Some((name, value)) => Field::Whole([name, b": ", value].concat().into()),
        None => Field::Absent,
    }
}

fn push_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// All fields but cookies, which have a buffer of their own.
fn header_text(headers: &Headers, way: Direction) -> Vec<u8> {
    let cookie: &[u8] = match way {
        ToServer => b"cookie",
        ToClient => b"set-cookie",
    };
    let mut out = Vec::with_capacity(headers.text_len() + 4 * headers.len());
    for (name, value) in headers
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case(cookie))
    {
        push_field(&mut out, name, value);
    }
    out
}

fn header_names(headers: &Headers) -> Vec<u8> {
    let mut out = Vec::with_capacity(headers.text_len());
    out.extend_from_slice(b"\r\n");
    for (name, _) in headers.iter() {
        out.extend_from_slice(name);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// The first line and all fields; the empty line only behind fields.
fn start(line: &[u8], headers: &Headers) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len() + headers.text_len() + 4 * headers.len() + 4);
    out.extend_from_slice(line);
    out.extend_from_slice(b"\r\n");
    for (name, value) in headers.iter() {
        push_field(&mut out, name, value);
    }
    if headers.len() > 0 {
        out.extend_from_slice(b"\r\n");
    }
    out
}
