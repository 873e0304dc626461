//! What may stand where the cursor is, before anybody has asked an engine.

/// What may stand there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// These.
    Words(Vec<Word>),
    /// Names of objects of these kinds.
    Names(Vec<Kind>),
    /// The same between two texts.
    Wrapped(&'static str, Kind, &'static str),
    /// Something only the user knows, or a file.
    Nothing,
}

/// A word, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// What may stand there.
    pub(super) text: String,
    /// In a few words; may be empty.
    pub(super) about: String,
}

impl Word {
    /// A word.
    pub(super) fn new(text: &str, about: &str) -> Self {
        Self {
            text: text.to_owned(),
            about: about.to_owned(),
        }
    }
}

/// Something with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Containers in this state.
    Container(State),
    /// Images.
    Image,
    /// Networks.
    Network,
    /// Volumes.
    Volume,
    /// Ways to log that the engine has.
    LogDriver,
    /// Contexts, which no engine is asked for.
    Context,
}

/// A state of containers, as verbs ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Whatever it is.
    Any,
    /// It runs, paused or not.
    Running,
    /// It runs and is not paused.
    Unpaused,
    /// It is paused.
    Paused,
    /// It has not been started, or has ended.
    Stopped,
}

impl State {
    /// Whether `word`, as lists of containers say it, is this state.
    pub(super) fn includes(self, word: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Running => matches!(word, "running" | "paused" | "restarting"),
            Self::Unpaused => matches!(word, "running" | "restarting"),
            Self::Paused => word == "paused",
            Self::Stopped => matches!(word, "created" | "exited"),
        }
    }
}
