//! `ratel silences`: what people do not want to be told of for a while.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use console::api::query::encode;
use console::client::{self, Method};
use serde_json::{Value, json};

use crate::control::Control;
use crate::table;

/// Where the API has them.
const PATH: &str = "/api/v1/silences";

/// `ratel silences …`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List silences in force.
    List(List),
    /// Make a silence. Look at `preview` first.
    Add(Add),
    /// What a silence would have hidden.
    Preview(Preview),
    /// End a silence now.
    Expire(Expire),
    /// Suricata's threshold.config of the silences in force.
    Export(Export),
}

/// What a silence hides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Nobody is told; incidents are made as ever.
    #[default]
    Silence,
    /// The events make no incident.
    Suppress,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Silence => "silence",
            Kind::Suppress => "suppress",
        }
    }
}

/// `ratel silences list`.
#[derive(Debug, Args)]
pub struct List {
    /// Those that are over as well.
    #[arg(long)]
    expired: bool,
    #[command(flatten)]
    control: Control,
}

/// `ratel silences add`.
#[derive(Debug, Args)]
pub struct Add {
    /// Which events, as a search: 'alert.signature_id:2001219 AND src_ip:10.0.0.0/8'.
    #[arg(value_name = "QUERY")]
    query: String,
    /// For how long, or until when (RFC 3339).
    #[arg(long = "for", value_name = "TIME")]
    expires: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// What it hides.
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    #[command(flatten)]
    control: Control,
}

/// `ratel silences preview`.
#[derive(Debug, Args)]
pub struct Preview {
    /// Which events, as a search.
    #[arg(value_name = "QUERY")]
    query: String,
    /// So many days back.
    #[arg(long, value_name = "NUMBER", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=90))]
    days: u32,
    #[command(flatten)]
    control: Control,
}

/// `ratel silences expire`.
#[derive(Debug, Args)]
pub struct Expire {
    /// The silence, as `ratel silences list` calls it.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    control: Control,
}

/// `ratel silences export`.
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    control: Control,
}

/// Carries out the verb.
pub fn run(verb: &Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::List(args) => {
            let path = format!("{PATH}?limit=1000&expired={}", args.expired);
            let answer: Value = client::get(&args.control.socket, &path)?;
            args.control.print(&answer, || rows(&answer))?;
        }
        Verb::Add(args) => {
            let new = json!({"query": args.query, "kind": args.kind.name(), "expires": args.expires,
                             "reason": args.why});
            let answer: Value =
                client::ask(&args.control.socket, Method::POST, PATH, None, Some(&new))?;
            args.control.print(&answer, || {
                format!(
                    "silence {}, until {}\n",
                    text(&answer["id"]),
                    text(&answer["expires"])
                )
            })?;
        }
        Verb::Preview(args) => {
            let (path, draft) = (
                format!("{PATH}/preview"),
                json!({"query": args.query, "days": args.days}),
            );
            let answer: Value = client::ask(
                &args.control.socket,
                Method::POST,
                &path,
                None,
                Some(&draft),
            )?;
            args.control.print(&answer, || preview(&answer))?;
        }
        Verb::Expire(args) => {
            let path = format!("{PATH}/{}", encode(&args.id));
            let answer: Value = client::ask(
                &args.control.socket,
                Method::DELETE,
                &path,
                None,
                None::<&Value>,
            )?;
            args.control.print(&answer, || "it is over\n".to_owned())?;
        }
        Verb::Export(args) => {
            let path = format!("{PATH}/threshold.config");
            let lines = client::text(&args.control.socket, &path)?;
            args.control.print(&lines, || lines.clone())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(answer: &Value) -> String {
    let items = answer["items"].as_array().map(Vec::as_slice);
    let row = |silence: &Value| {
        let of = |key: &str| text(&silence[key]);
        vec![
            of("id"),
            of("kind"),
            of("owner"),
            of("expires"),
            of("reason"),
            of("query"),
        ]
    };
    let rows: Vec<Vec<String>> = items.unwrap_or_default().iter().map(row).collect();
    if rows.is_empty() {
        return "no silences\n".to_owned();
    }
    table::write(&["ID", "KIND", "OWNER", "UNTIL", "REASON", "QUERY"], &rows)
}

fn preview(answer: &Value) -> String {
    let (hidden, of, days) = (&answer["would_hide"], &answer["of"], &answer["days"]);
    let incidents = answer["incidents"].as_array().map_or(0, Vec::len);
    format!(
        "would have hidden {hidden} of {of} alerts and {incidents} incidents in the last {days} days\n"
    )
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}
