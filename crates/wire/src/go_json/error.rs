//! What can be wrong with a JSON document, in the words of Go's `encoding/json`.

use std::fmt;

use serde_json::error::Category;

/// Why a document could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// There is no document.
    Empty,
    /// Something follows the document.
    Trailing,
    /// The text is not JSON.
    Syntax(String),
    /// A value has the wrong type.
    Type(TypeError),
    /// A value has the right type and is still not acceptable.
    Value(String),
}

/// A value of the wrong type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeError {
    /// What was found: `string`, or `number 1.5` where another number was expected …
    found: String,
    /// Go's name of the type expected.
    expected: String,
    /// The outermost object's type, once known.
    root: Option<&'static str>,
    /// Names of the fields on the way to the value, innermost first.
    path: Vec<String>,
}

impl Error {
    pub(super) fn mismatch(found: String, expected: impl Into<String>) -> Self {
        Self::Type(TypeError {
            found,
            expected: expected.into(),
            root: None,
            path: Vec::new(),
        })
    }

    /// Notes that the error came up in `field` of a `root`.
    pub(super) fn inside(mut self, root: &'static str, field: &str) -> Self {
        if let Self::Type(error) = &mut self {
            error.root = Some(root);
            error.path.push(field.to_owned());
        }
        self
    }

    /// Makes `root` the type the whole document was meant for.
    pub(crate) fn of(mut self, root: &'static str) -> Self {
        if let Self::Type(error) = &mut self
            && error.root.is_some()
        {
            error.root = Some(root);
        }
        self
    }

    /// Words `cause` as Go would, given the `text` it is about. `serde_json` tells kinds of syntax error apart by
    /// their wording only; a wording not known here is passed on as it is.
    pub(super) fn syntax(cause: &serde_json::Error, text: &[u8]) -> Self {
        if cause.classify() == Category::Eof {
            return Self::Syntax("unexpected EOF".to_owned());
        }
        let message = cause.to_string();
        let at = text
            .split(|&b| b == b'\n')
            .nth(cause.line().saturating_sub(1))
            .and_then(|line| line.get(cause.column().saturating_sub(1)..))
            .and_then(|rest| String::from_utf8_lossy(rest).chars().next());
        let place = if message.starts_with("expected value") {
            " looking for beginning of value"
        } else if message.starts_with("key must be a string") {
            " looking for beginning of object key string"
        } else if message.starts_with("expected `:`") {
            " after object key"
        } else if message.starts_with("expected `,` or `}`") {
            " after object key:value pair"
        } else if message.starts_with("expected `,` or `]`") {
            " after array element"
        } else if message.starts_with("recursion limit exceeded") {
            " exceeded max depth"
        } else if message.starts_with("expected ident") {
            return Self::Syntax(bad_literal(text, cause));
        } else {
            return Self::Syntax(message);
        };
        match at {
            Some(character) => Self::Syntax(format!("invalid character {}{place}", quoted(character))),
            None => Self::Syntax(message),
        }
    }
}

/// `true`, `false` or `null` misspelt: names the first letter that is off.
fn bad_literal(text: &[u8], cause: &serde_json::Error) -> String {
    let line = text
        .split(|&b| b == b'\n')
        .nth(cause.line().saturating_sub(1))
        .unwrap_or_default();
    let end = cause.column().min(line.len());
    let start = line[..end]
        .iter()
        .rposition(|b| !b.is_ascii_alphabetic())
        .map_or(0, |at| at + 1);
    for literal in ["true", "false", "null"] {
        if line[start..].first() == literal.as_bytes().first() {
            let off = line[start..]
                .iter()
                .zip(literal.bytes())
                .position(|(&a, b)| a != b);
            if let Some(&byte) = off.and_then(|off| line.get(start + off)) {
                return format!(
                    "invalid character {} in literal {literal}",
                    quoted(char::from(byte))
                );
            }
        }
    }
    cause.to_string()
}

fn quoted(character: char) -> String {
    match character {
        '\'' => r"'\''".to_owned(),
        '"' => "'\"'".to_owned(),
        other => format!("'{}'", other.escape_debug()),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("EOF"),
            Self::Trailing => f.write_str("unexpected content after JSON"),
            Self::Syntax(message) | Self::Value(message) => f.write_str(message),
            Self::Type(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "json: cannot unmarshal {} into Go ", self.found)?;
        match self.root {
            None => write!(f, "value of type {}", self.expected),
            Some(root) => {
                write!(f, "struct field {root}")?;
                for field in self.path.iter().rev() {
                    write!(f, ".{field}")?;
                }
                write!(f, " of type {}", self.expected)
            }
        }
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Value(format!("json: {message}"))
    }
}
