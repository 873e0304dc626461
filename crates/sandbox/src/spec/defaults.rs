//! What every container gets unless told otherwise: the same mounts, devices and hidden paths as Docker's.

use corten_shim_api::FROM_OPTION;
use oci_spec::OciSpecError;
use oci_spec::runtime::{LinuxDeviceCgroup, LinuxDeviceCgroupBuilder, LinuxDeviceType, Mount, MountBuilder};

use super::options::Shm;

/// Paths hidden from unprivileged containers.
pub const MASKED_PATHS: &[&str] = &[
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];

/// Paths unprivileged containers may read only.
pub const READONLY_PATHS: &[&str] = &[
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// One mount with type, source and options.
pub(super) fn mount(
    destination: &str,
    typ: &str,
    source: &str,
    options: &[&str],
) -> Result<Mount, OciSpecError> {
    MountBuilder::default()
        .destination(destination)
        .typ(typ)
        .source(source)
        .options(options.iter().map(|o| (*o).to_owned()).collect::<Vec<_>>())
        .build()
}

/// The standard mounts, in mounting order.
pub(super) fn mounts(privileged: bool, shm: &Shm) -> Result<Vec<Mount>, OciSpecError> {
    let sys_access = if privileged { "rw" } else { "ro" };
    let sys: &[&str] = &["nosuid", "noexec", "nodev", sys_access];
    let mut mounts = vec![
        mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"])?,
        mount(
            "/dev",
            "tmpfs",
            "tmpfs",
            &["nosuid", "strictatime", "mode=755", "size=65536k"],
        )?,
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &[
                "nosuid",
                "noexec",
                "newinstance",
                "ptmxmode=0666",
                "mode=0620",
                "gid=5",
            ],
        )?,
        mount("/sys", "sysfs", "sysfs", sys)?,
        // The specification calls both versions' mounts `cgroup`; the runtime knows which one it has.
        mount("/sys/fs/cgroup", "cgroup", "cgroup", sys)?,
    ];
    // It shows the message queues of the IPC namespace it is mounted in, the host's included.
    mounts.push(mount(
        "/dev/mqueue",
        "mqueue",
        "mqueue",
        &["nosuid", "noexec", "nodev"],
    )?);
    mounts.extend(match shm {
        Shm::None => None,
        Shm::Own(size) => {
            let size = format!("size={size}");
            let options = ["nosuid", "noexec", "nodev", "mode=1777", &size];
            Some(mount("/dev/shm", "tmpfs", "shm", &options)?)
        }
        Shm::Host => Some(mount("/dev/shm", "bind", "/dev/shm", &["rbind"])?),
        Shm::Of(namespace) => {
            let from = format!("{FROM_OPTION}{}", namespace.display());
            Some(mount("/dev/shm", "bind", "/dev/shm", &["bind", &from])?)
        }
    });
    Ok(mounts)
}

/// Device rules of an unprivileged container: making any node, using the harmless ones.
pub(super) fn device_rules() -> Result<Vec<LinuxDeviceCgroup>, OciSpecError> {
    let any = |typ| rule(typ, None, None, "m");
    let char_device = |major, minor| rule(LinuxDeviceType::C, Some(major), minor, "rwm");
    Ok(vec![
        LinuxDeviceCgroupBuilder::default()
            .allow(false)
            .access("rwm")
            .build()?,
        any(LinuxDeviceType::C)?,
        any(LinuxDeviceType::B)?,
        char_device(1, Some(3))?, // null
        char_device(1, Some(5))?, // zero
        char_device(1, Some(7))?, // full
        char_device(1, Some(8))?, // random
        char_device(1, Some(9))?, // urandom
        char_device(5, Some(0))?, // tty
        char_device(5, Some(1))?, // console
        char_device(5, Some(2))?, // ptmx
        char_device(136, None)?,  // pts
    ])
}

/// The rule that allows everything, for privileged containers.
pub(super) fn allow_all_devices() -> Result<Vec<LinuxDeviceCgroup>, OciSpecError> {
    Ok(vec![
        LinuxDeviceCgroupBuilder::default()
            .allow(true)
            .access("rwm")
            .build()?,
    ])
}

fn rule(
    typ: LinuxDeviceType,
    major: Option<i64>,
    minor: Option<i64>,
    access: &str,
) -> Result<LinuxDeviceCgroup, OciSpecError> {
    let mut builder = LinuxDeviceCgroupBuilder::default()
        .allow(true)
        .typ(typ)
        .access(access);
    if let Some(major) = major {
        builder = builder.major(major);
    }
    if let Some(minor) = minor {
        builder = builder.minor(minor);
    }
    builder.build()
}
