//! Incidents: what the machine knows of each, and what people say about it. Neither overwrites the other.

use event::Timestamp;
use event::incident::{Incident, Severity, Status};
use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use crate::row::{Row, json, word};
use crate::sql::{Sql, anywhere};
use crate::{Error, Page, Paging, State, limits};

/// Bytes of the text in which people search: title, addresses, names of rules.
const SEARCH: usize = 4_096;

/// One incident as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What the machine knows; its `status` is the one in force: people's word, or the machine's.
    pub incident: Incident,
    /// The status as the machine sees it.
    pub machine_status: Status,
    /// The status that a person gave it last.
    pub triage_status: Option<Status>,
    /// Who deals with it.
    pub owner: Option<String>,
    /// Why a person closed it.
    pub closed_why: Option<String>,
    /// Who changed one of these last, and when.
    pub triaged: Option<(String, Timestamp)>,
    /// Counts changes by people: what is to be changed is named with the version that was seen.
    pub version: u64,
}

/// What a person changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Another status.
    pub status: Option<Status>,
    /// Another owner; `Some(None)`: nobody.
    pub owner: Option<Option<String>>,
    /// Why it is closed.
    pub why: Option<String>,
}

/// Which incidents.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In one of these states; none: in any.
    pub status: Vec<Status>,
    /// At least so bad.
    pub severity: Option<Severity>,
    /// Of this owner; `Some(None)`: of nobody.
    pub owner: Option<Option<String>>,
    /// With this text in title, addresses or names of rules.
    pub text: Option<String>,
    /// With this fingerprint.
    pub fingerprint: Option<String>,
    /// Whose last event is not before.
    pub since: Option<Timestamp>,
    /// Whose first event is not after.
    pub until: Option<Timestamp>,
}

/// The table.
#[derive(Clone, Copy, Debug)]
pub struct Incidents<'s>(&'s State);

impl State {
    /// What became of events.
    #[must_use]
    pub fn incidents(&self) -> Incidents<'_> {
        Incidents(self)
    }
}

