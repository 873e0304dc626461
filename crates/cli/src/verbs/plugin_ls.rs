//! `plugin ls`: lists plugins.

use corten_wire::Plugin;
use serde_json::json;

use super::template_help::{TABLE, check_filter, filters};
use crate::command::{Arity, Command, Outcome};
use crate::flags::Flag;
use crate::format::{Format, Row};
use crate::human::{ellipsis, natural_order, short_id};
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "List plugins",
    usage: "[OPTIONS]",
    names: &["plugin ls", "plugin list"],
    flags: &[
        Flag::list("filter", "Provide filter values (e.g. \"enabled=true\")")
            .short('f')
            .of("filter")
            .check(check_filter),
        Flag::text("format", TABLE),
        Flag::switch("no-trunc", "Don't truncate output"),
        Flag::switch("quiet", "Only display plugin IDs").short('q'),
    ],
    arity: Arity::None,
    interspersed: true,
    run,
};

/// What `--format raw` stands for.
const RAW: &str =
    "plugin_id: {{.ID}}\nname: {{.Name}}\ndescription: {{.Description}}\nenabled: {{.Enabled}}\n";
/// What it stands for with `--quiet`.
const RAW_QUIET: &str = "plugin_id: {{.ID}}";
const COLUMNS: &str = "table {{.ID}}\t{{.Name}}\t{{.Description}}\t{{.Enabled}}";
const DESCRIPTION_WIDTH: usize = 45;

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let raw = if matches.on("quiet") { RAW_QUIET } else { RAW };
        let format = invocation.list_format(|file| &file.plugins_format, raw)?;
        let client = invocation.connect().await?;
        let mut plugins = client.list_plugins(&filters(matches)).await?;
        plugins.sort_by(|a, b| natural_order(&a.name, &b.name));
        let cut = !matches.on("no-trunc");
        let text = match format.filter(|format| !format.is_plain_table()) {
            None if matches.on("quiet") => plugins.iter().map(|one| format!("{}\n", id(one, cut))).collect(),
            format => {
                let format = format.map_or_else(|| Format::parse(COLUMNS), Ok)?;
                let rows: Vec<Row> = plugins.iter().map(|one| row(one, cut)).collect();
                format.apply_all(&rows, |_| None)?
            }
        };
        output::print(&text)?;
        Ok(0)
    })
}

/// What templates see.
fn row(one: &Plugin, cut: bool) -> Row {
    let description = one.config.description.replace(['\n', '\r'], "");
    let description = match cut {
        true => ellipsis(&description, DESCRIPTION_WIDTH),
        false => description,
    };
    let fields = json!({
        "Description": description,
        "Enabled": one.enabled,
        "ID": id(one, cut),
        "Name": one.name,
        "PluginReference": one.plugin_reference,
    });
    Row::new("*plugin.pluginContext", fields)
}

fn id(one: &Plugin, cut: bool) -> &str {
    if cut { short_id(&one.id) } else { &one.id }
}
