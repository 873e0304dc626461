//! What a container will be: the request merged with its image and Docker's defaults, and refused where it makes no sense.

use std::collections::HashSet;
use std::net::IpAddr;

use corten_image::Image;
use corten_wire::{ContainerConfig, ContainerCreateRequest, EndpointSettings, HostConfig, NetworkingConfig};

use crate::container::Container;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::mount_modes::Modes;
use crate::mounts::{self, MountWish};
use crate::network_connect::{Target, check_company};
use crate::network_mode::NetworkMode;
use crate::record::{EndpointWish, LinkRecord};
use crate::{
    health, links, mount_travel, namespace_modes, ports, refusals, resources, restart_policy, unsupported,
};

/// `/dev/shm` of containers that ask for no other size, in bytes.
const SHM_SIZE: i64 = 64 << 20;

/// A request settled.
pub(crate) struct Settled {
    pub(crate) config: ContainerConfig,
    pub(crate) host_config: HostConfig,
    pub(crate) argv: Vec<String>,
    pub(crate) mounts: Vec<MountWish>,
    pub(crate) endpoint: EndpointWish,
    pub(crate) further: Vec<EndpointWish>,
    pub(crate) links: Vec<LinkRecord>,
    pub(crate) warnings: Vec<String>,
}

/// Settles `request` for `image`.
pub(crate) fn settle(engine: &Engine, request: ContainerCreateRequest, image: &Image) -> Result<Settled> {
    let ContainerCreateRequest {
        mut config,
        host_config,
        networking_config,
    } = request;
    let mut host = host_config.unwrap_or_default();
    let mut warnings = Vec::new();
    unsupported::check(&mut host, &mut warnings)?;
    health::check(&config)?;
    namespace_modes::check(&host)?;
    namespace_modes::check_joined_network(&config, &host)?;
    restart_policy::check(&host)?;
    merge_image(&mut config, image);
    let argv: Vec<String> = config
        .entrypoint
        .iter()
        .flatten()
        .chain(config.cmd.iter().flatten())
        .cloned()
        .collect();
    if argv.is_empty() {
        return Err(Error::Invalid("no command specified".to_owned()));
    }
    if !config.working_dir.is_empty() && !config.working_dir.starts_with('/') {
        return Err(Error::Invalid(format!(
            "the working directory '{}' is invalid, it needs to be an absolute path",
            config.working_dir
        )));
    }
    if let Some(bad) = config
        .env
        .iter()
        .flatten()
        .find(|entry| entry.is_empty() || entry.starts_with('='))
    {
        return Err(Error::Invalid(format!("invalid environment variable: {bad}")));
    }
    if !config.stop_signal.is_empty() {
        crate::signal::parse(&config.stop_signal)?;
    }
    fill(engine, &mut host);
    let shares_processes = host.privileged || host.pid_mode == "host" || host.ipc_mode == "host";
    if host.security_opt.is_none() && shares_processes {
        // Docker says so even where there are no labels.
        host.security_opt = Some(vec!["label=disable".to_owned()]);
    }
    refusals::check(&host)?;
    for mode in [&mut host.pid_mode, &mut host.ipc_mode] {
        if let Some(other) = mode.strip_prefix("container:") {
            let other = engine.containers.find(other).map_err(missing_is_invalid)?;
            *mode = joined(&other);
        }
    }
    if host.oom_kill_disable == Some(true) && host.memory == 0 {
        warnings.push(
            "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running \
             out of resources."
                .to_owned(),
        );
    }
    resources::normalise(&mut host, engine.cpus)?;
    if (host.cpu_realtime_period != 0 || host.cpu_realtime_runtime != 0) && !engine.has_realtime_groups() {
        return Err(Error::Invalid(
            "kernel does not support CPU real-time scheduler".to_owned(),
        ));
    }
    if host.cpu_realtime_runtime != 0 && engine.realtime_budget(&host.cgroup_parent) == Some(0) {
        return Err(Error::Invalid(format!(
            "cgroup {} has no real-time runtime to give: write some into its cpu.rt_runtime_us first",
            engine.cgroup_parent(&host.cgroup_parent)
        )));
    }
    resources::rlimits(host.ulimits.as_deref().unwrap_or_default())?;
    crate::log_options::check(&host.log_config)?;
    crate::security::parse(host.security_opt.as_deref().unwrap_or_default())?;
    let capabilities = (
        host.cap_add.as_deref().unwrap_or_default(),
        host.cap_drop.as_deref().unwrap_or_default(),
    );
    corten_sandbox::spec::effective_capabilities(capabilities.0, capabilities.1, false, u64::MAX)
        .map_err(|error| Error::Invalid(error.to_string()))?;

    let network = NetworkMode::parse(&host.network_mode, engine).map_err(missing_is_invalid)?;
    if host.uts_mode == "host" && !config.hostname.is_empty() {
        return Err(Error::Invalid(
            "conflicting options: hostname and the UTS mode".to_owned(),
        ));
    }
    if matches!(network, NetworkMode::Host) && config.hostname.is_empty() {
        config.hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
    }
    let published = ports::requests(&config, &host)?;
    if let NetworkMode::Container(other) = &network {
        host.network_mode = joined(other);
    }
    let discarded = matches!(network, NetworkMode::Host) && !published.is_empty();
    if discarded {
        warnings.push("Published ports are discarded when using host network mode".to_owned());
    }
    for (port, _) in host.port_bindings.iter().flatten() {
        config.exposed_ports.entry(port.clone()).or_default();
    }
    let (endpoint, further) = endpoints(engine, networking_config, &config, &host, &network)?;
    let links = links::resolve(engine, &mut host)?;
    refusals::mac_address(endpoint.mac.as_deref(), &host)?;
    let mounts = all_mounts(engine, &config, &host)?;
    refusals::texts(&config, &argv, &mounts)?;
    refusals::lines(&config, &host)?;
    Ok(Settled {
        config,
        host_config: host,
        argv,
        mounts,
        endpoint,
        further,
        links,
        warnings,
    })
}

