//! `container.InspectResponse` and its parts.

use corten_template::{Field, StructType, Type};

use super::host_config::HOST_CONFIG;
use super::{INT_POINTER, TEXT_MAP, TEXTS};

/// What `inspect` of a container has.
pub(crate) const CONTAINER: Type = Type::Struct(&RESPONSE);

static RESPONSE: StructType = StructType {
    name: "container.InspectResponse",
    fields: &[
        Field::embedded("ContainerJSONBase", Type::Struct(&BASE)),
        Field::new("Mounts", Type::List(&Type::Struct(&MOUNT_POINT))),
        Field::new("Config", Type::Pointer(&Type::Struct(&CONFIG))),
        Field::new("NetworkSettings", Type::Pointer(&Type::Struct(&NETWORK_SETTINGS))),
        Field::new("ImageManifestDescriptor", Type::Pointer(&Type::Any)),
    ],
};

static BASE: StructType = StructType {
    name: "container.ContainerJSONBase",
    fields: &[
        Field::named("ID", "Id", Type::Text),
        Field::new("Created", Type::Text),
        Field::new("Path", Type::Text),
        Field::new("Args", TEXTS),
        Field::new("State", Type::Pointer(&Type::Struct(&STATE))),
        Field::new("Image", Type::Text),
        Field::new("ResolvConfPath", Type::Text),
        Field::new("HostnamePath", Type::Text),
        Field::new("HostsPath", Type::Text),
        Field::new("LogPath", Type::Text),
        Field::new("Name", Type::Text),
        Field::new("RestartCount", Type::Int),
        Field::new("Driver", Type::Text),
        Field::new("Platform", Type::Text),
        Field::new("MountLabel", Type::Text),
        Field::new("ProcessLabel", Type::Text),
        Field::new("AppArmorProfile", Type::Text),
        Field::new("ExecIDs", TEXTS),
        Field::new("HostConfig", Type::Pointer(&HOST_CONFIG)),
        Field::new("GraphDriver", Type::Struct(&super::image::DRIVER_DATA)),
        Field::new("SizeRw", INT_POINTER),
        Field::new("SizeRootFs", INT_POINTER),
    ],
};

static STATE: StructType = StructType {
    name: "container.State",
    fields: &[
        Field::new("Status", Type::Text),
        Field::new("Running", Type::Bool),
        Field::new("Paused", Type::Bool),
        Field::new("Restarting", Type::Bool),
        Field::new("OOMKilled", Type::Bool),
        Field::new("Dead", Type::Bool),
        Field::new("Pid", Type::Int),
        Field::new("ExitCode", Type::Int),
        Field::new("Error", Type::Text),
        Field::new("StartedAt", Type::Text),
        Field::new("FinishedAt", Type::Text),
        Field::new("Health", Type::Pointer(&Type::Struct(&HEALTH))),
    ],
};

static HEALTH: StructType = StructType {
    name: "container.Health",
    fields: &[
        Field::new("Status", Type::Text),
        Field::new("FailingStreak", Type::Int),
        Field::new("Log", Type::List(&Type::Pointer(&Type::Struct(&HEALTH_RESULT)))),
    ],
};

static HEALTH_RESULT: StructType = StructType {
    name: "container.HealthcheckResult",
    fields: &[
        Field::new("Start", Type::Time),
        Field::new("End", Type::Time),
        Field::new("ExitCode", Type::Int),
        Field::new("Output", Type::Text),
    ],
};

static MOUNT_POINT: StructType = StructType {
    name: "container.MountPoint",
    fields: &[
        Field::new("Type", Type::Text),
        Field::new("Name", Type::Text),
        Field::new("Source", Type::Text),
        Field::new("Destination", Type::Text),
        Field::new("Driver", Type::Text),
        Field::new("Mode", Type::Text),
        Field::new("RW", Type::Bool),
        Field::new("Propagation", Type::Text),
    ],
};

