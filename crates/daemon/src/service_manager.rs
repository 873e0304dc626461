//! Tells the service manager (systemd, `Type=notify`) how the daemon is doing. Nobody listens: nothing is said.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::time::{ClockId, clock_gettime};

/// The daemon serves.
pub(crate) fn ready() {
    tell(&format!("READY=1\nSTATUS=serving, pid {}", std::process::id()));
}

/// The daemon reads its settings anew; [`ready`] ends that.
pub(crate) fn reloading() {
    let now = clock_gettime(ClockId::Monotonic);
    let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
    tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
}

/// The daemon is about to end.
pub(crate) fn stopping() {
    tell("STOPPING=1");
}

fn tell(state: &str) {
    let Some(address) = env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let sent = socket_address(address.as_bytes()).and_then(|address| {
        let socket = UnixDatagram::unbound()?;
        socket.send_to_addr(state.as_bytes(), &address)
    });
    if let Err(error) = sent {
        tracing::warn!(%error, "cannot notify the service manager");
    }
}

/// A path, or a name in the abstract namespace written with `@` in front.
fn socket_address(text: &[u8]) -> io::Result<SocketAddr> {
    match text {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_addresses_are_understood() {
        assert!(socket_address(b"/run/x").unwrap().as_pathname().is_some());
        assert_eq!(
            socket_address(b"@x").unwrap().as_abstract_name(),
            Some(b"x".as_slice())
        );
    }
}
