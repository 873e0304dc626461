//! `--format`: the small part of Go's templates that is literal text, field paths and `json`.
//!
//! A full template engine comes with its own crate; until then whatever goes beyond text, `{{.A.B}}` and
//! `{{json .A}}` is refused with a sentence, never printed wrongly.

use serde_json::Value;

use crate::error::Error;
use crate::json_text;
use crate::table::Table;

/// A parsed `--format`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Format {
    /// `table …`: with titles and columns.
    pub(crate) is_table: bool,
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field { path: Vec<String>, json: bool },
}

impl Format {
    /// Parses the text behind `--format`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if text == "json" {
            return Ok(Self {
                is_table: false,
                parts: vec![Part::Field {
                    path: Vec::new(),
                    json: true,
                }],
            });
        }
        let (is_table, text) = match text.strip_prefix("table") {
            Some(rest) if rest.is_empty() || rest.starts_with(' ') => (true, rest.trim_start()),
            _ => (false, text),
        };
        // Shells hand over a backslash and a letter where tabs and line breaks are meant.
        let text = text.replace("\\t", "\t").replace("\\n", "\n");
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some((literal, tail)) = rest.split_once("{{") {
            let (action, tail) = tail
                .split_once("}}")
                .ok_or_else(|| Error::plain("failed to parse template: template: :1: unclosed action"))?;
            if !literal.is_empty() {
                parts.push(Part::Text(literal.to_owned()));
            }
            parts.push(field(action)?);
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { is_table, parts })
    }

    /// Whether this is `table` without columns of its own.
    pub(crate) fn is_plain_table(&self) -> bool {
        self.is_table && self.parts.is_empty()
    }

    /// The first field along every path, for verbs that must know what to ask the engine for.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field { path, .. } => path.first().map(String::as_str),
            Part::Text(_) => None,
        })
    }

    /// The text for one value, given as JSON.
    pub(crate) fn apply(&self, value: &str) -> Result<String, Error> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Field { path, json } => {
                    let field = lookup(value, path)?;
                    if *json {
                        text.push_str(field);
                    } else {
                        text.push_str(&show(&parse(field)?));
                    }
                }
            }
        }
        Ok(text)
    }

    /// The text for many rows: lines, or a table whose titles `title` knows by field.
    pub(crate) fn apply_all(
        &self,
        rows: &[Value],
        title: impl Fn(&str) -> Option<&'static str>,
    ) -> Result<String, Error> {
        let lines = rows
            .iter()
            .map(|row| self.apply(&json_text::html_safe(&row.to_string())))
            .collect::<Result<Vec<_>, _>>()?;
        if !self.is_table {
            return Ok(lines.iter().map(|line| format!("{line}\n")).collect());
        }
        let mut titles = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => titles.push_str(literal),
                Part::Field { path, .. } => {
                    let name = path.last().map_or("", String::as_str);
                    titles.push_str(&title(name).map_or_else(|| name.to_uppercase(), str::to_owned));
                }
            }
        }
        let mut table = Table::new(titles.split('\t'));
        for line in &lines {
            table.row(line.split('\t'));
        }
        Ok(table.render())
    }
}

fn field(action: &str) -> Result<Part, Error> {
    let action = action.trim();
    let (json, path) = match action.strip_prefix("json") {
        Some(rest) if rest.starts_with([' ', '\t']) => (true, rest.trim()),
        _ => (false, action),
    };
    let names: Option<Vec<String>> = match path {
        "." => Some(Vec::new()),
        _ => path.strip_prefix('.').and_then(|path| {
            path.split('.')
                .map(|name| {
                    let ok = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
                    ok.then(|| name.to_owned())
                })
                .collect()
        }),
    };
    match names {
        Some(path) => Ok(Part::Field { path, json }),
        None => Err(Error::plain(format!(
            "template {{{{{action}}}}} is not supported by Corten yet: only fields ({{{{.Name}}}}) and {{{{json .}}}} are"
        ))),
    }
}

fn lookup<'a>(value: &'a str, path: &[String]) -> Result<&'a str, Error> {
    let mut here = value.trim();
    for name in path {
        here = json_text::field(here, name).ok_or_else(|| {
            Error::plain(format!(
                "template: :1:2: executing \"\" at <.{}>: can't evaluate field {name}",
                path.join(".")
            ))
        })?;
    }
    Ok(here)
}

fn parse(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|error| Error::plain(format!("invalid answer of the daemon: {error}")))
}

/// A value as Go prints it.
fn show(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(show).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{name}:{}", show(value)))
                .collect();
            format!("map[{}]", fields.join(" "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn apply(format: &str, value: &Value) -> String {
        Format::parse(format).unwrap().apply(&value.to_string()).unwrap()
    }

    #[test]
    fn fields_and_text() {
        let value = json!({"Id": "x", "State": {"Pid": 7, "Running": true}, "Args": ["a", "b"]});
        assert_eq!(apply("{{.State.Pid}}", &value), "7");
        assert_eq!(apply("{{ .Id }}\\t{{.State.Running}}!", &value), "x\ttrue!");
        assert_eq!(apply("{{json .Args}} {{.Args}}", &value), r#"["a","b"] [a b]"#);
        assert_eq!(apply("{{json .State}}", &value), r#"{"Pid":7,"Running":true}"#);
        assert_eq!(apply("plain", &value), "plain");
    }

    #[test]
    fn refuses_what_it_cannot_do() {
        let say = |format: &str| Format::parse(format).unwrap_err().to_string();
        assert!(say("{{range .X}}{{end}}").contains("{{range .X}} is not supported by Corten yet"));
        assert!(say("{{.X | upper}}").contains("not supported"));
        assert_eq!(
            say("{{.X"),
            "failed to parse template: template: :1: unclosed action"
        );
        assert!(Format::parse("{{.X}}").unwrap().apply("{}").is_err());
    }

    #[test]
    fn tables_have_titles() {
        let format = Format::parse("table {{.ID}}\t{{.Names}}").unwrap();
        let rows = [json!({"ID": "0123456789ab", "Names": "n"})];
        assert_eq!(
            format
                .apply_all(&rows, |name| (name == "ID").then_some("CONTAINER ID"))
                .unwrap(),
            "CONTAINER ID   NAMES\n0123456789ab   n\n"
        );
        assert!(Format::parse("table").unwrap().is_plain_table());
    }
}
