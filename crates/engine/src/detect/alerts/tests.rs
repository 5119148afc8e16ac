//! What is told of a packet.
