//! The mounts of the specification, made one by one below the container's root.

use std::cell::Cell;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use corten_shim_api::{ErrorStage, RuntimeFailure};
use oci_spec::runtime::Mount;
use rustix::fs::{CWD, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags, fstat, fstatfs, open, openat2};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, move_mount, open_tree, unmount,
};
use rustix::process::{chdir, fchdir};

use super::options::MountOptions;
use super::root::{Root, clean, is_directory, retrying};
use crate::failure::{Context, Result, errno_text, failure};
use crate::sys::{MountAttr, enter_namespaces, set_mount_attributes};

/// Files in `/proc` that may be covered: they only inform, and tools such as lxcfs provide truer ones.
const COVERABLE: [&str; 11] = [
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/slabinfo",
    "/proc/net/dev",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
];

/// Makes mounts, and remembers what is to become read-only once everything below is in place.
#[derive(Debug)]
pub struct Mounter<'a> {
    root: &'a Root,
    /// Where the root was mounted. What is mounted there for a moment covers nothing that is still reached by name, and the root
    /// below it is private: it is seen by nobody else.
    place: &'a Path,
    /// File systems asked to be read-only in which mount points may yet have to be made.
    sealed_later: Vec<PathBuf>,
}

impl<'a> Mounter<'a> {
    /// Nothing mounted yet.
    pub fn new(root: &'a Root, place: &'a Path) -> Self {
        Self {
            root,
            place,
            sealed_later: Vec::new(),
        }
    }

    /// Makes one mount; `cgroup` ones are the caller's ([`super::cgroups`]).
    ///
    /// # Errors
    /// In runc's words, naming source and destination.
    pub fn mount(&mut self, entry: &Mount) -> Result<()> {
        let destination = clean(entry.destination());
        let options = options_of(entry)?;
        if options.bind || entry.typ().as_deref() == Some("bind") {
            self.bind(entry, &destination, &options)
        } else if let (Some("overlay"), Some(layers)) = (entry.typ().as_deref(), layers_of(&options)) {
            self.layers(entry, &destination, &options, &layers)
        } else {
            self.file_system(entry, &destination, &options)
        }
    }

