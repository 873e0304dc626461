//! Sockets handed over by a service manager (systemd's socket activation): descriptors from 3 on, told by `LISTEN_PID`,
//! `LISTEN_FDS` and `LISTEN_FDNAMES`.
//!
//! Nothing of it reaches other processes: the descriptors are closed on exec, and shims get no environment.
#![allow(unsafe_code)]

use std::env;
use std::net::TcpListener;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;

use rustix::io::FdFlags;
use rustix::net::{AddressFamily, SocketType, sockopt};

/// The first descriptor.
const FIRST: RawFd = 3;

/// A socket handed over.
#[derive(Debug)]
pub(crate) struct Activated {
    /// Its descriptor's number, and the name the manager gave it.
    names: [String; 2],
    pub(crate) listener: Listener,
}

/// A listening socket of either kind.
#[derive(Debug)]
pub(crate) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Activated {
    /// Whether `fd://wanted` means this one.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        self.names.iter().any(|name| name == wanted)
    }
}

/// Takes the sockets handed over to this process. To be called once.
///
/// # Errors
/// When what was handed over is no listening socket.
pub(crate) fn take() -> Result<Vec<Activated>, String> {
    let variable = |name| env::var(name).unwrap_or_default();
    let count: RawFd = variable("LISTEN_FDS").parse().unwrap_or(0);
    let ours = variable("LISTEN_PID").parse() == Ok(std::process::id());
    if !ours || count <= 0 {
        return Ok(Vec::new());
    }
    let names = variable("LISTEN_FDNAMES");
    let mut names = names.split(':');
    let mut found = Vec::new();
    for number in FIRST..FIRST.saturating_add(count) {
        if std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_err() {
            return Err(format!(
                "socket activation promises a descriptor {number} that is not open"
            ));
        }
        // SAFETY: the descriptor is open, and by the protocol it is this process's own; nothing else here has taken it.
        let fd = unsafe { OwnedFd::from_raw_fd(number) };
        let name = names.next().unwrap_or_default().to_owned();
        let listener = listener(fd).map_err(|why| format!("socket activation: descriptor {number} {why}"))?;
        found.push(Activated {
            names: [number.to_string(), name],
            listener,
        });
    }
    Ok(found)
}

fn listener(fd: OwnedFd) -> Result<Listener, String> {
    let failed = |error: rustix::io::Errno| format!("cannot be used: {error}");
    rustix::io::fcntl_setfd(&fd, FdFlags::CLOEXEC).map_err(failed)?;
    rustix::io::ioctl_fionbio(&fd, true).map_err(failed)?;
    let is_listener = sockopt::socket_type(fd.as_fd()).is_ok_and(|kind| kind == SocketType::STREAM)
        && sockopt::socket_acceptconn(fd.as_fd()).unwrap_or(false);
    if !is_listener {
        return Err("is no listening stream socket".to_owned());
    }
    match sockopt::socket_domain(fd.as_fd()).map_err(failed)? {
        AddressFamily::UNIX => Ok(Listener::Unix(fd.into())),
        AddressFamily::INET | AddressFamily::INET6 => Ok(Listener::Tcp(fd.into())),
        other => Err(format!("is of an unknown address family ({other:?})")),
    }
}
