//! Types of Go programs' data, by which JSON becomes the values their templates see: zero values where JSON is silent,
//! structs with their fields in order.

use std::sync::Arc;

use crate::json::Json;
use crate::value::{List, Map, Shown, Struct, Value};

/// A type.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// `interface{}`.
    Any,
    /// `bool`.
    Bool,
    /// An integer.
    Int,
    /// A float.
    Float,
    /// `string`.
    Text,
    /// `time.Time`.
    Time,
    /// `time.Duration`, in JSON nanoseconds.
    Duration,
    /// A slice.
    List(&'static Type),
    /// A map, with the name of its keys' type.
    Map(&'static str, &'static Type),
    /// A struct.
    Struct(&'static StructType),
    /// A pointer.
    Pointer(&'static Type),
}

/// A struct's type.
#[derive(Debug)]
pub struct StructType {
    /// Its name, with the package.
    pub name: &'static str,
    /// Its fields in their order.
    pub fields: &'static [Field],
}

/// A field of a struct.
#[derive(Debug)]
pub struct Field {
    /// Its name to templates.
    pub name: &'static str,
    /// Its name in JSON.
    pub key: &'static str,
    /// Its type.
    pub of: Type,
}

impl Field {
    /// A field with the same name in JSON.
    pub const fn new(name: &'static str, of: Type) -> Self {
        Self { name, key: name, of }
    }

    /// A field with another name in JSON.
    pub const fn named(name: &'static str, key: &'static str, of: Type) -> Self {
        Self { name, key, of }
    }

    /// An embedded struct: in JSON its fields stand among the others.
    pub const fn embedded(name: &'static str, of: Type) -> Self {
        Self { name, key: "", of }
    }

    fn is_embedded(&self) -> bool {
        self.key.is_empty()
    }
}

impl StructType {
    /// Positions of the fields that are embedded.
    pub(crate) fn embedded(&self) -> impl Iterator<Item = usize> {
        let fields = self.fields.iter().enumerate();
        fields.filter(|(_, field)| field.is_embedded()).map(|(at, _)| at)
    }
}

impl Type {
    /// Go's name.
    pub fn name(self) -> String {
        match self {
            Self::Any => "interface {}".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Int => "int".to_owned(),
            Self::Float => "float64".to_owned(),
            Self::Text => "string".to_owned(),
            Self::Time => "time.Time".to_owned(),
            Self::Duration => "time.Duration".to_owned(),
            Self::List(of) => format!("[]{}", of.name()),
            Self::Map(key, of) => format!("map[{key}]{}", of.name()),
            Self::Struct(of) => of.name.to_owned(),
            Self::Pointer(of) => format!("*{}", of.name()),
        }
    }

    /// Its zero value.
    pub fn zero(self) -> Value {
        self.value(&Json::Null)
    }

    /// The value of this type that `json` gives. Where JSON is of another kind than the type the value is what JSON says.
    pub fn value(self, json: &Json) -> Value {
        match (self, json) {
            (Self::Any, Json::Null) => Value::Any(Arc::new(Value::Missing)),
            (Self::Any, json) => Value::Any(Arc::new(json.decoded())),
            (Self::Bool, Json::Null) => Value::Bool(false),
            (Self::Bool, Json::Bool(value)) => Value::Bool(*value),
            (Self::Int, Json::Null) => Value::Int(0),
            (Self::Int, Json::Number(text)) => match text.parse() {
                Ok(value) => Value::Int(value),
                Err(_) => Value::Number(text.clone()),
            },
            (Self::Float, Json::Null) => Value::Float(0.0),
            (Self::Float, Json::Number(text)) => match text.parse() {
                Ok(value) => Value::Float(value),
                Err(_) => Value::Number(text.clone()),
            },
            (Self::Text, Json::Null) => Value::text(""),
            (Self::Text, Json::Text(text)) => Value::Text(text.clone()),
            (Self::Time, Json::Null) => time(&Arc::from("0001-01-01T00:00:00Z")),
            (Self::Time, Json::Text(text)) => time(text),
            (Self::Duration, Json::Null) => duration(0),
            (Self::Duration, Json::Number(text)) => match text.parse() {
                Ok(nanos) => duration(nanos),
                Err(_) => Value::Number(text.clone()),
            },
            (Self::List(of), Json::Null) => list(*of, true, &[]),
            (Self::List(of), Json::List(items)) => list(*of, false, items),
            (Self::Map(key, of), Json::Null) => map(key, *of, true, &[]),
            (Self::Map(key, of), Json::Object(entries)) => map(key, *of, false, entries),
            (Self::Struct(of), Json::Null) => structure(of, json),
            (Self::Struct(of), Json::Object(_)) => structure(of, json),
            (Self::Pointer(of), Json::Null) => Value::Pointer(None, *of),
            (Self::Pointer(of), json) => Value::Pointer(Some(Arc::new(of.value(json))), *of),
            (_, json) => json.raw(),
        }
    }
}

fn list(element: Type, is_nil: bool, items: &[Json]) -> Value {
    Value::List(Arc::new(List {
        element,
        is_nil,
        items: items.iter().map(|item| element.value(item)).collect(),
    }))
}

fn map(key: &'static str, element: Type, is_nil: bool, entries: &[(Arc<str>, Json)]) -> Value {
    let mut entries: Vec<_> = entries
        .iter()
        .map(|(name, value)| (name.clone(), element.value(value)))
        .collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    // Of equal keys the last counts.
    entries.reverse();
    entries.dedup_by(|a, b| a.0 == b.0);
    entries.reverse();
    Value::Map(Arc::new(Map {
        key,
        element,
        is_nil,
        entries,
    }))
}

fn structure(of: &'static StructType, json: &Json) -> Value {
    let fields = of
        .fields
        .iter()
        .map(|field| {
            let value = if field.is_embedded() {
                json
            } else {
                json.get(field.key).unwrap_or(&Json::Null)
            };
            (Arc::from(field.name), field.of.value(value))
        })
        .collect();
    let json = (!matches!(json, Json::Null)).then(|| json.clone());
    Value::Struct(Arc::new(Struct::new(of, fields, json)))
}

/// A moment in RFC 3339 as Go prints it: `2024-05-06 07:08:09.1 +0000 UTC`.
fn time(text: &Arc<str>) -> Value {
    let shown = (|| {
        let (date, rest) = text.split_once('T')?;
        let zone_at = rest.find(['Z', '+', '-'])?;
        let (clock, zone) = rest.split_at(zone_at);
        let clock = match clock.split_once('.') {
            Some((seconds, fraction)) => {
                let fraction = fraction.trim_end_matches('0');
                let dot = if fraction.is_empty() { "" } else { "." };
                format!("{seconds}{dot}{fraction}")
            }
            None => clock.to_owned(),
        };
        let zone = if zone == "Z" {
            "+0000 UTC".to_owned()
        } else {
            let zone = zone.replace(':', "");
            format!("{zone} {zone}")
        };
        Some(format!("{date} {clock} {zone}"))
    })();
    match shown {
        Some(shown) => Value::Shown(Arc::new(Shown {
            name: "time.Time",
            json: Json::Text(text.clone()),
            text: Arc::from(shown),
        })),
        None => Value::Text(text.clone()),
    }
}

/// A span of time as Go prints it: `1h0m30s`, `1.5s`, `100ms`.
fn duration(nanos: i64) -> Value {
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    let fraction = |value: u64, unit: u64, name: &str| {
        let digits = unit.ilog10() as usize;
        let text = format!("{}.{:0digits$}", value / unit, value % unit);
        format!("{}{name}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    let text = match size {
        0 => "0s".to_owned(),
        1..1_000 => format!("{size}ns"),
        1_000..1_000_000 => fraction(size, 1_000, "µs"),
        1_000_000..1_000_000_000 => fraction(size, 1_000_000, "ms"),
        _ => {
            let minutes = size / 60_000_000_000;
            let seconds = fraction(size % 60_000_000_000, 1_000_000_000, "s");
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    };
    Value::Shown(Arc::new(Shown {
        name: "time.Duration",
        json: Json::Number(Arc::from(nanos.to_string())),
        text: Arc::from(format!("{sign}{text}")),
    }))
}
