//! What `info`, `version` and `events` hand to templates.

use corten_template::{Field, StructType, Type};

use super::{TEXT_MAP, TEXTS};

/// An event.
pub(crate) const EVENT: Type = Type::Pointer(&Type::Struct(&MESSAGE));
/// Engine and command line at a glance.
pub(crate) const INFO: Type = Type::Struct(&DOCKER_INFO);
/// Versions of both.
pub(crate) const VERSION: Type = Type::Struct(&VERSION_INFO);

static MESSAGE: StructType = StructType {
    name: "events.Message",
    fields: &[
        Field::named("Status", "status", Type::Text),
        Field::named("ID", "id", Type::Text),
        Field::named("From", "from", Type::Text),
        Field::new("Type", Type::Text),
        Field::new("Action", Type::Text),
        Field::new("Actor", Type::Struct(&ACTOR)),
        Field::named("Scope", "scope", Type::Text),
        Field::named("Time", "time", Type::Int),
        Field::named("TimeNano", "timeNano", Type::Int),
    ],
};

static ACTOR: StructType = StructType {
    name: "events.Actor",
    fields: &[Field::new("ID", Type::Text), Field::new("Attributes", TEXT_MAP)],
};

static VERSION_INFO: StructType = StructType {
    name: "system.versionInfo",
    fields: &[
        Field::new("Client", Type::Struct(&CLIENT_VERSION)),
        Field::new("Server", Type::Pointer(&Type::Struct(&SERVER_VERSION))),
    ],
};

static CLIENT_VERSION: StructType = StructType {
    name: "system.clientVersion",
    fields: &[
        Field::new("Platform", Type::Pointer(&Type::Struct(&PLATFORM))),
        Field::new("Version", Type::Text),
        Field::named("APIVersion", "ApiVersion", Type::Text),
        Field::new("DefaultAPIVersion", Type::Text),
        Field::new("GitCommit", Type::Text),
        Field::new("GoVersion", Type::Text),
        Field::new("Os", Type::Text),
        Field::new("Arch", Type::Text),
        Field::new("BuildTime", Type::Text),
        Field::new("Context", Type::Text),
    ],
};

static PLATFORM: StructType = StructType {
    name: "system.platformInfo",
    fields: &[Field::new("Name", Type::Text)],
};

static SERVER_VERSION: StructType = StructType {
    name: "types.Version",
    fields: &[
        Field::new("Platform", Type::Struct(&PLATFORM)),
        Field::new("Components", Type::List(&Type::Struct(&COMPONENT))),
        Field::new("Version", Type::Text),
        Field::named("APIVersion", "ApiVersion", Type::Text),
        Field::new("MinAPIVersion", Type::Text),
        Field::new("GitCommit", Type::Text),
        Field::new("GoVersion", Type::Text),
        Field::new("Os", Type::Text),
        Field::new("Arch", Type::Text),
        Field::new("KernelVersion", Type::Text),
        Field::new("Experimental", Type::Bool),
        Field::new("BuildTime", Type::Text),
    ],
};

static COMPONENT: StructType = StructType {
    name: "types.ComponentVersion",
    fields: &[
        Field::new("Name", Type::Text),
        Field::new("Version", Type::Text),
        Field::new("Details", TEXT_MAP),
    ],
};

static DOCKER_INFO: StructType = StructType {
    name: "system.dockerInfo",
    fields: &[
        Field::embedded("Info", Type::Struct(&SERVER_INFO)),
        Field::new("ClientInfo", Type::Pointer(&Type::Struct(&CLIENT_INFO))),
        Field::new("ServerErrors", TEXTS),
        Field::new("ClientErrors", TEXTS),
    ],
};

static CLIENT_INFO: StructType = StructType {
    name: "system.clientInfo",
    fields: &[
        Field::new("Debug", Type::Bool),
        Field::embedded("clientVersion", Type::Struct(&CLIENT_VERSION)),
        Field::new("Plugins", Type::List(&Type::Any)),
        Field::new("Warnings", TEXTS),
    ],
};

