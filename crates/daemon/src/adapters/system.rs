//! `/version`, `/info`, `/events`.

use std::fs;
use std::sync::Arc;

use async_trait::async_trait;
use corten_api::ApiResult;
use corten_api::backend::{EventStream, EventsQuery, SystemApi};
use corten_engine::{Engine, now_ns, rfc3339};
use corten_network::HostFirewall;
use corten_wire::{
    ApiVersion, ComponentVersion, Event, FirewallInfo, IndexInfo, NetworkAddressPool, PlatformName,
    PluginsInfo, RegistryConfig, Runtime, SystemInfo, SystemVersion,
};
use futures_util::{StreamExt, stream};
use tokio::sync::broadcast;

use super::refuse;
use crate::hosts::Host;
use crate::listeners::exposure;
use crate::live::{Live, Shared};
use crate::settings::{RUNTIMES, Settings};

/// The Docker release whose API is spoken; clients gate features on it.
const DOCKER_RELEASE: &str = "29.3.1";

pub(crate) struct System {
    engine: Arc<Engine>,
    data_root: String,
    live: Shared,
    facts: Facts,
}

/// Settings that `info` shows and that stay as they are.
struct Facts {
    /// What the program is built from.
    commit: &'static str,
    proxies: [String; 3],
    pools: Vec<NetworkAddressPool>,
    experimental: bool,
    seccomp: String,
    host_firewall: &'static str,
    /// Addresses of the API that anybody who reaches them can use.
    exposures: Vec<String>,
}

impl System {
    pub(crate) fn new(engine: Arc<Engine>, settings: &Settings, live: Shared, commit: &'static str) -> Self {
        let pools = settings.plane.pools.iter();
        let exposed = settings.hosts.iter().filter_map(|host| match host {
            Host::Tcp(address) => exposure(address, settings),
            Host::Unix(_) | Host::Activated(_) => None,
        });
        Self {
            engine,
            data_root: settings.data_root.display().to_string(),
            live,
            facts: Facts {
                commit,
                proxies: settings.proxies.clone().map(|proxy| without_password(&proxy)),
                pools: pools
                    .map(|(base, size)| NetworkAddressPool {
                        base: base.to_string(),
                        size: i64::from(*size),
                    })
                    .collect(),
                experimental: settings.experimental,
                seccomp: settings.seccomp_name.clone(),
                host_firewall: match settings.plane.host_firewall {
                    HostFirewall::Obey => "obey",
                    HostFirewall::Bypass => "bypass",
                },
                exposures: exposed.collect(),
            },
        }
    }

    /// What the user should know, in Docker's words.
    fn warnings(&self) -> Option<Vec<String>> {
        let mut warnings = self.facts.exposures.clone();
        let v2 = self.engine.has_cgroup_v2();
        for (controller, sentences) in [
            (
                "memory",
                &[
                    "WARNING: No memory limit support",
                    "WARNING: No swap limit support",
                ][..],
            ),
            (
                "cpu",
                &[
                    "WARNING: No cpu cfs quota support",
                    "WARNING: No cpu cfs period support",
                    "WARNING: No cpu shares support",
                ],
            ),
            ("cpuset", &["WARNING: No cpuset support"]),
            ("pids", &["WARNING: No pids limit support"]),
        ] {
            if !self.engine.has_cgroup_controller(controller) {
                warnings.extend(sentences.iter().map(|text| (*text).to_owned()));
            }
        }
        if !v2 && !self.engine.has_cgroup_controller("blkio") {
            warnings.push("WARNING: No blkio weight support".to_owned());
        }
        if setting("/proc/sys/net/ipv4/ip_forward") != "1" {
            warnings.push("WARNING: IPv4 forwarding is disabled".to_owned());
        }
        (!warnings.is_empty()).then_some(warnings)
    }
}

/// The version told to clients.
pub(crate) fn release() -> String {
    format!("{DOCKER_RELEASE}+corten.{}", env!("CARGO_PKG_VERSION"))
}

