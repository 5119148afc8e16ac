//! Saved queries: searches that people want to find again.

use event::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use crate::row::{Row, json};
use crate::sql::Sql;
use crate::{Error, Page, Paging, State, limits, random_id};

/// One saved query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedQuery {
    /// Its name among rows.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// The search, in the store's language.
    pub query: String,
    /// How its answers are shown: columns, time, whatever the dashboard keeps.
    pub view: serde_json::Value,
    /// Whose it is.
    pub owner: String,
    /// Whether others see it.
    pub shared: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it changed last.
    pub changed: Timestamp,
}

/// A query to be saved.
#[derive(Clone, Debug)]
pub struct New<'a> {
    /// What its owner calls it.
    pub name: &'a str,
    /// The search.
    pub query: &'a str,
    /// How its answers are shown.
    pub view: &'a serde_json::Value,
    /// Whose it is.
    pub owner: &'a str,
    /// Whether others see it.
    pub shared: bool,
}

/// The table.
#[derive(Clone, Copy, Debug)]
pub struct Queries<'s>(&'s State);

impl State {
    /// Searches that people want to find again.
    #[must_use]
    pub fn queries(&self) -> Queries<'_> {
        Queries(self)
    }
}

impl Queries<'_> {
    /// Saves a query; one of the same owner and name is replaced.
    ///
    /// # Errors
    /// A text that can't be kept, one query too many.
    pub async fn put(&self, new: &New<'_>, now: Timestamp) -> Result<SavedQuery, Error> {
        limits::text("the name", new.name, limits::NAME)?;
        limits::may_be_empty("the query", new.query, limits::QUERY)?;
        limits::text("the owner", new.owner, limits::NAME)?;
        let view = json("the view", new.view)?;
        limits::text("the view", &view, limits::QUERY)?;
        let query = sqlx::query(
            "INSERT INTO saved_queries (id, name, query, view_json, owner, shared, created, changed)
             SELECT $1, $2, $3, $4, $5, $6, $7, $7 WHERE (SELECT COUNT(*) FROM saved_queries) < $8
             ON CONFLICT (owner, name) DO UPDATE SET query = excluded.query, view_json = excluded.view_json,
             shared = excluded.shared, changed = excluded.changed",
        )
        .bind(random_id()?)
        .bind(new.name)
        .bind(new.query)
        .bind(view)
        .bind(new.owner)
        .bind(i64::from(new.shared))
        .bind(now.nanos())
        .bind(limits::ROWS);
        if self.0.execute("save a query", query).await? == 0 {
            return Err(Error::Refused(format!(
                "{} queries are saved already",
                limits::ROWS
            )));
        }
        let query = sqlx::query("SELECT * FROM saved_queries WHERE owner = $1 AND name = $2")
            .bind(new.owner)
            .bind(new.name);
        let row = self.0.maybe("read a query", query).await?;
        row.as_ref()
            .map(read)
            .transpose()?
            .ok_or_else(|| Error::missing("query", new.name))
    }

    /// One saved query.
    ///
    /// # Errors
    /// None of that name.
    pub async fn get(&self, id: &str) -> Result<SavedQuery, Error> {
        let query = sqlx::query("SELECT * FROM saved_queries WHERE id = $1").bind(id);
        let row = self.0.maybe("read a query", query).await?;
        row.as_ref()
            .map(read)
            .transpose()?
            .ok_or_else(|| Error::missing("query", id))
    }

    /// What `owner` saved and what others share, the newest first.
    ///
    /// # Errors
    /// A cursor that is none.
    pub async fn list(&self, owner: &str, paging: &Paging) -> Result<Page<SavedQuery>, Error> {
        let mut sql = Sql::new("SELECT * FROM saved_queries");
        sql.filter().push("(shared = 1 OR owner = ").bind(owner)?;
        sql.push(")");
        sql.newest_first("created", paging)?;
        let rows = self.0.rows("list queries", sql).await?;
        let queries = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page::of(queries, paging.rows(), |query: &SavedQuery| {
            (query.created.nanos(), query.id.clone())
        }))
    }

    /// Removes a query.
    ///
    /// # Errors
    /// None of that name.
    pub async fn remove(&self, id: &str) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM saved_queries WHERE id = $1").bind(id);
        match self.0.execute("remove a query", query).await? {
            0 => Err(Error::missing("query", id)),
            _ => Ok(()),
        }
    }
}

fn read(row: &AnyRow) -> Result<SavedQuery, Error> {
    let row = Row { what: "query", row };
    Ok(SavedQuery {
        id: row.text("id")?,
        name: row.text("name")?,
        query: row.text("query")?,
        view: row.json("view_json")?,
        owner: row.text("owner")?,
        shared: row.is("shared")?,
        created: row.time("created")?,
        changed: row.time("changed")?,
    })
}
