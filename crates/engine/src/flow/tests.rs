//! The flow table on packets.
