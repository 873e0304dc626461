//! One entry of the log as a line of JSON, byte for byte as Docker writes it.

use std::str;

use super::timestamp;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends one entry with the end [`append_end`] made for it.
pub fn append_entry(to: &mut Vec<u8>, text: &[u8], newline: bool, end: &[u8]) {
    to.extend_from_slice(b"{\"log\":\"");
    append_escaped(to, text);
    if newline {
        to.extend_from_slice(b"\\n");
    }
    to.extend_from_slice(end);
}

/// Appends what follows the text of all entries of one stream and time. `attributes` is a ready JSON object, or empty.
pub fn append_end(to: &mut Vec<u8>, stream: &str, attributes: &[u8], at_ns: i64) {
    to.extend_from_slice(b"\",\"stream\":\"");
    to.extend_from_slice(stream.as_bytes());
    if !attributes.is_empty() {
        to.extend_from_slice(b"\",\"attrs\":");
        to.extend_from_slice(attributes);
        to.extend_from_slice(b",\"time\":\"");
    } else {
        to.extend_from_slice(b"\",\"time\":\"");
    }
    timestamp::append(to, at_ns);
    to.extend_from_slice(b"\"}\n");
}

/// Appends the inside of a JSON string. Go escapes what is special in HTML and two line separators, too, and each byte
/// that is no UTF-8 becomes one replacement character.
pub fn append_escaped(to: &mut Vec<u8>, mut text: &[u8]) {
    while !text.is_empty() {
        match str::from_utf8(text) {
            Ok(valid) => {
                append_valid(to, valid);
                return;
            }
            Err(error) => {
                let (valid, rest) = text.split_at(error.valid_up_to());
                append_valid(to, str::from_utf8(valid).unwrap_or_default());
                let invalid = error.error_len().unwrap_or(rest.len());
                for _ in 0..invalid {
                    to.extend_from_slice(b"\\ufffd");
                }
                text = &rest[invalid..];
            }
        }
    }
}

fn append_valid(to: &mut Vec<u8>, text: &str) {
    let mut bytes = text.as_bytes();
    loop {
        let (plain, rest) = bytes.split_at(plain_length(bytes));
        to.extend_from_slice(plain);
        let Some((byte, behind)) = rest.split_first() else {
            return;
        };
        bytes = behind;
        match byte {
            b'"' | b'\\' => to.extend_from_slice(&[b'\\', *byte]),
            b'\n' => to.extend_from_slice(b"\\n"),
            b'\r' => to.extend_from_slice(b"\\r"),
            0xe2 => match behind {
                [0x80, last @ (0xa8 | 0xa9), ..] => {
                    to.extend_from_slice(b"\\u202");
                    to.push(HEX[usize::from(last & 0xf)]);
                    bytes = &behind[2..];
                }
                _ => to.push(0xe2),
            },
            byte => {
                to.extend_from_slice(b"\\u00");
                to.push(HEX[usize::from(byte >> 4)]);
                to.push(HEX[usize::from(byte & 0xf)]);
            }
        }
    }
}

/// How many bytes come before the first that may have to be written otherwise. Most output consists of such bytes, so many are
/// looked at together, without branches: the compiler makes vector instructions of that.
fn plain_length(bytes: &[u8]) -> usize {
    let special = |byte: u8| {
        (byte < 0x20)
            | (byte == b'"')
            | (byte == b'\\')
            | (byte == b'<')
            | (byte == b'>')
            | (byte == b'&')
            | (byte == 0xe2)
    };
    let mut length = 0;
    for block in bytes.chunks_exact(32) {
        if block.iter().fold(false, |any, byte| any | special(*byte)) {
            break;
        }
        length += block.len();
    }
    let rest = &bytes[length..];
    length + rest.iter().position(|byte| special(*byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &[u8]) -> String {
        let mut to = Vec::new();
        append_escaped(&mut to, text);
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn escapes_as_docker() {
        assert_eq!(
            escaped(b"a\"\\\t\r<&>\x7f\x01"),
            "a\\\"\\\\\\u0009\\r\\u003c\\u0026\\u003e\x7f\\u0001"
        );
        assert_eq!(escaped("ä\u{2028}€\u{2029}∀".as_bytes()), "ä\\u2028€\\u2029∀");
        assert_eq!(
            escaped(b"x\xff\xe2\x82y\xf0\x9f"),
            "x\\ufffd\\ufffd\\ufffdy\\ufffd\\ufffd"
        );
        assert_eq!(escaped("ok 😀".as_bytes()), "ok 😀");
        let long = "a long line without anything special, but for its very end: ".repeat(3);
        assert_eq!(escaped(format!("{long}<").as_bytes()), format!("{long}\\u003c"));
    }

    #[test]
    fn a_whole_entry() {
        let mut to = Vec::new();
        let mut end = Vec::new();
        append_end(&mut end, "stdout", b"", 0);
        append_entry(&mut to, b"hi", true, &end);
        end.clear();
        append_end(&mut end, "stderr", br#"{"a":"b"}"#, 0);
        append_entry(&mut to, b"ho", false, &end);
        let expected = concat!(
            r#"{"log":"hi\n","stream":"stdout","time":"1970-01-01T00:00:00Z"}"#,
            "\n",
            r#"{"log":"ho","stream":"stderr","attrs":{"a":"b"},"time":"1970-01-01T00:00:00Z"}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(to).unwrap(), expected);
    }
}
