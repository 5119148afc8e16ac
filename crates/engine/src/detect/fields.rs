//! Walks over the instances of a transaction's buffer: queries, certificates, files, a body.

use decode::app::{Field, Transaction};
use decode::file::{File, FileState};
use event::{AppProtocol, Buffer, Direction};

/// Instances of a repeated field that are looked at; parsers hold fewer.
const INSTANCES_MAX: usize = 1024;

/// Bytes of one instance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a> {
    pub(super) data: &'a [u8],
    /// Where they begin within the body.
    pub(super) offset: u64,
    /// Whether no more will come.
    pub(super) is_end: bool,
    /// Whether they arrive in parts.
    pub(super) is_body: bool,
}

impl<'a> Bytes<'a> {
    fn whole(data: &'a [u8]) -> Self {
        Bytes {
            data,
            offset: 0,
            is_end: true,
            is_body: false,
        }
    }
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// The visitor had enough.
    Stopped,
    /// More may come.
    Pending,
    /// That was all; `any` tells whether there was an instance.
    Ended { any: bool },
}

/// How a body that arrives in parts is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyWindow {
    /// Bytes that are waited for before the first look.
    pub min: u32,
    /// Bytes that are looked at again together with those that follow.
    pub again: u32,
}

/// How bodies are looked at, by direction (Suricata's `request-body-minimal-inspect-size`,
/// `request-body-inspect-window` and their like).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyWindows {
    /// Bodies of HTTP.
    pub http: [BodyWindow; 2],
    /// Parts of mails.
    pub smtp: BodyWindow,
}

impl Default for BodyWindows {
    fn default() -> Self {
        let usual = BodyWindow {
            min: 32 << 10,
            again: 4 << 10,
        };
        BodyWindows {
            http: [usual; 2],
            smtp: usual,
        }
    }
}

impl BodyWindows {
    /// What holds for a protocol: only bodies of HTTP and mail are waited for.
    pub(crate) fn of(self, protocol: AppProtocol) -> [BodyWindow; 2] {
        match protocol {
            AppProtocol::Http1 | AppProtocol::Http2 => self.http,
            AppProtocol::Smtp => [self.smtp; 2],
            // Not waited for, so that what belongs together may come in several looks.
            _ => {
                [BodyWindow {
                    min: 0,
                    again: 32 << 10,
                }; 2]
            }
        }
    }
}

impl BodyWindow {
    /// What of `file` was shown to rules need not be shown again, but for the window.
    pub(crate) fn pass(self, file: &mut File) {
        let is_waiting = file.is_open() && file.size < u64::from(self.min);
        if !is_waiting {
            file.trim_to(file.size.saturating_sub(self.again.into()));
        }
    }
}

/// Calls `visit` with each instance of `buffer` that is there until it returns true. Files before
/// `first_file` are left out.
pub(super) fn walk(
    tx: &dyn Transaction,
    buffer: Buffer,
    direction: Direction,
    (first_file, windows): (usize, [BodyWindow; 2]),
    mut visit: impl FnMut(Bytes<'_>) -> bool,
) -> Walk {
    if is_of_file(buffer)
        && let Some(files) = tx.files(direction).filter(|files| !files.files.is_empty())
    {
        let mut is_pending = !tx.is_complete(direction);
        for file in files.files.iter().skip(first_file) {
            match file_bytes(file, buffer) {
                Some(bytes) => {
                    is_pending |= !bytes.is_end;
                    if is_waiting(&bytes, direction, windows) {
                        continue;
                    }
                    if visit(bytes) {
                        return Walk::Stopped;
                    }
                }
                None => is_pending |= file.state == FileState::Open,
            }
        }
        return if is_pending {
            Walk::Pending
        } else {
            Walk::Ended { any: true }
        };
    }
    let mut any = false;
    for index in 0..INSTANCES_MAX {
        match tx.field(buffer, direction, index) {
            Field::Pending => return Walk::Pending,
            Field::Absent => return Walk::Ended { any },
            Field::Whole(data) => {
                any = true;
                if visit(Bytes::whole(&data)) {
                    return Walk::Stopped;
                }
            }
            Field::Body {
                data,
                offset,
                is_complete,
            } => {
                let bytes = Bytes {
                    data,
                    offset,
                    is_end: is_complete,
                    is_body: true,
                };
                if is_waiting(&bytes, direction, windows) {
                    return Walk::Pending;
                }
                if visit(bytes) {
                    return Walk::Stopped;
                }
                return if is_complete {
                    Walk::Ended { any: true }
                } else {
                    Walk::Pending
                };
            }
        }
        if !is_repeated(buffer) {
            break;
        }
    }
    Walk::Ended { any }
}

/// Whether a body is still too short to be worth looking at.
fn is_waiting(bytes: &Bytes<'_>, direction: Direction, windows: [BodyWindow; 2]) -> bool {
    let min = windows[usize::from(direction)].min as usize;
    bytes.is_body && !bytes.is_end && bytes.offset == 0 && bytes.data.len() < min
}

fn file_bytes(file: &File, buffer: Buffer) -> Option<Bytes<'_>> {
    match buffer {
        Buffer::FileName => Some(Bytes::whole(&file.name)),
        Buffer::FileMagic => Some(Bytes::whole(file.magic.as_ref()?.as_bytes())),
        _ => {
            let (data, offset) = file.to_inspect();
            Some(Bytes {
                data,
                offset,
                is_end: file.state != FileState::Open,
                is_body: true,
            })
        }
    }
}

pub(super) fn is_of_file(buffer: Buffer) -> bool {
    matches!(
        buffer,
        Buffer::FileData | Buffer::FileName | Buffer::FileMagic
    )
}

/// Whether a buffer has several instances in one transaction.
fn is_repeated(buffer: Buffer) -> bool {
    matches!(
        buffer,
        Buffer::DnsQuery
            | Buffer::DnsQueryName
            | Buffer::DnsQueriesRrname
            | Buffer::DnsAnswerName
            | Buffer::DnsAnswersRrname
            | Buffer::DnsAuthoritiesRrname
            | Buffer::DnsAdditionalsRrname
            | Buffer::DnsResponseRrname
            | Buffer::MdnsQueriesRrname
            | Buffer::MdnsAnswersRrname
            | Buffer::MdnsAuthoritiesRrname
            | Buffer::MdnsAdditionalsRrname
            | Buffer::MdnsResponseRrname
            | Buffer::TlsAlpn
            | Buffer::TlsCerts
            | Buffer::TlsSubjectAltName
            | Buffer::HttpRequestHeader
            | Buffer::HttpResponseHeader
            | Buffer::Http2HeaderName
            | Buffer::SmtpRcptTo
            | Buffer::EmailUrl
            | Buffer::EmailReceived
            | Buffer::FtpReply
            | Buffer::FtpCompletionCode
            | Buffer::FileData
            | Buffer::FileName
            | Buffer::FileMagic
    )
}
