-- What the engine of incidents remembers of each beside what it tells.
CREATE TABLE alert_memory (
    name TEXT PRIMARY KEY,
    doc TEXT NOT NULL
);
