//! The formats that are known by name, and how a file tells which it is.

use super::cells::{self, Separator};
use super::layout::{Field, Layout, Role};
use super::mapping::Mapping;
use super::names::{self, Names};
use super::{Error, MAX_COLUMNS, Options};

/// A format of labelled flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CIC-IDS2017, CSE-CIC-IDS2018, CICFlowMeter's CSV and that of `ratel flows`.
    Cic,
    /// UNSW-NB15: its partition, and the raw files without names.
    Unsw,
    /// NSL-KDD, as text without names or as ARFF.
    NslKdd,
    /// CTU-13's binetflow.
    Ctu13,
    /// IoT-23's conn.log.labeled.
    Iot23,
    /// EVE's `flow` records with features.
    Eve,
    /// Whatever a mapping file describes.
    Mapped,
}

/// NSL-KDD's columns (those of KDD Cup 1999).
const NSL_KDD: &[&str] = &[
    "duration",
    "protocol_type",
    "service",
    "flag",
    "src_bytes",
    "dst_bytes",
    "land",
    "wrong_fragment",
    "urgent",
    "hot",
    "num_failed_logins",
    "logged_in",
    "num_compromised",
    "root_shell",
    "su_attempted",
    "num_root",
    "num_file_creations",
    "num_shells",
    "num_access_files",
    "num_outbound_cmds",
    "is_host_login",
    "is_guest_login",
    "count",
    "srv_count",
    "serror_rate",
    "srv_serror_rate",
    "rerror_rate",
    "srv_rerror_rate",
    "same_srv_rate",
    "diff_srv_rate",
    "srv_diff_host_rate",
    "dst_host_count",
    "dst_host_srv_count",
    "dst_host_same_srv_rate",
    "dst_host_diff_srv_rate",
    "dst_host_same_src_port_rate",
    "dst_host_srv_diff_host_rate",
    "dst_host_serror_rate",
    "dst_host_srv_serror_rate",
    "dst_host_rerror_rate",
    "dst_host_srv_rerror_rate",
    "class",
    "difficulty",
];

/// UNSW-NB15's raw columns, under the names that its partition has.
const UNSW: &[&str] = &[
    "srcip",
    "sport",
    "dstip",
    "dsport",
    "proto",
    "state",
    "dur",
    "sbytes",
    "dbytes",
    "sttl",
    "dttl",
    "sloss",
    "dloss",
    "service",
    "sload",
    "dload",
    "spkts",
    "dpkts",
    "swin",
    "dwin",
    "stcpb",
    "dtcpb",
    "smean",
    "dmean",
    "trans_depth",
    "response_body_len",
    "sjit",
    "djit",
    "stime",
    "ltime",
    "sinpkt",
    "dinpkt",
    "tcprtt",
    "synack",
    "ackdat",
    "is_sm_ips_ports",
    "ct_state_ttl",
    "ct_flw_http_mthd",
    "is_ftp_login",
    "ct_ftp_cmd",
    "ct_srv_src",
    "ct_srv_dst",
    "ct_dst_ltm",
    "ct_src_ltm",
    "ct_src_dport_ltm",
    "ct_dst_sport_ltm",
    "ct_dst_src_ltm",
    "attack_cat",
    "label",
];

/// The formats that are known by their names, in the order in which they are tried.
const KNOWN: [Format; 5] = [
    Format::Cic,
    Format::Unsw,
    Format::NslKdd,
    Format::Ctu13,
    Format::Iot23,
];

