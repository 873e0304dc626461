//! Every call number of every architecture: the compiled program against the profile read rule by rule.

#![allow(clippy::unwrap_used)] // helpers of tests, too, may fail loudly

mod support;

use std::time::{Duration, Instant};

use corten_seccomp::{Arch, Profile, Target, compile, syscall_number};
use support::{Call, audit, meaning, run};

const DOCKER_CAPS: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];

const PROFILE_CAPS: [&str; 13] = [
    "CAP_DAC_READ_SEARCH",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_CHROOT",
    "CAP_SYS_MODULE",
    "CAP_SYS_PACCT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_SYS_NICE",
    "CAP_SYSLOG",
    "CAP_BPF",
];

/// Capability sets: none, Docker's, all, each alone, all but each.
fn capability_sets() -> Vec<Vec<&'static str>> {
    let all: Vec<&str> = PROFILE_CAPS.iter().copied().chain(["CAP_PERFMON"]).collect();
    let mut sets = vec![vec![], DOCKER_CAPS.to_vec(), all.clone()];
    for cap in &all {
        sets.push(vec![cap]);
        sets.push(all.iter().copied().filter(|c| c != cap).collect());
    }
    sets
}

/// The architectures whose calls a filter for `native` tells apart.
fn arches(native: Arch) -> Vec<Arch> {
    match native {
        Arch::X86_64 => vec![Arch::X86_64, Arch::X86, Arch::X32],
        _ => vec![Arch::Aarch64, Arch::Arm],
    }
}

/// All numbers that may have a call on `arch`, and some beyond.
fn numbers(arch: Arch) -> Vec<u32> {
    match arch {
        Arch::X32 => (0x4000_0000..0x4000_0300)
            .chain([0x7fff_ffff, u32::MAX])
            .collect(),
        Arch::Arm => (0..700)
            .chain(0x000f_0000..0x000f_0010)
            .chain([u32::MAX])
            .collect(),
        Arch::X86_64 => (0..700).chain([0x3fff_ffff]).collect(),
        _ => (0..700).chain([0x3fff_ffff, 0x4000_0000, u32::MAX]).collect(),
    }
}

/// Argument values around everything the profiles compare with, in both halves.
const VALUES: [u64; 22] = [
    0,
    1,
    2,
    7,
    8,
    9,
    37,
    38,
    39,
    40,
    41,
    0x2_0000,
    0x2_0008,
    0x1000_0000,
    0x7e02_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0008,
    0x8_0000_0000,
    0x7_ffff_ffff,
    0x8_0000_0001,
    u64::MAX,
];

/// Compares program and meaning on one target; gives the number of calls compared.
fn check(profile: &Profile, target: &Target<'_>, mux: bool) -> usize {
    let program = compile(profile, target).unwrap();
    let mut count = 0;
    for arch in arches(target.arch) {
        let multiplexers = [syscall_number(arch, "socketcall"), syscall_number(arch, "ipc")];
        for number in numbers(arch) {
            if mux && arch == Arch::X86 && multiplexers.contains(&Some(number)) {
                continue;
            }
            for value in VALUES {
                for index in 0..2 {
                    let mut args = [value ^ 1, 0, value, 8, 0, 0];
                    args[index] = value;
                    // The kernel zero-extends 32-bit programs' arguments.
                    let mask = if matches!(arch, Arch::X86 | Arch::Arm) {
                        0xffff_ffff
                    } else {
                        u64::MAX
                    };
                    let call = Call {
                        arch: audit(arch),
                        number,
                        args: args.map(|a| a & mask),
                    };
                    let (got, wanted) = (
                        run(&program.instructions, &call),
                        meaning(profile, target, arch, &call),
                    );
                    assert_eq!(got, wanted, "{arch:?} {call:x?} {:?}", target.capabilities);
                    count += 1;
                }
            }
        }
    }
    for arch in [0, 0x4000_0015, 0xc000_00f3] {
        let call = Call {
            arch,
            number: 0,
            args: [0; 6],
        };
        assert_eq!(
            run(&program.instructions, &call),
            0,
            "a foreign architecture kills the thread"
        );
    }
    count
}

#[test]
fn docker_default_means_what_it_says() {
    let profile = Profile::docker_default();
    for arch in [Arch::X86_64, Arch::Aarch64] {
        for capabilities in [&[][..], &DOCKER_CAPS, &["CAP_SYS_ADMIN"], &PROFILE_CAPS] {
            let target = Target {
                arch,
                kernel: (6, 18),
                capabilities,
            };
            assert!(check(&profile, &target, true) > 50_000);
        }
    }
}

