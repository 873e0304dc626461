//! Network namespaces nobody has a name for: made on a thread of their own, kept by a descriptor.
//!
//! A thread that has moved to another namespace cannot be trusted with anything else, so each one is made by a thread
//! that ends with it; the calling thread never leaves its own.

use crate::NetworkError;
use crate::netlink::{Batch, Protocol, Socket, set_up};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::thread::UnshareFlags;
use std::io;
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Every namespace's loopback interface has this number.
const LOOPBACK: u32 = 1;
/// These threads do nothing deep.
const STACK: usize = 128 * 1024;

/// A network namespace with nothing but a loopback interface that is up (`--network none`).
pub fn isolated() -> Result<OwnedFd, NetworkError> {
    std::thread::scope(|scope| {
        let made = inside_new(scope, |netns| {
            let mut batch = Batch::new();
            loopback_up(&mut batch);
            open_socket()?.request(&mut batch)?;
            Ok(netns)
        })?;
        finish(made)
    })
}

/// Starts `work` on a thread inside a new namespace, whose descriptor it is given.
pub(crate) fn inside_new<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce(OwnedFd) -> Result<T, NetworkError> + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, Result<T, NetworkError>>, NetworkError> {
    let builder = Builder::new().name("netns".to_owned()).stack_size(STACK);
    builder
        .spawn_scoped(scope, || work(enter_new()?))
        .map_err(NetworkError::system("start a thread"))
}

/// Waits for what [`inside_new`] started.
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

fn enter_new() -> Result<OwnedFd, NetworkError> {
    // SAFETY: a new network namespace does not touch memory or descriptors, and only this thread moves to it; it runs
    // nothing but the work meant for that namespace.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }
        .map_err(io::Error::from)
        .map_err(NetworkError::system("create a network namespace"))?;
    rustix::fs::open(
        "/proc/thread-self/ns/net",
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(io::Error::from)
    .map_err(NetworkError::system("open /proc/thread-self/ns/net"))
}
