//! `--explain`: each alert with the bytes that made its rule match, as a hexdump for people.

mod dump;

use super::summary::{grouped, printable};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dump::{Paint, Window};
use engine::records::config::{AlertConfig, EveConfig};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};

/// Alerts of one rule that are shown: more of them say the same.
const SHOWN_PER_RULE: u32 = 3;
/// Alerts shown in all; eve.json has every one.
const SHOWN_MAX: u32 = 500;
/// Characters of a rule's text.
const RULE_MAX: usize = 600;

/// Shows alerts as they come.
pub struct Explain {
    /// The EVE output whose records it takes.
    log: usize,
    paint: Paint,
    to_stderr: bool,
    shown: HashMap<(u64, u64), u32>,
    total: u32,
    hidden: u64,
}

impl Explain {
    /// Takes the records of EVE output `log`; `to_stderr` where standard output is for records or for
    /// machines.
    pub fn new(log: usize, to_stderr: bool) -> Self {
        let is_terminal = if to_stderr {
            io::stderr().is_terminal()
        } else {
            io::stdout().is_terminal()
        };
        // https://no-color.org: any value but an empty one.
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Explain {
            log,
            paint: if is_terminal && !is_plain {
                Paint::Colours
            } else {
                Paint::Letters
            },
            to_stderr,
            shown: HashMap::new(),
            total: 0,
            hidden: 0,
        }
    }

    /// What its EVE output tells.
    pub fn eve() -> EveConfig {
        EveConfig {
            alert: Some(AlertConfig {
                app_layer: false,
                flow: false,
                rule_metadata: false,
                raw_rule: true,
                ..AlertConfig::default()
            }),
            ..EveConfig::default()
        }
    }

    /// Takes a record of output `log`; false where that is not its own.
    pub fn take(&mut self, log: usize, line: &[u8]) -> io::Result<bool> {
        if log != self.log {
            return Ok(false);
        }
        let Ok(record) = serde_json::from_slice::<Value>(line) else {
            return Ok(true);
        };
        let alert = &record["alert"];
        let number = |key: &str| alert[key].as_u64().unwrap_or(0);
        let count = self
            .shown
            .entry((number("gid"), number("signature_id")))
            .or_default();
        if *count >= SHOWN_PER_RULE || self.total >= SHOWN_MAX {
            self.hidden += 1;
            return Ok(true);
        }
        *count += 1;
        self.total += 1;
        self.print(&text(&record, self.paint))?;
        Ok(true)
    }

    /// Says how much was not shown.
    pub fn close(&self) -> io::Result<()> {
        if self.hidden == 0 {
            return Ok(());
        }
        self.print(&format!(
            "… and {} more alerts of the same rules; eve.json has them all (-l DIR)\n\n",
            grouped(self.hidden)
        ))
    }

    fn print(&self, text: &str) -> io::Result<()> {
        if self.to_stderr {
            io::stderr().lock().write_all(text.as_bytes())
        } else {
            io::stdout().lock().write_all(text.as_bytes())
        }
    }
}

/// One alert.
fn text(record: &Value, paint: Paint) -> String {
    let mut out = String::new();
    // Writing to a String can't fail.
    let _ = write_alert(&mut out, record, paint);
    out
}

fn write_alert(out: &mut String, record: &Value, paint: Paint) -> std::fmt::Result {
    let alert = &record["alert"];
    let word = |value: &Value| printable(value.as_str().unwrap_or_default());
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let title = format!(
        "[{}:{}:{}] {}",
        number(&alert["gid"]),
        number(&alert["signature_id"]),
        number(&alert["rev"]),
        word(&alert["signature"])
    );
    writeln!(out, "{}", paint.title(&title))?;
    write!(out, "  {}", word(&record["timestamp"]))?;
    if let Some(packet) = record["pcap_cnt"].as_u64() {
        write!(out, "  packet {packet}")?;
    }
    write!(out, "  {}", word(&record["proto"]))?;
    if let Some(protocol) = record["app_proto"].as_str() {
        write!(out, " {}", printable(protocol))?;
    }
    writeln!(
        out,
        "  {} -> {}",
        end(&record["src_ip"], &record["src_port"]),
        end(&record["dest_ip"], &record["dest_port"])
    )?;
    let rule: String = word(&alert["rule"]).chars().take(RULE_MAX).collect();
    writeln!(out, "  {}", paint.faint(&rule))?;
    let Some(matches) = record["ratel"]["matches"].as_array() else {
        return writeln!(out);
    };
    if matches.is_empty() {
        writeln!(
            out,
            "\n  It matched by headers and conditions alone: no byte is looked at, or none is there any more."
        )?;
    }
    for window in matches.iter().filter_map(Window::read) {
        writeln!(out)?;
        window.write(out, paint)?;
    }
    writeln!(out)
}

