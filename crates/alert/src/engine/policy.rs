//! How incidents are made and told, as numbers.

use std::time::Duration;

use event::incident::Severity;

/// How incidents are made and told.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How long a new incident gathers before it is published: many attackers who begin at once are
    /// one incident then, and the first message says more than "1 event".
    pub settle: Duration,
    /// How long after a step the next one belongs to it: many attackers of one victim, a victim
    /// that attacks.
    pub window: Duration,
    /// An incident to which nothing was added for so long is closed.
    pub idle: Duration,
    /// How long after that something new opens it again in place of a new one.
    pub reopen: Duration,
    /// Changes of one incident are published at most once in so long, unless they are new, worse or over.
    pub publish: Duration,
    /// What people were told is made right at most once in so long.
    pub refresh: Duration,
    /// People are told of more of the same at most once in so long.
    pub digest: Duration,
    /// So many attackers of one victim by one rule are one attack.
    pub spray_attackers: usize,
    /// Incidents that are open at once; what comes beyond goes into one that says so.
    pub max_open: usize,
    /// Incidents below this are shown and told to nobody.
    pub tell_from: Severity,
    /// When a storm begins.
    pub storm: StormPolicy,
}

/// When so much happens that it is told in digests.
#[derive(Clone, Copy, Debug)]
pub struct StormPolicy {
    /// More messages than this...
    pub messages: usize,
    /// ... within so long are a storm.
    pub within: Duration,
    /// How often its digest is told.
    pub digest: Duration,
    /// Messages within the same time, during a storm, for what is new or critical.
    pub urgent: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            settle: Duration::from_secs(1),
            window: Duration::from_secs(3600),
            idle: Duration::from_secs(1800),
            reopen: Duration::from_secs(86_400),
            publish: Duration::from_secs(2),
            refresh: Duration::from_secs(60),
            digest: Duration::from_secs(1800),
            spray_attackers: 4,
            max_open: 10_000,
            tell_from: Severity::Low,
            storm: StormPolicy::default(),
        }
    }
}

impl Default for StormPolicy {
    fn default() -> Self {
        // Twenty messages in five minutes are as many as a person can look at.
        StormPolicy {
            messages: 20,
            within: Duration::from_secs(300),
            digest: Duration::from_secs(300),
            urgent: 20,
        }
    }
}