#[test]
fn docker_default_has_the_same_facts_as_dockers_own() {
    let reference = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/reference/seccomp-default.json"
    );
    let Ok(json) = std::fs::read(reference) else {
        eprintln!("skipped: Docker's profile is not at hand");
        return;
    };
    let (theirs, ours) = (Profile::from_json(&json).unwrap(), Profile::docker_default());
    for arch in [Arch::X86_64, Arch::Aarch64] {
        for kernel in [(4, 7), (4, 8), (6, 18)] {
            for capabilities in capability_sets() {
                let target = Target {
                    arch,
                    kernel,
                    capabilities: &capabilities,
                };
                // Equal programs are equal answers to every call there is.
                assert_eq!(
                    compile(&ours, &target).unwrap(),
                    compile(&theirs, &target).unwrap(),
                    "{target:?}"
                );
            }
        }
    }
}

/// Profiles that reach every comparison, action and reading of rules.
#[test]
fn other_profiles_mean_what_they_say() {
    let ops = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
    let subs = r#""architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_ARM", "SCMP_ARCH_S390X"]"#;
    for default in [
        "SCMP_ACT_ALLOW",
        "SCMP_ACT_ERRNO",
        "SCMP_ACT_KILL_PROCESS",
        "SCMP_ACT_TRACE",
        "SCMP_ACT_LOG",
    ] {
        let mut rules = Vec::new();
        let names = [
            "read", "write", "openat", "close", "mount", "keyctl", "clone", "ioctl",
        ];
        for (index, op) in ops.iter().enumerate() {
            let value = [
                8,
                0x8_0000_0000u64,
                39,
                0x1_0000_0008,
                0x7_ffff_ffff,
                0xffff_ffff,
                0x1_0000_0008,
            ][index];
            let name = names[index];
            rules.push(format!(
                r#"{{"names": ["{name}"], "action": "SCMP_ACT_TRAP",
                    "args": [{{"index": 0, "value": {value}, "valueTwo": 9, "op": "SCMP_CMP_{op}"}},
                             {{"index": 2, "value": 40, "op": "SCMP_CMP_LE"}}]}}"#
            ));
            rules.push(format!(
                r#"{{"names": ["{name}", "nosuchcall"], "action": "SCMP_ACT_ERRNO", "errnoRet": {},
                    "args": [{{"index": 1, "value": {value}, "valueTwo": 8, "op": "SCMP_CMP_{op}"}}]}}"#,
                100 + index
            ));
        }
        // One argument twice: either will do.
        rules.push(
            r#"{"names": ["ioctl"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 39, "op": "SCMP_CMP_EQ"}]}"#
                .into(),
        );
        // Without arguments beats with, even afterwards; of two the first counts.
        rules.push(r#"{"names": ["keyctl"], "action": "SCMP_ACT_KILL"}"#.into());
        rules.push(r#"{"names": ["keyctl"], "action": "SCMP_ACT_ALLOW"}"#.into());
        rules.push(r#"{"names": ["futex"], "action": "SCMP_ACT_LOG"}"#.into());
        let rules = rules.join(",");
        let json = format!(r#"{{"defaultAction": "{default}", {subs}, "syscalls": [{rules}]}}"#);
        let profile = Profile::from_json(json.as_bytes()).unwrap();
        for arch in [Arch::X86_64, Arch::Aarch64] {
            check(
                &profile,
                &Target {
                    arch,
                    kernel: (6, 1),
                    capabilities: &[],
                },
                false,
            );
        }
    }
}

#[test]
fn every_second_call_needs_long_jumps_and_still_fits() {
    let table = include_str!("../src/syscalls.tsv");
    let names: Vec<String> = table
        .lines()
        .skip(1)
        .step_by(2)
        .map(|l| format!("\"{}\"", l.split(' ').next().unwrap()))
        .collect();
    let json = format!(
        r#"{{"defaultAction": "SCMP_ACT_ERRNO",
            "archMap": [{{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}},
                        {{"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}}],
            "syscalls": [{{"names": [{}], "action": "SCMP_ACT_ALLOW"}}]}}"#,
        names.join(",")
    );
    let profile = Profile::from_json(json.as_bytes()).unwrap();
    for arch in [Arch::X86_64, Arch::Aarch64] {
        check(
            &profile,
            &Target {
                arch,
                kernel: (6, 1),
                capabilities: &[],
            },
            true,
        );
    }
}

#[test]
fn long_lists_of_conditions_need_long_jumps_too() {
    let rule = |name: &str, value: u64, op: &str| {
        format!(
            r#"{{"name": "{name}", "action": "SCMP_ACT_ALLOW",
                "args": [{{"index": 0, "value": {value}, "op": "SCMP_CMP_{op}"}}]}}"#
        )
    };
    let equal = (0..400).map(|value| rule("ioctl", 3 * value, "EQ"));
    let masked = (0..80).map(|value| rule("fcntl", 0x1_0000_0008 << (value % 20), "MASKED_EQ"));
    let rules: Vec<String> = equal.chain(masked).chain([rule("prctl", 7, "LT")]).collect();
    let json = format!(
        r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{}]}}"#,
        rules.join(",")
    );
    let profile = Profile::from_json(json.as_bytes()).unwrap();
    for arch in [Arch::X86_64, Arch::Aarch64] {
        let target = Target {
            arch,
            kernel: (6, 1),
            capabilities: &[],
        };
        let program = compile(&profile, &target).unwrap().instructions;
        assert!(program.len() > 700);
        for name in ["ioctl", "fcntl", "prctl", "read"] {
            let number = syscall_number(arch, name).unwrap();
            for value in (0..1300).chain(VALUES) {
                let call = Call {
                    arch: audit(arch),
                    number,
                    args: [value, 0, 0, 0, 0, 0],
                };
                assert_eq!(
                    run(&program, &call),
                    meaning(&profile, &target, arch, &call),
                    "{name} {value:#x}"
                );
            }
        }
    }
}

