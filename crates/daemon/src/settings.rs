//! Flags and file made into settings.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use corten_engine::Defaults;
use corten_network::{DefaultBridge, PlaneConfig};
use corten_sandbox::SeccompChoice;
use corten_wire::Ulimit;
use serde_json::Value;

use crate::config_file;
use crate::flags::Flags;
use crate::hosts::Host;
use crate::live::Live;
use crate::logging::{Format, Level};
use crate::network_settings;
use crate::values::Values;

/// Names of the runtime that is there: its own, and the one clients know.
pub(crate) const RUNTIMES: [&str; 2] = ["corten", "runc"];
/// Largest `/dev/shm` that is a size and no mistake, in bytes.
const LARGEST_SHM: u64 = 1 << 50;

/// Everything a daemon is started with.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) hosts: Vec<Host>,
    /// Listen on Docker's own socket, too, if nobody does.
    pub(crate) docker_socket: bool,
    /// How TCP connections are protected; `None` not at all.
    pub(crate) tls: Option<corten_api::TlsFiles>,
    pub(crate) data_root: PathBuf,
    pub(crate) exec_root: PathBuf,
    pub(crate) pidfile: PathBuf,
    /// `None` runs without the default bridge.
    pub(crate) network: Option<DefaultBridge>,
    /// What all networks have in common.
    pub(crate) plane: PlaneConfig,
    /// Options of new networks, by driver.
    pub(crate) network_options: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) dns: Vec<IpAddr>,
    pub(crate) dns_options: Vec<String>,
    pub(crate) dns_search: Vec<String>,
    pub(crate) host_gateways: Vec<IpAddr>,
    pub(crate) cgroup_parent: String,
    pub(crate) group: String,
    /// The group was asked for: then it must exist.
    pub(crate) group_named: bool,
    pub(crate) defaults: Defaults,
    /// What `info` calls the seccomp profile.
    pub(crate) seccomp_name: String,
    pub(crate) live: Live,
    pub(crate) log_level: Level,
    pub(crate) log_format: Format,
    pub(crate) experimental: bool,
    pub(crate) metrics: Option<String>,
    pub(crate) oom_score: Option<i64>,
    /// Proxies by the name `info` has for them: `http`, `https`, `no`.
    pub(crate) proxies: [String; 3],
    pub(crate) plugin_dir: Option<PathBuf>,
    pub(crate) shim: Option<PathBuf>,
    pub(crate) warnings: Vec<String>,
    /// The file that was read, and is read again on SIGHUP.
    pub(crate) config_file: Option<PathBuf>,
}

impl Settings {
    /// Flags and file over defaults. A setting in both places is a mistake, as it is to dockerd.
    pub(crate) fn settle(flags: &Flags) -> Result<Self, String> {
        let file = config_file::find(flags.config_file.as_deref());
        let values = read(flags, file.as_deref())?;
        let mut settings = Self::from_values(&values)?;
        settings.config_file = file;
        Ok(settings)
    }

