//! `volume update`: changes volumes of a swarm, the only ones that can be.

use serde_json::{Value, json};

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;

pub(crate) static COMMAND: Command = Command {
    about: "Update a volume (cluster volumes only)",
    usage: "[OPTIONS] [VOLUME]",
    names: &["volume update"],
    flags: &[Flag::text(
        "availability",
        "Cluster Volume availability (\"active\", \"pause\", \"drain\")",
    )
    .default("\"active\"")],
    arity: Arity::Exactly(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let client = invocation.connect().await?;
        let found = client.inspect_volume_raw(&matches.args[0]).await?;
        let found: Value = serde_json::from_slice(&found).unwrap_or_default();
        let cluster = &found["ClusterVolume"];
        if cluster.is_null() {
            return Err(Error::plain("can only update cluster volumes"));
        }
        let mut spec = cluster["Spec"].clone();
        if let Some(availability) = matches.text("availability") {
            spec["Availability"] = json!(availability);
        }
        let id = cluster["ID"].as_str().unwrap_or_default();
        let version = cluster["Version"]["Index"].as_u64().unwrap_or_default();
        client.update_volume(id, version, &json!({"Spec": spec})).await?;
        Ok(0)
    })
}
