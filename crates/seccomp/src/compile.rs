//! A profile becomes a program.

use crate::policy::Policy;
use crate::profile::Profile;
use crate::{Action, Error, Program, Result, Target, emit};

/// The answer to calls of an architecture the profile does not accept: libseccomp's default "bad architecture" action.
pub(crate) const FOREIGN: Action = Action::KillThread;

/// The kernel's `BPF_MAXINSNS`.
const MOST_INSTRUCTIONS: usize = 4096;

/// Compiles `profile` for `target`: the calls of the native architecture and of those the profile accepts beside it.
///
/// See the crate's `policy` module for how rules are read.
pub fn compile(profile: &Profile, target: &Target<'_>) -> Result<Program> {
    let sections: Vec<_> = Policy::all(profile, target)
        .into_iter()
        .map(|policy| (policy.audit, emit::section(&policy, profile.default_action)))
        .collect();
    let mut instructions = Vec::with_capacity(1024);
    emit::dispatch(sections, FOREIGN, &mut instructions);
    if instructions.len() > MOST_INSTRUCTIONS {
        return Err(Error::TooLong(instructions.len()));
    }
    Ok(Program {
        instructions,
        flags: flags(profile.flags.as_deref())?,
    })
}

/// The flags' bits. Without any list the filter is not to force speculation mitigations, as runc has it.
fn flags(names: Option<&[String]>) -> Result<u32> {
    const SPEC_ALLOW: u32 = 1 << 2;
    let Some(names) = names else { return Ok(SPEC_ALLOW) };
    names.iter().try_fold(0, |flags, name| match name.as_str() {
        "SECCOMP_FILTER_FLAG_TSYNC" => Ok(flags | 1),
        "SECCOMP_FILTER_FLAG_LOG" => Ok(flags | 1 << 1),
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => Ok(flags | SPEC_ALLOW),
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" => {
            Err(Error::Unsupported("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"))
        }
        _ => Err(Error::Word {
            what: "flag",
            value: name.clone(),
        }),
    })
}
