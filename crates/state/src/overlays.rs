//! Rule overlays: what people change about a rule without touching its file.

use event::Timestamp;
use serde::{Deserialize, Serialize};

use crate::row::{Row, json};
use crate::{Error, State, limits, random_id};

/// One overlay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overlay {
    /// Its name.
    pub id: String,
    /// The rule's generator.
    pub gid: u32,
    /// The rule.
    pub sid: u32,
    /// For which traffic: an address or network, or nothing for all of it.
    pub scope: String,
    /// What is changed: `{"enabled": false}`, a threshold, whatever the engine takes.
    pub action: serde_json::Value,
    /// Why.
    pub reason: String,
    /// Whose it is.
    pub owner: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends by itself; none: never.
    pub expires: Option<Timestamp>,
}

/// An overlay to be made.
#[derive(Clone, Debug)]
pub struct New<'a> {
    /// The rule's generator.
    pub gid: u32,
    /// The rule.
    pub sid: u32,
    /// For which traffic.
    pub scope: &'a str,
    /// What is changed.
    pub action: &'a serde_json::Value,
    /// Why.
    pub reason: &'a str,
    /// Whose it is.
    pub owner: &'a str,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
}

/// The table.
#[derive(Clone, Copy, Debug)]
pub struct Overlays<'s>(&'s State);

impl State {
    /// What people change about rules.
    #[must_use]
    pub fn overlays(&self) -> Overlays<'_> {
        Overlays(self)
    }
}

impl Overlays<'_> {
    /// Keeps an overlay; one of the same rule and scope is replaced.
    ///
    /// # Errors
    /// A text that can't be kept, an end that is past, one overlay too many.
    pub async fn put(&self, new: &New<'_>, now: Timestamp) -> Result<Overlay, Error> {
        limits::may_be_empty("the scope", new.scope, limits::REASON)?;
        limits::text("the reason", new.reason, limits::REASON)?;
        limits::text("the owner", new.owner, limits::NAME)?;
        if new.expires.is_some_and(|expires| expires <= now) {
            return Err(Error::Refused("the end is past".to_owned()));
        }
        let action = json("the change", new.action)?;
        limits::text("the change", &action, limits::QUERY)?;
        let query = sqlx::query(
            "INSERT INTO rule_overlays (id, gid, sid, scope, action, reason, owner, created, expires)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE (SELECT COUNT(*) FROM rule_overlays) < $10
             ON CONFLICT (gid, sid, scope) DO UPDATE SET action = excluded.action, reason = excluded.reason,
             owner = excluded.owner, created = excluded.created, expires = excluded.expires",
        )
        .bind(random_id()?)
        .bind(i64::from(new.gid))
        .bind(i64::from(new.sid))
        .bind(new.scope)
        .bind(action)
        .bind(new.reason)
        .bind(new.owner)
        .bind(now.nanos())
        .bind(new.expires.map(Timestamp::nanos))
        .bind(limits::ROWS);
        if self.0.execute("keep an overlay", query).await? == 0 {
            return Err(Error::Refused(format!(
                "{} overlays are kept already",
                limits::ROWS
            )));
        }
        let all = self.active(now).await?;
        let own = |o: &Overlay| (o.gid, o.sid) == (new.gid, new.sid) && o.scope == new.scope;
        all.into_iter()
            .find(own)
            .ok_or_else(|| Error::missing("overlay of rule", &new.sid.to_string()))
    }

    /// All that hold at this moment, by rule.
    ///
    /// # Errors
    /// The database fails.
    pub async fn active(&self, now: Timestamp) -> Result<Vec<Overlay>, Error> {
        let query = sqlx::query(
            "SELECT * FROM rule_overlays WHERE expires IS NULL OR expires > $1 ORDER BY gid, sid, scope",
        )
        .bind(now.nanos());
        let rows = self.0.all("list overlays", query).await?;
        let read = |row| {
            let row = Row {
                what: "overlay",
                row,
            };
            let small = |number: i64| u32::try_from(number).unwrap_or_default();
            Ok(Overlay {
                id: row.text("id")?,
                gid: small(row.number("gid")?),
                sid: small(row.number("sid")?),
                scope: row.text("scope")?,
                action: row.json("action")?,
                reason: row.text("reason")?,
                owner: row.text("owner")?,
                created: row.time("created")?,
                expires: row.maybe_time("expires")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Removes an overlay.
    ///
    /// # Errors
    /// None of that name.
    pub async fn remove(&self, id: &str) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM rule_overlays WHERE id = $1").bind(id);
        match self.0.execute("remove an overlay", query).await? {
            0 => Err(Error::missing("overlay", id)),
            _ => Ok(()),
        }
    }
}