/// A socket call denied by name must not be reachable through the multiplexer, and x32 not at all if not accepted.
#[test]
fn side_doors_are_closed() {
    let json = r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"],
        "syscalls": [{"names": ["socket", "shmat"], "action": "SCMP_ACT_ERRNO"}]}"#;
    let profile = Profile::from_json(json.as_bytes()).unwrap();
    let target = Target {
        arch: Arch::X86_64,
        kernel: (6, 1),
        capabilities: &[],
    };
    let program = compile(&profile, &target).unwrap().instructions;
    let call = |arch, number, first| {
        run(
            &program,
            &Call {
                arch: audit(arch),
                number,
                args: [first, 0, 0, 0, 0, 0],
            },
        )
    };
    let (allow, eperm) = (0x7fff_0000, 0x0005_0001);
    assert_eq!(call(Arch::X86, 102, 1), eperm, "socketcall(SYS_SOCKET)");
    assert_eq!(call(Arch::X86, 102, 2), allow, "socketcall(SYS_BIND)");
    assert_eq!(call(Arch::X86, 117, 21), eperm, "ipc(SHMAT)");
    assert_eq!(call(Arch::X86, 359, 1), eperm, "socket");
    assert_eq!(call(Arch::X86_64, 41, 1), eperm, "socket");
    assert_eq!(
        call(Arch::X86_64, 0x4000_0000 | 41, 1),
        0,
        "x32 is a foreign architecture here"
    );
}

#[test]
fn flags() {
    let target = Target {
        arch: Arch::X86_64,
        kernel: (6, 1),
        capabilities: &[],
    };
    let of = |flags: &str| {
        let json = format!(r#"{{"defaultAction": "SCMP_ACT_ALLOW"{flags}}}"#);
        compile(&Profile::from_json(json.as_bytes()).unwrap(), &target).map(|program| program.flags)
    };
    assert_eq!(of("").unwrap(), 4);
    assert_eq!(of(r#", "flags": []"#).unwrap(), 0);
    assert_eq!(
        of(r#", "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]"#).unwrap(),
        6
    );
    assert!(of(r#", "flags": ["SECCOMP_FILTER_FLAG_X"]"#).is_err());
}

/// Not a test of speed, which depends on the machine: prints what to write down.
#[test]
fn speed() {
    let first = Instant::now();
    let profile = Profile::docker_default();
    let target = Target {
        arch: Arch::X86_64,
        kernel: (6, 18),
        capabilities: &DOCKER_CAPS,
    };
    let program = compile(&profile, &target).unwrap();
    let first = first.elapsed();
    let mut times: Vec<Duration> = (0..101)
        .map(|_| {
            let started = Instant::now();
            assert_eq!(compile(&Profile::docker_default(), &target).unwrap(), program);
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!(
        "docker default: {} instructions, first {first:?}, median {:?}",
        program.instructions.len(),
        times[50]
    );
    assert_eq!(program.to_bytes().len(), program.instructions.len() * 8);
}
