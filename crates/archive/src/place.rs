//! A directory that serves as the root of all names looked up in it, whatever links it holds and whoever changes them
//! meanwhile.

use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// As many links on one path are followed as Linux itself follows.
const MAX_LINKS: usize = 40;

/// A directory tree to look into, unpack into or pack from.
///
/// Every name is resolved by the kernel relative to an open descriptor (`openat2`), so that a container that swaps
/// directories for links while it is looked into can send the look nowhere but into itself.
#[derive(Debug)]
pub struct Place {
    root: OwnedFd,
    /// Directory below the root that names of archives are relative to; no slash at either end.
    base: Vec<u8>,
    resolve: ResolveFlags,
    /// What messages call the base.
    title: Vec<u8>,
}

impl Place {
    /// A layer's directory: links resolve within it, and nothing is mounted below.
    ///
    /// # Errors
    /// The kernel's.
    pub fn layer(path: &Path) -> rustix::io::Result<Self> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        Ok(Self {
            root: open_directory(path)?,
            base: Vec::new(),
            resolve,
            title: b"/".to_vec(),
        })
    }

    /// A container's root directory: links resolve within it, mounts are crossed.
    pub fn root(root: OwnedFd) -> Self {
        Self {
            root,
            base: Vec::new(),
            resolve: ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
            title: b"/".to_vec(),
        }
    }

    /// A user's own directory: no name of an archive may lead through a link.
    ///
    /// # Errors
    /// The kernel's.
    pub fn directory(path: &Path) -> rustix::io::Result<Self> {
        use std::os::unix::ffi::OsStrExt;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            root: rustix::fs::openat(CWD, path, flags, Mode::empty())?,
            base: Vec::new(),
            resolve: ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
            title: path.as_os_str().as_bytes().to_vec(),
        })
    }

    /// The same tree, with names of archives relative to `base`, a path as [`Place::real_path`] gives it.
    pub fn at(mut self, base: &[u8]) -> Self {
        self.base = base.strip_prefix(b"/").unwrap_or(base).to_vec();
        self.title = [b"/", self.base.as_slice()].concat();
        self
    }

    /// Opens what `path` leads to as a mere place (`O_PATH`); with `follow`, also behind a link at its end.
    ///
    /// # Errors
    /// The kernel's.
    pub fn find(&self, path: &[u8], follow: bool) -> rustix::io::Result<OwnedFd> {
        let flags = if follow {
            OFlags::PATH
        } else {
            OFlags::PATH | OFlags::NOFOLLOW
        };
        self.open(path, flags)
    }

    /// The path that `path` comes to once all links in it are followed, absolute; what does not exist stays as it is
    /// written.
    ///
    /// # Errors
    /// The kernel's; `ELOOP` for too many links.
    pub fn real_path(&self, path: &[u8]) -> rustix::io::Result<Vec<u8>> {
        let mut todo: Vec<Vec<u8>> = components(path);
        let mut done: Vec<u8> = Vec::new();
        let mut links = 0;
        while let Some(component) = todo.pop() {
            if component == b".." {
                let slash = done.iter().rposition(|byte| *byte == b'/');
                done.truncate(slash.unwrap_or(0));
                continue;
            }
            let mut next = done.clone();
            next.push(b'/');
            next.extend_from_slice(&component);
            match self.find(&next, false) {
                Ok(found) if kind(&found)? == FileType::Symlink => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Errno::LOOP);
                    }
                    let target = rustix::fs::readlinkat(&found, c"", Vec::new())?;
                    if target.as_bytes().starts_with(b"/") {
                        done.clear();
                    }
                    todo.extend(components(target.as_bytes()));
                }
                Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => done = next,
                Err(error) => return Err(error),
            }
        }
        if done.is_empty() {
            done.push(b'/');
        }
        Ok(done)
    }

    /// Opens what `path` leads to, making it (a directory of mode 755 or an empty file) and the directories it is in where
    /// they are missing. For trees nobody else changes.
    ///
    /// # Errors
    /// The kernel's.
    pub fn make(&self, path: &[u8], is_directory: bool) -> rustix::io::Result<OwnedFd> {
        let real = self.real_path(path)?;
        let mode = Mode::from_raw_mode(0o755);
        let mut at = self.find(b"/", true)?;
        let ends = (1..real.len())
            .filter(|end| real[*end] == b'/')
            .chain([real.len()]);
        for end in ends {
            let name = real[..end]
                .rsplit(|byte| *byte == b'/')
                .next()
                .unwrap_or_default();
            at = match self.find(&real[..end], true) {
                Err(Errno::NOENT) if end < real.len() || is_directory => {
                    rustix::fs::mkdirat(&at, name, mode)?;
                    self.find(&real[..end], true)?
                }
                Err(Errno::NOENT) => {
                    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                    rustix::fs::openat(&at, name, flags, mode)?;
                    self.find(&real[..end], true)?
                }
                result => result?,
            };
        }
        Ok(at)
    }

    /// Reads a small file, such as a user database: at most `limit` bytes of an ordinary file.
    ///
    /// # Errors
    /// The kernel's; `EINVAL` for anything but an ordinary file, `EFBIG` for too large a one.
    pub fn read_file(&self, path: &[u8], limit: u64) -> std::io::Result<Vec<u8>> {
        let found = self.find(path, true)?;
        if kind(&found)? != FileType::RegularFile {
            return Err(Errno::INVAL.into());
        }
        let name = format!("/proc/self/fd/{}", found.as_raw_fd());
        let file = rustix::fs::openat(CWD, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let mut bytes = Vec::new();
        std::fs::File::from(file)
            .take(limit + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(Errno::FBIG.into());
        }
        Ok(bytes)
    }

    /// Opens `path` in the tree.
    pub(crate) fn open(&self, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let path = match path {
            b"" | b"/" => b".",
            // Where leaving the tree is an error, so is beginning at its root.
            path if self.resolve.contains(ResolveFlags::BENEATH) => path.strip_prefix(b"/").unwrap_or(path),
            path => path,
        };
        loop {
            match rustix::fs::openat2(
                &self.root,
                path,
                flags | OFlags::CLOEXEC,
                Mode::empty(),
                self.resolve,
            ) {
                // A rename somewhere on the machine; the kernel asks to try again.
                Err(Errno::AGAIN | Errno::INTR) => {}
                result => return result,
            }
        }
    }

    /// `path`, relative to the base, as a path from the root.
    pub(crate) fn under_base(&self, path: &[u8]) -> Vec<u8> {
        join(&self.base, path)
    }

    /// `path`, relative to the base, as messages name it.
    pub(crate) fn shown(&self, path: &[u8]) -> String {
        String::from_utf8_lossy(&join(&self.title, path)).into_owned()
    }
}

