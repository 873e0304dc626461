//! `network ls`: lists networks.

use corten_wire::Network;
use serde_json::{Value, json};

use super::template_help::{TABLE, check_filter, filters};
use super::time_arg;
use crate::command::{Arity, Command, Outcome};
use crate::flags::Flag;
use crate::format::Row;
use crate::human::{natural_order, short_id};
use crate::invocation::Invocation;
use crate::output;
use crate::table::Table;

pub(crate) static COMMAND: Command = Command {
    about: "List networks",
    usage: "[OPTIONS]",
    names: &["network ls", "network list"],
    flags: &[
        Flag::list("filter", "Provide filter values (e.g. \"driver=bridge\")")
            .short('f')
            .of("filter")
            .check(check_filter),
        Flag::text("format", TABLE),
        Flag::switch("no-trunc", "Do not truncate the output"),
        Flag::switch("quiet", "Only display network IDs").short('q'),
    ],
    arity: Arity::None,
    interspersed: true,
    run,
};

/// What `--format raw` stands for.
const RAW: &str = "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n";
/// What it stands for with `--quiet`.
const RAW_QUIET: &str = "network_id: {{.ID}}";

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let raw = if matches.on("quiet") { RAW_QUIET } else { RAW };
        let format = invocation.list_format(|file| &file.networks_format, raw)?;
        let client = invocation.connect().await?;
        let mut networks = client.list_networks(&filters(matches)).await?;
        networks.sort_by(|a, b| natural_order(&a.name, &b.name));
        let cut = !matches.on("no-trunc");
        let text = match format.filter(|format| !format.is_plain_table()) {
            Some(format) => {
                let rows: Vec<Row> = networks
                    .iter()
                    .map(|one| {
                        Row::new("*network.networkContext", fields(one, cut))
                            .labels(one.labels.iter().flatten())
                    })
                    .collect();
                format.apply_all(&rows, |field| match field {
                    "ID" => Some("NETWORK ID"),
                    "CreatedAt" => Some("CREATED AT"),
                    _ => None,
                })?
            }
            None if matches.on("quiet") => networks.iter().map(|one| format!("{}\n", id(one, cut))).collect(),
            None => {
                let mut table = Table::new(["NETWORK ID", "NAME", "DRIVER", "SCOPE"]);
                for one in &networks {
                    table.row([id(one, cut), &one.name, &one.driver, &one.scope]);
                }
                table.render()
            }
        };
        output::print(&text)?;
        Ok(0)
    })
}

fn id(one: &Network, cut: bool) -> &str {
    if cut { short_id(&one.id) } else { &one.id }
}

/// What templates see.
fn fields(one: &Network, cut: bool) -> Value {
    let labels: Vec<_> = one
        .labels
        .iter()
        .flatten()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    json!({
        "CreatedAt": time_arg::go_time(&one.created),
        "Driver": one.driver,
        "ID": id(one, cut),
        "IPv4": one.enable_ipv4.to_string(),
        "IPv6": one.enable_ipv6.to_string(),
        "Internal": one.internal.to_string(),
        "Labels": labels.join(","),
        "Name": one.name,
        "Scope": one.scope,
    })
}
