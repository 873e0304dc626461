//! Why a template could not be read or executed.

/// A sentence in Go's words, with the place in the template: `template: :1:2: executing "" at <.X>: …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Error {
    sentence: String,
    written: String,
}

impl Error {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            written: String::new(),
        }
    }

    /// The same error, with what was written before it.
    pub(crate) fn after(self, written: String) -> Self {
        Self { written, ..self }
    }

    /// What the template had written before it failed.
    pub fn written(&self) -> &str {
        &self.written
    }
}
