//! The plan for cgroup v1: OCI resources in the units they were modelled on (Documentation/admin-guide/cgroup-v1).

use oci_spec::runtime::{LinuxBlockIo, LinuxCpu, LinuxMemory, LinuxResources};

use crate::plan::{Plan, check_blkio_weight, check_cpu_time, check_memory, device_number, given};
use crate::{Error, Result, device};

/// Everything to write for `resources`.
pub(crate) fn plan(resources: &LinuxResources) -> Result<Plan> {
    let mut plan = Plan::default();
    if let Some(rules) = resources.devices().as_deref().filter(|rules| !rules.is_empty()) {
        for line in device::v1_lines(rules)? {
            plan.set("devices", line.file, line.value);
        }
    }
    if let Some(memory) = resources.memory() {
        plan_memory(&mut plan, memory)?;
    }
    if let Some(cpu) = resources.cpu() {
        plan_cpu(&mut plan, cpu)?;
    }
    super::plan_v2::plan_pids(&mut plan, resources);
    if let Some(block_io) = resources.block_io() {
        plan_block_io(&mut plan, block_io)?;
    }
    for page in resources.hugepage_limits().iter().flatten() {
        plan.set(
            "hugetlb",
            format!("hugetlb.{}.limit_in_bytes", page.page_size()),
            page.limit(),
        );
    }
    if let Some(network) = resources.network() {
        if let Some(class) = given(network.class_id()) {
            plan.set("net_cls", "net_cls.classid", class);
        }
        for priority in network.priorities().iter().flatten() {
            plan.set(
                "net_prio",
                "net_prio.ifpriomap",
                format!("{} {}", priority.name(), priority.priority()),
            );
        }
    }
    super::plan_v2::plan_rdma(&mut plan, resources);
    if resources
        .unified()
        .as_ref()
        .is_some_and(|unified| !unified.is_empty())
    {
        return Err(unsupported("unified resources"));
    }
    Ok(plan)
}

fn plan_memory(plan: &mut Plan, memory: &LinuxMemory) -> Result<()> {
    check_memory(memory)?;
    let limit = given(memory.limit());
    // An unlimited memory cannot have a limited sum of memory and swap: lift both.
    let swap = given(memory.swap()).or(limit.filter(|l| *l == -1));
    if let Some(limit) = limit {
        let write = plan.set("memory", "memory.limit_in_bytes", limit);
        // The kernel keeps limit <= memsw at any time: lowering goes this way round, raising the other.
        write.bound_to_next = swap.is_some();
    }
    if let Some(swap) = swap {
        plan.set("memory", "memory.memsw.limit_in_bytes", swap);
    }
    if let Some(reservation) = given(memory.reservation()) {
        plan.set("memory", "memory.soft_limit_in_bytes", reservation);
    }
    if let Some(limit) = given(memory.kernel_tcp()) {
        plan.set("memory", "memory.kmem.tcp.limit_in_bytes", limit);
    }
    if let Some(swappiness) = memory.swappiness() {
        if swappiness > 100 {
            return Err(crate::plan::invalid(
                "memory swappiness",
                swappiness,
                "must be within 0 and 100",
            ));
        }
        plan.set("memory", "memory.swappiness", swappiness);
    }
    if memory.disable_oom_killer() == Some(true) {
        plan.set("memory", "memory.oom_control", 1);
    }
    check_retired(memory)
}

/// Settings that today's kernels no longer have in either version.
pub(crate) fn check_retired(memory: &LinuxMemory) -> Result<()> {
    #[allow(deprecated)] // read only in order to refuse it
    let kernel = given(memory.kernel());
    match (kernel, memory.use_hierarchy()) {
        (Some(_), _) => Err(Error::Unsupported {
            setting: "kernel memory".into(),
            by: "the kernel",
        }),
        (_, Some(false)) => Err(Error::Unsupported {
            setting: "memory without hierarchy".into(),
            by: "the kernel",
        }),
        _ => Ok(()),
    }
}

fn plan_cpu(plan: &mut Plan, cpu: &LinuxCpu) -> Result<()> {
    let (period, quota) = (given(cpu.period()), given(cpu.quota()));
    check_cpu_time(period, quota)?;
    if let Some(shares) = given(cpu.shares()) {
        plan.set("cpu", "cpu.shares", shares);
    }
    if let Some(period) = period {
        // Period and quota are checked against the parent's ratio together.
        plan.set("cpu", "cpu.cfs_period_us", period).bound_to_next = quota.is_some();
    }
    if let Some(quota) = quota {
        plan.set("cpu", "cpu.cfs_quota_us", quota);
    }
    if let Some(burst) = cpu.burst() {
        plan.set("cpu", "cpu.cfs_burst_us", burst);
    }
    if let Some(idle) = cpu.idle() {
        plan.set("cpu", "cpu.idle", idle);
    }
    let (rt_period, rt_runtime) = (given(cpu.realtime_period()), given(cpu.realtime_runtime()));
    if let Some(period) = rt_period {
        plan.set("cpu", "cpu.rt_period_us", period).bound_to_next = rt_runtime.is_some();
    }
    if let Some(runtime) = rt_runtime {
        plan.set("cpu", "cpu.rt_runtime_us", runtime);
    }
    if let Some(cpus) = cpu.cpus().as_deref().filter(|c| !c.is_empty()) {
        plan.set("cpuset", "cpuset.cpus", cpus);
    }
    if let Some(mems) = cpu.mems().as_deref().filter(|m| !m.is_empty()) {
        plan.set("cpuset", "cpuset.mems", mems);
    }
    Ok(())
}

fn plan_block_io(plan: &mut Plan, io: &LinuxBlockIo) -> Result<()> {
    if let Some(weight) = given(io.weight()) {
        check_blkio_weight(weight)?;
        plan.set("blkio", "blkio.weight", weight).otherwise = Some(("blkio.bfq.weight", weight.to_string()));
    }
    for device in io.weight_device().iter().flatten() {
        if let Some(weight) = given(device.weight()) {
            check_blkio_weight(weight)?;
            let value = format!("{}:{} {weight}", device.major(), device.minor());
            let write = plan.set("blkio", "blkio.weight_device", value.clone());
            write.otherwise = Some(("blkio.bfq.weight_device", value));
        }
    }
    check_leaf_weights(io)?;
    for (file, rules) in [
        ("blkio.throttle.read_bps_device", io.throttle_read_bps_device()),
        ("blkio.throttle.write_bps_device", io.throttle_write_bps_device()),
        ("blkio.throttle.read_iops_device", io.throttle_read_iops_device()),
        (
            "blkio.throttle.write_iops_device",
            io.throttle_write_iops_device(),
        ),
    ] {
        for rule in rules.iter().flatten() {
            plan.set("blkio", file, format!("{} {}", device_number(rule), rule.rate()));
        }
    }
    Ok(())
}

/// Leaf weights went away with the CFQ scheduler in Linux 5.0.
pub(crate) fn check_leaf_weights(io: &LinuxBlockIo) -> Result<()> {
    let of_devices = io
        .weight_device()
        .iter()
        .flatten()
        .any(|device| given(device.leaf_weight()).is_some());
    if given(io.leaf_weight()).is_some() || of_devices {
        return Err(Error::Unsupported {
            setting: "block I/O leaf weight".into(),
            by: "the kernel",
        });
    }
    Ok(())
}

fn unsupported(setting: &str) -> Error {
    Error::Unsupported {
        setting: setting.into(),
        by: "cgroup v1",
    }
}

#[cfg(test)]
#[path = "plan_v1_tests.rs"]
mod tests;
