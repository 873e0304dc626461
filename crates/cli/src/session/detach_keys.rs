//! The keys that leave a container running and the terminal free: `ctrl-p,ctrl-q` unless said otherwise.

const DEFAULT: &str = "ctrl-p,ctrl-q";

/// Looks for a sequence of keys in what is typed.
#[derive(Debug)]
pub(crate) struct DetachKeys {
    sequence: Vec<u8>,
    matched: usize,
}

impl DetachKeys {
    /// Reads a comma-separated list of letters and `ctrl-` combinations; `None` means the default.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, String> {
        let sequence = text
            .unwrap_or(DEFAULT)
            .split(',')
            .map(|key| code(key).ok_or_else(|| format!("Unknown character: '{key}'")))
            .collect::<Result<_, _>>()?;
        Ok(Self { sequence, matched: 0 })
    }

    /// What of `typed` goes to the container; the second value tells that the sequence is complete. The beginning of a
    /// sequence is held back until it is clear that it is none.
    pub(crate) fn filter(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut passed = Vec::with_capacity(typed.len());
        for byte in typed {
            if self.sequence[self.matched] == *byte {
                self.matched += 1;
                if self.matched == self.sequence.len() {
                    self.matched = 0;
                    return (passed, true);
                }
                continue;
            }
            passed.extend_from_slice(&self.sequence[..self.matched]);
            self.matched = 0;
            if self.sequence[0] == *byte {
                self.matched = 1;
                if self.sequence.len() == 1 {
                    return (passed, true);
                }
            } else {
                passed.push(*byte);
            }
        }
        (passed, false)
    }
}

/// The byte a key sends.
fn code(key: &str) -> Option<u8> {
    let control = key.strip_prefix("ctrl-").map(str::as_bytes);
    match (control, key.as_bytes()) {
        (Some([letter @ (b'a'..=b'z' | b'A'..=b'Z')]), _) => Some(letter.to_ascii_uppercase() - b'@'),
        (Some([sign @ (b'@' | b'[' | b'\\' | b']' | b'^' | b'_')]), _) => Some(sign - b'@'),
        (None, [byte]) => Some(*byte),
        (None, b"DEL") => Some(0x7f),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let mut keys = DetachKeys::parse(None).unwrap();
        let mut passed = Vec::new();
        for piece in pieces {
            let (some, detached) = keys.filter(piece);
            passed.extend(some);
            if detached {
                return (passed, true);
            }
        }
        (passed, false)
    }

    #[test]
    fn finds_the_sequence_across_reads() {
        assert_eq!(filter(&[b"ls\n\x10\x11rest"]), (b"ls\n".to_vec(), true));
        assert_eq!(filter(&[b"a\x10", b"\x11"]), (b"a".to_vec(), true));
        assert_eq!(filter(&[b"\x10", b"x"]), (b"\x10x".to_vec(), false));
        assert_eq!(filter(&[b"\x10\x10\x11"]), (b"\x10".to_vec(), true));
        assert_eq!(filter(&[b"\x11\x10"]), (b"\x11".to_vec(), false));
    }

    #[test]
    fn reads_key_names() {
        assert_eq!(DetachKeys::parse(Some("ctrl-a,b")).unwrap().sequence, [1, b'b']);
        assert_eq!(DetachKeys::parse(Some("ctrl-[,DEL")).unwrap().sequence, [27, 127]);
        assert_eq!(
            DetachKeys::parse(Some("foo")).unwrap_err(),
            "Unknown character: 'foo'"
        );
    }
}
