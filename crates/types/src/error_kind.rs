//! What kind of failure an error is: the one axis on which status codes and exit codes are decided.

/// Kind of an error, mapped once to an HTTP status (here) and by the command line to an exit code.
///
/// Each crate's error enum offers `kind()`; nobody matches on message texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request itself is malformed or asks for something senseless.
    Invalid,
    /// Credentials are missing or wrong.
    Unauthorized,
    /// Refused by policy.
    Forbidden,
    /// No such object.
    NotFound,
    /// The object is in a state, or a name is in a use, that does not allow the request.
    Conflict,
    /// The object already is in the requested state.
    NotModified,
    /// Part of Docker's interface that Corten does not offer (yet).
    NotImplemented,
    /// The engine cannot serve now.
    Unavailable,
    /// Everything else: the system below failed.
    System,
}

impl ErrorKind {
    /// The HTTP status Docker answers with for this kind of error.
    pub fn http_status(self) -> u16 {
        match self {
            Self::NotModified => 304,
            Self::Invalid => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::System => 500,
            Self::NotImplemented => 501,
            Self::Unavailable => 503,
        }
    }
}
