//! What a request wishes for an endpoint's interface on whatever network: link-local addresses, and options of the driver.

use std::collections::BTreeMap;
use std::net::IpAddr;

use corten_network::IpNet;
use corten_wire::EndpointSettings;

use crate::error::{Error, Result};
use crate::record::EndpointWish;

/// Kernel settings of the interface, for which `IFNAME` stands, separated by commas.
const SYSCTLS: &str = "com.docker.network.endpoint.sysctls";
/// What the interface is called in the container.
const IFNAME: &str = "com.docker.network.endpoint.ifname";

/// Reads them into `wish`. What makes no sense is added to `wrong`, in Docker's sentences.
///
/// Options that no driver knows have no effect, as with Docker's; they are kept and shown.
///
/// # Errors
/// When an address is none that a link may have.
pub(crate) fn settle(
    settings: &EndpointSettings,
    wish: &mut EndpointWish,
    wrong: &mut Vec<String>,
) -> Result<()> {
    let link_local = settings.ipam_config.iter().flat_map(|ipam| &ipam.link_local_ips);
    for text in link_local {
        match text.parse::<IpAddr>().ok().filter(|ip| !ip.is_unspecified()) {
            Some(ip) if is_link_local(ip) => wish.link_local.push(ip),
            Some(ip) => return Err(Error::Invalid(format!("invalid link local IP address: {ip}"))),
            None => wrong.push(format!("invalid link-local IP address: {text}")),
        }
    }
    for (key, value) in settings.driver_opts.iter().flatten() {
        match key.as_str() {
            SYSCTLS => wrong.extend(value.split(',').filter(|one| parse(one).is_none()).map(|one| {
                format!(
                    "unrecognised network interface sysctl '{one}'; represent 'net.X.Y.ethN.Z=V' as \
                     'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'"
                )
            })),
            IFNAME if !is_interface_name(value) => wrong.push(format!("invalid interface name: {value}")),
            _ => {}
        }
        wish.driver_options.insert(key.clone(), value.clone());
    }
    Ok(())
}

/// The name wished for the interface.
pub(crate) fn interface(wish: &EndpointWish) -> Option<&str> {
    wish.driver_options.get(IFNAME).map(String::as_str)
}

/// Kernel settings wished for, paths below `net`, and their values.
pub(crate) fn kernel_settings(options: &BTreeMap<String, String>, interface: &str) -> Vec<(String, String)> {
    let all = options.get(SYSCTLS).into_iter().flat_map(|text| text.split(','));
    all.filter_map(parse)
        .map(|[family, group, name, value]| {
            (format!("{family}/{group}/{interface}/{name}"), value.to_owned())
        })
        .collect()
}

/// Whether they turn IPv6 off at the interface.
pub(crate) fn without_ipv6(options: &BTreeMap<String, String>) -> bool {
    let settings = kernel_settings(options, "");
    let last = settings
        .iter()
        .rfind(|(setting, _)| setting == "ipv6/conf//disable_ipv6");
    last.is_some_and(|(_, value)| value.trim() != "0")
}

