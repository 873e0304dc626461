//! Why a call failed.

use std::io;

use corten_types::{ErrorKind, system_words};
use corten_wire::go_json;

use crate::Address;

/// Why a call failed. Messages are in Docker's words.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers at the address.
    #[error("{}", unreached(.address, .source))]
    Connect {
        /// Where nobody answers.
        address: Address,
        /// What the system said.
        source: io::Error,
    },
    /// The socket is there but this user may not use it.
    #[error("permission denied while trying to connect to the Docker daemon socket at {address}: {source}")]
    Permission {
        /// Whose socket it is.
        address: Address,
        /// What the system said.
        source: io::Error,
    },
    /// The engine answered with an error.
    #[error("Error response from daemon: {message}")]
    Status {
        /// HTTP status code.
        status: u16,
        /// The engine's sentence.
        message: String,
    },
    /// The address is of no form that is known, or of one that is not supported yet.
    #[error("{0}")]
    Address(String),
    /// An object that must be named was not; which kind it would be.
    #[error("invalid {0} name or ID: value is empty")]
    NoName(String),
    /// TLS could not be agreed on.
    #[error("error during connect: {0}")]
    Tls(String),
    /// The connection broke before there was an answer, or what came over it was not HTTP.
    #[error("error during connect: {call}: {}", in_words(source, "EOF"))]
    Unanswered {
        /// The call, as Go names it: `Get "http://…"`.
        call: String,
        /// What happened.
        source: hyper::Error,
    },
    /// The connection broke within an answer.
    #[error("{}", in_words(.0, "unexpected EOF"))]
    Http(#[from] hyper::Error),
    /// A request could not be put together.
    #[error("invalid request: {0}")]
    Request(#[from] http::Error),
    /// Reading or writing a stream failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The answer is not the JSON it should be.
    #[error("{}", unread(.0))]
    Answer(#[from] go_json::Error),
    /// A value could not be written as JSON.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// The engine does not answer as the API says.
    #[error("unexpected answer of the daemon: {0}")]
    Protocol(String),
}

impl Error {
    /// Which kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Connect { .. } | Self::Unanswered { .. } | Self::Http(_) | Self::Tls(_) => {
                ErrorKind::Unavailable
            }
            Self::Permission { .. } => ErrorKind::Forbidden,
            Self::Address(_) | Self::NoName(_) | Self::Request(_) => ErrorKind::Invalid,
            Self::Io(_) | Self::Answer(_) | Self::Json(_) | Self::Protocol(_) => ErrorKind::System,
            Self::Status { status, .. } => match status {
                304 => ErrorKind::NotModified,
                400 => ErrorKind::Invalid,
                401 => ErrorKind::Unauthorized,
                403 => ErrorKind::Forbidden,
                404 => ErrorKind::NotFound,
                409 => ErrorKind::Conflict,
                501 => ErrorKind::NotImplemented,
                503 => ErrorKind::Unavailable,
                _ => ErrorKind::System,
            },
        }
    }

    /// Whether nobody answered (as opposed to an answer that is an error).
    pub fn is_connect(&self) -> bool {
        matches!(self, Self::Connect { .. })
    }
}

/// Why nobody was reached. As docker's, it asks whether the engine runs where that may be all there is to it, and tells the cause
/// of anything else: a name that leads nowhere, a network without a way.
fn unreached(address: &Address, cause: &io::Error) -> String {
    use io::ErrorKind::{ConnectionRefused, TimedOut};
    match address {
        Address::Tcp(authority) if !matches!(cause.kind(), ConnectionRefused | TimedOut) => {
            format!(
                "error during connect: dial tcp {authority}: {}",
                system_words(cause)
            )
        }
        _ => format!("Cannot connect to the Docker daemon at {address}. Is the docker daemon running?"),
    }
}

/// Why an answer could not be read. One that ends before it begins is an engine that went away.
fn unread(error: &go_json::Error) -> String {
    match error {
        go_json::Error::Empty => error.to_string(),
        _ => format!("cannot read the answer of the daemon: {error}"),
    }
}

/// What happened to a connection, in Go's words; `end` are those for an end that came too early.
fn in_words(error: &hyper::Error, end: &str) -> String {
    use std::error::Error as _;
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return end.to_owned();
    }
    if error.is_parse() {
        return format!("net/http: HTTP/1.x transport connection broken: malformed HTTP response: {error}");
    }
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    match cause {
        Some(cause) => match cause.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                end.to_owned()
            }
            _ => system_words(cause),
        },
        None => error.to_string(),
    }
}
