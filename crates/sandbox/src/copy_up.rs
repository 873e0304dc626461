//! Filling new volumes with what the image has at their place.
//!
//! The container's root filesystem is mounted nowhere the host can see, so a thread takes a mount namespace of its own,
//! mounts it there read-only, copies, and ends; the kernel unmounts it with the namespace.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use corten_shim_api::OverlayRoot;
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid, XattrFlags, chownat,
    fchmod, fchown, futimens, linkat, mkdirat, mknodat, openat, openat2, symlinkat, utimensat,
};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use crate::error::{Error, Result};

/// A directory every machine has and nothing below here needs.
const MOUNT_POINT: &str = "/sys";

/// For each `(path in the root filesystem, directory on the host)` copies the first's contents into the second, with owners,
/// modes, times and extended attributes; the directory itself takes over owner and mode. Paths the image does not have
/// are skipped.
///
/// # Errors
/// When the root filesystem cannot be mounted or something not be copied.
pub fn copy_up(root: &OverlayRoot, targets: &[(PathBuf, PathBuf)]) -> Result<()> {
    let what = "cannot copy the image's files into a volume";
    let worker = std::thread::scope(|scope| scope.spawn(|| copy_in_private_namespace(root, targets)).join());
    worker
        .unwrap_or_else(|_| Err(io::Error::other("the copying thread failed")))
        .map_err(Error::system(what))
}

