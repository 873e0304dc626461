//! v2 has no devices controller: a small eBPF program decides on each access to a device node. It is assembled here
//! from the rules and attached to the cgroup's directory with bpf(2).

use std::fmt;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use oci_spec::runtime::LinuxDeviceCgroup;

use crate::device::{ALL, Kind, Rule};
use crate::{Error, Result};

/// A `BPF_PROG_TYPE_CGROUP_DEVICE` program that applies a list of OCI device rules.
///
/// It walks the rules from the last to the first with the requested access bits in a register: an allowing rule
/// strikes the bits it grants, a denying one ends with "no" if it names a bit that is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceProgram {
    insns: Vec<Insn>,
}

/// One eBPF instruction, laid out as `struct bpf_insn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Insn {
    /// Operation.
    pub code: u8,
    /// Destination register in the low nibble (on little-endian machines), source in the high one.
    pub registers: u8,
    /// Jump or memory offset.
    pub offset: i16,
    /// Immediate operand.
    pub immediate: i32,
}

// Operations used, composed as in linux/bpf_common.h and linux/bpf.h.
const LOAD_U32: u8 = 0x61;
const MOVE: u8 = 0xbc;
const MOVE_IMM: u8 = 0xb4;
const AND_IMM: u8 = 0x54;
const SHIFT_RIGHT_IMM: u8 = 0x74;
const JUMP_IF_NOT: u8 = 0x56;
const JUMP_IF: u8 = 0x16;
const EXIT: u8 = 0x95;

/// r0: the answer, r1: `struct bpf_cgroup_dev_ctx`, then type, access bits left, major and minor.
const ANSWER: u8 = 0;
const CONTEXT: u8 = 1;
const TYPE: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

impl DeviceProgram {
    /// Assembles the program for `rules`.
    pub fn new(rules: &[LinuxDeviceCgroup]) -> Result<Self> {
        let mut insns = vec![
            Insn::load(TYPE, CONTEXT, 0),
            Insn::registers(MOVE, ACCESS, TYPE),
            Insn::immediate(SHIFT_RIGHT_IMM, ACCESS, 16),
            Insn::immediate(AND_IMM, TYPE, 0xffff),
            Insn::load(MAJOR, CONTEXT, 4),
            Insn::load(MINOR, CONTEXT, 8),
        ];
        for rule in rules.iter().rev() {
            let rule = Rule::new(rule)?;
            assemble(rule, &mut insns);
            if rule.is_everything() {
                // Nothing after it can be reached, and the verifier refuses unreachable code.
                return Ok(Self { insns });
            }
        }
        answer(false, &mut insns);
        Ok(Self { insns })
    }

    /// The instructions.
    pub fn instructions(&self) -> &[Insn] {
        &self.insns
    }

    /// Loads the program and makes it the only device program attached to the cgroup at `directory` by this level.
    ///
    /// An old one is detached after the new one is in force: access is never wider than one of both allows.
    pub(crate) fn attach(&self, directory: BorrowedFd<'_>) -> Result<()> {
        let old = attached(directory)?;
        let program = self.load()?;
        let mut attr = AttachAttr {
            target_fd: directory.as_raw_fd(),
            program_fd: program.as_raw_fd(),
            attach_type: BPF_CGROUP_DEVICE,
            flags: BPF_F_ALLOW_MULTI,
        };
        bpf(BPF_PROG_ATTACH, &mut attr, "attach")?;
        for id in old {
            let mut by_id = IdAttr {
                id,
                next_id: 0,
                open_flags: 0,
            };
            let fd = bpf(BPF_PROG_GET_FD_BY_ID, &mut by_id, "open the old one")?;
            // SAFETY: the kernel just made this descriptor for us.
            let old = unsafe { OwnedFd::from_raw_fd(fd) };
            attr.program_fd = old.as_raw_fd();
            attr.flags = 0;
            bpf(BPF_PROG_DETACH, &mut attr, "detach the old one")?;
        }
        Ok(())
    }

