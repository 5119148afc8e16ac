//! What `alert` must find again after a restart: incidents, what it remembers of them, and how far it has read.

use event::{Incident, Timestamp};

use crate::row::Row;
use crate::{Error, State, incidents, limits};

/// All that is kept together: either all of it is there after a crash, or nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Save<'a> {
    /// Incidents that changed.
    pub incidents: &'a [Incident],
    /// What is remembered: a name and a text.
    pub memories: &'a [(String, String)],
    /// Names that need not be remembered any more.
    pub forgotten: &'a [String],
    /// A value of [`State::kv`]: its name and the text.
    pub value: Option<(&'a str, &'a str)>,
}

/// The table.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'s>(&'s State);

impl State {
    /// What `alert` must find again.
    #[must_use]
    pub fn machine(&self) -> Machine<'_> {
        Machine(self)
    }
}

impl Machine<'_> {
    /// Keeps all of it in one transaction.
    ///
    /// # Errors
    /// A text too large, the database fails: then nothing is kept.
    pub async fn save(&self, save: &Save<'_>, now: Timestamp) -> Result<(), Error> {
        const WHAT: &str = "keep what alert knows";
        let mut work = self.0.begin(WHAT).await?;
        for incident in save.incidents {
            incidents::put(&mut work, incident, WHAT).await?;
        }
        for (name, doc) in save.memories {
            limits::text("a memory", doc, limits::INCIDENT)?;
            let query = sqlx::query(
                "INSERT INTO alert_memory (name, doc) VALUES ($1, $2)
                 ON CONFLICT (name) DO UPDATE SET doc = excluded.doc",
            );
            let query = query.bind(name).bind(doc);
            query.execute(&mut *work).await.map_err(Error::sql(WHAT))?;
        }
        for name in save.forgotten {
            let query = sqlx::query("DELETE FROM alert_memory WHERE name = $1").bind(name);
            query.execute(&mut *work).await.map_err(Error::sql(WHAT))?;
        }
        if let Some((name, value)) = save.value {
            limits::may_be_empty("the value", value, limits::VALUE)?;
            let query = sqlx::query(
                "INSERT INTO kv (name, value, version, changed) VALUES ($1, $2, 1, $3)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value, version = kv.version + 1,
                 changed = excluded.changed",
            );
            let query = query.bind(name).bind(value).bind(now.nanos());
            query.execute(&mut *work).await.map_err(Error::sql(WHAT))?;
        }
        work.commit().await.map_err(Error::sql(WHAT))
    }

    /// All that is remembered, in no order.
    ///
    /// # Errors
    /// The database fails.
    pub async fn load(&self) -> Result<Vec<String>, Error> {
        let query = sqlx::query("SELECT doc FROM alert_memory");
        let rows = self.0.all("read what alert knows", query).await?;
        let doc = |row| {
            let what = "memory";
            Row { what, row }.text("doc")
        };
        rows.iter().map(doc).collect()
    }
}
