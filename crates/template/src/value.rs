//! What templates work on: Go's values as far as they can come from JSON or from templates.

use std::fmt;
use std::sync::Arc;

use crate::json::Json;
use crate::schema::{StructType, Type};

/// A value. Cloning is cheap.
#[derive(Debug, Clone)]
pub enum Value {
    /// None at all: what a missing key of a map gives.
    Missing,
    /// A truth value.
    Bool(bool),
    /// An integer, in a type that holds all of Go's.
    Int(i128),
    /// A float.
    Float(f64),
    /// A number of JSON whose text is kept; to templates it is a text, as `json.Number` is.
    Number(Arc<str>),
    /// A text.
    Text(Arc<str>),
    /// Something that prints otherwise than it is in JSON: a moment, a duration.
    Shown(Arc<Shown>),
    /// A slice.
    List(Arc<List>),
    /// A map from texts.
    Map(Arc<Map>),
    /// A struct.
    Struct(Arc<Struct>),
    /// A pointer, which may be nil.
    Pointer(Option<Arc<Value>>, Type),
    /// Something of the type `interface{}`; [`Value::Missing`] inside is nil.
    Any(Arc<Value>),
}

/// A value with a printed form of its own.
#[derive(Debug, PartialEq)]
pub struct Shown {
    /// Its type.
    pub name: &'static str,
    /// What it is in JSON.
    pub json: Json,
    /// What it prints as.
    pub text: Arc<str>,
}

/// A slice's elements.
#[derive(Debug)]
pub struct List {
    /// Of what type they are.
    pub element: Type,
    /// Whether it is nil, which JSON shows.
    pub is_nil: bool,
    /// The elements.
    pub items: Vec<Value>,
}

/// A map's entries.
#[derive(Debug)]
pub struct Map {
    /// Name of the type of its keys: `string`, or a type derived from it.
    pub key: &'static str,
    /// Of what type its values are.
    pub element: Type,
    /// Whether it is nil, which JSON shows.
    pub is_nil: bool,
    /// The entries, sorted by key.
    pub entries: Vec<(Arc<str>, Value)>,
}

/// A struct's fields.
#[derive(Debug)]
pub struct Struct {
    /// Its type.
    pub name: &'static str,
    /// The fields in their order.
    pub fields: Vec<(Arc<str>, Value)>,
    /// Which of the fields are embedded: what they have, the struct has.
    pub embedded: Vec<usize>,
    /// Its methods.
    pub methods: Vec<(&'static str, Method)>,
    /// What it is in JSON, if not simply its fields.
    pub json: Option<Json>,
    /// Whether its JSON escapes what means something in HTML, as types do that marshal themselves.
    pub html_safe_json: bool,
}

/// What a method does, given its arguments.
type Body = dyn Fn(&[Value]) -> Result<Value, String> + Send + Sync;

/// A method: what types its arguments have, and what it does.
#[derive(Clone)]
pub struct Method {
    /// Its arguments.
    pub params: &'static [crate::Param],
    /// What it does.
    pub body: Arc<Body>,
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Method")
    }
}

impl Value {
    /// A text.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Arc::from(text.as_ref()))
    }

    /// A list of texts.
    pub fn texts<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> Self {
        Self::List(Arc::new(List {
            element: Type::Text,
            is_nil: false,
            items: texts.into_iter().map(Self::text).collect(),
        }))
    }

    /// Go's name of the type.
    pub fn type_name(&self) -> String {
        match self {
            Self::Missing => "<nil>".to_owned(),
            Self::Bool(_) => "bool".to_owned(),
            Self::Int(_) => "int".to_owned(),
            Self::Float(_) => "float64".to_owned(),
            Self::Number(_) => "json.Number".to_owned(),
            Self::Text(_) => "string".to_owned(),
            Self::Shown(one) => one.name.to_owned(),
            Self::List(list) => format!("[]{}", list.element.name()),
            Self::Map(map) => format!("map[{}]{}", map.key, map.element.name()),
            Self::Struct(one) => one.name.to_owned(),
            Self::Pointer(_, of) => format!("*{}", of.name()),
            Self::Any(_) => "interface {}".to_owned(),
        }
    }

    /// Follows pointers and interfaces; `true` when one of them was nil (and is returned).
    pub(crate) fn indirect(&self) -> (Self, bool) {
        let mut value = self;
        loop {
            match value {
                Self::Pointer(Some(inner), _) => value = inner,
                Self::Any(inner) if !matches!(**inner, Self::Missing) => value = inner,
                Self::Pointer(None, _) | Self::Any(_) => return (value.clone(), true),
                _ => return (value.clone(), false),
            }
        }
    }

    /// Without the interface round it.
    pub(crate) fn unboxed(self) -> Self {
        match self {
            Self::Any(inner) => (*inner).clone(),
            other => other,
        }
    }

    /// As an element of a container whose elements are of type `element`.
    pub(crate) fn boxed(&self, element: Type) -> Self {
        match (element, self) {
            (Type::Any, Self::Any(_)) => self.clone(),
            (Type::Any, other) => Self::Any(Arc::new(other.clone())),
            _ => self.clone(),
        }
    }

    /// Whether `if` takes it for true.
    pub(crate) fn truth(&self) -> bool {
        match self {
            Self::Missing => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Number(text) | Self::Text(text) => !text.is_empty(),
            Self::Shown(_) | Self::Struct(_) => true,
            Self::List(list) => !list.items.is_empty(),
            Self::Map(map) => !map.entries.is_empty(),
            Self::Pointer(inner, _) => inner.is_some(),
            Self::Any(inner) => inner.truth(),
        }
    }
}

impl List {
    /// An element, as its type has it.
    pub(crate) fn item(&self, at: usize) -> Option<Value> {
        self.items.get(at).map(|item| item.boxed(self.element))
    }
}

impl Map {
    /// An entry, as its type has it.
    pub(crate) fn get(&self, key: &str) -> Option<Value> {
        let at = self
            .entries
            .binary_search_by(|(other, _)| (**other).cmp(key))
            .ok()?;
        Some(self.entries[at].1.boxed(self.element))
    }
}

impl Struct {
    /// A struct without methods whose JSON is its fields.
    pub fn new(of: &'static StructType, fields: Vec<(Arc<str>, Value)>, json: Option<Json>) -> Self {
        Self {
            name: of.name,
            fields,
            embedded: of.embedded().collect(),
            methods: Vec::new(),
            json,
            html_safe_json: false,
        }
    }

    /// A field, its own or an embedded struct's.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let own = self.fields.iter().find(|(other, _)| **other == *name);
        own.map(|(_, value)| value).or_else(|| {
            self.embedded.iter().find_map(|at| match &self.fields[*at].1 {
                Value::Struct(inner) => inner.get(name),
                _ => None,
            })
        })
    }
}
