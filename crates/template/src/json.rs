//! JSON with its numbers' texts and its objects' order kept, and back, as Go's encoder writes it.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::float;
use crate::schema::Type;
use crate::value::{List, Map, Value};

/// So deep may JSON nest: reading and printing call themselves for each level.
const MAX_DEPTH: usize = 128;

/// A JSON document.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number as written.
    Number(Arc<str>),
    /// A text.
    Text(Arc<str>),
    /// A list.
    List(Arc<[Json]>),
    /// An object in its order.
    Object(Arc<[(Arc<str>, Json)]>),
}

impl Json {
    /// Reads a document.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| Error::new(error.to_string()))?;
        read(raw, 0)
    }

    /// A field of an object; of equal names the last counts.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(entries) => entries
                .iter()
                .rfind(|(other, _)| **other == *name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// As Go decodes it without a type: maps, slices, floats.
    pub fn decoded(&self) -> Value {
        self.untyped(&|text| {
            text.parse()
                .map_or_else(|_| Value::Number(text.clone()), Value::Float)
        })
    }

    /// As Go decodes it without a type and with `UseNumber`: numbers keep their text.
    pub fn raw(&self) -> Value {
        self.untyped(&|text| Value::Number(text.clone()))
    }

    fn untyped(&self, number: &dyn Fn(&Arc<str>) -> Value) -> Value {
        match self {
            Self::Null => Value::Missing,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(text) => number(text),
            Self::Text(text) => Value::Text(text.clone()),
            Self::List(items) => Value::List(Arc::new(List {
                element: Type::Any,
                is_nil: false,
                items: items.iter().map(|item| item.untyped(number)).collect(),
            })),
            Self::Object(entries) => {
                let sorted: std::collections::BTreeMap<_, _> = entries
                    .iter()
                    .map(|(name, value)| (name.clone(), value.untyped(number)))
                    .collect();
                Value::Map(Arc::new(Map {
                    key: "string",
                    element: Type::Any,
                    is_nil: false,
                    entries: sorted.into_iter().collect(),
                }))
            }
        }
    }

    /// Writes the document without white space.
    pub fn write(&self, out: &mut String, html_safe: bool) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(text) => out.push_str(text),
            Self::Text(text) => write_text(out, text, html_safe),
            Self::List(items) => write_list(out, items.iter(), |out, item| item.write(out, html_safe)),
            Self::Object(entries) => {
                write_object(
                    out,
                    entries.iter().map(|(name, value)| (&**name, value)),
                    html_safe,
                    |out, value| value.write(out, html_safe),
                );
            }
        }
    }
}

/// Writes a value as JSON.
pub(crate) fn write_value(out: &mut String, value: &Value, html_safe: bool) {
    match value {
        Value::Missing | Value::Pointer(None, _) => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Float(value) => out.push_str(&float::json(*value)),
        Value::Number(text) => out.push_str(text),
        Value::Text(text) => write_text(out, text, html_safe),
        Value::Shown(one) => one.json.write(out, html_safe),
        Value::List(list) if list.is_nil => out.push_str("null"),
        Value::List(list) => {
            write_list(out, list.items.iter(), |out, item| {
                write_value(out, item, html_safe)
            });
        }
        Value::Map(map) if map.is_nil => out.push_str("null"),
        Value::Map(map) => {
            let entries = map.entries.iter().map(|(name, value)| (&**name, value));
            write_object(out, entries, html_safe, |out, value| {
                write_value(out, value, html_safe)
            });
        }
        Value::Struct(one) => {
            let html_safe = html_safe || one.html_safe_json;
            if let Some(json) = &one.json {
                return json.write(out, html_safe);
            }
            let entries = one.fields.iter().map(|(name, value)| (&**name, value));
            write_object(out, entries, html_safe, |out, value| {
                write_value(out, value, html_safe)
            });
        }
        Value::Pointer(Some(inner), _) | Value::Any(inner) => write_value(out, inner, html_safe),
    }
}

fn write_list<'a, T: 'a>(
    out: &mut String,
    items: impl Iterator<Item = &'a T>,
    write: impl Fn(&mut String, &T),
) {
    out.push('[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

fn write_object<'a, T: 'a>(
    out: &mut String,
    entries: impl Iterator<Item = (&'a str, &'a T)>,
    html_safe: bool,
    write: impl Fn(&mut String, &T),
) {
    out.push('{');
    for (at, (name, value)) in entries.enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_text(out, name, html_safe);
        out.push(':');
        write(out, value);
    }
    out.push('}');
}

fn write_text(out: &mut String, text: &str, html_safe: bool) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' if html_safe => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn read(raw: &RawValue, depth: usize) -> Result<Json, Error> {
    if depth > MAX_DEPTH {
        return Err(Error::new("exceeded max depth"));
    }
    let invalid = |error: serde_json::Error| Error::new(error.to_string());
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let Entries(entries) = serde_json::from_str(text).map_err(invalid)?;
            let entries = entries
                .into_iter()
                .map(|(name, value)| Ok((Arc::from(name), read(value, depth + 1)?)))
                .collect::<Result<Vec<_>, Error>>()?;
            Json::Object(entries.into())
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(invalid)?;
            let items = items
                .into_iter()
                .map(|item| read(item, depth + 1))
                .collect::<Result<Vec<_>, _>>()?;
            Json::List(items.into())
        }
        Some(b'"') => {
            let text: String = serde_json::from_str(text).map_err(invalid)?;
            Json::Text(Arc::from(text))
        }
        Some(b't') => Json::Bool(true),
        Some(b'f') => Json::Bool(false),
        Some(b'n') => Json::Null,
        _ => Json::Number(Arc::from(text)),
    })
}

/// An object's entries in their order, the values as text.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
