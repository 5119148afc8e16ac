//! What a scraper reads: Prometheus' text format, version 0.0.4. Here what the console knows of the
//! whole process; what its parts count is handed in and follows.

use std::fmt::{self, Display, Write as _};

use event::Timestamp;

use crate::api::status::{Health, Status};

mod check;

pub use check::faults;

/// How the format is called in HTTP.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything that is counted: the process as `status` has it, then `parts`, which come in the same
/// format and stay as they are.
#[must_use]
pub fn write(status: &Status, parts: &str) -> String {
    let mut out = String::with_capacity(4096 + parts.len());
    let one = |name, value| [(vec![(name, value)], 1.0)];
    family(
        &mut out,
        ("build_info", "gauge", "The version that runs."),
        one("version", status.version.as_str()),
    );
    family(
        &mut out,
        (
            "start_time_seconds",
            "gauge",
            "When the process started, since 1970.",
        ),
        [(Vec::new(), seconds(status.started))],
    );
    family(
        &mut out,
        (
            "ready",
            "gauge",
            "Whether every role is ready, as /readyz says.",
        ),
        [(Vec::new(), f64::from(u8::from(status.ready)))],
    );
    let roles = || {
        let roles = status.roles.iter();
        roles.map(|role| (vec![("role", role.role.as_str())], role))
    };
    family(
        &mut out,
        (
            "role_ready",
            "gauge",
            "Whether the role does its work, or a part of it.",
        ),
        roles().map(|(labels, role)| (labels, f64::from(u8::from(role.is_ready())))),
    );
    family(
        &mut out,
        (
            "role_degraded",
            "gauge",
            "Whether the role does only a part of its work.",
        ),
        roles().map(|(labels, role)| {
            let degraded = role.state == Health::Degraded;
            (labels, f64::from(u8::from(degraded)))
        }),
    );
    family(
        &mut out,
        (
            "role_restarts_total",
            "counter",
            "How often the role was started again.",
        ),
        roles().map(|(labels, role)| (labels, role.restarts as f64)),
    );
    family(
        &mut out,
        (
            "actions",
            "gauge",
            "Actions that are known, by their state.",
        ),
        counted("state", &status.actions),
    );
    family(
        &mut out,
        (
            "events_total",
            "counter",
            "Records that passed, by their event type.",
        ),
        counted("kind", &status.events),
    );
    family(
        &mut out,
        (
            "bouncer_last_pull_time_seconds",
            "gauge",
            "When the bouncer asked last, since 1970.",
        ),
        status.bouncers.iter().map(|bouncer| {
            let labels = vec![("bouncer", bouncer.name.as_str())];
            (labels, seconds(bouncer.last_pull))
        }),
    );
    out.push_str(parts);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

type Counts = std::collections::BTreeMap<String, u64>;

fn counted<'a>(
    label: &'static str,
    counts: &'a Counts,
) -> impl Iterator<Item = (Vec<(&'static str, &'a str)>, f64)> {
    let sample =
        move |(name, count): (&'a String, &u64)| (vec![(label, name.as_str())], *count as f64);
    counts.iter().map(sample)
}

fn seconds(moment: Timestamp) -> f64 {
    moment.nanos() as f64 / 1e9
}

/// One family: its head, where it has samples, and these.
fn family<'a>(
    out: &mut String,
    (name, kind, help): (&str, &str, &str),
    samples: impl IntoIterator<Item = (Vec<(&'static str, &'a str)>, f64)>,
) {
    let mut samples = samples.into_iter().peekable();
    if samples.peek().is_none() {
        return;
    }
    // Writing to a String can't fail.
    let _ = writeln!(out, "# HELP ratel_{name} {help}");
    let _ = writeln!(out, "# TYPE ratel_{name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(out, "ratel_{name}{} {value}", Labels(&labels));
    }
}

struct Labels<'a>(&'a [(&'static str, &'a str)]);

impl Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "{" } else { "," })?;
            write!(f, "{name}=\"")?;
            for c in value.chars() {
                match c {
                    '\\' => f.write_str("\\\\")?,
                    '"' => f.write_str("\\\"")?,
                    '\n' => f.write_str("\\n")?,
                    c => f.write_char(c)?,
                }
            }
            f.write_str("\"")?;
        }
        if self.0.is_empty() {
            Ok(())
        } else {
            f.write_str("}")
        }
    }
}

#[cfg(test)]
mod tests;