impl Incidents<'_> {
    /// Keeps what the machine knows. A revision older than the one that stands there changes nothing: false.
    ///
    /// # Errors
    /// An incident too large, the database fails.
    pub async fn put_machine(&self, incident: &Incident) -> Result<bool, Error> {
        Ok(self.put_all(std::slice::from_ref(incident)).await? > 0)
    }

    /// The same for many at once, in one transaction; how many of them were new knowledge.
    ///
    /// # Errors
    /// An incident too large, the database fails: then none is kept.
    pub async fn put_all(&self, incidents: &[Incident]) -> Result<usize, Error> {
        const WHAT: &str = "keep incidents";
        let mut work = self.0.begin(WHAT).await?;
        let mut kept = 0;
        for incident in incidents {
            kept += usize::from(put(&mut work, incident, WHAT).await?);
        }
        work.commit().await.map_err(Error::sql(WHAT))?;
        Ok(kept)
    }

    /// One incident.
    ///
    /// # Errors
    /// None of that name.
    pub async fn get(&self, id: &str) -> Result<Record, Error> {
        let query = sqlx::query("SELECT * FROM incidents WHERE id = $1").bind(id);
        let row = self.0.maybe("read an incident", query).await?;
        row.as_ref()
            .map(read)
            .transpose()?
            .ok_or_else(|| Error::missing("incident", id))
    }

    /// Incidents, the one with the newest event first.
    ///
    /// # Errors
    /// A cursor that is none.
    pub async fn list(&self, filter: &Filter, paging: &Paging) -> Result<Page<Record>, Error> {
        let mut sql = Sql::new("SELECT * FROM incidents");
        conditions(&mut sql, filter)?;
        sql.newest_first("last_at", paging)?;
        let rows = self.0.rows("list incidents", sql).await?;
        let records = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page::of(records, paging.rows(), |record: &Record| {
            (record.incident.last.nanos(), record.incident.id.clone())
        }))
    }

    /// How many incidents of each severity the filter leaves.
    ///
    /// # Errors
    /// The database fails.
    pub async fn by_severity(&self, filter: &Filter) -> Result<Vec<(Severity, u64)>, Error> {
        let mut sql = Sql::new("SELECT severity, COUNT(*) AS number FROM incidents");
        conditions(&mut sql, filter)?;
        sql.push(" GROUP BY severity");
        let rows = self.0.rows("count incidents", sql).await?;
        let mut counted: Vec<(Severity, u64)> = Severity::ALL.map(|s| (s, 0)).into();
        for row in &rows {
            let row = Row {
                what: "incident",
                row,
            };
            let (severity, number) = (row.number("severity")?, row.count("number")?);
            for (_, count) in counted.iter_mut().filter(|(s, _)| *s as i64 == severity) {
                *count = number;
            }
        }
        Ok(counted)
    }

    /// Changes what people say about an incident, where its version is still the one that they saw.
    ///
    /// # Errors
    /// None of that name; somebody else was faster; a text that can't be kept.
    pub async fn triage(
        &self,
        id: &str,
        version: u64,
        change: &Change,
        by: &str,
        now: Timestamp,
    ) -> Result<Record, Error> {
        if let Some(Some(owner)) = &change.owner {
            limits::text("the owner", owner, limits::NAME)?;
        }
        if let Some(why) = &change.why {
            limits::may_be_empty("the reason", why, limits::REASON)?;
        }
        let mut sql = Sql::new("UPDATE incidents SET version = version + 1, triaged_by = ");
        sql.bind(by)?.push(", triaged_at = ").bind(now.nanos())?;
        if let Some(status) = change.status {
            sql.push(", triage_status = ").bind(word(&status))?;
            sql.push(", status = ").bind(word(&status))?;
            sql.push(", status_at = ").bind(now.nanos())?;
            if status != Status::Closed {
                sql.push(", closed_why = NULL");
            }
        }
        if let Some(owner) = &change.owner {
            sql.push(", owner = ").bind(owner.clone())?;
        }
        // Only what is closed has a reason for it.
        if let Some(why) = &change.why
            && matches!(change.status, None | Some(Status::Closed))
        {
            sql.push(", closed_why = ").bind(why.clone())?;
        }
        sql.push(" WHERE id = ").bind(id)?.push(" AND version = ");
        sql.bind(i64::try_from(version).unwrap_or(i64::MAX))?;
        let (text, values) = sql.parts();
        let query = sqlx::query_with(&text, values);
        let done = self.0.execute("change an incident", query).await?;
        let record = self.get(id).await?;
        if done == 0 {
            return Err(Error::Conflict {
                what: "incident",
                id: id.to_owned(),
                version: record.version,
            });
        }
        Ok(record)
    }

    /// Incidents that people changed at `since` or later, the oldest change first, at most a page of them: for who
    /// asks again and again.
    ///
    /// # Errors
    /// The database fails.
    pub async fn triaged_since(&self, since: Timestamp) -> Result<Vec<Record>, Error> {
        let query = sqlx::query(
            "SELECT * FROM incidents WHERE triaged_at >= $1 ORDER BY triaged_at, id LIMIT 1000",
        )
        .bind(since.nanos());
        let rows = self.0.all("list changed incidents", query).await?;
        rows.iter().map(read).collect()
    }

    /// Forgets closed incidents whose last event is older, with their notes; how many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn forget(&self, before: Timestamp) -> Result<u64, Error> {
        let query = sqlx::query("DELETE FROM incidents WHERE status = 'closed' AND last_at < $1")
            .bind(before.nanos());
        self.0.execute("forget incidents", query).await
    }
}

/// Keeps one incident as part of a transaction; whether it was new knowledge.
pub(crate) async fn put(
    work: &mut Transaction<'static, Any>,
    incident: &Incident,
    what: &'static str,
) -> Result<bool, Error> {
    let doc = json("an incident", incident)?;
    limits::text("an incident", &doc, limits::INCIDENT)?;
    let query = sqlx::query(PUT)
        .bind(&incident.id)
        .bind(&incident.fingerprint)
        .bind(word(&incident.kind))
        .bind(incident.severity as i64)
        .bind(word(&incident.status))
        .bind(incident.first.nanos())
        .bind(incident.last.nanos())
        .bind(incident.opened.nanos())
        .bind(incident.changed.nanos())
        .bind(i64::try_from(incident.revision).unwrap_or(i64::MAX))
        .bind(i64::try_from(incident.events).unwrap_or(i64::MAX))
        .bind(search_text(incident))
        .bind(doc);
    let done = query.execute(&mut **work).await.map_err(Error::sql(what))?;
    Ok(done.rows_affected() > 0)
}

