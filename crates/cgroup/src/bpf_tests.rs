//! The device program run by a small interpreter, against the meaning of the rules spelled out.

use super::*;
use crate::device::tests::rules;
use crate::device::{MKNOD, READ, WRITE};

/// Runs the program as the kernel would for one access.
fn run(program: &DeviceProgram, kind: u32, access: u32, major: u32, minor: u32) -> bool {
    let context = [access << 16 | kind, major, minor];
    let mut registers = [0u32; 6];
    let mut pc = 0;
    loop {
        let insn = program.insns[pc];
        let (to, from) = (usize::from(insn.registers & 15), usize::from(insn.registers >> 4));
        let immediate = insn.immediate as u32;
        pc += 1;
        match insn.code {
            LOAD_U32 => registers[to] = context[insn.offset as usize / 4],
            MOVE => registers[to] = registers[from],
            MOVE_IMM => registers[to] = immediate,
            AND_IMM => registers[to] &= immediate,
            SHIFT_RIGHT_IMM => registers[to] >>= immediate,
            JUMP_IF_NOT if registers[to] != immediate => pc += insn.offset as usize,
            JUMP_IF if registers[to] == immediate => pc += insn.offset as usize,
            JUMP_IF | JUMP_IF_NOT => (),
            EXIT => return registers[0] == 1,
            code => panic!("operation {code:#x}"),
        }
    }
}

/// Last match wins, for each bit of the request.
fn meaning(rules: &[Rule], kind: u32, access: u32, major: u32, minor: u32) -> bool {
    [MKNOD, READ, WRITE]
        .into_iter()
        .filter(|bit| access & bit != 0)
        .all(|bit| {
            let matching = rules.iter().rev().find(|rule| {
                let of_kind = match rule.kind {
                    Kind::Any => true,
                    Kind::Block => kind == 1,
                    Kind::Char => kind == 2,
                };
                of_kind
                    && rule.major.is_none_or(|m| m == major)
                    && rule.minor.is_none_or(|m| m == minor)
                    && rule.access & bit != 0
            });
            matching.is_some_and(|rule| rule.allow)
        })
}

#[test]
fn decides_as_the_rules_mean() {
    for text in [
        "deny a *:* rwm\nallow c *:* m\nallow b *:* m\nallow c 1:3 rwm\nallow c 5:1 rw",
        "allow a *:* rwm",
        "allow a *:* rwm\ndeny c 1:3 w\ndeny b 8:* rm",
        "deny a *:* rwm\nallow c *:* rwm\ndeny c 1:3 rw\nallow c 1:3 r",
        "allow c 1:3 r\nallow c 1:3 w",
        "allow a 1:* rw",
        "allow c 1:3 rwm\ndeny a *:* rwm",
    ] {
        let oci = rules(text);
        let program = DeviceProgram::new(&oci).unwrap();
        let rules: Vec<Rule> = oci.iter().map(|rule| Rule::new(rule).unwrap()).collect();
        for kind in [1, 2] {
            for access in 1..=7 {
                for (major, minor) in [(1, 3), (1, 5), (5, 1), (8, 0), (8, 3), (136, 0)] {
                    assert_eq!(
                        run(&program, kind, access, major, minor),
                        meaning(&rules, kind, access, major, minor),
                        "{text}: kind {kind} access {access} {major}:{minor}\n{program}"
                    );
                }
            }
        }
    }
}
