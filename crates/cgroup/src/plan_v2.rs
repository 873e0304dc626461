//! The plan for cgroup v2: OCI resources translated as the runtime spec's implementations do it
//! (Documentation/admin-guide/cgroup-v2.rst; the formulas are in [`crate::convert`]).

use oci_spec::runtime::{LinuxBlockIo, LinuxCpu, LinuxMemory, LinuxResources};

use crate::plan::{
    Plan, check_blkio_weight, check_cpu_time, check_memory, device_number, given, invalid, max_or,
};
use crate::plan_v1::{check_leaf_weights, check_retired};
use crate::{DeviceProgram, Error, Result, cpu_shares_to_weight, io_weight_from_blkio};

/// Everything to write for `resources`.
pub(crate) fn plan(resources: &LinuxResources) -> Result<Plan> {
    let mut plan = Plan::default();
    if let Some(rules) = resources.devices().as_deref().filter(|rules| !rules.is_empty()) {
        plan.device_program = Some(DeviceProgram::new(rules)?);
    }
    if let Some(memory) = resources.memory() {
        plan_memory(&mut plan, memory)?;
    }
    if let Some(cpu) = resources.cpu() {
        plan_cpu(&mut plan, cpu)?;
    }
    plan_pids(&mut plan, resources);
    if let Some(block_io) = resources.block_io() {
        plan_block_io(&mut plan, block_io)?;
    }
    for page in resources.hugepage_limits().iter().flatten() {
        plan.set(
            "hugetlb",
            format!("hugetlb.{}.max", page.page_size()),
            max_or(page.limit()),
        );
    }
    if let Some(network) = resources.network() {
        if given(network.class_id()).is_some() {
            return Err(unsupported("the network class"));
        }
        if network
            .priorities()
            .as_ref()
            .is_some_and(|priorities| !priorities.is_empty())
        {
            return Err(unsupported("network priorities"));
        }
    }
    plan_rdma(&mut plan, resources);
    plan_unified(&mut plan, resources)?;
    Ok(plan)
}

/// The limit of processes, which both hierarchies write alike.
pub(crate) fn plan_pids(plan: &mut Plan, resources: &LinuxResources) {
    if let Some(pids) = resources.pids() {
        let limit = pids.limit();
        let value = if limit > 0 {
            limit.to_string()
        } else {
            "max".to_owned()
        };
        plan.set("pids", "pids.max", value);
    }
}

/// RDMA limits have the same file in both versions.
pub(crate) fn plan_rdma(plan: &mut Plan, resources: &LinuxResources) {
    for (device, limits) in resources.rdma().iter().flatten() {
        let mut value = device.clone();
        for (key, limit) in [
            ("hca_handle", limits.hca_handles()),
            ("hca_object", limits.hca_objects()),
        ] {
            if let Some(limit) = limit {
                value += &format!(" {key}={limit}");
            }
        }
        plan.set("rdma", "rdma.max", value);
    }
}

fn plan_memory(plan: &mut Plan, memory: &LinuxMemory) -> Result<()> {
    check_memory(memory)?;
    check_retired(memory)?;
    if memory.swappiness().is_some() {
        return Err(unsupported("memory swappiness"));
    }
    if memory.disable_oom_killer() == Some(true) {
        return Err(unsupported("disabling the OOM killer"));
    }
    if given(memory.kernel_tcp()).is_some() {
        return Err(unsupported("kernel TCP memory"));
    }
    let limit = given(memory.limit());
    // v1's memory and swap together becomes swap alone; unlimited memory leaves nothing to subtract from.
    let swap = match (limit, given(memory.swap())) {
        (_, Some(-1)) | (Some(-1), None) => Some("max".into()),
        (Some(-1), Some(swap)) => {
            return Err(invalid(
                "memory swap limit",
                swap,
                "needs a memory limit beside it",
            ));
        }
        (Some(limit), Some(swap)) => Some((swap - limit).to_string()),
        _ => None,
    };
    if let Some(swap) = swap {
        plan.set("memory", "memory.swap.max", swap);
    }
    if let Some(limit) = limit {
        plan.set("memory", "memory.max", max_or(limit));
    }
    if let Some(reservation) = given(memory.reservation()) {
        plan.set("memory", "memory.low", max_or(reservation));
    }
    Ok(())
}

