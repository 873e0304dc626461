//! The container's view of its cgroups at `/sys/fs/cgroup`.

use std::os::fd::AsFd;
use std::path::Path;

use corten_cgroup::{Cgroup, Layout};
use corten_shim_api::ErrorStage;
use oci_spec::runtime::Mount;
use rustix::fs::{CWD, symlinkat};
use rustix::io::Errno;
use rustix::mount::{MountFlags, OpenTreeFlags, mount, open_tree};

use super::mounts::{attach, options_of, place};
use super::options::MountOptions;
use super::root::{Root, clean};
use crate::failure::{Context, Result};
use crate::sys::{MountAttr, set_mount_attributes};

/// Mounts what `entry` (type `cgroup`) asks for: on v2 the hierarchy itself (the cgroup namespace limits what is seen), on
/// v1 a small file system with the container's own cgroup of each hierarchy, named as on the host.
///
/// # Errors
/// The kernel's.
pub fn mount_cgroups(root: &Root, entry: &Mount, layout: &Layout, cgroup: &Cgroup) -> Result<()> {
    let destination = clean(entry.destination());
    let options = options_of(entry)?;
    let done = match layout {
        Layout::V2 { .. } => root.directory(&destination).and_then(|target| {
            mount(
                "cgroup",
                place(target.as_fd()),
                "cgroup2",
                flags(options.flags),
                None,
            )
        }),
        Layout::V1 { hierarchies } => {
            let names: Vec<(&Path, &[String])> = hierarchies
                .iter()
                .map(|h| (h.mountpoint.as_path(), h.controllers.as_slice()))
                .collect();
            mount_v1(root, &destination, &options, &names, cgroup)
        }
    };
    done.context(ErrorStage::Mount, || {
        format!("error during container init: error mounting \"cgroup\" to rootfs at {destination:?}")
    })
}

fn mount_v1(
    root: &Root,
    destination: &Path,
    options: &MountOptions,
    hierarchies: &[(&Path, &[String])],
    cgroup: &Cgroup,
) -> std::result::Result<(), Errno> {
    let target = root.directory(destination)?;
    let outer = flags(options.flags & !libc::MS_RDONLY);
    mount("tmpfs", place(target.as_fd()), "tmpfs", outer, Some(c"mode=755"))?;
    let attributes = options.attributes();
    for (mountpoint, controllers) in hierarchies {
        let (Some(name), Some(own)) = (
            mountpoint.file_name(),
            controllers.first().and_then(|first| cgroup.directory(first)),
        ) else {
            continue;
        };
        let tree = open_tree(
            CWD,
            own,
            OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC,
        )?;
        set_mount_attributes(&tree, false, &attributes)?;
        attach(tree.as_fd(), root.directory(&destination.join(name))?.as_fd())?;
        // Controllers mounted together are also found under their own names.
        for controller in controllers
            .iter()
            .filter(|c| !c.starts_with("name=") && name != c.as_str())
        {
            symlinkat(name, root.find(destination)?, controller.as_str())?;
        }
    }
    if options.flags & libc::MS_RDONLY != 0 {
        set_mount_attributes(
            root.find(destination)?,
            false,
            &MountAttr::new(libc::MOUNT_ATTR_RDONLY, 0),
        )?;
    }
    Ok(())
}

fn flags(flags: libc::c_ulong) -> MountFlags {
    MountFlags::from_bits_retain(flags as u32)
}
