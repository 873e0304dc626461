//! Which entries are wanted, and how they are shown.

use std::borrow::Cow;
use std::collections::BTreeMap;

use corten_sandbox::{LogFormat, StreamKind};

use super::{Batch, json_line, local_entry, time};

/// Which lines are wanted, and how they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogQuery {
    /// Lines of standard output.
    pub stdout: bool,
    /// Lines of standard error.
    pub stderr: bool,
    /// Go on with what is written until the container ends.
    pub follow: bool,
    /// Not before this, in nanoseconds since the Unix epoch.
    pub since_ns: Option<i64>,
    /// Not after this, in nanoseconds since the Unix epoch.
    pub until_ns: Option<i64>,
    /// Put the time before each line.
    pub timestamps: bool,
    /// Put the log attributes before each line.
    pub details: bool,
    /// Only that many lines from the end.
    pub tail: Option<u64>,
}

/// An entry taken apart, as far as that is cheap.
pub(super) struct Entry<'a> {
    pub(super) kind: StreamKind,
    pub(super) text: Text<'a>,
    pub(super) time: Time<'a>,
    pub(super) attributes: Cow<'a, [u8]>,
}

/// What was written.
pub(super) enum Text<'a> {
    /// As it is, and whether a newline follows.
    Plain(Cow<'a, [u8]>, bool),
    /// The inside of a JSON string.
    Escaped(&'a [u8]),
}

/// When it was written.
pub(super) enum Time<'a> {
    /// RFC 3339.
    Text(Cow<'a, [u8]>),
    /// Nanoseconds since the Unix epoch.
    Nanoseconds(i64),
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is in the batch.
    Shown,
    /// Not asked for, or damaged: a machine that lost power may have left one.
    Skipped,
    /// Later than asked for; nothing after it will be shown either.
    Past,
}

/// Decides on one raw entry, and adds it to the batch if it is to be shown.
pub(crate) fn show(raw: &[u8], format: LogFormat, query: &LogQuery, batch: &mut Batch) -> Verdict {
    let entry = match format {
        LogFormat::JsonFile => json_line::parse(raw),
        LogFormat::Local => local_entry::parse(raw),
    };
    let Some(entry) = entry else {
        return Verdict::Skipped;
    };
    let wanted = match entry.kind {
        StreamKind::Stderr => query.stderr,
        _ => query.stdout,
    };
    if !wanted {
        return Verdict::Skipped;
    }
    let mut stamp = 0;
    if query.since_ns.is_some() || query.until_ns.is_some() || query.timestamps {
        let Some(at_ns) = entry.time.nanoseconds() else {
            return Verdict::Skipped;
        };
        if query.since_ns.is_some_and(|since| at_ns < since) {
            return Verdict::Skipped;
        }
        if query.until_ns.is_some_and(|until| at_ns > until) {
            return Verdict::Past;
        }
        stamp = at_ns;
    }
    batch.add(entry.kind, |line| {
        if query.timestamps {
            time::append(line, stamp);
            line.push(b' ');
        }
        if query.details {
            append_attributes(line, &entry.attributes);
            line.push(b' ');
        }
        match &entry.text {
            Text::Plain(text, newline) => {
                line.extend_from_slice(text);
                if *newline {
                    line.push(b'\n');
                }
            }
            Text::Escaped(text) => json_line::unescape(text, line),
        }
    });
    Verdict::Shown
}

impl Time<'_> {
    fn nanoseconds(&self) -> Option<i64> {
        match self {
            Self::Text(text) => time::parse(text),
            Self::Nanoseconds(at_ns) => Some(*at_ns),
        }
    }
}

/// Attributes as Docker shows them: `key=value,key=value`, escaped as in a query.
fn append_attributes(line: &mut Vec<u8>, object: &[u8]) {
    let attributes: BTreeMap<String, String> = serde_json::from_slice(object).unwrap_or_default();
    for (index, (key, value)) in attributes.iter().enumerate() {
        if index > 0 {
            line.push(b',');
        }
        append_query_escaped(line, key);
        line.push(b'=');
        append_query_escaped(line, value);
    }
}

/// Go's `url.QueryEscape`.
fn append_query_escaped(line: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => line.push(byte),
            b' ' => line.push(b'+'),
            _ => line.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: LogQuery = LogQuery {
        stdout: true,
        stderr: true,
        follow: false,
        since_ns: None,
        until_ns: None,
        timestamps: false,
        details: false,
        tail: None,
    };

    fn shown(raw: &str, query: LogQuery) -> Option<String> {
        let mut batch = Batch::default();
        match show(raw.as_bytes(), LogFormat::JsonFile, &query, &mut batch) {
            Verdict::Shown => {
                let (_, text) = batch.take().pop()?;
                Some(String::from_utf8_lossy(&text).into_owned())
            }
            _ => None,
        }
    }

    #[test]
    fn times_are_shown_with_nine_digits() {
        let raw = r#"{"log":"a\u003cb\n","stream":"stdout","time":"2026-01-02T03:04:05.5Z"}"#;
        assert_eq!(shown(raw, ALL).unwrap(), "a<b\n");
        let stamped = LogQuery {
            timestamps: true,
            ..ALL
        };
        assert_eq!(
            shown(raw, stamped).unwrap(),
            "2026-01-02T03:04:05.500000000Z a<b\n"
        );
        assert_eq!(shown(raw, LogQuery { stdout: false, ..ALL }), None);
        let never = LogQuery {
            since_ns: Some(i64::MAX),
            ..ALL
        };
        assert_eq!(shown(raw, never), None);
        assert_eq!(shown("{broken", ALL), None);
    }

    #[test]
    fn details_are_escaped_and_come_before_the_line() {
        let raw =
            r#"{"log":"x\n","stream":"stderr","attrs":{"b":"2","a":"1 &,"},"time":"2026-01-02T03:04:05Z"}"#;
        let query = LogQuery {
            details: true,
            timestamps: true,
            ..ALL
        };
        assert_eq!(
            shown(raw, query).unwrap(),
            "2026-01-02T03:04:05.000000000Z a=1+%26%2C,b=2 x\n"
        );
    }

    #[test]
    fn nothing_after_the_end_of_the_time_asked_for_is_read() {
        let raw = r#"{"log":"x\n","stream":"stdout","time":"1970-01-01T00:00:02Z"}"#;
        let mut batch = Batch::default();
        let until = |until_ns| LogQuery {
            until_ns: Some(until_ns),
            ..ALL
        };
        let mut verdict = |query| show(raw.as_bytes(), LogFormat::JsonFile, &query, &mut batch);
        assert_eq!(verdict(until(1_999_999_999)), Verdict::Past);
        assert_eq!(verdict(until(2_000_000_000)), Verdict::Shown);
    }
}
