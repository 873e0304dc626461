//! Every setting dockerd has, by its key in `daemon.json` and its flag, and what becomes of it here.
//!
//! A setting either acts, or is one this daemon cannot serve: then it may only be left as it is by default. What is merely idle
//! here (it speaks of a part of Docker that Corten does not have yet, and leaving it undone does nobody harm) is warned of,
//! and what would be missed is refused.

/// What a setting's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text.
    Text,
    /// True or false.
    Switch,
    /// A whole number.
    Number,
    /// A size such as `64M`; a number of bytes in the file.
    Bytes,
    /// Texts; the flag is repeated.
    List,
    /// Texts by name; the flag is `name=value`, repeated.
    Map,
    /// Switches by name; the flag is `name=value`, repeated.
    Switches,
    /// Limits by name; the flag is `name=soft[:hard]`.
    Ulimits,
    /// Address pools; the flag is `base=CIDR,size=N`.
    Pools,
    /// Options of networks by driver; the flag is `driver=option=value`, repeated.
    NetworkOptions,
    /// Runtimes by name; the flag is `name=path`.
    Runtimes,
    /// An object of the file's that no flag sets as a whole.
    Object,
}

/// What becomes of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It does what Docker says.
    Acts,
    /// Set to anything but this value (as JSON) it is warned of.
    Idle(&'static str, &'static str),
    /// Set to anything but this value (as JSON) it is an error.
    Refused(&'static str, &'static str),
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Directive {
    /// Key in the file; empty for what only a flag sets.
    pub(crate) key: &'static str,
    /// Name of the flag; empty for what only the file sets.
    pub(crate) flag: &'static str,
    /// The flag's letter.
    pub(crate) short: Option<char>,
    /// What its value is.
    pub(crate) kind: Kind,
    /// What becomes of it.
    pub(crate) standing: Standing,
    /// One sentence for the help; empty hides the flag.
    pub(crate) about: &'static str,
}

const fn acts(key: &'static str, flag: &'static str, kind: Kind, about: &'static str) -> Directive {
    Directive {
        key,
        flag,
        short: None,
        kind,
        standing: Standing::Acts,
        about,
    }
}

const fn idle(
    key: &'static str,
    flag: &'static str,
    kind: Kind,
    default: &'static str,
    why: &'static str,
) -> Directive {
    Directive {
        key,
        flag,
        short: None,
        kind,
        standing: Standing::Idle(default, why),
        about: "Accepted without effect",
    }
}

const fn refused(
    key: &'static str,
    flag: &'static str,
    kind: Kind,
    default: &'static str,
    why: &'static str,
) -> Directive {
    Directive {
        key,
        flag,
        short: None,
        kind,
        standing: Standing::Refused(default, why),
        about: "Not supported by Corten",
    }
}

impl Directive {
    const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    /// What errors call it: the key, else the flag.
    pub(crate) fn name(&self) -> &'static str {
        if self.key.is_empty() { self.flag } else { self.key }
    }
}

const REGISTRIES: &str = "Corten does not contact registries yet";
const SWARM: &str = "Corten has no swarm mode yet";
const CONTAINERD: &str = "Corten needs no containerd";
const REMOVED: &str = "Docker has removed it";

use Kind::{
    Bytes, List, Map, NetworkOptions, Number, Object, Pools, Runtimes, Switch, Switches, Text, Ulimits,
};