static SERVER_INFO: StructType = StructType {
    name: "system.Info",
    fields: &[
        Field::new("ID", Type::Text),
        Field::new("Containers", Type::Int),
        Field::new("ContainersRunning", Type::Int),
        Field::new("ContainersPaused", Type::Int),
        Field::new("ContainersStopped", Type::Int),
        Field::new("Images", Type::Int),
        Field::new("Driver", Type::Text),
        Field::new("DriverStatus", Type::List(&TEXTS)),
        Field::new("SystemStatus", Type::List(&TEXTS)),
        Field::new("Plugins", Type::Struct(&PLUGINS)),
        Field::new("MemoryLimit", Type::Bool),
        Field::new("SwapLimit", Type::Bool),
        Field::new("KernelMemory", Type::Bool),
        Field::new("KernelMemoryTCP", Type::Bool),
        Field::named("CPUCfsPeriod", "CpuCfsPeriod", Type::Bool),
        Field::named("CPUCfsQuota", "CpuCfsQuota", Type::Bool),
        Field::new("CPUShares", Type::Bool),
        Field::new("CPUSet", Type::Bool),
        Field::new("PidsLimit", Type::Bool),
        Field::new("IPv4Forwarding", Type::Bool),
        Field::new("Debug", Type::Bool),
        Field::new("NFd", Type::Int),
        Field::new("OomKillDisable", Type::Bool),
        Field::new("NGoroutines", Type::Int),
        Field::new("SystemTime", Type::Text),
        Field::new("LoggingDriver", Type::Text),
        Field::new("CgroupDriver", Type::Text),
        Field::new("CgroupVersion", Type::Text),
        Field::new("NEventsListener", Type::Int),
        Field::new("KernelVersion", Type::Text),
        Field::new("OperatingSystem", Type::Text),
        Field::new("OSVersion", Type::Text),
        Field::new("OSType", Type::Text),
        Field::new("Architecture", Type::Text),
        Field::new("IndexServerAddress", Type::Text),
        Field::new("RegistryConfig", Type::Pointer(&Type::Any)),
        Field::new("NCPU", Type::Int),
        Field::new("MemTotal", Type::Int),
        Field::new("GenericResources", Type::List(&Type::Any)),
        Field::new("DockerRootDir", Type::Text),
        Field::named("HTTPProxy", "HttpProxy", Type::Text),
        Field::named("HTTPSProxy", "HttpsProxy", Type::Text),
        Field::new("NoProxy", Type::Text),
        Field::new("Name", Type::Text),
        Field::new("Labels", TEXTS),
        Field::new("ExperimentalBuild", Type::Bool),
        Field::new("ServerVersion", Type::Text),
        Field::new("Runtimes", Type::Map("string", &Type::Struct(&RUNTIME))),
        Field::new("DefaultRuntime", Type::Text),
        Field::new("Swarm", Type::Struct(&SWARM)),
        Field::new("LiveRestoreEnabled", Type::Bool),
        Field::new("Isolation", Type::Text),
        Field::new("InitBinary", Type::Text),
        Field::new("ContainerdCommit", Type::Struct(&COMMIT)),
        Field::new("RuncCommit", Type::Struct(&COMMIT)),
        Field::new("InitCommit", Type::Struct(&COMMIT)),
        Field::new("SecurityOptions", TEXTS),
        Field::new("ProductLicense", Type::Text),
        Field::new("DefaultAddressPools", Type::List(&Type::Struct(&ADDRESS_POOL))),
        Field::new("FirewallBackend", Type::Pointer(&Type::Struct(&FIREWALL))),
        Field::new("CDISpecDirs", TEXTS),
        Field::new("DiscoveredDevices", Type::List(&Type::Any)),
        Field::new("Containerd", Type::Pointer(&Type::Any)),
        Field::new("Warnings", TEXTS),
    ],
};

static PLUGINS: StructType = StructType {
    name: "system.PluginsInfo",
    fields: &[
        Field::new("Volume", TEXTS),
        Field::new("Network", TEXTS),
        Field::new("Authorization", TEXTS),
        Field::new("Log", TEXTS),
    ],
};

static RUNTIME: StructType = StructType {
    name: "system.RuntimeWithStatus",
    fields: &[
        Field::named("Path", "path", Type::Text),
        Field::named("Args", "runtimeArgs", TEXTS),
        Field::named("Type", "runtimeType", Type::Text),
        Field::named("Options", "options", Type::Map("string", &Type::Any)),
        Field::named("Status", "status", TEXT_MAP),
    ],
};

static SWARM: StructType = StructType {
    name: "swarm.Info",
    fields: &[
        Field::new("NodeID", Type::Text),
        Field::new("NodeAddr", Type::Text),
        Field::new("LocalNodeState", Type::Text),
        Field::new("ControlAvailable", Type::Bool),
        Field::new("Error", Type::Text),
        Field::new("RemoteManagers", Type::List(&Type::Any)),
        Field::new("Nodes", Type::Int),
        Field::new("Managers", Type::Int),
        Field::new("Cluster", Type::Pointer(&Type::Any)),
        Field::new("Warnings", TEXTS),
    ],
};

static COMMIT: StructType = StructType {
    name: "system.Commit",
    fields: &[Field::new("ID", Type::Text)],
};

static ADDRESS_POOL: StructType = StructType {
    name: "system.NetworkAddressPool",
    fields: &[Field::new("Base", Type::Text), Field::new("Size", Type::Int)],
};

static FIREWALL: StructType = StructType {
    name: "system.FirewallInfo",
    fields: &[
        Field::new("Driver", Type::Text),
        Field::new("Info", Type::List(&TEXTS)),
    ],
};