/// People's word holds over the machine's, until the machine sees the end after it, or followed it to the end
/// and sees that it goes on.
const PUT: &str = "INSERT INTO incidents (id, fingerprint, kind, severity, machine_status, first_at, last_at, opened_at,
        changed_at, revision, events, search, doc, status, status_at, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $5, $9, 1)
    ON CONFLICT (id) DO UPDATE SET
        fingerprint = excluded.fingerprint, kind = excluded.kind, severity = excluded.severity,
        machine_status = excluded.machine_status, first_at = excluded.first_at, last_at = excluded.last_at,
        opened_at = excluded.opened_at, changed_at = excluded.changed_at, revision = excluded.revision,
        events = excluded.events, search = excluded.search, doc = excluded.doc,
        triage_status = CASE WHEN incidents.machine_status = 'closed' AND excluded.machine_status <> 'closed'
            AND incidents.status_at <= incidents.changed_at THEN NULL ELSE incidents.triage_status END,
        status = CASE WHEN incidents.triage_status IS NULL THEN excluded.machine_status
            WHEN incidents.machine_status = 'closed' AND excluded.machine_status <> 'closed'
                AND incidents.status_at <= incidents.changed_at THEN excluded.machine_status
            WHEN excluded.machine_status = 'closed' AND incidents.status_at < excluded.changed_at THEN 'closed'
            ELSE incidents.triage_status END
    WHERE incidents.revision <= excluded.revision";

fn conditions(sql: &mut Sql<'_>, filter: &Filter) -> Result<(), Error> {
    if !filter.status.is_empty() {
        let words = filter.status.iter().map(word);
        sql.filter().push("status IN ").bind_all(words)?;
    }
    if let Some(severity) = filter.severity {
        sql.filter().push("severity >= ").bind(severity as i64)?;
    }
    match &filter.owner {
        Some(Some(owner)) => {
            sql.filter().push("owner = ").bind(owner.clone())?;
        }
        Some(None) => {
            sql.filter().push("owner IS NULL");
        }
        None => {}
    }
    if let Some(text) = &filter.text {
        limits::may_be_empty("the text", text, limits::QUERY)?;
        sql.filter().push("search LIKE ");
        sql.bind(anywhere(&text.to_lowercase()))?
            .push(" ESCAPE '\\'");
    }
    if let Some(fingerprint) = &filter.fingerprint {
        sql.filter()
            .push("fingerprint = ")
            .bind(fingerprint.clone())?;
    }
    if let Some(since) = filter.since {
        sql.filter().push("last_at >= ").bind(since.nanos())?;
    }
    if let Some(until) = filter.until {
        sql.filter().push("first_at <= ").bind(until.nanos())?;
    }
    Ok(())
}

/// What people search in: small letters, bounded.
fn search_text(incident: &Incident) -> String {
    let parties = incident.attackers.iter().chain(&incident.victims);
    let parties = parties.flat_map(|p| [Some(p.address.as_str()), p.asset.as_deref()]);
    let rules = incident.signatures.iter();
    let rules = rules.flat_map(|s| [Some(s.id.as_str()), Some(s.text.as_str())]);
    let tactics = incident.tactics.iter().map(|t| Some(t.name.as_str()));
    let own = [Some(incident.id.as_str()), Some(incident.title.as_str())];
    let mut text = String::new();
    for part in own
        .into_iter()
        .chain(parties)
        .chain(rules)
        .chain(tactics)
        .flatten()
    {
        if text.len() + part.len() < SEARCH {
            text.push_str(&part.to_lowercase());
            text.push('\n');
        }
    }
    text.replace('\0', "")
}

fn read(row: &AnyRow) -> Result<Record, Error> {
    let row = Row {
        what: "incident",
        row,
    };
    let mut incident: Incident = row.json("doc")?;
    incident.status = row.word("status")?;
    let triage_status = row.maybe_text("triage_status")?;
    let by = row.maybe_text("triaged_by")?.unwrap_or_default();
    Ok(Record {
        incident,
        machine_status: row.word("machine_status")?,
        triage_status: match triage_status {
            Some(_) => Some(row.word("triage_status")?),
            None => None,
        },
        owner: row.maybe_text("owner")?,
        closed_why: row.maybe_text("closed_why")?,
        triaged: row.maybe_time("triaged_at")?.map(|when| (by, when)),
        version: row.count("version")?,
    })
}
