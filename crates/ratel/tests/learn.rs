//! `ratel learn` as people call it: from a labelled file, a capture's records or the store to findings, and what bad
//! inputs are told.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Bench { folder }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("written");
        path
    }

    fn run(&self, args: &[&str]) -> Output {
        self.ratel(&[&["learn"], args].concat())
    }

    fn ratel(&self, args: &[&str]) -> Output {
        let ratel = Path::new(env!("CARGO_BIN_EXE_ratel"));
        let mut command = Command::new(ratel);
        command.args(args).current_dir(self.folder.path());
        command.output().expect("ratel runs")
    }

    /// Runs another of Ratel's commands, which must succeed.
    fn done(&self, args: &[&str]) {
        let output = self.ratel(args);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {complaint}");
    }

    /// Runs what must succeed; its standard output.
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {complaint}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs what must fail with this status, and tell one line that holds these words.
    fn fails(&self, status: i32, args: &[&str], words: &str) {
        let output = self.run(args);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{args:?}: {complaint}");
        assert!(complaint.contains(words), "{args:?}: {complaint}");
        assert!(!complaint.contains("panicked"), "{complaint}");
    }
}

/// Flows in CICFlowMeter's columns: normal ones of about 1,000 bytes, scans of few, worms of many.
fn flows(count: usize) -> String {
    let mut text =
        "Src IP,Timestamp,Dst Port,Protocol,Flow Duration,Flow IAT Mean,Total Fwd Packet,\
                    Flow Bytes/s,Label\n"
            .to_owned();
    for n in 0..count {
        let (label, bytes, port) = match n % 10 {
            7 => ("Scan", 10 + n % 7, 22),
            8 if n % 20 == 8 => ("Worm", 90_000 + n % 500, 445),
            _ => ("BENIGN", 900 + (n * 37) % 200, 443),
        };
        let (host, second) = (n % 5, n % 60);
        let _ = writeln!(
            text,
            "10.0.0.{host},2026-01-01 10:{:02}:{second:02},{port},6,{},{},{},{bytes},{label}",
            n / 60 % 60,
            bytes * 3,
            bytes / 2,
            bytes / 100
        );
    }
    text
}

