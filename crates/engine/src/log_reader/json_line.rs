//! A line of Docker's `json-file` format: `{"log":"…","stream":"…","attrs":{…},"time":"…"}`, the attributes being optional.
//!
//! Lines as Docker and the shim write them are taken apart by looking for their fixed parts; anything else that is JSON is read as
//! such.

use std::borrow::Cow;

use corten_sandbox::StreamKind;
use memchr::{memchr, memchr2, memmem};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::query::{Entry, Text, Time};

/// The time is within the last bytes of a line: at most 35 bytes long, with its key and the end around it.
const TIME_WITHIN: usize = 52;
const TIME_KEY: &[u8] = b"\",\"time\":\"";
const ATTRIBUTED_TIME_KEY: &[u8] = b",\"time\":\"";

/// Takes a line apart; `None` for a damaged one.
pub(super) fn parse(raw: &[u8]) -> Option<Entry<'_>> {
    as_usual(raw).or_else(|| as_json(raw))
}

fn as_usual(raw: &[u8]) -> Option<Entry<'_>> {
    let rest = raw.strip_prefix(b"{\"log\":\"")?;
    let end = end_of_string(rest)?;
    let (log, rest) = (&rest[..end], &rest[end..]);
    let rest = rest.strip_prefix(b"\",\"stream\":\"std")?;
    let (kind, rest) = match rest.get(..3)? {
        b"out" => (StreamKind::Stdout, &rest[3..]),
        b"err" => (StreamKind::Stderr, &rest[3..]),
        _ => return None,
    };
    let (attributes, time) = match rest.strip_prefix(TIME_KEY) {
        Some(time) => (&b""[..], time),
        None => {
            let rest = rest.strip_prefix(b"\",\"attrs\":")?;
            let tail = rest.len().saturating_sub(TIME_WITHIN);
            let key = tail + memmem::rfind(&rest[tail..], ATTRIBUTED_TIME_KEY)?;
            (&rest[..key], &rest[key + ATTRIBUTED_TIME_KEY.len()..])
        }
    };
    let time = time.strip_suffix(b"\"}")?;
    if memchr2(b'"', b'\\', time).is_some() {
        return None;
    }
    Some(Entry {
        kind,
        text: Text::Escaped(log),
        time: Time::Text(Cow::Borrowed(time)),
        attributes: Cow::Borrowed(attributes),
    })
}

/// Where the string that begins here ends.
fn end_of_string(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

#[derive(Deserialize)]
struct Line<'a> {
    log: String,
    stream: String,
    #[serde(borrow, default)]
    attrs: Option<&'a RawValue>,
    time: String,
}

fn as_json(raw: &[u8]) -> Option<Entry<'_>> {
    let line: Line<'_> = serde_json::from_slice(raw).ok()?;
    Some(Entry {
        kind: if line.stream == "stderr" {
            StreamKind::Stderr
        } else {
            StreamKind::Stdout
        },
        text: Text::Plain(Cow::Owned(line.log.into_bytes()), false),
        time: Time::Text(Cow::Owned(line.time.into_bytes())),
        attributes: Cow::Borrowed(line.attrs.map_or(b"", |attrs| attrs.get().as_bytes())),
    })
}

/// Appends what the inside of a JSON string means. What is no valid escape is kept as it is.
pub(super) fn unescape(mut text: &[u8], to: &mut Vec<u8>) {
    while let Some(at) = memchr(b'\\', text) {
        to.extend_from_slice(&text[..at]);
        let escape = &text[at + 1..];
        let (byte, used) = match escape.first() {
            Some(b'n') => (b'\n', 1),
            Some(b'"') => (b'"', 1),
            Some(b'\\') => (b'\\', 1),
            Some(b'r') => (b'\r', 1),
            Some(b't') => (b'\t', 1),
            Some(b'/') => (b'/', 1),
            Some(b'b') => (8, 1),
            Some(b'f') => (12, 1),
            Some(b'u') => {
                let used = append_character(escape, to);
                text = &escape[used..];
                continue;
            }
            _ => (b'\\', 0),
        };
        to.push(byte);
        text = &escape[used..];
    }
    to.extend_from_slice(text);
}

/// Appends the character behind a backslash that `escape` (`uXXXX…`) stands for; how many bytes of it were used.
fn append_character(escape: &[u8], to: &mut Vec<u8>) -> usize {
    let Some(first) = hexadecimal(escape) else {
        to.extend_from_slice(b"\\u");
        return 1;
    };
    let second = escape
        .get(5..)
        .and_then(|rest| rest.strip_prefix(b"\\"))
        .and_then(hexadecimal);
    let (character, used) = match (first, second) {
        (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
            let code = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(code), 11)
        }
        _ => (char::from_u32(first), 5),
    };
    let mut buffer = [0; 4];
    let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
    to.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
    used
}

fn hexadecimal(escape: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(escape.strip_prefix(b"u")?.get(..4)?).ok()?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(entry: &Entry<'_>) -> String {
        let mut to = Vec::new();
        match &entry.text {
            Text::Plain(text, _) => to.extend_from_slice(text),
            Text::Escaped(text) => unescape(text, &mut to),
        }
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn both_ways_of_reading_agree() {
        for log in [
            "",
            "a",
            "\n",
            "\"\\\"",
            "ä\u{2028}😀",
            "\u{1}\t\r\u{c}\u{8}/",
            "\\u0041",
            "x\",\"stream\":\"stderr",
        ] {
            for attrs in ["", r#""attrs":{"a":"\",\"time\":\"x"},"#] {
                let log_json = serde_json::to_string(log).unwrap();
                let raw = format!(
                    r#"{{"log":{log_json},"stream":"stderr",{attrs}"time":"2026-01-02T03:04:05.5Z"}}"#
                );
                let usual = as_usual(raw.as_bytes()).unwrap();
                let json = as_json(raw.as_bytes()).unwrap();
                assert_eq!(text(&usual), log, "{raw}");
                assert_eq!(text(&json), log);
                assert_eq!((usual.kind, &usual.attributes), (json.kind, &json.attributes));
                let (Time::Text(one), Time::Text(two)) = (&usual.time, &json.time) else {
                    panic!("no times");
                };
                assert_eq!(one, two);
            }
        }
    }

    #[test]
    fn escapes_of_all_kinds_are_understood() {
        let mean = |text: &str| {
            let mut to = Vec::new();
            unescape(text.as_bytes(), &mut to);
            String::from_utf8(to).unwrap()
        };
        assert_eq!(
            mean(r"\u003ca\u003e \ud83d\ude00 \ud83d \ude00x"),
            "<a> 😀 \u{fffd} \u{fffd}x"
        );
        assert_eq!(mean(r"\uZZZZ \q \"), r"\uZZZZ \q \");
    }

    #[test]
    fn other_orders_are_read_and_damage_is_not() {
        let other = br#"{"time":"2026-01-02T03:04:05Z", "stream":"stdout", "log":"x"}"#;
        assert_eq!(text(&parse(other).unwrap()), "x");
        for damaged in [
            &b"{"[..],
            b"",
            b"{\"log\":\"x\\",
            b"{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"x",
        ] {
            assert!(parse(damaged).is_none());
        }
    }
}
