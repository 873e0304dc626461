//! How many bytes a writable layer, or another directory, takes.

use std::collections::HashSet;
use std::ffi::CString;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::descent::{Descent, open_listed};

/// Bytes in the files below `directory`, counted as [`crate::Snapshotter::usage`] does.
///
/// # Errors
/// When it is none, or something in it cannot be read.
pub fn directory_size(directory: &Path) -> io::Result<u64> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    usage(rustix::fs::open(directory, flags, Mode::empty())?)
}

/// Sums the sizes of everything below `root` but directories, each inode once.
pub(crate) fn usage(root: OwnedFd) -> io::Result<u64> {
    let mut sum = Sum::default();
    let inner = sum.directory(&root)?;
    let mut walk = Descent::new(root, inner)?;
    while let Some((here, directories)) = walk.here() {
        match directories.pop() {
            None => drop(walk.up()),
            Some(name) => {
                if let Some(fd) = open_listed(here, &name)? {
                    let inner = sum.directory(&fd)?;
                    walk.down(name, fd, inner)?;
                }
            }
        }
    }
    Ok(sum.bytes)
}

#[derive(Default)]
struct Sum {
    bytes: u64,
    /// Files with several names.
    linked: HashSet<(u64, u64)>,
}

impl Sum {
    /// Adds the files of one directory; returns the directories in it.
    fn directory(&mut self, fd: &OwnedFd) -> io::Result<Vec<CString>> {
        let mut directories = Vec::new();
        let mut dir = Dir::read_from(fd)?;
        while let Some(entry) = dir.read() {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let here: BorrowedFd<'_> = dir.fd()?;
            let stat = match rustix::fs::statat(here, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            };
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                directories.push(name.to_owned());
            } else if stat.st_nlink == 1 || self.linked.insert((stat.st_dev, stat.st_ino)) {
                self.bytes += u64::try_from(stat.st_size).unwrap_or(0);
            }
        }
        Ok(directories)
    }
}
