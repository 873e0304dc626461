//! How many bytes a writable layer, or another directory, takes.

use std::collections::HashSet;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::trash::open_directory;

/// Deepest directory looked into; each level holds a descriptor while its subtree is read.
const MAX_DEPTH: usize = 512;

/// Bytes in the files below `directory`, counted as [`crate::Snapshotter::usage`] does.
///
/// # Errors
/// When it is none, or something in it cannot be read.
pub fn directory_size(directory: &Path) -> io::Result<u64> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    usage(rustix::fs::open(directory, flags, Mode::empty())?)
}

/// Sums the sizes of everything below `root` but directories, each inode once.
///
/// Fails with `ELOOP` on a tree deeper than [`MAX_DEPTH`].
pub(crate) fn usage(root: OwnedFd) -> io::Result<u64> {
    let mut bytes = 0;
    let mut linked = HashSet::new();
    let mut levels = vec![Dir::new(root)?];
    while let Some(dir) = levels.last_mut() {
        let Some(entry) = dir.read() else {
            levels.pop();
            continue;
        };
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let stat = match rustix::fs::statat(dir.fd()?, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(error.into()),
        };
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let name = CString::from(name);
            match open_directory(dir.fd()?.as_fd(), &name) {
                Ok(_) if levels.len() == MAX_DEPTH => return Err(Errno::LOOP.into()),
                Ok(fd) => levels.push(Dir::new(fd)?),
                // Gone, or replaced by something else, since it was looked at.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(error) => return Err(error.into()),
            }
        } else if stat.st_nlink == 1 || linked.insert((stat.st_dev, stat.st_ino)) {
            bytes += u64::try_from(stat.st_size).unwrap_or(0);
        }
    }
    Ok(bytes)
}