fn plan_cpu(plan: &mut Plan, cpu: &LinuxCpu) -> Result<()> {
    let (period, quota) = (given(cpu.period()), given(cpu.quota()));
    check_cpu_time(period, quota)?;
    if given(cpu.realtime_period()).is_some() || given(cpu.realtime_runtime()).is_some() {
        return Err(unsupported("CPU real-time limits"));
    }
    if let Some(idle) = cpu.idle() {
        plan.set("cpu", "cpu.idle", idle);
    }
    // The kernel refuses a weight for an idle group.
    if let Some(shares) = given(cpu.shares()).filter(|_| cpu.idle() != Some(1)) {
        plan.set("cpu", "cpu.weight", cpu_shares_to_weight(shares));
    }
    match (quota.map(max_or), period) {
        (Some(quota), Some(period)) => drop(plan.set("cpu", "cpu.max", format!("{quota} {period}"))),
        // The kernel keeps the period then.
        (Some(quota), None) => drop(plan.set("cpu", "cpu.max", quota)),
        (None, Some(period)) => drop(plan.set("cpu", "cpu.max", format!("max {period}"))),
        (None, None) => (),
    }
    if let Some(burst) = cpu.burst() {
        plan.set("cpu", "cpu.max.burst", burst);
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
    check_leaf_weights(io)?;
    if let Some(weight) = given(io.weight()) {
        check_blkio_weight(weight)?;
        // BFQ speaks the v1 range, the cost model of io.weight another one.
        plan.set("io", "io.bfq.weight", weight).otherwise =
            Some(("io.weight", io_weight_from_blkio(weight).to_string()));
    }
    for device in io.weight_device().iter().flatten() {
        if let Some(weight) = given(device.weight()) {
            check_blkio_weight(weight)?;
            let number = format!("{}:{}", device.major(), device.minor());
            plan.set("io", "io.bfq.weight", format!("{number} {weight}"))
                .otherwise = Some(("io.weight", format!("{number} {}", io_weight_from_blkio(weight))));
        }
    }
    for (key, rules) in [
        ("rbps", io.throttle_read_bps_device()),
        ("wbps", io.throttle_write_bps_device()),
        ("riops", io.throttle_read_iops_device()),
        ("wiops", io.throttle_write_iops_device()),
    ] {
        for rule in rules.iter().flatten() {
            // As for `unified` below: v1 reads rate 0 as no limit, v2 refuses it.
            let rate = if rule.rate() == 0 {
                "max".into()
            } else {
                rule.rate().to_string()
            };
            plan.set("io", "io.max", format!("{} {key}={rate}", device_number(rule)));
        }
    }
    Ok(())
}

/// Raw file-to-value pairs; sorted, because a map has no order worth keeping.
fn plan_unified(plan: &mut Plan, resources: &LinuxResources) -> Result<()> {
    let mut pairs: Vec<_> = resources.unified().iter().flatten().collect();
    pairs.sort_unstable();
    for (file, value) in pairs {
        let plain = !file.is_empty() && !file.contains('/') && !file.contains("..");
        let controller = file.split_once('.').map(|(controller, _)| controller);
        let (true, Some(controller)) = (plain, controller.filter(|c| *c != "cgroup")) else {
            return Err(invalid("unified resource", file, "must name a controller's file"));
        };
        let controller = match controller {
            "cpu" => "cpu",
            "cpuset" => "cpuset",
            "io" => "io",
            "memory" => "memory",
            "pids" => "pids",
            "hugetlb" => "hugetlb",
            "rdma" => "rdma",
            "misc" => "misc",
            _ => return Err(invalid("unified resource", file, "no such controller")),
        };
        plan.set(controller, file.clone(), value);
    }
    Ok(())
}

fn unsupported(setting: &str) -> Error {
    Error::Unsupported {
        setting: setting.into(),
        by: "cgroup v2",
    }
}

#[cfg(test)]
#[path = "plan_v2_tests.rs"]
mod tests;