fn end(address: &Value, port: &Value) -> String {
    let address = printable(address.as_str().unwrap_or("?"));
    match port.as_u64() {
        Some(port) if address.contains(':') => format!("[{address}]:{port}"),
        Some(port) => format!("{address}:{port}"),
        None => address,
    }
}

impl Window {
    /// Reads an item of `ratel.matches`.
    fn read(value: &Value) -> Option<Window> {
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let spans = value["spans"].as_array()?;
        Some(Window {
            buffer: printable(value["buffer"].as_str()?),
            direction: printable(value["direction"].as_str()?),
            is_stream: value["stream"].as_bool().unwrap_or(false),
            data: STANDARD.decode(value["data"].as_str()?).ok()?,
            offset: number(&value["offset"]),
            length: number(&value["length"]),
            spans: spans
                .iter()
                .map(|span| dump::Span {
                    at: number(&span["at"]),
                    length: number(&span["length"]),
                    by: printable(span["by"].as_str().unwrap_or_default()),
                    text: printable(span["text"].as_str().unwrap_or_default()),
                })
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_shown_with_its_bytes_marked() {
        let record = serde_json::json!({
            "timestamp": "2026-01-02T03:04:05.000006+0000", "pcap_cnt": 7,
            "src_ip": "192.0.2.1", "src_port": 40000, "dest_ip": "2001:db8::1", "dest_port": 80,
            "proto": "TCP", "app_proto": "http",
            "alert": {"gid": 1, "signature_id": 5, "rev": 2, "signature": "A\u{1b}[2J title",
                "rule": "alert http any any -> any any (http.uri; content:\"/etc\"; sid:5;)"},
            "ratel": {"matches": [{
                "buffer": "http.uri", "direction": "toserver", "offset": 16, "length": 40,
                "data": STANDARD.encode(b"/a/etc/passwd?abcdefghij"),
                "spans": [{"at": 18, "length": 4, "by": "content", "text": "/etc"},
                    {"at": 30, "length": 0, "by": "isdataat", "text": "8,relative"}],
            }]},
        });
        let expected = r#"[1:5:2] A.[2J title
  2026-01-02T03:04:05.000006+0000  packet 7  TCP http  192.0.2.1:40000 -> [2001:db8::1]:80
  alert http any any -> any any (http.uri; content:"/etc"; sid:5;)

  http.uri  to server  bytes 16 to 40 of 40
    00000010  2f 61 2f 65 74 63 2f 70  61 73 73 77 64 3f 61 62  |/a/etc/passwd?ab|
                    aa aa aa aa                                    aaaa
    00000020  63 64 65 66 67 68 69 6a                           |cdefghij|
    a  content    at 18, 4 bytes  /etc
    b  isdataat   at 30           8,relative

"#;
        assert_eq!(text(&record, Paint::Letters), expected);
    }

    #[test]
    fn colours_stand_around_what_matched() {
        let record = serde_json::json!({
            "alert": {"signature": "t"},
            "ratel": {"matches": [{
                "buffer": "payload", "direction": "toclient", "stream": true, "offset": 0, "length": 3,
                "data": STANDARD.encode(b"abc"),
                "spans": [{"at": 1, "length": 2, "by": "content", "text": "bc"}],
            }]},
        });
        let text = text(&record, Paint::Colours);
        assert!(text.contains("61 \u{1b}[30;43m62 63\u{1b}[0m "), "{text}");
        assert!(text.contains("|a\u{1b}[30;43mbc\u{1b}[0m|"), "{text}");
        assert!(text.contains("stream"), "{text}");
    }

    #[test]
    fn an_alert_that_looked_at_no_byte_says_so() {
        let record = serde_json::json!({"alert": {}, "ratel": {"matches": []}});
        assert!(text(&record, Paint::Letters).contains("no byte is looked at"));
    }
}
