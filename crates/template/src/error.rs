//! Why a template could not be read or executed.

/// A sentence in Go's words, with the place in the template: `template: :1:2: executing "" at <.X>: …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl Error {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}
