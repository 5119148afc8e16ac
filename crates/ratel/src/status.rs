//! `ratel status`: how the running Ratel fares.

use std::collections::BTreeMap;
use std::process::ExitCode;

use console::api::status::Status;

use crate::control::Control;
use crate::{span, table};

/// `ratel status`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 all roles run, 1 one does not or no Ratel runs here, 2 wrong usage."
)]
pub struct Args {
    #[command(flatten)]
    control: Control,
}

/// Asks and prints.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let status: Status = console::client::get(&args.control.socket, "/v1/status")?;
    args.control.print(&status, || describe(&status))?;
    Ok(if status.ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The status as text.
fn describe(status: &Status) -> String {
    let up = span::write(status.now.since(status.started).as_secs());
    let mut text = format!(
        "Ratel {}, process {}, up {up} since {}: {}\n",
        table::visible(&status.version),
        status.pid,
        table::local(status.started),
        if status.ready { "ready" } else { "not ready" },
    );
    let roles: Vec<Vec<String>> = status
        .roles
        .iter()
        .map(|role| {
            vec![
                role.role.clone(),
                role.state.name().to_owned(),
                span::write(status.now.since(role.since).as_secs()),
                role.restarts.to_string(),
                role.detail.clone(),
            ]
        })
        .collect();
    if !roles.is_empty() {
        text.push('\n');
        text.push_str(&table::write(
            &["ROLE", "STATE", "SINCE", "RESTARTS", "DETAIL"],
            &roles,
        ));
    }
    for (heading, counts) in [
        ("ACTIONS", &status.actions),
        ("EVENTS", &status.events),
        ("COUNTERS", &status.counters),
    ] {
        text.push_str(&numbers(heading, counts));
    }
    let bouncers: Vec<Vec<String>> = status
        .bouncers
        .iter()
        .map(|bouncer| {
            let ago = span::write(status.now.since(bouncer.last_pull).as_secs());
            vec![
                bouncer.name.clone(),
                bouncer.address.clone(),
                format!("{ago} ago"),
                bouncer.agent.clone(),
            ]
        })
        .collect();
    if !bouncers.is_empty() {
        text.push('\n');
        text.push_str(&table::write(
            &["BOUNCER", "ADDRESS", "ASKED", "PROGRAM"],
            &bouncers,
        ));
    }
    text
}

fn numbers(heading: &str, counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return String::new();
    }
    let row = |(name, count): (&String, &u64)| vec![name.clone(), count.to_string()];
    let rows: Vec<_> = counts.iter().map(row).collect();
    format!("\n{}", table::write(&[heading, ""], &rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use console::api::status::{Health, Role};
    use event::Timestamp;

    #[test]
    fn a_status_tells_roles_and_counts() {
        let status = Status {
            version: "0.1.0".into(),
            pid: 17,
            started: Timestamp::new(100, 0),
            now: Timestamp::new(3700, 0),
            ready: false,
            roles: vec![Role {
                role: "sensor".into(),
                state: Health::Failed,
                since: Timestamp::new(3690, 0),
                restarts: 3,
                detail: "eth9 is gone".into(),
            }],
            actions: BTreeMap::from([("effective".into(), 2)]),
            events: BTreeMap::new(),
            counters: BTreeMap::new(),
            bouncers: Vec::new(),
        };
        let text = describe(&status);
        assert!(
            text.starts_with("Ratel 0.1.0, process 17, up 1h since "),
            "{text}"
        );
        assert!(
            text.contains(": not ready\n\nROLE    STATE   SINCE  RESTARTS  DETAIL\n"),
            "{text}"
        );
        assert!(
            text.contains("sensor  failed  10s    3         eth9 is gone\n"),
            "{text}"
        );
        assert!(text.contains("ACTIONS\neffective  2\n"), "{text}");
        assert!(!text.contains("EVENTS"));
    }
}
