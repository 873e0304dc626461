//! Mount options of the OCI specification, sorted by what the kernel wants them as.

use libc::{
    MS_BIND, MS_DIRSYNC, MS_I_VERSION, MS_LAZYTIME, MS_MANDLOCK, MS_NOATIME, MS_NODEV, MS_NODIRATIME,
    MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC, MS_RELATIME, MS_REMOUNT, MS_SHARED, MS_SILENT,
    MS_SLAVE, MS_STRICTATIME, MS_SYNCHRONOUS, MS_UNBINDABLE,
};

use corten_shim_api::{FROM_OPTION, SUBPATH_OPTION};

use crate::sys::MountAttr;

/// Not in the libc crate.
const MS_NOSYMFOLLOW: libc::c_ulong = 256;

const ATTR_RDONLY: u64 = 0x1;
const ATTR_NOSUID: u64 = 0x2;
const ATTR_NODEV: u64 = 0x4;
const ATTR_NOEXEC: u64 = 0x8;
/// The three access time modes are one field, all of which must be cleared to set one.
const ATTR_ATIME: u64 = 0x70;
const ATTR_NOATIME: u64 = 0x10;
const ATTR_STRICTATIME: u64 = 0x20;
const ATTR_NODIRATIME: u64 = 0x80;
const ATTR_NOSYMFOLLOW: u64 = 0x20_0000;

/// The options of one mount.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// `MS_*` flags that were asked for, without those for binding and propagation.
    pub flags: libc::c_ulong,
    /// `MS_*` flags that were asked to be off.
    pub cleared: libc::c_ulong,
    /// Whether this is a bind mount.
    pub bind: bool,
    /// Whether a bind brings along the mounts below.
    pub recursive: bool,
    /// Propagation to be set afterwards, one after the other: `MS_*` and whether for all mounts below, too.
    pub propagation: Vec<(u64, bool)>,
    /// Attributes for the mount and all below it (`rro` and the like).
    pub below: MountAttr,
    /// Part of a bind's source to be bound, which must not lead out of it.
    pub subpath: Option<String>,
    /// Mount namespace in which a bind's source is looked up.
    pub from: Option<String>,
    /// What is left for the file system itself.
    pub data: String,
}

impl MountOptions {
    /// Reads options; those without meaning here go to the file system.
    ///
    /// # Errors
    /// The option this runtime does not support.
    pub fn parse(options: &[String]) -> Result<Self, &str> {
        let mut parsed = Self::default();
        for option in options {
            if matches!(option.as_str(), "tmpcopyup" | "idmap" | "ridmap" | "remount") {
                return Err(option);
            }
            if let Some(subpath) = option.strip_prefix(SUBPATH_OPTION) {
                parsed.subpath = Some(subpath.to_owned());
                continue;
            }
            if let Some(from) = option.strip_prefix(FROM_OPTION) {
                parsed.from = Some(from.to_owned());
                continue;
            }
            if !(parsed.set_flag(option) || parsed.set_propagation(option) || parsed.set_below(option)) {
                if !parsed.data.is_empty() {
                    parsed.data.push(',');
                }
                parsed.data.push_str(option);
            }
        }
        Ok(parsed)
    }

    /// What a bind mount must be given, since it takes over its source's attributes otherwise.
    pub fn attributes(&self) -> MountAttr {
        let pick = |flags: libc::c_ulong| {
            let table = [
                (MS_RDONLY, ATTR_RDONLY),
                (MS_NOSUID, ATTR_NOSUID),
                (MS_NODEV, ATTR_NODEV),
                (MS_NOEXEC, ATTR_NOEXEC),
                (MS_NOATIME, ATTR_NOATIME),
                (MS_STRICTATIME, ATTR_STRICTATIME),
                (MS_NODIRATIME, ATTR_NODIRATIME),
                (MS_NOSYMFOLLOW, ATTR_NOSYMFOLLOW),
            ];
            table
                .iter()
                .filter(|(flag, _)| flags & flag != 0)
                .fold(0, |all, (_, attribute)| all | attribute)
        };
        let mut attributes = MountAttr::new(pick(self.flags), pick(self.cleared));
        if (self.flags | self.cleared) & (MS_NOATIME | MS_STRICTATIME | MS_RELATIME) != 0 {
            attributes.clear |= ATTR_ATIME;
        }
        attributes
    }

