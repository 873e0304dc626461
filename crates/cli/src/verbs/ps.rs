//! `ps`: lists containers.

use corten_client::ListOptions;
use corten_types::decimal_size;
use corten_wire::go_json;
use serde_json::{Value, json};

use super::listed::Listed;
use super::template_help::{TABLE, check_filter, filters};
use super::time_arg;
use crate::command::{Arity, Command, Outcome};
use crate::flags::Flag;
use crate::format::{Format, Row};
use crate::human::{ago, ellipsis, ports, short_id};
use crate::invocation::Invocation;
use crate::output;
use crate::table::Table;

pub(crate) static COMMAND: Command = Command {
    about: "List containers",
    usage: "[OPTIONS]",
    names: &["container ls", "container list", "container ps", "ps"],
    flags: &[
        Flag::switch("all", "Show all containers (default shows just running)").short('a'),
        Flag::list("filter", "Filter output based on conditions provided")
            .short('f')
            .of("filter")
            .check(check_filter),
        Flag::text("format", TABLE),
        Flag::int("last", "Show n last created containers (includes all states)")
            .short('n')
            .default("-1"),
        Flag::switch(
            "latest",
            "Show the latest created container (includes all states)",
        )
        .short('l'),
        Flag::switch("no-trunc", "Don't truncate output"),
        Flag::switch("quiet", "Only display container IDs").short('q'),
        Flag::switch("size", "Display total file sizes").short('s'),
    ],
    arity: Arity::None,
    interspersed: true,
    run,
};

/// What `--format raw` stands for.
const RAW: &str = "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\n\
    state: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\nnames: {{.Names}}\nlabels: {{- pad .Labels 1 0}}\n\
    ports: {{- pad .Ports 1 0}}\n";
/// What it stands for with `--quiet`.
const RAW_QUIET: &str = "container_id: {{.ID}}";
const COMMAND_WIDTH: usize = 20;
const MOUNT_WIDTH: usize = 15;

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let quiet = matches.on("quiet");
        let asked = matches.filled("format");
        if let Some(text) = asked {
            Format::check(text, &row(&Listed::default(), true))?;
            if quiet {
                output::error_line(
                    "WARNING: Ignoring custom format, because both --format and --quiet are set.",
                );
            }
        }
        let format = match quiet {
            true if asked == Some("raw") => Some(Format::parse(RAW_QUIET)?),
            true => None,
            false if matches.on("size") => {
                invocation.list_format(|file| &file.ps_format, &format!("{RAW}size: {{{{.Size}}}}\n"))?
            }
            false => invocation.list_format(|file| &file.ps_format, RAW)?,
        };
        let last = if matches.on("latest") && matches.int("last").is_none_or(|count| count == -1) {
            Some(1)
        } else {
            matches.int("last").filter(|count| *count > 0)
        };
        // A template that shows the size asks for it, unless it was said that it is not wanted.
        let size = matches.on("size")
            || (!matches.has("size")
                && asked != Some("json")
                && format
                    .as_ref()
                    .is_some_and(|format| format.fields().any(|field| matches!(field, "Size" | "."))));
        let client = invocation.connect().await?;
        let answer = client
            .list_containers_raw(&ListOptions {
                all: matches.on("all"),
                limit: last,
                size,
                filters: filters(matches),
            })
            .await?;
        let containers: Vec<Listed<'_>> = go_json::from_slice(&answer).map_err(corten_client::Error::from)?;
        let cut = !matches.on("no-trunc");
        let text = match format.filter(|format| !format.is_plain_table()) {
            Some(format) => {
                let rows: Vec<Row> = containers.iter().map(|one| row(one, cut)).collect();
                format.apply_all(&rows, title)?
            }
            None if quiet => containers
                .iter()
                .map(|one| format!("{}\n", id(one, cut)))
                .collect(),
            None => table(&containers, cut, size),
        };
        output::print(&text)?;
        Ok(0)
    })
}

