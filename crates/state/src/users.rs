//! Users: who may log in, and what they may do.

use event::Timestamp;
use sqlx::any::AnyRow;

use crate::open::one_more;
use crate::row::Row;
use crate::sql::Sql;
use crate::{Error, Page, Paging, Role, State, limits, user_name};

/// One user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Their name, in small letters.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The hash of their password (PHC text); none where they come through OIDC alone.
    pub password: Option<String>,
    /// Nothing else is allowed until they have chosen a password.
    pub must_change: bool,
    /// They may not log in.
    pub disabled: bool,
    /// Who they are at the OIDC provider: issuer, a space, subject.
    pub external: Option<String>,
    /// Counts what ends all that was given before: a new password, another role, disabling.
    pub generation: u64,
    /// When they were made.
    pub created: Timestamp,
    /// When anything of this changed.
    pub changed: Timestamp,
    /// When they logged in last.
    pub last_login: Option<Timestamp>,
}

/// A user to be made.
#[derive(Clone, Debug)]
pub struct New<'a> {
    /// Their name; kept in small letters.
    pub name: &'a str,
    /// What they may do.
    pub role: Role,
    /// The hash of their password.
    pub password: Option<&'a str>,
    /// Whether they must choose another at once.
    pub must_change: bool,
    /// Who they are at the OIDC provider.
    pub external: Option<&'a str>,
}

/// What is to change about a user.
#[derive(Clone, Debug, Default)]
pub struct Change<'a> {
    /// Another role.
    pub role: Option<Role>,
    /// Another password's hash, and whether it must be changed at once.
    pub password: Option<(&'a str, bool)>,
    /// May they log in?
    pub disabled: Option<bool>,
}

/// The table.
#[derive(Clone, Copy, Debug)]
pub struct Users<'s>(&'s State);

impl State {
    /// Who may log in.
    #[must_use]
    pub fn users(&self) -> Users<'_> {
        Users(self)
    }
}