/// All settings, sorted by flag.
pub(crate) static DIRECTIVES: &[Directive] = &[
    acts(
        "runtimes",
        "add-runtime",
        Runtimes,
        "Register an additional OCI compatible runtime",
    ),
    refused(
        "allow-direct-routing",
        "allow-direct-routing",
        Switch,
        "false",
        "containers are reached through published ports only",
    ),
    idle(
        "allow-nondistributable-artifacts",
        "allow-nondistributable-artifacts",
        List,
        "[]",
        REGISTRIES,
    ),
    refused("api-cors-header", "api-cors-header", Text, "\"\"", REMOVED),
    refused(
        "authorization-plugins",
        "authorization-plugin",
        List,
        "[]",
        "Corten has no plugins yet",
    ),
    acts("bip", "bip", Text, "IPv4 address for the default bridge"),
    acts("bip6", "bip6", Text, "IPv6 address for the default bridge"),
    acts(
        "bridge",
        "bridge",
        Text,
        "Attach containers to a network bridge (\"none\" for no network; default corten0)",
    )
    .short('b'),
    refused(
        "bridge-accept-fwmark",
        "bridge-accept-fwmark",
        Text,
        "\"\"",
        "containers are reached through published ports only",
    ),
    idle("builder", "", Object, "{}", "Corten does not build images yet"),
    idle(
        "cdi-spec-dirs",
        "cdi-spec-dir",
        List,
        "[]",
        "Corten does not read CDI specifications yet",
    ),
    acts(
        "cgroup-parent",
        "cgroup-parent",
        Text,
        "Set parent cgroup for all containers (default /docker)",
    ),
    refused("cluster-advertise", "cluster-advertise", Text, "\"\"", REMOVED),
    refused("cluster-store", "cluster-store", Text, "\"\"", REMOVED),
    refused("cluster-store-opts", "cluster-store-opt", Map, "{}", REMOVED),
    acts(
        "",
        "config-file",
        Text,
        "Daemon configuration file (default /etc/corten/daemon.json, else /etc/docker/daemon.json)",
    ),
    idle("containerd", "containerd", Text, "\"\"", CONTAINERD),
    idle(
        "containerd-namespace",
        "containerd-namespace",
        Text,
        "\"moby\"",
        CONTAINERD,
    ),
    idle(
        "containerd-plugin-namespace",
        "containerd-plugins-namespace",
        Text,
        "\"plugins.moby\"",
        CONTAINERD,
    ),
    refused(
        "cpu-rt-period",
        "cpu-rt-period",
        Number,
        "0",
        "Corten does not limit realtime scheduling yet",
    ),
    refused(
        "cpu-rt-runtime",
        "cpu-rt-runtime",
        Number,
        "0",
        "Corten does not limit realtime scheduling yet",
    ),
    refused("cri-containerd", "cri-containerd", Switch, "false", CONTAINERD),
    acts(
        "data-root",
        "data-root",
        Text,
        "Root directory of persistent state (default /var/lib/corten)",
    ),
    acts("debug", "debug", Switch, "Enable debug mode").short('D'),
    acts(
        "default-address-pools",
        "default-address-pool",
        Pools,
        "Default address pools for local networks",
    ),
    acts(
        "default-cgroupns-mode",
        "default-cgroupns-mode",
        Text,
        "Default mode for containers cgroup namespace (\"host\" | \"private\")",
    ),
    acts(
        "default-gateway",
        "default-gateway",
        Text,
        "Default gateway IPv4 address of the default bridge network",
    ),
    acts(
        "default-gateway-v6",
        "default-gateway-v6",
        Text,
        "Default gateway IPv6 address of the default bridge network",
    ),
    acts(
        "default-ipc-mode",
        "default-ipc-mode",
        Text,
        "Default mode for containers ipc (\"shareable\" | \"private\")",
    ),
    acts(
        "default-network-opts",
        "default-network-opt",
        NetworkOptions,
        "Default network options (DRIVER=OPTION=VALUE)",
    ),
    acts(
        "default-runtime",
        "default-runtime",
        Text,
        "Default OCI runtime for containers (default corten)",
    ),
    acts(
        "default-shm-size",
        "default-shm-size",
        Bytes,
        "Default shm size for containers (default 64MiB)",
    ),
    acts(
        "default-ulimits",
        "default-ulimit",
        Ulimits,
        "Default ulimits for containers",
    ),
    idle(
        "deprecated-key-path",
        "deprecated-key-path",
        Text,
        "\"\"",
        REMOVED,
    ),
    acts("dns", "dns", List, "DNS server to use"),
    acts("dns-opts", "dns-opt", List, "DNS options to use"),
    acts("dns-search", "dns-search", List, "DNS search domains to use"),
    acts(
        "exec-opts",
        "exec-opt",
        List,
        "Runtime execution options (native.cgroupdriver=cgroupfs)",
    ),
    acts(
        "exec-root",
        "exec-root",
        Text,
        "Root directory of run-time state (default /run/corten)",
    ),
    acts(
        "experimental",
        "experimental",
        Switch,
        "Enable experimental features",
    ),
    acts("features", "feature", Switches, "Enable feature in the daemon"),
    idle(
        "firewall-backend",
        "firewall-backend",
        Text,
        "\"nftables\"",
        "Corten writes its rules with nf_tables, which iptables of today shows as well",
    ),
    acts(
        "firewall-mark",
        "firewall-mark",
        Text,
        "Bits of packets' marks that are this daemon's: they tell other filters what it lets pass (default 0x20000000)",
    ),
    acts(
        "firewall-table",
        "firewall-table",
        Text,
        "Name of the nf_tables tables of this daemon (default: the bridge's name)",
    ),
    acts(
        "fixed-cidr",
        "fixed-cidr",
        Text,
        "IPv4 subnet for the default bridge network",
    ),
    acts(
        "fixed-cidr-v6",
        "fixed-cidr-v6",
        Text,
        "IPv6 subnet for the default bridge network",
    ),
    acts(
        "group",
        "group",
        Text,
        "Group for the unix socket (default docker)",
    )
    .short('G'),
    acts(
        "hosts",
        "host",
        List,
        "Daemon socket(s) to connect to: unix:///path, tcp://host:port, fd://",
    )
    .short('H'),
    acts(
        "host-firewall",
        "host-firewall",
        Text,
        "Whether published ports obey the host's own firewall, or bypass it as with Docker (\"obey\" | \"bypass\")",
    ),
    acts(
        "host-gateway-ips",
        "host-gateway-ip",
        List,
        "IP address that the special 'host-gateway' string in --add-host resolves to (default: the bridge's address)",
    ),
    idle("http-proxy", "http-proxy", Text, "\"\"", REGISTRIES),
    idle("https-proxy", "https-proxy", Text, "\"\"", REGISTRIES),
    acts(
        "icc",
        "icc",
        Switch,
        "Enable inter-container communication for the default bridge network (default true)",
    ),
    acts(
        "init",
        "init",
        Switch,
        "Run an init in the container to forward signals and reap processes",
    ),
    acts(
        "init-path",
        "init-path",
        Text,
        "Path to the docker-init binary (default: one of Corten's own)",
    ),
    idle("insecure-registries", "insecure-registry", List, "[]", REGISTRIES),
    acts(
        "ip",
        "ip",
        Text,
        "Host IP for port publishing from the default bridge network (default 0.0.0.0)",
    ),
    acts(
        "ip-forward",
        "ip-forward",
        Switch,
        "Enable IP forwarding in system configuration (default true)",
    ),
    idle(
        "ip-forward-no-drop",
        "ip-forward-no-drop",
        Switch,
        "true",
        "Corten never sets the policy of the host's forward chain",
    ),
    acts(
        "ip-masq",
        "ip-masq",
        Switch,
        "Enable IP masquerading for the default bridge network (default true)",
    ),
    acts(
        "ip6tables",
        "ip6tables",
        Switch,
        "Enable addition of firewall rules for IPv6 (default true)",
    ),
    acts(
        "iptables",
        "iptables",
        Switch,
        "Enable addition of firewall rules (default true)",
    ),
    acts(
        "ipv6",
        "ipv6",
        Switch,
        "Enable IPv6 networking for the default bridge network",
    ),
    acts("labels", "label", List, "Set key=value labels to the daemon"),
    acts(
        "live-restore",
        "live-restore",
        Switch,
        "Leave containers running when the daemon ends (default true)",
    ),
    acts(
        "log-driver",
        "log-driver",
        Text,
        "Default driver for container logs (default json-file)",
    ),
    acts(
        "log-format",
        "log-format",
        Text,
        "Set the logging format (\"text\"|\"json\") (default text)",
    ),
    acts(
        "log-level",
        "log-level",
        Text,
        "Set the logging level (\"debug\"|\"info\"|\"warn\"|\"error\"|\"fatal\") (default info)",
    )
    .short('l'),
    acts(
        "log-opts",
        "log-opt",
        Map,
        "Default log driver options for containers",
    ),
    idle(
        "max-concurrent-downloads",
        "max-concurrent-downloads",
        Number,
        "3",
        REGISTRIES,
    ),
    idle(
        "max-concurrent-uploads",
        "max-concurrent-uploads",
        Number,
        "5",
        REGISTRIES,
    ),
    idle(
        "max-download-attempts",
        "max-download-attempts",
        Number,
        "5",
        REGISTRIES,
    ),
    acts(
        "metrics-addr",
        "metrics-addr",
        Text,
        "Set default address and port to serve the metrics api on",
    ),
    refused(
        "min-api-version",
        "min-api-version",
        Text,
        "\"1.24\"",
        "Corten serves API 1.24 and newer, always",
    ),
    acts(
        "mtu",
        "mtu",
        Number,
        "Set the MTU for the default bridge network (default 1500)",
    ),
    idle(
        "network-control-plane-mtu",
        "network-control-plane-mtu",
        Number,
        "1500",
        SWARM,
    ),
    idle(
        "network-diagnostic-port",
        "network-diagnostic-port",
        Number,
        "0",
        SWARM,
    ),
    idle("no-proxy", "no-proxy", Text, "\"\"", REGISTRIES),
    acts(
        "no-new-privileges",
        "no-new-privileges",
        Switch,
        "Set no-new-privileges by default for new containers",
    ),
    idle(
        "node-generic-resources",
        "node-generic-resource",
        List,
        "[]",
        SWARM,
    ),
    acts(
        "oom-score-adjust",
        "oom-score-adjust",
        Number,
        "Set the oom_score_adj for the daemon",
    ),
    acts(
        "pidfile",
        "pidfile",
        Text,
        "Path to use for daemon PID file (default EXEC-ROOT/corten.pid)",
    )
    .short('p'),
    acts(
        "raw-logs",
        "raw-logs",
        Switch,
        "Full timestamps without ANSI coloring, which Corten's log has anyway",
    ),
    idle("registry-mirrors", "registry-mirror", List, "[]", REGISTRIES),
    refused("rootless", "rootless", Switch, "false", "Corten needs root yet"),
    acts(
        "seccomp-profile",
        "seccomp-profile",
        Text,
        "Path to seccomp profile. Set to \"unconfined\" to disable the default seccomp profile (default \"builtin\")",
    ),
    refused(
        "selinux-enabled",
        "selinux-enabled",
        Switch,
        "false",
        "Corten sets no SELinux labels",
    ),
    acts(
        "plugin-dir",
        "plugin-dir",
        Text,
        "The one directory to find plugins in (default: /run/docker/plugins, /etc/docker/plugins and /usr/lib/docker/plugins)",
    ),
    acts(
        "shim",
        "shim",
        Text,
        "The corten-shim program (default: beside this program, or in ../libexec/corten)",
    ),
    acts(
        "shutdown-timeout",
        "shutdown-timeout",
        Number,
        "Seconds containers get to stop when the daemon ends and does not leave them running (default 15)",
    ),
    acts(
        "storage-driver",
        "storage-driver",
        Text,
        "Storage driver to use (overlay2)",
    )
    .short('s'),
    acts("storage-opts", "storage-opt", List, "Storage driver options"),
    idle(
        "swarm-default-advertise-addr",
        "swarm-default-advertise-addr",
        Text,
        "\"\"",
        SWARM,
    ),
    idle(
        "swarm-raft-election-tick",
        "swarm-raft-election-tick",
        Number,
        "0",
        SWARM,
    ),
    idle(
        "swarm-raft-heartbeat-tick",
        "swarm-raft-heartbeat-tick",
        Number,
        "0",
        SWARM,
    ),
    acts(
        "tls",
        "tls",
        Switch,
        "Use TLS; implied by --tlsverify. \"--tls=false\" allows unprotected TCP beyond this machine",
    ),
    acts(
        "tlscacert",
        "tlscacert",
        Text,
        "Trust certs signed only by this CA (default ~/.docker/ca.pem)",
    ),
    acts(
        "tlscert",
        "tlscert",
        Text,
        "Path to TLS certificate file (default ~/.docker/cert.pem)",
    ),
    acts(
        "tlskey",
        "tlskey",
        Text,
        "Path to TLS key file (default ~/.docker/key.pem)",
    ),
    acts("tlsverify", "tlsverify", Switch, "Use TLS and verify the remote"),
    acts(
        "userland-proxy",
        "userland-proxy",
        Switch,
        "Accepted either way: published ports are the kernel's work, loopback included",
    ),
    idle(
        "userland-proxy-path",
        "userland-proxy-path",
        Text,
        "\"\"",
        "Corten has no proxy",
    ),
    refused(
        "userns-remap",
        "userns-remap",
        Text,
        "\"\"",
        "Corten has no user namespaces yet",
    ),
    acts("", "validate", Switch, "Validate daemon configuration and exit"),
    acts("", "version", Switch, "Print version information and quit").short('v'),
];

