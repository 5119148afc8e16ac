//! `GET /api/v1/events/{id}/pcap`: the packets of an event as a capture file.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use event::Timestamp;
use serde_json::Value;

use super::one;
use crate::api::problem::Problem;
use crate::web::app::App;
use crate::web::extract::Path;

/// How a capture is called in HTTP (IANA).
const KIND: &str = "application/vnd.tcpdump.pcap";

/// Packets of the event's flow, where the sensor still has them; else the one packet that the alert
/// carries.
#[utoipa::path(get, path = "/events/{id}/pcap", tag = "events",
    params(("id" = String, Path, description = "The event's name")),
    responses((status = 200, description = "A capture file", content_type = "application/vnd.tcpdump.pcap",
        body = Vec<u8>)))]
pub async fn download(app: App, Path(id): Path<String>) -> Result<Response, Problem> {
    let hit = one(&app, &id).await?;
    let record: Value = serde_json::from_str(&hit.event).unwrap_or_default();
    let kept = app.packets(record.clone()).await?;
    let Some(capture) = kept.or_else(|| of_alert(&record, hit.time)) else {
        return Err(Problem::missing(
            "no packets of this event are kept: neither does the sensor still have them nor does the record carry one",
        ));
    };
    let name = format!("attachment; filename=\"{}.pcap\"", hit.id);
    let headers = [
        (header::CONTENT_TYPE, KIND.to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, capture).into_response())
}

/// A capture of the packet in the record (`packet`, `packet_info.linktype`).
fn of_alert(record: &Value, time: Timestamp) -> Option<Vec<u8>> {
    let packet = BASE64_STANDARD.decode(record["packet"].as_str()?).ok()?;
    // 1 is Ethernet (LINKTYPE_ETHERNET).
    let link = record["packet_info"]["linktype"].as_u64().unwrap_or(1);
    Some(capture(u32::try_from(link).ok()?, &[(time, &packet)]))
}

/// A capture file of these packets (the classic format with nanoseconds).
fn capture(link: u32, packets: &[(Timestamp, &[u8])]) -> Vec<u8> {
    let mut out = Vec::with_capacity(24 + packets.iter().map(|(_, p)| p.len() + 16).sum::<usize>());
    for word in [0xa1b2_3c4d, 0x0004_0002, 0, 0, 262_144, link] {
        out.extend_from_slice(&u32::to_le_bytes(word));
    }
    for (time, packet) in packets {
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        let secs = u32::try_from(time.secs()).unwrap_or_default();
        let nanos = u32::try_from(time.nanos().rem_euclid(1_000_000_000)).unwrap_or_default();
        for word in [secs, nanos, length, length] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(packet);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packet_of_an_alert_makes_a_capture() {
        let record = serde_json::json!({"packet": "AAEC", "packet_info": {"linktype": 101}});
        let made = of_alert(&record, Timestamp::new(7, 9)).unwrap();
        assert_eq!(made.len(), 24 + 16 + 3);
        assert_eq!(made[20..24], 101_u32.to_le_bytes());
        assert_eq!(made[24..28], 7_u32.to_le_bytes());
        assert_eq!(made[40..], [0, 1, 2]);
        assert_eq!(
            of_alert(&serde_json::json!({"packet": "?"}), Timestamp::default()),
            None
        );
        assert_eq!(of_alert(&serde_json::json!({}), Timestamp::default()), None);
    }
}
