//! What all verbs share that talk with a running Ratel: the socket, the form, orders and answers.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Args;
use console::api::orders::Answer;
use event::action::{Action, Mode, State};
use event::order::What;
use event::{RecordIds, Timestamp};
use serde::Serialize;

use crate::cli::Format;
use crate::{span, table};

/// Where the running Ratel is found, and how answers are printed.
#[derive(Clone, Debug, Args)]
pub struct Control {
    /// The control socket of the running Ratel.
    #[arg(long, value_name = "PATH", default_value = console::config::SOCKET)]
    pub socket: PathBuf,
    /// How the answer is printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    pub format: Format,
}

/// Now, by the machine's clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::new(
        since.as_secs().try_into().unwrap_or(i64::MAX),
        since.subsec_nanos(),
    )
}

impl Control {
    /// Gives an order and waits some seconds for what comes of it.
    pub fn order(&self, what: &What) -> anyhow::Result<Answer> {
        // The name of the order: should the answer get lost, asking again orders nothing twice.
        let mut random = [0; 8];
        let mut source = std::fs::File::open("/dev/urandom").context("cannot open /dev/urandom")?;
        std::io::Read::read_exact(&mut source, &mut random).context("cannot read /dev/urandom")?;
        let id = RecordIds::new(u64::from_ne_bytes(random)).next(now());
        Ok(console::client::post(
            &self.socket,
            "/v1/orders",
            &id.to_string(),
            what,
        )?)
    }

    /// Prints an answer: as it came, or as text.
    pub fn print(
        &self,
        answer: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Json => serde_json::to_string_pretty(answer)? + "\n",
            Format::Text => text(),
        };
        // A reader that went away has seen enough.
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(())
    }

    /// Prints what became of an order. Status 1 where it was refused or does not work.
    pub fn tell(&self, answer: &Answer, nothing: &str) -> anyhow::Result<ExitCode> {
        self.print(answer, || describe(answer, nothing, now()))?;
        let failed = |action: &Action| {
            matches!(
                action.state,
                State::Refused { .. } | State::Ineffective { .. }
            )
        };
        // A refusal is what undoing an action that waits for approval asks for.
        let undoing = matches!(
            answer.order.what,
            What::Undo { .. } | What::Unblock { .. } | What::UndoAll
        );
        Ok(if !undoing && answer.actions.iter().any(failed) {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// What became of an order, a line for each action.
fn describe(answer: &Answer, nothing: &str, now: Timestamp) -> String {
    let mut out = String::new();
    if let Some(note) = &answer.note {
        out.push_str(&format!("{}\n", table::visible(note)));
    }
    for action in &answer.actions {
        out.push_str(&format!("{}\n", line(action, now)));
    }
    if !answer.settled {
        out.push_str("under way; see: ratel actions list\n");
    } else if out.is_empty() {
        out.push_str(&format!("{nothing}\n"));
    }
    out
}

/// An action in one line: `a17 block 192.0.2.1: effective, 1h left`.
fn line(action: &Action, now: Timestamp) -> String {
    let mut line = format!("{} {}: {}", action.id, action.what, state(action));
    if !action.is_over() {
        line.push_str(&format!(", {} left", left(action, now)));
    }
    if let Some(cause) = cause(&action.state) {
        line.push_str(&format!(": {}", table::visible(cause)));
    }
    line
}

/// The state's name, with the mode where it makes a difference.
#[must_use]
pub fn state(action: &Action) -> String {
    let name = action.state.name().replace('_', " ");
    match (&action.state, action.mode) {
        (State::Planned, Mode::Observe) => "observed only".to_owned(),
        _ => name,
    }
}

/// How long an action still lasts.
#[must_use]
pub fn left(action: &Action, now: Timestamp) -> String {
    span::write(action.ends.since(now).as_secs_f64().ceil() as u64)
}

/// What the state says in words.
#[must_use]
pub fn cause(state: &State) -> Option<&str> {
    match state {
        State::Refused { cause }
        | State::Ineffective { cause, .. }
        | State::Unknown { cause }
        | State::Undone { cause } => Some(cause),
        State::Planned
        | State::AwaitingApproval
        | State::Executed
        | State::Effective { .. }
        | State::Expired => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use event::action::{ActionId, Why};
    use event::order::Order;

    /// An action that is planned at second 100 and lasts an hour.
    pub fn action(id: u64, state: State, mode: Mode) -> Action {
        Action {
            id: ActionId(id),
            what: event::action::What::Block {
                target: "192.0.2.1".parse().unwrap(),
            },
            ttl_secs: 3600,
            mode,
            why: Why {
                reason: "it scans".into(),
                playbook: Some("scanners".into()),
                ..Why::default()
            },
            returned: 0,
            state,
            planned: Timestamp::new(100, 0),
            executed: None,
            ends: Timestamp::new(3700, 0),
            changed: Timestamp::new(100, 0),
            undo: None,
        }
    }

    fn check(actions: Vec<Action>, settled: bool, expected: &str) {
        let answer = Answer {
            order: Order {
                id: "o".into(),
                time: Timestamp::default(),
                who: "root".into(),
                what: What::UndoAll,
            },
            settled,
            note: None,
            actions,
        };
        assert_eq!(
            describe(&answer, "nothing to undo", Timestamp::new(100, 0)),
            expected
        );
    }

    #[test]
    fn an_answer_tells_each_action_in_a_line() {
        check(vec![], true, "nothing to undo\n");
        check(vec![], false, "under way; see: ratel actions list\n");
        let observed = action(17, State::Planned, Mode::Observe);
        check(
            vec![observed],
            true,
            "a17 block 192.0.2.1: observed only, 1h left\n",
        );
        let refused = State::Refused {
            cause: "192.0.2.1 is the gateway".into(),
        };
        let refused = action(18, refused, Mode::Enforce);
        check(
            vec![refused],
            true,
            "a18 block 192.0.2.1: refused: 192.0.2.1 is the gateway\n",
        );
        let waits = action(19, State::AwaitingApproval, Mode::Ask);
        check(
            vec![waits],
            true,
            "a19 block 192.0.2.1: awaiting approval, 1h left\n",
        );
    }
}
