//! Backups from end to end.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn folder(name: &str, folder: &Path) -> Part {
    Part::Folder {
        name: name.to_owned(),
        folder: folder.to_owned(),
        without: vec![folder.join("state.db")],
    }
}

fn names(manifest: &Manifest) -> Vec<&str> {
    manifest
        .files
        .iter()
        .map(|file| file.name.as_str())
        .collect()
}

#[test]
fn what_is_restored_is_what_was_backed_up() {
    let at = tempfile::tempdir().unwrap();
    let (data, out, back) = (
        at.path().join("d"),
        at.path().join("b.tar.zst"),
        at.path().join("r"),
    );
    put(&data.join("a.key"), "secret");
    fs::set_permissions(data.join("a.key"), fs::Permissions::from_mode(0o600)).unwrap();
    put(&data.join("deep/er/b"), "");
    put(&data.join("deep/c"), &"c".repeat(300_000));
    for passing in ["state.db", "lock", "x.lock", "y.tmp", "z.new"] {
        put(&data.join(passing), "passing");
    }
    std::os::unix::fs::symlink("/etc/passwd", data.join("link")).unwrap();
    let parts = [
        folder("data", &data),
        folder("none", &at.path().join("none")),
    ];
    let made = pack(&out, &parts, "1.2.3", Timestamp::new(7, 0)).unwrap();
    assert_eq!(
        names(&made),
        ["data/a.key", "data/deep/c", "data/deep/er/b"]
    );
    assert_eq!(
        fs::metadata(&out).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(made.bytes(), 300_006);
    assert!(pack(&out, &parts, "1.2.3", Timestamp::new(7, 0)).is_err());
    let checked = check(&out).unwrap();
    assert_eq!(checked, made);
    let place = |name: &str| Some(back.join(name.strip_prefix("data/")?));
    assert_eq!(unpack(&out, &checked, place).unwrap(), 3);
    assert_eq!(fs::read_to_string(back.join("a.key")).unwrap(), "secret");
    let mode = fs::metadata(back.join("a.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read(back.join("deep/c")).unwrap().len(), 300_000);
    assert!(back.join("deep/er/b").exists());
    // Nothing is ever written over.
    assert!(matches!(
        unpack(&out, &checked, place),
        Err(Error::File { .. })
    ));
}

#[test]
fn a_backup_with_any_byte_changed_or_cut_is_refused() {
    let at = tempfile::tempdir().unwrap();
    let (data, out) = (at.path().join("d"), at.path().join("b"));
    put(
        &data.join("a"),
        &(0..2000).map(|n| n.to_string()).collect::<String>(),
    );
    pack(&out, &[folder("data", &data)], "1", Timestamp::new(7, 0)).unwrap();
    let good = fs::read(&out).unwrap();
    check(&out).unwrap();
    let bad = at.path().join("bad");
    let mut refused = 0;
    for place in (0..good.len()).step_by(37) {
        let mut bytes = good.clone();
        bytes[place] ^= 0x10;
        fs::write(&bad, &bytes).unwrap();
        // A byte that means nothing (padding of tar, a flag of zstd) may change and change nothing.
        match check(&bad) {
            Ok(manifest) => assert_eq!(manifest, check(&out).unwrap()),
            Err(_) => refused += 1,
        }
        fs::write(&bad, &good[..place]).unwrap();
        assert!(check(&bad).is_err(), "cut at {place}");
    }
    assert!(refused > 10);
}

/// A backup with these entries, and a manifest that says this.
fn forged(path: &Path, entries: &[(&str, &str)], manifest: &str) {
    let mut tar =
        tar::Builder::new(zstd::Encoder::new(fs::File::create(path).unwrap(), 1).unwrap());
    for (name, text) in entries.iter().copied().chain([(MANIFEST, manifest)]) {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        // Past the library's own checks of names.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap().flush().unwrap();
}

#[test]
fn a_forged_backup_writes_nowhere() {
    let at = tempfile::tempdir().unwrap();
    let path = at.path().join("b");
    let manifest = |name: &str, format: u32| {
        // SHA-256 of "x".
        let sha256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
        format!(
            r#"{{"format":{format},"version":"9","created":"1970-01-01T00:00:07.000000+0000","files":[{{"name":"{name}","bytes":1,"sha256":"{sha256}","mode":511}}]}}"#
        )
    };
    for name in ["../evil", "/etc/evil", "a/../../evil", "a//b", "./a", ""] {
        forged(&path, &[(name, "x")], &manifest(name, 1));
        assert!(matches!(check(&path), Err(Error::Damaged { .. })), "{name}");
    }
    forged(&path, &[("a", "x"), ("a", "x")], &manifest("a", 1));
    assert!(check(&path).is_err(), "twice");
    forged(&path, &[("a", "x"), ("b", "x")], &manifest("a", 1));
    assert!(check(&path).is_err(), "not listed");
    forged(&path, &[], &manifest("a", 1));
    assert!(check(&path).is_err(), "missing");
    forged(&path, &[("a", "x")], &manifest("a", 2));
    assert!(matches!(check(&path), Err(Error::Newer { .. })));
    forged(&path, &[("a", "x")], &manifest("a", 1));
    let checked = check(&path).unwrap();
    let back = at.path().join("r");
    unpack(&path, &checked, |name| Some(back.join(name))).unwrap();
    let mode = fs::metadata(back.join("a")).unwrap().permissions().mode();
    assert_eq!(mode & 0o022, 0, "nobody else may write it");
    fs::write(&path, "no backup at all").unwrap();
    assert!(matches!(check(&path), Err(Error::Damaged { .. })));
}

#[test]
fn files_that_grow_and_indexes_that_change_meanwhile_come_back_whole() {
    let at = tempfile::tempdir().unwrap();
    let data = at.path().join("d");
    let (log, index) = (data.join("log"), data.join("index"));
    put(&log, "");
    put(&index.join("0.seg"), "0");
    put(&index.join("meta.json"), "[0]");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::OpenOptions::new().append(true).open(&log).unwrap();
            for n in 1_u64.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                writeln!(file, "{n:08}").unwrap();
                // A new segment, then the list of them, then the old one goes.
                put(&index.join(format!("{n}.seg")), &n.to_string());
                put(&index.join("meta.tmp"), &format!("[{n}]"));
                fs::rename(index.join("meta.tmp"), index.join("meta.json")).unwrap();
                fs::remove_file(index.join(format!("{}.seg", n - 1))).unwrap();
                std::thread::sleep(std::time::Duration::from_micros(300));
            }
        });
        for n in 0..20 {
            let out = at.path().join(format!("b{n}"));
            pack(&out, &[folder("data", &data)], "1", Timestamp::new(7, 0)).unwrap();
            let checked = check(&out).unwrap();
            let back = at.path().join(format!("r{n}"));
            unpack(&out, &checked, |name| Some(back.join(name))).unwrap();
            let lines = fs::read_to_string(back.join("data/log")).unwrap();
            let whole = lines
                .lines()
                .enumerate()
                .filter(|(at, line)| line.len() < 8 || line.parse() == Ok(at + 1));
            assert_eq!(whole.count(), lines.lines().count());
            let list = fs::read_to_string(back.join("data/index/meta.json")).unwrap();
            let segment = list.trim_matches(['[', ']']);
            let kept = fs::read_to_string(back.join(format!("data/index/{segment}.seg"))).unwrap();
            assert_eq!(kept, segment);
        }
        stop.store(true, Ordering::Relaxed);
    });
}
