//! Comparison of sequence numbers, which wrap around (RFC 9293 section 3.4).

/// Whether `a` comes before `b`.
pub(super) const fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// Whether `a` comes after `b`.
pub(super) const fn after(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

/// Whether `a` is `b` or comes before it.
pub(super) const fn until(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) <= 0
}

/// Whether `a` is `b` or comes after it.
pub(super) const fn from(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) >= 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_numbers_across_the_wrap() {
        assert!(before(u32::MAX, 0));
        assert!(after(5, u32::MAX - 5));
        assert!(until(7, 7) && from(7, 7));
        assert!(!before(7, 7) && !after(7, 7));
    }
}
