//! Which of two copies of the same bytes counts: every system has its own answer, and a monitor
//! that gives another one than the target can be led past an attack.

use super::buffer::{Buffer, Rules, Span};
use super::config::OsPolicy;
use std::cmp::Ordering;

/// Puts the bytes of an older segment into `merged`, the copy of `data` that will be written,
/// where the older ones count. Gives whether the bytes differ, as far as that is looked for.
pub(super) fn settle(
    buffer: &Buffer,
    rules: Rules,
    old: Span,
    new: Span,
    data: &[u8],
    merged: &mut [u8],
) -> bool {
    let base = buffer.base() as i64;
    let from = old.start.max(new.start).max(base);
    let to = old.end().min(new.end());
    let (Ok(skip), Ok(len)) = (
        usize::try_from(from - new.start),
        usize::try_from(to - from),
    ) else {
        return false;
    };
    let held = buffer.at(from as u64);
    let len = len.min(held.len());
    let (Some(held), Some(fresh)) = (held.get(..len), data.get(skip..skip + len)) else {
        return false;
    };
    let is_different = held != fresh;
    if !is_different {
        return false;
    }
    let keeps_old = rules.inline || !takes_new(rules.policy, old, new);
    if keeps_old && let Some(place) = merged.get_mut(skip..skip + len) {
        place.copy_from_slice(held);
    }
    rules.check_overlap
}

/// Whether the target takes the newer copy.
fn takes_new(policy: OsPolicy, old: Span, new: Span) -> bool {
    if policy == OsPolicy::Last {
        return true;
    }
    let covers_end = new.end() >= old.end();
    let sun_or_hp = matches!(policy, OsPolicy::Solaris | OsPolicy::Hpux11);
    match new.start.cmp(&old.start) {
        Ordering::Equal => match new.end().cmp(&old.end()) {
            Ordering::Less => false,
            Ordering::Equal => sun_or_hp || policy == OsPolicy::OldLinux,
            Ordering::Greater => {
                sun_or_hp || matches!(policy, OsPolicy::OldLinux | OsPolicy::Linux)
            }
        },
        Ordering::Less => match policy {
            OsPolicy::Bsd
            | OsPolicy::Hpux10
            | OsPolicy::Irix
            | OsPolicy::Windows
            | OsPolicy::Windows2k3
            | OsPolicy::OldLinux
            | OsPolicy::Linux
            | OsPolicy::Macos => true,
            OsPolicy::Solaris | OsPolicy::Hpux11 => covers_end,
            OsPolicy::Vista | OsPolicy::First | OsPolicy::Last => false,
        },
        Ordering::Greater => sun_or_hp && new.end() > old.end(),
    }
}
