//! Where the container's root file system comes from and how it becomes `/`.

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::path::Path;

use corten_shim_api::{ErrorStage, OverlayRoot, RootMount};
use oci_spec::runtime::Spec;
use rustix::fs::{CWD, Mode, OFlags, open};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags,
    UnmountFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount,
    mount_bind_recursive, mount_change, move_mount, unmount,
};
use rustix::process::{chdir, fchdir, pivot_root};

use super::options::propagation;
use super::root::Root;
use crate::failure::{Context, Result, failure};

/// Longest options mount(2) takes: one page with its final NUL.
const MAX_OPTIONS: usize = 4095;

/// Mounts the root file system at `path` in this process's own mount namespace.
///
/// # Errors
/// The kernel's.
pub fn mount_root(source: &RootMount, path: &Path, spec: &Spec) -> Result<Root> {
    let wanted = wanted_propagation(spec)?;
    let mount_root = || {
        // As a slave, what the host mounts later may arrive, and nothing goes back.
        let (kind, recursive) = wanted.unwrap_or((libc::MS_SLAVE, true));
        mount_change("/", change(kind, recursive))?;
        if kind == libc::MS_SHARED {
            keep_private(path)?;
        }
        match source {
            RootMount::Overlay(overlay) => {
                mount_overlay(overlay, path)?;
                overlay.demand_writable(path)?;
            }
            RootMount::Directory(directory) => mount_bind_recursive(directory, path)?,
        }
        Root::open(path)
    };
    mount_root().context(ErrorStage::Mount, || {
        format!(
            "error during container init: error preparing rootfs: mount {}",
            path.display()
        )
    })
}

/// Makes `root` this process's `/` and drops the host's file systems.
///
/// # Errors
/// The kernel's.
pub fn pivot(root: &Root, spec: &Spec) -> Result<()> {
    let wanted = wanted_propagation(spec)?;
    let pivot = || {
        let old: OwnedFd = open(
            "/",
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        fchdir(root)?;
        // The old root ends up on top of the new one, reachable only through the descriptor.
        pivot_root(".", ".")?;
        fchdir(&old)?;
        // Unmounting must not travel to the host.
        mount_change(".", change(libc::MS_SLAVE, true))?;
        unmount(".", UnmountFlags::DETACH)?;
        chdir("/")?;
        match wanted {
            Some((kind, recursive)) if kind != libc::MS_PRIVATE => mount_change("/", change(kind, recursive)),
            _ => Ok(()),
        }
    };
    pivot().context(ErrorStage::Mount, || {
        "error during container init: pivot_root".into()
    })
}

fn mount_overlay(overlay: &OverlayRoot, path: &Path) -> std::result::Result<(), Errno> {
    let names = || overlay.lower.iter().chain([&overlay.upper, &overlay.work]);
    // They have a meaning in the options, so such names cannot be given there.
    if overlay.lower.is_empty() || names().any(|name| name.is_empty() || name.contains([',', ':', '\\'])) {
        return Err(Errno::INVAL);
    }
    chdir(&overlay.base)?;
    if overlay.volatile {
        // The kernel's note that an earlier volatile mount may have lost data; it was agreed that this one may.
        match std::fs::remove_dir_all(Path::new(&overlay.work).join("work/incompat")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Errno::BUSY),
            _ => {}
        }
    }
    let options = format!(
        "lowerdir={},upperdir={},workdir={}{}",
        overlay.lower.join(":"),
        overlay.upper,
        overlay.work,
        if overlay.volatile { ",volatile" } else { "" }
    );
    if options.len() <= MAX_OPTIONS {
        let options = CString::new(options).map_err(|_| Errno::INVAL)?;
        return mount(
            "overlay",
            path,
            "overlay",
            MountFlags::empty(),
            Some(options.as_c_str()),
        );
    }
    // Too many layers for one page: name them one by one (Linux 6.5).
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "source", "overlay")?;
    for layer in &overlay.lower {
        fsconfig_set_string(&context, "lowerdir+", layer.as_str())?;
    }
    fsconfig_set_string(&context, "upperdir", overlay.upper.as_str())?;
    fsconfig_set_string(&context, "workdir", overlay.work.as_str())?;
    if overlay.volatile {
        fsconfig_set_flag(&context, "volatile")?;
    }
    fsconfig_create(&context)?;
    let tree = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    move_mount(&tree, c"", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

/// Stops the mount at `path` from appearing on the host, whose mounts it would otherwise be shared with.
fn keep_private(path: &Path) -> std::result::Result<(), Errno> {
    for mountpoint in path.ancestors() {
        match mount_change(mountpoint, MountPropagationFlags::PRIVATE) {
            // Not a mount point: the mount it lies on is further up.
            Err(Errno::INVAL) => {}
            result => return result,
        }
    }
    Ok(())
}

fn wanted_propagation(spec: &Spec) -> Result<Option<(u64, bool)>> {
    let name = spec
        .linux()
        .as_ref()
        .and_then(|linux| linux.rootfs_propagation().as_deref());
    match name {
        None | Some("") => Ok(None),
        Some(name) => propagation(name).map(Some).ok_or_else(|| {
            failure(
                ErrorStage::Spec,
                format!("rootfsPropagation={name} is not supported"),
            )
        }),
    }
}

fn change(kind: u64, recursive: bool) -> MountPropagationFlags {
    let flags = MountPropagationFlags::from_bits_retain(kind as u32);
    if recursive {
        flags | MountPropagationFlags::REC
    } else {
        flags
    }
}
