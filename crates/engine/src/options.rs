//! From a container's record to what its sandbox is built from.

use std::path::Path;

use corten_network::Lease;
use corten_sandbox::spec::{
    Namespace, Namespaces, ProcessOptions, SandboxOptions, Shm, effective_capabilities,
};
use corten_sandbox::{InitProgram, OverlayRoot, SUBPATH_OPTION, SeccompChoice, Stdio};
use corten_snapshot::Rootfs;
use corten_wire::HostConfig;
use oci_spec::runtime::{Capability, Mount, MountBuilder};

use crate::container::Container;
use crate::engine::Engine;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::mount_travel::Travel;
use crate::network_mode::NetworkMode;
use crate::record::{ContainerRecord, MountRecord};
use crate::{devices, resources, security};

/// Search path of containers whose image sets none (Docker's).
const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The shim's words for a snapshot. What a container started with `--rm` writes need not survive the machine: `volatile` spares
/// it the sync of its whole file system at the end.
pub(crate) fn overlay(rootfs: Rootfs, volatile: bool) -> OverlayRoot {
    OverlayRoot {
        volatile,
        base: rootfs.base,
        lower: rootfs.lower,
        upper: rootfs.upper,
        work: rootfs.work,
    }
}

/// The host name inside the container.
pub(crate) fn hostname(record: &ContainerRecord) -> String {
    if record.config.hostname.is_empty() {
        record.id.short().to_owned()
    } else {
        record.config.hostname.clone()
    }
}

/// The container's own capabilities.
pub(crate) fn capabilities(engine: &Engine, record: &ContainerRecord) -> Result<Vec<Capability>> {
    let host = &record.host_config;
    let list = |names: &Option<Vec<String>>| names.clone().unwrap_or_default();
    effective_capabilities(
        &list(&host.cap_add),
        &list(&host.cap_drop),
        host.privileged,
        engine.sandboxes.held_capabilities(),
    )
    .map_err(|error| Error::Invalid(error.to_string()))
}

/// The system call filter.
pub(crate) fn seccomp(engine: &Engine, record: &ContainerRecord) -> Result<SeccompChoice> {
    let asked = security::parse(record.host_config.security_opt.as_deref().unwrap_or_default())?.seccomp;
    let fallback = if record.host_config.privileged {
        SeccompChoice::Unconfined
    } else {
        engine.defaults().seccomp.clone()
    };
    Ok(asked.unwrap_or(fallback))
}

/// The init process.
pub(crate) fn init(engine: &Engine, record: &ContainerRecord, linked: &[String]) -> Result<ProcessOptions> {
    let host = &record.host_config;
    let defaults = engine.defaults();
    let (groups, group_names) = groups(host.group_add.as_deref().unwrap_or_default());
    let score = i32::try_from(host.oom_score_adj).unwrap_or_default();
    Ok(ProcessOptions {
        args: record.argv.clone(),
        env: environment(record, record.config.tty, linked, &[]),
        cwd: working_dir(&record.config.working_dir),
        user: record.config.user.clone(),
        groups,
        group_names,
        tty: record.config.tty,
        capabilities: capabilities(engine, record)?,
        no_new_privileges: security::parse(host.security_opt.as_deref().unwrap_or_default())?
            .no_new_privileges
            .unwrap_or(defaults.no_new_privileges),
        rlimits: resources::rlimits(&defaults.with_ulimits(host.ulimits.as_deref().unwrap_or_default()))?,
        oom_score_adj: Some(score),
    })
}

/// `--group-add`, numbers and names apart: names are looked up in the container.
fn groups(added: &[String]) -> (Vec<u32>, Vec<String>) {
    let (mut numbers, mut names) = (Vec::new(), Vec::new());
    for group in added {
        match group.parse() {
            Ok(number) => numbers.push(number),
            Err(_) => names.push(group.clone()),
        }
    }
    (numbers, names)
}

/// What runs as process 1, if not the program itself: with a process namespace of the host's or of another container there
/// is a process 1 already.
pub(crate) fn init_program(engine: &Engine, record: &ContainerRecord) -> Option<InitProgram> {
    let host = &record.host_config;
    let defaults = engine.defaults();
    let wanted = host.init.unwrap_or(defaults.init) && matches!(host.pid_mode.as_str(), "" | "private");
    wanted.then(|| {
        if defaults.init_path.as_os_str().is_empty() {
            InitProgram::Own
        } else {
            InitProgram::File(defaults.init_path.clone())
        }
    })
}

