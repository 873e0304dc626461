//! Which capabilities a container keeps.

use std::str::FromStr;

use oci_spec::runtime::Capability;

use Capability as C;

/// Docker's default set (14 capabilities).
const DEFAULT: [Capability; 14] = [
    C::Chown,
    C::DacOverride,
    C::Fsetid,
    C::Fowner,
    C::Mknod,
    C::NetRaw,
    C::Setgid,
    C::Setuid,
    C::Setfcap,
    C::Setpcap,
    C::NetBindService,
    C::SysChroot,
    C::Kill,
    C::AuditWrite,
];

/// Every capability the runtime specification names, by kernel number.
const ALL: [Capability; 41] = [
    C::Chown,
    C::DacOverride,
    C::DacReadSearch,
    C::Fowner,
    C::Fsetid,
    C::Kill,
    C::Setgid,
    C::Setuid,
    C::Setpcap,
    C::LinuxImmutable,
    C::NetBindService,
    C::NetBroadcast,
    C::NetAdmin,
    C::NetRaw,
    C::IpcLock,
    C::IpcOwner,
    C::SysModule,
    C::SysRawio,
    C::SysChroot,
    C::SysPtrace,
    C::SysPacct,
    C::SysAdmin,
    C::SysBoot,
    C::SysNice,
    C::SysResource,
    C::SysTime,
    C::SysTtyConfig,
    C::Mknod,
    C::Lease,
    C::AuditWrite,
    C::AuditControl,
    C::Setfcap,
    C::MacOverride,
    C::MacAdmin,
    C::Syslog,
    C::WakeAlarm,
    C::BlockSuspend,
    C::AuditRead,
    C::Perfmon,
    C::Bpf,
    C::CheckpointRestore,
];

/// A name that is no capability, in Docker's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {option}: unknown capability: \"{name}\"")]
pub struct UnknownCapability {
    option: &'static str,
    name: String,
}

/// Docker's default set.
pub fn default_capabilities() -> Vec<Capability> {
    DEFAULT.to_vec()
}

/// Every capability whose kernel number is set in `held` (the daemon's own bounding set: what it lacks it cannot give).
pub fn all_capabilities(held: u64) -> Vec<Capability> {
    ALL.iter()
        .enumerate()
        .filter(|(number, _)| held >> number & 1 == 1)
        .map(|(_, cap)| *cap)
        .collect()
}

/// The default set with `--cap-add` and `--cap-drop` applied, in the order of kernel numbers.
///
/// # Errors
/// When a name is no capability.
pub fn effective_capabilities(
    add: &[String],
    drop: &[String],
    privileged: bool,
    held: u64,
) -> Result<Vec<Capability>, UnknownCapability> {
    if privileged {
        return Ok(all_capabilities(held));
    }
    let add = Names::parse("CapAdd", add)?;
    let drop = Names::parse("CapDrop", drop)?;
    let keep = |cap: &Capability| {
        let wanted = if add.all {
            !drop.listed.contains(cap)
        } else {
            add.listed.contains(cap) || (DEFAULT.contains(cap) && !drop.all && !drop.listed.contains(cap))
        };
        wanted && (!add.all || all_capabilities(held).contains(cap))
    };
    Ok(ALL.iter().copied().filter(keep).collect())
}

struct Names {
    all: bool,
    listed: Vec<Capability>,
}

impl Names {
    fn parse(option: &'static str, names: &[String]) -> Result<Self, UnknownCapability> {
        let mut parsed = Self {
            all: false,
            listed: Vec::new(),
        };
        for name in names {
            let upper = name.trim().to_ascii_uppercase();
            if upper == "ALL" {
                parsed.all = true;
                continue;
            }
            let plain = upper.strip_prefix("CAP_").unwrap_or(&upper);
            let capability = Capability::from_str(plain).map_err(|_| UnknownCapability {
                option,
                name: format!("CAP_{plain}"),
            })?;
            parsed.listed.push(capability);
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(caps: &[Capability]) -> u64 {
        ALL.iter()
            .enumerate()
            .filter(|(_, cap)| caps.contains(cap))
            .map(|(n, _)| 1 << n)
            .sum()
    }

    #[test]
    fn the_default_set_is_dockers() {
        let caps = effective_capabilities(&[], &[], false, u64::MAX).unwrap();
        assert_eq!(format!("{:016x}", bits(&caps)), "00000000a80425fb");
    }

    #[test]
    fn adding_and_dropping() {
        let get = |add: &[&str], drop: &[&str]| {
            let own = |l: &[&str]| l.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
            bits(&effective_capabilities(&own(add), &own(drop), false, (1 << 41) - 1).unwrap())
        };
        assert_eq!(get(&["net_admin"], &["ALL"]), 1 << 12);
        assert_eq!(get(&["ALL"], &[]), (1 << 41) - 1);
        assert_eq!(get(&["ALL"], &["CAP_SYS_ADMIN"]), ((1 << 41) - 1) & !(1 << 21));
        assert_eq!(get(&[], &["all"]), 0);
        let error = effective_capabilities(&["FOO".into()], &[], false, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid CapAdd: unknown capability: \"CAP_FOO\""
        );
    }
}
