//! The flags of `run` and `create`, and those of them that `update` has.

use corten_types::parse_bytes;

use super::{block_io, devices, gpus, mounts, network, resources};
use crate::flags::{Flag, Matches, duration, go_bool};

/// Names of the flags that `create` does not have.
const RUN_ONLY: [&str; 3] = ["detach", "detach-keys", "sig-proxy"];

/// Names of the flags that can be changed later.
const UPDATABLE: [&str; 14] = [
    "blkio-weight",
    "cpu-period",
    "cpu-quota",
    "cpu-rt-period",
    "cpu-rt-runtime",
    "cpu-shares",
    "cpus",
    "cpuset-cpus",
    "cpuset-mems",
    "memory",
    "memory-reservation",
    "memory-swap",
    "pids-limit",
    "restart",
];

/// The flags of `run`.
pub(crate) static RUN_FLAGS: &[Flag] = &ALL;
/// The flags of `create`.
pub(crate) static CREATE_FLAGS: &[Flag] = &WITHOUT_RUN_ONLY;

/// The flags of `update`.
pub(crate) static UPDATE_FLAGS: &[Flag] = &OF_UPDATE;

/// Signatures are not looked at; who asks for that is told.
pub(crate) const CONTENT_TRUST: Flag = Flag::switch("disable-content-trust", "Skip image verification")
    .default("true")
    .check(check_content_trust);

const ALL_LEN: usize = 107;
static WITHOUT_RUN_ONLY: [Flag; ALL_LEN - RUN_ONLY.len()] = select(&RUN_ONLY, false);
static OF_UPDATE: [Flag; UPDATABLE.len() + PUBLISHING.len()] = of_update();

/// Changes of published ports, which Docker does not have.
const PUBLISHING: [Flag; 2] = [
    Flag::list(
        "publish-add",
        "Publish a port of the container, at once if it runs (as --publish of run)",
    ),
    Flag::list(
        "publish-rm",
        "Publish a port of the container no more ([[ip:]port:]port[/protocol])",
    ),
];

