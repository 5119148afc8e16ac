//! What a field is called in the index.

use std::borrow::Cow;

use super::{Schema, ecs};
use crate::fields::{FIELDS, Field};

/// The object that holds what Ratel adds to a document.
pub const OURS: &str = "ratel_store";

/// The event's own time in nanoseconds since 1970.
pub const AT: &str = "ratel_store.at";

/// The record's id, once more, where it can be sorted by.
pub const ID: &str = "ratel_store.id";

/// All values of fields that are not on the list, each as `path=value`.
///
/// Not `flattened` or `flat_object`: those two differ in what they can do, and this one keyword can on every
/// server be searched exactly, by patterns and ranges, and counted.
pub const REST: &str = "ratel_store.rest";

/// The names under one schema.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names(pub Schema);

impl Names {
    /// The field's name. Where one of EVE's names is a text and the name of an object in ECS, the latter gives way.
    #[must_use]
    pub fn of(self, path: &str) -> Cow<'_, str> {
        match (self.0, path) {
            (_, "timestamp" | "@timestamp") => "@timestamp".into(),
            (Schema::Eve, "host.name") => "ratel_store.host_name".into(),
            (Schema::Eve, path) => path.into(),
            (Schema::Ecs, path) => ecs::name(path),
        }
    }

    /// Whether a field of the list is one of the index: else its values lie with the rest.
    #[must_use]
    pub fn is_typed(self, field: &Field) -> bool {
        match self.0 {
            Schema::Eve => true,
            Schema::Ecs => ecs::is_typed(field),
        }
    }
}

/// What values at `path` begin with in [`REST`].
#[must_use]
pub fn rest(path: &str) -> String {
    format!("{}=", path.replace('=', "\\="))
}

/// Fields of the list below `path`.
pub fn below(path: &str) -> impl Iterator<Item = &'static Field> + use<'_> {
    FIELDS.iter().filter(move |field| {
        field
            .path
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}
