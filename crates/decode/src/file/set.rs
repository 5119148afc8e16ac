//! The files of one transaction in one direction.

use super::{File, FileConfig, FileState};
use crate::app::Field;
use event::{Buffer, Direction};
use std::borrow::Cow;
use std::collections::VecDeque;

/// Most files held of one transaction: a mail of the largest usual size that consists of nothing
/// but small attachments stays below; what goes beyond is not followed.
pub const MAX_FILES: usize = 1024;

/// Longest name kept of a file, as long as the longest path of common systems.
pub const MAX_NAME: usize = 4096;

/// The files of one transaction in one direction, oldest first.
#[derive(Debug, Default)]
pub struct FileSet {
    /// Oldest first; at most [`MAX_FILES`].
    pub files: VecDeque<File>,
}

impl FileSet {
    /// Opens a file. None where the transaction holds too many already.
    pub fn open(
        &mut self,
        name: &[u8],
        direction: Direction,
        config: &FileConfig,
    ) -> Option<&mut File> {
        if self.files.len() >= MAX_FILES {
            return None;
        }
        self.files.push_back(File::new(name, direction, config));
        self.files.back_mut()
    }

    /// The newest file, if bytes may still come for it.
    pub fn current(&mut self) -> Option<&mut File> {
        self.files.back_mut().filter(|file| file.is_open())
    }

    /// Closes every file that is open.
    pub fn close_all(&mut self, state: FileState) {
        for file in self.files.iter_mut().filter(|file| file.is_open()) {
            file.close(state);
        }
    }

    /// Whether no file is open.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.files.iter().all(|file| !file.is_open())
    }

    /// Forgets files with which nothing is left to do.
    pub fn drop_settled(&mut self) {
        self.files.retain(|file| !file.is_settled());
    }

    /// Answers `Transaction::field` for the buffers of files; `is_final` where no file will follow.
    #[must_use]
    pub fn field(&self, buffer: Buffer, index: usize, is_final: bool) -> Field<'_> {
        let Some(file) = self.files.get(index) else {
            return if is_final {
                Field::Absent
            } else {
                Field::Pending
            };
        };
        match buffer {
            Buffer::FileData => Field::Body {
                data: &file.data,
                offset: file.offset,
                is_complete: !file.is_open(),
            },
            Buffer::FileName if file.name.is_empty() => Field::Absent,
            Buffer::FileName => Field::Whole(Cow::Borrowed(&file.name)),
            Buffer::FileMagic => match &file.magic {
                Some(magic) => Field::Whole(Cow::Borrowed(magic.as_bytes())),
                None if file.is_open() && file.wants().magic => Field::Pending,
                None => Field::Absent,
            },
            // Every other buffer is the transaction's own.
            _ => Field::Absent,
        }
    }
}
