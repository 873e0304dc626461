//! What values flags take, as far as that can be known.

use super::wanted::{Kind, State, Wanted, Word};

/// What Linux calls its capabilities.
const CAPABILITIES: &[&str] = &[
    "ALL",
    "CAP_AUDIT_CONTROL",
    "CAP_AUDIT_READ",
    "CAP_AUDIT_WRITE",
    "CAP_BLOCK_SUSPEND",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_KILL",
    "CAP_LEASE",
    "CAP_LINUX_IMMUTABLE",
    "CAP_MAC_ADMIN",
    "CAP_MAC_OVERRIDE",
    "CAP_MKNOD",
    "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_RAW",
    "CAP_PERFMON",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYSLOG",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_CHROOT",
    "CAP_SYS_MODULE",
    "CAP_SYS_NICE",
    "CAP_SYS_PACCT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_WAKE_ALARM",
];

/// Signals by name; those of real time follow.
const SIGNALS: &[&str] = &[
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE",
    "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU",
    "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

const ULIMITS: &[&str] = &[
    "as=",
    "chroot=",
    "core=",
    "cpu=",
    "data=",
    "fsize=",
    "locks=",
    "maxlogins=",
    "maxsyslogins=",
    "memlock=",
    "msgqueue=",
    "nice=",
    "nofile=",
    "nproc=",
    "priority=",
    "rss=",
    "rtprio=",
    "sigpending=",
    "stack=",
];

const SECURITY: &[&str] = &[
    "apparmor=",
    "label=",
    "no-new-privileges",
    "seccomp=",
    "systempaths=unconfined",
];
const SECURITY_LABELS: &[&str] = &[
    "label=disable",
    "label=level:",
    "label=role:",
    "label=type:",
    "label=user:",
];

/// Options of both of the engine's own ways to log.
const LOG_OPTIONS: &[&str] = &[
    "compress=",
    "env-regex=",
    "env=",
    "labels=",
    "max-buffer-size=",
    "max-file=",
    "max-size=",
    "mode=",
    "tag=",
];
const LOCAL_OPTIONS: &[&str] = &["compress=", "max-buffer-size=", "max-file=", "max-size=", "mode="];
const ANY_LOG_OPTIONS: &[&str] = &["max-buffer-size=", "mode="];

const PLATFORMS: &[&str] = &[
    "linux/386",
    "linux/amd64",
    "linux/arm",
    "linux/arm/v5",
    "linux/arm/v6",
    "linux/arm/v7",
    "linux/arm64",
    "linux/arm64/v8",
    "linux/ppc64le",
    "linux/riscv64",
    "linux/s390x",
];

const ACTIONS: &[&str] = &[
    "attach",
    "commit",
    "copy",
    "create",
    "delete",
    "destroy",
    "detach",
    "die",
    "exec_create",
    "exec_detach",
    "exec_die",
    "exec_start",
    "export",
    "health_status",
    "import",
    "kill",
    "load",
    "mount",
    "oom",
    "pause",
    "prune",
    "pull",
    "reload",
    "rename",
    "resize",
    "restart",
    "save",
    "start",
    "stop",
    "tag",
    "top",
    "unmount",
    "unpause",
    "untag",
    "update",
];

/// What may stand behind `--FLAG` of a command, where `current` is what stands there already and `before` what stands before.
pub(super) fn of(path: &str, flag: &str, current: &str, before: &[String]) -> Wanted {
    let verb = path.rsplit(' ').next().unwrap_or(path);
    match flag {
        "restart" => words(&["always", "no", "on-failure", "unless-stopped"]),
        "pull" => words(&["always", "missing", "never"]),
        "cap-add" | "cap-drop" => words(CAPABILITIES),
        "cgroupns" => words(&["host", "private"]),
        "ipc" => namespace(&["container:", "host", "none", "private", "shareable"], current),
        "pid" => namespace(&["container:", "host"], current),
        "network" | "net" if current.starts_with("container:") => containers_behind("container:"),
        "network" | "net" => Wanted::Names(vec![Kind::Network]),
        "uts" | "userns" => words(&["host"]),
        "volumes-from" => Wanted::Names(vec![Kind::Container(State::Any)]),
        "link" => Wanted::Wrapped("", Kind::Container(State::Any), ":"),
        "log-driver" => Wanted::Names(vec![Kind::LogDriver]),
        "log-opt" if current.starts_with("mode=") => words(&["mode=blocking", "mode=non-blocking"]),
        "log-opt" if current.starts_with("compress=") => words(&["compress=false", "compress=true"]),
        "log-opt" => words(log_options(before)),
        "security-opt" if current.starts_with("label=") => words(SECURITY_LABELS),
        "security-opt" => words(SECURITY),
        "stop-signal" | "signal" => Wanted::Words(signals()),
        "storage-opt" => words(&["size="]),
        "ulimit" => words(ULIMITS),
        "volume-driver" => words(&["local"]),
        "driver" if path == "network create" => words(&["bridge", "ipvlan", "macvlan"]),
        "driver" if verb == "create" => words(&["local"]),
        "detach-keys" => words(&["ctrl-"]),
        "platform" => words(PLATFORMS),
        "env" => Wanted::Words(environment()),
        "type" if path == "inspect" => words(&["container", "image", "network", "volume"]),
        "filter" => filter(path, current),
        "context" => Wanted::Names(vec![Kind::Context]),
        "log-level" => words(&["debug", "info", "warn", "error", "fatal", "panic"]),
        _ => Wanted::Nothing,
    }
}

fn words(words: &[&str]) -> Wanted {
    Wanted::Words(words.iter().map(|word| Word::new(word, "")).collect())
}

fn namespace(plain: &[&str], current: &str) -> Wanted {
    if current.starts_with("container:") {
        containers_behind("container:")
    } else {
        words(plain)
    }
}

fn containers_behind(prefix: &'static str) -> Wanted {
    Wanted::Wrapped(prefix, Kind::Container(State::Any), "")
}

fn log_options(before: &[String]) -> &'static [&'static str] {
    let driver = before
        .iter()
        .enumerate()
        .rev()
        .find_map(|(at, word)| match word.as_str() {
            "--log-driver" => before.get(at + 1).map(String::as_str),
            word => word.strip_prefix("--log-driver="),
        });
    match driver {
        None | Some("json-file") => LOG_OPTIONS,
        Some("local") => LOCAL_OPTIONS,
        Some(_) => ANY_LOG_OPTIONS,
    }
}

