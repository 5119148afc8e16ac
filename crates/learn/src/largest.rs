//! The largest of some numbers.

/// The `N` largest, falling; 0 stands for those that there are not, and for any below.
pub fn largest<const N: usize>(values: impl Iterator<Item = f32>) -> [f32; N] {
    let mut largest = [0.0; N];
    for mut value in values {
        for slot in &mut largest {
            if value > *slot {
                std::mem::swap(slot, &mut value);
            }
        }
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_fall_and_nothing_is_below_zero() {
        assert_eq!(largest([1.0, 3.0, 2.0, 3.0].into_iter()), [3.0, 3.0, 2.0]);
        assert_eq!(largest([-1.0, 0.5].into_iter()), [0.5, 0.0]);
    }
}
