//! `GET /api/v1/events/fields` and `/values`: what a query may be completed with.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::query;
use crate::api::problem::Problem;
use crate::web::app::App;
use crate::web::extract::{Json, Query};
use crate::web::kept::Kept;

/// Values unless asked otherwise: what a list under a field shows.
const VALUES: usize = 20;

/// Values at most.
const MAX_VALUES: usize = 200;

/// The longest path of a field.
const MAX_PATH: usize = 256;

/// A field that can be asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct Field {
    /// Its path, with dots.
    pub path: String,
    /// What it holds: `keyword`, `text`, `ip`, `long`, `double`, `boolean`, `date`.
    pub kind: String,
}

/// A value and how often it occurs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ValueCount {
    /// The value.
    pub value: String,
    /// In how many events.
    pub count: u64,
}

/// Values of fields, by field, beginning, search and limit: who types asks for the same again and again.
pub type Values = Kept<(String, String, String, usize), Vec<(String, u64)>>;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The field's path.
    #[param(min_length = 1, max_length = 256, example = "alert.signature")]
    field: String,
    /// What the values begin with.
    #[param(max_length = 256)]
    prefix: Option<String>,
    /// Of these events alone.
    #[param(max_length = 8192, format = "search")]
    q: Option<String>,
    /// Values.
    #[param(minimum = 1, maximum = 200, default = 20)]
    limit: Option<u32>,
}

/// The fields that can be asked for.
#[utoipa::path(get, path = "/events/fields", tag = "events",
    responses((status = 200, body = Vec<Field>)))]
pub async fn fields(app: App) -> Result<Json<Vec<Field>>, Problem> {
    app.fields().await.map(Json)
}

/// Values of a field, the most frequent first.
#[utoipa::path(get, path = "/events/values", tag = "events", params(Asked),
    responses((status = 200, body = Vec<ValueCount>)))]
pub async fn list(app: App, Query(asked): Query<Asked>) -> Result<Json<Vec<ValueCount>>, Problem> {
    let limit = asked.limit.map_or(VALUES, |limit| limit as usize);
    if !(1..=MAX_VALUES).contains(&limit) {
        return Err(Problem::bad(format!("limit: 1 to {MAX_VALUES}")));
    }
    let prefix = asked.prefix.unwrap_or_default();
    if asked.field.is_empty() || asked.field.len() > MAX_PATH || prefix.len() > MAX_PATH {
        return Err(Problem::bad(format!("field: 1 to {MAX_PATH} bytes")));
    }
    let query = query(asked.q.as_deref())?;
    let key = (asked.field, prefix, asked.q.unwrap_or_default(), limit);
    let (asker, (field, prefix, ..)) = (app.clone(), key.clone());
    let asking = async move { asker.values(field, prefix, query, limit).await };
    let found = app.values.get(key, app.now(), asking).await?;
    let told = found.iter().map(|(value, count)| ValueCount {
        value: value.clone(),
        count: *count,
    });
    Ok(Json(told.collect()))
}
