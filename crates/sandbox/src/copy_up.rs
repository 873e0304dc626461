//! Filling new volumes with what the image has at their place.
//!
//! The container's root filesystem is mounted nowhere the host can see, so a thread takes a mount namespace of its own,
//! mounts it there read-only, copies, and ends; the kernel unmounts it with the namespace.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, lchown};
use std::path::{Path, PathBuf};

use corten_shim_api::OverlayRoot;
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, Timespec, Timestamps, XattrFlags, openat2, utimensat};
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
            Ok(source) => copy_dir(&through(source.as_fd()), &through(volume.as_fd()))?,
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

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_entry(&entry.path(), &to.join(entry.file_name()))?;
    }
    let metadata = fs::metadata(from)?;
    chown(to, Some(metadata.uid()), Some(metadata.gid()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
    copy_times(&metadata, to)
}

fn copy_entry(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    let kind = metadata.file_type();
    if kind.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, to)?;
        lchown(to, Some(metadata.uid()), Some(metadata.gid()))?;
        return copy_times(&metadata, to);
    }
    if kind.is_dir() {
        fs::create_dir(to)?;
        copy_xattrs(from, to)?;
        return copy_dir(from, to);
    }
    if kind.is_file() {
        fs::copy(from, to)?;
    } else if kind.is_fifo() || kind.is_char_device() || kind.is_block_device() || kind.is_socket() {
        let mode = Mode::from_raw_mode(metadata.mode() & 0o7777);
        let node = rustix::fs::FileType::from_raw_mode(metadata.mode());
        rustix::fs::mknodat(rustix::fs::CWD, to, node, mode, metadata.rdev())?;
    }
    chown(to, Some(metadata.uid()), Some(metadata.gid()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
    // After the owner: changing it clears file capabilities.
    copy_xattrs(from, to)?;
    copy_times(&metadata, to)
}

fn copy_times(metadata: &Metadata, to: &Path) -> io::Result<()> {
    let time = |seconds, nanoseconds| Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds,
    };
    let times = Timestamps {
        last_access: time(metadata.atime(), metadata.atime_nsec()),
        last_modification: time(metadata.mtime(), metadata.mtime_nsec()),
    };
    Ok(utimensat(rustix::fs::CWD, to, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

fn copy_xattrs(from: &Path, to: &Path) -> io::Result<()> {
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
        rustix::fs::lsetxattr(to, name, &value[..size], XattrFlags::empty())?;
    }
    Ok(())
}
