//! An entry of Docker's `local` format: the protobuf message `LogEntry`.

use std::borrow::Cow;

use corten_sandbox::StreamKind;

use super::query::{Entry, Text, Time};

/// Takes a message apart; `None` for a damaged one.
pub(super) fn parse(mut message: &[u8]) -> Option<Entry<'_>> {
    let mut entry = Entry {
        kind: StreamKind::Stdout,
        text: Text::Plain(Cow::Borrowed(b""), true),
        time: Time::Nanoseconds(0),
        attributes: Cow::Borrowed(b""),
    };
    let (mut line, mut partial) = (&b""[..], false);
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        match (tag >> 3, tag & 7) {
            (1, 2) => {
                if bytes(&mut message)? == b"stderr" {
                    entry.kind = StreamKind::Stderr;
                }
            }
            (2, 0) => entry.time = Time::Nanoseconds(varint(&mut message)?.cast_signed()),
            (3, 2) => line = bytes(&mut message)?,
            (4, 0) => partial = varint(&mut message)? != 0,
            // Fields of newer writers.
            (_, 0) => drop(varint(&mut message)?),
            (_, 1) => message = message.get(8..)?,
            (_, 2) => drop(bytes(&mut message)?),
            (_, 5) => message = message.get(4..)?,
            _ => return None,
        }
    }
    entry.text = Text::Plain(Cow::Borrowed(line), !partial);
    Some(entry)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn bytes<'a>(message: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(message)?).ok()?;
    let (found, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_and_unknown_fields_skipped() {
        let entry = parse(b"\x0a\x06stderr\x10\xac\x02\x1a\x02hi\x2a\x02\x08\x01\x48\x05").unwrap();
        assert_eq!(entry.kind, StreamKind::Stderr);
        assert!(matches!(entry.time, Time::Nanoseconds(300)));
        assert!(matches!(&entry.text, Text::Plain(text, true) if **text == *b"hi"));
        let partial = parse(b"\x1a\x01x\x20\x01").unwrap();
        assert!(matches!(&partial.text, Text::Plain(_, false)));
        assert!(parse(b"\x1a\xff").is_none());
        assert!(parse(b"\x0a").is_none());
    }
}
