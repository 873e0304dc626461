//! Why a command failed: what is printed and which exit code it makes.

use std::io::{self, Write};

use crate::flags::FlagError;

/// Exit code of failures before or beside the container, as Docker's `run`.
pub(crate) const CODE_ENGINE: i32 = 125;
/// What a shell shows for a process ended by SIGPIPE, as Docker's process is when nobody reads its output.
const CODE_BROKEN_PIPE: i32 = 141;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The flags are wrong. Prints how the command is used.
    #[error("{}", flags_complaint(.source, .usage, .command))]
    Flags {
        /// Program and verb.
        command: String,
        /// Its usage line.
        usage: String,
        /// What is wrong.
        source: FlagError,
    },
    /// The number of arguments or the verb is wrong.
    #[error("{0}")]
    Usage(String),
    /// `run`, `create`: everything that fails is told with a pointer to the help.
    #[error("{prog}: {message}\n\nRun '{prog} {verb} --help' for more information")]
    Launch {
        /// Program name.
        prog: String,
        /// `run` or `create`.
        verb: &'static str,
        /// What went wrong.
        message: String,
        /// Exit code.
        code: i32,
    },
    /// The engine said no, or could not be reached.
    #[error(transparent)]
    Client(#[from] corten_client::Error),
    /// A sentence.
    #[error("{message}")]
    Message {
        /// The sentence.
        message: String,
        /// Exit code.
        code: i32,
    },
    /// Everything has been printed.
    #[error("")]
    Reported(i32),
    /// Writing to the terminal or reading a file failed.
    #[error("{}", corten_types::system_words(.0))]
    Io(#[from] io::Error),
}

impl Error {
    /// A sentence, and exit code 1.
    pub(crate) fn plain(message: impl Into<String>) -> Self {
        Self::Message {
            message: message.into(),
            code: 1,
        }
    }

    /// Prints the error, unless there is nothing to say.
    pub(crate) fn report(&self) {
        if self.is_broken_pipe() || matches!(self, Self::Reported(_)) {
            return;
        }
        // There is nowhere left to tell that standard error cannot be written to.
        let _ = writeln!(io::stderr(), "{self}");
    }

    /// The exit code.
    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            Self::Flags {
                source: FlagError::Windows(_),
                ..
            } => 1,
            Self::Flags { .. } => CODE_ENGINE,
            Self::Launch { code, .. } | Self::Message { code, .. } | Self::Reported(code) => *code,
            Self::Usage(_) | Self::Client(_) | Self::Io(_) if self.is_broken_pipe() => CODE_BROKEN_PIPE,
            Self::Usage(_) | Self::Client(_) | Self::Io(_) => 1,
        }
    }

    /// Whether nobody reads the output any more.
    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// What is wrong with flags, and how the command is used, unless it was used right but for another engine.
fn flags_complaint(source: &FlagError, usage: &str, command: &str) -> String {
    match source {
        FlagError::Windows(_) => source.to_string(),
        _ => format!("{source}\n\nUsage:  {usage}\n\nRun '{command} --help' for more information"),
    }
}
