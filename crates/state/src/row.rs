//! One row, read column by column.

use event::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::Error;

/// A row of one noun: what cannot be read is told with the noun and the column.
pub(crate) struct Row<'r> {
    pub what: &'static str,
    pub row: &'r AnyRow,
}

impl Row<'_> {
    fn broken(&self, column: &str, cause: &dyn std::fmt::Display) -> Error {
        Error::Broken {
            what: self.what,
            id: format!("({column})"),
            cause: cause.to_string(),
        }
    }

    pub fn text(&self, column: &str) -> Result<String, Error> {
        let got = self.row.try_get::<String, _>(column);
        got.map_err(|error| self.broken(column, &error))
    }

    pub fn maybe_text(&self, column: &str) -> Result<Option<String>, Error> {
        let got = self.row.try_get::<Option<String>, _>(column);
        got.map_err(|error| self.broken(column, &error))
    }

    pub fn number(&self, column: &str) -> Result<i64, Error> {
        let got = self.row.try_get::<i64, _>(column);
        got.map_err(|error| self.broken(column, &error))
    }

    /// A number that counts something.
    pub fn count(&self, column: &str) -> Result<u64, Error> {
        let number = self.number(column)?;
        u64::try_from(number).map_err(|error| self.broken(column, &error))
    }

    pub fn is(&self, column: &str) -> Result<bool, Error> {
        Ok(self.number(column)? != 0)
    }

    pub fn time(&self, column: &str) -> Result<Timestamp, Error> {
        Ok(Timestamp::from_nanos(self.number(column)?))
    }

    pub fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>, Error> {
        let got = self.row.try_get::<Option<i64>, _>(column);
        let got = got.map_err(|error| self.broken(column, &error))?;
        Ok(got.map(Timestamp::from_nanos))
    }

    /// A word of a closed list, or a tree, as JSON has it.
    pub fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, Error> {
        let text = self.text(column)?;
        serde_json::from_str(&text).map_err(|error| self.broken(column, &error))
    }

    /// A word of a closed list, as JSON has it without the quotes.
    pub fn word<T: DeserializeOwned>(&self, column: &str) -> Result<T, Error> {
        let word = serde_json::Value::String(self.text(column)?);
        serde_json::from_value(word).map_err(|error| self.broken(column, &error))
    }
}

/// A word of a closed list as a column keeps it.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // No enum of ours is written as anything else.
        Ok(_) | Err(_) => String::new(),
    }
}

/// A tree as a column keeps it.
pub(crate) fn json(what: &'static str, value: &impl serde::Serialize) -> Result<String, Error> {
    let text = serde_json::to_string(value);
    text.map_err(|error| Error::Refused(format!("{what} cannot be written: {error}")))
}
