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
    /// What [`ExtraHost::HostGateway`] stands for: the default bridge's address unless configured otherwise.
    pub host_gateway: IpAddr,
}

/// Text of `/etc/hosts`: the fixed names, the extra ones, then the container's own.
pub fn hosts_file(file: &HostsFile<'_>) -> String {
    let mut text = FIXED.to_owned();
    for (name, host) in file.extra {
        let address = match host {
            ExtraHost::Address(address) => *address,
            ExtraHost::HostGateway => file.host_gateway,
        };
        let _ = writeln!(text, "{address}\t{name}");
    }
    if file.hostname.is_empty() {
        return text;
    }
    let mut names = file.hostname.to_owned();
    if !file.domainname.is_empty() {
        names = format!("{names}.{}", file.domainname);
    }
    // A full name is followed by its first label alone.
    if let Some((label, _)) = names.split_once('.') {
        names = format!("{names} {label}");
    }
    for address in file.addresses {
        let _ = writeln!(text, "{address}\t{names}");
    }
    text
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
            host_gateway: Ipv4Addr::new(172, 17, 0, 1).into(),
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
            host_gateway: Ipv4Addr::LOCALHOST.into(),
        });
        assert_eq!(text, FIXED);
        assert!(text.starts_with("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"));
    }
}
