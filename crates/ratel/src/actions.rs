//! `ratel actions`: what the running Ratel does about attacks.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use console::api::actions::{Listing, MAX_PAGE};
use console::api::query::encode;
use event::Timestamp;
use event::action::{Action, ActionId, State};
use event::order::What;

use crate::control::{Control, cause, left, now, state};
use crate::{Usage, span, table};

/// `ratel actions …`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List actions, the newest first.
    List(List),
    /// Show one action with all that is known of it.
    Show(One),
    /// Carry out an action that waits for approval.
    Approve(One),
    /// Take back an action, or all of them; an action that waits for approval is refused.
    Undo(Undo),
}

/// `ratel actions list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only actions in these states: in_force, planned, refused, awaiting_approval, executed, effective,
    /// ineffective, unknown, expired, undone.
    #[arg(long, value_name = "STATE,…")]
    state: Option<String>,
    /// Only these steps: block, rate_limit, drop_connection, redirect, quarantine.
    #[arg(long, value_name = "STEP,…")]
    step: Option<String>,
    /// Only actions that concern this address or network.
    #[arg(long, value_name = "ADDRESS[/LENGTH]")]
    target: Option<String>,
    /// Only actions that this playbook planned.
    #[arg(long, value_name = "NAME")]
    playbook: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    control: Control,
}

/// One action.
#[derive(Debug, Args)]
pub struct One {
    /// The action, as `ratel actions list` calls it.
    #[arg(value_name = "ID")]
    id: ActionId,
    #[command(flatten)]
    control: Control,
}

/// `ratel actions undo`.
#[derive(Debug, Args)]
pub struct Undo {
    /// The action, as `ratel actions list` calls it.
    #[arg(
        value_name = "ID",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    id: Option<ActionId>,
    /// Every action in force.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    control: Control,
}

/// Carries out the verb.
pub fn run(verb: &Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::List(args) => list(args),
        Verb::Show(args) => show(args),
        Verb::Approve(args) => {
            let answer = args.control.order(&What::Approve { action: args.id })?;
            args.control.tell(&answer, "done")
        }
        Verb::Undo(args) => {
            let what = args
                .id
                .map_or(What::UndoAll, |action| What::Undo { action });
            let answer = args.control.order(&what)?;
            args.control.tell(&answer, "nothing is in force")
        }
    }
}

fn list(args: &List) -> anyhow::Result<ExitCode> {
    if args.limit == 0 {
        return Err(Usage("--limit: at least 1".to_owned()).into());
    }
    let filters = [
        ("state", &args.state),
        ("step", &args.step),
        ("target", &args.target),
        ("playbook", &args.playbook),
    ];
    let filters: String = filters
        .iter()
        .filter_map(|(name, value)| Some(format!("&{name}={}", encode(value.as_deref()?))))
        .collect();
    let mut whole = Listing {
        actions: Vec::new(),
        next: None,
    };
    loop {
        let limit = (args.limit - whole.actions.len()).min(MAX_PAGE);
        let cursor = whole.next.as_deref().map(|next| format!("&cursor={next}"));
        let path = format!(
            "/v1/actions?limit={limit}{filters}{}",
            cursor.unwrap_or_default()
        );
        let page: Listing = console::client::get(&args.control.socket, &path)?;
        whole.actions.extend(page.actions);
        whole.next = page.next;
        if whole.next.is_none() || whole.actions.len() >= args.limit {
            break;
        }
    }
    args.control.print(&whole, || listing(&whole, now()))?;
    Ok(ExitCode::SUCCESS)
}

/// The listing as text.
fn listing(listing: &Listing, now: Timestamp) -> String {
    if listing.actions.is_empty() {
        return "no actions\n".to_owned();
    }
    let row = |action: &Action| {
        let left = if action.is_over() {
            "-".to_owned()
        } else {
            left(action, now)
        };
        vec![
            action.id.to_string(),
            table::local(action.planned),
            action.what.to_string(),
            state(action),
            left,
            reason(action),
        ]
    };
    let rows: Vec<_> = listing.actions.iter().map(row).collect();
    let mut text = table::write(&["ID", "PLANNED", "WHAT", "STATE", "LEFT", "WHY"], &rows);
    if listing.next.is_some() {
        text.push_str("more: --limit NUMBER\n");
    }
    text
}

/// Why it was planned, or what is wrong with it.
fn reason(action: &Action) -> String {
    match cause(&action.state) {
        Some(cause) if !matches!(action.state, State::Undone { .. }) => cause.to_owned(),
        _ => action.why.reason.clone(),
    }
}

