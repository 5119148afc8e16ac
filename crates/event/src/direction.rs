//! Which way bytes travel between the two ends of a flow.

/// The direction of bytes within a flow; `usize::from` gives 0 and 1 for indexing pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From the end that opened the flow.
    ToServer,
    /// From the end that answered.
    ToClient,
}

impl Direction {
    /// Both directions, to server first.
    pub const BOTH: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

    /// The other way.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Direction::ToServer => Direction::ToClient,
            Direction::ToClient => Direction::ToServer,
        }
    }

    /// The word EVE uses: `to_server` or `to_client`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::ToServer => "to_server",
            Direction::ToClient => "to_client",
        }
    }
}

impl From<Direction> for usize {
    fn from(direction: Direction) -> usize {
        match direction {
            Direction::ToServer => 0,
            Direction::ToClient => 1,
        }
    }
}