impl Format {
    /// The names that `--format` takes.
    pub const NAMES: [&'static str; 6] = ["cic", "unsw-nb15", "nsl-kdd", "ctu-13", "iot-23", "eve"];

    /// Reads such a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "cic" | "cicflowmeter" | "ratel" | "cic-ids2017" | "cic-ids2018" => Format::Cic,
            "unsw-nb15" | "unsw" => Format::Unsw,
            "nsl-kdd" | "kdd" => Format::NslKdd,
            "ctu-13" | "binetflow" => Format::Ctu13,
            "iot-23" | "zeek" => Format::Iot23,
            "eve" => Format::Eve,
            _ => return None,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Cic => "cic",
            Format::Unsw => "unsw-nb15",
            Format::NslKdd => "nsl-kdd",
            Format::Ctu13 => "ctu-13",
            Format::Iot23 => "iot-23",
            Format::Eve => "eve",
            Format::Mapped => "mapped",
        }
    }

    /// What a column of this format is; `looks_like` tells it of one that the format does not know.
    fn role(self, name: &str, looks_like: Role) -> Role {
        match self {
            Format::Cic => match name {
                // What the running system has no features of either.
                "Flow ID" | "Src Port" | "Dst IP" | "TLS JA4" | "ICMP Code" | "ICMP Type" => {
                    Role::Skip
                }
                "TLS ALPN" => Role::Category,
                "Src IP" => Role::Host,
                "Timestamp" => Role::Time,
                "Protocol" => Role::Category,
                "Dst Port" => Role::Port,
                "Label" => Role::Label,
                name if name.starts_with("Unnamed") || name.is_empty() => Role::Skip,
                // What a later version measures beyond; text is no feature of a flow.
                name if !names::is_known(name) && looks_like == Role::Category => Role::Skip,
                _ => Role::Number,
            },
            Format::Unsw => match name {
                // Sequence numbers of TCP are drawn at random.
                "id" | "sport" | "dstip" | "ltime" | "stcpb" | "dtcpb" => Role::Skip,
                "srcip" => Role::Host,
                "stime" => Role::Time,
                "dsport" => Role::Port,
                "proto" | "service" | "state" => Role::Category,
                "attack_cat" => Role::Detail,
                "label" => Role::Label,
                _ => Role::Number,
            },
            Format::NslKdd => match name {
                "protocol_type" | "service" | "flag" => Role::Category,
                "class" | "label" | "attack" => Role::Label,
                "difficulty" | "difficulty_level" | "level" | "id" => Role::Skip,
                _ => Role::Number,
            },
            Format::Ctu13 => match name {
                "StartTime" => Role::Time,
                "SrcAddr" => Role::Host,
                "Dport" => Role::Port,
                "Proto" | "Dir" | "State" => Role::Category,
                "Label" | "label" => Role::Label,
                "Sport" | "DstAddr" | "LastTime" => Role::Skip,
                _ if looks_like == Role::Category => Role::Skip,
                _ => Role::Number,
            },
            Format::Iot23 => match name {
                "ts" => Role::Time,
                "id.orig_h" => Role::Host,
                "id.resp_p" => Role::Port,
                "proto" | "service" | "conn_state" | "history" => Role::Category,
                "label" => Role::Label,
                "detailed-label" => Role::Detail,
                "duration" | "orig_bytes" | "resp_bytes" | "missed_bytes" | "orig_pkts"
                | "orig_ip_bytes" | "resp_pkts" | "resp_ip_bytes" => Role::Number,
                _ => Role::Skip,
            },
            Format::Eve | Format::Mapped => looks_like,
        }
    }

    /// Columns without which a file is not of this format.
    fn needed(self) -> &'static [&'static str] {
        match self {
            Format::Cic => &["Flow Duration", "Flow IAT Mean"],
            Format::Unsw => &["dur", "proto", "sbytes"],
            Format::NslKdd => &["duration", "protocol_type", "src_bytes"],
            Format::Ctu13 => &["StartTime", "SrcAddr", "TotBytes"],
            Format::Iot23 => &["ts", "proto", "conn_state"],
            Format::Eve | Format::Mapped => &[],
        }
    }

    /// Which format lines of names are of.
    fn of_names(names: &[String]) -> Option<Self> {
        let has = |name: &&str| names.iter().any(|n| n == name);
        let is = |format: &Format| format.needed().iter().all(&has);
        KNOWN.into_iter().find(is)
    }

    /// Which format a line of values is of, by its number of cells and what is typical of them.
    fn of_values(cells: &[&str]) -> Option<Self> {
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
        match cells.len() {
            42 | 43 if matches!(cell(1), "tcp" | "udp" | "icmp") => Some(Format::NslKdd),
            49 if cell(0).parse::<std::net::IpAddr>().is_ok() => Some(Format::Unsw),
            _ => None,
        }
    }

    /// The names of a column list, where a file has none.
    fn own_names(self, count: usize) -> Option<Vec<String>> {
        let names = match self {
            Format::NslKdd if count == 42 || count == 43 => NSL_KDD.get(..count)?,
            Format::Unsw if count == UNSW.len() => UNSW,
            _ => return None,
        };
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// Names of the columns as this format's role table has them.
    fn tidy(self, names: &[&str]) -> Vec<String> {
        let spellings = Names::new();
        let tidy = |name: &&str| match self {
            Format::Cic => spellings.of(name).to_owned(),
            Format::Unsw => match name.to_ascii_lowercase().replace(' ', "").as_str() {
                "smeansz" => "smean".to_owned(),
                "dmeansz" => "dmean".to_owned(),
                "res_bdy_len" => "response_body_len".to_owned(),
                "sintpkt" => "sinpkt".to_owned(),
                "dintpkt" => "dinpkt".to_owned(),
                other => other.to_owned(),
            },
            Format::NslKdd => name.to_ascii_lowercase(),
            Format::Ctu13 | Format::Iot23 | Format::Eve | Format::Mapped => (*name).to_owned(),
        };
        names.iter().map(tidy).collect()
    }
}

