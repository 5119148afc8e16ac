//! Hashes of a file, computed as its bytes pass.

use super::FileWants;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The hashes that are wanted. Boxed: a file without hashes stays small.
#[derive(Debug, Default)]
pub(super) struct Hashing(Option<Box<Contexts>>);

#[derive(Debug)]
struct Contexts {
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
}

impl Hashing {
    pub(super) fn new(wants: FileWants) -> Self {
        if !(wants.md5 || wants.sha1 || wants.sha256) {
            return Hashing(None);
        }
        Hashing(Some(Box::new(Contexts {
            md5: wants.md5.then(Md5::new),
            sha1: wants.sha1.then(Sha1::new),
            sha256: wants.sha256.then(Sha256::new),
        })))
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        let Some(contexts) = &mut self.0 else { return };
        if let Some(md5) = &mut contexts.md5 {
            md5.update(data);
        }
        if let Some(sha1) = &mut contexts.sha1 {
            sha1.update(data);
        }
        if let Some(sha256) = &mut contexts.sha256 {
            sha256.update(data);
        }
    }

    pub(super) fn md5(&self) -> Option<[u8; 16]> {
        self.0
            .as_ref()?
            .md5
            .clone()
            .map(|md5| md5.finalize().into())
    }

    pub(super) fn sha1(&self) -> Option<[u8; 20]> {
        self.0
            .as_ref()?
            .sha1
            .clone()
            .map(|sha1| sha1.finalize().into())
    }

    pub(super) fn sha256(&self) -> Option<[u8; 32]> {
        self.0
            .as_ref()?
            .sha256
            .clone()
            .map(|sha256| sha256.finalize().into())
    }
}
