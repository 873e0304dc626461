//! The device nodes and links every container finds in `/dev`.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use corten_shim_api::ErrorStage;
use oci_spec::runtime::{LinuxDevice, LinuxDeviceType, Spec};
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, Uid, chmodat, chownat, fstat, makedev, mknodat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, open_tree};

use super::mounts::attach;
use super::root::{Root, clean};
use crate::failure::{Context, Result};

/// Nodes the OCI specification promises: name, major and minor number.
const STANDARD: [(&str, u32, u32); 6] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];

const LINKS: [(&str, &str); 4] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
];

/// One node to be made.
struct Node<'a> {
    path: &'a Path,
    kind: FileType,
    device: u64,
    mode: u32,
    uid: u32,
    gid: u32,
}

/// Makes the standard nodes, those of the specification, and the links. The umask must be 0.
///
/// # Errors
/// The kernel's.
pub fn make_devices(root: &Root, spec: &Spec) -> Result<()> {
    let empty = Vec::new();
    let listed = spec
        .linux()
        .as_ref()
        .and_then(|linux| linux.devices().as_ref())
        .unwrap_or(&empty);
    for (path, major, minor) in STANDARD {
        if listed.iter().any(|device| device.path() == Path::new(path)) {
            continue;
        }
        let device = makedev(major, minor);
        make_node(
            root,
            &Node {
                path: Path::new(path),
                kind: FileType::CharacterDevice,
                device,
                mode: 0o666,
                uid: 0,
                gid: 0,
            },
        )
        .context(ErrorStage::Mount, || creating(path))?;
    }
    for device in listed {
        let path = clean(device.path());
        // Always the link into the container's own devpts.
        if path == Path::new("/dev/ptmx") {
            continue;
        }
        node_of(device, &path)
            .and_then(|node| make_node(root, &node))
            .context(ErrorStage::Mount, || creating(&path.display().to_string()))?;
    }
    Ok(())
}

/// Makes the links `fd`, `stdin`, `stdout`, `stderr`, `core` and `ptmx`.
///
/// # Errors
/// The kernel's.
pub fn make_links(root: &Root) -> Result<()> {
    let core = Path::new("/proc/kcore")
        .exists()
        .then_some(("/dev/core", "/proc/kcore"));
    for (path, target) in LINKS.into_iter().chain(core) {
        link(root, path, target).context(ErrorStage::Mount, || creating(path))?;
    }
    remove(root, "/dev/ptmx")
        .and_then(|()| link(root, "/dev/ptmx", "pts/ptmx"))
        .context(ErrorStage::Mount, || creating("/dev/ptmx"))
}

/// Opens the container's `/dev/null` as a place, or the host's if the container has none. What an image put there is
/// not taken for it.
///
/// # Errors
/// The kernel's.
pub fn find_null(root: &Root) -> Result<OwnedFd> {
    let own = root
        .find(Path::new("/dev/null"))
        .ok()
        .filter(|entry| is_null(entry));
    match own {
        Some(null) => Ok(null),
        None => rustix::fs::open(
            "/dev/null",
            rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC,
            Mode::empty(),
        )
        .context(ErrorStage::Mount, || "open /dev/null".into()),
    }
}

/// Whether this is the null device.
pub fn is_null(entry: impl AsFd) -> bool {
    fstat(entry).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == makedev(1, 3)
    })
}

fn creating(path: &str) -> String {
    format!("error during container init: error creating device node {path:?}")
}

fn node_of<'a>(device: &LinuxDevice, path: &'a Path) -> std::result::Result<Node<'a>, Errno> {
    let number = |number: i64| u32::try_from(number).map_err(|_| Errno::INVAL);
    let kind = match device.typ() {
        LinuxDeviceType::B => FileType::BlockDevice,
        LinuxDeviceType::C | LinuxDeviceType::U => FileType::CharacterDevice,
        LinuxDeviceType::P => FileType::Fifo,
        LinuxDeviceType::A => return Err(Errno::INVAL),
    };
    Ok(Node {
        path,
        kind,
        device: if kind == FileType::Fifo {
            0
        } else {
            makedev(number(device.major())?, number(device.minor())?)
        },
        mode: device.file_mode().unwrap_or(0o666),
        uid: device.uid().unwrap_or(0),
        gid: device.gid().unwrap_or(0),
    })
}

fn make_node(root: &Root, node: &Node<'_>) -> std::result::Result<(), Errno> {
    let (directory, name) = root.parent(node.path)?;
    match mknodat(
        &directory,
        name,
        node.kind,
        Mode::from_raw_mode(node.mode),
        node.device,
    ) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Ok(()),
        // No right to make nodes: the host's own node serves.
        Err(Errno::PERM) => return bind_from_host(root, node.path),
        Err(errno) => return Err(errno),
    }
    if node.mode & 0o7000 != 0 {
        chmodat(&directory, name, Mode::from_raw_mode(node.mode), AtFlags::empty())?;
    }
    if node.uid != 0 || node.gid != 0 {
        let (uid, gid) = (Uid::from_raw(node.uid), Gid::from_raw(node.gid));
        chownat(&directory, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}

fn bind_from_host(root: &Root, path: &Path) -> std::result::Result<(), Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let tree = open_tree(CWD, path, flags)?;
    attach(tree.as_fd(), root.file(path)?.as_fd())
}

fn link(root: &Root, path: &str, target: &str) -> std::result::Result<(), Errno> {
    let (directory, name) = root.parent(Path::new(path))?;
    match symlinkat(target, &directory, name) {
        Err(Errno::EXIST) => Ok(()),
        result => result,
    }
}

fn remove(root: &Root, path: &str) -> std::result::Result<(), Errno> {
    let (directory, name) = root.parent(Path::new(path))?;
    match unlinkat(&directory, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        result => result,
    }
}
