//! JSON as text: laid out for people, taken apart and escaped without reading it into values, so that keys keep the
//! engine's order.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::Error;

const INDENT: &str = "    ";

/// `text` (one valid document) on several lines, four spaces a level, all lines after the first shifted by `level`.
pub(crate) fn indent(text: &str, level: usize) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = level;
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push('"');
                while let Some(c) = chars.next() {
                    out.push(c);
                    match c {
                        '\\' => out.extend(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                out.push(c);
                if let Some(end) = chars.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

/// A value as JSON text.
pub(crate) fn of(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::plain(error.to_string()))
}

/// The value of an object's field; `None` when `text` is no object or has no such field.
pub(crate) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let fields: BTreeMap<String, &'a RawValue> = serde_json::from_str(text).ok()?;
    fields.get(name).map(|value| value.get())
}

/// The text without the characters that mean something in HTML, as Go writes JSON unless told otherwise.
pub(crate) fn html_safe(text: &str) -> String {
    text.replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str(INDENT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_texts() {
        let text = r#"{"b":1,"a":[],"c":{ },"d":["x, {\"y\": \\",null],"e":{"f":-1.5e3}}"#;
        let expected = r#"{
        "b": 1,
        "a": [],
        "c": {},
        "d": [
            "x, {\"y\": \\",
            null
        ],
        "e": {
            "f": -1.5e3
        }
    }"#;
        assert_eq!(indent(text, 1), expected);
        assert_eq!(indent("3", 0), "3");
    }

    #[test]
    fn takes_fields_as_they_are() {
        let text = r#"{"b":{"z":1, "a":2},"c":null}"#;
        assert_eq!(field(text, "b"), Some(r#"{"z":1, "a":2}"#));
        assert_eq!(field(text, "x"), None);
        assert_eq!(field("3", "x"), None);
        assert_eq!(html_safe("a<b>&"), "a\\u003cb\\u003e\\u0026");
    }
}
