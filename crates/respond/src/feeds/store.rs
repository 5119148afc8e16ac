//! Sets on disk: what a feed said last is there at once after a start, and when the feed is not.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use event::Timestamp;
use serde::{Deserialize, Serialize};

use super::config::Feed;
use super::fetch::Validators;
use super::read::Entry;
use super::set::Set;

/// Bytes of a line; an IPv6 prefix and a moment take less than a hundred, the head some more.
const MAX_LINE: u64 = 16 << 10;

/// What stands in the first line.
#[derive(Debug, Serialize, Deserialize)]
pub struct Head {
    /// Which feed, and how it was read: where that has changed the set is another.
    url: String,
    settings: String,
    /// When it was fetched last, or was found to be the same.
    pub fetched: Timestamp,
    /// When its content changed last.
    pub changed: Timestamp,
    /// What the server said of this version.
    pub validators: Validators,
    /// How many lines follow.
    entries: usize,
}

/// What decides how a feed is read.
fn settings(feed: &Feed) -> String {
    format!(
        "{:?} {:?} {:?} {:?} {} {}",
        feed.format, feed.column, feed.delimiter, feed.action, feed.private, feed.min_confidence
    )
}

fn path(folder: &Path, feed: &Feed) -> PathBuf {
    folder.join(format!("{}.set", feed.name))
}

/// Writes a set in place of the one before.
pub fn write(
    folder: &Path,
    feed: &Feed,
    set: &Set,
    (fetched, changed): (Timestamp, Timestamp),
    validators: &Validators,
) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let place = path(folder, feed);
    let new = place.with_extension("new");
    let head = Head {
        url: feed.url.clone(),
        settings: settings(feed),
        fetched,
        changed,
        validators: validators.clone(),
        entries: set.len(),
    };
    let mut file = BufWriter::new(File::create(&new)?);
    serde_json::to_writer(&mut file, &head)?;
    file.write_all(b"\n")?;
    for entry in set.iter() {
        match entry.until {
            None => writeln!(file, "{}", entry.prefix)?,
            Some(until) => writeln!(file, "{} {}", entry.prefix, until.secs())?,
        }
    }
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_data()?;
    fs::rename(&new, &place)
}

/// Reads what was written for this feed; None where nothing was, or for other settings.
pub fn read(folder: &Path, feed: &Feed) -> io::Result<Option<(Head, Set)>> {
    let file = match File::open(path(folder, feed)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut reader = BufReader::new(file);
    let mut line = String::new();
    (&mut reader).take(MAX_LINE).read_line(&mut line)?;
    let head: Head = serde_json::from_str(&line)?;
    if head.url != feed.url || head.settings != settings(feed) || head.entries > feed.max_entries {
        return Ok(None);
    }
    let mut entries = Vec::with_capacity(head.entries.min(1 << 16));
    for number in 0..head.entries {
        line.clear();
        (&mut reader).take(MAX_LINE).read_line(&mut line)?;
        entries
            .push(entry(&line).ok_or_else(|| wrong(format!("line {} is no entry", number + 2)))?);
    }
    Ok(Some((head, Set::new(&entries))))
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split_ascii_whitespace();
    let prefix = words.next()?.parse().ok()?;
    let until = match words.next() {
        None => None,
        Some(secs) => Some(Timestamp::new(secs.parse().ok()?, 0)),
    };
    Some(Entry { prefix, until })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_comes_back_for_the_same_settings_only() {
        let folder = tempfile::tempdir().unwrap();
        let feed = Feed {
            name: "x".into(),
            url: "https://x/".into(),
            ..Feed::default()
        };
        let entry = |text: &str, until| Entry {
            prefix: text.parse().unwrap(),
            until,
        };
        let set = Set::new(&[
            entry("192.0.2.0/24", None),
            entry("2001:db8::1", Some(Timestamp::new(7, 0))),
        ]);
        let validators = Validators {
            etag: Some("\"a\"".into()),
            last_modified: None,
        };
        assert!(read(folder.path(), &feed).unwrap().is_none());
        let times = (Timestamp::new(10, 0), Timestamp::new(5, 0));
        write(folder.path(), &feed, &set, times, &validators).unwrap();
        let (head, found) = read(folder.path(), &feed).unwrap().unwrap();
        assert_eq!((head.fetched, head.changed), times);
        assert_eq!((found, head.validators), (set, validators));
        let other = Feed {
            private: true,
            ..feed.clone()
        };
        assert!(read(folder.path(), &other).unwrap().is_none());
        // A file that somebody has cut is told, not believed.
        let place = path(folder.path(), &feed);
        let text = fs::read_to_string(&place).unwrap();
        let cut = text.trim_end().rsplit_once('\n').unwrap().0;
        fs::write(&place, cut.to_owned() + "\n").unwrap();
        assert!(read(folder.path(), &feed).is_err());
    }
}
