//! Small things that services keep under a name, each with a version.

use event::Timestamp;

use crate::row::Row;
use crate::{Error, State, limits};

/// The table.
#[derive(Clone, Copy, Debug)]
pub struct Kv<'s>(&'s State);

impl State {
    /// Small things under a name. Names begin with the service: `alert/…`.
    #[must_use]
    pub fn kv(&self) -> Kv<'_> {
        Kv(self)
    }
}

impl Kv<'_> {
    /// What stands under a name, and its version.
    ///
    /// # Errors
    /// The database fails.
    pub async fn get(&self, name: &str) -> Result<Option<(String, u64)>, Error> {
        let query = sqlx::query("SELECT * FROM kv WHERE name = $1").bind(name);
        let row = self.0.maybe("read a value", query).await?;
        let read = |row| {
            let row = Row { what: "value", row };
            Ok((row.text("value")?, row.count("version")?))
        };
        row.as_ref().map(read).transpose()
    }

    /// Puts a value there, whatever stood there before.
    ///
    /// # Errors
    /// A value that can't be kept.
    pub async fn put(&self, name: &str, value: &str, now: Timestamp) -> Result<(), Error> {
        check(name, value)?;
        let query = sqlx::query(
            "INSERT INTO kv (name, value, version, changed) VALUES ($1, $2, 1, $3)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value, version = kv.version + 1,
             changed = excluded.changed",
        )
        .bind(name)
        .bind(value)
        .bind(now.nanos());
        self.0.execute("put a value", query).await.map(drop)
    }

    /// Puts a value there where `version` still stands there (0: nothing does); false where not.
    ///
    /// # Errors
    /// A value that can't be kept.
    pub async fn swap(
        &self,
        name: &str,
        version: u64,
        value: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        check(name, value)?;
        let version = i64::try_from(version).unwrap_or(i64::MAX);
        let text = match version {
            0 => {
                "INSERT INTO kv (name, value, version, changed) VALUES ($1, $2, 1 + $4, $3) ON CONFLICT DO NOTHING"
            }
            _ => {
                "UPDATE kv SET value = $2, version = version + 1, changed = $3 WHERE name = $1 AND version = $4"
            }
        };
        let query = sqlx::query(text)
            .bind(name)
            .bind(value)
            .bind(now.nanos())
            .bind(version);
        Ok(self.0.execute("swap a value", query).await? > 0)
    }

    /// Removes a value; nothing happens where there is none.
    ///
    /// # Errors
    /// The database fails.
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM kv WHERE name = $1").bind(name);
        self.0.execute("remove a value", query).await.map(drop)
    }
}

fn check(name: &str, value: &str) -> Result<(), Error> {
    limits::text("the name", name, limits::REASON)?;
    limits::may_be_empty("the value", value, limits::VALUE)
}
