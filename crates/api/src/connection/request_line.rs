//! Request lines as people write them: `curl -g 'http://d/containers/json?filters={"status":["exited"]}'` sends quotation marks
//! and braces as they are. Go's server reads them so; hyper refuses the request without a word.
//!
//! Bytes that are no part of an address, but cannot end one either, are escaped before hyper sees them.

/// Longest word taken for a method.
const LONGEST_METHOD: usize = 16;

/// Follows a client's bytes through the request line.
#[derive(Debug)]
pub(super) struct RequestLine(Place);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the first word, so many bytes of it seen.
    Method(usize),
    /// In the second.
    Target,
    /// What comes is not ours to read, until the next request.
    Behind,
}

impl RequestLine {
    /// At the begin of a request.
    pub(super) fn new() -> Self {
        Self(Place::Method(0))
    }

    /// Takes the next bytes; gives what is to stand in their place, if they cannot stay as they are.
    pub(super) fn mend(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut mended: Option<Vec<u8>> = None;
        for (index, &byte) in bytes.iter().enumerate() {
            match (self.0, byte) {
                (Place::Behind, _) => {
                    if let Some(mended) = &mut mended {
                        mended.extend_from_slice(&bytes[index..]);
                    }
                    break;
                }
                // Empty lines before a request are allowed.
                (Place::Method(0), b'\r' | b'\n') => {}
                (Place::Method(1..), b' ') => self.0 = Place::Target,
                (Place::Method(seen), b'A'..=b'Z') if seen < LONGEST_METHOD => {
                    self.0 = Place::Method(seen + 1)
                }
                (Place::Method(_), _) | (Place::Target, b' ' | b'\r' | b'\n') => self.0 = Place::Behind,
                (Place::Target, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80..) => {
                    let mended = mended.get_or_insert_with(|| bytes[..index].to_vec());
                    mended.extend_from_slice(format!("%{byte:02X}").as_bytes());
                    continue;
                }
                (Place::Target, _) => {}
            }
            if let Some(mended) = &mut mended {
                mended.push(byte);
            }
        }
        mended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(pieces: &[&str]) -> String {
        let mut line = RequestLine::new();
        let mut all = Vec::new();
        for piece in pieces {
            let bytes = piece.as_bytes();
            all.extend(line.mend(bytes).unwrap_or_else(|| bytes.to_vec()));
        }
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn only_the_address_is_mended() {
        let request = "GET /x?f={\"a\"} HTTP/1.1\r\nX: {\"b\"}\r\n\r\n{\"c\"}";
        let escaped = "GET /x?f=%7B%22a%22%7D HTTP/1.1\r\nX: {\"b\"}\r\n\r\n{\"c\"}";
        assert_eq!(mended(&[request]), escaped);
        let (mut bytes, mut line) = (Vec::new(), RequestLine::new());
        for byte in request.bytes() {
            bytes.extend(line.mend(&[byte]).unwrap_or_else(|| vec![byte]));
        }
        assert_eq!(String::from_utf8(bytes).unwrap(), escaped);
        assert_eq!(mended(&["\r\nPUT /", "ü H\r\n"]), "\r\nPUT /%C3%BC H\r\n");
    }

    #[test]
    fn what_is_no_request_is_left_alone() {
        for other in [" {\"", "{\"a\": 1}", "get /{", "AAAAAAAAAAAAAAAAAAAAAAAAAA /{"] {
            assert!(RequestLine::new().mend(other.as_bytes()).is_none(), "{other}");
        }
    }
}
