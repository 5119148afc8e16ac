//! CICFlowMeter's columns in all spellings that its versions and the datasets have: one name each, that of
//! `ratel flows`, so that what was trained on a dataset fits the engine's flows.

use std::collections::HashMap;

/// The names of `ratel flows` that are features, as it writes them.
const KNOWN: &[&str] = &[
    "Protocol",
    "Flow Duration",
    "Total Fwd Packet",
    "Total Bwd packets",
    "Total Length of Fwd Packet",
    "Total Length of Bwd Packet",
    "Fwd Packet Length Max",
    "Fwd Packet Length Min",
    "Fwd Packet Length Mean",
    "Fwd Packet Length Std",
    "Bwd Packet Length Max",
    "Bwd Packet Length Min",
    "Bwd Packet Length Mean",
    "Bwd Packet Length Std",
    "Flow Bytes/s",
    "Flow Packets/s",
    "Flow IAT Mean",
    "Flow IAT Std",
    "Flow IAT Max",
    "Flow IAT Min",
    "Fwd IAT Total",
    "Fwd IAT Mean",
    "Fwd IAT Std",
    "Fwd IAT Max",
    "Fwd IAT Min",
    "Bwd IAT Total",
    "Bwd IAT Mean",
    "Bwd IAT Std",
    "Bwd IAT Max",
    "Bwd IAT Min",
    "Fwd PSH Flags",
    "Bwd PSH Flags",
    "Fwd URG Flags",
    "Bwd URG Flags",
    "Fwd RST Flags",
    "Bwd RST Flags",
    "Fwd Header Length",
    "Bwd Header Length",
    "Fwd Packets/s",
    "Bwd Packets/s",
    "Packet Length Min",
    "Packet Length Max",
    "Packet Length Mean",
    "Packet Length Std",
    "Packet Length Variance",
    "FIN Flag Count",
    "SYN Flag Count",
    "RST Flag Count",
    "PSH Flag Count",
    "ACK Flag Count",
    "URG Flag Count",
    "CWR Flag Count",
    "ECE Flag Count",
    "Down/Up Ratio",
    "Average Packet Size",
    "Fwd Segment Size Avg",
    "Bwd Segment Size Avg",
    "Fwd Bytes/Bulk Avg",
    "Fwd Packet/Bulk Avg",
    "Fwd Bulk Rate Avg",
    "Bwd Bytes/Bulk Avg",
    "Bwd Packet/Bulk Avg",
    "Bwd Bulk Rate Avg",
    "Subflow Fwd Packets",
    "Subflow Fwd Bytes",
    "Subflow Bwd Packets",
    "Subflow Bwd Bytes",
    "FWD Init Win Bytes",
    "Bwd Init Win Bytes",
    "Fwd Act Data Pkts",
    "Bwd Act Data Pkts",
    "Fwd Seg Size Min",
    "Bwd Seg Size Min",
    "Active Mean",
    "Active Std",
    "Active Max",
    "Active Min",
    "Idle Mean",
    "Idle Std",
    "Idle Max",
    "Idle Min",
    "ICMP Code",
    "ICMP Type",
    "Fwd TCP Retrans. Count",
    "Bwd TCP Retrans. Count",
    "Total TCP Retrans. Count",
    "Total Connection Flow Time",
    "Flow ID",
    "Src IP",
    "Src Port",
    "Dst IP",
    "Dst Port",
    "Timestamp",
    "Label",
];

/// Spellings to names.
pub(super) struct Names(HashMap<Vec<String>, &'static str>);

impl Names {
    pub(super) fn new() -> Self {
        let mut names: HashMap<_, _> = KNOWN.iter().map(|name| (words(name), *name)).collect();
        names.insert(words("Attack Type"), "Label");
        names.insert(words("Class"), "Label");
        Names(names)
    }

    /// The name that a column has here; one that nobody knows stays as it is.
    pub(super) fn of<'a>(&self, column: &'a str) -> &'a str {
        self.0.get(&words(column)).copied().unwrap_or(column)
    }
}

/// Whether a name is one of those.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
}

/// A name's words without their order, number and abbreviation: `Tot Fwd Pkts`, `Total Fwd Packets` and
/// `Total Fwd Packet` have the same.
fn words(name: &str) -> Vec<String> {
    let name = name.trim().to_ascii_lowercase();
    // The second of two columns of one name, as pandas writes it.
    let name = name.strip_suffix(".1").unwrap_or(&name);
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    let mut words: Vec<String> = parts
        .flat_map(|word| match word {
            "totlen" => vec!["total", "length"],
            word => vec![word],
        })
        .filter(|word| !matches!(*word, "" | "of"))
        .map(|word| full(word).to_owned())
        .collect();
    words.sort_unstable();
    words
}

fn full(word: &str) -> &str {
    match word {
        "tot" => "total",
        "pkt" | "pkts" | "packets" => "packet",
        "byts" | "bytes" => "byte",
        "len" => "length",
        "cnt" => "count",
        "var" => "variance",
        "seg" => "segment",
        "blk" | "b" => "bulk",
        "average" => "avg",
        "forward" => "fwd",
        "backward" => "bwd",
        "source" => "src",
        "destination" => "dst",
        "cwe" => "cwr",
        "flags" => "flag",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_columns_have_the_same_words() {
        let names = Names::new();
        for name in KNOWN {
            assert_eq!(names.of(name), *name);
        }
    }

    #[test]
    fn spellings_of_the_datasets_are_one_name() {
        let names = Names::new();
        for (spelling, expected) in [
            (" Total Fwd Packets", "Total Fwd Packet"),
            ("Tot Fwd Pkts", "Total Fwd Packet"),
            ("Total Backward Packets", "Total Bwd packets"),
            ("TotLen Fwd Pkts", "Total Length of Fwd Packet"),
            ("Total Length of Bwd Packets", "Total Length of Bwd Packet"),
            ("Flow Byts/s", "Flow Bytes/s"),
            (" Min Packet Length", "Packet Length Min"),
            ("Pkt Len Var", "Packet Length Variance"),
            ("CWE Flag Count", "CWR Flag Count"),
            ("Pkt Size Avg", "Average Packet Size"),
            ("Avg Fwd Segment Size", "Fwd Segment Size Avg"),
            ("Fwd Header Length.1", "Fwd Header Length"),
            ("Fwd Avg Bytes/Bulk", "Fwd Bytes/Bulk Avg"),
            ("Fwd Byts/b Avg", "Fwd Bytes/Bulk Avg"),
            ("Fwd Blk Rate Avg", "Fwd Bulk Rate Avg"),
            ("Subflow Fwd Byts", "Subflow Fwd Bytes"),
            ("Init_Win_bytes_forward", "FWD Init Win Bytes"),
            ("Init Bwd Win Byts", "Bwd Init Win Bytes"),
            ("act_data_pkt_fwd", "Fwd Act Data Pkts"),
            ("min_seg_size_forward", "Fwd Seg Size Min"),
            ("Destination Port", "Dst Port"),
            ("Attack Type", "Label"),
            ("Unnamed: 0", "Unnamed: 0"),
        ] {
            assert_eq!(names.of(spelling), expected, "{spelling}");
        }
    }
}
