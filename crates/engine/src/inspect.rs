//! `inspect`: everything about one container, as Docker prints it.

use std::collections::BTreeMap;
use std::sync::Arc;

use corten_network::Lease;
use corten_wire::{
    ContainerInspect, ContainerState, DriverData, EndpointIpamConfig, EndpointSettings, NetworkSettings,
};

use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::Result;
use crate::lifecycle::Phase;
use crate::log_options;
use crate::options;
use crate::places::BRIDGE;
use crate::record::{ContainerRecord, EndpointWish};

impl Engine {
    /// Everything about a container; with `size`, also how much it wrote.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn inspect(self: &Arc<Self>, name: &str, size: bool) -> Result<ContainerInspect> {
        let container = self.containers.find(name)?;
        let (record, phase, paused, pid, leases, execs) = {
            let state = container.state();
            let pid = state
                .sandbox
                .as_ref()
                .map_or(0, |sandbox| i64::from(sandbox.pid()));
            (
                state.record.clone(),
                state.shown(),
                state.paused,
                pid,
                state.leases().cloned().collect::<Vec<_>>(),
                state.execs.clone(),
            )
        };
        let dir = self.container_dir(&record.id);
        let file = |name: &str| dir.join(name).display().to_string();
        let has_log = log_options::format(&record) == Some(corten_sandbox::LogFormat::JsonFile);
        let mut argv = record.argv.clone().into_iter();
        let mut config = record.config.clone();
        if config.hostname.is_empty() && record.host_config.network_mode != "host" {
            config.hostname = options::hostname(&record);
        }
        let execs = self.execs.not_ended(execs);
        let mut host_config = record.host_config.clone();
        host_config.links = crate::links::shown(self, &record);
        if !host_config.privileged {
            let standard = |list: &mut Option<Vec<String>>, paths: &[&str]| {
                list.get_or_insert_with(|| paths.iter().map(|path| (*path).to_owned()).collect());
            };
            standard(&mut host_config.masked_paths, corten_sandbox::spec::MASKED_PATHS);
            standard(
                &mut host_config.readonly_paths,
                corten_sandbox::spec::READONLY_PATHS,
            );
        }
        let usage = if size {
            self.snapshots.usage(record.id.as_str()).ok()
        } else {
            None
        };
        let size_rw = usage.and_then(|bytes| i64::try_from(bytes).ok());
        let of_image = i64::try_from(self.image_size(&record.image_id)).unwrap_or(i64::MAX);
        let size_root_fs = size_rw.map(|own| own.saturating_add(of_image));
        Ok(ContainerInspect {
            id: record.id.to_string(),
            created: rfc3339(record.created_at_ns),
            path: argv.next().unwrap_or_default(),
            args: argv.collect(),
            state: state_of(&record, phase, paused, pid),
            image: record.image_id.to_string(),
            resolv_conf_path: file("resolv.conf"),
            hostname_path: file("hostname"),
            hosts_path: file("hosts"),
            log_path: if has_log {
                log_options::path(&record, &dir).display().to_string()
            } else {
                String::new()
            },
            name: format!("/{}", record.name),
            restart_count: record.restart_count,
            driver: "overlay2".to_owned(),
            platform: "linux".to_owned(),
            exec_ids: (!execs.is_empty()).then_some(execs),
            graph_driver: self.graph_driver(&record),
            size_rw,
            size_root_fs,
            mounts: record.shown_mounts(),
            network_settings: network_settings(self, &record, phase, pid, &leases),
            host_config,
            config,
            ..ContainerInspect::default()
        })
    }

    fn graph_driver(&self, record: &ContainerRecord) -> DriverData {
        let mut data = BTreeMap::from([("ID".to_owned(), record.id.to_string())]);
        if let Ok(rootfs) = self.snapshots.rootfs(record.id.as_str(), &record.chain) {
            let path = |name: &str| rootfs.base.join(name).display().to_string();
            let lower: Vec<String> = rootfs.lower.iter().map(|name| path(name)).collect();
            data.insert("LowerDir".to_owned(), lower.join(":"));
            data.insert("UpperDir".to_owned(), path(&rootfs.upper));
            data.insert("WorkDir".to_owned(), path(&rootfs.work));
            // Mounted in the container's own mount namespace only.
            data.insert("MergedDir".to_owned(), self.mount_point().display().to_string());
        }
        DriverData {
            data: Some(data),
            name: "overlay2".to_owned(),
        }
    }
}

