//! API versions: what `/v1.45/` in a path says, compared as numbers.

use std::fmt;
use std::str::FromStr;

/// A version of the Engine API, `major.minor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
}

/// The text is not of the form `1.45`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidApiVersion(pub String);

impl ApiVersion {
    /// Oldest version served.
    pub const MIN: Self = Self::new(1, 24);
    /// Newest version served, and the one meant by paths without a version.
    pub const MAX: Self = Self::new(1, 53);

    /// The version `major.minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// Whether this is `1.minor` or newer.
    pub fn at_least(self, minor: u16) -> bool {
        self >= Self::new(1, minor)
    }
}

impl FromStr for ApiVersion {
    type Err = InvalidApiVersion;

    fn from_str(text: &str) -> Result<Self, InvalidApiVersion> {
        // `from_str` takes a leading plus sign, which no version has. What is too large for us is large all the same.
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse::<u16>().unwrap_or(u16::MAX))
        };
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self::new(number(major)?, number(minor)?)))
            .ok_or_else(|| InvalidApiVersion(text.to_owned()))
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl fmt::Display for InvalidApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid API version: {:?}", self.0)
    }
}

impl std::error::Error for InvalidApiVersion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_as_numbers() {
        let parse = |text: &str| text.parse::<ApiVersion>().unwrap();
        assert!(parse("1.9") < ApiVersion::MIN);
        assert!(parse("1.100") > ApiVersion::MAX);
        assert!(parse("1.42").at_least(42) && !parse("1.41").at_least(42));
        assert_eq!(parse("1.53").to_string(), "1.53");
    }

    #[test]
    fn refuses_what_is_no_version() {
        for bad in ["", "1", "1.", ".1", "v1.40", "1.+4", "1.40.1", "1.-4"] {
            assert_eq!(bad.parse::<ApiVersion>(), Err(InvalidApiVersion(bad.to_owned())));
        }
    }
}
