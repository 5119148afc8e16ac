//! A body as far as it is kept: within a limit, behind a window that moves on with inspection.

use super::config::BodyLimits;
use crate::app::Field;

/// The bytes of a body after chunks and compression are taken out.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Bytes held; `held[0]` is byte `offset` of the body.
    held: Vec<u8>,
    offset: u64,
    /// Bytes taken in all, held or not.
    total: u64,
    /// Bytes that inspection has seen.
    inspected: u64,
}

impl Body {
    /// Whether bytes would still be taken.
    pub(super) const fn takes_more(&self, limits: &BodyLimits) -> bool {
        limits.limit == 0 || self.total < limits.limit
    }

    /// Takes what the limit lets of `data`, and says how much that is.
    pub(super) fn append(&mut self, data: &[u8], limits: &BodyLimits) -> usize {
        self.prune(limits);
        let room = match limits.limit {
            0 => data.len(),
            limit => usize::try_from(limit.saturating_sub(self.total)).unwrap_or(usize::MAX),
        };
        let taken = data.get(..room).unwrap_or(data);
        self.held.extend_from_slice(taken);
        self.total += taken.len() as u64;
        taken.len()
    }

    /// What [`Body::field`] gave was inspected: nothing, where it still waits for more.
    pub(super) fn mark_inspected(&mut self, limits: &BodyLimits, is_complete: bool) {
        if !self.is_waiting(limits, is_complete) {
            self.inspected = self.total;
            self.prune(limits);
        }
    }

    /// Whether too little is there to be looked at.
    fn is_waiting(&self, limits: &BodyLimits, is_complete: bool) -> bool {
        !is_complete && self.takes_more(limits) && self.total < limits.inspect_min
    }

    /// Lets go of bytes that no inspection will look at again. Where nothing inspects, three windows
    /// are let pass before the oldest bytes go.
    fn prune(&mut self, limits: &BodyLimits) {
        let widest = limits.inspect_min.max(limits.window);
        if self.total - self.inspected > widest.saturating_mul(3) {
            self.inspected = self.total - widest;
        } else if self.inspected < widest {
            return;
        }
        let edge = self.inspected.saturating_sub(limits.window);
        if self.inspected <= widest || edge <= self.offset {
            return;
        }
        let gone = usize::try_from(edge - self.offset)
            .unwrap_or(0)
            .min(self.held.len());
        self.held.drain(..gone);
        self.offset += gone as u64;
    }

    /// The part to inspect now. An unfinished body waits until enough of it is there.
    pub(super) fn field(&self, limits: &BodyLimits, is_complete: bool) -> Field<'_> {
        if self.total == 0 {
            return if is_complete {
                Field::Absent
            } else {
                Field::Pending
            };
        }
        if self.is_waiting(limits, is_complete) {
            return Field::Pending;
        }
        let may_grow = !is_complete && self.takes_more(limits);
        let start = if self.inspected > limits.inspect_min {
            self.inspected
                .saturating_sub(limits.window)
                .max(self.offset)
        } else {
            self.offset
        };
        let skip = usize::try_from(start - self.offset).unwrap_or(0);
        Field::Body {
            data: self.held.get(skip..).unwrap_or_default(),
            offset: start,
            is_complete: !may_grow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BodyLimits = BodyLimits {
        limit: 10,
        inspect_min: 4,
        window: 2,
    };

    #[test]
    fn waits_for_the_least_size() {
        let mut body = Body::default();
        assert_eq!(body.field(&LIMITS, false), Field::Pending);
        assert_eq!(body.field(&LIMITS, true), Field::Absent);
        assert_eq!(body.append(b"abc", &LIMITS), 3);
        assert_eq!(body.field(&LIMITS, false), Field::Pending);
        let whole = Field::Body {
            data: b"abc",
            offset: 0,
            is_complete: true,
        };
        assert_eq!(body.field(&LIMITS, true), whole);
    }

    #[test]
    fn moves_the_window_on_and_stops_at_the_limit() {
        let mut body = Body::default();
        body.append(b"abc", &LIMITS);
        body.mark_inspected(&LIMITS, false);
        body.append(b"def", &LIMITS);
        let first = Field::Body {
            data: b"abcdef",
            offset: 0,
            is_complete: false,
        };
        assert_eq!(body.field(&LIMITS, false), first);
        body.mark_inspected(&LIMITS, false);
        assert_eq!(body.append(b"ghijklm", &LIMITS), 4);
        let tail = Field::Body {
            data: b"efghij",
            offset: 4,
            is_complete: true,
        };
        assert_eq!(body.field(&LIMITS, false), tail);
        assert!(!body.takes_more(&LIMITS));
    }

    #[test]
    fn a_body_without_limit_is_pruned_without_inspection() {
        let limits = BodyLimits { limit: 0, ..LIMITS };
        let mut body = Body::default();
        for _ in 0..100 {
            body.append(b"abcdefgh", &limits);
        }
        assert!(body.held.len() < 32);
    }
}