/// The addresses with Docker's lengths of their prefixes.
pub(crate) fn link_local(wish: &EndpointWish) -> Vec<IpNet> {
    let net = |ip: &IpAddr| IpNet::new(*ip, if ip.is_ipv6() { 64 } else { 16 }).ok();
    wish.link_local.iter().filter_map(net).collect()
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// `net.X.Y.IFNAME.Z=V`, as X, Y, Z and V. The command line writes option values in lower case.
fn parse(text: &str) -> Option<[&str; 4]> {
    let (name, value) = text.split_once('=')?;
    let mut parts = name.splitn(5, '.');
    let parts: [&str; 5] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let [
        "net",
        family @ ("ipv4" | "ipv6" | "mpls"),
        group,
        "IFNAME" | "ifname",
        setting,
    ] = parts
    else {
        return None;
    };
    let is_plain = |word: &str| !word.is_empty() && !word.contains('/') && word != "." && word != "..";
    (is_plain(group) && is_plain(setting)).then_some([family, group, setting, value])
}

/// What the kernel takes.
fn is_interface_name(name: &str) -> bool {
    let strange = |c: char| c == '/' || c == ':' || c == '%' || c.is_whitespace() || c.is_control();
    !name.is_empty() && name.len() <= 15 && !name.contains(strange) && !matches!(name, "." | ".." | "lo")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(link_local: &[&str], options: &[(&str, &str)]) -> (EndpointWish, Vec<String>, Option<String>) {
        let settings = EndpointSettings {
            ipam_config: Some(corten_wire::EndpointIpamConfig {
                link_local_ips: link_local.iter().map(|ip| (*ip).to_owned()).collect(),
                ..Default::default()
            }),
            driver_opts: Some(
                options
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                    .collect(),
            ),
            ..EndpointSettings::default()
        };
        let (mut wish, mut wrong) = (EndpointWish::default(), Vec::new());
        let error = settle(&settings, &mut wish, &mut wrong).err();
        (wish, wrong, error.map(|error| error.to_string()))
    }

    #[test]
    fn options_are_read() {
        let sysctls = "net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.ifname.accept_ra=2";
        let (wish, wrong, error) = settled(
            &["169.254.5.5", "fe80::5"],
            &[(SYSCTLS, sysctls), (IFNAME, "front")],
        );
        assert!(wrong.is_empty() && error.is_none(), "{wrong:?} {error:?}");
        assert_eq!(interface(&wish), Some("front"));
        assert_eq!(
            kernel_settings(&wish.driver_options, "front"),
            [
                ("ipv4/conf/front/log_martians".to_owned(), "1".to_owned()),
                ("ipv6/conf/front/accept_ra".to_owned(), "2".to_owned())
            ]
        );
        let shown: Vec<String> = link_local(&wish).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["169.254.5.5/16", "fe80::5/64"]);
    }

    #[test]
    fn ipv6_is_turned_off_by_the_last_word() {
        let off = |text: &str| {
            let (wish, wrong, _) = settled(&[], &[(SYSCTLS, text)]);
            assert!(wrong.is_empty(), "{wrong:?}");
            without_ipv6(&wish.driver_options)
        };
        assert!(off("net.ipv6.conf.IFNAME.disable_ipv6=1"));
        assert!(off(
            "net.ipv6.conf.ifname.disable_ipv6=0,net.ipv6.conf.ifname.disable_ipv6=1"
        ));
        assert!(!off("net.ipv6.conf.IFNAME.disable_ipv6=0"));
        assert!(!off("net.ipv4.conf.IFNAME.log_martians=1"));
        assert!(!without_ipv6(&BTreeMap::new()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [
            "net.ipv4.conf.eth0.log_martians=1",
            "net.ipv9.conf.IFNAME.log_martians=1",
            "net.ipv4.conf.IFNAME.log_martians",
            "net.ipv4.conf.IFNAME.../../../kernel/x=1",
            "net.ipv4...IFNAME.x=1",
            "kernel.ipv4.conf.IFNAME.x=1",
            "",
        ] {
            let (_, wrong, _) = settled(&[], &[(SYSCTLS, bad)]);
            assert_eq!(wrong.len(), 1, "{bad}");
            assert!(wrong[0].starts_with(&format!("unrecognised network interface sysctl '{bad}'; ")));
        }
        for bad in ["", "a/b", "sixteen-letters-", "lo", "a b"] {
            let (_, wrong, _) = settled(&[], &[(IFNAME, bad)]);
            assert_eq!(wrong, [format!("invalid interface name: {bad}")]);
        }
        assert_eq!(settled(&["x"], &[]).1, ["invalid link-local IP address: x"]);
        assert_eq!(
            settled(&["10.0.0.1"], &[]).2.as_deref(),
            Some("invalid link local IP address: 10.0.0.1")
        );
        let (wish, wrong, error) = settled(&[], &[("x", "y")]);
        assert!(wrong.is_empty() && error.is_none(), "{wrong:?} {error:?}");
        assert_eq!(wish.driver_options["x"], "y");
    }
}
