//! `volume create`: makes a volume.

use corten_wire::VolumeCreateRequest;

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::{Flag, Matches};
use crate::invocation::Invocation;
use crate::output;
use crate::spec;

pub(crate) static COMMAND: Command = Command {
    about: "Create a volume",
    usage: "[OPTIONS] [VOLUME]",
    names: &["volume create"],
    flags: &[
        Flag::text(
            "availability",
            "Cluster Volume availability (\"active\", \"pause\", \"drain\")",
        )
        .not_yet(),
        Flag::text("driver", "Specify volume driver name")
            .short('d')
            .default("\"local\""),
        Flag::text("group", "Cluster Volume group (cluster volumes)").not_yet(),
        Flag::list("label", "Set metadata for a volume").check(spec::label),
        Flag::text("limit-bytes", "Maximum size of the Cluster Volume in bytes")
            .of("bytes")
            .not_yet(),
        Flag::text("name", "").hidden(),
        Flag::list("opt", "Set driver specific options")
            .default("map[]")
            .short('o')
            .of("map"),
        Flag::text("required-bytes", "Minimum size of the Cluster Volume in bytes")
            .of("bytes")
            .not_yet(),
        Flag::text("scope", "Cluster Volume access scope (\"single\", \"multi\")").not_yet(),
        Flag::list("secret", "Cluster Volume secrets").of("map").not_yet(),
        Flag::text("sharing", "Cluster Volume access sharing").not_yet(),
        Flag::list(
            "topology-preferred",
            "A topology that the Cluster Volume would be preferred in",
        )
        .not_yet(),
        Flag::list(
            "topology-required",
            "A topology that the Cluster Volume must be accessible from",
        )
        .not_yet(),
        Flag::text("type", "Cluster Volume access type (\"mount\", \"block\")").not_yet(),
    ],
    arity: Arity::AtMost(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let flag = matches.filled("name");
        let name = match (flag, matches.args.first()) {
            (Some(_), Some(_)) => {
                return Err(Error::plain(
                    "conflicting options: cannot specify a volume-name through both --name and as a positional arg",
                ));
            }
            (Some(name), None) => name,
            (None, name) => name.map_or("", String::as_str),
        };
        let request = VolumeCreateRequest {
            driver: matches.text("driver").unwrap_or("local").to_owned(),
            driver_opts: pairs(matches, "opt"),
            labels: Some(pairs(matches, "label")),
            name: name.to_owned(),
            ..VolumeCreateRequest::default()
        };
        let client = invocation.connect().await?;
        output::line(&client.create_volume(&request).await?.name)?;
        Ok(0)
    })
}

fn pairs(matches: &Matches, name: &str) -> std::collections::BTreeMap<String, String> {
    matches
        .list(name)
        .map(|text| {
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            (key.to_owned(), value.to_owned())
        })
        .collect()
}
