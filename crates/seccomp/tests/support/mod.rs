//! Classic BPF run in the test itself, and profiles read the slow and obvious way.

#![allow(dead_code)] // each test binary uses its part

use corten_seccomp::{Action, Arch, Argument, Comparison, Instruction, Profile, Target, syscall_number};

/// One system call as the filter sees it.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub arch: u32,
    pub number: u32,
    pub args: [u64; 6],
}

/// Runs a filter as the kernel does.
pub fn run(program: &[Instruction], call: &Call) -> u32 {
    let word = |offset: u32| match offset {
        0 => call.number,
        4 => call.arch,
        16..=63 => (call.args[(offset as usize - 16) / 8] >> (8 * (offset % 8))) as u32,
        _ => panic!("load from {offset}"),
    };
    let (mut a, mut pc) = (0u32, 0usize);
    loop {
        let Instruction { code, jt, jf, k } = program[pc];
        pc += 1;
        let test = |holds: bool| usize::from(if holds { jt } else { jf });
        match code {
            0x20 => a = word(k),
            0x54 => a &= k,
            0x05 => pc += k as usize,
            0x15 => pc += test(a == k),
            0x25 => pc += test(a > k),
            0x35 => pc += test(a >= k),
            0x06 => return k,
            _ => panic!("operation {code:#x}"),
        }
    }
}

pub fn audit(arch: Arch) -> u32 {
    match arch {
        Arch::X86_64 | Arch::X32 => 0xc000_003e,
        Arch::X86 => 0x4000_0003,
        Arch::Aarch64 => 0xc000_00b7,
        Arch::Arm => 0x4000_0028,
    }
}

/// What the profile says to a call of `arch`, evaluated rule by rule. Not for socketcall and ipc of x86.
pub fn meaning(profile: &Profile, target: &Target<'_>, arch: Arch, call: &Call) -> u32 {
    let machine = match target.arch {
        Arch::X86_64 => "amd64",
        _ => "arm64",
    };
    let has = |cap: &String| target.capabilities.iter().any(|c| c == cap);
    let mut newest = 0;
    let mut unconditional = None;
    let mut conditional = None;
    for rule in &profile.rules {
        let (i, e) = (&rule.includes, &rule.excludes);
        let applies = (i.machines.is_empty() || i.machines.iter().any(|m| m == machine))
            && i.capabilities.iter().all(has)
            && i.min_kernel.is_none_or(|v| target.kernel >= v)
            && !e.machines.iter().any(|m| m == machine)
            && !e.capabilities.iter().any(has)
            && e.min_kernel.is_none_or(|v| target.kernel < v);
        if !applies {
            continue;
        }
        for name in &rule.names {
            let Some(number) = syscall_number(arch, name) else {
                continue;
            };
            newest = newest.max(number);
            if number != call.number || rule.action == profile.default_action {
                continue;
            }
            let met = |a: &Argument| {
                let narrow = if matches!(arch, Arch::X86 | Arch::Arm) {
                    0xffff_ffff
                } else {
                    u64::MAX
                };
                let (arg, value) = (call.args[a.index as usize] & narrow, a.value & narrow);
                match a.op {
                    Comparison::Ne => arg != value,
                    Comparison::Lt => arg < value,
                    Comparison::Le => arg <= value,
                    Comparison::Eq => arg == value,
                    Comparison::Ge => arg >= value,
                    Comparison::Gt => arg > value,
                    Comparison::MaskedEq => arg & value == a.value_two & value,
                }
            };
            let mut indices: Vec<u32> = rule.arguments.iter().map(|a| a.index).collect();
            indices.sort_unstable();
            indices.dedup();
            if rule.arguments.is_empty() {
                unconditional.get_or_insert(rule.action);
            } else if indices.len() < rule.arguments.len() {
                if rule.arguments.iter().any(met) {
                    conditional.get_or_insert(rule.action);
                }
            } else if rule.arguments.iter().all(met) {
                conditional.get_or_insert(rule.action);
            }
        }
    }
    let passes = matches!(
        profile.default_action,
        Action::Allow | Action::Log | Action::Trace(_)
    );
    let fallback = if call.number > newest && !passes {
        Action::Errno(38)
    } else {
        profile.default_action
    };
    unconditional.or(conditional).unwrap_or(fallback).code()
}