/// Go's name of this machine.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[async_trait]
impl SystemApi for System {
    async fn version(&self) -> ApiResult<SystemVersion> {
        let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        let details = [
            ("ApiVersion", ApiVersion::MAX.to_string()),
            ("Arch", architecture().to_owned()),
            ("Experimental", self.facts.experimental.to_string()),
            ("GitCommit", self.facts.commit.to_owned()),
            ("KernelVersion", kernel.clone()),
            ("MinAPIVersion", ApiVersion::MIN.to_string()),
            ("Os", "linux".to_owned()),
        ];
        Ok(SystemVersion {
            platform: PlatformName {
                name: "Corten".to_owned(),
            },
            components: vec![ComponentVersion {
                name: "Engine".to_owned(),
                version: release(),
                details: details.map(|(key, value)| (key.to_owned(), value)).into(),
            }],
            version: release(),
            api_version: ApiVersion::MAX.to_string(),
            min_api_version: ApiVersion::MIN.to_string(),
            git_commit: self.facts.commit.to_owned(),
            os: "linux".to_owned(),
            arch: architecture().to_owned(),
            kernel_version: kernel,
            experimental: self.facts.experimental,
            ..SystemVersion::default()
        })
    }

    async fn info(&self) -> ApiResult<SystemInfo> {
        let uname = rustix::system::uname();
        let counts = self.engine.counts();
        let v2 = self.engine.has_cgroup_v2();
        let live = self.live.now();
        let defaults = self.engine.defaults();
        let [http_proxy, https_proxy, no_proxy] = self.facts.proxies.clone();
        let mut security = vec![format!("name=seccomp,profile={}", self.facts.seccomp)];
        if v2 {
            security.push("name=cgroupns".to_owned());
        }
        if defaults.no_new_privileges {
            security.push("name=no-new-privileges".to_owned());
        }
        let has = |controller: &str| self.engine.has_cgroup_controller(controller);
        Ok(SystemInfo {
            id: self.engine.id().to_owned(),
            containers: counts.containers,
            containers_running: counts.running,
            containers_paused: counts.paused,
            containers_stopped: counts.containers - counts.running - counts.paused,
            images: counts.images,
            driver: "overlay2".to_owned(),
            driver_status: Some(vec![
                [
                    "Backing Filesystem".to_owned(),
                    backing_filesystem(&self.data_root),
                ],
                ["Supports d_type".to_owned(), "true".to_owned()],
            ]),
            plugins: PluginsInfo {
                volume: self.engine.volume_drivers(),
                network: strings(&["bridge", "host", "ipvlan", "macvlan", "null"]),
                log: strings(&["json-file", "local"]),
                ..PluginsInfo::default()
            },
            memory_limit: has("memory"),
            swap_limit: has("memory"),
            cpu_cfs_period: has("cpu"),
            cpu_cfs_quota: has("cpu"),
            cpu_shares: has("cpu"),
            cpu_set: has("cpuset"),
            pids_limit: has("pids"),
            ipv4_forwarding: setting("/proc/sys/net/ipv4/ip_forward") == "1",
            debug: live.debug,
            n_fd: count_entries("/proc/self/fd"),
            oom_kill_disable: !v2 && has("memory"),
            n_goroutines: count_entries("/proc/self/task"),
            system_time: rfc3339(now_ns()),
            logging_driver: defaults.log_driver.clone(),
            cgroup_driver: "cgroupfs".to_owned(),
            cgroup_version: if v2 { "2" } else { "1" }.to_owned(),
            n_events_listener: i64::try_from(self.engine.events().listeners()).unwrap_or(i64::MAX),
            kernel_version: uname.release().to_string_lossy().into_owned(),
            operating_system: operating_system(),
            os_version: os_release("VERSION_ID"),
            os_type: "linux".to_owned(),
            architecture: uname.machine().to_string_lossy().into_owned(),
            index_server_address: "https://index.docker.io/v1/".to_owned(),
            ncpu: i64::try_from(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
                .unwrap_or(1),
            mem_total: memory_total(),
            docker_root_dir: self.data_root.clone(),
            name: uname.nodename().to_string_lossy().into_owned(),
            server_version: release(),
            registry_config: Some(registries(&live)),
            http_proxy,
            https_proxy,
            no_proxy,
            labels: live.labels.clone(),
            experimental_build: self.facts.experimental,
            runtimes: RUNTIMES
                .map(|name| {
                    let runtime = Runtime {
                        path: "corten-shim".to_owned(),
                        ..Runtime::default()
                    };
                    (name.to_owned(), runtime)
                })
                .into(),
            default_runtime: match defaults.runtime.as_str() {
                "" => RUNTIMES[0].to_owned(),
                name => name.to_owned(),
            },
            live_restore_enabled: live.live_restore,
            security_options: security,
            default_address_pools: self.facts.pools.clone(),
            firewall_backend: Some(FirewallInfo {
                driver: "nftables".to_owned(),
                info: vec![["HostFirewall".to_owned(), self.facts.host_firewall.to_owned()]],
            }),
            warnings: self.warnings(),
            ..SystemInfo::default()
        })
    }

    async fn events(&self, query: EventsQuery) -> ApiResult<EventStream> {
        let wanted = corten_engine::EventFilter::read(&query.filters).map_err(refuse)?;
        let since = query.since.or_else(|| query.until.map(|_| 0));
        let (past, live) = self.engine.events().subscribe(since);
        let until = query.until;
        let over = until.is_some_and(|until| until <= now_ns());
        let deadline = until.map(|until| {
            let left = u64::try_from(until - now_ns()).unwrap_or(0);
            tokio::time::Instant::now() + std::time::Duration::from_nanos(left)
        });
        let live = stream::unfold((live, deadline, over), |(mut live, deadline, over)| async move {
            if over {
                return None;
            }
            let next = async {
                loop {
                    match live.recv().await {
                        Ok(event) => return Some(event),
                        // This client was too slow; it goes on with what is still there.
                        Err(broadcast::error::RecvError::Lagged(_)) => {}
                        Err(broadcast::error::RecvError::Closed) => return None,
                    }
                }
            };
            let event = match deadline {
                Some(deadline) => tokio::time::timeout_at(deadline, next).await.ok()??,
                None => next.await?,
            };
            Some((event, (live, deadline, over)))
        });
        let all = stream::iter(past).chain(live);
        let kept = all.filter(move |event: &Event| {
            let keep = wanted.passes(event) && until.is_none_or(|until| event.time_nano <= until);
            std::future::ready(keep)
        });
        Ok(Box::pin(kept))
    }
}

/// How registries would be reached, as Docker shows it.
fn registries(live: &Live) -> RegistryConfig {
    const HUB: &str = "docker.io";
    let mut config = RegistryConfig {
        insecure_registry_cidrs: strings(&["::1/128", "127.0.0.0/8"]),
        mirrors: Some(live.registry_mirrors.clone()),
        ..RegistryConfig::default()
    };
    config.index_configs.insert(
        HUB.to_owned(),
        IndexInfo {
            name: HUB.to_owned(),
            mirrors: live.registry_mirrors.clone(),
            secure: true,
            official: true,
        },
    );
    for registry in &live.insecure_registries {
        if registry.parse::<corten_network::Ipv4Net>().is_ok() {
            config.insecure_registry_cidrs.push(registry.clone());
        } else {
            config.index_configs.insert(
                registry.clone(),
                IndexInfo {
                    name: registry.clone(),
                    mirrors: Vec::new(),
                    secure: false,
                    official: false,
                },
            );
        }
    }
    config
}

/// A proxy's address as it may be shown.
fn without_password(address: &str) -> String {
    match address.split_once("://").and_then(|(scheme, rest)| {
        let (_, host) = rest.rsplit_once('@')?;
        Some(format!("{scheme}://xxxxx:xxxxx@{host}"))
    }) {
        Some(masked) => masked,
        None => address.to_owned(),
    }
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

/// A kernel setting, empty if it cannot be read.
fn setting(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn count_entries(dir: &str) -> i64 {
    fs::read_dir(dir).map_or(0, |entries| i64::try_from(entries.count()).unwrap_or(i64::MAX))
}

/// Bytes of memory the machine has.
fn memory_total() -> i64 {
    let info = rustix::system::sysinfo();
    i64::try_from(info.totalram.saturating_mul(u64::from(info.mem_unit))).unwrap_or(i64::MAX)
}

fn operating_system() -> String {
    let name = os_release("PRETTY_NAME");
    if name.is_empty() { "Linux".to_owned() } else { name }
}

/// A value of `/etc/os-release`, without its quotes.
fn os_release(key: &str) -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        .map(|value| value.trim_matches('"').to_owned())
        .unwrap_or_default()
}

/// Name of the filesystem that holds `path`.
fn backing_filesystem(path: &str) -> String {
    const NAMES: [(i64, &str); 5] = [
        (0xEF53, "extfs"),
        (0x5846_5342, "xfs"),
        (0x9123_683E, "btrfs"),
        (0x0102_1994, "tmpfs"),
        (0x794C_7630, "overlayfs"),
    ];
    let magic = rustix::fs::statfs(path).map_or(0, |stat| stat.f_type);
    NAMES
        .iter()
        .find(|(number, _)| *number == magic)
        .map_or("<unknown>", |(_, name)| *name)
        .to_owned()
}
