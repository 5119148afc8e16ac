//! Why the state did not do what was asked.

/// Why the state did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address names no database that we know.
    #[error("state.url: {0}: sqlite:///PATH or postgres://USER@HOST/DATABASE is wanted")]
    Address(String),
    /// The database can't be opened.
    #[error("state: cannot open {url}: {source}")]
    Open {
        /// Which, without its password.
        url: String,
        /// Why.
        source: sqlx::Error,
    },
    /// The folder or file of the database can't be made.
    #[error("state: cannot make {}: {source}", path.display())]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The tables can't be brought up to date, or are those of a newer Ratel.
    #[error("state: cannot bring the tables of {url} up to date: {source}")]
    Migrate {
        /// Which, without its password.
        url: String,
        /// Why.
        source: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("state: cannot {what}: {source}")]
    Sql {
        /// What was to be done.
        what: &'static str,
        /// Why.
        source: sqlx::Error,
    },
    /// What stands in the database is not what was put there.
    #[error("state: {what} {id} cannot be read: {cause}")]
    Broken {
        /// The noun.
        what: &'static str,
        /// Which.
        id: String,
        /// Why.
        cause: String,
    },
    /// There is none of that name.
    #[error("no {what} {id}")]
    Missing {
        /// The noun.
        what: &'static str,
        /// Which.
        id: String,
    },
    /// There is one already.
    #[error("{what} {id} exists already")]
    Exists {
        /// The noun.
        what: &'static str,
        /// Which.
        id: String,
    },
    /// Somebody else changed it in between.
    #[error("{what} {id} was changed by somebody else: its version is {version} by now")]
    Conflict {
        /// The noun.
        what: &'static str,
        /// Which.
        id: String,
        /// The version that stands there.
        version: u64,
    },
    /// What was given can't be kept.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// Names what a statement was to do.
    pub(crate) fn sql(what: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
        move |source| Error::Sql { what, source }
    }

    pub(crate) fn missing(what: &'static str, id: &str) -> Error {
        Error::Missing {
            what,
            id: id.to_owned(),
        }
    }

    pub(crate) fn exists(what: &'static str, id: &str) -> Error {
        Error::Exists {
            what,
            id: id.to_owned(),
        }
    }
}