    fn from_values(values: &Values) -> Result<Self, String> {
        let warnings = warnings(values)?;
        check_storage(values)?;
        check_exec_opts(values)?;
        let exec_root = absolute(values.text("exec-root").unwrap_or("/run/corten"))?;
        let wishes = values.list("hosts");
        let (tls, plain_allowed) = tls(values);
        let docker_socket = wishes.is_empty() && exec_root == Path::new("/run/corten");
        let hosts = if wishes.is_empty() {
            vec![Host::Unix(exec_root.join("corten.sock"))]
        } else {
            wishes
                .iter()
                .map(|wish| Host::parse(wish, tls.is_some()))
                .collect::<Result<Vec<_>, _>>()?
        };
        let open = hosts.iter().find_map(|host| match host {
            Host::Tcp(address) if tls.is_none() => Some(address),
            _ => None,
        });
        if let Some(address) = open.filter(|_| !plain_allowed) {
            return Err(format!(
                "tcp://{address} would give everybody who can connect to it root access to this machine: protect it with \
                 --tlsverify, or allow it explicitly with --tls=false"
            ));
        }
        let network = network_settings::default_bridge(values)?;
        let plane = network_settings::plane(values, &exec_root)?;
        let (seccomp, seccomp_name) = seccomp(values.text("seccomp-profile"))?;
        let defaults = Defaults {
            ulimits: ulimits(values.raw("default-ulimits"))?,
            no_new_privileges: values.switch("no-new-privileges").unwrap_or(false),
            seccomp,
            init: values.switch("init").unwrap_or(false),
            init_path: values
                .text("init-path")
                .map(absolute)
                .transpose()?
                .unwrap_or_default(),
            log_driver: values.text("log-driver").unwrap_or("json-file").to_owned(),
            log_options: values.map("log-opts"),
            ..container_defaults(values, &Defaults::default())?
        };
        let proxy = |name| values.text(name).unwrap_or_default().to_owned();
        Ok(Self {
            hosts,
            docker_socket,
            tls,
            data_root: absolute(values.text("data-root").unwrap_or("/var/lib/corten"))?,
            pidfile: match values.text("pidfile") {
                Some(path) => absolute(path)?,
                None => exec_root.join("corten.pid"),
            },
            exec_root,
            network,
            plane,
            network_options: values.maps("default-network-opts"),
            dns: addresses(&values.list("dns"))?,
            dns_options: values.list("dns-opts"),
            dns_search: domains(values.list("dns-search"))?,
            host_gateways: host_gateways(&values.list("host-gateway-ips"))?,
            cgroup_parent: values.text("cgroup-parent").unwrap_or("/docker").to_owned(),
            group: values.text("group").unwrap_or("docker").to_owned(),
            group_named: values.has("group"),
            defaults,
            seccomp_name,
            live: Live::read(values)?,
            log_level: Level::parse(values.text("log-level").unwrap_or("info"))?,
            log_format: Format::parse(values.text("log-format").unwrap_or("text"))?,
            experimental: values.switch("experimental").unwrap_or(false),
            metrics: values.text("metrics-addr").map(str::to_owned),
            oom_score: values.number("oom-score-adjust"),
            proxies: [proxy("http-proxy"), proxy("https-proxy"), proxy("no-proxy")],
            plugin_dir: values.text("plugin-dir").map(PathBuf::from),
            shim: values.text("shim").map(PathBuf::from),
            warnings,
            config_file: None,
        })
    }
}

/// The settings of flags and file, united.
pub(crate) fn read(flags: &Flags, file: Option<&Path>) -> Result<Values, String> {
    match file {
        Some(path) => config_file::read(path, |values| {
            let values = Values::unite(&flags.values, values)?;
            Live::read(&values)
                .and_then(|_| container_defaults(&values, &Defaults::default()))
                .map_err(|why| format!("configuration validation from file failed: {why}"))?;
            Ok(values)
        }),
        None => Values::unite(&flags.values, BTreeMap::new()),
    }
}

/// The part of the containers' defaults that a running daemon may change: what is set, over what was.
pub(crate) fn container_defaults(values: &Values, before: &Defaults) -> Result<Defaults, String> {
    let mut defaults = before.clone();
    if let Some(text) = values.text("default-shm-size") {
        let size = corten_types::parse_bytes(text).map_err(|error| error.to_string())?;
        if size > LARGEST_SHM {
            return Err(format!("invalid size: '{text}'"));
        }
        defaults.shm_size = i64::try_from(size).unwrap_or(i64::MAX);
    }
    if let Some(mode) = values.text("default-ipc-mode") {
        if !matches!(mode, "private" | "shareable") {
            return Err(format!(
                "IPC mode {mode:?} is not supported as a default: use \"shareable\" or \"private\""
            ));
        }
        mode.clone_into(&mut defaults.ipc_mode);
    }
    if let Some(mode) = values.text("default-cgroupns-mode") {
        if !matches!(mode, "private" | "host") {
            return Err(format!(
                "default cgroup namespace mode ({mode}) is invalid; use \"host\" or \"private\""
            ));
        }
        mode.clone_into(&mut defaults.cgroupns_mode);
    }
    if let Some(name) = values.text("default-runtime") {
        if !RUNTIMES.contains(&name) {
            let why = if configured_runtimes(values).contains(&name) {
                "is not supported by Corten, which runs containers with its own runtime only"
            } else {
                "does not exist"
            };
            return Err(format!("specified default runtime '{name}' {why}"));
        }
        name.clone_into(&mut defaults.runtime);
    }
    if configured_runtimes(values).contains(&"runc") {
        return Err("runtime name 'runc' is reserved".to_owned());
    }
    Ok(defaults)
}

