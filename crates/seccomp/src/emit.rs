//! Instruction selection: comparisons of call numbers and 64-bit arguments in a 32-bit machine.

use crate::policy::{Answer, Case, Policy, Range};
use crate::profile::{Argument, Comparison};
use crate::{Action, Instruction};

// Operations, composed as in linux/bpf_common.h.
const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;

/// Appends the dispatch on the architecture and each section; anything else gets `foreign`.
pub(crate) fn dispatch(sections: Vec<(u32, Vec<Instruction>)>, foreign: Action, out: &mut Vec<Instruction>) {
    out.push(load(ARCH));
    for (audit, section) in sections {
        // Not equal: over the long jump's own section to the next comparison.
        out.push(Instruction {
            code: JUMP_EQUAL,
            jt: 1,
            jf: 0,
            k: audit,
        });
        out.push(jump(section.len() as u32 + 1));
        out.push(load(NUMBER));
        out.extend(section);
    }
    out.push(give(foreign));
}

/// The code for one architecture, with the number loaded.
pub(crate) fn section(policy: &Policy, default: Action) -> Vec<Instruction> {
    let mut out = Vec::with_capacity(policy.ranges.len() * 2);
    branch(&policy.ranges, default, policy.narrow, &mut out);
    out
}

/// Cuts the ranges in halves until each piece fits into the reach of an eight-bit jump.
fn branch(ranges: &[Range], default: Action, narrow: bool, out: &mut Vec<Instruction>) {
    if let Some(mut tree) = tree(ranges, default, narrow) {
        return out.append(&mut tree);
    }
    let (lower, upper) = ranges.split_at(ranges.len() / 2);
    let mut below = Vec::new();
    branch(lower, default, narrow, &mut below);
    out.push(Instruction {
        code: JUMP_AT_LEAST,
        jt: 0,
        jf: 1,
        k: upper[0].start,
    });
    out.push(jump(below.len() as u32));
    out.append(&mut below);
    branch(upper, default, narrow, out);
}

/// A balanced tree of comparisons, then the code of answers that depend on arguments, then the plain answers, each
/// once: loading a filter costs the kernel time by its length. `None` if a jump would be too long.
fn tree(ranges: &[Range], default: Action, narrow: bool) -> Option<Vec<Instruction>> {
    // One comparison between each two ranges; a lone range is its answer.
    let comparisons = ranges.len() - 1;
    let mut code = Vec::with_capacity(comparisons + 8);
    let mut answers: Vec<(&Answer, usize)> = Vec::new();
    let (conditional, plain): (Vec<_>, Vec<_>) = ranges
        .iter()
        .map(|range| &range.answer)
        .partition(|answer| matches!(answer, Answer::ByArguments(_)));
    for answer in conditional.into_iter().chain(plain) {
        if answers.iter().any(|(known, _)| *known == answer) {
            continue;
        }
        answers.push((answer, comparisons + code.len()));
        match answer {
            Answer::Always(action) => code.push(give(*action)),
            Answer::ByArguments(cases) => {
                emit_cases(cases, narrow, &mut code);
                code.push(give(default));
            }
        }
    }
    let position = |answer| {
        answers
            .iter()
            .find(|(known, _)| *known == answer)
            .map(|(_, at)| *at)
    };
    let mut out = Vec::with_capacity(comparisons + code.len());
    compare(ranges, &position, &mut out)?;
    out.append(&mut code);
    Some(out)
}

/// Appends the comparisons of a tree, which stands at the beginning of `out`; gives where the tree begins.
fn compare<'a>(
    ranges: &'a [Range],
    position: &impl Fn(&'a Answer) -> Option<usize>,
    out: &mut Vec<Instruction>,
) -> Option<usize> {
    if let [range] = ranges {
        return position(&range.answer);
    }
    let (lower, upper) = ranges.split_at(ranges.len() / 2);
    let here = out.len();
    out.push(Instruction {
        code: JUMP_AT_LEAST,
        jt: 0,
        jf: 0,
        k: upper.first()?.start,
    });
    let below = compare(lower, position, out)?;
    let above = compare(upper, position, out)?;
    out[here].jf = u8::try_from(below - here - 1).ok()?;
    out[here].jt = u8::try_from(above - here - 1).ok()?;
    Some(here)
}

/// Where a comparison goes on to.
#[derive(Clone, Copy, PartialEq)]
enum Goal {
    /// The next instruction.
    Next,
    /// The condition is met: behind it.
    Met,
    /// It is not: behind the whole case.
    Failed,
}

/// An instruction whose jumps are still goals.
struct Step {
    code: u16,
    k: u32,
    yes: Goal,
    no: Goal,
}

/// Code that returns the first matching case's action and falls through if none does.
fn emit_cases(mut cases: &[Case], narrow: bool, out: &mut Vec<Instruction>) {
    while let Some(first) = cases.first() {
        let alike = cases
            .iter()
            .take_while(|case| alternatives(first, case))
            .count()
            .max(1);
        let (group, rest) = cases.split_at(alike.min(MOST_ALTERNATIVES));
        let conditions: Vec<Vec<Step>> = match group {
            [_] => first.conditions.iter().map(|c| condition(*c, narrow)).collect(),
            _ => vec![any_of(group, narrow)],
        };
        emit_case(conditions, first.action, out);
        cases = rest;
    }
}

