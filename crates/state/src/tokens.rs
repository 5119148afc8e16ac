//! API tokens: what programs show instead of logging in. Only SHA-256 of a token is kept.

use event::Timestamp;
use sqlx::any::AnyRow;

use crate::row::Row;
use crate::sql::Sql;
use crate::{Error, Page, Paging, Role, State, limits};

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its name among tokens; part of the token itself.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Whose it is: it goes when they go, and never may more than they.
    pub owner: String,
    /// SHA-256 of the token, 64 hexadecimal digits.
    pub hash: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends; none: never by itself.
    pub expires: Option<Timestamp>,
    /// When it was used last, about.
    pub last_used: Option<Timestamp>,
    /// From where.
    pub last_address: Option<String>,
    /// When it was taken back.
    pub revoked: Option<Timestamp>,
}

/// The table.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'s>(&'s State);

impl State {
    /// What programs show.
    #[must_use]
    pub fn tokens(&self) -> Tokens<'_> {
        Tokens(self)
    }
}

impl Tokens<'_> {
    /// Keeps a new token.
    ///
    /// # Errors
    /// A name that can't be, an owner whom nobody knows, one token too many.
    pub async fn add(&self, token: &Token) -> Result<(), Error> {
        limits::text("the token's name", &token.name, limits::NAME)?;
        self.0.users().get(&token.owner).await?;
        let query = sqlx::query(
            "INSERT INTO api_tokens (id, name, owner, hash, role, created, expires)
             SELECT $1, $2, $3, $4, $5, $6, $7 WHERE (SELECT COUNT(*) FROM api_tokens) < $8",
        )
        .bind(&token.id)
        .bind(&token.name)
        .bind(&token.owner)
        .bind(&token.hash)
        .bind(token.role.name())
        .bind(token.created.nanos())
        .bind(token.expires.map(Timestamp::nanos))
        .bind(limits::ROWS);
        if self.0.execute("add a token", query).await? == 0 {
            return Err(Error::Refused(format!(
                "there are {} tokens already: remove some",
                limits::ROWS
            )));
        }
        Ok(())
    }

    /// The token with this name, where there is one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn find(&self, id: &str) -> Result<Option<Token>, Error> {
        let query = sqlx::query("SELECT * FROM api_tokens WHERE id = $1").bind(id);
        let row = self.0.maybe("read a token", query).await?;
        row.as_ref().map(read).transpose()
    }

    /// Tokens, the newest first: of one owner, or of all.
    ///
    /// # Errors
    /// A cursor that is none.
    pub async fn list(&self, owner: Option<&str>, paging: &Paging) -> Result<Page<Token>, Error> {
        let mut sql = Sql::new("SELECT * FROM api_tokens");
        if let Some(owner) = owner {
            sql.filter().push("owner = ").bind(owner)?;
        }
        sql.newest_first("created", paging)?;
        let rows = self.0.rows("list tokens", sql).await?;
        let tokens = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page::of(tokens, paging.rows(), |token: &Token| {
            (token.created.nanos(), token.id.clone())
        }))
    }

    /// Notes that a token was used.
    ///
    /// # Errors
    /// The database fails.
    pub async fn used(&self, id: &str, address: &str, now: Timestamp) -> Result<(), Error> {
        let query = sqlx::query(
            "UPDATE api_tokens SET last_used = $2, last_address = $3
             WHERE id = $1 AND (last_used IS NULL OR last_used < $2)",
        )
        .bind(id)
        .bind(now.nanos())
        .bind(address);
        self.0
            .execute("note that a token was used", query)
            .await
            .map(drop)
    }

    /// Takes a token back; it stays in the list for the record.
    ///
    /// # Errors
    /// None of that name, or it was taken back before.
    pub async fn revoke(&self, id: &str, now: Timestamp) -> Result<(), Error> {
        let query =
            sqlx::query("UPDATE api_tokens SET revoked = $2 WHERE id = $1 AND revoked IS NULL")
                .bind(id)
                .bind(now.nanos());
        if self.0.execute("take a token back", query).await? == 0 {
            return Err(Error::missing("token", id));
        }
        Ok(())
    }

    /// Forgets tokens that ended or were taken back before `before`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn forget(&self, before: Timestamp) -> Result<u64, Error> {
        let query = sqlx::query("DELETE FROM api_tokens WHERE revoked < $1 OR expires < $1")
            .bind(before.nanos());
        self.0.execute("forget tokens", query).await
    }
}

fn read(row: &AnyRow) -> Result<Token, Error> {
    let row = Row { what: "token", row };
    Ok(Token {
        id: row.text("id")?,
        name: row.text("name")?,
        owner: row.text("owner")?,
        hash: row.text("hash")?,
        role: row.text("role")?.parse()?,
        created: row.time("created")?,
        expires: row.maybe_time("expires")?,
        last_used: row.maybe_time("last_used")?,
        last_address: row.maybe_text("last_address")?,
        revoked: row.maybe_time("revoked")?,
    })
}