fn configured_runtimes(values: &Values) -> Vec<&str> {
    let map = values.raw("runtimes").and_then(Value::as_object);
    map.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

/// What is set and has no effect, to be told at a start and at a reload alike.
///
/// # Errors
/// When something is set that would be missed.
pub(crate) fn warnings(values: &Values) -> Result<Vec<String>, String> {
    let mut warnings = values.warnings()?;
    warnings.extend(network_settings::warnings(values));
    warnings.extend(configured_runtimes(values).into_iter().map(|name| {
        format!("the runtime {name} has no effect: Corten runs containers with its own runtime only, and refuses those that ask for another")
    }));
    if values.switches("features").get("containerd-snapshotter") == Some(&true) {
        warnings
            .push("the feature containerd-snapshotter has no effect: Corten has one image store".to_owned());
    }
    Ok(warnings)
}

fn absolute(path: &str) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("cannot use {path}: {error}"))
}

fn check_storage(values: &Values) -> Result<(), String> {
    match values.text("storage-driver") {
        None | Some("overlay2" | "overlay") => {}
        Some(name) => {
            return Err(format!("the storage driver {name} is not supported by Corten"));
        }
    }
    for option in values.list("storage-opts") {
        match option.split_once('=') {
            // Docker's own note on it: it does nothing.
            Some(("overlay2.override_kernel_check", "true" | "false" | "1" | "0")) => {}
            Some(("overlay2.size", _)) => {
                return Err(format!("storage option {option} is not supported by Corten"));
            }
            Some((key, _)) => return Err(format!("overlay2: unknown option {key}")),
            None => return Err(format!("unable to parse storage-opt option {option}")),
        }
    }
    Ok(())
}

fn check_exec_opts(values: &Values) -> Result<(), String> {
    for option in values.list("exec-opts") {
        match option.split_once('=') {
            Some(("native.cgroupdriver", "cgroupfs")) => {}
            Some(("native.cgroupdriver", "systemd")) => {
                return Err(
                    "the cgroup driver systemd is not supported by Corten: use native.cgroupdriver=cgroupfs"
                        .to_owned(),
                );
            }
            Some(("native.cgroupdriver", other)) => {
                return Err(format!(
                    "native.cgroupdriver option {other} is internally unsupported"
                ));
            }
            Some((key, _)) => return Err(format!("invalid option {key:?} in exec-opts")),
            None => return Err(format!("unable to parse exec-opt option {option}")),
        }
    }
    Ok(())
}

/// How TCP is protected, and whether it may be left unprotected.
fn tls(values: &Values) -> (Option<corten_api::TlsFiles>, bool) {
    let (tls, verify) = (values.switch("tls"), values.switch("tlsverify"));
    // Whoever speaks of --tlsverify at all wants TLS.
    let wanted = tls.unwrap_or(false) || (verify.is_some() && tls != Some(false));
    if !wanted {
        return (None, tls == Some(false));
    }
    let home = std::env::var_os("DOCKER_CERT_PATH")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".docker")))
        .unwrap_or_else(|| "/root/.docker".into());
    let file = |name, default: &str| {
        values
            .text(name)
            .map_or_else(|| home.join(default), PathBuf::from)
    };
    let files = corten_api::TlsFiles {
        certificate: file("tlscert", "cert.pem"),
        key: file("tlskey", "key.pem"),
        client_authority: verify.unwrap_or(false).then(|| file("tlscacert", "ca.pem")),
    };
    (Some(files), false)
}

fn ulimits(value: Option<&Value>) -> Result<Vec<Ulimit>, String> {
    let map = value.and_then(Value::as_object).into_iter().flatten();
    map.map(|(name, limit)| {
        let number = |key: &str| limit[key].as_i64();
        match (number("Soft"), number("Hard")) {
            (Some(soft), Some(hard)) if hard == -1 || (soft != -1 && soft <= hard) => Ok(Ulimit {
                name: name.clone(),
                soft,
                hard,
            }),
            (Some(soft), Some(hard)) => Err(format!(
                "ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}"
            )),
            _ => Err(format!(
                "invalid default-ulimits: {name} needs the numbers Soft and Hard"
            )),
        }
    })
    .collect()
}