    /// Makes read-only what had to wait for it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn seal(&mut self) -> Result<()> {
        for destination in self.sealed_later.drain(..) {
            self.root
                .find(&destination)
                .and_then(|mount| {
                    set_mount_attributes(mount, false, &MountAttr::new(libc::MOUNT_ATTR_RDONLY, 0))
                })
                .context(ErrorStage::Mount, || {
                    format!("remount {} read-only", destination.display())
                })?;
        }
        Ok(())
    }

    fn bind(&mut self, entry: &Mount, destination: &Path, options: &MountOptions) -> Result<()> {
        let Some(source) = entry.source() else {
            return Err(failure(
                ErrorStage::Mount,
                format!("bind mount {} has no source", destination.display()),
            ));
        };
        let wrap = |errno: Errno| bind_failure(source, destination, errno);
        let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        if options.recursive {
            flags |= OpenTreeFlags::AT_RECURSIVE;
        }
        let tree = match (&options.from, &options.subpath) {
            (Some(namespace), _) => with_mounts_of(namespace, || open_tree(CWD, source, flags)),
            (None, None) => open_tree(CWD, source, flags),
            (None, Some(subpath)) => open(
                source,
                OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
            )
            .and_then(|whole| open_below(whole.as_fd(), subpath))
            .and_then(|part| open_tree(&part, c"", flags | OpenTreeFlags::AT_EMPTY_PATH)),
        };
        let tree = tree.map_err(wrap)?;
        let from_proc = is_proc(&tree).map_err(wrap)?;
        refuse_over_proc(destination, from_proc)
            .map_err(|reason| mount_failure(source, destination, &reason))?;
        let target = if is_directory(&tree).map_err(wrap)? {
            self.root.directory(destination)
        } else {
            match self.root.file(destination) {
                Ok(target) if is_directory(&target).map_err(wrap)? => Err(Errno::NOTDIR),
                target => target,
            }
        };
        let target = target.map_err(wrap)?;
        refuse_inside_proc(&target, destination, from_proc)
            .map_err(|reason| mount_failure(source, destination, &reason))?;
        let attributes = options.attributes();
        if attributes != MountAttr::default() {
            set_mount_attributes(&tree, false, &attributes).map_err(wrap)?;
        }
        if options.below != MountAttr::default() {
            set_mount_attributes(&tree, true, &options.below).map_err(wrap)?;
        }
        attach(tree.as_fd(), target.as_fd()).map_err(wrap)?;
        // A mount takes part in the propagation of the place it is attached to, so its own comes last.
        set_propagation(tree.as_fd(), options).map_err(wrap)
    }

    fn file_system(&mut self, entry: &Mount, destination: &Path, options: &MountOptions) -> Result<()> {
        let kind = entry.typ().as_deref().unwrap_or_default();
        let source = entry.source().as_deref().unwrap_or(Path::new(kind));
        let wrap = |errno: Errno| mount_failure(source, destination, &errno_text(errno));
        refuse_over_proc(destination, kind == "proc")
            .map_err(|reason| mount_failure(source, destination, &reason))?;
        let own_kernel_view = matches!(kind, "proc" | "sysfs");
        let existed = self.root.find(destination).is_ok();
        let target = if own_kernel_view {
            self.unlinked_directory(destination)
                .map_err(|errno| match errno {
                    Errno::LOOP | Errno::NOTDIR => mount_failure(
                        source,
                        destination,
                        &format!("filesystem {kind:?} must be mounted on ordinary directory"),
                    ),
                    errno => wrap(errno),
                })?
        } else {
            self.root.directory(destination).map_err(wrap)?
        };
        refuse_inside_proc(&target, destination, kind == "proc")
            .map_err(|reason| mount_failure(source, destination, &reason))?;

        let mut flags = options.flags;
        let mut data = options.data.clone();
        if kind == "tmpfs" {
            if flags & libc::MS_RDONLY != 0 {
                flags &= !libc::MS_RDONLY;
                self.sealed_later.push(destination.to_owned());
            }
            // The directory it covers lends its mode, unless one is given; where there was none it is everybody's.
            let mode = if existed {
                fstat(&target).map_err(wrap)?.st_mode & 0o7777
            } else {
                0o1777
            };
            data = if data.is_empty() {
                format!("mode={mode:04o}")
            } else {
                format!("mode={mode:04o},{data}")
            };
        }
        let data = CString::new(data).map_err(|_| wrap(Errno::INVAL))?;
        mount(
            source,
            place(target.as_fd()),
            kind,
            MountFlags::from_bits_retain(flags as u32),
            Some(data.as_c_str()),
        )
        .map_err(wrap)?;
        if !options.propagation.is_empty() {
            // The descriptor still stands for the covered directory.
            let mounted = self.root.find(destination).map_err(wrap)?;
            set_propagation(mounted.as_fd(), options).map_err(wrap)?;
        }
        Ok(())
    }

    /// The layers of an image, with nothing to write on top.
    fn layers(
        &self,
        entry: &Mount,
        destination: &Path,
        options: &MountOptions,
        layers: &[&str],
    ) -> Result<()> {
        let base = entry.source().as_deref().unwrap_or(Path::new("/"));
        let wrap = |errno: Errno| bind_failure(base, destination, errno);
        refuse_over_proc(destination, false).map_err(|reason| mount_failure(base, destination, &reason))?;
        let read_only = MountAttr::new(libc::MOUNT_ATTR_RDONLY, 0);
        let unfound = Cell::new(None);
        let attach_part = |whole: BorrowedFd<'_>| {
            let part = match &options.subpath {
                None => None,
                Some(subpath) => {
                    let part = open_below(whole, subpath);
                    Some(part.inspect_err(|errno| unfound.set(Some(*errno)))?)
                }
            };
            let flags = OpenTreeFlags::OPEN_TREE_CLONE
                | OpenTreeFlags::OPEN_TREE_CLOEXEC
                | OpenTreeFlags::AT_EMPTY_PATH;
            let tree = open_tree(part.as_ref().map_or(whole, AsFd::as_fd), c"", flags)?;
            let target = if is_directory(&tree)? {
                self.root.directory(destination)?
            } else {
                self.root.file(destination)?
            };
            refuse_inside_proc(&target, destination, false).map_err(|_| Errno::INVAL)?;
            set_mount_attributes(&tree, false, &read_only)?;
            attach(tree.as_fd(), target.as_fd())
        };
        let attached = with_layers(base, layers, self.place, attach_part);
        attached.map_err(|errno| match (&options.subpath, unfound.get()) {
            (Some(subpath), Some(errno)) => {
                let reason = format!("cannot access path of the image: {}", errno_text(errno));
                mount_failure(Path::new(subpath), destination, &reason)
            }
            _ => wrap(errno),
        })
    }

    fn unlinked_directory(&self, destination: &Path) -> std::result::Result<OwnedFd, Errno> {
        match self.root.find_unlinked(destination) {
            Err(Errno::NOENT) => {
                self.root.directory(destination)?;
                self.root.find_unlinked(destination)
            }
            Ok(target) if !is_directory(&target)? => Err(Errno::NOTDIR),
            found => found,
        }
    }
}

/// Does something among the mounts of another namespace, and comes back.
fn with_mounts_of<T>(
    namespace: &str,
    action: impl FnOnce() -> std::result::Result<T, Errno>,
) -> std::result::Result<T, Errno> {
    let open = |path| open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let (own, other, before) = (open("/proc/self/ns/mnt")?, open(namespace)?, open(".")?);
    enter_namespaces(&other, libc::CLONE_NEWNS)?;
    let result = action();
    enter_namespaces(&own, libc::CLONE_NEWNS)?;
    fchdir(&before)?;
    result
}

/// Directory names of an overlay's layers that has nothing to write on top.
fn layers_of(options: &MountOptions) -> Option<Vec<&str>> {
    let layers = options.data.strip_prefix("lowerdir=")?;
    let others = layers.contains([',', '\\']);
    (!others && options.flags & libc::MS_RDONLY != 0).then(|| layers.split(':').collect())
}