/// Other names of settings in the file, with what they are called now.
pub(crate) static OTHER_KEYS: &[(&str, &str)] =
    &[("host-gateway-ip", "host-gateway-ips"), ("graph", "data-root")];

/// The setting with this key in the file.
pub(crate) fn by_key(key: &str) -> Option<&'static Directive> {
    DIRECTIVES
        .iter()
        .find(|directive| !directive.key.is_empty() && directive.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_given_once() {
        let mut flags: Vec<_> = DIRECTIVES
            .iter()
            .map(|d| d.flag)
            .filter(|f| !f.is_empty())
            .collect();
        let mut keys: Vec<_> = DIRECTIVES
            .iter()
            .map(|d| d.key)
            .filter(|k| !k.is_empty())
            .collect();
        let (all_flags, all_keys) = (flags.len(), keys.len());
        flags.sort_unstable();
        flags.dedup();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!((flags.len(), keys.len()), (all_flags, all_keys));
    }

    #[test]
    fn defaults_of_what_is_not_served_are_json() {
        for directive in DIRECTIVES {
            if let Standing::Idle(default, why) | Standing::Refused(default, why) = directive.standing {
                assert!(
                    serde_json::from_str::<serde_json::Value>(default).is_ok() && !why.is_empty(),
                    "{}",
                    directive.name()
                );
            }
        }
    }
}
