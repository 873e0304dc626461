//! The key sequence that leaves an attached terminal without ending what runs there.

/// Keys to look for, and how many of them have been seen in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DetachKeys {
    keys: Vec<u8>,
    seen: usize,
}

/// `ctrl-p,ctrl-q`.
const DEFAULT: [u8; 2] = [16, 17];

impl DetachKeys {
    /// Reads a list like `ctrl-p,ctrl-q` or `ctrl-x,x`; empty text means the default. `None` when a key is unknown.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let keys = if text.is_empty() {
            DEFAULT.to_vec()
        } else {
            text.split(',').map(key_code).collect::<Option<Vec<_>>>()?
        };
        Some(Self { keys, seen: 0 })
    }

    /// Copies `typed` to `passed`, holding back what may be the beginning of the sequence. True when the sequence is
    /// complete; what follows it is dropped.
    pub(super) fn pass(&mut self, typed: &[u8], passed: &mut Vec<u8>) -> bool {
        for &byte in typed {
            if byte != self.keys[self.seen] {
                passed.extend_from_slice(&self.keys[..self.seen]);
                self.seen = 0;
            }
            if byte == self.keys[self.seen] {
                self.seen += 1;
            } else {
                passed.push(byte);
            }
            if self.seen == self.keys.len() {
                self.seen = 0;
                return true;
            }
        }
        false
    }
}

/// The byte a terminal sends for a key: a character for itself, `ctrl-` with a letter or one of `@[\]^_`, or `DEL`.
fn key_code(key: &str) -> Option<u8> {
    match (key.as_bytes(), key.strip_prefix("ctrl-").map(str::as_bytes)) {
        ([character], _) => Some(*character),
        (_, Some([letter @ b'a'..=b'z'])) => Some(letter - b'a' + 1),
        (_, Some([sign @ (b'@' | b'[' | b'\\' | b']' | b'^' | b'_')])) => Some(sign - b'@'),
        (b"DEL", _) => Some(127),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(keys: &str, pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let mut keys = DetachKeys::parse(keys).unwrap();
        let mut passed = Vec::new();
        let detached = pieces.iter().any(|piece| keys.pass(piece, &mut passed));
        (passed, detached)
    }

    #[test]
    fn reads_keys() {
        assert_eq!(DetachKeys::parse("").unwrap().keys, [16, 17]);
        assert_eq!(
            DetachKeys::parse("ctrl-x,x,ctrl-@,ctrl-_,DEL").unwrap().keys,
            [24, b'x', 0, 31, 127]
        );
        for bad in ["ctrl-", "ctrl-é", "xx", "a,,b", ","] {
            assert_eq!(DetachKeys::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn finds_the_sequence_over_pieces_and_passes_the_rest() {
        assert_eq!(pass("", &[b"ab\x10", b"\x11never"]), (b"ab".to_vec(), true));
        assert_eq!(
            pass("", &[b"\x10x\x10\x10", b"\x11"]),
            (b"\x10x\x10".to_vec(), true)
        );
        assert_eq!(pass("", &[b"\x11\x10"]), (b"\x11".to_vec(), false));
        assert_eq!(pass("a", &[b"bca"]), (b"bc".to_vec(), true));
    }
}
