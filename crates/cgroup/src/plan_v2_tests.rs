//! Golden plans for v2.

use oci_spec::runtime::LinuxResources;

use crate::{Error, Layout, plan};

fn planned(json: &str) -> Result<String, Error> {
    let controllers = ["cpuset", "cpu", "io", "memory", "hugetlb", "pids"]
        .map(str::to_owned)
        .into();
    let layout = Layout::V2 {
        mountpoint: "/sys/fs/cgroup".into(),
        controllers,
    };
    let resources: LinuxResources = serde_json::from_str(json).unwrap();
    plan(&layout, &resources).map(|plan| plan.to_string())
}

#[test]
fn every_setting() {
    let json = r#"{
        "devices": [{"allow": false, "access": "rwm"},
                    {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rw"}],
        "memory": {"limit": 536870912, "swap": 1073741824, "reservation": 268435456},
        "cpu": {"shares": 1024, "quota": 50000, "period": 100000, "burst": 1000, "cpus": "0-1", "mems": "0"},
        "pids": {"limit": 100},
        "blockIO": {"weight": 300, "weightDevice": [{"major": 8, "minor": 0, "weight": 1000}],
                    "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1048576}],
                    "throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 0}]},
        "hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}],
        "unified": {"memory.high": "100M", "cpu.weight.nice": "3"}
    }"#;
    let golden = "\
memory.swap.max = 536870912
memory.max = 536870912
memory.low = 268435456
cpu.weight = 100
cpu.max = 50000 100000
cpu.max.burst = 1000
cpuset.cpus = 0-1
cpuset.mems = 0
pids.max = 100
io.bfq.weight = 300 | io.weight = 2930
io.bfq.weight = 8:0 1000 | io.weight = 8:0 10000
io.max = 8:0 rbps=1048576
io.max = 8:0 wiops=max
hugetlb.2MB.max = 4194304
cpu.weight.nice = 3
memory.high = 100M
device program:
0: r2 = u32[r1+0]
1: r3 = r2
2: r3 >>= 16
3: r2 &= 0xffff
4: r4 = u32[r1+4]
5: r5 = u32[r1+8]
6: if r2 != 2 goto 13
7: if r4 != 1 goto 13
8: if r5 != 3 goto 13
9: r3 &= 0xfffffff9
10: if r3 != 0 goto 13
11: r0 = 1
12: exit
13: r0 = 0
14: exit
";
    assert_eq!(planned(json).unwrap(), golden);
}

#[test]
fn quota_and_swap_alone() {
    assert_eq!(
        planned(r#"{"cpu": {"quota": 50000}}"#).unwrap(),
        "cpu.max = 50000\n"
    );
    assert_eq!(
        planned(r#"{"cpu": {"quota": -1, "period": 50000}}"#).unwrap(),
        "cpu.max = max 50000\n"
    );
    assert_eq!(
        planned(r#"{"memory": {"limit": 100, "swap": 100}}"#).unwrap(),
        "memory.swap.max = 0\nmemory.max = 100\n"
    );
    assert_eq!(
        planned(r#"{"memory": {"limit": 100, "swap": -1}}"#).unwrap(),
        "memory.swap.max = max\nmemory.max = 100\n"
    );
    assert_eq!(
        planned(r#"{"memory": {"limit": -1}}"#).unwrap(),
        "memory.swap.max = max\nmemory.max = max\n"
    );
}

#[test]
fn refusals() {
    for (json, message) in [
        (
            r#"{"memory": {"swap": 50}}"#,
            "invalid memory swap limit 50: needs a memory limit beside it",
        ),
        (
            r#"{"memory": {"swappiness": 0}}"#,
            "cannot set memory swappiness: not supported by cgroup v2",
        ),
        (
            r#"{"cpu": {"realtimeRuntime": 950000}}"#,
            "cannot set CPU real-time limits: not supported by cgroup v2",
        ),
        (
            r#"{"unified": {"../x.y": "1"}}"#,
            "invalid unified resource ../x.y: must name a controller's file",
        ),
        (
            r#"{"unified": {"cgroup.freeze": "1"}}"#,
            "invalid unified resource cgroup.freeze: must name a controller's file",
        ),
        (
            r#"{"rdma": {"mlx5_1": {"hcaHandles": 3}}}"#,
            "cannot set RDMA limits: the rdma cgroup controller is not available",
        ),
    ] {
        assert_eq!(planned(json).unwrap_err().to_string(), message, "{json}");
    }
}