const ALL: [Flag; ALL_LEN] = [
    Flag::list("add-host", "Add a custom host-to-IP mapping (host:ip)").check(network::extra_host),
    Flag::list("annotation", "Add an annotation to the container")
        .default("map[]")
        .of("map"),
    Flag::list("attach", "Attach to STDIN, STDOUT or STDERR")
        .short('a')
        .check(stream),
    Flag::int("blkio-weight", "Relative weight of block I/O, 10 to 1000")
        .default("0")
        .of("uint16")
        .check(resources::check_weight),
    Flag::list("blkio-weight-device", "Block I/O weight of a device")
        .default("[]")
        .check(block_io::check_weight),
    Flag::list("cap-add", "Add Linux capabilities"),
    Flag::list("cap-drop", "Drop Linux capabilities"),
    Flag::text("cgroup-parent", "Optional parent cgroup for the container"),
    Flag::text(
        "cgroupns",
        "Cgroup namespace to use (host|private)\n'host': that of the host\n'private': one of its own\n'': as the daemon's option default-cgroupns-mode says (default)",
    ),
    Flag::text("cidfile", "Write the container ID to the file"),
    Flag::int("cpu-count", "CPU count (Windows only)").windows(),
    Flag::int("cpu-percent", "CPU percent (Windows only)").windows(),
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
    Flag::switch("detach", "Run container in background and print container ID").short('d'),
    Flag::text(
        "detach-keys",
        "Override the key sequence for detaching a container",
    ),
    Flag::list("device", "Add a host device to the container"),
    Flag::list(
        "device-cgroup-rule",
        "Add a rule to the cgroup allowed devices list",
    )
    .check(devices::check_rule),
    Flag::list(
        "device-read-bps",
        "Limit read rate (bytes per second) from a device",
    )
    .default("[]")
    .check(block_io::check_bytes),
    Flag::list(
        "device-read-iops",
        "Limit read rate (IO per second) from a device",
    )
    .default("[]")
    .check(block_io::check_operations),
    Flag::list(
        "device-write-bps",
        "Limit write rate (bytes per second) to a device",
    )
    .default("[]")
    .check(block_io::check_bytes),
    Flag::list(
        "device-write-iops",
        "Limit write rate (IO per second) to a device",
    )
    .default("[]")
    .check(block_io::check_operations),
    CONTENT_TRUST,
    Flag::list("dns", "Set custom DNS servers").check(network::address),
    Flag::alias("dns-opt", "dns-option"),
    Flag::list("dns-option", "Set DNS options"),
    Flag::list("dns-search", "Set custom DNS search domains").check(network::check_domain),
    Flag::text("domainname", "Container NIS domain name"),
    Flag::text("entrypoint", "Overwrite the default ENTRYPOINT of the image"),
    Flag::list("env", "Set environment variables")
        .short('e')
        .check(variable),
    Flag::list("env-file", "Read in a file of environment variables"),
    Flag::list("expose", "Expose a port or a range of ports"),
    Flag::text(
        "gpus",
        "GPU devices to add to the container ('all' to pass all GPUs)",
    )
    .of("gpu-request")
    .check(gpus::check),
    Flag::list("group-add", "Add additional groups to join"),
    Flag::text("health-cmd", "Command to run to check health"),
    Flag::text("health-interval", "Time between running the check (ms|s|m|h)")
        .default("0s")
        .of("duration")
        .check(check_duration),
    Flag::int(
        "health-retries",
        "Consecutive failures needed to report unhealthy",
    ),
    Flag::text(
        "health-start-interval",
        "Time between running the check during the start period (ms|s|m|h)",
    )
    .default("0s")
    .of("duration")
    .check(check_duration),
    Flag::text(
        "health-start-period",
        "Time for the container to start up before failures count (ms|s|m|h)",
    )
    .default("0s")
    .of("duration")
    .check(check_duration),
    Flag::text(
        "health-timeout",
        "Maximum time to allow one check to run (ms|s|m|h)",
    )
    .default("0s")
    .of("duration")
    .check(check_duration),
    Flag::help(),
    Flag::text("hostname", "Container host name").short('h'),
    Flag::switch(
        "init",
        "Run an init inside the container that forwards signals and reaps processes",
    ),
    Flag::switch("interactive", "Keep STDIN open even if not attached").short('i'),
    Flag::text(
        "io-maxbandwidth",
        "Maximum IO bandwidth of the system drive (Windows only)",
    )
    .of("bytes")
    .windows(),
    Flag::text("io-maxiops", "Maximum IOps of the system drive (Windows only)")
        .of("uint")
        .windows(),
    Flag::text("ip", "IPv4 address (e.g., 172.30.100.104)"),
    Flag::text("ip6", "IPv6 address (e.g., 2001:db8::33)"),
    Flag::text("ipc", "IPC mode to use"),
    Flag::text("isolation", "Container isolation technology"),
    Flag::text("kernel-memory", "Kernel memory limit")
        .of("bytes")
        .check(bytes),
    Flag::list("label", "Set meta data on a container")
        .short('l')
        .check(label),
    Flag::list("label-file", "Read in a line delimited file of labels"),
    Flag::list("link", "Add link to another container").check(network::link),
    Flag::list("link-local-ip", "Container IPv4/IPv6 link-local addresses"),
    Flag::text("log-driver", "Logging driver for the container"),
    Flag::list("log-opt", "Log driver options"),
    Flag::text("mac-address", "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
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
    Flag::int("memory-swappiness", "Tune container memory swappiness (0 to 100)").default("-1"),
    Flag::text("mount", "Attach a filesystem mount to the container")
        .of("mount")
        .check(mounts::check),
    Flag::text("name", "Assign a name to the container"),
    Flag::alias("net", "network"),
    Flag::alias("net-alias", "network-alias"),
    Flag::text("network", "Connect a container to a network")
        .of("network")
        .check(network::check),
    Flag::list("network-alias", "Add network-scoped alias for the container"),
    Flag::switch("no-healthcheck", "Disable any container-specified HEALTHCHECK"),
    Flag::switch("oom-kill-disable", "Disable OOM Killer"),
    Flag::int("oom-score-adj", "Tune host's OOM preferences (-1000 to 1000)"),
    Flag::text("pid", "PID namespace to use"),
    Flag::int("pids-limit", "Tune container pids limit (set -1 for unlimited)"),
    Flag::text("platform", "Set platform if server is multi-platform capable"),
    Flag::switch("privileged", "Give extended privileges to this container"),
    Flag::list("publish", "Publish a container's port(s) to the host").short('p'),
    Flag::switch("publish-all", "Publish all exposed ports to random ports").short('P'),
    Flag::text("pull", "Pull image first (\"always\", \"missing\", \"never\")").default("\"missing\""),
    Flag::switch("quiet", "Suppress the pull output").short('q'),
    Flag::switch("read-only", "Mount the container's root filesystem as read only"),
    Flag::text("restart", "Restart policy to apply when a container exits").default("\"no\""),
    Flag::switch(
        "rm",
        "Remove the container and its anonymous volumes when it exits",
    ),
    Flag::text("runtime", "Runtime to use for this container"),
    Flag::list("security-opt", "Security Options"),
    Flag::text("shm-size", "Size of /dev/shm")
        .of("bytes")
        .check(bytes),
    Flag::switch("sig-proxy", "Proxy received signals to the process").default("true"),
    Flag::text("stop-signal", "Signal to stop the container"),
    Flag::int("stop-timeout", "Timeout (in seconds) to stop a container"),
    Flag::list("storage-opt", "Storage driver options for the container"),
    Flag::list("sysctl", "Sysctl options")
        .default("map[]")
        .of("map")
        .check(resources::sysctl),
    Flag::list("tmpfs", "Mount a tmpfs directory"),
    Flag::switch("tty", "Allocate a pseudo-TTY").short('t'),
    Flag::list("ulimit", "Ulimit options")
        .default("[]")
        .of("ulimit")
        .check(resources::check_ulimit),
    Flag::switch("use-api-socket", "Bind mount Docker API socket and required auth").not_yet(),
    Flag::text("user", "Username or UID (format: <name|uid>[:<group|gid>])").short('u'),
    Flag::text("userns", "User namespace to use"),
    Flag::text("uts", "UTS namespace to use"),
    Flag::list("volume", "Bind mount a volume").short('v'),
    Flag::text("volume-driver", "Optional volume driver for the container"),
    Flag::list("volumes-from", "Mount volumes from the specified container(s)"),
    Flag::text("workdir", "Working directory inside the container").short('w'),
];

/// Those of all flags that are among `names`, or those that are not.
const fn select<const N: usize>(names: &[&str], among: bool) -> [Flag; N] {
    let mut kept = [ALL[0]; N];
    let (mut from, mut to) = (0, 0);
    while from < ALL_LEN {
        if ALL[from].is_any(names) == among {
            kept[to] = ALL[from];
            to += 1;
        }
        from += 1;
    }
    kept
}

const fn of_update() -> [Flag; UPDATABLE.len() + PUBLISHING.len()] {
    let of_both: [Flag; UPDATABLE.len()] = select(&UPDATABLE, true);
    let last = UPDATABLE.len() - 1;
    // What is not said of the restart policy, the last of them, stays as it is.
    let mut flags = [of_both[last].default(""); UPDATABLE.len() + PUBLISHING.len()];
    let mut at = 0;
    while at < last {
        flags[at] = of_both[at];
        at += 1;
    }
    flags[last] = PUBLISHING[0];
    flags[last + 1] = PUBLISHING[1];
    flags
}

fn stream(text: &str) -> Result<(), String> {
    match text.to_ascii_lowercase().as_str() {
        "stdin" | "stdout" | "stderr" => Ok(()),
        _ => Err("valid streams are STDIN, STDOUT and STDERR".to_owned()),
    }
}

/// Judges a size.
pub(crate) fn bytes(text: &str) -> Result<(), String> {
    parse_bytes(text).map(drop).map_err(|error| error.to_string())
}

fn check_duration(text: &str) -> Result<(), String> {
    duration(text).map(drop)
}

/// A variable has a name.
pub(crate) fn variable(text: &str) -> Result<(), String> {
    if text.is_empty() || text.starts_with('=') {
        return Err(format!("invalid environment variable: {text}"));
    }
    Ok(())
}

/// A label has a name.
pub(crate) fn label(text: &str) -> Result<(), String> {
    if text.is_empty() || text.starts_with('=') {
        return Err(format!("invalid label '{text}': empty name"));
    }
    Ok(())
}

/// Judges `--disable-content-trust`, and what stands for it where it is not given.
fn check_content_trust(disabled: &str) -> Result<(), String> {
    match disabled {
        "true" => Ok(()),
        _ => Err("content trust (the verification of signatures) is not supported by Corten yet".to_owned()),
    }
}

/// Makes sure that nothing asks for signatures to be looked at: neither the flag nor the environment where that is silent.
pub(crate) fn check_trust(matches: &Matches, variable: Option<String>) -> Result<(), String> {
    let asked = variable.is_some_and(|text| !text.is_empty() && go_bool(&text) != Ok(false));
    match matches.has(CONTENT_TRUST.name()) || !asked {
        true => Ok(()),
        false => check_content_trust("false").map_err(|reason| format!("DOCKER_CONTENT_TRUST: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_is_refused_wherever_it_is_asked_for() {
        let given = |args: &[&str]| {
            let args = args.iter().map(|arg| (*arg).to_owned()).collect();
            Matches::parse(CREATE_FLAGS, false, args).map(Option::unwrap)
        };
        let env = |text: &str| Some(text.to_owned());
        let plain = given(&["img"]).unwrap();
        assert!(check_trust(&plain, None).is_ok() && check_trust(&plain, env("0")).is_ok());
        for text in ["1", "true", "yes"] {
            let refused = check_trust(&plain, env(text)).unwrap_err();
            assert!(
                refused.starts_with("DOCKER_CONTENT_TRUST: content trust"),
                "{refused}"
            );
        }
        let disabled = given(&["--disable-content-trust", "img"]).unwrap();
        assert!(disabled.on("disable-content-trust") && check_trust(&disabled, env("1")).is_ok());
        let refused = given(&["--disable-content-trust=false", "img"]).unwrap_err();
        assert!(
            refused.to_string().ends_with("is not supported by Corten yet"),
            "{refused}"
        );
    }
}
