//! From a profile to what each call number gets on each architecture, with libseccomp's and runc's reading of rules.
//!
//! - A rule whose answer is the default is dropped.
//! - A rule without arguments beats every rule with arguments for the same call, wherever it stands; of several such,
//!   the first counts. Otherwise the first rule whose arguments match counts.
//! - If a rule speaks of one argument twice, each of its conditions is a rule of its own.
//! - On 32-bit x86 a rule for a socket or System V IPC call also covers its number under `socketcall` or `ipc`.
//! - If the default forbids, calls newer than the newest one that the profile names fail with ENOSYS, so that programs
//!   fall back to older calls.

use std::collections::BTreeMap;

use crate::arch::X32_BIT;
use crate::profile::{Argument, Comparison, Conditions, Profile, Rule};
use crate::syscalls::{multiplexed, numbers};
use crate::{Action, Arch, syscall_number};

/// What a filter is compiled for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The machine: [`Arch::X86_64`] or [`Arch::Aarch64`].
    pub arch: Arch,
    /// The kernel's version.
    pub kernel: (u32, u32),
    /// The bounding set of the process, `CAP_SYS_ADMIN` and so on.
    pub capabilities: &'a [&'a str],
}

/// The answers to all calls that arrive under one audit architecture.
#[derive(Debug)]
pub(crate) struct Policy {
    /// `AUDIT_ARCH_*`.
    pub(crate) audit: u32,
    /// Arguments are 32 bits wide: the upper halves are zero, in the rules, too.
    pub(crate) narrow: bool,
    /// Answers from `start` on, up to the next one's start; the first starts at 0. Neighbours differ.
    pub(crate) ranges: Vec<Range>,
}

/// Numbers with one answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: u32,
    pub(crate) answer: Answer,
}

/// The answer to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Whatever the arguments.
    Always(Action),
    /// The first case that matches, else the default.
    ByArguments(Vec<Case>),
}

/// An answer for arguments that meet all conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) conditions: Vec<Argument>,
    pub(crate) action: Action,
}

impl Policy {
    /// One policy for each audit architecture of the profile, the native one first.
    pub(crate) fn all(profile: &Profile, target: &Target<'_>) -> Vec<Self> {
        let arches = arches(profile, target.arch);
        let rules: Vec<&Rule> = profile.rules.iter().filter(|rule| holds(rule, target)).collect();
        let mut policies: Vec<Self> = Vec::with_capacity(2);
        for &arch in arches.iter().filter(|arch| **arch != Arch::X32) {
            let mut answers = answers(profile, &rules, arch);
            if arch == Arch::X86_64 {
                if arches.contains(&Arch::X32) {
                    // x32 shares the audit architecture: its numbers follow after the flag bit.
                    answers.append(&mut self::answers(profile, &rules, Arch::X32));
                } else {
                    answers.insert(X32_BIT, Answer::Always(crate::compile::FOREIGN));
                }
            }
            policies.push(Self {
                audit: arch.audit(),
                narrow: arch.narrow(),
                ranges: merge(answers),
            });
        }
        policies
    }
}

/// The native architecture and those the profile accepts beside it. Other machines' cannot occur here.
fn arches(profile: &Profile, native: Arch) -> Vec<Arch> {
    let mapped = profile
        .arch_map
        .iter()
        .find(|(name, _)| name == native.name())
        .map(|(_, subs)| subs);
    let accepted = |arch: &Arch| {
        let name = arch.name();
        profile.architectures.iter().any(|a| a == name) || mapped.is_some_and(|m| m.iter().any(|a| a == name))
    };
    std::iter::once(native)
        .chain(native.companions().filter(accepted))
        .collect()
}

/// Whether the rule is in force for this machine, kernel and capabilities.
fn holds(rule: &Rule, target: &Target<'_>) -> bool {
    let on_machine = |c: &Conditions| c.machines.iter().any(|m| m == target.arch.machine());
    let has = |cap: &String| target.capabilities.contains(&cap.as_str());
    let new_enough = |c: &Conditions| c.min_kernel.map(|version| target.kernel >= version);
    let (includes, excludes) = (&rule.includes, &rule.excludes);
    let excluded =
        on_machine(excludes) || excludes.capabilities.iter().any(has) || new_enough(excludes) == Some(true);
    let included = (includes.machines.is_empty() || on_machine(includes))
        && includes.capabilities.iter().all(has)
        && new_enough(includes) != Some(false);
    included && !excluded
}

