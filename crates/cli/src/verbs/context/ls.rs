//! `context ls`: lists contexts.

use serde_json::{Value, json};

use super::super::template_help::TABLE;
use super::source;
use crate::command::{Arity, Command, Outcome};
use crate::context::{Choice, Context, DEFAULT, DEFAULT_DESCRIPTION};
use crate::error::Error;
use crate::flags::Flag;
use crate::format::{Format, Row};
use crate::human::{ellipsis, natural_order};
use crate::invocation::{Invocation, env};
use crate::output;

pub(super) static COMMAND: Command = Command {
    about: "List contexts",
    usage: "[OPTIONS]",
    names: &["context ls", "context list"],
    flags: &[
        Flag::text("format", TABLE),
        Flag::switch("quiet", "Only show context names").short('q'),
    ],
    arity: Arity::None,
    interspersed: true,
    run: |invocation| -> Outcome { Box::pin(async move { list(&invocation) }) },
};

/// Told where a variable of the environment goes before the context in use.
pub(super) const OVERRIDDEN: &str = "Warning: DOCKER_HOST environment variable overrides the active context. To use a \
    context, either set the global --context flag, or unset DOCKER_HOST environment variable.";
const COLUMNS: &str =
    "table {{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}";
const ERROR_WIDTH: usize = 45;

fn list(invocation: &Invocation) -> Result<i32, Error> {
    let matches = &invocation.matches;
    let current = invocation.settings.choice.context();
    let mut all: Vec<(String, Value)> = Vec::new();
    let mut add = |context: &Context, description: &str, error: &str| {
        let name = context.name.clone();
        let fields = json!({
            "Current": name == current,
            "Description": description,
            "DockerEndpoint": context.endpoint().host,
            "Error": ellipsis(error, ERROR_WIDTH),
            "Name": name,
        });
        all.push((name, fields));
    };
    add(&source::default(invocation), DEFAULT_DESCRIPTION, "");
    let store = invocation.settings.contexts();
    for context in store.list()? {
        add(&context, context.description(), "");
    }
    if let Some(error) = (current != DEFAULT && !store.has(current))
        .then(|| store.get(current).err())
        .flatten()
    {
        let missing = Context {
            name: current.to_owned(),
            ..Context::default()
        };
        add(&missing, "", &error.to_string());
    }
    all.sort_by(|(a, _), (b, _)| natural_order(a, b));
    if matches.on("quiet") {
        output::print(
            &all.iter()
                .map(|(name, _)| format!("{name}\n"))
                .collect::<String>(),
        )?;
    } else {
        let format = matches.filled("format").filter(|text| *text != "table");
        let format = Format::parse(format.unwrap_or(COLUMNS))?;
        let rows: Vec<Row> = all
            .into_iter()
            .map(|(_, fields)| Row::new("*formatter.clientContextContext", fields))
            .collect();
        output::print(&format.apply_all(&rows, title)?)?;
    }
    if matches!(invocation.settings.choice, Choice::Address(_)) && env("DOCKER_HOST").is_some() {
        output::error_line(OVERRIDDEN);
    }
    Ok(0)
}

fn title(field: &str) -> Option<&'static str> {
    match field {
        "DockerEndpoint" => Some("DOCKER ENDPOINT"),
        // Decides on a mark and is no column.
        "Current" => Some(""),
        _ => None,
    }
}
