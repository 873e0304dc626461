//! `volume create`: makes a volume.

use std::collections::BTreeMap;

use corten_types::parse_bytes;
use corten_wire::VolumeCreateRequest;
use serde_json::{Value, json};

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
    // Those of cluster volumes are for engines in a swarm; the original hides them from others, too.
    flags: &[
        Flag::text(
            "availability",
            "Cluster Volume availability (\"active\", \"pause\", \"drain\")",
        )
        .default("\"active\"")
        .hidden(),
        Flag::text("driver", "Specify volume driver name")
            .short('d')
            .default("\"local\""),
        Flag::text("group", "Cluster Volume group (cluster volumes)").hidden(),
        Flag::list("label", "Set metadata for a volume").check(spec::label),
        Flag::text("limit-bytes", "Maximum size of the Cluster Volume in bytes")
            .of("bytes")
            .check(size)
            .hidden(),
        Flag::text("name", "").hidden(),
        Flag::list("opt", "Set driver specific options")
            .default("map[]")
            .short('o')
            .of("map"),
        Flag::text("required-bytes", "Minimum size of the Cluster Volume in bytes")
            .of("bytes")
            .check(size)
            .hidden(),
        Flag::text("scope", "Cluster Volume access scope (\"single\", \"multi\")")
            .default("\"single\"")
            .hidden(),
        Flag::list("secret", "Cluster Volume secrets")
            .default("map[]")
            .of("map")
            .hidden(),
        Flag::text(
            "sharing",
            "Cluster Volume access sharing (\"none\", \"readonly\", \"onewriter\", \"all\")",
        )
        .default("\"none\"")
        .hidden(),
        Flag::list(
            "topology-preferred",
            "A topology that the Cluster Volume would be preferred in",
        )
        .hidden(),
        Flag::list(
            "topology-required",
            "A topology that the Cluster Volume must be accessible from",
        )
        .hidden(),
        Flag::text("type", "Cluster Volume access type (\"mount\", \"block\")")
            .default("\"block\"")
            .hidden(),
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
            cluster_volume_spec: cluster(matches),
            driver: matches.text("driver").unwrap_or("local").to_owned(),
            driver_opts: pairs(matches, "opt"),
            labels: Some(pairs(matches, "label")),
            name: name.to_owned(),
        };
        let client = invocation.connect().await?;
        output::line(&client.create_volume(&request).await?.name)?;
        Ok(0)
    })
}

/// What is asked of a volume of a swarm; `None` when nothing is.
fn cluster(matches: &Matches) -> Option<Value> {
    // Docker does not count the others.
    const ASKING: [&str; 7] = [
        "availability",
        "group",
        "limit-bytes",
        "required-bytes",
        "scope",
        "sharing",
        "type",
    ];
    if !ASKING.iter().any(|flag| matches.has(flag)) {
        return None;
    }
    let text = |flag: &str, fallback: &str| matches.text(flag).unwrap_or(fallback).to_owned();
    let mut access = json!({"Scope": text("scope", "single"), "Sharing": text("sharing", "none")});
    match text("type", "block").as_str() {
        "mount" => access["MountVolume"] = json!({}),
        "block" => access["BlockVolume"] = json!({}),
        _ => {}
    }
    let bytes = |flag: &str| {
        matches
            .text(flag)
            .and_then(|text| parse_bytes(text).ok())
            .unwrap_or(0)
    };
    let mut spec = json!({
        "AccessMode": access,
        "AccessibilityRequirements": {},
        "Availability": text("availability", "active"),
        "CapacityRange": {"RequiredBytes": bytes("required-bytes"), "LimitBytes": bytes("limit-bytes")},
    });
    if let Some(group) = matches.filled("group") {
        spec["Group"] = json!(group);
    }
    for (flag, key) in [
        ("topology-required", "Requisite"),
        ("topology-preferred", "Preferred"),
    ] {
        let topologies: Vec<Value> = matches
            .list(flag)
            .map(|text| json!({"Segments": text.split(',').map(pair).collect::<BTreeMap<_, _>>()}))
            .collect();
        if !topologies.is_empty() {
            spec["AccessibilityRequirements"][key] = json!(topologies);
        }
    }
    let secrets: Vec<Value> = pairs(matches, "secret")
        .into_iter()
        .map(|(key, secret)| json!({"Key": key, "Secret": secret}))
        .collect();
    if !secrets.is_empty() {
        spec["Secrets"] = json!(secrets);
    }
    Some(spec)
}

fn size(text: &str) -> Result<(), String> {
    parse_bytes(text).map(drop).map_err(|error| error.to_string())
}

fn pair(text: &str) -> (String, String) {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    (key.to_owned(), value.to_owned())
}

fn pairs(matches: &Matches, name: &str) -> BTreeMap<String, String> {
    matches.list(name).map(pair).collect()
}
