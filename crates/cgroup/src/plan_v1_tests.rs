//! Golden plans for v1.

use oci_spec::runtime::LinuxResources;

use crate::{Error, Hierarchy, Layout, plan};

fn layout() -> Layout {
    let names = [
        "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "hugetlb", "rdma",
    ];
    let hierarchies = names.map(|name| Hierarchy {
        controllers: vec![name.to_owned()],
        mountpoint: format!("/sys/fs/cgroup/{name}").into(),
    });
    Layout::V1 {
        hierarchies: hierarchies.into(),
    }
}

fn planned(json: &str) -> Result<String, Error> {
    let resources: LinuxResources = serde_json::from_str(json).unwrap();
    plan(&layout(), &resources).map(|plan| plan.to_string())
}

#[test]
fn every_setting() {
    let json = r#"{
        "devices": [{"allow": false, "access": "rwm"},
                    {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"}],
        "memory": {"limit": 536870912, "swap": 1073741824, "reservation": 268435456, "swappiness": 10,
                   "disableOOMKiller": true},
        "cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0-1", "mems": "0"},
        "pids": {"limit": 100},
        "blockIO": {"weight": 300, "weightDevice": [{"major": 8, "minor": 0, "weight": 200}],
                    "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1048576}],
                    "throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 10}]},
        "hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}],
        "rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}}
    }"#;
    let golden = "\
devices.deny = a
devices.allow = c 1:3 rwm
memory.limit_in_bytes = 536870912 (with next)
memory.memsw.limit_in_bytes = 1073741824
memory.soft_limit_in_bytes = 268435456
memory.swappiness = 10
memory.oom_control = 1
cpu.shares = 512
cpu.cfs_period_us = 100000 (with next)
cpu.cfs_quota_us = 50000
cpuset.cpus = 0-1
cpuset.mems = 0
pids.max = 100
blkio.weight = 300 | blkio.bfq.weight = 300
blkio.weight_device = 8:0 200 | blkio.bfq.weight_device = 8:0 200
blkio.throttle.read_bps_device = 8:0 1048576
blkio.throttle.write_iops_device = 8:0 10
hugetlb.2MB.limit_in_bytes = 4194304
rdma.max = mlx5_1 hca_handle=3 hca_object=10000
";
    assert_eq!(planned(json).unwrap(), golden);
}

#[test]
fn zero_is_not_set_and_unlimited_lifts_swap_too() {
    assert_eq!(
        planned(r#"{"memory": {"limit": 0, "swap": 0}, "cpu": {"shares": 0, "quota": 0}}"#).unwrap(),
        ""
    );
    assert_eq!(
        planned(r#"{"memory": {"limit": -1}, "pids": {"limit": -1}}"#).unwrap(),
        "memory.limit_in_bytes = -1 (with next)\nmemory.memsw.limit_in_bytes = -1\npids.max = max\n"
    );
}

#[test]
fn refusals() {
    let message = |json| planned(json).unwrap_err().to_string();
    assert_eq!(
        message(r#"{"memory": {"limit": 100, "swap": 50}}"#),
        "invalid memory swap limit 50: memory plus swap must not be less than the memory limit"
    );
    assert_eq!(
        message(r#"{"cpu": {"quota": 10}}"#),
        "invalid CPU quota 10: must be at least 1000 microseconds"
    );
    assert_eq!(
        message(r#"{"network": {"classID": 1048577}}"#),
        "cannot set the network class: the net_cls cgroup controller is not available"
    );
    assert_eq!(
        message(r#"{"unified": {"memory.high": "1"}}"#),
        "cannot set unified resources: not supported by cgroup v1"
    );
    assert_eq!(
        message(r#"{"memory": {"kernel": 1}}"#),
        "cannot set kernel memory: not supported by the kernel"
    );
    assert_eq!(
        message(r#"{"blockIO": {"weight": 5}}"#),
        "invalid block I/O weight 5: must be within 10 and 1000"
    );
}
