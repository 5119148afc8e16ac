//! Sessions: a family of refresh tokens each, of which one is good at a time.

use event::Timestamp;
use sqlx::any::AnyRow;

use crate::row::Row;
use crate::{Error, State, limits};

/// One session. Tokens are never kept, only SHA-256 of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The family's name; part of each of its tokens.
    pub id: String,
    /// Whose it is.
    pub user: String,
    /// The hash of the token that is good now.
    pub current: String,
    /// The hash of the one before.
    pub previous: Option<String>,
    /// When the current one took the place of the previous.
    pub rotated: Timestamp,
    /// When the user logged in.
    pub created: Timestamp,
    /// When it ends, whatever happens.
    pub expires: Timestamp,
    /// From where it was begun.
    pub address: String,
    /// What the browser called itself.
    pub agent: String,
    /// When it was ended early, and why.
    pub revoked: Option<(Timestamp, String)>,
}

/// The table.
#[derive(Clone, Copy, Debug)]
pub struct Sessions<'s>(&'s State);

impl State {
    /// Who is logged in.
    #[must_use]
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions(self)
    }
}

impl Sessions<'_> {
    /// Begins a session; the oldest of the user's ends where there are too many, and what ended long ago goes.
    ///
    /// # Errors
    /// The database fails, the user is gone.
    pub async fn add(&self, session: &Session) -> Result<(), Error> {
        let agent: String = session.agent.chars().take(limits::NAME * 2).collect();
        let query = sqlx::query(
            "INSERT INTO sessions (id, user_name, current, rotated, created, expires, address, agent)
             VALUES ($1, $2, $3, $4, $4, $5, $6, $7)",
        )
        .bind(&session.id)
        .bind(&session.user)
        .bind(&session.current)
        .bind(session.created.nanos())
        .bind(session.expires.nanos())
        .bind(&session.address)
        .bind(agent.replace('\0', ""));
        self.0.execute("begin a session", query).await?;
        let query = sqlx::query("DELETE FROM sessions WHERE expires < $1 OR id IN (SELECT id FROM sessions WHERE user_name = $2 ORDER BY created DESC, id LIMIT 100000 OFFSET $3)")
            .bind(session.created.nanos())
            .bind(&session.user)
            .bind(limits::SESSIONS);
        self.0.execute("end old sessions", query).await.map(drop)
    }

    /// One session, where there is one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn find(&self, id: &str) -> Result<Option<Session>, Error> {
        let query = sqlx::query("SELECT * FROM sessions WHERE id = $1").bind(id);
        let row = self.0.maybe("read a session", query).await?;
        row.as_ref().map(read).transpose()
    }

    /// Sessions of a user that are not over, the newest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn of_user(&self, user: &str, now: Timestamp) -> Result<Vec<Session>, Error> {
        let query = sqlx::query(
            "SELECT * FROM sessions WHERE user_name = $1 AND revoked IS NULL AND expires > $2 ORDER BY created DESC",
        )
        .bind(user)
        .bind(now.nanos());
        let rows = self.0.all("list sessions", query).await?;
        rows.iter().map(read).collect()
    }

    /// Puts the next token in the place of the current one; false where `current` is it no more: of two that try
    /// at once, one succeeds.
    ///
    /// # Errors
    /// The database fails.
    pub async fn rotate(
        &self,
        id: &str,
        current: &str,
        next: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let query = sqlx::query(
            "UPDATE sessions SET previous = current, current = $3, rotated = $4
             WHERE id = $1 AND current = $2 AND revoked IS NULL AND expires > $4",
        )
        .bind(id)
        .bind(current)
        .bind(next)
        .bind(now.nanos());
        Ok(self.0.execute("renew a session", query).await? > 0)
    }

    /// Ends a session early.
    ///
    /// # Errors
    /// The database fails.
    pub async fn revoke(&self, id: &str, why: &str, now: Timestamp) -> Result<(), Error> {
        let query = sqlx::query(
            "UPDATE sessions SET revoked = $2, revoked_why = $3 WHERE id = $1 AND revoked IS NULL",
        )
        .bind(id)
        .bind(now.nanos())
        .bind(why);
        self.0.execute("end a session", query).await.map(drop)
    }

    /// Ends all sessions of a user.
    ///
    /// # Errors
    /// The database fails.
    pub async fn revoke_all(&self, user: &str, why: &str, now: Timestamp) -> Result<u64, Error> {
        let query = sqlx::query(
            "UPDATE sessions SET revoked = $2, revoked_why = $3 WHERE user_name = $1 AND revoked IS NULL",
        )
        .bind(user)
        .bind(now.nanos())
        .bind(why);
        self.0.execute("end sessions", query).await
    }
}

fn read(row: &AnyRow) -> Result<Session, Error> {
    let row = Row {
        what: "session",
        row,
    };
    let why = row.maybe_text("revoked_why")?.unwrap_or_default();
    Ok(Session {
        id: row.text("id")?,
        user: row.text("user_name")?,
        current: row.text("current")?,
        previous: row.maybe_text("previous")?,
        rotated: row.time("rotated")?,
        created: row.time("created")?,
        expires: row.time("expires")?,
        address: row.text("address")?,
        agent: row.text("agent")?,
        revoked: row.maybe_time("revoked")?.map(|when| (when, why)),
    })
}