fn table(containers: &[Listed<'_>], cut: bool, size: bool) -> String {
    let mut titles = vec![
        "CONTAINER ID",
        "IMAGE",
        "COMMAND",
        "CREATED",
        "STATUS",
        "PORTS",
        "NAMES",
    ];
    titles.extend(size.then_some("SIZE"));
    let mut table = Table::new(titles);
    for one in containers {
        let mut row = vec![
            id(one, cut),
            image(one, cut),
            command(one, cut),
            ago(one.created),
            one.status.to_string(),
            ports(&one.ports),
            names(one, cut),
        ];
        row.extend(size.then(|| sizes(one)));
        table.row(row);
    }
    table.render()
}

/// What templates see.
fn row(one: &Listed<'_>, cut: bool) -> Row {
    Row::new("*formatter.ContainerContext", fields(one, cut)).labels(&one.labels)
}

pub(super) fn fields(one: &Listed<'_>, cut: bool) -> Value {
    let labels: Vec<_> = one
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mounts: Vec<_> = one
        .mounts
        .iter()
        .map(|mount| {
            let name = if mount.name.is_empty() {
                &mount.source
            } else {
                &mount.name
            };
            if cut {
                ellipsis(name, MOUNT_WIDTH)
            } else {
                name.to_string()
            }
        })
        .collect();
    let volumes = one.mounts.iter().filter(|mount| mount.driver == "local").count();
    json!({
        "Command": command(one, cut),
        "CreatedAt": time_arg::local(one.created),
        "ID": id(one, cut),
        "Image": image(one, cut),
        "Labels": labels.join(","),
        "LocalVolumes": volumes.to_string(),
        "Mounts": mounts.join(","),
        "Names": names(one, cut),
        "Networks": one.networks().join(","),
        // Known to engines with several platforms of an image only.
        "Platform": null,
        "Ports": ports(&one.ports),
        "RunningFor": ago(one.created),
        "Size": sizes(one),
        "State": one.state,
        "Status": one.status,
    })
}

fn title(field: &str) -> Option<&'static str> {
    Some(match field {
        "ID" => "CONTAINER ID",
        "CreatedAt" => "CREATED AT",
        "RunningFor" => "CREATED",
        "LocalVolumes" => "LOCAL VOLUMES",
        _ => return None,
    })
}

fn id(one: &Listed<'_>, cut: bool) -> String {
    if cut { short_id(&one.id) } else { &one.id }.to_owned()
}

fn image(one: &Listed<'_>, cut: bool) -> String {
    match &*one.image {
        "" => "<no image>".to_owned(),
        // A container whose image has lost its name shows the identifier.
        image if cut && short_id(image) == short_id(&one.image_id) => short_id(image).to_owned(),
        image => image.to_owned(),
    }
}

fn command(one: &Listed<'_>, cut: bool) -> String {
    let text = if cut {
        ellipsis(&one.command, COMMAND_WIDTH)
    } else {
        one.command.to_string()
    };
    corten_template::quote(&text)
}

/// Without slashes; links (`/other/alias`) only when nothing is cut.
fn names(one: &Listed<'_>, cut: bool) -> String {
    let names: Vec<_> = one
        .names
        .iter()
        .map(|name| name.strip_prefix('/').unwrap_or(name))
        .filter(|name| !cut || !name.contains('/'))
        .collect();
    names.join(",")
}

fn sizes(one: &Listed<'_>) -> String {
    let own = decimal_size(one.size_rw as f64);
    if one.size_root_fs > 0 {
        format!("{own} (virtual {})", decimal_size(one.size_root_fs as f64))
    } else {
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container() -> Listed<'static> {
        Listed {
            id: "0123456789abcdef".into(),
            names: vec!["/web".to_owned(), "/other/alias".to_owned()],
            image: "nginx".into(),
            command: "/docker-entrypoint.sh nginx".into(),
            created: crate::human::now() - 3,
            status: "Up 3 seconds".into(),
            state: "running".into(),
            ..Listed::default()
        }
    }

    #[test]
    fn table_as_docker() {
        assert_eq!(
            table(&[container()], true, false),
            "CONTAINER ID   IMAGE     COMMAND                  CREATED         STATUS         PORTS     NAMES\n\
             0123456789ab   nginx     \"/docker-entrypoint.…\"   3 seconds ago   Up 3 seconds             web\n"
        );
        assert_eq!(
            table(&[], true, false),
            "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n"
        );
    }

    #[test]
    fn template_fields() {
        let fields = fields(&container(), false);
        assert_eq!(fields["Names"], "web,other/alias");
        assert_eq!(fields["Command"], "\"/docker-entrypoint.sh nginx\"");
        assert_eq!(fields["Size"], "0B");
    }
}
