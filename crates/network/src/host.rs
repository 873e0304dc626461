//! The machine's own kernel settings and its random numbers.

use crate::NetworkError;
use std::path::Path;
use std::{fs, io};

/// Lets the host forward IPv4 packets.
pub(crate) fn forward_ipv4() -> Result<(), NetworkError> {
    set("/proc/sys/net/ipv4/ip_forward", "1", false)
}

/// Lets the host forward IPv6 packets. The kernel stops listening to router advertisements then, unless an interface says
/// that it wants them nevertheless: those that listened go on doing so, lest the host lose its own way out.
pub(crate) fn forward_ipv6() -> Result<(), NetworkError> {
    const SETTINGS: &str = "/proc/sys/net/ipv6/conf";
    const FORWARDING: &str = "/proc/sys/net/ipv6/conf/all/forwarding";
    match fs::read_to_string(FORWARDING) {
        Ok(present) if present.trim() == "1" => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(NetworkError::KernelLacks("IPv6".to_owned()));
        }
        _ => {}
    }
    let interfaces = fs::read_dir(SETTINGS).map_err(NetworkError::system(format!("list {SETTINGS}")))?;
    for interface in interfaces.flatten() {
        let path = interface.path().join("accept_ra");
        // One that has just gone is none.
        if fs::read_to_string(&path).is_ok_and(|value| value.trim() == "1") {
            set(&path.to_string_lossy(), "2", true)?;
        }
    }
    set(FORWARDING, "1", false)
}

/// The least MTU of a link that carries IPv6, in bytes (RFC 8200, section 5).
pub(crate) const IPV6_MTU: u32 = 1280;

/// Whether an interface of this MTU has anything to do with IPv6.
pub(crate) fn has_ipv6(mtu: u32) -> bool {
    mtu >= IPV6_MTU && Path::new("/proc/sys/net/ipv6").exists()
}

/// Lets the loopback take packets whose senders are behind other interfaces: a host that wants each packet to come in where
/// its answer would leave refuses them otherwise. Settings of one interface and of all count by the stricter one, and 2 is
/// more lenient than 1.
pub(crate) fn accept_on_loopback() -> Result<(), NetworkError> {
    const SETTINGS: &str = "/proc/sys/net/ipv4/conf";
    let all = fs::read_to_string(format!("{SETTINGS}/all/rp_filter"));
    let own = fs::read_to_string(format!("{SETTINGS}/lo/rp_filter"));
    let is_strict = |value: io::Result<String>| value.is_ok_and(|value| value.trim() == "1");
    if is_strict(all) || is_strict(own) {
        set(&format!("{SETTINGS}/lo/rp_filter"), "2", true)?;
    }
    Ok(())
}

/// Fills the buffer with random bytes.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), NetworkError> {
    // Requests of up to 256 bytes are served whole.
    rustix::rand::getrandom(bytes, rustix::rand::GetRandomFlags::empty())
        .map(drop)
        .map_err(io::Error::from)
        .map_err(NetworkError::system("get random bytes"))
}

/// Writes a kernel setting unless it already has that value.
pub(crate) fn set(path: &str, value: &str, may_be_missing: bool) -> Result<(), NetworkError> {
    match fs::read_to_string(path) {
        Ok(present) if present.trim() == value => return Ok(()),
        Err(error) if may_be_missing && error.kind() == io::ErrorKind::NotFound => return Ok(()),
        _ => {}
    }
    fs::write(path, value).map_err(NetworkError::system(format!("set {path} to {value}")))
}