/// Docker's variables, those of links, then the container's, then `more`; later ones replace earlier ones of the same name.
pub(crate) fn environment(
    record: &ContainerRecord,
    tty: bool,
    linked: &[String],
    more: &[String],
) -> Vec<String> {
    let own = [DEFAULT_PATH.to_owned(), format!("HOSTNAME={}", hostname(record))];
    let terminal = tty.then(|| "TERM=xterm".to_owned());
    let mut env = Environment::default();
    own.iter()
        .chain(&terminal)
        .chain(linked)
        .chain(record.config.env.iter().flatten())
        .chain(more)
        .for_each(|entry| env.set(entry));
    env.entries()
}

/// The working directory, `/` when none is set.
pub(crate) fn working_dir(dir: &str) -> String {
    if dir.is_empty() {
        "/".to_owned()
    } else {
        crate::mounts::clean_path(dir)
    }
}

/// Standard streams as the shim knows them.
pub(crate) fn stdio(record: &ContainerRecord) -> Stdio {
    let [rows, columns] = record
        .host_config
        .console_size
        .map(|n| u16::try_from(n).unwrap_or_default());
    Stdio {
        tty: record.config.tty,
        open_stdin: record.config.open_stdin,
        stdin_once: record.config.stdin_once,
        size: (columns, rows),
    }
}

/// Everything but the init process.
pub(crate) fn sandbox(
    engine: &Engine,
    container: &Container,
    network: &NetworkMode,
    lease: Option<&Lease>,
) -> Result<SandboxOptions> {
    let record = container.state().record.clone();
    let host = &record.host_config;
    let dir = engine.container_dir(&record.id);
    let own_uts = host.uts_mode != "host";
    let host_network = matches!(network, NetworkMode::Host);
    let mut sysctls = host.sysctls.clone();
    if !host_network && lease.is_some() {
        sysctls
            .entry("net.ipv4.ip_unprivileged_port_start".to_owned())
            .or_insert_with(|| "0".to_owned());
        sysctls
            .entry("net.ipv4.ping_group_range".to_owned())
            .or_insert_with(|| "0 2147483647".to_owned());
    }
    let (devices, device_rules) = devices::collect(host)?;
    let mut mounts = network_files(engine, &record, network, &dir)?;
    let travel = Travel::decide(&record.mounts)?;
    for (mount, propagation) in record.mounts.iter().zip(&travel.mounts) {
        mounts.push(match mount.point.r#type.as_str() {
            "image" => image_mount(engine, &record, mount)?,
            _ => user_mount(mount, propagation)?,
        });
    }
    // What is mounted on a directory must not hide what is mounted below it.
    mounts.sort_by_key(|mount| mount.destination().components().count());
    Ok(SandboxOptions {
        hostname: own_uts.then(|| match network {
            NetworkMode::Container(other) => hostname(&other.state().record),
            _ => hostname(&record),
        }),
        domainname: (own_uts && !record.config.domainname.is_empty())
            .then(|| record.config.domainname.clone()),
        root_path: engine.mount_point(),
        readonly_root: host.readonly_rootfs,
        mounts,
        privileged: host.privileged,
        namespaces: Namespaces {
            network: if host_network {
                Namespace::Host
            } else {
                Namespace::Private
            },
            pid: joined(engine, &host.pid_mode, "pid")?,
            ipc: joined(engine, &host.ipc_mode, "ipc")?,
            uts: if own_uts {
                Namespace::Private
            } else {
                Namespace::Host
            },
            cgroup: if host.cgroupns_mode == "private" {
                Namespace::Private
            } else {
                Namespace::Host
            },
        },
        resources: resources::specification(host)?,
        devices,
        device_rules,
        sysctls,
        shm: shm(engine, host)?,
        masked_paths: host.masked_paths.clone(),
        readonly_paths: host.readonly_paths.clone(),
        root_propagation: Some(travel.root.to_owned()),
        cgroup_path: engine.cgroup_path(&host.cgroup_parent, &record.id),
        annotations: host.annotations.clone().into_iter().collect(),
    })
}

/// A namespace that may be private, the host's or another container's.
fn joined(engine: &Engine, mode: &str, kind: &str) -> Result<Namespace> {
    match mode {
        "" | "none" | "private" | "shareable" => Ok(Namespace::Private),
        "host" => Ok(Namespace::Host),
        other => match other.strip_prefix("container:") {
            Some(name) => {
                let pid = running_pid(&*engine.containers.find(name)?)?;
                Ok(Namespace::Path(format!("/proc/{pid}/ns/{kind}").into()))
            }
            None => Err(Error::Unsupported(format!("the {kind} mode {other}"))),
        },
    }
}

