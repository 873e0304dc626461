//! The `o` of a local volume: what mount(8) would be given with `-o`, told apart into flags and what the file system reads itself.

use rustix::mount::MountFlags;

/// Not named by rustix, and understood by mount(8).
const UNBINDABLE: u32 = 1 << 17;
const PRIVATE: u32 = 1 << 18;
const SLAVE: u32 = 1 << 19;
const SHARED: u32 = 1 << 20;
const RECURSIVE: u32 = 1 << 14;
/// The flags that say how mounts travel.
const PROPAGATION: u32 = UNBINDABLE | PRIVATE | SLAVE | SHARED;

/// Options of a mount.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct MountOptions {
    flags: u32,
    /// What is left for the file system.
    pub(crate) data: String,
}

impl MountOptions {
    /// Reads `a,b=c,…`. What is no flag is the file system's.
    pub(crate) fn parse(text: &str) -> Self {
        let mut options = Self::default();
        let mut data = Vec::new();
        for option in text.split(',').filter(|option| !option.is_empty()) {
            match flag(option) {
                Some((true, bits)) => options.flags |= bits,
                Some((false, bits)) => options.flags &= !bits,
                None => data.push(option),
            }
        }
        options.data = data.join(",");
        options
    }

    /// All flags, as Docker's sentences print them.
    pub(crate) fn bits(&self) -> u32 {
        self.flags
    }

    /// The flags for making the mount.
    pub(crate) fn making(&self) -> MountFlags {
        MountFlags::from_bits_retain(self.flags & !PROPAGATION)
    }

    /// How it shall propagate afterwards, if that was said.
    pub(crate) fn propagation(&self) -> Option<u32> {
        (self.flags & PROPAGATION != 0).then_some(self.flags & (PROPAGATION | RECURSIVE))
    }

    /// A bind takes over its source's flags: those asked for are set by mounting it anew.
    pub(crate) fn is_read_only_bind(&self) -> bool {
        let flags = MountFlags::from_bits_retain(self.flags);
        flags.contains(MountFlags::BIND | MountFlags::RDONLY)
    }
}

/// Whether the option sets or clears which bits; `None` for what is no flag.
fn flag(option: &str) -> Option<(bool, u32)> {
    let set = |flags: MountFlags| Some((true, flags.bits()));
    let clear = |flags: MountFlags| Some((false, flags.bits()));
    match option {
        "defaults" => Some((true, 0)),
        "ro" => set(MountFlags::RDONLY),
        "rw" => clear(MountFlags::RDONLY),
        "nosuid" => set(MountFlags::NOSUID),
        "suid" => clear(MountFlags::NOSUID),
        "nodev" => set(MountFlags::NODEV),
        "dev" => clear(MountFlags::NODEV),
        "noexec" => set(MountFlags::NOEXEC),
        "exec" => clear(MountFlags::NOEXEC),
        "sync" => set(MountFlags::SYNCHRONOUS),
        "async" => clear(MountFlags::SYNCHRONOUS),
        "dirsync" => set(MountFlags::DIRSYNC),
        "mand" => set(MountFlags::PERMIT_MANDATORY_FILE_LOCKING),
        "nomand" => clear(MountFlags::PERMIT_MANDATORY_FILE_LOCKING),
        "noatime" => set(MountFlags::NOATIME),
        "atime" => clear(MountFlags::NOATIME),
        "nodiratime" => set(MountFlags::NODIRATIME),
        "diratime" => clear(MountFlags::NODIRATIME),
        "relatime" => set(MountFlags::RELATIME),
        "norelatime" => clear(MountFlags::RELATIME),
        "strictatime" => set(MountFlags::STRICTATIME),
        "nostrictatime" => clear(MountFlags::STRICTATIME),
        "lazytime" => set(MountFlags::LAZYTIME),
        "bind" => set(MountFlags::BIND),
        "rbind" => set(MountFlags::BIND | MountFlags::REC),
        "unbindable" => Some((true, UNBINDABLE)),
        "runbindable" => Some((true, UNBINDABLE | RECURSIVE)),
        "private" => Some((true, PRIVATE)),
        "rprivate" => Some((true, PRIVATE | RECURSIVE)),
        "slave" => Some((true, SLAVE)),
        "rslave" => Some((true, SLAVE | RECURSIVE)),
        "shared" => Some((true, SHARED)),
        "rshared" => Some((true, SHARED | RECURSIVE)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_the_file_systems_own_are_told_apart() {
        let options = MountOptions::parse("addr=10.0.0.1,ro,nolock,,noexec,exec,rw,ro");
        assert_eq!(options.data, "addr=10.0.0.1,nolock");
        assert_eq!(options.making(), MountFlags::RDONLY);
        assert_eq!(options.propagation(), None);
        let bind = MountOptions::parse("rbind,ro,rshared");
        assert!(bind.is_read_only_bind());
        assert_eq!(bind.propagation(), Some(SHARED | RECURSIVE));
        assert_eq!(
            bind.making(),
            MountFlags::BIND | MountFlags::REC | MountFlags::RDONLY
        );
        assert_eq!(MountOptions::parse("bind").bits(), 0x1000);
    }
}
