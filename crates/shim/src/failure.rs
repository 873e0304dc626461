//! Turning failures into the sentence a user reads: context and cause in the words of Docker's runtime.

use std::error::Error;

use corten_shim_api::{ErrorStage, RuntimeFailure};
use rustix::io::Errno;

/// Result of making a process.
pub type Result<T> = std::result::Result<T, RuntimeFailure>;

/// A failure that is not the kernel's.
pub fn failure(stage: ErrorStage, message: impl Into<String>) -> RuntimeFailure {
    RuntimeFailure {
        stage,
        message: message.into(),
        errno: None,
    }
}

/// Gives a system error its stage and context.
pub trait Context<T> {
    /// The message becomes `what: cause`.
    ///
    /// # Errors
    /// Those of `self`.
    fn context(self, stage: ErrorStage, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Context<T> for std::result::Result<T, Errno> {
    fn context(self, stage: ErrorStage, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|errno| RuntimeFailure {
            stage,
            message: format!("{}: {}", what(), errno_text(errno)),
            errno: Some(errno.raw_os_error()),
        })
    }
}

impl<T> Context<T> for std::io::Result<T> {
    fn context(self, stage: ErrorStage, what: impl FnOnce() -> String) -> Result<T> {
        match self {
            Err(error) if error.raw_os_error().is_none() => {
                Err(failure(stage, format!("{}: {error}", what())))
            }
            result => result
                .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
                .context(stage, what),
        }
    }
}

/// The system's text for an error as Docker prints it: in lower case, without its number.
pub fn errno_text(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(characters).collect()
    })
}

/// An error with its causes, outermost first, as one line; system errors in Docker's words.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        let errno = error
            .downcast_ref::<std::io::Error>()
            .and_then(Errno::from_io_error);
        match errno {
            Some(errno) => text.push_str(&errno_text(errno)),
            None => text.push_str(&error.to_string()),
        }
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_read_as_in_docker() {
        let result: Result<()> = Err(Errno::NOENT).context(ErrorStage::Mount, || "mount x".into());
        let failure = result.unwrap_err();
        assert_eq!(failure.message, "mount x: no such file or directory");
        assert_eq!(failure.errno, Some(libc::ENOENT));
    }
}
