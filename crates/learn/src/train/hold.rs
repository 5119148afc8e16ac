//! Rows that are held back: they say when it is enough, calibrate the scores and set the threshold.

use crate::table::Table;

/// Stretches of time that each give their share: a quiet hour at the end must not stand for the whole week.
pub const STRETCHES: usize = 12;

/// Rows to learn from, and rows held back: of each stretch of time its last part. Flows that follow each other are
/// like each other, so they are not torn apart at random. Rows without times are taken in their order.
#[must_use]
pub fn hold_back(
    table: &Table,
    rows: &[usize],
    share: f32,
    stretches: usize,
) -> (Vec<usize>, Vec<usize>) {
    let mut ordered = rows.to_vec();
    ordered.sort_by_key(|row| (table.rows[*row].at_us, table.rows[*row].source, *row));
    let size = ordered.len().div_ceil(stretches.max(1)).max(2);
    let (mut learn, mut held) = (Vec::new(), Vec::new());
    for stretch in ordered.chunks(size) {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let count = ((stretch.len() as f32 * share).ceil() as usize).min(stretch.len() - 1);
        let (first, last) = stretch.split_at(stretch.len() - count);
        learn.extend_from_slice(first);
        held.extend_from_slice(last);
    }
    learn.sort_unstable();
    held.sort_unstable();
    (learn, held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Row;

    #[test]
    fn each_stretch_of_time_gives_its_last_part() {
        let mut table = Table::new(Vec::new());
        for at_us in (0..240).rev() {
            let row = Row {
                at_us,
                ..Row::default()
            };
            table.push(row, &[]).unwrap();
        }
        let rows: Vec<usize> = (0..240).collect();
        let (learn, held) = hold_back(&table, &rows, 0.15, STRETCHES);
        assert_eq!((learn.len(), held.len()), (204, 36));
        let times: Vec<i64> = held
            .iter()
            .rev()
            .map(|row| table.rows[*row].at_us)
            .collect();
        assert_eq!(times[..6], [17, 18, 19, 37, 38, 39]);
        assert_eq!(hold_back(&table, &[5], 0.5, STRETCHES), (vec![5], vec![]));
    }
}
