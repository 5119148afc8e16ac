//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Ratel: intrusion detection and response.
#[derive(Debug, Parser)]
#[command(
    name = "ratel",
    version,
    about,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Watch interfaces, answer attacks: all roles of one host, until it is told to stop.
    Up(Box<crate::up::Args>),
    /// Run some roles in this process; the others run elsewhere and meet them on the bus.
    Run(Box<crate::up::Run>),
    /// Show what Ratel does, in a lab of network namespaces that it attacks for real. Needs root.
    Demo(crate::demo::Args),
    /// Look at the configuration: `ratel.yaml` with the environment on top.
    #[command(subcommand)]
    Config(crate::site::verb::Verb),
    /// What stands in the way of capturing and acting here, each with the command that mends it.
    Doctor(crate::doctor::Args),
    /// Read captures, hold rules against them, and tell what happened.
    Read(Box<Read>),
    /// Measure the flows of captures: CICFlowMeter's features, a row for each flow.
    Flows(crate::flows::Flows),
    /// Models of flows: train one on your own traffic, evaluate it, score flows, explain a score.
    #[command(subcommand)]
    Learn(crate::learn::Verb),
    /// Look after rules.
    #[command(subcommand)]
    Rules(Rules),
    /// Sigma rules: check them, or try them on records.
    #[command(subcommand)]
    Sigma(crate::sigma::Verb),
    /// What events became: list, show, note, close, own.
    #[command(subcommand)]
    Incidents(crate::incidents::Verb),
    /// What people do not want to be told of for a while.
    #[command(subcommand)]
    Silences(crate::silences::Verb),
    /// What the running Ratel does about attacks: list, show, approve, undo.
    #[command(subcommand)]
    Actions(crate::actions::Verb),
    /// Who is told of incidents: list receivers, send them a test.
    #[command(subcommand)]
    Alert(crate::receivers::Verb),
    /// Block an address or network for a while.
    Block(crate::block::Block),
    /// End every block of an address or network.
    Unblock(crate::block::Unblock),
    /// Everything that was done, step by step: show it, or verify that nobody changed it.
    #[command(subcommand)]
    Audit(crate::audit::Verb),
    /// A ruleset for this host: limits, floods, scans, honeypots, metadata of clouds.
    #[command(subcommand)]
    Harden(crate::harden::Verb),
    /// Print what the API says of itself (OpenAPI 3.1).
    Openapi,
    /// Look after users: list, add, passwd, role, disable, enable, remove.
    #[command(subcommand)]
    Users(crate::accounts::Users),
    /// Look after API tokens: list, add, remove.
    #[command(subcommand)]
    Tokens(crate::accounts::Tokens),
    /// Ratel's own certificate authority: show it, issue certificates for other machines.
    #[command(subcommand)]
    Ca(crate::authority::Verb),
    /// Back up everything that must outlive this machine, while Ratel runs.
    Backup(crate::backup::Backup),
    /// Put a backup back, while no Ratel runs.
    Restore(crate::backup::Restore),
    /// Find events that are kept.
    Search(Box<crate::events::Search>),
    /// Print events as they come.
    Tail(crate::events::Tail),
    /// Look after what is kept.
    #[command(subcommand)]
    Store(crate::events::Verb),
    /// How the running Ratel fares.
    Status(crate::status::Args),
}

