//! The texts of a container's `/etc/hosts`, `/etc/resolv.conf` and `/etc/hostname`, laid out as Docker's.

mod hosts;
mod resolv_conf;

pub use hosts::{ExtraHost, HostsFile, extra_lines, hosts_file, own_lines};
pub use resolv_conf::{host_resolv_conf, host_servers, own_resolv_conf, resolv_conf};

/// Text of `/etc/hostname`.
pub fn hostname_file(hostname: &str) -> String {
    format!("{hostname}\n")
}