impl Users<'_> {
    /// Makes a user.
    ///
    /// # Errors
    /// A name that can't be, that somebody has, one user too many.
    pub async fn add(&self, new: &New<'_>, now: Timestamp) -> Result<User, Error> {
        let name = user_name(new.name)?;
        if new.role == Role::Ingest {
            return Err(Error::Refused("ingest is a role of tokens".to_owned()));
        }
        if let Some(external) = new.external {
            limits::text("the provider's name of the user", external, limits::REASON)?;
        }
        if self.count().await? >= limits::ROWS {
            return Err(Error::Refused(format!(
                "there are {} users already",
                limits::ROWS
            )));
        }
        let query = sqlx::query(
            "INSERT INTO users (name, role, password, must_change, disabled, external, generation, created, changed)
             VALUES ($1, $2, $3, $4, 0, $5, 1, $6, $6) ON CONFLICT DO NOTHING",
        )
        .bind(&name)
        .bind(new.role.name())
        .bind(new.password)
        .bind(i64::from(new.must_change))
        .bind(new.external)
        .bind(now.nanos());
        if self.0.execute("add a user", query).await? == 0 {
            return Err(Error::exists("user", &name));
        }
        self.get(&name).await
    }

    /// Makes the first user, where there is none at all: of many who try at once one succeeds.
    ///
    /// # Errors
    /// The database fails.
    pub async fn add_first(&self, new: &New<'_>, now: Timestamp) -> Result<bool, Error> {
        const WHAT: &str = "add the first user";
        let name = user_name(new.name)?;
        let mut work = self.0.begin_with_users(WHAT).await?;
        let query = sqlx::query(
            "INSERT INTO users (name, role, password, must_change, disabled, generation, created, changed)
             SELECT $1, $2, $3, $4, 0, 1, $5, $5 WHERE NOT EXISTS (SELECT 1 FROM users) ON CONFLICT DO NOTHING",
        )
        .bind(&name)
        .bind(new.role.name())
        .bind(new.password)
        .bind(i64::from(new.must_change))
        .bind(now.nanos());
        let done = query.execute(&mut *work).await.map_err(Error::sql(WHAT))?;
        work.commit().await.map_err(Error::sql(WHAT))?;
        Ok(done.rows_affected() > 0)
    }

    /// One user.
    ///
    /// # Errors
    /// None of that name.
    pub async fn get(&self, name: &str) -> Result<User, Error> {
        let found = self.find(name).await?;
        found.ok_or_else(|| Error::missing("user", name))
    }

    /// One user, where there is one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn find(&self, name: &str) -> Result<Option<User>, Error> {
        // What can't be a name is nobody's.
        let Ok(name) = user_name(name) else {
            return Ok(None);
        };
        let query = sqlx::query("SELECT * FROM users WHERE name = $1").bind(name);
        let row = self.0.maybe("read a user", query).await?;
        row.as_ref().map(read).transpose()
    }

    /// The user whom the OIDC provider calls so.
    ///
    /// # Errors
    /// The database fails.
    pub async fn find_external(&self, external: &str) -> Result<Option<User>, Error> {
        let query = sqlx::query("SELECT * FROM users WHERE external = $1").bind(external);
        let row = self.0.maybe("read a user", query).await?;
        row.as_ref().map(read).transpose()
    }

    /// All users by name.
    ///
    /// # Errors
    /// A cursor that is none.
    pub async fn list(&self, paging: &Paging) -> Result<Page<User>, Error> {
        let mut sql = Sql::new("SELECT * FROM users");
        if let Some((_, name)) = paging.after()? {
            sql.filter().push("name > ").bind(name)?;
        }
        sql.push(" ORDER BY name LIMIT ").bind(one_more(paging))?;
        let rows = self.0.rows("list users", sql).await?;
        let users = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page::of(users, paging.rows(), |user: &User| {
            (0, user.name.clone())
        }))
    }

    /// How many there are.
    ///
    /// # Errors
    /// The database fails.
    pub async fn count(&self) -> Result<i64, Error> {
        let query = sqlx::query("SELECT COUNT(*) FROM users");
        self.0.number("count users", query).await
    }

    /// Changes a user. Whatever lets them do more or less than before ends what was given to them: their
    /// generation goes up and their sessions end. The last admin who can log in stays one.
    ///
    /// # Errors
    /// None of that name, the last admin.
    pub async fn change(
        &self,
        name: &str,
        change: &Change<'_>,
        now: Timestamp,
    ) -> Result<User, Error> {
        const WHAT: &str = "change a user";
        let before = self.get(name).await?;
        if change.role == Some(Role::Ingest) {
            return Err(Error::Refused("ingest is a role of tokens".to_owned()));
        }
        let role = change.role.unwrap_or(before.role);
        let disabled = change.disabled.unwrap_or(before.disabled);
        let (password, must_change) = match change.password {
            Some((hash, must_change)) => (Some(hash.to_owned()), must_change),
            None => (before.password.clone(), before.must_change),
        };
        let mut work = self.0.begin_with_users(WHAT).await?;
        // Held against what stands there at the time of writing: two admins may demote each other at once.
        let stays_admin = role == Role::Admin && !disabled;
        let query = sqlx::query(
            "UPDATE users SET role = $2, password = $3, must_change = $4, disabled = $5, changed = $6,
             generation = generation + 1 WHERE name = $1 AND ($7 = 1 OR role <> 'admin' OR disabled = 1 OR EXISTS
             (SELECT 1 FROM users other WHERE other.name <> $1 AND other.role = 'admin' AND other.disabled = 0))",
        )
        .bind(&before.name)
        .bind(role.name())
        .bind(password)
        .bind(i64::from(must_change))
        .bind(i64::from(disabled))
        .bind(now.nanos())
        .bind(i64::from(stays_admin));
        let done = query.execute(&mut *work).await.map_err(Error::sql(WHAT))?;
        if done.rows_affected() == 0 {
            return Err(last_admin(&before.name));
        }
        let query = sqlx::query(
            "UPDATE sessions SET revoked = $2, revoked_why = 'the user was changed' WHERE user_name = $1 AND revoked IS NULL",
        )
        .bind(&before.name)
        .bind(now.nanos());
        query.execute(&mut *work).await.map_err(Error::sql(WHAT))?;
        work.commit().await.map_err(Error::sql(WHAT))?;
        self.get(name).await
    }

    /// Notes a login.
    ///
    /// # Errors
    /// The database fails.
    pub async fn logged_in(&self, name: &str, now: Timestamp) -> Result<(), Error> {
        let query = sqlx::query("UPDATE users SET last_login = $2 WHERE name = $1")
            .bind(name)
            .bind(now.nanos());
        self.0.execute("note a login", query).await.map(drop)
    }

    /// Keeps a password's hash of newer cost; nothing else changes, nobody is logged out.
    ///
    /// # Errors
    /// The database fails.
    pub async fn rehash(&self, name: &str, from: &str, to: &str) -> Result<(), Error> {
        let query = sqlx::query("UPDATE users SET password = $3 WHERE name = $1 AND password = $2")
            .bind(name)
            .bind(from)
            .bind(to);
        self.0
            .execute("keep a password's hash", query)
            .await
            .map(drop)
    }

    /// Removes a user with their sessions and tokens. The last admin stays.
    ///
    /// # Errors
    /// None of that name, the last admin.
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        const WHAT: &str = "remove a user";
        let user = self.get(name).await?;
        let mut work = self.0.begin_with_users(WHAT).await?;
        let query = sqlx::query(
            "DELETE FROM users WHERE name = $1 AND (role <> 'admin' OR disabled = 1 OR EXISTS
             (SELECT 1 FROM users other WHERE other.name <> $1 AND other.role = 'admin' AND other.disabled = 0))",
        )
        .bind(&user.name);
        let done = query.execute(&mut *work).await.map_err(Error::sql(WHAT))?;
        if done.rows_affected() == 0 {
            return Err(last_admin(&user.name));
        }
        work.commit().await.map_err(Error::sql(WHAT))
    }
}

fn last_admin(name: &str) -> Error {
    Error::Refused(format!("{name} is the last admin: make another one before"))
}

fn read(row: &AnyRow) -> Result<User, Error> {
    let row = Row { what: "user", row };
    Ok(User {
        name: row.text("name")?,
        role: row.text("role")?.parse()?,
        password: row.maybe_text("password")?,
        must_change: row.is("must_change")?,
        disabled: row.is("disabled")?,
        external: row.maybe_text("external")?,
        generation: row.count("generation")?,
        created: row.time("created")?,
        changed: row.time("changed")?,
        last_login: row.maybe_time("last_login")?,
    })
}
