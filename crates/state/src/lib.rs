//! What people decide and what is known of incidents, in SQL.
