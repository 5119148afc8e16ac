//! The store, whatever keeps the events.

use std::sync::Arc;

use event::{RecordId, Timestamp};

use crate::config::Kind;
use crate::elastic::Elastic;
use crate::fields::{self, FIELDS};
use crate::index::{Embedded, Writer};
use crate::query::Query;
use crate::search::{Answer, Hit, Request};
use crate::{Config, Error};

/// Where events are kept and found. Calls block: a service makes them in a thread for that.
#[derive(Clone, Debug)]
pub enum Store {
    /// In folders of this process.
    Embedded(Arc<Embedded>),
    /// On a server of Elasticsearch or OpenSearch.
    Elastic(Arc<Elastic>),
}

/// A field that events have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenField {
    /// The path, with dots.
    pub path: String,
    /// What it holds; the rest holds keywords.
    pub kind: fields::Kind,
}

impl Store {
    /// Opens it for writing and reading. Install a recorder of metrics before, or nothing is counted. What it
    /// gives is shared by its clones: the role and those who search use one.
    ///
    /// # Errors
    /// A wrong configuration, a folder that cannot be used or that another process writes.
    pub fn open(config: &Config) -> Result<Store, Error> {
        config.check()?;
        match config.kind {
            Kind::Embedded => Ok(Store::Embedded(Arc::new(Embedded::open(config)?))),
            Kind::Elasticsearch => {
                let elastic = Elastic::open(&config.elasticsearch)?;
                Ok(Store::Elastic(Arc::new(elastic)))
            }
        }
    }

    /// Opens it for reading, also beside a process that writes.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_read_only(config: &Config) -> Result<Store, Error> {
        config.check()?;
        match config.kind {
            Kind::Embedded => Ok(Store::Embedded(Arc::new(Embedded::open_read_only(config)?))),
            Kind::Elasticsearch => Store::open(config),
        }
    }

    /// The answer to a question.
    ///
    /// # Errors
    /// A question that cannot be asked ([`Error::is_asked_wrong`]), or a store that fails.
    pub fn search(&self, request: &Request) -> Result<Answer, Error> {
        match self {
            Store::Embedded(store) => store.search(request),
            Store::Elastic(store) => Ok(store.search(request)?),
        }
    }

    /// One event by its id.
    ///
    /// # Errors
    /// A store that fails.
    pub fn get(&self, id: RecordId) -> Result<Option<Hit>, Error> {
        match self {
            Store::Embedded(store) => store.get(id),
            Store::Elastic(store) => Ok(store.get(id)?),
        }
    }

    /// How many events match.
    ///
    /// # Errors
    /// As [`Store::search`].
    pub fn count(
        &self,
        query: &Query,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<u64, Error> {
        match self {
            Store::Embedded(store) => store.count(query, since, until),
            Store::Elastic(store) => Ok(store.count(query, since, until)?),
        }
    }

    /// The fields that events have.
    ///
    /// # Errors
    /// A store that fails.
    pub fn fields(&self) -> Result<Vec<SeenField>, Error> {
        match self {
            Store::Embedded(store) => store.fields(),
            Store::Elastic(_) => Ok(FIELDS
                .iter()
                .map(|field| SeenField {
                    path: field.path.to_owned(),
                    kind: field.kind,
                })
                .collect()),
        }
    }

    /// Values of a field that begin with `prefix`, with how many matching events have them; the most frequent first.
    ///
    /// # Errors
    /// As [`Store::search`].
    pub fn values(
        &self,
        path: &str,
        prefix: &str,
        query: &Query,
        limit: usize,
    ) -> Result<Vec<(String, u64)>, Error> {
        match self {
            Store::Embedded(store) => store.values(path, prefix, query, limit),
            Store::Elastic(store) => Ok(store.values(path, prefix, query, limit)?),
        }
    }

    /// Something to write into the embedded store with. There must be one at a time.
    ///
    /// # Errors
    /// A store that was opened for reading, or one that fails.
    pub fn writer(&self, now: Timestamp) -> Result<Writer, Error> {
        match self {
            Store::Embedded(store) => store.writer(now),
            Store::Elastic(_) => Err(Error::ReadOnly),
        }
    }
}
