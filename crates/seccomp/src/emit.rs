//! Instruction selection: comparisons of call numbers and 64-bit arguments in a 32-bit machine.

use crate::policy::{Answer, Case, Range};
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

/// The code for one architecture, with the number loaded: a balanced tree of comparisons over the ranges.
pub(crate) fn tree(ranges: &[Range], default: Action) -> Vec<Instruction> {
    let mut out = Vec::with_capacity(ranges.len() * 3);
    branch(ranges, default, &mut out);
    out
}

fn branch(ranges: &[Range], default: Action, out: &mut Vec<Instruction>) {
    let [range] = ranges else {
        let (lower, upper) = ranges.split_at(ranges.len() / 2);
        let Some(first) = upper.first() else { return };
        let comparison = out.len();
        out.push(Instruction {
            code: JUMP_AT_LEAST,
            jt: 0,
            jf: 0,
            k: first.start,
        });
        branch(lower, default, out);
        let skipped = out.len() - comparison - 1;
        match u8::try_from(skipped) {
            Ok(skipped) => out[comparison].jt = skipped,
            Err(_) => {
                // Too far for eight bits: a long jump stands in for the upper half.
                out[comparison].jf = 1;
                out.insert(comparison + 1, jump(skipped as u32));
            }
        }
        return branch(upper, default, out);
    };
    match &range.answer {
        Answer::Always(action) => out.push(give(*action)),
        Answer::ByArguments(cases) => {
            cases.iter().for_each(|c| case(c, out));
            out.push(give(default));
        }
    }
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

/// Code that returns the case's action if its conditions are met and falls through if not.
fn case(case: &Case, out: &mut Vec<Instruction>) {
    let conditions: Vec<Vec<Step>> = case.conditions.iter().map(|c| condition(*c)).collect();
    // At most six conditions of six steps: every jump fits into eight bits.
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
    out.push(give(case.action));
}

/// A 64-bit comparison: the upper halves decide unless they are equal.
fn condition(argument: Argument) -> Vec<Step> {
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
    match argument.op {
        Comparison::Eq => vec![
            load(lower + 4),
            test(JUMP_EQUAL, high, Next, Failed),
            load(lower),
            test(JUMP_EQUAL, low, Met, Failed),
        ],
        Comparison::Ne => vec![
            load(lower + 4),
            test(JUMP_EQUAL, high, Next, Met),
            load(lower),
            test(JUMP_EQUAL, low, Failed, Met),
        ],
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
            vec![
                load(lower + 4),
                test(JUMP_GREATER, high, more, Next),
                test(JUMP_EQUAL, high, Next, other),
                load(lower),
                test(code, low, more, other),
            ]
        }
        Comparison::MaskedEq => {
            let (value_high, value_low) = halves(argument.value_two);
            vec![
                load(lower + 4),
                and(high),
                test(JUMP_EQUAL, value_high, Next, Failed),
                load(lower),
                and(low),
                test(JUMP_EQUAL, value_low, Met, Failed),
            ]
        }
    }
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
