//! Notes: what people write about an incident. Nobody changes what was written.

use event::Timestamp;
use serde::{Deserialize, Serialize};

use crate::row::Row;
use crate::{Error, State, limits, random_id};

/// One note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Its name.
    pub id: String,
    /// Of which incident.
    pub incident: String,
    /// Who wrote it.
    pub author: String,
    /// When.
    pub time: Timestamp,
    /// What it says.
    pub text: String,
}

/// The table.
#[derive(Clone, Copy, Debug)]
pub struct Notes<'s>(&'s State);

impl State {
    /// What people write about incidents.
    #[must_use]
    pub fn notes(&self) -> Notes<'_> {
        Notes(self)
    }
}

impl Notes<'_> {
    /// Writes a note.
    ///
    /// # Errors
    /// No such incident, a text that can't be kept, one note too many.
    pub async fn add(
        &self,
        incident: &str,
        author: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<Note, Error> {
        limits::text("the note", text, limits::NOTE)?;
        let note = Note {
            id: random_id()?,
            incident: incident.to_owned(),
            author: author.to_owned(),
            time: now,
            text: text.to_owned(),
        };
        let query = sqlx::query(
            "INSERT INTO incident_notes (id, incident, author, time, text)
             SELECT $1, id, $3, $4, $5 FROM incidents WHERE id = $2
             AND (SELECT COUNT(*) FROM incident_notes WHERE incident = $2) < $6",
        )
        .bind(&note.id)
        .bind(&note.incident)
        .bind(&note.author)
        .bind(now.nanos())
        .bind(&note.text)
        .bind(limits::NOTES);
        if self.0.execute("add a note", query).await? == 0 {
            self.0.incidents().get(incident).await?;
            return Err(Error::Refused(format!(
                "incident {incident} has {} notes already",
                limits::NOTES
            )));
        }
        Ok(note)
    }

    /// The notes of an incident, the oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn of(&self, incident: &str) -> Result<Vec<Note>, Error> {
        let query =
            sqlx::query("SELECT * FROM incident_notes WHERE incident = $1 ORDER BY time, id")
                .bind(incident);
        let rows = self.0.all("list notes", query).await?;
        let read = |row| {
            let row = Row { what: "note", row };
            Ok(Note {
                id: row.text("id")?,
                incident: row.text("incident")?,
                author: row.text("author")?,
                time: row.time("time")?,
                text: row.text("text")?,
            })
        };
        rows.iter().map(read).collect()
    }
}