fn addresses(texts: &[String]) -> Result<Vec<IpAddr>, String> {
    texts
        .iter()
        .map(|text| text.parse().map_err(|_| format!("{text} is not an ip address")))
        .collect()
}

/// Search domains as Docker checks them; `.` alone stands for none.
fn domains(list: Vec<String>) -> Result<Vec<String>, String> {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    for domain in &list {
        let plain = domain.strip_suffix('.').unwrap_or(domain);
        if domain != "." && !(plain.len() < 254 && plain.split('.').all(label)) {
            return Err(format!("{domain} is not a valid domain"));
        }
    }
    Ok(list)
}

/// At most one address of each family.
fn host_gateways(texts: &[String]) -> Result<Vec<IpAddr>, String> {
    let all = addresses(texts)?;
    for (family, is_ipv6) in [("IPv4", false), ("IPv6", true)] {
        if all.iter().filter(|address| address.is_ipv6() == is_ipv6).count() > 1 {
            return Err(format!(
                "only one {family} host gateway IP address can be specified"
            ));
        }
    }
    Ok(all)
}

/// The default system call filter, and what `info` calls it.
fn seccomp(profile: Option<&str>) -> Result<(SeccompChoice, String), String> {
    match profile {
        None | Some("builtin") => Ok((SeccompChoice::Default, "builtin".to_owned())),
        Some("unconfined") => Ok((SeccompChoice::Unconfined, "unconfined".to_owned())),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("opening seccomp profile ({path}) failed: {error}"))?;
            let choice = SeccompChoice::Custom(text);
            choice
                .check()
                .map_err(|error| format!("the seccomp profile {path} cannot be used: {error}"))?;
            Ok((choice, path.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use corten_network::HostFirewall;
    use serde_json::json;

    use super::*;

    fn settle(values: &[(&'static str, Value)]) -> Result<Settings, String> {
        let flags = Flags {
            values: values.iter().cloned().collect(),
            ..Flags::default()
        };
        Settings::from_values(&read(&flags, None)?)
    }

    #[test]
    fn everything_follows_the_exec_root() {
        let settings = settle(&[("exec-root", json!("/run/x"))]).unwrap();
        assert_eq!(settings.hosts, [Host::Unix("/run/x/corten.sock".into())]);
        assert!(!settings.docker_socket);
        assert_eq!(settings.plane.table, "corten0");
        let without_bridge = [("exec-root", json!("/run/x")), ("bridge", json!("none"))];
        assert_eq!(settle(&without_bridge).unwrap().plane.table, "corten-run-x");
    }

    #[test]
    fn directories_do_not_depend_on_where_a_shim_runs() {
        let settings = settle(&[("data-root", json!("here"))]).unwrap();
        assert_eq!(settings.data_root, std::env::current_dir().unwrap().join("here"));
    }

    #[test]
    fn plain_tcp_must_be_allowed_explicitly() {
        let hosts = ("hosts", json!(["tcp://127.0.0.1:1"]));
        let refused = settle(std::slice::from_ref(&hosts)).unwrap_err();
        assert!(refused.contains("--tls=false"), "{refused}");
        let allowed = settle(&[hosts.clone(), ("tls", json!(false))]).unwrap();
        assert!(allowed.tls.is_none());
        let verified = settle(&[
            hosts.clone(),
            ("tlsverify", json!(true)),
            ("tlscacert", json!("/ca")),
        ])
        .unwrap();
        assert_eq!(verified.tls.unwrap().client_authority, Some("/ca".into()));
        let unverified = settle(&[hosts, ("tls", json!(true))]).unwrap();
        assert_eq!(unverified.tls.unwrap().client_authority, None);
    }

    #[test]
    fn senseless_settings_are_refused() {
        for (name, value, sentence) in [
            (
                "storage-driver",
                json!("zfs"),
                "the storage driver zfs is not supported by Corten",
            ),
            (
                "exec-opts",
                json!(["native.cgroupdriver=systemd"]),
                "the cgroup driver systemd is not supported by Corten: use native.cgroupdriver=cgroupfs",
            ),
            (
                "default-runtime",
                json!("frob"),
                "specified default runtime 'frob' does not exist",
            ),
            ("dns", json!(["x"]), "x is not an ip address"),
            ("dns-search", json!(["-x"]), "-x is not a valid domain"),
            ("log-level", json!("loud"), "invalid logging level: loud"),
            (
                "max-concurrent-downloads",
                json!(-1),
                "invalid max concurrent downloads: -1",
            ),
            ("hosts", json!(["frob"]), "invalid bind address format: frob"),
            ("mtu", json!(5), "invalid default MTU: 5"),
            (
                "host-firewall",
                json!("off"),
                "invalid host-firewall: off; use \"obey\" or \"bypass\"",
            ),
            ("firewall-mark", json!("0"), "invalid firewall-mark: 0"),
        ] {
            assert_eq!(settle(&[(name, value)]).unwrap_err(), sentence);
        }
        assert!(settle(&[("iptables", json!(false)), ("icc", json!(false))]).is_err());
        let six = |name, text: &str| settle(&[("ipv6", json!(true)), (name, json!(text))]).unwrap_err();
        assert_eq!(six("bip6", "fd00:7::"), "invalid CIDR address: fd00:7::");
        assert_eq!(
            six("bip6", "ff02::1/64"),
            "the bridge address ff02::1/64 is none that a host can have"
        );
        assert_eq!(
            six("default-gateway-v6", "10.0.0.1"),
            "10.0.0.1 is not an ip address"
        );
        assert_eq!(
            six("fixed-cidr-v6", "10.0.0.0/8"),
            "invalid CIDR address: 10.0.0.0/8"
        );
        assert!(
            settle(&[
                ("ipv6", json!(true)),
                ("bip6", json!("fd00:7::1/64")),
                ("fixed-cidr-v6", json!("fd00:8::/80"))
            ])
            .is_err()
        );
        assert!(
            settle(&[
                ("bip", json!("10.1.0.1/24")),
                ("fixed-cidr", json!("10.2.0.0/25"))
            ])
            .is_err()
        );
    }

    #[test]
    fn the_hosts_firewall_is_obeyed_unless_told_otherwise() {
        let plain = settle(&[]).unwrap().plane;
        assert_eq!(
            (plain.host_firewall, plain.mark),
            (HostFirewall::Obey, 0x2000_0000)
        );
        let told = settle(&[
            ("host-firewall", json!("bypass")),
            ("firewall-mark", json!("0x40")),
        ])
        .unwrap();
        assert_eq!(
            (told.plane.host_firewall, told.plane.mark),
            (HostFirewall::Bypass, 64)
        );
    }

    #[test]
    fn ipv6_of_the_default_bridge_is_asked_for() {
        let settings = settle(&[
            ("ipv6", json!(true)),
            ("bip6", json!("fd00:7::1/64")),
            ("fixed-cidr-v6", json!("fd00:7::/80")),
            ("default-gateway-v6", json!("fd00:7::9")),
        ])
        .unwrap();
        let bridge = settings.network.unwrap();
        assert!(bridge.ipv6 && settings.warnings.is_empty());
        assert_eq!(bridge.bip6.unwrap().to_string(), "fd00:7::1/64");
        assert_eq!(bridge.fixed_cidr_v6.unwrap().to_string(), "fd00:7::/80");
        assert_eq!(bridge.default_gateway_v6.unwrap().to_string(), "fd00:7::9");
        let without = settle(&[("bip6", json!("fd00:7::1/64"))]).unwrap();
        assert!(!without.network.unwrap().ipv6);
        assert_eq!(without.warnings, ["bip6 has no effect without ipv6"]);
    }

    #[test]
    fn limits_and_pools_are_read() {
        let settings = settle(&[
            (
                "default-ulimits",
                json!({"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}}),
            ),
            (
                "default-address-pools",
                json!([{"base": "10.10.0.0/16", "size": 24}]),
            ),
            ("default-shm-size", json!("1m")),
        ])
        .unwrap();
        assert_eq!(settings.defaults.ulimits[0].hard, 2);
        assert_eq!(settings.defaults.shm_size, 1 << 20);
        assert_eq!(settings.plane.pools[0].1, 24);
    }
}
