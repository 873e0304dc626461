//! `container.HostConfig` and its parts.

use corten_template::{Field, StructType, Type};

use super::{BOOL_POINTER, INT_POINTER, TEXT_MAP, TEXTS};

/// A container's host settings.
pub(super) const HOST_CONFIG: Type = Type::Struct(&CONFIG);

/// Ports of a container with those of the host they are published on.
pub(super) const PORT_MAP: Type = Type::Map("nat.Port", &Type::List(&Type::Struct(&PORT_BINDING)));

static PORT_BINDING: StructType = StructType {
    name: "nat.PortBinding",
    fields: &[
        Field::named("HostIP", "HostIp", Type::Text),
        Field::new("HostPort", Type::Text),
    ],
};

static CONFIG: StructType = StructType {
    name: "container.HostConfig",
    fields: &[
        Field::new("Binds", TEXTS),
        Field::new("ContainerIDFile", Type::Text),
        Field::new("LogConfig", Type::Struct(&LOG_CONFIG)),
        Field::new("NetworkMode", Type::Text),
        Field::new("PortBindings", PORT_MAP),
        Field::new("RestartPolicy", Type::Struct(&RESTART_POLICY)),
        Field::new("AutoRemove", Type::Bool),
        Field::new("VolumeDriver", Type::Text),
        Field::new("VolumesFrom", TEXTS),
        Field::new("ConsoleSize", Type::List(&Type::Int)),
        Field::new("Annotations", TEXT_MAP),
        Field::new("CapAdd", TEXTS),
        Field::new("CapDrop", TEXTS),
        Field::new("CgroupnsMode", Type::Text),
        Field::named("DNS", "Dns", TEXTS),
        Field::named("DNSOptions", "DnsOptions", TEXTS),
        Field::named("DNSSearch", "DnsSearch", TEXTS),
        Field::new("ExtraHosts", TEXTS),
        Field::new("GroupAdd", TEXTS),
        Field::new("IpcMode", Type::Text),
        Field::new("Cgroup", Type::Text),
        Field::new("Links", TEXTS),
        Field::new("OomScoreAdj", Type::Int),
        Field::new("PidMode", Type::Text),
        Field::new("Privileged", Type::Bool),
        Field::new("PublishAllPorts", Type::Bool),
        Field::new("ReadonlyRootfs", Type::Bool),
        Field::new("SecurityOpt", TEXTS),
        Field::new("StorageOpt", TEXT_MAP),
        Field::new("Tmpfs", TEXT_MAP),
        Field::new("UTSMode", Type::Text),
        Field::new("UsernsMode", Type::Text),
        Field::new("ShmSize", Type::Int),
        Field::new("Sysctls", TEXT_MAP),
        Field::new("Runtime", Type::Text),
        Field::new("Isolation", Type::Text),
        Field::embedded("Resources", Type::Struct(&RESOURCES)),
        Field::new("Mounts", Type::List(&Type::Struct(&MOUNT))),
        Field::new("MaskedPaths", TEXTS),
        Field::new("ReadonlyPaths", TEXTS),
        Field::new("Init", BOOL_POINTER),
    ],
};

static LOG_CONFIG: StructType = StructType {
    name: "container.LogConfig",
    fields: &[Field::new("Type", Type::Text), Field::new("Config", TEXT_MAP)],
};

static RESTART_POLICY: StructType = StructType {
    name: "container.RestartPolicy",
    fields: &[
        Field::new("Name", Type::Text),
        Field::new("MaximumRetryCount", Type::Int),
    ],
};

const THROTTLES: Type = Type::List(&Type::Pointer(&Type::Struct(&THROTTLE)));

