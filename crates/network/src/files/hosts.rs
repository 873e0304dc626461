//! A container's `/etc/hosts`.

use std::fmt::Write;
use std::net::IpAddr;

/// What every container's file begins with.
const FIXED: &str = "127.0.0.1\tlocalhost\n\
    ::1\tlocalhost ip6-localhost ip6-loopback\n\
    fe00::\tip6-localnet\n\
    ff00::\tip6-mcastprefix\n\
    ff02::1\tip6-allnodes\n\
    ff02::2\tip6-allrouters\n";

/// Where a name given by `--add-host` points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtraHost {
    /// An address.
    Address(IpAddr),
    /// The word `host-gateway`: the host, seen from the container.
    HostGateway,
}

/// What a container's `/etc/hosts` is made of.
#[derive(Debug, Clone, Copy)]
pub struct HostsFile<'a> {
    /// The container's host name; may hold dots.
    pub hostname: &'a str,
    /// Its NIS domain name, often empty.
    pub domainname: &'a str,
    /// Its own addresses; none without a network.
    pub addresses: &'a [IpAddr],
    /// `--add-host` entries, in the order given.
    pub extra: &'a [(String, ExtraHost)],
    /// What [`ExtraHost::HostGateway`] stands for: the default bridge's addresses unless configured otherwise.
    pub host_gateways: &'a [IpAddr],
}

/// Text of `/etc/hosts`: the fixed names, the extra ones, then the container's own.
pub fn hosts_file(file: &HostsFile<'_>) -> String {
    let own = own_lines(file.hostname, file.domainname, file.addresses.iter().copied());
    FIXED.to_owned() + &extra_lines(file.extra, file.host_gateways) + &own
}

/// The lines of that file about `--add-host` entries; a name for the host has one for each of its addresses.
pub fn extra_lines(extra: &[(String, ExtraHost)], host_gateways: &[IpAddr]) -> String {
    let mut text = String::new();
    for (name, host) in extra {
        let addresses = match host {
            ExtraHost::Address(address) => std::slice::from_ref(address),
            ExtraHost::HostGateway => host_gateways,
        };
        for address in addresses {
            let _ = writeln!(text, "{address}\t{name}");
        }
    }
    text
}

/// The lines of that file about the container's own addresses.
pub fn own_lines(hostname: &str, domainname: &str, addresses: impl Iterator<Item = IpAddr>) -> String {
    if hostname.is_empty() {
        return String::new();
    }
    let mut names = hostname.to_owned();
    if !domainname.is_empty() {
        names = format!("{names}.{domainname}");
    }
    // A full name is followed by its first label alone.
    if let Some((label, _)) = names.split_once('.') {
        names = format!("{names} {label}");
    }
    addresses.map(|address| format!("{address}\t{names}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn lines(hostname: &str, domainname: &str, extra: &[(String, ExtraHost)]) -> Vec<String> {
        let text = hosts_file(&HostsFile {
            hostname,
            domainname,
            addresses: &[Ipv4Addr::new(172, 17, 0, 2).into()],
            extra,
            host_gateways: &[Ipv4Addr::new(172, 17, 0, 1).into(), "fd00::1".parse().unwrap()],
        });
        assert!(text.ends_with('\n'));
        text.lines().skip(6).map(str::to_owned).collect()
    }

    #[test]
    fn own_names_come_last() {
        assert_eq!(lines("web", "", &[]), ["172.17.0.2\tweb"]);
        assert_eq!(
            lines("web", "example.org", &[]),
            ["172.17.0.2\tweb.example.org web"]
        );
        assert_eq!(
            lines("web.example.org", "", &[]),
            ["172.17.0.2\tweb.example.org web"]
        );
    }

    #[test]
    fn extra_hosts_keep_their_order() {
        let extra = [
            ("host.docker.internal".to_owned(), ExtraHost::HostGateway),
            (
                "db".to_owned(),
                ExtraHost::Address("2001:db8::1".parse().unwrap()),
            ),
        ];
        let expected = [
            "172.17.0.1\thost.docker.internal",
            "fd00::1\thost.docker.internal",
            "2001:db8::1\tdb",
            "172.17.0.2\tweb",
        ];
        assert_eq!(lines("web", "", &extra), expected);
    }

    #[test]
    fn without_a_network_only_fixed_names() {
        let text = hosts_file(&HostsFile {
            hostname: "web",
            domainname: "",
            addresses: &[],
            extra: &[],
            host_gateways: &[],
        });
        assert_eq!(text, FIXED);
        assert!(text.starts_with("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"));
    }
}
