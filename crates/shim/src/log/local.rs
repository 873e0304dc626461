//! One entry of the log in the format of Docker's `local` driver: a protobuf message between its lengths.

/// Appends one entry.
pub fn append_entry(to: &mut Vec<u8>, text: &[u8], newline: bool, stream: &str, at_ns: i64) {
    let start = to.len();
    to.extend_from_slice(&[0; 4]);
    field(to, 1, stream.as_bytes());
    to.push(2 << 3);
    varint(to, at_ns.cast_unsigned());
    if !text.is_empty() {
        field(to, 3, text);
    }
    if !newline {
        to.extend_from_slice(&[4 << 3, 1]);
    }
    // An entry is a few KiB at most.
    let length = u32::try_from(to.len() - start - 4).unwrap_or(0).to_be_bytes();
    to[start..start + 4].copy_from_slice(&length);
    to.extend_from_slice(&length);
}

/// Bytes with their length in front, as field `number`.
fn field(to: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    to.push(number << 3 | 2);
    varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

fn varint(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_framed_messages() {
        let mut to = Vec::new();
        append_entry(&mut to, b"hi", true, "stdout", 300);
        let message = b"\x0a\x06stdout\x10\xac\x02\x1a\x02hi";
        let length = [0, 0, 0, message.len() as u8];
        assert_eq!(to, [&length[..], message, &length[..]].concat());
        to.clear();
        append_entry(&mut to, b"", false, "stderr", 0);
        assert!(to.ends_with(b"\x10\x00\x20\x01\x00\x00\x00\x0c"));
    }
}
