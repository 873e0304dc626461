//! What the resolver of one container is to do.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::zone::is_word;

/// A server that is asked for what is not known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Where it is; its port is 53.
    pub address: IpAddr,
    /// Whether it is asked from the host's network instead of the container's: one on a loopback address of the host.
    pub from_host: bool,
}

/// The settings of one container's resolver. Written by [`fmt::Display`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Zones of the container's networks, the one looked into first at the beginning.
    pub zones: Vec<PathBuf>,
    /// Of each zone, in the same order: names that are only this container's own word for others there.
    pub links: Vec<BTreeMap<String, String>>,
    /// Whom to ask for other names, in this order.
    pub upstreams: Vec<Upstream>,
    /// Whether others are asked at all.
    pub forward: bool,
    /// Whether the container was given a number of dots below which names are looked for in its search domains first: names without
    /// dots are nobody else's business then.
    pub ndots: bool,
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, zone) in self.zones.iter().enumerate() {
            writeln!(f, "zone {}", zone.display())?;
            // What no query can ask for, or no zone knows, would be something else for whoever reads it.
            let links = self.links.get(at).into_iter().flatten();
            for (alias, name) in links.filter(|(alias, name)| is_word(alias) && is_word(name)) {
                writeln!(f, "link {alias} {name}")?;
            }
        }
        for upstream in &self.upstreams {
            let whence = if upstream.from_host { " host" } else { "" };
            writeln!(f, "upstream {}{whence}", upstream.address)?;
        }
        if self.forward {
            writeln!(f, "forward")?;
        }
        if self.ndots {
            writeln!(f, "ndots")?;
        }
        Ok(())
    }
}

impl Settings {
    /// Reads what was written, and of anything else what can be understood.
    pub fn parse(text: &str) -> Self {
        let mut settings = Self::default();
        for line in text.lines() {
            let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
            match kind {
                "zone" => {
                    settings.zones.push(PathBuf::from(rest));
                    settings.links.push(BTreeMap::new());
                }
                "link" => {
                    if let (Some((alias, name)), Some(links)) =
                        (rest.split_once(' '), settings.links.last_mut())
                    {
                        links.insert(alias.to_ascii_lowercase(), name.to_owned());
                    }
                }
                "upstream" => {
                    let (address, whence) = rest.split_once(' ').unwrap_or((rest, ""));
                    let from_host = whence == "host";
                    settings.upstreams.extend(
                        address
                            .parse()
                            .ok()
                            .map(|address| Upstream { address, from_host }),
                    );
                }
                "forward" => settings.forward = true,
                "ndots" => settings.ndots = true,
                _ => {}
            }
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let upstream = |address: &str, from_host| Upstream {
            address: address.parse().unwrap(),
            from_host,
        };
        let settings = Settings {
            zones: vec!["/run/a b/names".into(), "/run/c".into()],
            links: vec![
                [("db".to_owned(), "mysql".to_owned())].into(),
                [("db".to_owned(), "other".to_owned())].into(),
            ],
            upstreams: vec![upstream("127.0.0.53", true), upstream("fd00::1", false)],
            forward: true,
            ndots: true,
        };
        let text = settings.to_string();
        assert_eq!(
            text,
            "zone /run/a b/names\nlink db mysql\nzone /run/c\nlink db other\nupstream 127.0.0.53 host\nupstream fd00::1\nforward\nndots\n"
        );
        assert_eq!(Settings::parse(&text), settings);
        let links = [("a\nupstream 9.9.9.9 host".to_owned(), "b".to_owned())];
        let forged = Settings {
            zones: vec!["/z".into()],
            links: vec![links.into()],
            ..Settings::default()
        };
        assert_eq!(forged.to_string(), "zone /z\n");
        assert_eq!(
            Settings::parse("later x\nlink x\nupstream y\n"),
            Settings::default()
        );
    }
}