static RESOURCES: StructType = StructType {
    name: "container.Resources",
    fields: &[
        Field::named("CPUShares", "CpuShares", Type::Int),
        Field::new("Memory", Type::Int),
        Field::named("NanoCPUs", "NanoCpus", Type::Int),
        Field::new("CgroupParent", Type::Text),
        Field::new("BlkioWeight", Type::Int),
        Field::new(
            "BlkioWeightDevice",
            Type::List(&Type::Pointer(&Type::Struct(&WEIGHT))),
        ),
        Field::new("BlkioDeviceReadBps", THROTTLES),
        Field::new("BlkioDeviceWriteBps", THROTTLES),
        Field::new("BlkioDeviceReadIOps", THROTTLES),
        Field::new("BlkioDeviceWriteIOps", THROTTLES),
        Field::named("CPUPeriod", "CpuPeriod", Type::Int),
        Field::named("CPUQuota", "CpuQuota", Type::Int),
        Field::named("CPURealtimePeriod", "CpuRealtimePeriod", Type::Int),
        Field::named("CPURealtimeRuntime", "CpuRealtimeRuntime", Type::Int),
        Field::new("CpusetCpus", Type::Text),
        Field::new("CpusetMems", Type::Text),
        Field::new("Devices", Type::List(&Type::Struct(&DEVICE))),
        Field::new("DeviceCgroupRules", TEXTS),
        Field::new("DeviceRequests", Type::List(&Type::Struct(&DEVICE_REQUEST))),
        Field::new("KernelMemory", Type::Int),
        Field::new("KernelMemoryTCP", Type::Int),
        Field::new("MemoryReservation", Type::Int),
        Field::new("MemorySwap", Type::Int),
        Field::new("MemorySwappiness", INT_POINTER),
        Field::new("OomKillDisable", BOOL_POINTER),
        Field::new("PidsLimit", INT_POINTER),
        Field::new("Ulimits", Type::List(&Type::Pointer(&Type::Struct(&ULIMIT)))),
        Field::named("CPUCount", "CpuCount", Type::Int),
        Field::named("CPUPercent", "CpuPercent", Type::Int),
        Field::new("IOMaximumIOps", Type::Int),
        Field::new("IOMaximumBandwidth", Type::Int),
    ],
};

static WEIGHT: StructType = StructType {
    name: "blkiodev.WeightDevice",
    fields: &[Field::new("Path", Type::Text), Field::new("Weight", Type::Int)],
};

static THROTTLE: StructType = StructType {
    name: "blkiodev.ThrottleDevice",
    fields: &[Field::new("Path", Type::Text), Field::new("Rate", Type::Int)],
};

static DEVICE: StructType = StructType {
    name: "container.DeviceMapping",
    fields: &[
        Field::new("PathOnHost", Type::Text),
        Field::new("PathInContainer", Type::Text),
        Field::new("CgroupPermissions", Type::Text),
    ],
};

static DEVICE_REQUEST: StructType = StructType {
    name: "container.DeviceRequest",
    fields: &[
        Field::new("Driver", Type::Text),
        Field::new("Count", Type::Int),
        Field::new("DeviceIDs", TEXTS),
        Field::new("Capabilities", Type::List(&TEXTS)),
        Field::new("Options", TEXT_MAP),
    ],
};

static ULIMIT: StructType = StructType {
    name: "units.Ulimit",
    fields: &[
        Field::new("Name", Type::Text),
        Field::new("Hard", Type::Int),
        Field::new("Soft", Type::Int),
    ],
};

static MOUNT: StructType = StructType {
    name: "mount.Mount",
    fields: &[
        Field::new("Type", Type::Text),
        Field::new("Source", Type::Text),
        Field::new("Target", Type::Text),
        Field::new("ReadOnly", Type::Bool),
        Field::new("Consistency", Type::Text),
        Field::new("BindOptions", Type::Pointer(&Type::Any)),
        Field::new("VolumeOptions", Type::Pointer(&Type::Any)),
        Field::new("ImageOptions", Type::Pointer(&Type::Any)),
        Field::new("TmpfsOptions", Type::Pointer(&Type::Any)),
        Field::new("ClusterOptions", Type::Pointer(&Type::Any)),
    ],
};