fn show(args: &One) -> anyhow::Result<ExitCode> {
    let path = format!("/v1/actions/{}", args.id);
    let action: Action = console::client::get(&args.control.socket, &path)?;
    args.control.print(&action, || details(&action, now()))?;
    Ok(ExitCode::SUCCESS)
}

/// Everything known of one action, a line each.
fn details(action: &Action, now: Timestamp) -> String {
    let mut rows: Vec<(&str, String)> = vec![
        ("action", action.id.to_string()),
        ("what", action.what.to_string()),
        ("state", state(action)),
    ];
    let mut say = |name, value: Option<String>| {
        if let Some(value) = value {
            rows.push((name, value));
        }
    };
    say("", cause(&action.state).map(str::to_owned));
    if let State::Effective { evidence } = &action.state {
        say("held by", Some(evidence.held_by.join(", ")));
        say(
            "stopped",
            Some(format!("{} packets", evidence.packets_stopped)),
        );
        let arrived = evidence.packets_arrived;
        say("arrived", arrived.map(|n| format!("{n} packets")));
        say(
            "ended",
            Some(format!("{} connections", evidence.connections_ended)),
        );
    }
    say("why", Some(action.why.reason.clone()));
    say("playbook", action.why.playbook.clone());
    say("person", action.why.person.clone());
    say(
        "signature",
        action.why.signature_id.map(|id| id.to_string()),
    );
    say("flow", action.why.flow_id.map(|id| id.to_string()));
    say("incident", action.why.incident.clone());
    say(
        "returned",
        (action.returned > 0).then(|| format!("{} times", action.returned)),
    );
    say("planned", Some(table::local(action.planned)));
    say("executed", action.executed.map(table::local));
    say("changed", Some(table::local(action.changed)));
    let ends = table::local(action.ends);
    let ends = if action.is_over() {
        ends
    } else {
        format!(
            "{ends}, {} left of {}",
            left(action, now),
            span::write(action.ttl_secs)
        )
    };
    say("ends", Some(ends));
    if let Some(undo) = &action.undo {
        say(
            "undo",
            Some(format!(
                "{}: takes {}",
                undo.firewall,
                undo.takes.join(", ")
            )),
        );
        say(
            "",
            (!undo.keeps.is_empty()).then(|| format!("keeps {}", undo.keeps.join(", "))),
        );
    }
    let line = |(name, value): &(&str, String)| format!("{name:9}  {}\n", table::visible(value));
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::action;
    use event::action::{Evidence, Mode};

    #[test]
    fn a_listing_has_a_row_for_each_action() {
        let evidence = Evidence::default();
        let whole = Listing {
            actions: vec![
                action(2, State::Planned, Mode::Observe),
                action(1, State::Effective { evidence }, Mode::Enforce),
            ],
            next: Some("a1".into()),
        };
        let text = listing(&whole, Timestamp::new(1900, 0));
        let words = |line: usize| -> Vec<String> {
            let line = text.lines().nth(line).unwrap();
            line.split("  ")
                .map(str::trim)
                .filter(|w| !w.is_empty())
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(words(0), ["ID", "PLANNED", "WHAT", "STATE", "LEFT", "WHY"]);
        let planned = table::local(Timestamp::new(100, 0));
        let row = [
            "a2",
            planned.as_str(),
            "block 192.0.2.1",
            "observed only",
            "30m",
            "it scans",
        ];
        assert_eq!(words(1), row);
        assert!(words(2).contains(&"effective".to_owned()));
        assert_eq!(text.lines().last(), Some("more: --limit NUMBER"));
        assert_eq!(
            listing(
                &Listing {
                    actions: vec![],
                    next: None
                },
                Timestamp::default()
            ),
            "no actions\n"
        );
    }

    #[test]
    fn details_tell_the_state_and_when_it_ends() {
        let undone = State::Undone {
            cause: "root".into(),
        };
        let text = details(&action(1, undone, Mode::Enforce), Timestamp::new(1900, 0));
        assert!(
            text.contains("state      undone\n           root\n"),
            "{text}"
        );
        assert!(!text.contains("left of"));
        let text = details(
            &action(1, State::Executed, Mode::Enforce),
            Timestamp::new(1900, 0),
        );
        assert!(text.contains(", 30m left of 1h\n"), "{text}");
    }
}