fn state_of(record: &ContainerRecord, phase: Phase, paused: bool, pid: i64) -> ContainerState {
    let run = record.last_run.clone().unwrap_or_default();
    let running = phase == Phase::Running;
    ContainerState {
        status: if paused { "paused" } else { phase.word() }.to_owned(),
        running: phase.counts_as_running(),
        paused,
        restarting: phase == Phase::Restarting,
        oom_killed: run.oom_killed,
        dead: phase == Phase::Dead,
        pid,
        exit_code: if running { 0 } else { run.exit_code },
        started_at: rfc3339(run.started_at_ns),
        finished_at: rfc3339(run.last_end_ns()),
        error: run.error,
        health: record.health.clone(),
    }
}

fn network_settings(
    engine: &Engine,
    record: &ContainerRecord,
    phase: Phase,
    pid: i64,
    leases: &[Lease],
) -> NetworkSettings {
    let mut settings = NetworkSettings {
        ports: Some(BTreeMap::new()),
        ..NetworkSettings::default()
    };
    let mode = record.host_config.network_mode.as_str();
    let is_own = !mode.starts_with("container:");
    if is_own {
        for wish in record.wishes() {
            let lease = leases.iter().find(|lease| engine.is_on(lease, wish));
            let shown = endpoint_settings(engine, record, wish, lease);
            settings.networks.insert(engine.joined(record, wish).name, shown);
        }
    }
    if phase == Phase::Running {
        if is_own && pid > 0 {
            settings.sandbox_id = record.id.to_string();
            // Nothing is mounted to give it a name; this leads there as well.
            settings.sandbox_key = format!("/proc/{pid}/ns/net");
        }
        let bound: Vec<_> = leases
            .iter()
            .flat_map(|lease| lease.ports.iter().copied())
            .collect();
        settings.ports = Some(crate::ports::port_map(&record.config, &bound));
    }
    if let Some(lease) = leases.iter().find(|lease| engine.own_of(lease).is_none()) {
        settings.endpoint_id = lease.endpoint_id.clone();
        settings.gateway = text(lease.gateway);
        settings.ip_address = text(lease.address);
        settings.ip_prefix_len = i64::from(lease.prefix_len);
        settings.ipv6_gateway = text(lease.gateway6);
        settings.global_ipv6_address = text(lease.address6);
        settings.global_ipv6_prefix_len = i64::from(lease.prefix_len6);
        settings.mac_address = text(lease.mac);
    }
    settings
}

/// What the API shows of something that need not be there.
fn text(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// A container's attachment to its network.
pub(crate) fn endpoint_settings(
    engine: &Engine,
    record: &ContainerRecord,
    wish: &EndpointWish,
    lease: Option<&Lease>,
) -> EndpointSettings {
    let has_address = wish.address.is_some() || wish.address6.is_some() || !wish.link_local.is_empty();
    let mut settings = EndpointSettings {
        ipam_config: has_address.then(|| EndpointIpamConfig {
            ipv4_address: text(wish.address),
            ipv6_address: text(wish.address6),
            link_local_ips: wish.link_local.iter().map(ToString::to_string).collect(),
        }),
        driver_opts: (!wish.driver_options.is_empty()).then(|| wish.driver_options.clone()),
        mac_address: wish.mac.clone().unwrap_or_default(),
        network_id: engine.joined(record, wish).id,
        gw_priority: wish.gw_priority,
        ..EndpointSettings::default()
    };
    settings.links = (!wish.links.is_empty()).then(|| wish.links.clone());
    if !wish.network.is_empty() && wish.network != BRIDGE {
        settings.aliases = (!wish.aliases.is_empty()).then(|| wish.aliases.clone());
        settings.dns_names = Some(crate::names_on_networks::names(record, &wish.aliases));
    }
    if let Some(lease) = lease {
        settings.mac_address = text(lease.mac);
        settings.endpoint_id = lease.endpoint_id.clone();
        settings.gateway = text(lease.gateway);
        settings.ip_address = text(lease.address);
        settings.ip_prefix_len = i64::from(lease.prefix_len);
        settings.ipv6_gateway = text(lease.gateway6);
        settings.global_ipv6_address = text(lease.address6);
        settings.global_ipv6_prefix_len = i64::from(lease.prefix_len6);
    }
    settings
}
