//! What `-H` says: the addresses the API is served on.

use std::path::PathBuf;

use corten_types::complete_authority;

const PORT: &str = "2375";
const TLS_PORT: &str = "2376";

/// An address to serve the API on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// A unix socket.
    Unix(PathBuf),
    /// `host:port`.
    Tcp(String),
    /// Sockets the service manager hands over: all of them, or those of this name or number.
    Activated(Option<String>),
}

impl Host {
    /// Reads an address; `tls` decides the port of one that names none.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn parse(text: &str, tls: bool) -> Result<Self, String> {
        let invalid = || format!("invalid bind address format: {text}");
        let (scheme, rest) = match text.split_once("://") {
            Some(parts) => parts,
            None if text.starts_with('/') => ("unix", text),
            None => return Err(invalid()),
        };
        match scheme {
            "unix" if rest.is_empty() => Ok(Self::Unix(crate::sockets::DOCKER_SOCKET.into())),
            "unix" if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            "tcp" => complete_authority(rest, if tls { TLS_PORT } else { PORT })
                .map(Self::Tcp)
                .ok_or_else(invalid),
            "fd" if matches!(rest, "" | "*") => Ok(Self::Activated(None)),
            "fd" => Ok(Self::Activated(Some(rest.to_owned()))),
            _ => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_dockerd_reads_them() {
        let read = |text| Host::parse(text, false).unwrap();
        assert_eq!(read("unix:///a"), Host::Unix("/a".into()));
        assert_eq!(read("/a"), Host::Unix("/a".into()));
        assert_eq!(read("unix://"), Host::Unix("/var/run/docker.sock".into()));
        assert_eq!(read("tcp://1.2.3.4:5"), Host::Tcp("1.2.3.4:5".into()));
        assert_eq!(read("tcp://"), Host::Tcp("localhost:2375".into()));
        assert_eq!(read("tcp://[::1]"), Host::Tcp("[::1]:2375".into()));
        assert_eq!(Host::parse("tcp://h", true).unwrap(), Host::Tcp("h:2376".into()));
        assert_eq!(read("fd://"), Host::Activated(None));
        assert_eq!(read("fd://3"), Host::Activated(Some("3".into())));
        for bad in ["frob", "tcp://1:2/x", "tcp://h:port", "npipe:///x", "unix://a"] {
            assert_eq!(
                Host::parse(bad, false).unwrap_err(),
                format!("invalid bind address format: {bad}")
            );
        }
    }
}
