//! Hiding and write-protecting parts of `/proc` and `/sys`, done inside the new root.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use corten_shim_api::ErrorStage;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, open_tree,
};

use super::mounts::attach;
use super::root::{Root, clean, is_directory};
use crate::failure::{Context, Result};
use crate::sys::{MountAttr, set_mount_attributes};

/// Covers each path that exists: files by the null device, directories by an empty read-only file system (one for all).
///
/// # Errors
/// The kernel's.
pub fn mask(root: &Root, paths: &[String], null: BorrowedFd<'_>) -> Result<()> {
    let mut empty = None;
    for path in paths {
        mask_one(root, Path::new(path), null, &mut empty).context(ErrorStage::Mount, || {
            format!("error during container init: can't mask path {path:?}")
        })?;
    }
    Ok(())
}

/// Makes each path that exists read-only, with all that is mounted below.
///
/// # Errors
/// The kernel's.
pub fn write_protect(root: &Root, paths: &[String]) -> Result<()> {
    for path in paths {
        write_protect_one(root, Path::new(path)).context(ErrorStage::Mount, || {
            format!("error during container init: can't make {path:?} read-only")
        })?;
    }
    Ok(())
}

fn mask_one(
    root: &Root,
    path: &Path,
    null: BorrowedFd<'_>,
    empty: &mut Option<OwnedFd>,
) -> std::result::Result<(), Errno> {
    let Some(target) = existing(root, path)? else {
        return Ok(());
    };
    if !is_directory(&target)? {
        return attach(copy(null)?.as_fd(), target.as_fd());
    }
    match empty {
        Some(first) => attach(copy(first.as_fd())?.as_fd(), target.as_fd()),
        None => {
            let tree = empty_file_system()?;
            attach(tree.as_fd(), target.as_fd())?;
            *empty = Some(tree);
            Ok(())
        }
    }
}

fn write_protect_one(root: &Root, path: &Path) -> std::result::Result<(), Errno> {
    let Some(target) = existing(root, path)? else {
        return Ok(());
    };
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(&target, c"", flags)?;
    set_mount_attributes(&tree, true, &MountAttr::new(libc::MOUNT_ATTR_RDONLY, 0))?;
    attach(tree.as_fd(), target.as_fd())
}

fn existing(root: &Root, path: &Path) -> std::result::Result<Option<OwnedFd>, Errno> {
    match root.find(&clean(path)) {
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        found => found.map(Some),
    }
}

fn copy(mount: BorrowedFd<'_>) -> std::result::Result<OwnedFd, Errno> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    open_tree(mount, c"", flags)
}

fn empty_file_system() -> std::result::Result<OwnedFd, Errno> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "source", "tmpfs")?;
    fsconfig_set_string(&context, "mode", "755")?;
    fsconfig_set_flag(&context, "ro")?;
    fsconfig_create(&context)?;
    fsmount(
        &context,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_RDONLY,
    )
}
