//! The names on one network.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::net::IpAddr;

/// A container on a network, as its zone tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// The name its addresses lead back to.
    pub name: String,
    /// Further names, which others may have as well.
    pub aliases: Vec<String>,
    /// Its addresses on this network.
    pub addresses: Vec<IpAddr>,
}

/// What the zone of one network says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Zone {
    network: String,
    /// Addresses by name in lower case.
    names: HashMap<String, Vec<IpAddr>>,
    hosts: HashMap<IpAddr, String>,
}

/// A zone as text. Names that no query can ask for, because they hold white space, are left out, the network's own as well.
pub fn write_zone(network: &str, hosts: &[Host]) -> String {
    let mut text = String::new();
    if is_word(network) {
        line(&mut text, "network", network, &[]);
    }
    let mut aliases: BTreeMap<&str, Vec<IpAddr>> = BTreeMap::new();
    for host in hosts.iter().filter(|host| !host.addresses.is_empty()) {
        if is_word(&host.name) {
            line(&mut text, "host", &host.name, &host.addresses);
        }
        for alias in host.aliases.iter().filter(|alias| is_word(alias)) {
            aliases.entry(alias).or_default().extend(&host.addresses);
        }
    }
    for (alias, addresses) in aliases {
        line(&mut text, "alias", alias, &addresses);
    }
    text
}

/// Whether a line can tell of the name.
pub(crate) fn is_word(name: &str) -> bool {
    !name.is_empty() && !name.contains(char::is_whitespace)
}

fn line(text: &mut String, kind: &str, name: &str, addresses: &[IpAddr]) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{kind} {name}");
    for address in addresses {
        let _ = write!(text, " {address}");
    }
    text.push('\n');
}

impl Zone {
    /// Reads what [`write_zone`] wrote, and of anything else what can be understood.
    pub fn parse(text: &str) -> Self {
        let mut zone = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let (Some(kind), Some(name)) = (words.next(), words.next()) else {
                continue;
            };
            let addresses = words.filter_map(|word| word.parse().ok());
            match kind {
                "network" => name.clone_into(&mut zone.network),
                "host" => {
                    for address in addresses {
                        zone.hosts.insert(address, name.to_owned());
                        zone.add(name, address);
                    }
                }
                "alias" => addresses.for_each(|address| zone.add(name, address)),
                _ => {}
            }
        }
        zone
    }

    fn add(&mut self, name: &str, address: IpAddr) {
        let known = self.names.entry(name.to_ascii_lowercase()).or_default();
        if !known.contains(&address) {
            known.push(address);
        }
    }

    /// The network's name.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// The addresses of a name in lower case; none if nobody has it.
    pub fn addresses(&self, name: &str) -> Option<&[IpAddr]> {
        self.names.get(name).map(Vec::as_slice)
    }

    /// The name of the host with this address.
    pub fn host(&self, address: IpAddr) -> Option<&str> {
        self.hosts.get(&address).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn there_and_back() {
        let hosts = [
            Host {
                name: "Web".to_owned(),
                aliases: vec!["app".to_owned(), "with space".to_owned()],
                addresses: vec![address("10.0.0.2"), address("fd00::2")],
            },
            Host {
                name: "web2".to_owned(),
                aliases: vec!["app".to_owned(), "web2".to_owned()],
                addresses: vec![address("10.0.0.3")],
            },
            Host {
                name: "nowhere".to_owned(),
                ..Host::default()
            },
        ];
        let text = write_zone("net", &hosts);
        assert_eq!(
            text,
            "network net\nhost Web 10.0.0.2 fd00::2\nhost web2 10.0.0.3\nalias app 10.0.0.2 fd00::2 10.0.0.3\nalias web2 \
             10.0.0.3\n"
        );
        let zone = Zone::parse(&text);
        assert_eq!(zone.network(), "net");
        assert_eq!(zone.addresses("web").unwrap().len(), 2);
        assert_eq!(zone.addresses("web2").unwrap(), [address("10.0.0.3")]);
        assert_eq!(zone.addresses("app").unwrap().len(), 3);
        assert_eq!(zone.addresses("nowhere"), None);
        assert_eq!(zone.host(address("fd00::2")), Some("Web"));
        assert_eq!(zone.host(address("10.0.0.9")), None);
    }

    #[test]
    fn no_name_is_another_line() {
        let host = Host {
            name: "a\nhost evil 6.6.6.6".to_owned(),
            aliases: vec!["b\nalias evil 6.6.6.6".to_owned()],
            addresses: vec![address("10.0.0.2")],
        };
        assert_eq!(write_zone("net\nhost evil 6.6.6.6", &[host]), "");
    }

    #[test]
    fn what_is_not_understood_is_skipped() {
        let zone = Zone::parse("\nvip x 10.0.0.9\nhost\nhost a x 10.0.0.1 10.0.0.256\n\u{0}");
        assert_eq!(zone.addresses("a").unwrap(), [address("10.0.0.1")]);
        assert_eq!(zone.addresses("x"), None);
    }
}
