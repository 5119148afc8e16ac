//! Replays every seed and every input that once broke something.

use std::fs;
use std::path::Path;

/// The greatest seed and the most seeds of a target: they stand in the repository.
const SEED_MAX: u64 = 2_048;
const SEEDS_MAX: usize = 20;

fn inputs(kind: &str, target: &str) -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz")
        .join(kind)
        .join(target);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    paths.sort();
    paths
}

#[test]
fn every_seed_and_regression_keeps_its_promises() {
    for (name, target) in fuzzing::TARGETS {
        for path in [inputs("corpus", name), inputs("regressions", name)].concat() {
            let data = fs::read(&path).expect("the file can be read");
            if std::panic::catch_unwind(|| target(&data)).is_err() {
                panic!("{}", path.display());
            }
        }
    }
}

#[test]
fn every_target_has_a_few_small_seeds() {
    for (name, _) in fuzzing::TARGETS {
        let seeds = inputs("corpus", name);
        assert!(
            (1..=SEEDS_MAX).contains(&seeds.len()),
            "{name} has {} seeds",
            seeds.len()
        );
        for seed in seeds {
            let len = seed.metadata().expect("the file can be read").len();
            assert!(len <= SEED_MAX, "{} has {len} bytes", seed.display());
        }
    }
}

#[test]
fn every_target_has_a_binary() {
    for (name, _) in fuzzing::TARGETS {
        let path = format!("../../fuzz/fuzz_targets/{name}.rs");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let text = fs::read_to_string(&path).expect("the target has a file");
        assert!(text.contains(&format!("fuzzing::{name}(data)")));
    }
}