static CONFIG: StructType = StructType {
    name: "container.Config",
    fields: &[
        Field::new("Hostname", Type::Text),
        Field::new("Domainname", Type::Text),
        Field::new("User", Type::Text),
        Field::new("AttachStdin", Type::Bool),
        Field::new("AttachStdout", Type::Bool),
        Field::new("AttachStderr", Type::Bool),
        Field::new("ExposedPorts", Type::Map("nat.Port", &Type::Struct(&EMPTY))),
        Field::new("Tty", Type::Bool),
        Field::new("OpenStdin", Type::Bool),
        Field::new("StdinOnce", Type::Bool),
        Field::new("Env", TEXTS),
        Field::new("Cmd", TEXTS),
        Field::new("Healthcheck", Type::Pointer(&Type::Struct(&HEALTHCHECK))),
        Field::new("ArgsEscaped", Type::Bool),
        Field::new("Image", Type::Text),
        Field::new("Volumes", Type::Map("string", &Type::Struct(&EMPTY))),
        Field::new("WorkingDir", Type::Text),
        Field::new("Entrypoint", TEXTS),
        Field::new("NetworkDisabled", Type::Bool),
        Field::new("MacAddress", Type::Text),
        Field::new("OnBuild", TEXTS),
        Field::new("Labels", TEXT_MAP),
        Field::new("StopSignal", Type::Text),
        Field::new("StopTimeout", INT_POINTER),
        Field::new("Shell", TEXTS),
    ],
};

pub(super) static EMPTY: StructType = StructType {
    name: "struct {}",
    fields: &[],
};

pub(super) static HEALTHCHECK: StructType = StructType {
    name: "v1.HealthcheckConfig",
    fields: &[
        Field::new("Test", TEXTS),
        Field::new("Interval", Type::Duration),
        Field::new("Timeout", Type::Duration),
        Field::new("StartPeriod", Type::Duration),
        Field::new("StartInterval", Type::Duration),
        Field::new("Retries", Type::Int),
    ],
};

static NETWORK_SETTINGS: StructType = StructType {
    name: "container.NetworkSettings",
    fields: &[
        Field::embedded("NetworkSettingsBase", Type::Struct(&NETWORK_SETTINGS_BASE)),
        Field::embedded("DefaultNetworkSettings", Type::Struct(&DEFAULT_NETWORK_SETTINGS)),
        Field::new(
            "Networks",
            Type::Map("string", &Type::Pointer(&Type::Struct(&ENDPOINT))),
        ),
    ],
};

static NETWORK_SETTINGS_BASE: StructType = StructType {
    name: "container.NetworkSettingsBase",
    fields: &[
        Field::new("Bridge", Type::Text),
        Field::new("SandboxID", Type::Text),
        Field::new("SandboxKey", Type::Text),
        Field::new("Ports", super::host_config::PORT_MAP),
        Field::new("HairpinMode", Type::Bool),
        Field::new("LinkLocalIPv6Address", Type::Text),
        Field::new("LinkLocalIPv6PrefixLen", Type::Int),
        Field::new("SecondaryIPAddresses", Type::List(&Type::Struct(&ADDRESS))),
        Field::new("SecondaryIPv6Addresses", Type::List(&Type::Struct(&ADDRESS))),
    ],
};

static ADDRESS: StructType = StructType {
    name: "network.Address",
    fields: &[Field::new("Addr", Type::Text), Field::new("PrefixLen", Type::Int)],
};

static DEFAULT_NETWORK_SETTINGS: StructType = StructType {
    name: "container.DefaultNetworkSettings",
    fields: &[
        Field::new("EndpointID", Type::Text),
        Field::new("Gateway", Type::Text),
        Field::new("GlobalIPv6Address", Type::Text),
        Field::new("GlobalIPv6PrefixLen", Type::Int),
        Field::new("IPAddress", Type::Text),
        Field::new("IPPrefixLen", Type::Int),
        Field::new("IPv6Gateway", Type::Text),
        Field::new("MacAddress", Type::Text),
    ],
};

static ENDPOINT: StructType = StructType {
    name: "network.EndpointSettings",
    fields: &[
        Field::new("IPAMConfig", Type::Pointer(&Type::Struct(&ENDPOINT_IPAM))),
        Field::new("Links", TEXTS),
        Field::new("Aliases", TEXTS),
        Field::new("MacAddress", Type::Text),
        Field::new("DriverOpts", TEXT_MAP),
        Field::new("GwPriority", Type::Int),
        Field::new("NetworkID", Type::Text),
        Field::new("EndpointID", Type::Text),
        Field::new("Gateway", Type::Text),
        Field::new("IPAddress", Type::Text),
        Field::new("IPPrefixLen", Type::Int),
        Field::new("IPv6Gateway", Type::Text),
        Field::new("GlobalIPv6Address", Type::Text),
        Field::new("GlobalIPv6PrefixLen", Type::Int),
        Field::new("DNSNames", TEXTS),
    ],
};

static ENDPOINT_IPAM: StructType = StructType {
    name: "network.EndpointIPAMConfig",
    fields: &[
        Field::new("IPv4Address", Type::Text),
        Field::new("IPv6Address", Type::Text),
        Field::new("LinkLocalIPs", TEXTS),
    ],
};
