//! The whole state as lines of JSON and back: for backups, and to move from one database to another.
//!
//! One line for each row, `{"table": "users", "row": {...}}`, tables in an order in which rows only refer to what
//! stands before. All of it is read in one transaction: it is the state of one moment, whoever writes meanwhile.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{Any, Column as _, Row as _, Transaction, TypeInfo as _, ValueRef as _};

use crate::open::Kind;
use crate::sql::Sql;
use crate::{Error, State};

/// Tables with what their rows are told apart by, those that others refer to first.
const TABLES: [(&str, &str); 9] = [
    ("users", "name"),
    ("sessions", "id"),
    ("api_tokens", "id"),
    ("incidents", "id"),
    ("incident_notes", "id"),
    ("silences", "id"),
    ("saved_queries", "id"),
    ("rule_overlays", "id"),
    ("kv", "name"),
];
/// Rows that are read at once.
const ROWS: i64 = 500;
/// Bytes of a line: the largest value with every byte escaped, and some.
const LINE: usize = 8 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    table: String,
    row: Map<String, Value>,
}

impl State {
    /// Writes every row of this moment; how many.
    ///
    /// # Errors
    /// The database fails, or what takes the lines does.
    pub async fn dump(&self, out: &mut (dyn Write + Send)) -> Result<u64, Error> {
        const WHAT: &str = "read everything";
        let begin = match self.kind() {
            Kind::Sqlite(_) => "BEGIN",
            Kind::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        let mut work = self.begin_with(begin, WHAT).await?;
        let mut written = 0;
        for (table, key) in TABLES {
            let mut after: Option<String> = None;
            loop {
                let mut sql = Sql::new("SELECT * FROM ");
                sql.push(table);
                if let Some(after) = &after {
                    sql.filter().push(key).push(" > ").bind(after.as_str())?;
                }
                sql.push(" ORDER BY ")
                    .push(key)
                    .push(" LIMIT ")
                    .bind(ROWS)?;
                let (text, values) = sql.parts();
                let rows = sqlx::query_with(&text, values).fetch_all(&mut *work).await;
                let rows = rows.map_err(Error::sql(WHAT))?;
                for row in &rows {
                    let row = tree(table, row)?;
                    after = row.get(key).and_then(Value::as_str).map(str::to_owned);
                    let line = Line {
                        table: table.to_owned(),
                        row,
                    };
                    let failed = |error: &dyn std::fmt::Display| {
                        Error::Refused(format!("the state cannot be written out: {error}"))
                    };
                    serde_json::to_writer(&mut *out, &line).map_err(|error| failed(&error))?;
                    out.write_all(b"\n").map_err(|error| failed(&error))?;
                    written += 1;
                }
                if rows.is_empty() {
                    break;
                }
            }
        }
        work.commit().await.map_err(Error::sql(WHAT))?;
        Ok(written)
    }

    /// Whether nobody has kept anything here yet.
    ///
    /// # Errors
    /// The database fails.
    pub async fn is_empty(&self) -> Result<bool, Error> {
        for (table, _) in TABLES {
            let text = format!("SELECT COUNT(*) FROM {table}");
            if self.number("count rows", sqlx::query(&text)).await? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Puts rows that [`State::dump`] wrote in the place of everything that stands here; how many. All or none.
    ///
    /// # Errors
    /// What is no dump of a Ratel of this age or an older one, the database fails: then nothing has changed.
    pub async fn load(&self, mut from: impl BufRead) -> Result<u64, Error> {
        const WHAT: &str = "put everything back";
        let mut work = self.begin(WHAT).await?;
        for (table, _) in TABLES.iter().rev() {
            let text = format!("DELETE FROM {table}");
            let done = sqlx::query(&text).execute(&mut *work).await;
            done.map_err(Error::sql(WHAT))?;
        }
        let (mut written, mut line) = (0, Vec::new());
        loop {
            line.clear();
            let mut limited = std::io::Read::take(&mut from, LINE as u64);
            let read = limited.read_until(b'\n', &mut line);
            let refused = |why: &str| Error::Refused(format!("line {}: {why}", written + 1));
            if read.map_err(|error| refused(&error.to_string()))? == 0 {
                break;
            }
            if line.last() != Some(&b'\n') {
                return Err(refused("not whole, or too long"));
            }
            let parsed: Line =
                serde_json::from_slice(&line).map_err(|error| refused(&error.to_string()))?;
            insert(&mut work, &parsed)
                .await
                .map_err(|error| match error {
                    Error::Refused(why) => refused(&why),
                    other => other,
                })?;
            written += 1;
        }
        work.commit().await.map_err(Error::sql(WHAT))?;
        Ok(written)
    }
}

async fn insert(work: &mut Transaction<'static, Any>, line: &Line) -> Result<(), Error> {
    let Some((table, _)) = TABLES.iter().find(|(table, _)| *table == line.table) else {
        return Err(Error::Refused(format!("no table {:?} here", line.table)));
    };
    let is_name = |name: &str| {
        name.len() <= 32
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    if line.row.is_empty() || !line.row.keys().all(|name| is_name(name)) {
        return Err(Error::Refused("a column has no name of ours".to_owned()));
    }
    let names: Vec<&str> = line.row.keys().map(String::as_str).collect();
    let mut sql = Sql::new("INSERT INTO ");
    sql.push(table)
        .push(" (")
        .push(&names.join(", "))
        .push(") VALUES (");
    for (at, value) in line.row.values().enumerate() {
        if at > 0 {
            sql.push(", ");
        }
        match value {
            // A null has no type of its own: it is written where the type is known.
            Value::Null => sql.push("NULL"),
            Value::String(text) => sql.bind(text.as_str())?,
            Value::Number(number) => match number.as_i64() {
                Some(number) => sql.bind(number)?,
                None => return Err(Error::Refused(format!("{number} is no whole number"))),
            },
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                return Err(Error::Refused(
                    "a value is no text and no number".to_owned(),
                ));
            }
        };
    }
    sql.push(")");
    let (text, values) = sql.parts();
    let done = sqlx::query_with(&text, values).execute(&mut **work).await;
    done.map(drop).map_err(Error::sql("put a row back"))
}

fn tree(table: &'static str, row: &AnyRow) -> Result<Map<String, Value>, Error> {
    let broken = |column: &str, cause: sqlx::Error| Error::Broken {
        what: table,
        id: format!("({column})"),
        cause: cause.to_string(),
    };
    let mut tree = Map::new();
    for column in row.columns() {
        let (name, at) = (column.name(), column.ordinal());
        let raw = row.try_get_raw(at).map_err(|error| broken(name, error))?;
        let value = if raw.is_null() {
            Value::Null
        } else if raw.type_info().name() == "TEXT" {
            let text = row.try_get::<String, _>(at);
            Value::String(text.map_err(|error| broken(name, error))?)
        } else {
            let number = row.try_get::<i64, _>(at);
            Value::Number(number.map_err(|error| broken(name, error))?.into())
        };
        tree.insert(name.to_owned(), value);
    }
    Ok(tree)
}
