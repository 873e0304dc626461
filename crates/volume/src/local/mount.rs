//! The file system of a local volume with options: what `type`, `device` and `o` say, mounted on the volume's directory.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::path::Path;

use corten_types::{parse_bytes, system_words};
use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, mount_remount, unmount as umount,
};

use super::address;
use super::mount_options::MountOptions;

/// How many mounts on top of each other are taken off; more are somebody's mistake or malice.
const MAX_STACKED: usize = 64;

/// What a local volume's options ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LocalMount {
    kind: String,
    device: String,
    options: String,
}

impl LocalMount {
    /// Reads a local volume's options; `None` when they ask for no mount.
    ///
    /// # Errors
    /// Docker's sentence for options that are unknown, miss others, or that cannot be had here.
    pub(crate) fn parse(options: &BTreeMap<String, String>) -> Result<Option<Self>, String> {
        const KNOWN: [&str; 4] = ["device", "o", "size", "type"];
        if let Some(unknown) = options.keys().find(|key| !KNOWN.contains(&key.as_str())) {
            return Err(format!("invalid option: {unknown:?}"));
        }
        if let Some(size) = options.get("size") {
            let bytes = parse_bytes(size).map_err(|error| error.to_string())?;
            if bytes > 0 {
                // Docker's quota is the project quota of a file system made and mounted for it.
                return Err("quota size requested but no quota support".to_owned());
            }
        }
        for (option, needed) in [
            ("device", &["type"][..]),
            ("type", &["device"]),
            ("o", &["device", "type"]),
        ] {
            let missing = needed.iter().find(|needed| !options.contains_key(**needed));
            if let (true, Some(missing)) = (options.contains_key(option), missing) {
                return Err(format!("missing required option: {missing:?}"));
            }
        }
        let text = |key: &str| options.get(key).cloned().unwrap_or_default();
        let wanted = Self {
            kind: text("type"),
            device: text("device"),
            options: text("o"),
        };
        Ok((!wanted.kind.is_empty() || !wanted.device.is_empty()).then_some(wanted))
    }

    /// Mounts it on `target`.
    ///
    /// # Errors
    /// Docker's sentence, the kernel's reason in words.
    pub(crate) fn mount(&self, target: &Path) -> Result<(), String> {
        if self.device.is_empty() {
            return Err("missing device in volume options".to_owned());
        }
        let (device, options) = self.resolved()?;
        let options = MountOptions::parse(&options);
        self.try_mount(&device, target, &options)
            .map_err(|errno| self.failure(&device, target, &options, errno))
    }

    /// Device and options with addresses in the place of names.
    fn resolved(&self) -> Result<(String, String), String> {
        match self.kind.as_str() {
            "nfs" | "nfs4" => Ok((self.device.clone(), address::resolve_option(&self.options)?)),
            "cifs" | "smb3" if address::is_named(&self.options) => {
                Ok((self.device.clone(), address::resolve_option(&self.options)?))
            }
            "cifs" | "smb3" => Ok((address::resolve_share(&self.device)?, self.options.clone())),
            _ => Ok((self.device.clone(), self.options.clone())),
        }
    }

    fn try_mount(&self, device: &str, target: &Path, options: &MountOptions) -> Result<(), Errno> {
        let data = CString::new(options.data.as_str()).map_err(|_| Errno::INVAL)?;
        mount(
            device,
            target,
            self.kind.as_str(),
            options.making(),
            Some(data.as_c_str()),
        )?;
        let rest = || {
            if let Some(bits) = options.propagation() {
                mount_change(target, MountPropagationFlags::from_bits_retain(bits))?;
            }
            if options.is_read_only_bind() {
                mount_remount(target, options.making() | MountFlags::BIND, c"")?;
            }
            Ok(())
        };
        rest().inspect_err(|_| {
            let _taken_back = unmount(target);
        })
    }

    fn failure(&self, device: &str, target: &Path, options: &MountOptions, errno: Errno) -> String {
        let mut sentence = format!(
            "failed to mount local volume: mount {device}:{}",
            target.display()
        );
        if options.bits() != 0 {
            sentence.push_str(&format!(", flags: {:#x}", options.bits()));
        }
        if !options.data.is_empty() {
            sentence.push_str(", data: ");
            sentence.push_str(&without_password(&options.data));
        }
        sentence.push_str(": ");
        sentence.push_str(&system_words(&io::Error::from(errno)));
        // A number nobody would guess the meaning of here.
        if errno == Errno::NODEV {
            sentence.push_str(&format!(
                ": the kernel has no file system of type {:?}",
                self.kind
            ));
        }
        sentence
    }
}

/// Whether something is mounted on `path`.
pub(crate) fn is_mount(path: &Path) -> bool {
    let found = statx(
        CWD,
        path,
        // A server that is gone is not to be asked.
        AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT,
        StatxFlags::empty(),
    );
    found.is_ok_and(|stat| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Takes everything off `path`. Who still has it open keeps it until it is closed.
///
/// # Errors
/// The kernel's.
pub(crate) fn unmount(path: &Path) -> io::Result<()> {
    for _ in 0..MAX_STACKED {
        match umount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            Ok(()) => {}
            // Nothing is mounted there any more.
            Err(Errno::INVAL | Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
    }
    Err(Errno::BUSY.into())
}

fn without_password(data: &str) -> String {
    let hidden = |part: &str| match part.split_once('=') {
        Some((key @ ("password" | "pass"), _)) => format!("{key}=********"),
        _ => part.to_owned(),
    };
    data.split(',').map(hidden).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Option<LocalMount>, String> {
        LocalMount::parse(
            &pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn options_are_judged_in_dockers_words() {
        for (pairs, sentence) in [
            (&[("type", "nfs")][..], "missing required option: \"device\""),
            (&[("device", "/x")], "missing required option: \"type\""),
            (&[("o", "rw")], "missing required option: \"device\""),
            (&[("frob", "1"), ("type", "x")], "invalid option: \"frob\""),
            (&[("size", "10m")], "quota size requested but no quota support"),
            (&[("size", "xx")], "invalid size: 'xx'"),
        ] {
            assert_eq!(parse(pairs).unwrap_err(), sentence);
        }
        assert_eq!(parse(&[]).unwrap(), None);
        assert_eq!(parse(&[("type", ""), ("device", "")]).unwrap(), None);
        assert!(
            parse(&[("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m")])
                .unwrap()
                .is_some()
        );
    }

    #[test]
    fn failures_name_flags_and_data_but_no_password() {
        let wanted = parse(&[
            ("type", "nosuchfs"),
            ("device", "//10.0.0.1/x"),
            ("o", "ro,username=u,password=secret"),
        ]);
        let dir = tempfile::tempdir().unwrap();
        let said = wanted.unwrap().unwrap().mount(dir.path()).unwrap_err();
        let target = dir.path().display();
        assert!(
            said.starts_with(&format!(
                "failed to mount local volume: mount //10.0.0.1/x:{target}, flags: 0x1, data: username=u,password=********: "
            )),
            "{said}"
        );
    }
}
