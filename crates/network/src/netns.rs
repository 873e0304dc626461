//! Network namespaces nobody has a name for: made on a thread of their own, kept by a descriptor.
//!
//! A thread that has moved to another namespace cannot be trusted with anything else, so each one is made by a thread
//! that ends with it; the calling thread never leaves its own.

use crate::NetworkError;
use crate::netlink::{Batch, Protocol, Socket, set_up};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use std::io;
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Every namespace's loopback interface has this number.
const LOOPBACK: u32 = 1;
/// These threads do nothing deep.
pub(crate) const STACK: usize = 128 * 1024;

/// A network namespace with nothing but a loopback interface that is up (`--network none`).
pub fn isolated() -> Result<OwnedFd, NetworkError> {
    std::thread::scope(|scope| {
        let made = inside_new(scope, |netns, mut socket| {
            let mut batch = Batch::new();
            loopback_up(&mut batch);
            socket.request(&mut batch)?;
            Ok(netns)
        })?;
        finish(made)
    })
}

/// Starts `work` on a thread inside a new namespace, with the namespace's descriptor and a routing socket in it.
pub(crate) fn inside_new<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce(OwnedFd, Socket) -> Result<T, NetworkError> + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, Result<T, NetworkError>>, NetworkError> {
    let builder = Builder::new().name("netns".to_owned()).stack_size(STACK);
    builder
        .spawn_scoped(scope, || {
            let (netns, socket) = enter_new()?;
            work(netns, socket)
        })
        .map_err(NetworkError::system("start a thread"))
}

/// Starts `work` on a thread inside a namespace that is there, with a routing socket in it.
pub(crate) fn inside<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    netns: BorrowedFd<'scope>,
    work: impl FnOnce(Socket) -> Result<T, NetworkError> + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, Result<T, NetworkError>>, NetworkError> {
    let builder = Builder::new().name("netns".to_owned()).stack_size(STACK);
    builder
        .spawn_scoped(scope, move || {
            move_into_link_name_space(netns, Some(LinkNameSpaceType::Network))
                .map_err(io::Error::from)
                .map_err(NetworkError::system("enter a network namespace"))?;
            work(open_socket()?)
        })
        .map_err(NetworkError::system("start a thread"))
}

/// Waits for what [`inside_new`] or [`inside`] started.
pub(crate) fn finish<T>(thread: ScopedJoinHandle<'_, Result<T, NetworkError>>) -> Result<T, NetworkError> {
    thread.join().unwrap_or_else(|_| {
        Err(NetworkError::system("set up a network namespace")(
            io::Error::other("its thread panicked"),
        ))
    })
}

/// Asks for the loopback interface of the socket's namespace to be up.
pub(crate) fn loopback_up(batch: &mut Batch) {
    set_up(batch, "bring loopback up", LOOPBACK);
}

/// A routing socket in the calling thread's namespace.
pub(crate) fn open_socket() -> Result<Socket, NetworkError> {
    Socket::open(Protocol::Route).map_err(NetworkError::system("open a netlink socket"))
}

/// Writes kernel settings of the calling thread's namespace: paths below `net`, and values. One of `ours` that is not there is
/// passed over: a kernel without IPv6 has none of its settings. What users want (`theirs`) must be there.
///
/// Written through a procfs instance of its own. In the machine's, the settings of all namespaces share names in one
/// directory cache, which makes this ten times slower beside 500 containers.
pub(crate) fn write_settings(
    ours: &[(String, &str)],
    theirs: &[(String, String)],
) -> Result<(), NetworkError> {
    if ours.is_empty() && theirs.is_empty() {
        return Ok(());
    }
    let open = || {
        let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(context.as_fd())?;
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
    };
    let proc = open()
        .map_err(io::Error::from)
        .map_err(NetworkError::system("open the settings of a network namespace"))?;
    let ours = ours.iter().map(|(setting, value)| (setting, *value, false));
    let theirs = theirs
        .iter()
        .map(|(setting, value)| (setting, value.as_str(), true));
    for (setting, value, must_be) in ours.chain(theirs) {
        let path = format!("sys/net/{setting}");
        let written = match openat(&proc, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()) {
            Err(Errno::NOENT) if !must_be => Ok(()),
            Err(errno) => Err(errno),
            Ok(file) => rustix::io::write(file, value.as_bytes()).map(drop),
        };
        written
            .map_err(io::Error::from)
            .map_err(NetworkError::system(format!("set net/{setting} to {value}")))?;
    }
    Ok(())
}

fn enter_new() -> Result<(OwnedFd, Socket), NetworkError> {
    // SAFETY: a new network namespace does not touch memory or descriptors, and only this thread moves to it; it runs
    // nothing but the work meant for that namespace.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }
        .map_err(io::Error::from)
        .map_err(NetworkError::system("create a network namespace"))?;
    let socket = open_socket()?;
    let netns = namespace_of(socket.as_fd()).map_err(NetworkError::system("open a network namespace"))?;
    Ok((netns, socket))
}

/// The network namespace a socket belongs to, without a walk through procfs.
fn namespace_of(socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    const SIOCGSKNS: libc::Ioctl = 0x894c;
    // SAFETY: the request takes no argument and works on an open socket.
    let descriptor = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCGSKNS) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just opened this descriptor for us, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