fn copy_in_private_namespace(root: &OverlayRoot, targets: &[(PathBuf, PathBuf)]) -> io::Result<()> {
    // Opened first: the volumes are reached from outside the namespace that is about to change.
    let volumes: Vec<OwnedFd> = targets
        .iter()
        .map(|(_, volume)| {
            Ok(rustix::fs::open(
                volume,
                OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
            )?)
        })
        .collect::<io::Result<_>>()?;
    // SAFETY: this thread does nothing else and ends afterwards; neither CLONE_FS nor CLONE_NEWNS affects memory or
    // descriptors that other threads rely on.
    unsafe { unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS) }?;
    // This thread's own now, as its directory is.
    rustix::process::umask(Mode::empty());
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    std::env::set_current_dir(&root.base)?;
    let mut layers = vec![root.upper.as_str()];
    layers.extend(root.lower.iter().map(String::as_str));
    let image = if layers.len() == 1 {
        root.base.join(&root.upper)
    } else {
        // Any directory will do as a mount point in a namespace nobody else is in.
        let options = std::ffi::CString::new(format!("lowerdir={}", layers.join(":")))?;
        mount(
            "overlay",
            MOUNT_POINT,
            "overlay",
            MountFlags::RDONLY,
            Some(options.as_c_str()),
        )?;
        PathBuf::from(MOUNT_POINT)
    };
    let image = rustix::fs::open(
        &image,
        OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    for ((path, _), volume) in targets.iter().zip(&volumes) {
        let relative = path.strip_prefix("/").unwrap_or(path);
        let source = openat2(
            &image,
            relative,
            OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
        );
        match source {
            Ok(source) => Copy::new(volume.as_fd()).directory(
                &through(source.as_fd()),
                volume.as_fd(),
                Path::new(""),
            )?,
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A path by which this thread's own descriptor is reached, whatever is mounted where.
fn through(fd: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/thread-self/fd/{}/.", fd.as_raw_fd()))
}

/// One volume being filled. The source cannot change meanwhile; the volume can: other containers may have it mounted and put
/// links in the place of what was just made there. So it is only ever reached through descriptors and single names that are not
/// followed.
struct Copy<'v> {
    volume: BorrowedFd<'v>,
    /// Files with several names that were copied under one: by device and number in the image, where they are in the volume and
    /// their number there.
    linked: HashMap<(u64, u64), (PathBuf, u64)>,
}

impl<'v> Copy<'v> {
    fn new(volume: BorrowedFd<'v>) -> Self {
        Self {
            volume,
            linked: HashMap::new(),
        }
    }

    fn directory(&mut self, from: &Path, to: BorrowedFd<'_>, place: &Path) -> io::Result<()> {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            self.entry(&entry.path(), to, &place.join(entry.file_name()))?;
        }
        copy_attributes(from, &fs::metadata(from)?, to)
    }

    /// Copies `from` to `place` in the volume, whose last part is made in `dir`.
    fn entry(&mut self, from: &Path, dir: BorrowedFd<'_>, place: &Path) -> io::Result<()> {
        let name = place.file_name().unwrap_or_default();
        let metadata = fs::symlink_metadata(from)?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            mkdirat(dir, name, Mode::RWXU)?;
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let made = openat(dir, name, flags, Mode::empty())?;
            return self.directory(from, made.as_fd(), place);
        }
        if kind.is_file() {
            let has_names = metadata.nlink() > 1;
            let file = (metadata.dev(), metadata.ino());
            if has_names && self.link(file, dir, name)? {
                return Ok(());
            }
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut to = fs::File::from(openat(dir, name, flags, Mode::RUSR | Mode::WUSR)?);
            io::copy(&mut fs::File::open(from)?, &mut to)?;
            if has_names {
                self.linked.insert(file, (place.to_owned(), to.metadata()?.ino()));
            }
            return copy_attributes(from, &metadata, to.as_fd());
        }
        if kind.is_symlink() {
            symlinkat(&fs::read_link(from)?, dir, name)?;
        } else {
            let node = FileType::from_raw_mode(metadata.mode());
            let mode = Mode::from_raw_mode(metadata.mode() & 0o7777);
            mknodat(dir, name, node, mode, metadata.rdev())?;
        }
        let (uid, gid) = owner(&metadata);
        chownat(dir, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(utimensat(
            dir,
            name,
            &times(&metadata),
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    /// Makes another name for a file that was copied before, if that is still where it was put.
    fn link(&self, file: (u64, u64), dir: BorrowedFd<'_>, name: &OsStr) -> io::Result<bool> {
        let Some((place, number)) = self.linked.get(&file) else {
            return Ok(false);
        };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(found) = openat2(self.volume, place, flags, Mode::empty(), resolve) else {
            return Ok(false);
        };
        if rustix::fs::fstat(&found)?.st_ino != *number {
            return Ok(false);
        }
        let exactly = format!("/proc/thread-self/fd/{}", found.as_raw_fd());
        linkat(CWD, exactly, dir, name, AtFlags::SYMLINK_FOLLOW)?;
        Ok(true)
    }
}

/// Gives an open file or directory what `from` has besides its contents.
fn copy_attributes(from: &Path, metadata: &Metadata, to: BorrowedFd<'_>) -> io::Result<()> {
    let (uid, gid) = owner(metadata);
    fchown(to, Some(uid), Some(gid))?;
    fchmod(to, Mode::from_raw_mode(metadata.mode() & 0o7777))?;
    // After the owner: changing it clears file capabilities.
    copy_xattrs(from, to)?;
    Ok(futimens(to, &times(metadata))?)
}

fn owner(metadata: &Metadata) -> (Uid, Gid) {
    (Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid()))
}

fn times(metadata: &Metadata) -> Timestamps {
    let time = |seconds, nanoseconds| Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds,
    };
    Timestamps {
        last_access: time(metadata.atime(), metadata.atime_nsec()),
        last_modification: time(metadata.mtime(), metadata.mtime_nsec()),
    }
}

fn copy_xattrs(from: &Path, to: BorrowedFd<'_>) -> io::Result<()> {
    let mut names = vec![0_u8; 64 << 10];
    let length = match rustix::fs::llistxattr(from, &mut names) {
        Ok(length) => length,
        Err(rustix::io::Errno::OPNOTSUPP) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut value = vec![0_u8; 64 << 10];
    for name in names[..length].split(|b| *b == 0).filter(|name| !name.is_empty()) {
        // Overlay's own marks mean nothing outside it.
        if name.starts_with(b"trusted.overlay.") {
            continue;
        }
        let name = OsStr::from_bytes(name);
        let size = rustix::fs::lgetxattr(from, name, &mut value)?;
        rustix::fs::fsetxattr(to, name, &value[..size], XattrFlags::empty())?;
    }
    Ok(())
}
