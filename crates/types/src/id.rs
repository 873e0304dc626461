//! Container identifiers: 64 hexadecimal digits, shown as twelve.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many digits of an identifier tables and default host names show.
pub const SHORT_ID_LEN: usize = 12;

/// A container's identifier: 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerId(String);

/// The text is not a full identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid identifier: {0:?}")]
pub struct InvalidId(String);

impl ContainerId {
    /// The identifier made of these 32 (random) bytes.
    ///
    /// Docker draws again while the short form is all digits, because such a host name reads as a number; callers do the
    /// same, see [`ContainerId::short_is_number`].
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let mut text = String::with_capacity(64);
        for byte in bytes {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        Self(text)
    }

    /// Whether the short form could be mistaken for a decimal number.
    pub fn short_is_number(&self) -> bool {
        self.short().bytes().all(|b| b.is_ascii_digit())
    }

    /// The first twelve digits.
    pub fn short(&self) -> &str {
        &self.0[..SHORT_ID_LEN]
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContainerId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let well_formed = text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(text.to_owned()))
        }
    }
}

impl TryFrom<String> for ContainerId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ContainerId> for String {
    fn from(id: ContainerId) -> Self {
        id.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let id = ContainerId::from_bytes([0xab; 32]);
        assert_eq!(id.short(), "abababababab");
        assert_eq!(id.as_str().parse::<ContainerId>().unwrap(), id);
        assert!("abc".parse::<ContainerId>().is_err());
        assert!(ContainerId::from_bytes([0x12; 32]).short_is_number());
        assert!(!id.short_is_number());
    }
}
