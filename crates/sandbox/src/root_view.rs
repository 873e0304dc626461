//! A container's files as they are seen from inside, for copying in and out.
//!
//! A running container's root directory is reached through its init; one that does not run has none, so it is mounted in a
//! mount namespace nobody is in, which lives as long as the view. Either way what is handed out is a descriptor: resolving
//! names against it safely is `archive`'s matter.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use corten_archive::Place;
use corten_shim_api::OverlayRoot;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_change, mount_remount,
    move_mount, open_tree,
};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

use crate::error::{Error, Result};
use crate::subpath::open_source;

/// A directory every machine has and nothing here needs, to mount a root directory on.
const MOUNT_POINT: &str = "/sys";

/// A container's root directory, open for as long as this lives.
#[derive(Debug)]
pub struct RootView {
    root: OwnedFd,
    /// Keeps what is mounted below the root directory there.
    _namespace: Option<OwnedFd>,
}

/// A file or directory of the host shown at a path of a container that does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewMount {
    /// On the host; skipped when there is nothing.
    pub source: PathBuf,
    /// The part of it that is shown, found within it; empty for all of it.
    pub subpath: String,
    /// In the container, absolute.
    pub destination: PathBuf,
    /// Nothing may be written there.
    pub read_only: bool,
}

impl RootView {
    /// What a running container's processes see, all mounts included. The caller must make sure that the process is still
    /// the container's init afterwards.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn of_running(init: u32) -> Result<Self> {
        let open = || {
            Ok(Self {
                root: open_path(Path::new(&format!("/proc/{init}/root")))?,
                _namespace: Some(namespace_of(init)?),
            })
        };
        open().map_err(Error::system("cannot open the container's root directory"))
    }

    /// A running container's root file system without anything that is mounted on it; as for [`RootView::of_running`].
    ///
    /// # Errors
    /// When the process is gone.
    pub fn bare_of_running(init: u32) -> Result<Self> {
        apart(|| {
            let namespace = namespace_of(init)?;
            // SAFETY: this thread does nothing else and ends afterwards; CLONE_FS affects neither memory nor descriptors.
            unsafe { unshare_unsafe(UnshareFlags::FS) }?;
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Mount))?;
            let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
            Ok(Self {
                root: open_tree(CWD, "/", flags)?,
                _namespace: None,
            })
        })
        .map_err(Error::system("cannot open the container's root directory"))
    }

    /// The root file system of a container that does not run, which the caller must keep from starting, with these mounts
    /// on it.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn mounted(root: &OverlayRoot, mounts: &[ViewMount]) -> Result<Self> {
        apart(|| {
            enter_private_namespace()?;
            let options = format!(
                "lowerdir={},upperdir={},workdir={}",
                root.lower.join(":"),
                root.upper,
                root.work
            );
            let view = mount_root(root, &options, MountFlags::empty())?;
            root.demand_writable(Path::new(MOUNT_POINT))?;
            let place = Place::root(view.root.try_clone()?);
            for entry in mounts {
                show(&place, entry)?;
            }
            Ok(view)
        })
        .map_err(Error::system("cannot mount the container's root file system"))
    }

    /// The root file system of a container, running or not, as it is by now, without any mounts, for reading.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn read_only(root: &OverlayRoot) -> Result<Self> {
        if root.lower.is_empty() {
            let open = || {
                Ok(Self {
                    root: open_path(&root.base.join(&root.upper))?,
                    _namespace: None,
                })
            };
            return open().map_err(Error::system("cannot open the container's root directory"));
        }
        apart(|| {
            enter_private_namespace()?;
            let options = format!("lowerdir={}:{}", root.upper, root.lower.join(":"));
            mount_root(root, &options, MountFlags::RDONLY)
        })
        .map_err(Error::system("cannot mount the container's root file system"))
    }

    /// The root directory, to look up names in.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn place(&self) -> Result<Place> {
        let root = self.root.try_clone();
        Ok(Place::root(root.map_err(Error::system(
            "cannot open the container's root directory",
        ))?))
    }
}

impl AsFd for RootView {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}

/// Runs what changes namespaces on a thread of its own.
fn apart<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| scope.spawn(work).join())
        .unwrap_or_else(|_| Err(io::Error::other("the mounting thread failed")))
}

fn enter_private_namespace() -> io::Result<()> {
    // SAFETY: this thread does nothing else and ends afterwards; neither CLONE_FS nor CLONE_NEWNS affects memory or
    // descriptors that other threads rely on.
    unsafe { unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS) }?;
    Ok(mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )?)
}

/// Mounts an overlay in this thread's own namespace.
fn mount_root(root: &OverlayRoot, options: &str, flags: MountFlags) -> io::Result<RootView> {
    std::env::set_current_dir(&root.base)?;
    let options = CString::new(options)?;
    mount("overlay", MOUNT_POINT, "overlay", flags, Some(options.as_c_str()))?;
    Ok(RootView {
        root: open_path(Path::new(MOUNT_POINT))?,
        _namespace: Some(open(Path::new("/proc/thread-self/ns/mnt"), OFlags::RDONLY)?),
    })
}

/// Binds a source to its destination, making the latter where it is missing.
fn show(place: &Place, entry: &ViewMount) -> io::Result<()> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let source = match open_source(&entry.source, &entry.subpath) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let tree = open_tree(&source, c"", flags | OpenTreeFlags::AT_EMPTY_PATH)?;
    let is_directory = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&tree)?.st_mode)
        == rustix::fs::FileType::Directory;
    use std::os::unix::ffi::OsStrExt;
    let target = place.make(entry.destination.as_os_str().as_bytes(), is_directory)?;
    let empty = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(&tree, c"", &target, c"", empty)?;
    if entry.read_only {
        let mounted = format!("/proc/thread-self/fd/{}", tree.as_raw_fd());
        mount_remount(mounted, MountFlags::BIND | MountFlags::RDONLY, c"")?;
    }
    Ok(())
}

fn namespace_of(init: u32) -> io::Result<OwnedFd> {
    open(Path::new(&format!("/proc/{init}/ns/mnt")), OFlags::RDONLY)
}

fn open_path(path: &Path) -> io::Result<OwnedFd> {
    open(path, OFlags::PATH | OFlags::DIRECTORY)
}

fn open(path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(
        CWD,
        path,
        flags | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}
