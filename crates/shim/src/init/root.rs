//! The container's root directory and names inside it: whatever symbolic links an image holds, they lead nowhere else.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat, openat2, readlinkat};
use rustix::io::Errno;

/// How often a race with a rename (`EAGAIN`) is tried again.
const RACES: usize = 32;
/// How many dangling links are followed when a directory is made.
const MAX_LINKS: usize = 40;

/// A directory in whose tree all names are resolved as if it were `/`.
#[derive(Debug)]
pub struct Root {
    directory: OwnedFd,
}

impl Root {
    /// Opens `path` on this process's own view of the file system.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open(path: &Path) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            directory: openat(CWD, path, flags, Mode::empty())?,
        })
    }

    /// The entry `path` stands for, opened as a mere place (`O_PATH`), links followed within the root.
    ///
    /// # Errors
    /// The kernel's.
    pub fn find(&self, path: &Path) -> Result<OwnedFd, Errno> {
        self.open_in(path, OFlags::PATH, ResolveFlags::empty())
    }

    /// Like [`Root::find`], but no part of the path may be a symbolic link.
    ///
    /// # Errors
    /// The kernel's; `ELOOP` for a link.
    pub fn find_unlinked(&self, path: &Path) -> Result<OwnedFd, Errno> {
        self.open_in(path, OFlags::PATH, ResolveFlags::NO_SYMLINKS)
    }

    /// Like [`Root::file`] for a name that must be no symbolic link.
    ///
    /// # Errors
    /// The kernel's; `ELOOP` for a link.
    pub fn unlinked_file(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let (parent, name) = self.parent(path)?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDONLY | OFlags::CLOEXEC;
        match openat(&parent, name, flags, Mode::from_raw_mode(0o755)) {
            Err(errno) if errno != Errno::EXIST => return Err(errno),
            _ => {}
        }
        let place = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = openat(&parent, name, place, Mode::empty())?;
        if FileType::from_raw_mode(fstat(&found)?.st_mode) == FileType::Symlink {
            return Err(Errno::LOOP);
        }
        Ok(found)
    }

    /// Opens a file for use.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open_file(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        self.open_in(path, flags, ResolveFlags::empty())
    }

    /// The directory `path`, made with its parents (mode 755) where missing.
    ///
    /// # Errors
    /// The kernel's.
    pub fn directory(&self, path: &Path) -> Result<OwnedFd, Errno> {
        self.make_directory(path, MAX_LINKS)
    }

    /// The file `path`, made empty (mode 755), with its parents, where nothing of that name exists.
    ///
    /// # Errors
    /// The kernel's.
    pub fn file(&self, path: &Path) -> Result<OwnedFd, Errno> {
        self.make_file(path, MAX_LINKS)
    }

    /// The directory `path` is to be made in, which is made itself where missing, and its name there.
    ///
    /// # Errors
    /// The kernel's; `EINVAL` for the root itself.
    pub fn parent<'p>(&self, path: &'p Path) -> Result<(OwnedFd, &'p OsStr), Errno> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Errno::INVAL);
        };
        Ok((self.directory(parent)?, name))
    }

    fn make_file(&self, path: &Path, links_left: usize) -> Result<OwnedFd, Errno> {
        match self.find(path) {
            Err(Errno::NOENT) => {}
            found => return found,
        }
        let (parent, name) = self.parent(path)?;
        let flags = OFlags::CREATE | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&parent, name, flags, Mode::from_raw_mode(0o755)) {
            // A link to nowhere, such as the one many images have for /etc/resolv.conf: make what it points to.
            Err(Errno::LOOP) if links_left > 0 => {
                let target = readlinkat(&parent, name, Vec::new())?;
                let target = path
                    .parent()
                    .unwrap_or(Path::new("/"))
                    .join(OsStr::from_bytes(target.as_bytes()));
                self.make_file(&clean(&target), links_left - 1)
            }
            made => {
                made?;
                self.find(path)
            }
        }
    }

    fn make_directory(&self, path: &Path, links_left: usize) -> Result<OwnedFd, Errno> {
        match self.open_in(path, OFlags::PATH | OFlags::DIRECTORY, ResolveFlags::empty()) {
            Err(Errno::NOENT) => {}
            found => return found,
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Errno::INVAL);
        };
        let parent_directory = self.make_directory(parent, links_left)?;
        match mkdirat(&parent_directory, name, Mode::from_raw_mode(0o755)) {
            Ok(()) => {}
            Err(Errno::EXIST) if links_left > 0 => {
                // A link to nowhere: make what it points to.
                let target = readlinkat(&parent_directory, name, Vec::new())?;
                let target = parent.join(OsStr::from_bytes(target.as_bytes()));
                return self.make_directory(&clean(&target), links_left - 1);
            }
            Err(errno) => return Err(errno),
        }
        self.open_in(path, OFlags::PATH | OFlags::DIRECTORY, ResolveFlags::empty())
    }

    fn open_in(&self, path: &Path, flags: OFlags, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
        let path = if path.as_os_str().is_empty() {
            Path::new("/")
        } else {
            path
        };
        let resolve = resolve | ResolveFlags::IN_ROOT;
        let flags = flags | OFlags::CLOEXEC;
        retrying(|| openat2(&self.directory, path, flags, Mode::empty(), resolve))
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

/// Tries again what failed because somebody renamed something meanwhile.
///
/// # Errors
/// Those of `resolve`.
pub fn retrying<T>(resolve: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
    for _ in 0..RACES {
        match resolve() {
            Err(Errno::AGAIN) => {}
            result => return result,
        }
    }
    resolve()
}

/// Whether the entry is a directory.
///
/// # Errors
/// The kernel's.
pub fn is_directory(entry: impl AsFd) -> Result<bool, Errno> {
    Ok(FileType::from_raw_mode(fstat(entry)?.st_mode) == FileType::Directory)
}

/// The path made absolute, with `.`, `..` and doubled slashes resolved by text alone.
pub fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn paths_are_cleaned() {
        assert_eq!(clean(Path::new("a//b/../c/.")), Path::new("/a/c"));
        assert_eq!(clean(Path::new("/../../x")), Path::new("/x"));
    }

    #[test]
    fn links_stay_inside() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path();
        symlink("/etc", path.join("up")).unwrap();
        symlink("../../../../nowhere/deep", path.join("dangling")).unwrap();
        let root = Root::open(path).unwrap();
        assert_eq!(root.find(Path::new("/up/passwd")).unwrap_err(), Errno::NOENT);
        root.file(Path::new("/up/passwd")).unwrap();
        assert!(path.join("etc/passwd").exists());
        root.directory(Path::new("/dangling/x")).unwrap();
        assert!(path.join("nowhere/deep/x").is_dir());
        symlink("../run/resolv.conf", path.join("etc/resolv.conf")).unwrap();
        root.file(Path::new("/etc/resolv.conf")).unwrap();
        assert!(path.join("run/resolv.conf").is_file());
        assert_eq!(root.find_unlinked(Path::new("/up")).unwrap_err(), Errno::LOOP);
    }
}