/// The lines before the first flow.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Names of an ARFF's attributes or of Zeek's fields.
    names: Option<Vec<String>>,
    is_zeek: bool,
    is_arff: bool,
}

impl Head {
    /// Whether a line belongs here; others wait for [`Head::layout`].
    pub(super) fn takes(&mut self, line: &str) -> bool {
        if let Some(fields) = line.strip_prefix("#fields") {
            let mut cells = Vec::new();
            Separator::Zeek.cells(fields.trim(), &mut cells);
            self.names = Some(cells.into_iter().map(str::to_owned).collect());
        }
        if line.starts_with('#') {
            self.is_zeek = true;
            return true;
        }
        if line.starts_with('%') {
            return true;
        }
        let Some(directive) = line.trim_start().strip_prefix('@') else {
            return false;
        };
        self.is_arff = true;
        let directive = directive.trim();
        if directive
            .get(..9)
            .is_some_and(|word| word.eq_ignore_ascii_case("attribute"))
        {
            let name = attribute(directive.get(9..).unwrap_or_default().trim());
            let names = self.names.get_or_insert_default();
            if names.len() <= MAX_COLUMNS {
                names.push(name.to_owned());
            }
        }
        true
    }

    /// What the columns are, and the place of the first flow: the first line that waits is that of the names,
    /// where there is one.
    pub(super) fn layout(
        self,
        file: &str,
        waiting: &[(u64, String)],
        options: &Options,
    ) -> Result<(Layout, usize), Error> {
        let Some((line, first)) = waiting.first() else {
            return Err(Error::Empty {
                file: file.to_owned(),
            });
        };
        let separator = match (&options.mapping, self.is_zeek, self.is_arff) {
            (
                Some(Mapping {
                    separator: Some(own),
                    ..
                }),
                ..,
            ) => Separator::Character(*own),
            (_, true, _) => Separator::Zeek,
            (_, _, true) => Separator::Character(','),
            _ => Separator::Character(most_frequent(first)),
        };
        let mut cells = Vec::new();
        separator.cells(first, &mut cells);
        if cells.len() > MAX_COLUMNS {
            return Err(Error::Format {
                file: file.to_owned(),
                line: *line,
                why: format!("{} columns, more than {MAX_COLUMNS}", cells.len()),
            });
        }
        let head = Columns::find(self.names.as_deref(), &cells, options);
        let Some(head) = head else {
            return Err(Error::Format {
                file: file.to_owned(),
                line: *line,
                why: "these columns are of no known format".to_owned(),
            });
        };
        head.layout(file, *line, separator, waiting, options)
    }
}

/// Columns with the format that they are of.
struct Columns {
    format: Format,
    names: Vec<String>,
    /// The first line that waits is that of the names.
    is_line_of_names: bool,
}