    fn set_flag(&mut self, option: &str) -> bool {
        let (on, flag) = match option {
            "defaults" => return true,
            "bind" | "rbind" => {
                self.bind = true;
                self.recursive = option == "rbind";
                return true;
            }
            "ro" => (true, MS_RDONLY),
            "rw" => (false, MS_RDONLY),
            "nosuid" => (true, MS_NOSUID),
            "suid" => (false, MS_NOSUID),
            "nodev" => (true, MS_NODEV),
            "dev" => (false, MS_NODEV),
            "noexec" => (true, MS_NOEXEC),
            "exec" => (false, MS_NOEXEC),
            "sync" => (true, MS_SYNCHRONOUS),
            "async" => (false, MS_SYNCHRONOUS),
            "dirsync" => (true, MS_DIRSYNC),
            "mand" => (true, MS_MANDLOCK),
            "nomand" => (false, MS_MANDLOCK),
            "noatime" => (true, MS_NOATIME),
            "atime" => (false, MS_NOATIME),
            "nodiratime" => (true, MS_NODIRATIME),
            "diratime" => (false, MS_NODIRATIME),
            "relatime" => (true, MS_RELATIME),
            "norelatime" => (false, MS_RELATIME),
            "strictatime" => (true, MS_STRICTATIME),
            "nostrictatime" => (false, MS_STRICTATIME),
            "iversion" => (true, MS_I_VERSION),
            "noiversion" => (false, MS_I_VERSION),
            "lazytime" => (true, MS_LAZYTIME),
            "nolazytime" => (false, MS_LAZYTIME),
            "silent" => (true, MS_SILENT),
            "loud" => (false, MS_SILENT),
            "nosymfollow" => (true, MS_NOSYMFOLLOW),
            "symfollow" => (false, MS_NOSYMFOLLOW),
            _ => return false,
        };
        debug_assert!(flag & (MS_BIND | MS_REC | MS_REMOUNT) == 0);
        let (to, from) = if on {
            (&mut self.flags, &mut self.cleared)
        } else {
            (&mut self.cleared, &mut self.flags)
        };
        *to |= flag;
        *from &= !flag;
        true
    }

    fn set_propagation(&mut self, option: &str) -> bool {
        match propagation(option) {
            Some(change) => {
                self.propagation.push(change);
                true
            }
            None => false,
        }
    }

    fn set_below(&mut self, option: &str) -> bool {
        let (on, attribute) = match option {
            "rro" => (true, ATTR_RDONLY),
            "rrw" => (false, ATTR_RDONLY),
            "rnosuid" => (true, ATTR_NOSUID),
            "rsuid" => (false, ATTR_NOSUID),
            "rnodev" => (true, ATTR_NODEV),
            "rdev" => (false, ATTR_NODEV),
            "rnoexec" => (true, ATTR_NOEXEC),
            "rexec" => (false, ATTR_NOEXEC),
            "rnodiratime" => (true, ATTR_NODIRATIME),
            "rdiratime" => (false, ATTR_NODIRATIME),
            "rnosymfollow" => (true, ATTR_NOSYMFOLLOW),
            "rsymfollow" => (false, ATTR_NOSYMFOLLOW),
            "rnoatime" => (true, ATTR_NOATIME),
            "rstrictatime" => (true, ATTR_STRICTATIME),
            "rrelatime" | "ratime" | "rnostrictatime" => (true, 0),
            _ => return false,
        };
        if attribute & !ATTR_ATIME == 0 {
            self.below.clear |= ATTR_ATIME;
        }
        let (to, from) = if on {
            (&mut self.below.set, &mut self.below.clear)
        } else {
            (&mut self.below.clear, &mut self.below.set)
        };
        *to |= attribute;
        if attribute & ATTR_ATIME == 0 {
            *from &= !attribute;
        }
        true
    }
}

/// The propagation an option or `rootfsPropagation` names: `MS_*` and whether for all mounts below, too.
pub fn propagation(name: &str) -> Option<(u64, bool)> {
    let (name, recursive) = match name.strip_prefix('r') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let kind = match name {
        "private" => MS_PRIVATE,
        "shared" => MS_SHARED,
        "slave" => MS_SLAVE,
        "unbindable" => MS_UNBINDABLE,
        _ => return None,
    };
    Some((kind, recursive))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &str) -> MountOptions {
        let options: Vec<String> = options.split(' ').map(str::to_owned).collect();
        MountOptions::parse(&options).unwrap()
    }

    #[test]
    fn flags_and_data_are_told_apart() {
        let options = parse("nosuid noexec newinstance mode=0620 ro rw gid=5");
        assert_eq!(options.flags, MS_NOSUID | MS_NOEXEC);
        assert_eq!(options.cleared, MS_RDONLY);
        assert_eq!(options.data, "newinstance,mode=0620,gid=5");
        assert!(!options.bind);
    }

    #[test]
    fn binds_translate_to_attributes() {
        let options = parse("rbind ro nosuid rprivate");
        assert!(options.bind && options.recursive);
        assert_eq!(options.attributes(), MountAttr::new(ATTR_RDONLY | ATTR_NOSUID, 0));
        assert_eq!(options.propagation, [(MS_PRIVATE, true)]);
        assert_eq!(
            parse("bind noatime").attributes(),
            MountAttr::new(ATTR_NOATIME, ATTR_ATIME)
        );
        assert_eq!(parse("rbind rro").below, MountAttr::new(ATTR_RDONLY, 0));
        assert_eq!(
            parse("rbind rnoatime").below,
            MountAttr::new(ATTR_NOATIME, ATTR_ATIME)
        );
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        assert_eq!(MountOptions::parse(&["tmpcopyup".into()]), Err("tmpcopyup"));
    }
}
