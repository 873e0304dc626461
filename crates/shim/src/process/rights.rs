//! Capabilities, set exactly as the specification lists them.

use corten_shim_api::ErrorStage;
use oci_spec::runtime::{Capabilities, Capability, Process};
use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capability_is_in_bounding_set, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
};

use crate::failure::{Context, Result};

/// Highest number a set has room for.
const MAX_CAPABILITY: u32 = 63;

/// The five sets as bit masks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rights {
    bounding: u64,
    permitted: u64,
    effective: u64,
    inheritable: u64,
    ambient: u64,
}

impl Rights {
    /// The sets of a process; without any it may nothing.
    pub fn of(process: &Process) -> Self {
        let Some(sets) = process.capabilities() else {
            return Self::default();
        };
        Self {
            bounding: mask(sets.bounding()),
            permitted: mask(sets.permitted()),
            effective: mask(sets.effective()),
            inheritable: mask(sets.inheritable()),
            ambient: mask(sets.ambient()),
        }
    }

    /// Takes what is not listed out of the bounding set, for which the process must still be privileged.
    ///
    /// # Errors
    /// The kernel's.
    pub fn limit_bounding_set(&self) -> Result<()> {
        let limit = || {
            for number in 0..=MAX_CAPABILITY {
                let capability = CapabilitySet::from_bits_retain(1 << number);
                match capability_is_in_bounding_set(capability) {
                    Ok(true) if self.bounding & (1 << number) == 0 => {
                        remove_capability_from_bounding_set(capability)?;
                    }
                    Ok(_) => {}
                    // Numbers this kernel does not know.
                    Err(Errno::INVAL) => return Ok(()),
                    Err(errno) => return Err(errno),
                }
            }
            Ok(())
        };
        limit().context(ErrorStage::Rights, || "unable to apply bounding set".into())
    }

    /// Takes on the other sets.
    ///
    /// # Errors
    /// The kernel's: one cannot give oneself what one does not have.
    pub fn assume(&self) -> Result<()> {
        let assume = || -> std::result::Result<(), Errno> {
            set_capabilities(
                None,
                CapabilitySets {
                    effective: CapabilitySet::from_bits_retain(self.effective),
                    permitted: CapabilitySet::from_bits_retain(self.permitted),
                    inheritable: CapabilitySet::from_bits_retain(self.inheritable),
                },
            )?;
            clear_ambient_capability_set()?;
            for number in (0..=MAX_CAPABILITY).filter(|number| self.ambient & (1 << number) != 0) {
                configure_capability_in_ambient_set(CapabilitySet::from_bits_retain(1 << number), true)?;
            }
            Ok(())
        };
        assume().context(ErrorStage::Rights, || {
            "error during container init: unable to apply caps".into()
        })
    }
}

fn mask(set: &Option<Capabilities>) -> u64 {
    set.iter()
        .flatten()
        .fold(0, |mask, capability| mask | 1 << number(*capability))
}

/// The kernel's number (capability.h).
fn number(capability: Capability) -> u32 {
    match capability {
        Capability::Chown => 0,
        Capability::DacOverride => 1,
        Capability::DacReadSearch => 2,
        Capability::Fowner => 3,
        Capability::Fsetid => 4,
        Capability::Kill => 5,
        Capability::Setgid => 6,
        Capability::Setuid => 7,
        Capability::Setpcap => 8,
        Capability::LinuxImmutable => 9,
        Capability::NetBindService => 10,
        Capability::NetBroadcast => 11,
        Capability::NetAdmin => 12,
        Capability::NetRaw => 13,
        Capability::IpcLock => 14,
        Capability::IpcOwner => 15,
        Capability::SysModule => 16,
        Capability::SysRawio => 17,
        Capability::SysChroot => 18,
        Capability::SysPtrace => 19,
        Capability::SysPacct => 20,
        Capability::SysAdmin => 21,
        Capability::SysBoot => 22,
        Capability::SysNice => 23,
        Capability::SysResource => 24,
        Capability::SysTime => 25,
        Capability::SysTtyConfig => 26,
        Capability::Mknod => 27,
        Capability::Lease => 28,
        Capability::AuditWrite => 29,
        Capability::AuditControl => 30,
        Capability::Setfcap => 31,
        Capability::MacOverride => 32,
        Capability::MacAdmin => 33,
        Capability::Syslog => 34,
        Capability::WakeAlarm => 35,
        Capability::BlockSuspend => 36,
        Capability::AuditRead => 37,
        Capability::Perfmon => 38,
        Capability::Bpf => 39,
        Capability::CheckpointRestore => 40,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_default_set_has_its_usual_mask() {
        let names = [
            "CHOWN",
            "DAC_OVERRIDE",
            "FSETID",
            "FOWNER",
            "MKNOD",
            "NET_RAW",
            "SETGID",
            "SETUID",
            "SETFCAP",
            "SETPCAP",
            "NET_BIND_SERVICE",
            "SYS_CHROOT",
            "KILL",
            "AUDIT_WRITE",
        ];
        let set: Capabilities = names.iter().map(|name| name.parse().unwrap()).collect();
        assert_eq!(mask(&Some(set)), 0xa804_25fb);
    }
}