/// The shared memory that goes with an IPC mode. Its owner must have offered it.
fn shm(engine: &Engine, host: &HostConfig) -> Result<Shm> {
    Ok(match host.ipc_mode.as_str() {
        "none" => Shm::None,
        "host" => Shm::Host,
        mode => match mode.strip_prefix("container:") {
            None => Shm::Own(host.shm_size.unsigned_abs()),
            Some(name) => {
                let owner = engine.containers.find(name)?;
                let pid = running_pid(&owner)?;
                if matches!(
                    owner.state().record.host_config.ipc_mode.as_str(),
                    "none" | "private"
                ) {
                    return Err(Error::Invalid(format!(
                        "cannot join IPC of container {}: non-shareable IPC (hint: use IpcMode:shareable for the donor \
                         container)",
                        owner.id()
                    )));
                }
                Shm::Of(format!("/proc/{pid}/ns/mnt").into())
            }
        },
    })
}

/// The init of a container that must run.
pub(crate) fn running_pid(container: &Container) -> Result<u32> {
    let state = container.state();
    match &state.sandbox {
        Some(sandbox) => Ok(sandbox.pid()),
        None => Err(Error::Conflict(format!(
            "cannot join the namespace of a non running container: container {} is {}",
            state.name(),
            state.phase.word()
        ))),
    }
}

/// `/etc/resolv.conf`, `/etc/hostname` and `/etc/hosts`, unless the user mounts something there.
fn network_files(
    engine: &Engine,
    record: &ContainerRecord,
    network: &NetworkMode,
    own_dir: &Path,
) -> Result<Vec<Mount>> {
    let dir = match network {
        NetworkMode::Container(other) => engine.container_dir(other.id()),
        _ => own_dir.to_owned(),
    };
    let mut mounts = Vec::new();
    for (file, target) in [
        ("resolv.conf", "/etc/resolv.conf"),
        ("hostname", "/etc/hostname"),
        ("hosts", "/etc/hosts"),
    ] {
        if record
            .mounts
            .iter()
            .all(|mount| mount.point.destination != target)
        {
            mounts.push(bind(target, &dir.join(file), &["rbind", "rprivate"])?);
        }
    }
    Ok(mounts)
}

/// An image's files: its layers, topmost first, by their names in one directory.
fn image_mount(engine: &Engine, record: &ContainerRecord, mount: &MountRecord) -> Result<Mount> {
    let layers = engine.snapshots.rootfs(record.id.as_str(), &mount.layers)?;
    let mut options = vec!["ro".to_owned(), format!("lowerdir={}", layers.lower.join(":"))];
    if !mount.subpath.is_empty() {
        options.push(format!("{SUBPATH_OPTION}{}", mount.subpath));
    }
    MountBuilder::default()
        .destination(mount.point.destination.as_str())
        .typ("overlay")
        .source(layers.base)
        .options(options)
        .build()
        .map_err(|error| Error::Invalid(error.to_string()))
}

fn user_mount(mount: &MountRecord, propagation: &str) -> Result<Mount> {
    let point = &mount.point;
    let target = point.destination.as_str();
    if point.r#type == "tmpfs" {
        let stem = |option: &str| option.strip_prefix("no").unwrap_or(option).to_owned();
        let own: Vec<&str> = mount
            .options
            .iter()
            .map(String::as_str)
            .filter(|o| !matches!(*o, "ro" | "rw"))
            .collect();
        let mut options = vec!["nosuid", "nodev", "noexec"];
        options.retain(|standard| own.iter().all(|o| stem(o) != stem(standard)));
        options.push(if point.rw { "rw" } else { "ro" });
        options.extend(own);
        return MountBuilder::default()
            .destination(target)
            .typ("tmpfs")
            .source("tmpfs")
            .options(options.into_iter().map(str::to_owned).collect::<Vec<_>>())
            .build()
            .map_err(|error| Error::Invalid(error.to_string()));
    }
    let recursive = if mount.has("bind") { "bind" } else { "rbind" };
    let subpath = format!("{SUBPATH_OPTION}{}", mount.subpath);
    let mut options = vec![recursive, propagation];
    // With what is mounted below it, unless that is asked for otherwise. Never "rw": what is read-only on the host stays so.
    match (point.rw, mount.has("ro-top")) {
        (true, _) => {}
        (false, true) => options.push("ro"),
        (false, false) => options.push("rro"),
    }
    if !mount.subpath.is_empty() {
        options.push(&subpath);
    }
    bind(target, Path::new(&point.source), &options)
}

fn bind(target: &str, source: &Path, options: &[&str]) -> Result<Mount> {
    MountBuilder::default()
        .destination(target)
        .typ("bind")
        .source(source)
        .options(options.iter().map(|o| (*o).to_owned()).collect::<Vec<_>>())
        .build()
        .map_err(|error| Error::Invalid(error.to_string()))
}