/// Lets `attach` take what it wants of an image whose layers are directories in `base`, topmost first.
fn with_layers(
    base: &Path,
    layers: &[&str],
    place: &Path,
    attach: impl FnOnce(BorrowedFd<'_>) -> std::result::Result<(), Errno>,
) -> std::result::Result<(), Errno> {
    let path = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    // An overlay needs two.
    if let [layer] = layers {
        return attach(open(base.join(layer), path, Mode::empty())?.as_fd());
    }
    let before = open(".", path, Mode::empty())?;
    // Names from here are short: mount options are limited to one page.
    chdir(base)?;
    let options = CString::new(format!("lowerdir={}", layers.join(":"))).map_err(|_| Errno::INVAL)?;
    let mounted = mount(
        "overlay",
        place,
        "overlay",
        MountFlags::RDONLY,
        Some(options.as_c_str()),
    );
    fchdir(&before)?;
    mounted?;
    let attached = open(place, path, Mode::empty()).and_then(|whole| attach(whole.as_fd()));
    unmount(place, UnmountFlags::DETACH)?;
    attached
}

/// The options of an entry.
///
/// # Errors
/// When one is not supported.
pub fn options_of(entry: &Mount) -> Result<MountOptions> {
    if entry.uid_mappings().is_some() || entry.gid_mappings().is_some() {
        return Err(failure(
            ErrorStage::Spec,
            format!(
                "mount {}: id-mapped mounts are not supported",
                entry.destination().display()
            ),
        ));
    }
    MountOptions::parse(entry.options().as_deref().unwrap_or_default()).map_err(|option| {
        failure(
            ErrorStage::Spec,
            format!(
                "mount {}: option {option:?} is not supported",
                entry.destination().display()
            ),
        )
    })
}

/// Puts a detached mount on an entry.
///
/// # Errors
/// The kernel's.
pub fn attach(tree: BorrowedFd<'_>, target: BorrowedFd<'_>) -> std::result::Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, c"", target, c"", flags)
}

/// A path that leads to exactly the entry opened. It needs the host's `/proc`, so only before the root is changed.
pub fn place(entry: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", entry.as_raw_fd())
}

/// The place `subpath` of a directory, which other containers may be changing at this moment: links in it are followed only
/// as long as they stay inside.
fn open_below(directory: BorrowedFd<'_>, subpath: &str) -> std::result::Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    retrying(|| openat2(directory, subpath, flags, Mode::empty(), resolve))
}

fn set_propagation(mounted: BorrowedFd<'_>, options: &MountOptions) -> std::result::Result<(), Errno> {
    options
        .propagation
        .iter()
        .try_for_each(|(kind, below)| set_mount_attributes(mounted, *below, &MountAttr::propagation(*kind)))
}

fn is_proc(entry: impl AsFd) -> std::result::Result<bool, Errno> {
    Ok(fstatfs(entry)?.f_type == PROC_SUPER_MAGIC)
}

/// By name: `/proc` must stay a proc file system, and only harmless parts of it may be covered.
fn refuse_over_proc(destination: &Path, is_proc: bool) -> std::result::Result<(), String> {
    let refused = if destination == Path::new("/proc") {
        !is_proc
    } else {
        destination.starts_with("/proc") && !COVERABLE.iter().any(|allowed| destination == Path::new(allowed))
    };
    if refused {
        Err(format!(
            "{destination:?} cannot be mounted because it is inside /proc"
        ))
    } else {
        Ok(())
    }
}

/// By place: links in the image may lead a harmless name into `/proc`.
fn refuse_inside_proc(
    target: &OwnedFd,
    destination: &Path,
    from_proc: bool,
) -> std::result::Result<(), String> {
    let by_name = destination.starts_with("/proc");
    if by_name || from_proc || !is_proc(target).unwrap_or(true) {
        Ok(())
    } else {
        Err(format!(
            "{destination:?} cannot be mounted because it is inside /proc"
        ))
    }
}

fn mount_failure(source: &Path, destination: &Path, reason: &str) -> RuntimeFailure {
    failure(
        ErrorStage::Mount,
        format!(
            "error during container init: error mounting {source:?} to rootfs at {destination:?}: {reason}"
        ),
    )
}

fn bind_failure(source: &Path, destination: &Path, errno: Errno) -> RuntimeFailure {
    let mut reason = format!(
        "mount src={}, dst={}: {}",
        source.display(),
        destination.display(),
        errno_text(errno)
    );
    if errno == Errno::NOTDIR {
        reason.push_str(
            ": Are you trying to mount a directory onto a file (or vice-versa)? \
             Check if the specified host path exists and is the expected type",
        );
    }
    RuntimeFailure {
        errno: Some(errno.raw_os_error()),
        ..mount_failure(source, destination, &reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_guarded() {
        let check = |path: &str, is_proc| refuse_over_proc(Path::new(path), is_proc).is_ok();
        assert!(check("/proc", true) && !check("/proc", false));
        assert!(check("/proc/meminfo", false) && !check("/proc/self/attr", false) && !check("/proc/1", true));
        assert!(check("/process", false));
    }
}
