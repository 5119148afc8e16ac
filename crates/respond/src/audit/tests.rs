//! Logs that were tampered with.

use super::*;

fn log(steps: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let mut audit = Audit::open(&path, Timestamp::new(0, 0)).unwrap();
    for step in 0..steps {
        audit.note(
            Timestamp::new(step as i64, 0),
            "note",
            &format!("step {step}"),
        );
    }
    audit.sync().unwrap();
    (folder, path)
}

fn check(tamper: impl FnOnce(&mut Vec<String>), expected: &[Flaw]) {
    let (_folder, path) = log(5);
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    tamper(&mut lines);
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    assert_eq!(verify(&path).unwrap().flaws, expected);
}

#[test]
fn a_log_that_nobody_touched_verifies() {
    check(|_| (), &[]);
}

#[test]
fn a_changed_line_is_named() {
    check(
        |lines| lines[2] = lines[2].replace("step 2", "step 7"),
        &[Flaw::Changed { line: 3 }],
    );
    check(
        |lines| lines[4] = "rubbish".into(),
        &[
            Flaw::Changed { line: 5 },
            Flaw::Cut {
                last: 5,
                confirmed: 5,
            },
        ],
    );
}

#[test]
fn a_missing_line_is_named() {
    check(
        |lines| drop(lines.remove(2)),
        &[Flaw::Missing {
            line: 3,
            expected: 3,
            found: 4,
        }],
    );
    check(
        |lines| drop(lines.remove(0)),
        &[Flaw::Missing {
            line: 1,
            expected: 1,
            found: 2,
        }],
    );
}

#[test]
fn lines_in_another_order_are_named() {
    check(
        |lines| lines.swap(1, 2),
        &[
            Flaw::Missing {
                line: 2,
                expected: 2,
                found: 3,
            },
            Flaw::Reordered {
                line: 3,
                expected: 4,
                found: 2,
            },
            Flaw::Missing {
                line: 4,
                expected: 3,
                found: 4,
            },
        ],
    );
}

#[test]
fn a_cut_end_is_named() {
    check(
        |lines| lines.truncate(3),
        &[Flaw::Cut {
            last: 3,
            confirmed: 5,
        }],
    );
    check(
        Vec::clear,
        &[
            Flaw::Changed { line: 1 },
            Flaw::Cut {
                last: 1,
                confirmed: 5,
            },
        ],
    );
}

#[test]
fn a_line_made_anew_with_a_right_hash_does_not_fit() {
    check(
        |lines| {
            let (body, _) = split(&lines[2]).unwrap();
            let body = body.replace("step 2", "step 7");
            let hash = hash_of(&body);
            lines[2] = format!("{}{HASH_FIELD}{hash}\"}}", body.strip_suffix('}').unwrap());
        },
        &[Flaw::Detached { line: 4 }],
    );
}

#[test]
fn a_line_that_a_crash_has_torn_is_told_and_mended() {
    let (_folder, path) = log(3);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"{\"seq\":4,\"ti"].concat()).unwrap();
    assert_eq!(verify(&path).unwrap().flaws, [Flaw::Torn { line: 4 }]);
    let mut audit = Audit::open(&path, Timestamp::new(9, 0)).unwrap();
    audit.note(Timestamp::new(10, 0), "note", "on");
    audit.sync().unwrap();
    let report = verify(&path).unwrap();
    assert_eq!((report.lines, report.flaws), (5, vec![]));
    assert!(fs::read_to_string(&path).unwrap().contains("\"recovered\""));
}

#[test]
fn a_log_goes_on_where_it_stopped() {
    let (_folder, path) = log(3);
    let mut audit = Audit::open(&path, Timestamp::new(9, 0)).unwrap();
    audit.note(Timestamp::new(10, 0), "note", "on");
    audit.flush().unwrap();
    let report = verify(&path).unwrap();
    assert_eq!((report.lines, report.flaws), (4, vec![]));
}
