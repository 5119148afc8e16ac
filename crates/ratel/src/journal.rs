//! What the run says of itself, in the log folder: `logging.outputs` of a configuration. Standard
//! error gets what people need to see; this keeps the rest, where scripts look for it.

use crate::settings::{Node, Settings};
use event::Timestamp;
use event::json::Writer;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something was not done.
    Error,
    /// Something may not be as it was meant.
    Warning,
    /// Beginning and end.
    Notice,
    /// What was loaded.
    Info,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Level::Error => "Error",
            Level::Warning => "Warning",
            Level::Notice => "Notice",
            Level::Info => "Info",
        }
    }

    /// Reads a value of `level` or `default-log-level`; finer ones than ours give all.
    fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "emergency" | "alert" | "critical" | "error" => Level::Error,
            "warning" => Level::Warning,
            "notice" => Level::Notice,
            "info" | "perf" | "config" | "debug" => Level::Info,
            _ => return None,
        })
    }
}

/// All logs of one run; none where nothing is kept.
#[derive(Debug, Default)]
pub struct Journal {
    logs: Vec<Log>,
}

#[derive(Debug)]
struct Log {
    out: fs::File,
    is_json: bool,
    least: Level,
}

impl Journal {
    /// Opens the `file` logs that are enabled, below `folder`. One that can't be written is told and
    /// left out: records matter more than what the run says of itself.
    pub fn open(settings: &Settings, folder: &Path) -> Self {
        let common = settings.text("logging.default-log-level");
        let mut journal = Journal::default();
        let Some(outputs) = settings.node("logging.outputs") else {
            return journal;
        };
        for (kind, node) in outputs.items().flat_map(Node::entries) {
            if kind != "file" || !node.child_flag("enabled").unwrap_or(false) {
                continue;
            }
            let path = folder.join(node.child_text("filename").unwrap_or("suricata.log"));
            let out = match fs::File::create(&path) {
                Ok(out) => out,
                Err(error) => {
                    crate::complain(&format!("cannot write {}: {error}", path.display()));
                    continue;
                }
            };
            let level = node.child_text("level").or(common);
            journal.logs.push(Log {
                out,
                is_json: node.child_text("type") == Some("json"),
                least: level.and_then(Level::parse).unwrap_or(Level::Notice),
            });
        }
        journal
    }

    /// Writes a line into each log that wants it. `module` is the part of the engine that speaks.
    pub fn say(&mut self, level: Level, module: &str, message: &str) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|since| i64::try_from(since.as_nanos()).ok())
            .map_or_else(Timestamp::default, Timestamp::from_nanos);
        for log in self.logs.iter_mut().filter(|log| level <= log.least) {
            let line = line(log.is_json, now, level, module, message);
            // Nothing is left to tell of a journal that can't be written; records tell of a full disk.
            let _ = log.out.write_all(&line);
        }
    }
}

fn line(is_json: bool, now: Timestamp, level: Level, module: &str, message: &str) -> Vec<u8> {
    let mut line = if is_json {
        let mut out = Writer::new();
        out.begin();
        out.bytes("timestamp", &now.to_eve());
        out.str("log_level", level.as_str());
        out.str("event_type", "engine");
        out.object("engine");
        out.str("message", message);
        out.str("module", module);
        out.end();
        out.end();
        out.into_bytes()
    } else {
        let text: String = message
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        format!("{now} -- {}: {module}: {text}", level.as_str()).into_bytes()
    };
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(is_json: bool, expected: &str) {
        let now = Timestamp::new(1, 0);
        let line = line(is_json, now, Level::Error, "detect", "a \"rule\"\nis wrong");
        assert_eq!(String::from_utf8_lossy(&line), expected);
    }

    #[test]
    fn a_message_is_one_line_in_either_form() {
        check(
            true,
            "{\"timestamp\":\"1970-01-01T00:00:01.000000+0000\",\"log_level\":\"Error\",\
             \"event_type\":\"engine\",\"engine\":{\"message\":\"a \\\"rule\\\"\\nis wrong\",\
             \"module\":\"detect\"}}\n",
        );
        check(
            false,
            "1970-01-01T00:00:01.000000+0000 -- Error: detect: a \"rule\" is wrong\n",
        );
    }
}
