//! JSON as text: laid out for people without reading it into values, so that keys keep the engine's order.

use serde::Serialize;

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
}
