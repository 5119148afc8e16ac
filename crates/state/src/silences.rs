//! Silences: what people do not want to be told of for a while, and why.

use std::collections::BTreeMap;

use event::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use crate::row::{Row, json, word};
use crate::sql::Sql;
use crate::{Error, Page, Paging, State, limits, random_id};

/// What a silence hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Notifications: incidents are made as ever.
    Silence,
    /// Events: they are stored, and make no incident.
    Suppress,
}

/// One silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Its name.
    pub id: String,
    /// What it hides.
    pub kind: Kind,
    /// Which events, in the store's language.
    pub query: String,
    /// Why.
    pub reason: String,
    /// Whose it is.
    pub owner: String,
    /// What it is called where it was made, when that is not here: `RECEIVER/ID`.
    pub origin: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it changed last.
    pub changed: Timestamp,
    /// When it ends by itself.
    pub expires: Timestamp,
    /// When it was ended early.
    pub ended: Option<Timestamp>,
    /// By whom.
    pub ended_by: Option<String>,
    /// What it is called at receivers that have silences of their own: receiver to id.
    pub mirrors: BTreeMap<String, String>,
}

impl Silence {
    /// Whether it hides anything at this moment.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.ended.is_none() && self.expires > now
    }
}

/// A silence to be made.
#[derive(Clone, Debug)]
pub struct New<'a> {
    /// What it hides.
    pub kind: Kind,
    /// Which events.
    pub query: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Whose it is.
    pub owner: &'a str,
    /// When it ends by itself.
    pub expires: Timestamp,
    /// What it is called where it was made, when that is not here.
    pub origin: Option<&'a str>,
}

/// The table.
#[derive(Clone, Copy, Debug)]
pub struct Silences<'s>(&'s State);

impl State {
    /// What people do not want to be told of.
    #[must_use]
    pub fn silences(&self) -> Silences<'_> {
        Silences(self)
    }
}

