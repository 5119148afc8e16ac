//! What rules look at that is only computed where somebody wants it.

use event::Buffer;
use rules::rule::{Condition, Effect, FileText, Rule};

/// What the rules of a run want computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// MD5 of files.
    pub md5: bool,
    /// SHA-1 of files.
    pub sha1: bool,
    /// SHA-256 of files.
    pub sha256: bool,
    /// Descriptions of files by their content.
    pub magic: bool,
    /// Files on the disk.
    pub stored_files: bool,
    /// JA3 and JA3S.
    pub ja3: bool,
    /// JA4.
    pub ja4: bool,
    /// HASSH.
    pub hassh: bool,
    /// MD5 of mails' bodies.
    pub body_md5: bool,
}

impl Wants {
    /// Adds what `rule` wants.
    pub fn add(&mut self, rule: &Rule) {
        for condition in &rule.conditions {
            if let Condition::FileHash { kind, .. } = condition {
                match kind.as_str() {
                    "md5" => self.md5 = true,
                    "sha1" => self.sha1 = true,
                    _ => self.sha256 = true,
                }
            }
            self.magic |= matches!(
                condition,
                Condition::FileText {
                    of: FileText::Magic,
                    ..
                }
            );
        }
        for buffer in &rule.buffers {
            match buffer.buffer {
                Buffer::FileMagic => self.magic = true,
                Buffer::Ja3Hash | Buffer::Ja3String | Buffer::Ja3sHash | Buffer::Ja3sString => {
                    self.ja3 = true;
                }
                Buffer::Ja4Hash => self.ja4 = true,
                Buffer::SshHassh
                | Buffer::SshHasshString
                | Buffer::SshHasshServer
                | Buffer::SshHasshServerString => self.hassh = true,
                Buffer::EmailBodyMd5 => self.body_md5 = true,
                _ => {}
            }
        }
        self.stored_files |= rule
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Filestore { .. }));
    }
}
