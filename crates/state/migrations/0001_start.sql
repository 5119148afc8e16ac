-- The same text for SQLite and PostgreSQL: TEXT and BIGINT alone, moments as nanoseconds since 1970, names
-- made by the program. Booleans are 0 and 1.

CREATE TABLE users (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    password TEXT,
    must_change BIGINT NOT NULL,
    disabled BIGINT NOT NULL,
    external TEXT UNIQUE,
    generation BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    last_login BIGINT
);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user_name TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    current TEXT NOT NULL,
    previous TEXT,
    rotated BIGINT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    revoked BIGINT,
    revoked_why TEXT
);
CREATE INDEX sessions_user ON sessions (user_name);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    owner TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    hash TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT,
    last_used BIGINT,
    last_address TEXT,
    revoked BIGINT
);
CREATE INDEX api_tokens_owner ON api_tokens (owner);
CREATE INDEX api_tokens_created ON api_tokens (created, id);

CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    kind TEXT NOT NULL,
    severity BIGINT NOT NULL,
    machine_status TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    events BIGINT NOT NULL,
    search TEXT NOT NULL,
    doc TEXT NOT NULL,
    status TEXT NOT NULL,
    triage_status TEXT,
    status_at BIGINT NOT NULL,
    owner TEXT,
    closed_why TEXT,
    triaged_by TEXT,
    triaged_at BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX incidents_last ON incidents (last_at, id);
CREATE INDEX incidents_status ON incidents (status, last_at);
CREATE INDEX incidents_fingerprint ON incidents (fingerprint);
CREATE INDEX incidents_triaged ON incidents (triaged_at);

CREATE TABLE incident_notes (
    id TEXT PRIMARY KEY,
    incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    author TEXT NOT NULL,
    time BIGINT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX incident_notes_incident ON incident_notes (incident, time);

CREATE TABLE silences (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    query TEXT NOT NULL,
    reason TEXT NOT NULL,
    owner TEXT NOT NULL,
    origin TEXT UNIQUE,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    ended BIGINT,
    ended_by TEXT,
    mirrors TEXT NOT NULL
);
CREATE INDEX silences_expires ON silences (expires);
CREATE INDEX silences_created ON silences (created, id);

CREATE TABLE saved_queries (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    view_json TEXT NOT NULL,
    owner TEXT NOT NULL,
    shared BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    UNIQUE (owner, name)
);

CREATE TABLE rule_overlays (
    id TEXT PRIMARY KEY,
    gid BIGINT NOT NULL,
    sid BIGINT NOT NULL,
    scope TEXT NOT NULL,
    action TEXT NOT NULL,
    reason TEXT NOT NULL,
    owner TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT,
    UNIQUE (gid, sid, scope)
);

CREATE TABLE kv (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    version BIGINT NOT NULL,
    changed BIGINT NOT NULL
);
