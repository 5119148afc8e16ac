//! The database opened: its file made, its tables brought up to date, connections lent.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::any::{AnyPoolOptions, AnyRow, install_default_drivers};
use sqlx::query::Query;
use sqlx::{Any, AnyPool, Transaction};

use crate::config::Config;
use crate::sql::Sql;
use crate::{Error, page};

/// How long a request waits for a connection: beyond it the database hangs, and the caller is told.
const ACQUIRE: Duration = Duration::from_secs(10);
/// Connections that may be asked for.
const MAX_CONNECTIONS: u32 = 64;
/// What every connection to SQLite is told. WAL: readers never wait for the writer. FULL: what was answered survives
/// also the loss of power, and a revoked session stays revoked. busy_timeout: writers wait for each other, in
/// milliseconds. The journal is cut back to 8 MiB after a checkpoint.
const PRAGMAS: [&str; 6] = [
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA busy_timeout = 10000",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 8388608",
    "PRAGMA trusted_schema = OFF",
];

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// What keeps the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file of this host.
    Sqlite(PathBuf),
    /// A server.
    Postgres,
}

/// The state. Clones share connections.
#[derive(Clone, Debug)]
pub struct State {
    pool: AnyPool,
    kind: Kind,
}

impl State {
    /// Opens the database and brings its tables up to date. A file is made with mode 0600 where it is missing.
    ///
    /// # Errors
    /// An address that names no database, one that can't be opened, tables of a newer Ratel.
    pub async fn open(config: &Config) -> Result<State, Error> {
        install_default_drivers();
        let kind = kind_of(&config.url)?;
        let url = match &kind {
            Kind::Sqlite(path) => {
                prepare(path)?;
                format!("sqlite://{}?mode=rwc", path.display())
            }
            Kind::Postgres => config.url.clone(),
        };
        let is_sqlite = matches!(kind, Kind::Sqlite(_));
        let options = AnyPoolOptions::new()
            .max_connections(config.connections.clamp(1, MAX_CONNECTIONS))
            .acquire_timeout(ACQUIRE)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    for pragma in PRAGMAS.iter().filter(|_| is_sqlite) {
                        sqlx::query(pragma).execute(&mut *connection).await?;
                    }
                    Ok(())
                })
            });
        let opened = options.connect(&url).await;
        let pool = opened.map_err(|source| Error::Open {
            url: config.shown(),
            source,
        })?;
        let migrated = MIGRATIONS.run(&pool).await;
        migrated.map_err(|source| Error::Migrate {
            url: config.shown(),
            source,
        })?;
        Ok(State { pool, kind })
    }

    /// What keeps the tables.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Closes all connections and waits for what is under way.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), Error> {
        self.execute("reach the database", sqlx::query("SELECT 1"))
            .await
            .map(drop)
    }

    /// Begins to write. SQLite is told so at once: a reader that turns writer could only fail.
    pub(crate) async fn begin(
        &self,
        what: &'static str,
    ) -> Result<Transaction<'static, Any>, Error> {
        let begun = match self.kind {
            Kind::Sqlite(_) => self.pool.begin_with("BEGIN IMMEDIATE").await,
            Kind::Postgres => self.pool.begin().await,
        };
        begun.map_err(Error::sql(what))
    }

    /// Begins with a statement of its own.
    pub(crate) async fn begin_with(
        &self,
        statement: &'static str,
        what: &'static str,
    ) -> Result<Transaction<'static, Any>, Error> {
        self.pool
            .begin_with(statement)
            .await
            .map_err(Error::sql(what))
    }

    /// Begins to write where a decision hangs on several users: one at a time. SQLite has one writer anyway.
    pub(crate) async fn begin_with_users(
        &self,
        what: &'static str,
    ) -> Result<Transaction<'static, Any>, Error> {
        let mut work = self.begin(what).await?;
        if self.kind == Kind::Postgres {
            let lock = sqlx::query("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE");
            lock.execute(&mut *work).await.map_err(Error::sql(what))?;
        }
        Ok(work)
    }

    pub(crate) async fn execute<'q>(
        &self,
        what: &'static str,
        query: Query<'q, Any, sqlx::any::AnyArguments<'q>>,
    ) -> Result<u64, Error> {
        let done = query.execute(&self.pool).await;
        done.map(|done| done.rows_affected())
            .map_err(Error::sql(what))
    }

    pub(crate) async fn maybe<'q>(
        &self,
        what: &'static str,
        query: Query<'q, Any, sqlx::any::AnyArguments<'q>>,
    ) -> Result<Option<AnyRow>, Error> {
        query
            .fetch_optional(&self.pool)
            .await
            .map_err(Error::sql(what))
    }

    pub(crate) async fn all<'q>(
        &self,
        what: &'static str,
        query: Query<'q, Any, sqlx::any::AnyArguments<'q>>,
    ) -> Result<Vec<AnyRow>, Error> {
        query.fetch_all(&self.pool).await.map_err(Error::sql(what))
    }

    pub(crate) async fn rows(
        &self,
        what: &'static str,
        sql: Sql<'_>,
    ) -> Result<Vec<AnyRow>, Error> {
        let (text, values) = sql.parts();
        let query = sqlx::query_with(&text, values);
        query.fetch_all(&self.pool).await.map_err(Error::sql(what))
    }

    /// One number.
    pub(crate) async fn number<'q>(
        &self,
        what: &'static str,
        query: Query<'q, Any, sqlx::any::AnyArguments<'q>>,
    ) -> Result<i64, Error> {
        use sqlx::Row as _;
        let row = query.fetch_one(&self.pool).await;
        row.and_then(|row| row.try_get::<i64, _>(0))
            .map_err(Error::sql(what))
    }
}

/// Rows to ask for, so that a page knows whether another follows.
pub(crate) fn one_more(paging: &page::Paging) -> i64 {
    i64::try_from(paging.rows()).map_or(i64::MAX, |rows| rows + 1)
}

fn kind_of(url: &str) -> Result<Kind, Error> {
    match url.split_once(':') {
        Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Ok(Kind::Postgres),
        Some(("sqlite", rest)) => {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            let path = path.split_once('?').map_or(path, |(path, _)| path);
            // A file's name goes into an address: signs that mean something there can't be in it.
            if path.is_empty() || path.contains([':', '%', '#']) {
                return Err(Error::Address(format!("{path:?} is no file's name")));
            }
            Ok(Kind::Sqlite(PathBuf::from(path)))
        }
        _ => Err(Error::Address("not an address".to_owned())),
    }
}

/// Makes folder and file where they are missing, so that nobody else ever reads them.
fn prepare(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::File {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed)?;
    }
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_file_or_a_server() {
        let check = |url: &str, expected: Option<Kind>| {
            assert_eq!(kind_of(url).ok(), expected, "{url}");
        };
        let file = |path: &str| Some(Kind::Sqlite(PathBuf::from(path)));
        check("sqlite:///var/lib/s.db", file("/var/lib/s.db"));
        check("sqlite://s.db?mode=ro", file("s.db"));
        check("sqlite:s.db", file("s.db"));
        check("sqlite::memory:", None);
        check("sqlite://", None);
        check("postgres://u:p@h/d", Some(Kind::Postgres));
        check("postgresql://h/d", Some(Kind::Postgres));
        check("mysql://h/d", None);
        check("state.db", None);
    }
}