/// The mode of a container that joins another one's namespace. Names may become others', identifiers do not.
fn joined(other: &Container) -> String {
    format!("container:{}", other.id())
}

/// What the request leaves open comes from the image; lists of environment, ports, volumes and labels are united.
fn merge_image(config: &mut ContainerConfig, image: &Image) {
    let preset = crate::images::preset(image);
    if config.user.is_empty() {
        config.user.clone_from(&preset.user);
    }
    for (port, empty) in &preset.exposed_ports {
        config.exposed_ports.entry(port.clone()).or_insert(*empty);
    }
    let own = config.env.get_or_insert_default();
    let name = |entry: &String| entry.split('=').next().map(str::to_owned);
    let named: HashSet<_> = own.iter().map(name).collect();
    let inherited: Vec<String> = preset
        .env
        .iter()
        .filter(|entry| !named.contains(&name(entry)))
        .cloned()
        .collect();
    own.extend(inherited);
    if config.entrypoint.is_none() {
        if config.cmd.as_ref().is_none_or(Vec::is_empty) {
            config.cmd.clone_from(&preset.cmd);
            config.args_escaped = preset.args_escaped;
        }
        config.entrypoint.clone_from(&preset.entrypoint);
    } else if config.entrypoint.as_deref() == Some(&[String::new()]) {
        // `--entrypoint ""` resets the image's.
        config.entrypoint = None;
    }
    for (volume, empty) in &preset.volumes {
        config
            .volumes
            .get_or_insert_default()
            .entry(volume.clone())
            .or_insert(*empty);
    }
    if config.working_dir.is_empty() {
        config.working_dir.clone_from(&preset.working_dir);
    }
    let labels = config.labels.get_or_insert_default();
    for (key, value) in &preset.labels {
        labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    if config.stop_signal.is_empty() {
        config.stop_signal.clone_from(&preset.stop_signal);
    }
    if config.shell.is_none() {
        config.shell.clone_from(&preset.shell);
    }
    health::merge(&mut config.healthcheck, preset.healthcheck.as_ref());
}

/// Docker's defaults, as `inspect` shows them.
fn fill(engine: &Engine, host: &mut HostConfig) {
    let defaults = engine.defaults();
    let fill = |field: &mut String, value: &str| {
        if field.is_empty() {
            value.clone_into(field);
        }
    };
    if matches!(host.network_mode.as_str(), "" | "default") {
        "bridge".clone_into(&mut host.network_mode);
    }
    fill(&mut host.ipc_mode, &defaults.ipc_mode);
    fill(&mut host.ipc_mode, "private");
    let own_cgroup =
        matches!(engine.sandboxes.cgroups(), corten_cgroup::Layout::V2 { .. }) && !host.privileged;
    if !host.privileged {
        fill(&mut host.cgroupns_mode, &defaults.cgroupns_mode);
    }
    fill(
        &mut host.cgroupns_mode,
        if own_cgroup { "private" } else { "host" },
    );
    fill(&mut host.restart_policy.name, "no");
    fill(&mut host.runtime, &defaults.runtime);
    fill(&mut host.runtime, "corten");
    if host.shm_size == 0 {
        host.shm_size = match defaults.shm_size {
            0 => SHM_SIZE,
            size => size,
        };
    }
    defaults.fill_log(&mut host.log_config);
    if host.oom_kill_disable.is_none()
        && !matches!(engine.sandboxes.cgroups(), corten_cgroup::Layout::V2 { .. })
    {
        host.oom_kill_disable = Some(false);
    }
}

/// What a request refers to besides its image is a fault of the request when it is missing: "not found" would tell clients
/// that the image is, and they would pull it.
pub(crate) fn missing_is_invalid(error: Error) -> Error {
    match error {
        Error::NoSuchContainer(_) | Error::NoSuchNetwork(_) | Error::NoSuchImage(_) => {
            Error::Invalid(error.to_string())
        }
        other => other,
    }
}

/// The request's mounts, those taken from other containers, and the volumes of image and request.
fn all_mounts(engine: &Engine, config: &ContainerConfig, host: &HostConfig) -> Result<Vec<MountWish>> {
    let mut requested = Vec::new();
    for bind in host.binds.iter().flatten() {
        requested.push(mounts::parse_bind(bind, &host.volume_driver)?);
    }
    for mount in &host.mounts {
        requested.push(mounts::parse_mount(mount)?);
    }
    let root = &engine.config.data_root;
    for wish in requested.iter_mut().filter(|wish| wish.point.r#type == "bind") {
        mount_travel::settle(wish, root)?;
    }
    for (target, options) in &host.tmpfs {
        requested.push(mounts::parse_tmpfs(target, options)?);
    }
    let mut inherited = Vec::new();
    for from in host.volumes_from.iter().flatten() {
        if from.is_empty() {
            return Err(Error::Invalid(
                "volumes-from specification cannot be an empty string".to_owned(),
            ));
        }
        let (name, mode) = from.split_once(':').unwrap_or((from, ""));
        let modes = Modes::parse(mode)
            .filter(|modes| modes.propagation.is_none() && !modes.nocopy)
            .ok_or_else(|| Error::Invalid(format!("invalid mode: {mode}")))?;
        let other = engine.containers.find(name).map_err(missing_is_invalid)?;
        for mount in &other.state().record.mounts {
            let mut mount = mount.clone();
            mount.point.rw &= !modes.read_only;
            inherited.push(mount);
        }
    }
    for target in config.volumes.iter().flatten().map(|(target, _)| target) {
        inherited.push(mounts::parse_bind(target, &host.volume_driver)?);
    }
    mounts::merge(requested, inherited)
}

/// The wishes for the network of the mode, and for further ones.
fn endpoints(
    engine: &Engine,
    networking: Option<NetworkingConfig>,
    config: &ContainerConfig,
    host: &HostConfig,
    network: &NetworkMode,
) -> Result<(EndpointWish, Vec<EndpointWish>)> {
    let own = match network {
        NetworkMode::Own(own) => Some(own),
        _ => None,
    };
    let mut first = EndpointWish {
        network: own.map_or_else(String::new, |own| own.id().to_owned()),
        mac: none_if_empty(&config.mac_address),
        ..EndpointWish::default()
    };
    let mut further: Vec<EndpointWish> = Vec::new();
    for (name, settings) in networking.and_then(|n| n.endpoints_config).unwrap_or_default() {
        let settings = settings.unwrap_or_default();
        let is_first = name == host.network_mode
            || (name == "default" && host.network_mode == "bridge")
            || own.is_some_and(|own| name == own.name() || name == own.id());
        if !is_first {
            let target = Target::find(engine, &name).map_err(missing_is_invalid)?;
            check_company(&host.network_mode, &target)?;
            let wish = target.wish(&settings)?;
            if further.iter().any(|other| other.network == wish.network)
                || own.is_some_and(|own| own.id() == wish.network)
            {
                return Err(Error::Invalid(format!(
                    "network {} is named more than once",
                    target.name()
                )));
            }
            further.push(wish);
            continue;
        }
        first.gw_priority = settings.gw_priority;
        match own {
            Some(own) => crate::own_endpoint::settle(own, &settings, &mut first)?,
            None => built_in(&host.network_mode, &settings, &mut first)?,
        }
    }
    Ok((first, further))
}

/// Reads the settings of a request about the network `name`, which no user has made, into `wish`.
///
/// # Errors
/// When they ask for what there is on networks of users only.
pub(crate) fn built_in(name: &str, settings: &EndpointSettings, wish: &mut EndpointWish) -> Result<()> {
    let ipam = settings.ipam_config.clone().unwrap_or_default();
    let mut wrong = Vec::new();
    if !ipam.ipv4_address.is_empty() || !ipam.ipv6_address.is_empty() {
        wrong.push("user specified IP address is supported on user defined networks only".to_owned());
    }
    if settings.aliases.as_ref().is_some_and(|list| !list.is_empty()) {
        wrong.push("network-scoped aliases are only supported for user-defined networks".to_owned());
    }
    for (text, ipv6) in [(&ipam.ipv4_address, false), (&ipam.ipv6_address, true)] {
        let parsed = text.parse::<IpAddr>().ok();
        let fits = parsed.is_some_and(|ip| ip.is_ipv6() == ipv6 && !ip.is_unspecified());
        if !text.is_empty() && !fits {
            wrong.push(format!("invalid IPv{} address: {text}", if ipv6 { 6 } else { 4 }));
        }
    }
    crate::endpoint_options::settle(settings, wish, &mut wrong)?;
    if !wrong.is_empty() {
        return Err(Error::Invalid(format!(
            "invalid config for network {name}: invalid endpoint settings:\n{}",
            wrong.join("\n")
        )));
    }
    wish.mac = none_if_empty(&settings.mac_address).or(wish.mac.take());
    Ok(())
}

fn none_if_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_names_beside_its_image_is_its_own_fault() {
        use corten_types::ErrorKind;
        let kind = |error| missing_is_invalid(error).kind();
        assert_eq!(kind(Error::NoSuchContainer("x".to_owned())), ErrorKind::Invalid);
        assert_eq!(kind(Error::NoSuchNetwork("x".to_owned())), ErrorKind::Invalid);
        assert_eq!(kind(Error::NoSuchImage("x".to_owned())), ErrorKind::Invalid);
    }
}
