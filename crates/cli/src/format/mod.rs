//! `--format`: Go templates over what the engine says, with tables, and Docker's sentences when they fail.

mod row;

use std::sync::Arc;

use corten_template::{Error as TemplateError, Functions, Json, Missing, Template, Type, Value};

pub(crate) use row::{AsRow, Row, object_of_lists};

use crate::error::Error;
use crate::table::Table;

/// Exit code of a template that cannot be read, where a verb prints objects rather than lists.
const CODE_TEMPLATE: i32 = 64;

/// A parsed `--format`.
#[derive(Debug)]
pub(crate) struct Format {
    /// `table …`: with titles and columns.
    pub(crate) is_table: bool,
    template: Template,
    is_empty: bool,
}

impl Format {
    /// Parses the text behind the `--format` of a verb that prints lists.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        Self::read(text).map_err(parsing)
    }

    /// As [`Format::parse`], with the old word `raw` for a form of the verb's own.
    pub(crate) fn parse_list(text: &str, raw: &str) -> Result<Self, Error> {
        Self::parse(if text == "raw" { raw } else { text })
    }

    /// Parses the `--format` of a verb that prints objects and knows no tables. `name` is the template's in messages,
    /// `prefix` stands before them.
    pub(crate) fn parse_object(name: &str, text: &str, prefix: &str) -> Result<Self, Error> {
        let text = if text == "json" { "{{json .}}" } else { text };
        let template = Template::parse(name, text, &Functions::docker()).map_err(|error| Error::Message {
            message: format!("{prefix}: {error}"),
            code: CODE_TEMPLATE,
        })?;
        Ok(Self {
            is_table: false,
            template,
            is_empty: false,
        })
    }

    /// Executes the template over a row of nothing, as `ps` does before it asks for anything.
    pub(crate) fn check(text: &str, row: &Row) -> Result<(), Error> {
        let functions = Functions::docker();
        let template = Template::parse("", text, &functions)
            .map_err(|error| Error::plain(format!("failed to parse template: {error}")))?;
        let tried = template.execute(&row.value(), &functions, Missing::NoValue);
        tried
            .map(drop)
            .map_err(|error| Error::plain(format!("failed to execute template: {error}")))
    }

    fn read(text: &str) -> Result<Self, TemplateError> {
        let (is_table, text) = match text.strip_prefix("table") {
            Some(rest) => (true, rest),
            None if text == "json" => (false, "{{json .}}"),
            None => (false, text),
        };
        // Shells hand over a backslash and a letter where tabs and line breaks are meant.
        let text = text.trim_matches(' ').replace("\\t", "\t").replace("\\n", "\n");
        Ok(Self {
            is_table,
            template: Template::parse("", &text, &Functions::docker())?,
            is_empty: text.is_empty(),
        })
    }

    /// Whether this is `table` without columns of its own.
    pub(crate) fn is_plain_table(&self) -> bool {
        self.is_table && self.is_empty
    }

    /// The fields that are mentioned, for verbs that must know what to ask the engine for.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.template.fields().into_iter()
    }

    /// The text for one value.
    pub(crate) fn render(&self, value: &Value) -> Result<String, TemplateError> {
        self.template
            .execute(value, &Functions::docker(), Missing::NoValue)
    }

    /// The text for an object of type `of`, as the engine sent it. What the type does not have is looked for in the
    /// object itself, where a missing key is an error.
    pub(crate) fn apply_object(&self, text: &str, of: Type) -> Result<String, Error> {
        let json = Json::parse(text)
            .map_err(|error| Error::plain(format!("unable to read inspect data: {error}")))?;
        if let Ok(text) = self.render(&of.value(&json)) {
            return Ok(text);
        }
        self.template
            .execute(&json.raw(), &Functions::docker(), Missing::Error)
            .map_err(parsing)
    }

    /// The text for many rows: lines, or a table whose titles `title` knows by field.
    pub(crate) fn apply_all<R: AsRow>(
        &self,
        rows: &[R],
        title: impl Fn(&str) -> Option<&'static str>,
    ) -> Result<String, Error> {
        let mut text = String::new();
        for row in rows {
            text.push_str(&self.render(&row.value()).map_err(parsing)?);
            text.push('\n');
        }
        if !self.is_table {
            return Ok(text);
        }
        let mut table = Table::new(self.titles(title).split('\t'));
        for line in text
            .strip_suffix('\n')
            .into_iter()
            .flat_map(|text| text.split('\n'))
        {
            table.row(line.split('\t'));
        }
        Ok(table.render())
    }

    /// The template over the names of its columns.
    fn titles(&self, title: impl Fn(&str) -> Option<&'static str>) -> String {
        let names = self
            .template
            .fields()
            .into_iter()
            .map(|name| {
                let title = title(name).map_or_else(|| name.to_uppercase(), str::to_owned);
                (Arc::from(name), Value::text(title))
            })
            .collect();
        let titles = row::titles(names);
        // What cannot be made a title of is left out: the rows are what counts.
        self.template
            .execute(&titles, &Functions::docker_titles(), Missing::NoValue)
            .unwrap_or_default()
    }
}

fn parsing(error: TemplateError) -> Error {
    Error::plain(format!("template parsing error: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(format: &str, rows: &[serde_json::Value]) -> String {
        let title = |name: &str| (name == "ID").then_some("CONTAINER ID");
        Format::parse(format).unwrap().apply_all(rows, title).unwrap()
    }

    #[test]
    fn rows_and_tables() {
        let rows = [json!({"ID": "0123456789ab", "Names": "n", "Labels": "a=b,c.my-label=x<y"})];
        assert_eq!(lines("{{.ID}}\\t{{upper .Names}}", &rows), "0123456789ab\tN\n");
        assert_eq!(
            lines(
                "table {{.ID}}\\t{{lower .Names}}\\t{{.Label \"c.my-label\"}}",
                &rows
            ),
            "CONTAINER ID   NAMES     my label\n0123456789ab   n         x<y\n"
        );
        assert_eq!(
            lines("json", &rows),
            "{\"ID\":\"0123456789ab\",\"Labels\":\"a=b,c.my-label=x\\u003cy\",\"Names\":\"n\"}\n"
        );
        assert_eq!(lines("table{{.ID}}", &[]), "CONTAINER ID\n");
        assert!(Format::parse("table").unwrap().is_plain_table());
        assert!(!Format::parse("table {{.ID}}").unwrap().is_plain_table());
    }

    #[test]
    fn complaints() {
        let format = Format::parse("{{.Foo}}").unwrap();
        let row = Row::new("*formatter.imageContext", json!({"ID": 1}));
        assert_eq!(
            format.apply_all(&[row], |_| None).unwrap_err().to_string(),
            "template parsing error: template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo in type \
             *formatter.imageContext"
        );
        let error = Format::parse("{{.a}} {{.a.b}}")
            .unwrap()
            .render(&Json::parse("{\"a\":1}").unwrap().raw());
        assert_eq!(error.unwrap_err().written(), "1 ");
        let error = Format::parse("{{.X").unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.exit_code()),
            ("template parsing error: template: :1: unclosed action", 1)
        );
        let error = Format::parse_object("version", "{{.X", "template parsing error").unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.exit_code()),
            ("template parsing error: template: version:1: unclosed action", 64)
        );
    }
}
