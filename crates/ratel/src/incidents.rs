//! `ratel incidents`: what events became, and what people say about it.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use console::api::query::encode;
use console::client::{self, Method};
use event::incident::{Incident, Status};
use serde_json::{Value, json};

use crate::control::Control;
use crate::table;

/// Where the API has them.
const PATH: &str = "/api/v1/incidents";

/// `ratel incidents …`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List incidents, the one with the newest event first.
    List(List),
    /// Show one incident with all that is known of it.
    Show(One),
    /// Write a note about an incident.
    Note(Note),
    /// Close an incident.
    Close(Close),
    /// Take an incident on: it is acknowledged and has an owner.
    Own(Own),
}

/// `ratel incidents list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only in these states: open, acknowledged, closed.
    #[arg(long, value_name = "STATUS,…", default_value = "open,acknowledged")]
    status: String,
    /// Only so bad or worse: informational, low, medium, high, critical.
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<String>,
    /// Only of this owner; `none`: of nobody.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Only with these words in title, addresses or signatures.
    #[arg(value_name = "WORDS")]
    words: Option<String>,
    /// Only with an event since then: RFC 3339, or so long before now (24h).
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    control: Control,
}

/// One incident.
#[derive(Debug, Args)]
pub struct One {
    /// The incident, as `ratel incidents list` calls it.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    control: Control,
}

/// `ratel incidents note`.
#[derive(Debug, Args)]
pub struct Note {
    /// What is noted.
    #[arg(value_name = "TEXT")]
    text: String,
    #[command(flatten)]
    one: One,
}

/// `ratel incidents close`.
#[derive(Debug, Args)]
pub struct Close {
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    #[command(flatten)]
    one: One,
}

/// `ratel incidents own`.
#[derive(Debug, Args)]
pub struct Own {
    /// Who deals with it.
    #[arg(long = "as", value_name = "NAME")]
    name: String,
    #[command(flatten)]
    one: One,
}

impl One {
    fn path(&self, below: &str) -> String {
        format!("{PATH}/{}{below}", encode(&self.id))
    }

    fn change(&self, change: &Value) -> anyhow::Result<ExitCode> {
        let path = self.path("");
        let answer: Value = client::ask(
            &self.control.socket,
            Method::PATCH,
            &path,
            None,
            Some(change),
        )?;
        self.control.print(&answer, || describe(&answer))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Carries out the verb.
pub fn run(verb: &Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::List(args) => list(args),
        Verb::Show(one) => {
            let answer: Value = client::get(&one.control.socket, &one.path(""))?;
            one.control.print(&answer, || describe(&answer))?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Note(args) => {
            let one = &args.one;
            let (path, note) = (one.path("/notes"), json!({"text": args.text}));
            let answer: Value =
                client::ask(&one.control.socket, Method::POST, &path, None, Some(&note))?;
            one.control.print(&answer, || "noted\n".to_owned())?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Close(args) => {
            let why = (!args.why.is_empty()).then_some(&args.why);
            args.one.change(&json!({"status": "closed", "why": why}))
        }
        Verb::Own(args) => {
            let change = json!({"status": "acknowledged", "owner": args.name});
            args.one.change(&change)
        }
    }
}

fn list(args: &List) -> anyhow::Result<ExitCode> {
    let filters = [
        ("severity", &args.severity),
        ("owner", &args.owner),
        ("q", &args.words),
        ("since", &args.since),
    ];
    let filters: String = filters
        .iter()
        .filter_map(|(name, value)| Some(format!("&{name}={}", encode(value.as_deref()?))))
        .collect();
    let (limit, status) = (args.limit, encode(&args.status));
    let path = format!("{PATH}?limit={limit}&status={status}{filters}");
    let answer: Value = client::get(&args.control.socket, &path)?;
    args.control.print(&answer, || rows(&answer))?;
    Ok(ExitCode::SUCCESS)
}

fn rows(answer: &Value) -> String {
    let items = answer["items"].as_array().map(Vec::as_slice);
    let row = |view: &Value| {
        let incident = incident(view)?;
        Some(vec![
            incident.id,
            incident.severity.name().to_owned(),
            text(&view["status"]),
            text(&view["owner"]),
            incident.events.to_string(),
            table::local(incident.last),
            incident.title,
        ])
    };
    let rows: Vec<Vec<String>> = items.unwrap_or_default().iter().filter_map(row).collect();
    if rows.is_empty() {
        return "no incidents\n".to_owned();
    }
    let heading = [
        "ID", "SEVERITY", "STATUS", "OWNER", "EVENTS", "LAST", "TITLE",
    ];
    let more = match answer["next"].is_null() {
        true => "",
        false => "there are more: --limit, or --since\n",
    };
    table::write(&heading, &rows) + more
}

fn incident(view: &Value) -> Option<Incident> {
    serde_json::from_value(view["incident"].clone()).ok()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}

/// An incident with all that is known of it, as text.
fn describe(view: &Value) -> String {
    let Some(incident) = incident(view) else {
        return "the answer tells of no incident\n".to_owned();
    };
    let parties = |parties: &[event::incident::Party]| {
        let words: Vec<String> = parties.iter().take(10).map(party).collect();
        match parties.len() {
            0 => "-".to_owned(),
            many @ 11.. => format!("{} and {} more", words.join(", "), many - 10),
            _ => words.join(", "),
        }
    };
    let mut rows = vec![
        ("incident", incident.id.clone()),
        ("title", incident.title.clone()),
        ("severity", incident.severity.name().to_owned()),
        ("status", text(&view["status"])),
        ("owner", text(&view["owner"])),
        ("first", table::local(incident.first)),
        ("last", table::local(incident.last)),
        ("events", incident.events.to_string()),
        ("attackers", parties(&incident.attackers)),
        ("victims", parties(&incident.victims)),
    ];
    for tactic in &incident.tactics {
        let techniques = tactic.techniques.iter();
        let techniques: Vec<String> = techniques.map(|t| format!("{} {}", t.id, t.name)).collect();
        rows.push((
            "step",
            format!("{} {}: {}", tactic.id, tactic.name, techniques.join(", ")),
        ));
    }
    for signature in &incident.signatures {
        let words = format!(
            "{} {} ({} times)",
            signature.id, signature.text, signature.events
        );
        rows.push(("rule", words));
    }
    for action in &incident.actions {
        rows.push(("action", action.to_string()));
    }
    if incident.status == Status::Closed {
        rows.push(("closed", text(&view["closed_why"])));
    }
    rows.push(("search", incident.query.clone()));
    for note in view["notes"].as_array().into_iter().flatten() {
        let (time, author) = (text(&note["time"]), text(&note["author"]));
        rows.push(("note", format!("{time} {author}: {}", text(&note["text"]))));
    }
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    table::write(&["", ""], &rows).trim_start().to_owned()
}

fn party(party: &event::incident::Party) -> String {
    match &party.asset {
        Some(asset) => format!("{} ({asset})", party.address),
        None => party.address.clone(),
    }
}
