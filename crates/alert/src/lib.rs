//! Events become incidents, and people hear of them.