/// So many that their jumps fit into eight bits.
const MOST_ALTERNATIVES: usize = 200;

/// Whether two cases differ in one value only, so that the argument need be loaded but once. Loads are what a filter
/// costs most to compile in the kernel.
fn alternatives(one: &Case, other: &Case) -> bool {
    match (&one.conditions[..], &other.conditions[..]) {
        ([a], [b]) => {
            (a.op, b.op) == (Comparison::Eq, Comparison::Eq)
                && (a.index, a.value >> 32, one.action) == (b.index, b.value >> 32, other.action)
        }
        _ => false,
    }
}

/// One condition out of several that are [`alternatives`].
fn any_of(group: &[Case], narrow: bool) -> Vec<Step> {
    let mut conditions = group.iter().flat_map(|case| &case.conditions);
    let Some(first) = conditions.next() else {
        return Vec::new();
    };
    let mut steps = condition(*first, narrow);
    for argument in conditions {
        if let Some(last) = steps.last_mut() {
            last.no = Goal::Next;
        }
        steps.push(Step {
            code: JUMP_EQUAL,
            k: argument.value as u32,
            yes: Goal::Met,
            no: Goal::Failed,
        });
    }
    steps
}

fn emit_case(conditions: Vec<Vec<Step>>, action: Action, out: &mut Vec<Instruction>) {
    // At most six conditions of six steps, or one of the length above: every jump fits into eight bits.
    let mut left: usize = conditions.iter().map(Vec::len).sum();
    for steps in conditions {
        let length = steps.len();
        for (index, step) in steps.into_iter().enumerate() {
            let offset = |goal| match goal {
                Goal::Next => 0,
                Goal::Met => (length - index - 1) as u8,
                Goal::Failed => (left - index) as u8,
            };
            out.push(Instruction {
                code: step.code,
                jt: offset(step.yes),
                jf: offset(step.no),
                k: step.k,
            });
        }
        left -= length;
    }
    out.push(give(action));
}

/// A 64-bit comparison: the upper halves decide unless they are equal. Those of narrow arguments always are.
fn condition(argument: Argument, narrow: bool) -> Vec<Step> {
    use Goal::{Failed, Met, Next};
    let lower = ARGUMENTS + 8 * argument.index;
    let halves = |value: u64| ((value >> 32) as u32, value as u32);
    let load = |offset| Step {
        code: LOAD,
        k: offset,
        yes: Next,
        no: Next,
    };
    let and = |mask| Step {
        code: AND,
        k: mask,
        yes: Next,
        no: Next,
    };
    let test = |code, k, yes, no| Step { code, k, yes, no };
    let (high, low) = halves(argument.value);
    let (mut upper_half, lower_half) = match argument.op {
        Comparison::Eq => (
            vec![load(lower + 4), test(JUMP_EQUAL, high, Next, Failed)],
            vec![load(lower), test(JUMP_EQUAL, low, Met, Failed)],
        ),
        Comparison::Ne => (
            vec![load(lower + 4), test(JUMP_EQUAL, high, Next, Met)],
            vec![load(lower), test(JUMP_EQUAL, low, Failed, Met)],
        ),
        Comparison::Gt | Comparison::Ge | Comparison::Lt | Comparison::Le => {
            // Less is not at least; less or equal is not greater.
            let (more, other) = match argument.op {
                Comparison::Gt | Comparison::Ge => (Met, Failed),
                _ => (Failed, Met),
            };
            let code = match argument.op {
                Comparison::Gt | Comparison::Le => JUMP_GREATER,
                _ => JUMP_AT_LEAST,
            };
            let mut upper_half = vec![load(lower + 4), test(JUMP_GREATER, high, more, Next)];
            if high != 0 {
                // What is not greater than zero is equal to it.
                upper_half.push(test(JUMP_EQUAL, high, Next, other));
            }
            (upper_half, vec![load(lower), test(code, low, more, other)])
        }
        Comparison::MaskedEq => {
            let (value_high, value_low) = halves(argument.value_two);
            (
                vec![
                    load(lower + 4),
                    and(high),
                    test(JUMP_EQUAL, value_high, Next, Failed),
                ],
                vec![load(lower), and(low), test(JUMP_EQUAL, value_low, Met, Failed)],
            )
        }
    };
    // No bit of the upper half counts (a value there was masked away with it).
    let indifferent = argument.op == Comparison::MaskedEq && high == 0;
    if narrow || indifferent {
        return lower_half;
    }
    upper_half.extend(lower_half);
    upper_half
}

const fn load(offset: u32) -> Instruction {
    Instruction {
        code: LOAD,
        jt: 0,
        jf: 0,
        k: offset,
    }
}

const fn jump(offset: u32) -> Instruction {
    Instruction {
        code: JUMP,
        jt: 0,
        jf: 0,
        k: offset,
    }
}

fn give(action: Action) -> Instruction {
    Instruction {
        code: RETURN,
        jt: 0,
        jf: 0,
        k: action.code(),
    }
}
