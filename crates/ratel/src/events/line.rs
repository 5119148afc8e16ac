//! An event in one line for people: when, what kind, who with whom, and what it says.

use serde_json::Value;
use store::search::Hit;

use crate::table::{local, visible};

/// Where an event says most about itself, the first that it has.
const SAYS: [&str; 16] = [
    "/alert/signature",
    "/dns/queries/0/rrname",
    "/dns/rrname",
    "/http/url",
    "/tls/sni",
    "/quic/sni",
    "/fileinfo/filename",
    "/anomaly/event",
    "/ssh/client/software_version",
    "/smtp/mail_from",
    "/ftp/command",
    "/smb/filename",
    "/flow/state",
    "/message",
    "/app_proto",
    "/proto",
];

/// The line of a hit.
#[must_use]
pub fn of(hit: &Hit) -> String {
    let event: Value = serde_json::from_str(&hit.event).unwrap_or_default();
    let text = |pointer: &str| match event.pointer(pointer) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let end = |address: &str, port: &str| {
        let address = text(address)?;
        Some(match text(port) {
            Some(port) if address.contains(':') => format!("[{address}]:{port}"),
            Some(port) => format!("{address}:{port}"),
            None => address,
        })
    };
    let ends = match (end("/src_ip", "/src_port"), end("/dest_ip", "/dest_port")) {
        (Some(from), Some(to)) => format!("{from} > {to}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => String::new(),
    };
    let mut says = SAYS
        .iter()
        .find_map(|pointer| text(pointer))
        .unwrap_or_default();
    if let Some(host) = text("/http/hostname") {
        says = format!("{host}{says}");
    }
    if let Some(severity) = text("/alert/severity") {
        says = format!("[{severity}] {says}");
    }
    let kind = text("/event_type").unwrap_or_else(|| "-".into());
    visible(&format!("{}  {kind:8}  {ends:45}  {says}", local(hit.time)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::{RecordId, Timestamp};

    #[test]
    fn a_line_tells_who_and_what_without_acting_on_the_terminal() {
        let check = |event: &str, expected: &str| {
            let hit = Hit {
                id: RecordId::from_bytes([0; 16]),
                time: Timestamp::default(),
                event: event.into(),
            };
            let line = of(&hit);
            assert!(line.ends_with(expected), "{line}");
        };
        check(
            r#"{"event_type":"alert","src_ip":"10.0.0.1","src_port":5,"dest_ip":"2001:db8::1","dest_port":80,"alert":{"signature":"x\u001b[2J","severity":1}}"#,
            "alert     10.0.0.1:5 > [2001:db8::1]:80                  [1] x.[2J",
        );
        check(
            r#"{"event_type":"http","http":{"hostname":"h","url":"/u"}}"#,
            "h/u",
        );
        check("no json", "");
    }
}
