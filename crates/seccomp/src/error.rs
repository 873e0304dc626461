//! Why a profile cannot be compiled.

/// Result of this crate's operations.
pub type Result<T> = std::result::Result<T, Error>;

/// A profile that cannot be read or compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not JSON, or not of the profile's shape.
    #[error("decoding seccomp profile failed")]
    Json(#[from] serde_json::Error),
    /// `name` and `names` in one rule.
    #[error("'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'")]
    NameAndNames,
    /// `architectures` and `archMap` in one profile.
    #[error(
        "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'"
    )]
    ArchitecturesAndMap,
    /// A word that is none of the format's.
    #[error("invalid seccomp {what} {value:?}")]
    Word {
        /// What the word should be: "action", "architecture", …
        what: &'static str,
        /// The word.
        value: String,
    },
    /// Part of the format that Corten does not offer.
    #[error("seccomp profile: {0} is not supported")]
    Unsupported(&'static str),
    /// Longer than the kernel takes.
    #[error("seccomp profile needs {0} instructions, the kernel takes 4096")]
    TooLong(usize),
}
