//! What is computed of files: as outputs, the file store and rules want it.

use crate::config::eve::EveOutput;
use crate::config::outputs::Outputs;
use crate::wants::Wants;
use decode::file::{FileConfig, FileWants};

/// What is computed of each file, decided before the first one opens.
pub fn config(eves: &[EveOutput], outputs: &Outputs, rules: Wants) -> FileConfig {
    let mut wants = FileWants {
        md5: rules.md5,
        sha1: rules.sha1,
        sha256: rules.sha256,
        magic: rules.magic,
        store: false,
    };
    for eve in eves.iter().filter(|eve| eve.config.files) {
        wants.magic |= eve.file_wants.magic;
        wants.md5 |= eve.file_wants.md5;
        wants.sha1 |= eve.file_wants.sha1;
        wants.sha256 |= eve.file_wants.sha256;
    }
    if let Some(store) = &outputs.file_store {
        wants.md5 |= store.wants.md5;
        wants.sha1 |= store.wants.sha1;
        wants.magic |= store.wants.magic;
        // Stored files are named by it.
        wants.sha256 = true;
        // Which files a rule wants stored may only be known once they came.
        wants.store = store.is_forced || rules.stored_files;
    }
    FileConfig {
        wants,
        ..FileConfig::default()
    }
}

/// Adds a hash that `force-hash` names; false where it is none.
pub fn add_hash(wants: &mut FileWants, name: &str) -> bool {
    match name {
        "md5" => wants.md5 = true,
        "sha1" => wants.sha1 = true,
        "sha256" => wants.sha256 = true,
        _ => return false,
    }
    true
}
