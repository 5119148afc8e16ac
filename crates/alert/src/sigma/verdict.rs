//! What became of a document, and why.

use std::fmt;

/// What became of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The file.
    pub file: String,
    /// The line where the document begins, or where what is wrong stands; from 1.
    pub line: usize,
    /// Its title, or what stands in for it.
    pub title: String,
    /// Its id, or else its name.
    pub id: String,
    /// What became of it.
    pub state: State,
}

/// What became of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is taken as it says.
    Loaded,
    /// It is taken, and parts of it can never hold: fields that no record has here.
    Degraded(Vec<String>),
    /// It is not taken.
    Refused(String),
}

impl State {
    /// The name in output.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            State::Loaded => "loaded",
            State::Degraded(_) => "degraded",
            State::Refused(_) => "refused",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line, state) = (&self.file, self.line, self.state.name());
        write!(f, "{file}:{line}: {state}: {}", self.title)?;
        match &self.state {
            State::Loaded => Ok(()),
            State::Degraded(reasons) => write!(f, ": {}", reasons.join("; ")),
            State::Refused(reason) => write!(f, ": {reason}"),
        }
    }
}