impl Columns {
    fn find(own: Option<&[String]>, first: &[&str], options: &Options) -> Option<Self> {
        let given: Vec<&str> = match own {
            Some(names) => names.iter().map(String::as_str).collect(),
            None => first.to_vec(),
        };
        if let Some(mapping) = &options.mapping {
            let named = mapping.columns.clone();
            let is_line_of_names = named.is_none() && own.is_none();
            let names = named.unwrap_or_else(|| Format::Mapped.tidy(&given));
            return Some(Columns {
                format: Format::Mapped,
                names,
                is_line_of_names,
            });
        }
        if own.is_none() {
            let by_values = options.format.or_else(|| Format::of_values(first));
            let has_text_only = first.iter().all(|cell| cells::number(cell).is_none());
            if let (Some(format), false) = (by_values, has_text_only)
                && let Some(names) = format.own_names(first.len())
            {
                return Some(Columns {
                    format,
                    names,
                    is_line_of_names: false,
                });
            }
        }
        let fits = |format: &Format| Format::of_names(&format.tidy(&given)) == Some(*format);
        let format = options.format.or_else(|| KNOWN.into_iter().find(fits))?;
        Some(Columns {
            format,
            names: format.tidy(&given),
            is_line_of_names: own.is_none(),
        })
    }

    fn layout(
        self,
        file: &str,
        line: u64,
        separator: Separator,
        waiting: &[(u64, String)],
        options: &Options,
    ) -> Result<(Layout, usize), Error> {
        let Columns { format, names, .. } = &self;
        let missing = match &options.mapping {
            Some(mapping) => mapping.missing(names),
            None => {
                let is_there = |needed: &&&str| !names.iter().any(|name| name == *needed);
                let missing = format.needed().iter().filter(is_there);
                missing.map(|name| (*name).to_owned()).collect()
            }
        };
        if !missing.is_empty() {
            return Err(Error::Columns {
                file: file.to_owned(),
                line,
                missing,
            });
        }
        let begin = usize::from(self.is_line_of_names);
        let text = columns_of_text(
            separator,
            waiting.get(begin..).unwrap_or_default(),
            names.len(),
        );
        let looks_like = |at: usize| match text.get(at) {
            Some(true) => Role::Category,
            Some(false) | None => Role::Number,
        };
        let mut layout = match &options.mapping {
            Some(mapping) => mapping.layout(names, separator, looks_like),
            None => Layout {
                format: *format,
                separator,
                fields: Vec::new(),
                is_month_first: false,
                normal: Vec::new(),
                unlabelled: Vec::new(),
                rate_of: None,
            },
        };
        if options.mapping.is_none() {
            for (at, name) in names.iter().enumerate() {
                let is_twice = names.iter().take(at).any(|earlier| earlier == name);
                let role = match is_twice {
                    true => Role::Skip,
                    false => format.role(name, looks_like(at)),
                };
                let name = name.clone();
                layout.fields.push(Field { name, role });
            }
        }
        layout.rate_of = match format {
            Format::Unsw => rate_of(names),
            _ => None,
        };
        Ok((layout, begin))
    }
}

/// What UNSW-NB15's `rate` is computed from, where that is missing.
fn rate_of(names: &[String]) -> Option<[usize; 3]> {
    let place = |name: &str| names.iter().position(|n| n == name);
    match place("rate") {
        Some(_) => None,
        None => Some([place("dur")?, place("spkts")?, place("dpkts")?]),
    }
}

/// Which columns have text that is no number, in the rows that are looked at.
fn columns_of_text(separator: Separator, rows: &[(u64, String)], count: usize) -> Vec<bool> {
    let mut text = vec![false; count];
    let mut cells = Vec::new();
    for (_, row) in rows {
        separator.cells(row, &mut cells);
        if cells.len() != count {
            continue;
        }
        for (is_text, cell) in text.iter_mut().zip(&cells) {
            *is_text |= cells::number(cell).is_none();
        }
    }
    text
}

/// `'name' real`, `name {a,b}`.
fn attribute(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next().unwrap_or(quoted).trim(),
        None => cells::bare(text.split_whitespace().next().unwrap_or(text)),
    }
}

/// The separator that a line has most of.
fn most_frequent(line: &str) -> char {
    let count = |c: char| line.matches(c).count();
    let all = [',', '\t', ';', '|'];
    let mut best = ',';
    for c in all {
        if count(c) > count(best) {
            best = c;
        }
    }
    best
}