impl Silences<'_> {
    /// Makes a silence.
    ///
    /// # Errors
    /// A text that can't be kept, an end that is past, an origin that is there already, one silence too many.
    pub async fn add(&self, new: &New<'_>, now: Timestamp) -> Result<Silence, Error> {
        limits::text("the query", new.query, limits::QUERY)?;
        limits::text("the reason", new.reason, limits::REASON)?;
        limits::text("the owner", new.owner, limits::NAME)?;
        if new.expires <= now {
            return Err(Error::Refused("the end is past".to_owned()));
        }
        let id = random_id()?;
        let query = sqlx::query(
            "INSERT INTO silences (id, kind, query, reason, owner, origin, created, changed, expires, mirrors)
             SELECT $1, $2, $3, $4, $5, $6, $7, $7, $8, '{}'
             WHERE (SELECT COUNT(*) FROM silences WHERE ended IS NULL AND expires > $7) < $9 ON CONFLICT DO NOTHING",
        )
        .bind(&id)
        .bind(word(&new.kind))
        .bind(new.query)
        .bind(new.reason)
        .bind(new.owner)
        .bind(new.origin)
        .bind(now.nanos())
        .bind(new.expires.nanos())
        .bind(limits::ROWS);
        if self.0.execute("add a silence", query).await? == 0 {
            if let Some(origin) = new.origin
                && self.find_origin(origin).await?.is_some()
            {
                return Err(Error::exists("silence", origin));
            }
            return Err(Error::Refused(format!(
                "{} silences are in force already",
                limits::ROWS
            )));
        }
        self.get(&id).await
    }

    /// One silence.
    ///
    /// # Errors
    /// None of that name.
    pub async fn get(&self, id: &str) -> Result<Silence, Error> {
        let query = sqlx::query("SELECT * FROM silences WHERE id = $1").bind(id);
        let row = self.0.maybe("read a silence", query).await?;
        row.as_ref()
            .map(read)
            .transpose()?
            .ok_or_else(|| Error::missing("silence", id))
    }

    /// The silence that came from elsewhere under this name, where there is one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn find_origin(&self, origin: &str) -> Result<Option<Silence>, Error> {
        let query = sqlx::query("SELECT * FROM silences WHERE origin = $1").bind(origin);
        let row = self.0.maybe("read a silence", query).await?;
        row.as_ref().map(read).transpose()
    }

    /// All that hide something at this moment.
    ///
    /// # Errors
    /// The database fails.
    pub async fn active(&self, now: Timestamp) -> Result<Vec<Silence>, Error> {
        let query = sqlx::query(
            "SELECT * FROM silences WHERE ended IS NULL AND expires > $1 ORDER BY created, id",
        )
        .bind(now.nanos());
        let rows = self.0.all("list silences", query).await?;
        rows.iter().map(read).collect()
    }

    /// Silences, the newest first; with `active_at` only those in force then.
    ///
    /// # Errors
    /// A cursor that is none.
    pub async fn list(
        &self,
        active_at: Option<Timestamp>,
        paging: &Paging,
    ) -> Result<Page<Silence>, Error> {
        let mut sql = Sql::new("SELECT * FROM silences");
        if let Some(now) = active_at {
            sql.filter().push("ended IS NULL AND expires > ");
            sql.bind(now.nanos())?;
        }
        sql.newest_first("created", paging)?;
        let rows = self.0.rows("list silences", sql).await?;
        let silences = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page::of(silences, paging.rows(), |silence: &Silence| {
            (silence.created.nanos(), silence.id.clone())
        }))
    }

    /// Gives another end to a silence in force.
    ///
    /// # Errors
    /// None of that name in force, an end that is past.
    pub async fn extend(
        &self,
        id: &str,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<Silence, Error> {
        if expires <= now {
            return Err(Error::Refused("the end is past".to_owned()));
        }
        let query = sqlx::query(
            "UPDATE silences SET expires = $2, changed = $3 WHERE id = $1 AND ended IS NULL AND expires > $3",
        )
        .bind(id)
        .bind(expires.nanos())
        .bind(now.nanos());
        if self.0.execute("extend a silence", query).await? == 0 {
            return Err(Error::missing("silence in force", id));
        }
        self.get(id).await
    }

    /// Ends a silence now; one that is over stays as it is.
    ///
    /// # Errors
    /// None of that name.
    pub async fn end(&self, id: &str, by: &str, now: Timestamp) -> Result<Silence, Error> {
        let query = sqlx::query(
            "UPDATE silences SET ended = $2, ended_by = $3, changed = $2 WHERE id = $1 AND ended IS NULL AND expires > $2",
        )
        .bind(id)
        .bind(now.nanos())
        .bind(by);
        self.0.execute("end a silence", query).await?;
        self.get(id).await
    }

    /// Notes what a silence is called at a receiver.
    ///
    /// # Errors
    /// None of that name.
    pub async fn mirror(&self, id: &str, receiver: &str, theirs: &str) -> Result<(), Error> {
        limits::text("the receiver", receiver, limits::NAME)?;
        limits::text("the receiver's name for it", theirs, limits::REASON)?;
        // Several receivers note theirs at once: until nobody came in between.
        for _ in 0..100 {
            let silence = self.get(id).await?;
            let before = json("mirrors", &silence.mirrors)?;
            let mut mirrors = silence.mirrors;
            mirrors.insert(receiver.to_owned(), theirs.to_owned());
            let query =
                sqlx::query("UPDATE silences SET mirrors = $3 WHERE id = $1 AND mirrors = $2")
                    .bind(id)
                    .bind(before)
                    .bind(json("mirrors", &mirrors)?);
            if self.0.execute("note a mirrored silence", query).await? > 0 {
                return Ok(());
            }
        }
        Err(Error::Refused(format!(
            "silence {id} changes too fast to note a mirror"
        )))
    }

    /// Forgets silences that were over before `before`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn forget(&self, before: Timestamp) -> Result<u64, Error> {
        let query = sqlx::query("DELETE FROM silences WHERE expires < $1 OR ended < $1")
            .bind(before.nanos());
        self.0.execute("forget silences", query).await
    }
}

fn read(row: &AnyRow) -> Result<Silence, Error> {
    let row = Row {
        what: "silence",
        row,
    };
    Ok(Silence {
        id: row.text("id")?,
        kind: row.word("kind")?,
        query: row.text("query")?,
        reason: row.text("reason")?,
        owner: row.text("owner")?,
        origin: row.maybe_text("origin")?,
        created: row.time("created")?,
        changed: row.time("changed")?,
        expires: row.time("expires")?,
        ended: row.maybe_time("ended")?,
        ended_by: row.maybe_text("ended_by")?,
        mirrors: row.json("mirrors")?,
    })
}
