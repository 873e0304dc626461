//! The decision: OCI resources and a layout in, the values to write out. Pure, printable, compared as text in tests.

use std::borrow::Cow;
use std::fmt;

use oci_spec::runtime::{LinuxMemory, LinuxResources, LinuxThrottleDevice};

use crate::{DeviceProgram, Error, Layout, Result, plan_v1, plan_v2};

/// What makes a cgroup carry the limits of some OCI resources.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Values for control files, in the order to be written.
    pub writes: Vec<Write>,
    /// v2: the program that decides on device access. v1 writes device rules instead.
    pub device_program: Option<DeviceProgram>,
}

/// One value for one control file.
#[derive(Debug, PartialEq, Eq)]
pub struct Write {
    /// Kernel name of the controller the file belongs to.
    pub controller: &'static str,
    /// Name of the control file.
    pub file: Cow<'static, str>,
    /// The value.
    pub value: String,
    /// File and value for kernels without `file` (the weights of the BFQ and the other I/O policies).
    pub otherwise: Option<(&'static str, String)>,
    /// The kernel checks this value against the next write's: if it refuses (EINVAL), that one goes first.
    pub bound_to_next: bool,
}

/// Decides what to write for `resources`. What they leave out is left as it is.
///
/// Fails on values no kernel takes, on settings the cgroup version does not have and on controllers that are missing.
pub fn plan(layout: &Layout, resources: &LinuxResources) -> Result<Plan> {
    let plan = match layout {
        Layout::V1 { .. } => plan_v1::plan(resources)?,
        Layout::V2 { .. } => plan_v2::plan(resources)?,
    };
    match plan
        .writes
        .iter()
        .find(|write| !write.controller.is_empty() && !layout.has(write.controller))
    {
        Some(Write { controller, .. }) => Err(Error::MissingController {
            controller,
            setting: setting_of(controller),
        }),
        None => Ok(plan),
    }
}

impl Plan {
    /// Appends a write.
    pub(crate) fn set(
        &mut self,
        controller: &'static str,
        file: impl Into<Cow<'static, str>>,
        value: impl ToString,
    ) -> &mut Write {
        let index = self.writes.len();
        self.writes.push(Write {
            controller,
            file: file.into(),
            value: value.to_string(),
            otherwise: None,
            bound_to_next: false,
        });
        &mut self.writes[index]
    }
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.file, self.value)?;
        if let Some((file, value)) = &self.otherwise {
            write!(f, " | {file} = {value}")?;
        }
        f.write_str(if self.bound_to_next { " (with next)" } else { "" })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.writes.iter().try_for_each(|write| writeln!(f, "{write}"))?;
        match &self.device_program {
            Some(program) => write!(f, "device program:\n{program}"),
            None => Ok(()),
        }
    }
}

/// Checks of the memory settings that hold for both versions.
pub(crate) fn check_memory(memory: &LinuxMemory) -> Result<()> {
    for (setting, value) in [
        ("memory limit", memory.limit()),
        ("memory reservation", memory.reservation()),
        ("memory swap limit", memory.swap()),
    ] {
        if let Some(value) = value.filter(|v| *v < -1) {
            return Err(invalid(
                setting,
                value,
                "must be -1 (unlimited) or a number of bytes",
            ));
        }
    }
    match (memory.limit(), memory.swap()) {
        (Some(limit), Some(swap)) if limit > 0 && swap > 0 && swap < limit => Err(invalid(
            "memory swap limit",
            swap,
            "memory plus swap must not be less than the memory limit",
        )),
        (None | Some(0), Some(swap)) if swap > 0 => Err(invalid(
            "memory swap limit",
            swap,
            "needs a memory limit beside it",
        )),
        _ => Ok(()),
    }
}

/// Checks CFS period and quota against the kernel's bounds (1 ms at least, 1 s at most; kernel/sched/core.c).
pub(crate) fn check_cpu_time(period: Option<u64>, quota: Option<i64>) -> Result<()> {
    if let Some(period) = period.filter(|p| !(1_000..=1_000_000).contains(p)) {
        return Err(invalid(
            "CPU period",
            period,
            "must be within 1000 and 1000000 microseconds",
        ));
    }
    match quota.filter(|q| (1..1_000).contains(q)) {
        Some(quota) => Err(invalid("CPU quota", quota, "must be at least 1000 microseconds")),
        None => Ok(()),
    }
}

/// Checks a block I/O weight against the bounds of the OCI spec.
pub(crate) fn check_blkio_weight(weight: u16) -> Result<()> {
    if (10..=1000).contains(&weight) {
        return Ok(());
    }
    Err(invalid("block I/O weight", weight, "must be within 10 and 1000"))
}

/// A present, non-zero number: zero is "not set" in OCI resources.
pub(crate) fn given<T: Default + PartialEq>(value: Option<T>) -> Option<T> {
    value.filter(|v| *v != T::default())
}

/// "-1 or bytes" as the kernel's word for unlimited or the number.
pub(crate) fn max_or(value: i64) -> String {
    if value < 0 {
        "max".into()
    } else {
        value.to_string()
    }
}

/// The `MAJ:MIN` of a throttle rule.
pub(crate) fn device_number(throttle: &LinuxThrottleDevice) -> String {
    format!("{}:{}", throttle.major(), throttle.minor())
}

/// An [`Error::Invalid`].
pub(crate) fn invalid(setting: &'static str, value: impl ToString, reason: &'static str) -> Error {
    Error::Invalid {
        setting,
        value: value.to_string(),
        reason,
    }
}

/// What a user calls the settings of a controller.
fn setting_of(controller: &str) -> &'static str {
    match controller {
        "memory" => "memory limits",
        "cpu" => "CPU shares or quota",
        "cpuset" => "the set of CPUs or memory nodes",
        "pids" => "the pids limit",
        "blkio" | "io" => "block I/O limits",
        "hugetlb" => "huge page limits",
        "devices" => "device rules",
        "net_cls" => "the network class",
        "net_prio" => "network priorities",
        "rdma" => "RDMA limits",
        _ => "the value",
    }
}