fn signals() -> Vec<Word> {
    let mut names: Vec<String> = SIGNALS.iter().map(|name| (*name).to_owned()).collect();
    names.push("RTMIN".to_owned());
    names.extend((1..=15).map(|number| format!("RTMIN+{number}")));
    names.push("RTMAX".to_owned());
    names.extend((1..=14).map(|number| format!("RTMAX-{number}")));
    names.iter().map(|name| Word::new(name, "")).collect()
}

fn environment() -> Vec<Word> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.map(|name| Word::new(&name, "")).collect()
}

/// Keys of filters, and the values of those whose values are known.
fn filter(path: &str, current: &str) -> Wanted {
    let keys: &[&str] = match path {
        "ps" | "container ls" => &[
            "ancestor=",
            "before=",
            "exited=",
            "expose=",
            "health=",
            "id=",
            "is-task=",
            "label=",
            "name=",
            "network=",
            "publish=",
            "since=",
            "status=",
            "volume=",
        ],
        "images" | "image ls" => &["before=", "dangling=", "label=", "reference=", "since=", "until="],
        "network ls" => &[
            "dangling=",
            "driver=",
            "id=",
            "label=",
            "name=",
            "scope=",
            "type=",
        ],
        "volume ls" => &["dangling=", "driver=", "label=", "name="],
        "events" | "system events" => &[
            "container=",
            "daemon=",
            "event=",
            "image=",
            "label=",
            "network=",
            "scope=",
            "type=",
            "volume=",
        ],
        "volume prune" => &["all=", "label!=", "label="],
        "image prune" => &["dangling=", "label!=", "label=", "until="],
        _ if path.ends_with(" prune") => &["label!=", "label=", "until="],
        _ => return Wanted::Nothing,
    };
    let Some((key, _)) = current.split_once('=') else {
        return words(keys);
    };
    if !keys.iter().any(|known| known.strip_suffix('=') == Some(key)) {
        return Wanted::Nothing;
    }
    let of_key = |values: &[&str]| {
        let word = |value: &&str| Word::new(&format!("{key}={value}"), "");
        Wanted::Words(values.iter().map(word).collect())
    };
    let any_container = Kind::Container(State::Any);
    match key {
        "status" => of_key(&[
            "created",
            "dead",
            "exited",
            "paused",
            "removing",
            "restarting",
            "running",
        ]),
        "health" => of_key(&["healthy", "none", "starting", "unhealthy"]),
        "is-task" | "dangling" | "all" => of_key(&["false", "true"]),
        "type" if path == "network ls" => of_key(&["builtin", "custom"]),
        "type" => of_key(&["container", "daemon", "image", "network", "volume"]),
        "scope" => of_key(&["local"]),
        "event" => of_key(ACTIONS),
        "ancestor" | "image" => Wanted::Wrapped(prefix(key), Kind::Image, ""),
        "before" | "since" if path.starts_with("image") => Wanted::Wrapped(prefix(key), Kind::Image, ""),
        "before" | "since" | "container" => Wanted::Wrapped(prefix(key), any_container, ""),
        "name" if path == "ps" || path == "container ls" => Wanted::Wrapped(prefix(key), any_container, ""),
        "name" if path == "network ls" => Wanted::Wrapped(prefix(key), Kind::Network, ""),
        "name" | "volume" => Wanted::Wrapped(prefix(key), Kind::Volume, ""),
        "network" => Wanted::Wrapped(prefix(key), Kind::Network, ""),
        _ => Wanted::Nothing,
    }
}

/// A key as it stands in front of its value.
fn prefix(key: &str) -> &'static str {
    match key {
        "ancestor" => "ancestor=",
        "before" => "before=",
        "container" => "container=",
        "image" => "image=",
        "name" => "name=",
        "network" => "network=",
        "since" => "since=",
        _ => "volume=",
    }
}
