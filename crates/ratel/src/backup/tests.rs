//! Backups of a data folder, while it is written to, restored elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};

use event::Topic;

use super::*;

fn at(folder: &Path) -> PathBuf {
    let config = folder.join("ratel.yaml");
    let text = format!(
        "data_dir: {0}/data\nconsole: {{socket: {0}/ratel.sock}}\n",
        folder.display()
    );
    fs::create_dir_all(folder).expect("a folder");
    fs::write(&config, text).expect("written");
    config
}

fn restore_to(file: &Path, config: &Path, force: bool) -> Result<ExitCode> {
    restore(&Restore {
        file: file.to_owned(),
        config: Some(config.to_owned()),
        force,
        check: false,
    })
}

#[test]
fn what_is_backed_up_while_it_is_written_comes_back_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = at(&folder.path().join("one"));
    let site = Site::read(Some(&config)).expect("a configuration");
    let bus = bus::Bus::open(&site.bus).expect("a bus");
    fs::create_dir_all(site.data_dir.join("console")).expect("a folder");
    fs::write(site.data_dir.join("console/access.key"), "a key").expect("written");
    wait(async {
        let state = State::open(&site.state).await?;
        state.kv().put("before", "kept", now()).await?;
        state.close().await;
        Ok(())
    })
    .expect("kept");
    let publisher = bus.publisher(Topic::Events);
    let publish = |n: u64| {
        publisher
            .publish(b"key", n.to_string().as_bytes())
            .map(drop)
    };
    for n in 0..1000 {
        publish(n).expect("published");
    }
    let file = folder.path().join("backup");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1000.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                publish(n).expect("published");
            }
        });
        let made = backup(&Backup {
            file: file.clone(),
            config: Some(config.clone()),
        });
        stop.store(true, Ordering::Relaxed);
        made.expect("a backup");
    });
    let elsewhere = at(&folder.path().join("two"));
    restore_to(&file, &elsewhere, false).expect("restored");
    let told = restore_to(&file, &elsewhere, false).expect_err("it is occupied");
    assert!(
        told.to_string()
            .ends_with("is not empty; --force puts it aside"),
        "{told}"
    );
    restore_to(&file, &elsewhere, true).expect("restored again");
    let other = Site::read(Some(&elsewhere)).expect("a configuration");
    let key = fs::read_to_string(other.data_dir.join("console/access.key"));
    assert_eq!(key.expect("a key"), "a key");
    let kept = wait(async {
        let state = State::open(&other.state).await?;
        Ok(state.kv().get("before").await?)
    });
    assert_eq!(
        kept.expect("read").map(|(value, _)| value).as_deref(),
        Some("kept")
    );
    // Every record from the first on, none twice, none missing in between.
    let bus = bus::Bus::open(&other.bus).expect("the bus of the backup");
    let mut records = bus
        .subscribe_from("test", &[Topic::Events], bus::Start::Oldest)
        .expect("a reader");
    let mut next = 0_u64;
    while let Some(batch) = records
        .next(std::time::Duration::from_secs(1))
        .expect("read")
    {
        for delivery in batch.iter() {
            assert_eq!(delivery.value, next.to_string().as_bytes());
            next += 1;
        }
        records.commit(&batch).expect("noted");
    }
    assert!(next >= 1000, "{next}");
}

#[test]
fn what_is_no_backup_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = at(folder.path());
    let file = folder.path().join("backup");
    fs::write(&file, "no backup").expect("written");
    let told = restore_to(&file, &config, true).expect_err("it is none");
    assert!(told.to_string().contains("damaged"), "{told}");
    assert!(!folder.path().join("data").exists());
}
