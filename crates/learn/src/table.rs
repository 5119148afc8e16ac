//! Flows as rows: their features, and what is known of each.

/// Flows that one table takes; a row of 80 features is 320 bytes.
pub const MAX_ROWS: usize = 20_000_000;
/// Kinds of traffic that one table tells apart.
pub const MAX_CLASSES: usize = 1_000;
/// The class of traffic that nobody minds; always the first.
pub const NORMAL: u16 = 0;

/// What a feature's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An amount.
    Number,
    /// One of some names: the value is the place of the name in the column's list.
    Category,
}

/// A feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name as the source of the rows writes it.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// The names of a category, by value.
    pub names: Vec<String>,
}

/// What is known of a flow besides its features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its class, by place in [`Table::classes`]; `None` where nobody said.
    pub class: Option<u16>,
    /// The host that began it, by place in [`Table::hosts`]; `None` where the source does not tell:
    /// such a flow is a sequence of one.
    pub host: Option<u32>,
    /// Microseconds since 1970, or 0 where the source does not tell: then rows stand in order.
    pub at_us: i64,
    /// The file it is from, by place in [`Table::sources`].
    pub source: u16,
    /// The line in that file, from 1.
    pub line: u32,
}

/// Rows that are cut off at a limit, or do not fit the columns.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Other than one value for each column.
    #[error("{given} values for {wanted} columns")]
    Width {
        /// Values given.
        given: usize,
        /// Columns.
        wanted: usize,
    },
    /// More rows than one table takes.
    #[error("more than {MAX_ROWS} rows")]
    Full,
    /// More kinds of traffic than one table tells apart.
    #[error("more than {MAX_CLASSES} classes")]
    Classes,
    /// More flows and hosts under an alert than are remembered.
    #[error("more than 2,000,000 flows or hosts are under an alert: take a shorter time")]
    Alerts,
}

/// Flows.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The features.
    pub columns: Vec<Column>,
    /// What is known of each flow.
    pub rows: Vec<Row>,
    /// Names of the classes; the first is normal traffic.
    pub classes: Vec<String>,
    /// Names of hosts.
    pub hosts: Vec<String>,
    /// Names of files.
    pub sources: Vec<String>,
    /// Row after row; a value that is missing or no number is NaN.
    values: Vec<f32>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(columns: Vec<Column>) -> Self {
        Table {
            columns,
            classes: vec!["normal".to_owned()],
            ..Table::default()
        }
    }

    /// Adds a flow.
    ///
    /// # Errors
    /// Other than one value for each column, or too many rows.
    pub fn push(&mut self, row: Row, values: &[f32]) -> Result<(), Error> {
        if values.len() != self.columns.len() {
            return Err(Error::Width {
                given: values.len(),
                wanted: self.columns.len(),
            });
        }
        if self.rows.len() >= MAX_ROWS {
            return Err(Error::Full);
        }
        self.rows.push(row);
        self.values.extend_from_slice(values);
        Ok(())
    }

    /// Keeps these rows, in this order; each is named once at most.
    pub fn arrange(&mut self, order: &[usize]) {
        let count = self.rows.len();
        // Where each row goes; those that nobody named go behind the others.
        let mut places = vec![usize::MAX; count];
        for (place, row) in order.iter().enumerate() {
            if let Some(known) = places.get_mut(*row) {
                *known = place;
            }
        }
        let mut behind = order.len()..;
        for place in places.iter_mut().filter(|place| **place == usize::MAX) {
            *place = behind.next().unwrap_or(usize::MAX);
        }
        // In place: a table may fill much of the memory.
        for row in 0..count {
            while let Some(place) = places.get(row).copied()
                && place != row
                && place < count
            {
                self.swap(row, place);
                places.swap(row, place);
            }
        }
        self.rows.truncate(order.len());
        self.values.truncate(order.len() * self.columns.len());
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.rows.swap(one, other);
        let width = self.columns.len();
        let (low, high) = (one.min(other), one.max(other));
        let (head, tail) = self.values.split_at_mut(high * width);
        if let (Some(a), Some(b)) = (
            head.get_mut(low * width..low * width + width),
            tail.get_mut(..width),
        ) {
            a.swap_with_slice(b);
        }
    }

    /// The place of a class, which is added where it is new.
    ///
    /// # Errors
    /// Too many classes.
    pub fn class(&mut self, name: &str) -> Result<u16, Error> {
        let at = match self.classes.iter().position(|class| class == name) {
            Some(at) => at,
            None if self.classes.len() >= MAX_CLASSES => return Err(Error::Classes),
            None => {
                self.classes.push(name.to_owned());
                self.classes.len() - 1
            }
        };
        u16::try_from(at).map_err(|_| Error::Classes)
    }

    /// Flows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The features of a flow, one for each column; none where there is no such flow.
    #[must_use]
    pub fn values(&self, row: usize) -> &[f32] {
        let width = self.columns.len();
        let begin = row.saturating_mul(width);
        self.values
            .get(begin..begin.saturating_add(width))
            .unwrap_or_default()
    }

    /// Whether a flow is known to be an attack (`Some(true)`) or normal.
    #[must_use]
    pub fn is_attack(&self, row: usize) -> Option<bool> {
        let class = self.rows.get(row)?.class?;
        Some(class != NORMAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> Column {
        Column {
            name: name.to_owned(),
            kind: Kind::Number,
            names: Vec::new(),
        }
    }

    #[test]
    fn rows_are_kept_in_any_order() {
        for order in [
            vec![],
            vec![3],
            vec![4, 3, 2, 1, 0],
            vec![1, 2, 3, 4, 0],
            vec![2, 0, 4],
        ] {
            let mut table = Table::new(vec![column("a"), column("b")]);
            for line in 0..5_u16 {
                let row = Row {
                    line: line.into(),
                    ..Row::default()
                };
                let value = f32::from(line);
                table.push(row, &[value, value + 0.5]).unwrap();
            }
            table.arrange(&order);
            assert_eq!(table.len(), order.len());
            for (at, row) in order.iter().enumerate() {
                assert_eq!(table.rows[at].line as usize, *row);
                assert_eq!(table.values(at), [*row as f32, *row as f32 + 0.5]);
            }
            assert!(table.values(order.len()).is_empty());
        }
    }

    #[test]
    fn rows_come_back_as_they_went_in() {
        let mut table = Table::new(vec![column("a"), column("b")]);
        let class = table.class("scan").unwrap();
        let row = Row {
            class: Some(class),
            ..Row::default()
        };
        table.push(Row::default(), &[1.0, 2.0]).unwrap();
        table.push(row, &[3.0, 4.0]).unwrap();
        assert_eq!(table.values(0), [1.0, 2.0]);
        assert_eq!(table.values(1), [3.0, 4.0]);
        assert!(table.values(2).is_empty());
        assert_eq!((table.is_attack(0), table.is_attack(1)), (None, Some(true)));
        assert_eq!(table.class("scan"), Ok(1));
        assert_eq!(
            table.push(row, &[1.0]),
            Err(Error::Width {
                given: 1,
                wanted: 2
            })
        );
    }
}
