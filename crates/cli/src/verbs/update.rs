//! `update`: other limits and another restart policy for containers.

use corten_wire::ContainerUpdateRequest;

use super::many::each;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Matches;
use crate::invocation::Invocation;
use crate::output;
use crate::spec::{self, UPDATE_FLAGS, resources, restart_policy};

pub(crate) static COMMAND: Command = Command {
    about: "Update configuration of one or more containers",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    names: &["container update", "update"],
    flags: UPDATE_FLAGS,
    arity: Arity::AtLeast(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let request = request(matches).map_err(Error::plain)?;
        let publishes = request.publish_add.is_some() || request.publish_remove.is_some();
        let client = invocation.connect().await?;
        let (client, request) = (&client, &request);
        each(&matches.args, |name| async move {
            let done = client.update_container(&name, request).await?;
            for warning in done.warnings.iter().flatten() {
                output::error_line(warning);
            }
            if publishes && done.ports.is_none() {
                return Err(Error::plain(format!(
                    "published ports of {name} have not changed: the engine does not know --publish-add and --publish-rm"
                )));
            }
            Ok(())
        })
        .await
    })
}

fn request(matches: &Matches) -> Result<ContainerUpdateRequest, String> {
    if UPDATE_FLAGS.iter().all(|flag| !matches.has(flag.name())) {
        return Err("you must provide one or more flags when using this command".to_owned());
    }
    let number = |name: &str| matches.int(name).unwrap_or_default();
    let text = |name: &str| matches.text(name).unwrap_or_default().to_owned();
    let ports = |flag: &str| match matches.has(flag) {
        true => spec::published(matches.list(flag)).map(Some),
        false => Ok(None),
    };
    let policy = matches.filled("restart").map(restart_policy).transpose()?;
    Ok(ContainerUpdateRequest {
        cpu_shares: number("cpu-shares"),
        memory: resources::size(matches, "memory")?,
        nano_cpus: matches.text("cpus").map_or(Ok(0), resources::cpus)?,
        blkio_weight: u16::try_from(number("blkio-weight")).unwrap_or_default(),
        cpu_period: number("cpu-period"),
        cpu_quota: number("cpu-quota"),
        cpu_realtime_period: number("cpu-rt-period"),
        cpu_realtime_runtime: number("cpu-rt-runtime"),
        cpuset_cpus: text("cpuset-cpus"),
        cpuset_mems: text("cpuset-mems"),
        memory_reservation: resources::size(matches, "memory-reservation")?,
        memory_swap: matches.text("memory-swap").map_or(Ok(0), resources::swap)?,
        pids_limit: matches.int("pids-limit").filter(|limit| *limit != 0),
        restart_policy: policy.unwrap_or_default(),
        publish_add: ports("publish-add")?,
        publish_remove: ports("publish-rm")?,
        ..ContainerUpdateRequest::default()
    })
}
