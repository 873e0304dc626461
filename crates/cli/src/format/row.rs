//! A row of a list as templates see it: fields by name, and labels by a method.

use std::collections::BTreeMap;
use std::sync::Arc;

use corten_template::{Json, List, Method, Param, Struct, StructType, Type, Value};

/// What rows are called in complaints about fields they do not have.
const TYPE: &str = "*formatter.subContext";

/// What a list is said to hold; each row knows itself.
static ROW: StructType = StructType {
    name: TYPE,
    fields: &[],
};

/// A row of a list, as an object of texts.
#[derive(Debug)]
pub(crate) struct Row {
    type_name: &'static str,
    fields: serde_json::Value,
    labels: Option<BTreeMap<String, String>>,
}

impl Row {
    /// A row; `type_name` is Docker's, which complaints name.
    pub(crate) fn new(type_name: &'static str, fields: serde_json::Value) -> Self {
        Self {
            type_name,
            fields,
            labels: None,
        }
    }

    /// With labels for `{{.Label "name"}}`.
    pub(crate) fn labels<'a>(mut self, labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let labels = labels.into_iter();
        self.labels = Some(
            labels
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        );
        self
    }
}

/// An object of the type `type_name` (Docker's) whose fields are lists of rows.
pub(crate) fn object_of_lists(type_name: &'static str, lists: Vec<(&'static str, Vec<Row>)>) -> Value {
    let list = |rows: Vec<Row>| {
        Value::List(Arc::new(List {
            element: Type::Struct(&ROW),
            is_nil: false,
            items: rows.iter().map(AsRow::value).collect(),
        }))
    };
    Value::Struct(Arc::new(Struct {
        name: type_name,
        fields: lists
            .into_iter()
            .map(|(name, rows)| (Arc::from(name), list(rows)))
            .collect(),
        embedded: Vec::new(),
        methods: Vec::new(),
        json: None,
        html_safe_json: true,
    }))
}

/// What a list's row can be made of.
pub(crate) trait AsRow {
    /// The row as a template's value.
    fn value(&self) -> Value;
}

impl AsRow for Row {
    fn value(&self) -> Value {
        row(self.type_name, &self.fields, self.labels.as_ref())
    }
}

/// Labels are found in the field `Labels`, as far as they can be told apart there.
impl AsRow for serde_json::Value {
    fn value(&self) -> Value {
        let labels = self["Labels"].as_str().map(|text| {
            text.split(',')
                .filter_map(|label| label.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        });
        row(TYPE, self, labels.as_ref())
    }
}

fn row(
    type_name: &'static str,
    fields: &serde_json::Value,
    labels: Option<&BTreeMap<String, String>>,
) -> Value {
    let fields = fields.as_object().into_iter().flatten();
    let fields = fields
        .map(|(name, value)| (Arc::from(name.as_str()), field(value)))
        .collect();
    let label = labels.cloned().map(|labels| {
        let find = move |name: &str| labels.get(name).cloned().unwrap_or_default();
        ("Label", method(find))
    });
    Value::Struct(Arc::new(Struct {
        name: type_name,
        fields,
        embedded: Vec::new(),
        methods: label.into_iter().collect(),
        json: None,
        html_safe_json: true,
    }))
}

/// The titles of columns by field; a label's title is the last part of its name.
pub(super) fn titles(names: Vec<(Arc<str>, Value)>) -> Value {
    let label = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or(name);
        last.replace(['-', '_'], " ")
    };
    Value::Struct(Arc::new(Struct {
        name: "formatter.SubHeaderContext",
        fields: names,
        embedded: Vec::new(),
        methods: vec![("Label", method(label))],
        json: None,
        html_safe_json: false,
    }))
}

fn method(find: impl Fn(&str) -> String + Send + Sync + 'static) -> Method {
    Method {
        params: &[Param::Text],
        body: Arc::new(move |args| match args {
            [Value::Text(name)] => Ok(Value::text(find(name))),
            _ => Ok(Value::Missing),
        }),
    }
}

fn field(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Null => Value::Missing,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        // Numbers and whole objects are as Go reads them.
        other => Json::parse(&other.to_string()).map_or(Value::Missing, |json| json.decoded()),
    }
}