    fn load(&self) -> Result<OwnedFd> {
        let mut attr = LoadAttr {
            program_type: BPF_PROG_TYPE_CGROUP_DEVICE,
            insn_count: self.insns.len() as u32,
            insns: self.insns.as_ptr() as u64,
            // Any licence will do: the program calls no helper.
            license: c"Apache-2.0".as_ptr() as u64,
            ..LoadAttr::default()
        };
        let fd = bpf(BPF_PROG_LOAD, &mut attr, "load")?;
        // SAFETY: the kernel just made this descriptor for us.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

/// Ids of the device programs attached to this very cgroup.
pub(crate) fn attached(directory: BorrowedFd<'_>) -> Result<Vec<u32>> {
    // The kernel allows 64 programs per cgroup.
    let mut ids = vec![0u32; 64];
    let mut attr = QueryAttr {
        target_fd: directory.as_raw_fd(),
        attach_type: BPF_CGROUP_DEVICE,
        ids: ids.as_mut_ptr() as u64,
        count: ids.len() as u32,
        ..QueryAttr::default()
    };
    bpf(BPF_PROG_QUERY, &mut attr, "query")?;
    ids.truncate(attr.count as usize);
    Ok(ids)
}

/// Appends the code of one rule; it falls through to the next if it does not decide.
fn assemble(rule: Rule, insns: &mut Vec<Insn>) {
    let mut out = Vec::new();
    match rule.kind {
        Kind::Any => (),
        // BPF_DEVCG_DEV_BLOCK and BPF_DEVCG_DEV_CHAR.
        Kind::Block => out.push(Insn::immediate(JUMP_IF_NOT, TYPE, 1)),
        Kind::Char => out.push(Insn::immediate(JUMP_IF_NOT, TYPE, 2)),
    }
    for (register, number) in [(MAJOR, rule.major), (MINOR, rule.minor)] {
        if let Some(number) = number {
            out.push(Insn::immediate(JUMP_IF_NOT, register, number as i32));
        }
    }
    if rule.access != ALL && rule.allow {
        out.push(Insn::immediate(AND_IMM, ACCESS, !rule.access as i32));
        out.push(Insn::immediate(JUMP_IF_NOT, ACCESS, 0));
    } else if rule.access != ALL {
        out.push(Insn::registers(MOVE, ANSWER, ACCESS));
        out.push(Insn::immediate(AND_IMM, ANSWER, rule.access as i32));
        out.push(Insn::immediate(JUMP_IF, ANSWER, 0));
    }
    answer(rule.allow, &mut out);
    let end = out.len();
    for (index, insn) in out.iter_mut().enumerate() {
        if matches!(insn.code, JUMP_IF | JUMP_IF_NOT) {
            insn.offset = (end - index - 1) as i16;
        }
    }
    insns.extend(out);
}

fn answer(allow: bool, insns: &mut Vec<Insn>) {
    insns.push(Insn::immediate(MOVE_IMM, ANSWER, i32::from(allow)));
    insns.push(Insn::immediate(EXIT, 0, 0));
}

impl Insn {
    const fn load(to: u8, from: u8, offset: i16) -> Self {
        Self {
            offset,
            ..Self::registers(LOAD_U32, to, from)
        }
    }

    const fn registers(code: u8, to: u8, from: u8) -> Self {
        let registers = if cfg!(target_endian = "little") {
            to | from << 4
        } else {
            to << 4 | from
        };
        Self {
            code,
            registers,
            offset: 0,
            immediate: 0,
        }
    }

    const fn immediate(code: u8, to: u8, immediate: i32) -> Self {
        Self {
            immediate,
            ..Self::registers(code, to, 0)
        }
    }
}

impl fmt::Display for DeviceProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (line, insn) in self.insns.iter().enumerate() {
            let (low, high) = (insn.registers & 15, insn.registers >> 4);
            let (to, from) = if cfg!(target_endian = "little") {
                (low, high)
            } else {
                (high, low)
            };
            let (target, value) = (line as i64 + 1 + i64::from(insn.offset), insn.immediate);
            match insn.code {
                LOAD_U32 => writeln!(f, "{line}: r{to} = u32[r{from}+{}]", insn.offset)?,
                MOVE => writeln!(f, "{line}: r{to} = r{from}")?,
                MOVE_IMM => writeln!(f, "{line}: r{to} = {value}")?,
                AND_IMM => writeln!(f, "{line}: r{to} &= {value:#x}")?,
                SHIFT_RIGHT_IMM => writeln!(f, "{line}: r{to} >>= {value}")?,
                JUMP_IF_NOT => writeln!(f, "{line}: if r{to} != {value} goto {target}")?,
                JUMP_IF => writeln!(f, "{line}: if r{to} == {value} goto {target}")?,
                _ => writeln!(f, "{line}: exit")?,
            }
        }
        Ok(())
    }
}

// bpf(2) commands and constants, linux/bpf.h.
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_ATTACH: libc::c_int = 8;
const BPF_PROG_DETACH: libc::c_int = 9;
const BPF_PROG_GET_FD_BY_ID: libc::c_int = 13;
const BPF_PROG_QUERY: libc::c_int = 16;
const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const BPF_CGROUP_DEVICE: u32 = 6;
const BPF_F_ALLOW_MULTI: u32 = 2;

/// The heads of `union bpf_attr`: the kernel takes the rest as zero.
trait Attr {}

#[repr(C)]
#[derive(Default)]
struct LoadAttr {
    program_type: u32,
    insn_count: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buffer: u64,
}

#[repr(C)]
struct AttachAttr {
    target_fd: RawFd,
    program_fd: RawFd,
    attach_type: u32,
    flags: u32,
}

#[repr(C)]
struct IdAttr {
    id: u32,
    next_id: u32,
    open_flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct QueryAttr {
    target_fd: RawFd,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    ids: u64,
    count: u32,
    padding: u32,
}

impl Attr for LoadAttr {}
impl Attr for AttachAttr {}
impl Attr for IdAttr {}
impl Attr for QueryAttr {}

fn bpf<A: Attr>(command: libc::c_int, attr: &mut A, action: &'static str) -> Result<RawFd> {
    // SAFETY: `attr` is a live, writable head of `union bpf_attr` for this command with its true size; the pointers in
    // it refer to buffers their owners keep alive over the call, with the lengths that stand beside them.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size_of::<A>()) };
    if result < 0 {
        return Err(Error::Bpf {
            action,
            source: io::Error::last_os_error(),
        });
    }
    Ok(result as RawFd)
}

#[cfg(test)]
#[path = "bpf_tests.rs"]
mod tests;
