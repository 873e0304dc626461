//! Content digests (`sha256:<64 hex>`), the only algorithm the store keeps.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A `sha256:` digest in its canonical text form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

/// The text is not a `sha256:` digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid digest: {0:?}")]
pub struct InvalidDigest(String);

const PREFIX: &str = "sha256:";

impl Digest {
    /// The digest whose raw SHA-256 output is `hash`.
    pub fn from_sha256(hash: [u8; 32]) -> Self {
        let mut text = String::with_capacity(PREFIX.len() + 64);
        text.push_str(PREFIX);
        for byte in hash {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        Self(text)
    }

    /// The digest with these 64 hexadecimal digits.
    ///
    /// # Errors
    /// When `hex` is anything but 64 lower-case hexadecimal digits.
    pub fn from_hex(hex: &str) -> Result<Self, InvalidDigest> {
        format!("{PREFIX}{hex}").parse()
    }

    /// The 64 hexadecimal digits without the algorithm.
    pub fn hex(&self) -> &str {
        &self.0[PREFIX.len()..]
    }

    /// The first twelve digits, as tables show them.
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }

    /// The whole text, algorithm included.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let well_formed = text.strip_prefix(PREFIX).is_some_and(|hex| {
            hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        });
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidDigest(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_parsed_and_refuses_the_rest() {
        let zero = Digest::from_sha256([0; 32]);
        assert_eq!(zero.to_string(), format!("sha256:{}", "0".repeat(64)));
        assert_eq!(zero.to_string().parse::<Digest>().unwrap(), zero);
        for bad in [
            "",
            "sha256:",
            "sha256:ABC",
            "sha512:00",
            &format!("sha256:{}", "G".repeat(64)),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
