//! A part of a volume, found within it whatever links other containers put there.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use crate::error::{Error, Result};

/// How often a look-up is tried again that a rename came in between of.
const TRIES: usize = 128;

/// Opens `subpath` of the directory `volume`, to be mounted or looked at; links are followed as long as they stay inside.
///
/// # Errors
/// In Docker's words: there is no such path, or it leads out of the volume.
pub fn open_subpath(volume: &Path, subpath: &str) -> Result<OwnedFd> {
    find(volume, subpath).map_err(|errno| match errno {
        Errno::XDEV | Errno::LOOP => Error::Invalid(format!(
            "path concatenation escapes the base directory, base: {}, subpath: {subpath}",
            volume.display()
        )),
        errno => {
            let path = volume.join(subpath);
            let path = path.display();
            Error::System {
                what: format!("cannot access path {path}: lstat {path}"),
                source: errno.into(),
            }
        }
    })
}

/// The same with the kernel's own error.
pub(crate) fn find(volume: &Path, subpath: &str) -> std::result::Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(CWD, volume, flags | OFlags::DIRECTORY, Mode::empty())?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut found = Err(Errno::AGAIN);
    for _ in 0..TRIES {
        found = openat2(&directory, subpath, flags, Mode::empty(), resolve);
        if !matches!(found, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    found
}

/// A part of the host's file system, of which `subpath` may name a part; empty for all of it.
pub(crate) fn open_source(source: &Path, subpath: &str) -> io::Result<OwnedFd> {
    if subpath.is_empty() {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        return Ok(rustix::fs::openat(CWD, source, flags, Mode::empty())?);
    }
    Ok(find(source, subpath)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use corten_types::ErrorKind;

    use super::*;

    #[test]
    fn what_is_missing_or_leads_out_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let volume = dir.path().join("volume");
        std::fs::create_dir_all(volume.join("part")).unwrap();
        symlink("part", volume.join("inside")).unwrap();
        symlink("/etc", volume.join("outside")).unwrap();
        assert!(open_subpath(&volume, "part").is_ok() && open_subpath(&volume, "inside").is_ok());
        let path = volume.join("nosuch");
        let missing = open_subpath(&volume, "nosuch").unwrap_err();
        assert_eq!(
            missing.to_string(),
            format!(
                "cannot access path {0}: lstat {0}: no such file or directory",
                path.display()
            )
        );
        let outside = open_subpath(&volume, "outside").unwrap_err();
        assert_eq!(outside.kind(), ErrorKind::Invalid);
        assert_eq!(
            outside.to_string(),
            format!(
                "path concatenation escapes the base directory, base: {}, subpath: outside",
                volume.display()
            )
        );
    }
}
