//! What a filter answers to a system call.

use crate::{Error, Result};

/// The verdict on a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Let it pass.
    Allow,
    /// Fail with this error number.
    Errno(u16),
    /// Kill the calling thread.
    KillThread,
    /// Kill the process.
    KillProcess,
    /// Send SIGSYS.
    Trap,
    /// Ask the tracer, giving it this number.
    Trace(u16),
    /// Let it pass and log it.
    Log,
}

impl Action {
    /// Reads a profile's action with its optional number; EPERM if that is absent, as runc has it.
    pub fn parse(name: &str, number: Option<u16>) -> Result<Self> {
        let number = number.unwrap_or(1);
        Ok(match name {
            "SCMP_ACT_ALLOW" => Self::Allow,
            "SCMP_ACT_ERRNO" => Self::Errno(number),
            "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Self::KillThread,
            "SCMP_ACT_KILL_PROCESS" => Self::KillProcess,
            "SCMP_ACT_TRAP" => Self::Trap,
            "SCMP_ACT_TRACE" => Self::Trace(number),
            "SCMP_ACT_LOG" => Self::Log,
            "SCMP_ACT_NOTIFY" => return Err(Error::Unsupported("SCMP_ACT_NOTIFY")),
            _ => {
                return Err(Error::Word {
                    what: "action",
                    value: name.to_owned(),
                });
            }
        })
    }

    /// The filter's return value, `SECCOMP_RET_*` with data (linux/seccomp.h).
    pub fn code(self) -> u32 {
        match self {
            Self::Allow => 0x7fff_0000,
            Self::Errno(number) => 0x0005_0000 | u32::from(number),
            Self::KillThread => 0,
            Self::KillProcess => 0x8000_0000,
            Self::Trap => 0x0003_0000,
            Self::Trace(number) => 0x7ff0_0000 | u32::from(number),
            Self::Log => 0x7ffc_0000,
        }
    }

    /// Whether calls that a profile does not know go through: then later kernels' calls must, too.
    pub(crate) fn passes(self) -> bool {
        matches!(self, Self::Allow | Self::Log | Self::Trace(_))
    }
}
