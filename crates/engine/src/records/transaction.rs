//! Records of transactions (`http`, `dns`, `tls`, …) and of the files they carry (`fileinfo`).

use super::config::EveConfig;
use super::flow::eve_name;
use super::header::{self, Source};
use super::seen::Seen;
use crate::flow::Flow;
use decode::app::Transaction;
use decode::file::{File, FileState};
use event::json::Writer;

/// Writes the `index`-th of a transaction's own records.
pub fn transaction(
    out: &mut Writer,
    kind: &str,
    (tx, index): (&dyn Transaction, usize),
    seen: &Seen<'_>,
    flow: &Flow,
    source: &Source,
    eve: &EveConfig,
) {
    let direction = tx
        .record_direction(&eve.log)
        .unwrap_or(event::Direction::ToServer);
    header::begin(
        out,
        kind,
        &seen.towards(direction),
        Some(flow),
        source,
        &eve.common,
    );
    out.uint("tx_id", tx.id());
    tx.log_record(index, &eve.log, out);
    header::end(out, source);
}

/// Writes a `fileinfo` record.
pub fn fileinfo(
    out: &mut Writer,
    file: &File,
    tx: &dyn Transaction,
    seen: &Seen<'_>,
    flow: &Flow,
    source: &Source,
    eve: &EveConfig,
) {
    header::begin(
        out,
        "fileinfo",
        &seen.towards(file.direction),
        Some(flow),
        source,
        &eve.common,
    );
    tx.log_for_file(out);
    out.str("app_proto", eve_name(flow.app.protocol));
    out.object("fileinfo");
    file_fields(out, file, tx.id());
    out.end();
    header::end(out, source);
}

/// Writes what is known of a file, without key.
pub fn file_fields(out: &mut Writer, file: &File, tx_id: u64) {
    out.bytes("filename", &file.name);
    if !file.sids.is_empty() {
        out.array("sid");
        for sid in &file.sids {
            out.item_uint(u64::from(*sid));
        }
        out.end_array();
    }
    if let Some(magic) = &file.magic {
        out.str("magic", magic);
    }
    out.bool("gaps", file.has_gaps);
    out.str("state", file.state.as_str());
    if let Some(md5) = &file.md5 {
        out.hex("md5", md5, "");
    }
    if let Some(sha1) = &file.sha1 {
        out.hex("sha1", sha1, "");
    }
    if let Some(sha256) = &file.sha256 {
        out.hex("sha256", sha256, "");
    }
    if file.is_stored && file.state != FileState::Open {
        out.bool("stored", true);
        out.uint("file_id", file.id);
    } else {
        out.bool("stored", false);
        if file.is_stored {
            out.bool("storing", true);
        }
    }
    out.uint("size", file.size);
    if let Some((start, end)) = file.range {
        out.uint("start", start);
        out.uint("end", end);
    }
    out.uint("tx_id", tx_id);
}