impl AsFd for Place {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}

fn join(base: &[u8], path: &[u8]) -> Vec<u8> {
    let mut joined = base.to_vec();
    if !path.is_empty() {
        if !joined.is_empty() && !joined.ends_with(b"/") {
            joined.push(b'/');
        }
        joined.extend_from_slice(path);
    }
    joined
}

/// Last first, so that the next one can be popped.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
        .rev()
        .map(<[u8]>::to_vec)
        .collect()
}

fn kind(fd: &OwnedFd) -> rustix::io::Result<FileType> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode))
}

fn open_directory(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_within() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("a/b/file"), "x").unwrap();
        symlink("/a/b", at("abs")).unwrap();
        symlink("../../../a", at("a/up")).unwrap();
        symlink("missing/deep", at("broken")).unwrap();
        symlink("loop", at("loop")).unwrap();
        let fd = open_directory(dir.path()).unwrap();
        let place = Place::root(fd);
        let real = |path: &str| String::from_utf8(place.real_path(path.as_bytes()).unwrap()).unwrap();
        assert_eq!(real("/abs/file"), "/a/b/file");
        assert_eq!(real("a/up/b/."), "/a/b");
        assert_eq!(real("/broken/x"), "/missing/deep/x");
        assert_eq!(real("/.."), "/");
        place.make(b"/broken/new/dir", true).unwrap();
        place.make(b"/abs/mount", false).unwrap();
        assert!(at("missing/deep/new/dir").is_dir() && at("a/b/mount").is_file());
        assert_eq!(place.read_file(b"/abs/file", 10).unwrap(), b"x");
        assert!(place.read_file(b"/abs", 10).is_err());
        assert_eq!(place.real_path(b"/loop").unwrap_err(), Errno::LOOP);
        assert!(place.find(b"/etc/passwd", true).is_err());
        let own = Place::directory(dir.path()).unwrap();
        assert_eq!(own.open(b"abs/file", OFlags::PATH).unwrap_err(), Errno::LOOP);
        assert!(own.open(b"a/b/file", OFlags::PATH).is_ok());
    }
}
