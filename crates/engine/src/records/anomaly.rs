//! `anomaly` records: what was odd about a packet, a stream or a transaction.

use super::config::EveConfig;
use super::flow::eve_name;
use super::header::{self, Source};
use super::seen::Seen;
use crate::flow::Flow;
use event::AppProtocol;
use event::json::Writer;

/// What kind of oddity a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of a packet's headers.
    Decode,
    /// Of a TCP stream.
    Stream,
    /// Of an application parser.
    AppLayer {
        /// Where it was found: `proto_parser`, `proto_detect` or `parser`.
        layer: &'static str,
        /// The transaction, if it belongs to one.
        tx: Option<u64>,
        /// The protocol it concerns.
        protocol: AppProtocol,
    },
}

/// Writes an `anomaly` record of the oddity `event`.
pub fn anomaly(
    out: &mut Writer,
    event: &str,
    kind: Kind,
    seen: &Seen<'_>,
    flow: Option<&Flow>,
    source: &Source,
    eve: &EveConfig,
) {
    header::begin(out, "anomaly", seen, flow, source, &eve.common);
    if let Kind::AppLayer { tx: Some(tx), .. } = kind {
        out.uint("tx_id", tx);
    }
    out.object("anomaly");
    match kind {
        Kind::Decode => {
            out.str("type", "decode");
            out.str("event", event);
        }
        Kind::Stream => {
            out.str("type", "stream");
            out.str("event", event);
        }
        Kind::AppLayer {
            layer, protocol, ..
        } => {
            out.str("app_proto", eve_name(protocol));
            out.str("type", "applayer");
            out.str("event", event);
            out.str("layer", layer);
        }
    }
    out.end();
    header::end(out, source);
}