/// Answers by first number on one architecture, the gaps between named calls included.
fn answers(profile: &Profile, rules: &[&Rule], arch: Arch) -> BTreeMap<u32, Answer> {
    let default = profile.default_action;
    let mut named: BTreeMap<u32, Answer> = BTreeMap::new();
    let mut newest = None;
    for rule in rules {
        let cases = cases(rule, arch);
        for name in &rule.names {
            let number = numbers(name).and_then(|numbers| numbers[arch as usize]);
            newest = newest.max(number);
            if rule.action == default {
                continue;
            }
            if let Some(number) = number {
                add(&mut named, number, &cases, rule.action);
            }
            if arch == Arch::X86
                && let Some((multiplexer, sub_number)) = multiplexed(name)
                && let Some(number) = syscall_number(arch, multiplexer)
            {
                newest = newest.max(Some(number));
                add(
                    &mut named,
                    number,
                    &multiplexed_cases(&cases, rule.action, sub_number),
                    rule.action,
                );
            }
        }
    }
    let first = if arch == Arch::X32 { X32_BIT } else { 0 };
    let mut answers = BTreeMap::from([(first, Answer::Always(default))]);
    for (number, answer) in named {
        answers.insert(number, answer);
        // Overwritten at once if the next number has an answer of its own.
        answers.insert(number + 1, Answer::Always(default));
    }
    if let Some(newest) = newest.filter(|_| !default.passes()) {
        // 38 is ENOSYS on every architecture here.
        answers.insert(newest + 1, Answer::Always(Action::Errno(38)));
    }
    answers
}

/// Adds a rule for one call: no cases means whatever the arguments.
fn add(named: &mut BTreeMap<u32, Answer>, number: u32, cases: &[Case], action: Action) {
    use std::collections::btree_map::Entry;
    match named.entry(number) {
        Entry::Vacant(entry) if cases.is_empty() => drop(entry.insert(Answer::Always(action))),
        Entry::Vacant(entry) => drop(entry.insert(Answer::ByArguments(cases.to_vec()))),
        Entry::Occupied(mut entry) => match entry.get_mut() {
            Answer::Always(_) => (),
            Answer::ByArguments(_) if cases.is_empty() => drop(entry.insert(Answer::Always(action))),
            Answer::ByArguments(present) => present.extend_from_slice(cases),
        },
    }
}

/// The rule's cases; none if it has no conditions.
fn cases(rule: &Rule, arch: Arch) -> Vec<Case> {
    if rule.arguments.is_empty() {
        return Vec::new();
    }
    let conditions: Vec<Argument> = rule
        .arguments
        .iter()
        .map(|argument| fit(*argument, arch))
        .collect();
    let twice = (1..conditions.len()).any(|i| conditions[..i].iter().any(|c| c.index == conditions[i].index));
    let case = |conditions| Case {
        conditions,
        action: rule.action,
    };
    if twice {
        conditions.into_iter().map(|c| case(vec![c])).collect()
    } else {
        vec![case(conditions)]
    }
}

/// The same under a multiplexer: its first argument is the sub-number, the others are compared as they come.
fn multiplexed_cases(cases: &[Case], action: Action, sub_number: u64) -> Vec<Case> {
    let first = Argument {
        index: 0,
        value: sub_number,
        value_two: 0,
        op: Comparison::Eq,
    };
    if cases.is_empty() {
        return vec![Case {
            conditions: vec![first],
            action,
        }];
    }
    let multiplex = |case: &Case| {
        let others = case
            .conditions
            .iter()
            .filter(|condition| condition.index != 0)
            .copied();
        Case {
            conditions: std::iter::once(first).chain(others).collect(),
            action,
        }
    };
    cases.iter().map(multiplex).collect()
}

/// A condition as the architecture can meet it: bits outside the mask, or outside a narrow register, do not count.
fn fit(mut argument: Argument, arch: Arch) -> Argument {
    if argument.op == Comparison::MaskedEq {
        argument.value_two &= argument.value;
    }
    if arch.narrow() {
        argument.value &= 0xffff_ffff;
        argument.value_two &= 0xffff_ffff;
    }
    argument
}

fn merge(answers: BTreeMap<u32, Answer>) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::with_capacity(answers.len());
    for (start, answer) in answers {
        if ranges.last().is_none_or(|last| last.answer != answer) {
            ranges.push(Range { start, answer });
        }
    }
    ranges
}