/// `ratel rules …`.
#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Check rules files: a verdict for every rule.
    Check(Box<Check>),
    /// The running Ratel reads its rules again; where the new ones fail it keeps the old ones.
    Reload(crate::control::Control),
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// `ratel read`. The short flags are Suricata's.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "A BPF expression may follow the captures: ratel read day.pcap 'tcp port 80'.\n\
    Exit status: 0 done, 1 failed or a capture was broken, 2 wrong usage."
)]
pub struct Read {
    /// Capture files or folders of them, `-` for standard input; then, optionally, a BPF expression.
    #[arg(value_name = "CAPTURE|BPF")]
    pub inputs: Vec<String>,
    /// A capture file or folder.
    #[arg(short = 'r', value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,
    /// Rules file: only these, whatever the configuration says. May be given more than once.
    #[arg(short = 'S', value_name = "RULES")]
    pub only_rules: Vec<PathBuf>,
    /// Rules file, beside those of the configuration.
    #[arg(short = 's', value_name = "RULES")]
    pub more_rules: Vec<PathBuf>,
    /// Folder for eve.json and the other logs; `-` writes eve.json to standard output.
    #[arg(short = 'l', value_name = "DIR")]
    pub log_dir: Option<PathBuf>,
    /// A suricata.yaml.
    #[arg(short = 'c', value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Checksums: `all` (those that are wrong are ignored by the stream engine) or `none`.
    #[arg(short = 'k', value_name = "all|none|auto")]
    pub checksums: Option<String>,
    /// Set a key of the configuration, e.g. --set stream.midstream=true.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// `flow` records tell the features of their flow, as `ratel.features`.
    #[arg(long)]
    pub flow_features: bool,
    /// A rule that can't be loaded ends the run.
    #[arg(long)]
    pub init_errors_fatal: bool,
    /// Rules are not loaded; records are written all the same.
    #[arg(long)]
    pub disable_detection: bool,
    /// Do as if in line: drop rules drop.
    #[arg(long)]
    pub simulate_ips: bool,
    /// Check configuration and rules, then end; the first thing wrong ends it with status 1.
    #[arg(short = 'T')]
    pub test: bool,
    /// Print the configuration as it is understood, key by key, then end.
    #[arg(long)]
    pub dump_config: bool,
    /// How the summary is printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    pub format: Format,
    /// Show for each alert which bytes made its rule match; eve.json tells it too (`ratel.matches`).
    #[arg(long)]
    pub explain: bool,
    /// Tell in the summary which rules took most time.
    #[arg(long)]
    pub costs: bool,
    /// Print no summary.
    #[arg(short = 'q', long)]
    pub quiet: bool,
    /// Say more on standard error.
    #[arg(short = 'v', action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Folder for data that is kept between runs, such as datasets.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Folder of compiled rules. Default: the user's cache folder.
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Don't keep compiled rules on disk.
    #[arg(long)]
    pub no_cache: bool,
    /// BPF expression from a file.
    #[arg(short = 'F', value_name = "FILE")]
    pub bpf_file: Option<PathBuf>,
    /// Accepted for compatibility: captures are always read by one thread each.
    #[arg(long, value_name = "MODE", hide = true)]
    pub runmode: Option<String>,
    /// Accepted for compatibility.
    #[arg(long, hide = true)]
    pub no_random: bool,
    /// Write what the engine makes of each rule to the log folder.
    #[arg(long, hide = true)]
    pub engine_analysis: bool,
    /// Keywords whose mistakes are errors rather than warnings.
    #[arg(long, value_name = "KEYWORDS", hide = true, num_args = 0..=1, require_equals = true)]
    pub strict_rule_keywords: Option<Option<String>>,
    /// Fault injection for tests: parser errors at an offset, packets short of memory.
    #[command(flatten)]
    pub simulate: Simulate,
}

/// Fault injection, as Suricata's debug builds have it.
#[derive(Debug, Default, Args)]
pub struct Simulate {
    /// The parser fails at this offset to server.
    #[arg(long, value_name = "BYTES", hide = true)]
    pub simulate_applayer_error_at_offset_ts: Option<u64>,
    /// The parser fails at this offset to client.
    #[arg(long, value_name = "BYTES", hide = true)]
    pub simulate_applayer_error_at_offset_tc: Option<u64>,
    /// Session memory runs out at this packet.
    #[arg(long, value_name = "PACKET", hide = true)]
    pub simulate_packet_tcp_ssn_memcap: Option<u64>,
    /// Reassembly memory runs out at this packet.
    #[arg(long, value_name = "PACKET", hide = true)]
    pub simulate_packet_tcp_reassembly_memcap: Option<u64>,
    /// Flow memory runs out at this packet.
    #[arg(long, value_name = "PACKET", hide = true)]
    pub simulate_packet_flow_memcap: Option<u64>,
    /// Fragment memory runs out at this packet.
    #[arg(long, value_name = "PACKET", hide = true)]
    pub simulate_packet_defrag_memcap: Option<u64>,
}

/// `ratel rules check`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 checked, 1 failed, 2 wrong usage, 3 fewer loaded than --min-loaded."
)]
pub struct Check {
    /// Rules files.
    #[arg(required = true, value_name = "FILES")]
    pub files: Vec<PathBuf>,
    /// A suricata.yaml, for its variables.
    #[arg(short = 'c', value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set a key of the configuration.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Least share of rules that must load, in percent.
    #[arg(long, value_name = "PERCENT")]
    pub min_loaded: Option<f64>,
    /// How the verdicts are printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    pub format: Format,
    /// List loaded rules too.
    #[arg(short = 'v', long)]
    pub verbose: bool,
}
