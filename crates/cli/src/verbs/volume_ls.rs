//! `volume ls`: lists volumes.

use corten_wire::Volume;
use serde_json::{Value, json};

use super::template_help::{TABLE, check_filter, filters};
use crate::command::{Arity, Command, Outcome};
use crate::flags::Flag;
use crate::format::Row;
use crate::human::natural_order;
use crate::invocation::Invocation;
use crate::output;
use crate::table::Table;

pub(crate) static COMMAND: Command = Command {
    about: "List volumes",
    usage: "[OPTIONS]",
    names: &["volume ls", "volume list"],
    flags: &[
        Flag::switch("cluster", "Display only cluster volumes")
            .not_yet()
            .hidden(),
        Flag::list("filter", "Provide filter values (e.g. \"dangling=true\")")
            .short('f')
            .of("filter")
            .check(check_filter),
        Flag::text("format", TABLE),
        Flag::switch("quiet", "Only display volume names").short('q'),
    ],
    arity: Arity::None,
    interspersed: true,
    run,
};

/// What `--format raw` stands for.
const RAW: &str = "name: {{.Name}}\ndriver: {{.Driver}}\n";
/// What it stands for with `--quiet`.
const RAW_QUIET: &str = "name: {{.Name}}";

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let raw = if matches.on("quiet") { RAW_QUIET } else { RAW };
        let format = invocation.list_format(|file| &file.volumes_format, raw)?;
        let client = invocation.connect().await?;
        let mut volumes = client.list_volumes(&filters(matches)).await?.volumes;
        volumes.sort_by(|a, b| natural_order(&a.name, &b.name));
        let text = match format.filter(|format| !format.is_plain_table()) {
            Some(format) => {
                let rows: Vec<Row> = volumes
                    .iter()
                    .map(|one| {
                        Row::new("*formatter.volumeContext", fields(one)).labels(one.labels.iter().flatten())
                    })
                    .collect();
                format.apply_all(&rows, |field| (field == "Name").then_some("VOLUME NAME"))?
            }
            None if matches.on("quiet") => volumes.iter().map(|one| format!("{}\n", one.name)).collect(),
            None => {
                let mut table = Table::new(["DRIVER", "VOLUME NAME"]);
                for one in &volumes {
                    table.row([&one.driver, &one.name]);
                }
                table.render()
            }
        };
        output::print(&text)?;
        Ok(0)
    })
}

/// What templates see.
pub(super) fn fields(one: &Volume) -> Value {
    let labels: Vec<_> = one
        .labels
        .iter()
        .flatten()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    json!({
        "Availability": "N/A",
        "Driver": one.driver,
        "Group": "N/A",
        "Labels": labels.join(","),
        "Links": "N/A",
        "Mountpoint": one.mountpoint,
        "Name": one.name,
        "Scope": one.scope,
        "Size": "N/A",
        "Status": "N/A",
    })
}