#[test]
fn from_a_labelled_file_to_a_model_its_worth_its_findings_and_why() {
    let bench = Bench::new();
    bench.file("day.csv", &flows(1200));
    bench.file("next.csv", &flows(400));
    let text = bench.ok(&[
        "train",
        "day.csv",
        "--model",
        "logistic",
        "--leave-out",
        "worm",
        "--hold-out",
        "time",
        "--to",
        "day.ratel-model",
    ]);
    assert!(text.contains("logistic learned from"), "{text}");
    assert!(
        text.contains("these kinds are not learned from at all: worm"),
        "{text}"
    );
    let json = bench.ok(&["evaluate", "day.ratel-model", "next.csv", "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let measures = &told["outcome"]["measures"];
    assert!(measures["roc_auc"].as_f64() > Some(0.5), "{json}");
    let kinds = measures["kinds"].as_array().expect("kinds");
    let unseen: Vec<_> = kinds
        .iter()
        .filter(|kind| kind["is_unseen"] == true)
        .collect();
    assert_eq!(unseen.len(), 1);
    assert_eq!(unseen[0]["name"], "Worm");
    let scored = bench.ok(&[
        "score",
        "day.ratel-model",
        "next.csv",
        "--all",
        "-o",
        "json",
    ]);
    assert_eq!(scored.lines().count(), 400);
    let why = bench.ok(&["explain", "day.ratel-model", "next.csv", "--line", "9"]);
    assert!(why.starts_with("line 9: "), "{why}");
    let found = bench.run(&[
        "score",
        "day.ratel-model",
        "next.csv",
        "--incidents-per-day",
        "1000",
        "--fail-on",
        "findings",
    ]);
    assert_eq!(found.status.code(), Some(3));
}

#[test]
fn a_card_puts_the_models_beside_each_other() {
    let bench = Bench::new();
    bench.file("day.csv", &flows(900));
    let text = bench.ok(&[
        "card",
        "day.csv",
        "--model",
        "forest",
        "--against",
        "z-score,pca",
        "--seeds",
        "2",
        "--to",
        "card",
    ]);
    assert!(text.contains("z-score"), "{text}");
    let card = fs::read_to_string(bench.folder.path().join("card/CARD.md")).expect("a card");
    assert!(
        card.contains("Mean and standard deviation over 2 seeds"),
        "{card}"
    );
    assert!(bench.folder.path().join("card/roc.svg").exists());
}

#[test]
fn bad_inputs_are_told_what_is_wrong_and_lose_nothing() {
    let bench = Bench::new();
    bench.file("day.csv", &flows(600));
    let model = bench.folder.path().join("day.ratel-model");
    bench.ok(&[
        "train",
        "day.csv",
        "--model",
        "z-score",
        "--to",
        "day.ratel-model",
    ]);
    let whole = fs::read(&model).expect("a model");

    // A model of another version, cut off, or none at all.
    let mut other = whole.clone();
    let version = b"\\\"format\\\":1";
    let at = other
        .windows(version.len())
        .position(|bytes| bytes == version);
    other[at.expect("a version") + version.len() - 1] = b'9';
    fs::write(bench.folder.path().join("other.ratel-model"), other).expect("written");
    bench.fails(
        1,
        &["evaluate", "other.ratel-model", "day.csv"],
        "format 9, this version reads 1",
    );
    fs::write(
        bench.folder.path().join("cut.ratel-model"),
        &whole[..whole.len() - 9],
    )
    .expect("written");
    bench.fails(
        1,
        &["evaluate", "cut.ratel-model", "day.csv"],
        "not a whole safetensors file",
    );
    bench.fails(1, &["evaluate", "day.csv", "day.csv"], "day.csv");

    // Columns that are missing, of the format and of the model.
    bench.file("few.csv", "Flow Duration,Label\n1,BENIGN\n");
    bench.fails(1, &["train", "few.csv"], "no known format");
    bench.fails(
        1,
        &["train", "few.csv", "--format", "cic"],
        "no column Flow IAT Mean",
    );
    bench.file(
        "less.csv",
        "Flow Duration,Flow IAT Mean,Label\n1,2,BENIGN\n",
    );
    bench.fails(
        1,
        &["evaluate", "day.ratel-model", "less.csv"],
        "columns are missing: Dst Port",
    );

    // NaN and infinities everywhere: nothing differs, and that is said.
    let nothing: String = (0..200).map(|_| "NaN,Infinity,BENIGN\n").collect();
    bench.file(
        "nan.csv",
        &format!("Flow Duration,Flow IAT Mean,Label\n{nothing}"),
    );
    bench.fails(
        1,
        &["train", "nan.csv"],
        "no column holds two different values",
    );

    // No flows, too few, one class only, unknown labels.
    bench.file("empty.csv", "");
    bench.fails(1, &["train", "empty.csv"], "empty.csv: no flows");
    bench.file("ten.csv", &flows(10));
    bench.fails(1, &["train", "ten.csv"], "too few to learn from");
    bench.file(
        "benign.csv",
        &flows(600)
            .replace("Scan", "BENIGN")
            .replace("Worm", "BENIGN"),
    );
    bench.fails(
        1,
        &["train", "benign.csv", "--model", "forest"],
        "all flows are labelled \"normal\"",
    );
    bench.fails(
        2,
        &["train", "day.csv", "--leave-out", "wrom"],
        "no flow is of kind \"wrom\"; there are Scan, Worm",
    );
    bench.file(
        "unknown.csv",
        &flows(200)
            .replace("Scan", "NeedManualLabel")
            .replace("Worm", "NeedManualLabel")
            .replace("BENIGN", "NeedManualLabel"),
    );
    bench.fails(
        1,
        &["evaluate", "day.ratel-model", "unknown.csv"],
        "no flow has a label",
    );

    // Absurd settings, mappings and places.
    let settings = bench.file("settings.yaml", "hidden: 0\n");
    let settings = settings.display().to_string();
    bench.fails(
        2,
        &["train", "day.csv", "--settings", &settings],
        "setting hidden: 0",
    );
    bench.file("settings.yaml", "hiden: 8\n");
    bench.fails(
        2,
        &["train", "day.csv", "--settings", &settings],
        "unknown field `hiden`",
    );
    bench.file("map.yaml", "label: kind\n");
    bench.fails(
        2,
        &["train", "day.csv", "--mapping", "map.yaml"],
        "map.yaml: `label` is there",
    );
    bench.fails(
        2,
        &["train", "day.csv", "--hold-out", "file"],
        "there is only one file",
    );
    bench.fails(
        2,
        &["train", "day.csv", "--model", "oracle"],
        "there are clstm, isolation-forest",
    );
    bench.fails(
        2,
        &["train", "day.csv", "--to", "day.model"],
        "ends with .ratel-model",
    );
    bench.fails(
        1,
        &[
            "train",
            "day.csv",
            "--model",
            "z-score",
            "--to",
            "/proc/nowhere/day.ratel-model",
        ],
        "/proc/nowhere",
    );

    // Whatever failed, the model is as it was.
    assert_eq!(fs::read(&model).expect("a model"), whole);
}

#[test]
fn a_training_that_was_killed_goes_on_and_gives_the_same_model() {
    let bench = Bench::new();
    bench.file("day.csv", &flows(900));
    bench.file(
        "small.yaml",
        "{hidden: 8, state: 8, members: 1, folds: 2, epochs: 30, patience: 30}\n",
    );
    let args = ["train", "day.csv", "-q", "--settings", "small.yaml", "--to"];
    bench.ok(&[&args[..], &["whole.ratel-model"]].concat());
    let mut killed = Command::new(env!("CARGO_BIN_EXE_ratel"))
        .arg("learn")
        .args(args)
        .arg("killed.ratel-model")
        .current_dir(bench.folder.path())
        .spawn()
        .expect("ratel runs");
    let folder = bench.folder.path().join("killed.checkpoints");
    let begin = std::time::Instant::now();
    let is_there = || fs::read_dir(&folder).is_ok_and(|entries| entries.count() > 0);
    while !is_there() && begin.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    killed.kill().expect("killed");
    let status = killed.wait().expect("ended");
    assert!(!status.success(), "it was killed before it was done");
    assert!(!bench.folder.path().join("killed.ratel-model").exists());
    assert!(is_there(), "its checkpoint is there");
    bench.ok(&[&args[..], &["killed.ratel-model", "--resume"]].concat());
    let read = |name: &str| fs::read(bench.folder.path().join(name)).expect("a model");
    assert!(read("killed.ratel-model") == read("whole.ratel-model"));
    assert!(!folder.exists(), "nothing is left over");
}

#[test]
fn a_full_disk_at_a_checkpoint_is_told_and_what_was_there_stays() {
    let bench = Bench::new();
    bench.file("day.csv", &flows(900));
    bench.file(
        "small.yaml",
        "{hidden: 64, state: 64, members: 1, folds: 0, epochs: 3}\n",
    );
    let disk = bench.folder.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let mount = |args: &[&str]| {
        let done = Command::new(args[0]).args(&args[1..]).output();
        done.is_ok_and(|done| done.status.success())
    };
    let place = disk.display().to_string();
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", &place]) {
        eprintln!("not tested: only root may mount a small disk");
        return;
    }
    fs::write(disk.join("old.ratel-model"), "what was there").expect("written");
    bench.fails(
        1,
        &[
            "train",
            "day.csv",
            "-q",
            "--settings",
            "small.yaml",
            "--to",
            "disk/old.ratel-model",
        ],
        "No space left on device",
    );
    let left = fs::read(disk.join("old.ratel-model"));
    let _ = mount(&["umount", &place]);
    assert_eq!(left.expect("the old model"), b"what was there");
}

/// Two hours of an office as a capture, and its records with features: `out/eve.json`.
fn office(bench: &Bench) -> Vec<serde_json::Value> {
    let mut office = traffic::Traffic::new(traffic::Plan {
        seed: 5,
        people: 4,
        start: event::Timestamp::new(1_750_032_000, 0),
        has_attacks: false,
    });
    let mut frames = office.hour().frames;
    frames.extend(office.hour().frames);
    fs::write(
        bench.folder.path().join("office.pcap"),
        decode::build::pcap(&frames),
    )
    .expect("a capture");
    bench.done(&[
        "read",
        "--flow-features",
        "--disable-detection",
        "-l",
        "out",
        "office.pcap",
    ]);
    let text = fs::read_to_string(bench.folder.path().join("out/eve.json")).expect("records");
    let records = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    records
        .filter(|record: &serde_json::Value| record["event_type"] == "flow")
        .collect()
}

/// Scores of all flows, in the order of time, and whether each is a finding.
fn scores(bench: &Bench, args: &[&str]) -> Vec<serde_json::Value> {
    let text = bench.ok(&[&["score"], args, &["--all", "-o", "json"]].concat());
    let score = |line: &str| {
        let mut score: serde_json::Value = serde_json::from_str(line).expect("JSON");
        // Where it was read differs, what it is does not.
        for key in ["file", "line"] {
            score.as_object_mut().expect("an object").remove(key);
        }
        score
    };
    text.lines().map(score).collect()
}

/// A model's arrays, without what is told of its training.
fn arrays(bench: &Bench, name: &str) -> Vec<u8> {
    let file = fs::read(bench.folder.path().join(name)).expect("a model");
    let head = u64::from_le_bytes(file[..8].try_into().expect("eight bytes"));
    file[8 + usize::try_from(head).expect("a length")..].to_vec()
}

const SMALL: &str = "{hidden: 8, state: 8, members: 1, folds: 2, epochs: 2}\n";

#[test]
fn records_and_the_store_teach_the_same_model_and_the_one_that_ships_scores_them() {
    let bench = Bench::new();
    let flows = office(&bench);
    assert!(flows.len() > 200, "{}", flows.len());
    bench.file("small.yaml", SMALL);
    let settings = ["-q", "-o", "json", "--settings", "small.yaml", "--to"];
    let train = |from: &[&str], to: &str| -> serde_json::Value {
        let told = bench.ok(&[&["train"], from, &settings, &[to]].concat());
        serde_json::from_str(&told).expect("JSON")
    };
    let of_file = train(&["out/eve.json"], "file.ratel-model");
    assert_eq!(of_file["files"][0]["format"], "eve");
    assert_eq!(of_file["files"][0]["rows"], flows.len());
    assert_eq!(of_file["is_supervised"], false);

    bench.done(&["store", "import", "--dir", "kept", "out/eve.json"]);
    let store = ["--store", "--dir", "kept"];
    let of_store = train(&store, "store.ratel-model");
    for what in ["hash", "fingerprint", "learned", "held_back"] {
        assert_eq!(
            of_store["trained"][what], of_file["trained"][what],
            "{what}"
        );
    }
    assert!(arrays(&bench, "file.ratel-model") == arrays(&bench, "store.ratel-model"));
    let one = scores(&bench, &["file.ratel-model", "out/eve.json"]);
    let other = scores(&bench, &[&["store.ratel-model"], &store[..]].concat());
    assert_eq!(one.len(), flows.len());
    assert!(one == other, "the same flows have the same scores");

    // Compressed, and with a capture beside it, whose flows are the same.
    let packed = fs::File::create(bench.folder.path().join("eve.json.zst")).expect("a file");
    let plain = fs::File::open(bench.folder.path().join("out/eve.json")).expect("records");
    zstd::stream::copy_encode(plain, packed, 1).expect("compressed");
    let packed = scores(&bench, &["file.ratel-model", "eve.json.zst"]);
    assert!(one == packed);

    // What the running system has: its model takes the same columns.
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/models/default.ratel-model");
    assert_eq!(
        scores(&bench, &[shipped, "out/eve.json"]).len(),
        flows.len()
    );
}

#[test]
fn what_the_store_has_alerts_about_is_left_out_or_an_attack() {
    let bench = Bench::new();
    let mut flows = office(&bench);
    flows.sort_by_key(|flow| flow["flow"]["end"].as_str().map(str::to_owned));
    // Every other flow of one host has an alert in the first hour.
    let host = flows[0]["src_ip"].clone();
    let end = "2025-06-16T01:00";
    let is_early = |flow: &&serde_json::Value| flow["flow"]["end"].as_str() < Some(end);
    let of_host = flows.iter().filter(|flow| flow["src_ip"] == host);
    let alerts: String = of_host
        .clone()
        .filter(is_early)
        .step_by(2)
        .map(|flow| {
            let alert = serde_json::json!({
                "timestamp": flow["flow"]["end"], "flow_id": flow["flow_id"], "event_type": "alert",
                "src_ip": host, "dest_ip": flow["dest_ip"],
                "alert": {"signature_id": 1, "category": "Trojan activity", "severity": 1},
            });
            format!("{alert}\n")
        })
        .collect();
    let count = alerts.lines().count();
    assert!(count > 10, "{count}");
    bench.file("alerts.json", &alerts);
    bench.done(&[
        "store",
        "import",
        "--dir",
        "kept",
        "out/eve.json",
        "alerts.json",
    ]);
    let train = |model: &str, more: &[&str]| -> serde_json::Value {
        let args = [
            "train", "--store", "--dir", "kept", "-o", "json", "--model", model,
        ];
        let told = bench.ok(&[&args, more].concat());
        serde_json::from_str(&told).expect("JSON")
    };
    let usual = train("z-score", &[]);
    assert_eq!(usual["is_supervised"], false);
    let left_out = &usual["files"][0]["left_out"];
    assert_eq!(left_out["alerted"], count);
    let of_host = left_out["of_alerted_hosts"].as_u64().expect("a number");
    assert!(of_host as usize >= count - 1, "{of_host}");
    let learned = usual["files"][0]["rows"].as_u64().expect("a number");
    assert_eq!(learned + of_host + count as u64, flows.len() as u64);

    let labelled = train("forest", &["--alerted", "attack"]);
    assert_eq!(labelled["is_supervised"], true);
    assert_eq!(labelled["trained"]["classes"]["Trojan activity"], count);
    let kept = train("z-score", &["--alerted", "keep"]);
    assert_eq!(kept["files"][0]["rows"], flows.len());

    // Scoring shows all; what a model is worth needs labels.
    assert_eq!(
        scores(&bench, &["flows.ratel-model", "--store", "--dir", "kept"]).len(),
        flows.len()
    );
    let judge = ["evaluate", "flows.ratel-model", "--store", "--dir", "kept"];
    bench.fails(1, &judge, "--alerted attack");
    bench.ok(&[&judge[..], &["--alerted", "attack"]].concat());

    // The newest flows, and what else there is.
    let few = [
        &["train", "--store", "--dir", "kept", "--model", "z-score"][..],
        &["--limit", "100"],
    ];
    let told = bench.run(&few.concat());
    let complaint = String::from_utf8_lossy(&told.stderr);
    assert!(
        complaint.contains("more than 100 flows; those before"),
        "{complaint}"
    );
}

#[test]
fn a_store_or_records_without_flows_to_learn_from_are_told() {
    let bench = Bench::new();
    bench.fails(
        1,
        &["train", "--store", "--dir", "none"],
        "there is no store in none",
    );
    let plain = bench.file(
        "plain.json",
        "{\"timestamp\":\"2026-01-01T00:00:00.000000+0000\",\"event_type\":\"flow\",\"flow_id\":1}\n",
    );
    let plain = plain.display().to_string();
    let words = "1 flow records and none with features; `ratel read --flow-features`";
    bench.fails(1, &["train", &plain], words);
    bench.file("dns.json", "{\"event_type\":\"dns\"}\n");
    bench.done(&["store", "import", "--dir", "other", "dns.json"]);
    bench.fails(
        1,
        &["train", "--store", "--dir", "other"],
        "store other: no flows",
    );
    bench.done(&["store", "import", "--dir", "kept", &plain]);
    let kept = ["train", "--store", "--dir", "kept"];
    bench.fails(1, &kept, words);
    for (more, status, words) in [
        (
            &["--since", "1h", "--until", "2h"][..],
            2,
            "is not before --until",
        ),
        (&["--since", "1h"], 1, "no flows"),
        (&["--since", "soon"], 2, "\"soon\" is no time"),
        (&["--query", "a AND ("], 2, "query: "),
        (&["--limit", "0"], 2, "a number from 1 to"),
    ] {
        bench.fails(status, &[&kept, more].concat(), words);
    }
    bench.fails(2, &["train", "--since", "1h", &plain], "--store");
    bench.fails(2, &["train"], "<FILE>");
}
