//! `update`: other limits and another restart policy for containers.

use corten_wire::ContainerUpdateRequest;

use super::many::each;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::{Flag, Matches};
use crate::invocation::Invocation;
use crate::output;
use crate::spec::{bytes, resources, restart_policy};

pub(crate) static COMMAND: Command = Command {
    about: "Update configuration of one or more containers",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    names: &["container update", "update"],
    flags: FLAGS,
    arity: Arity::AtLeast(1),
    interspersed: true,
    run,
};

static FLAGS: &[Flag] = &[
    Flag::int("blkio-weight", "Relative weight of block I/O, 10 to 1000")
        .default("0")
        .of("uint16")
        .check(resources::check_weight),
    Flag::int("cpu-period", "Period of the CPU quota in microseconds"),
    Flag::int("cpu-quota", "CPU time per period in microseconds"),
    Flag::int("cpu-rt-period", "Period of real-time scheduling in microseconds"),
    Flag::int("cpu-rt-runtime", "Real-time CPU time per period in microseconds"),
    Flag::int("cpu-shares", "CPU shares (relative weight)").short('c'),
    Flag::text("cpus", "Number of CPUs")
        .of("decimal")
        .check(resources::check_cpus),
    Flag::text("cpuset-cpus", "CPUs in which to allow execution (0-3, 0,1)"),
    Flag::text("cpuset-mems", "MEMs in which to allow execution (0-3, 0,1)"),
    Flag::text("memory", "Memory limit")
        .short('m')
        .of("bytes")
        .check(bytes),
    Flag::text("memory-reservation", "Memory soft limit")
        .of("bytes")
        .check(bytes),
    Flag::text(
        "memory-swap",
        "Limit of memory plus swap: '-1' to enable unlimited swap",
    )
    .of("bytes")
    .check(resources::check_swap),
    Flag::int("pids-limit", "Tune container pids limit (set -1 for unlimited)"),
    Flag::text("restart", "Restart policy to apply when a container exits"),
];

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let request = request(matches).map_err(Error::plain)?;
        let client = invocation.connect().await?;
        let (client, request) = (&client, &request);
        each(&matches.args, |name| async move {
            let done = client.update_container(&name, request).await?;
            for warning in done.warnings.iter().flatten() {
                output::error_line(warning);
            }
            Ok(())
        })
        .await
    })
}

fn request(matches: &Matches) -> Result<ContainerUpdateRequest, String> {
    if FLAGS.iter().all(|flag| !matches.has(flag.name())) {
        return Err("you must provide one or more flags when using this command".to_owned());
    }
    let number = |name: &str| matches.int(name).unwrap_or_default();
    let text = |name: &str| matches.text(name).unwrap_or_default().to_owned();
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
        ..ContainerUpdateRequest::default()
    })
}
