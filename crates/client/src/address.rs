//! Where an engine is: what `-H` and `DOCKER_HOST` say.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use corten_types::complete_authority;
use http::{Method, Uri};

use crate::query::escape;
use crate::{Error, Ssh};

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
const DEFAULT_PORT: &str = "2375";

/// Where an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// `host:port`, unencrypted.
    Tcp(String),
    /// The engine of another machine, through its command line.
    Ssh(Ssh),
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (scheme, rest) = match text.split_once("://") {
            Some(parts) => parts,
            None if text.is_empty() => ("unix", ""),
            // As Docker's `ParseHost`: without a scheme it is a TCP address.
            None => ("tcp", text),
        };
        match scheme {
            "unix" if rest.is_empty() => Ok(Self::Unix(DEFAULT_SOCKET.into())),
            "unix" => Ok(Self::Unix(rest.into())),
            "tcp" | "http" => complete_authority(rest.strip_suffix('/').unwrap_or(rest), DEFAULT_PORT)
                .map(Self::Tcp)
                .ok_or_else(|| Error::Address(format!("invalid bind address format: {text}"))),
            "ssh" => rest.parse().map(Self::Ssh),
            "https" | "npipe" | "fd" => Err(Error::Address(format!(
                "{scheme}:// addresses are not supported by Corten yet: {text}"
            ))),
            _ => Err(Error::Address(format!("invalid bind address format: {text}"))),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(authority) => write!(f, "tcp://{authority}"),
            Self::Ssh(ssh) => write!(f, "ssh://{ssh}"),
        }
    }
}

impl Address {
    /// A call of the engine there, as Go's errors name it: `Get "http://%2Frun%2Fx.sock/v1.53/info"`.
    pub(crate) fn call(&self, method: &Method, uri: &Uri, is_protected: bool) -> String {
        let name = method.as_str().to_ascii_lowercase();
        let name = name[..1].to_ascii_uppercase() + &name[1..];
        let scheme = if is_protected { "https" } else { "http" };
        let mut host = String::new();
        match self {
            Self::Unix(path) => escape(&mut host, &path.display().to_string(), b"-._~$&+=:@"),
            Self::Tcp(authority) => host.push_str(authority),
            Self::Ssh(_) => host.push_str("docker.example.com"),
        }
        format!("{name} \"{scheme}://{host}{uri}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_docker_reads() {
        for (text, meaning) in [
            ("unix:///x.sock", "unix:///x.sock"),
            ("unix://", "unix:///var/run/docker.sock"),
            ("tcp://10.0.0.1:2375", "tcp://10.0.0.1:2375"),
            ("tcp://10.0.0.1", "tcp://10.0.0.1:2375"),
            ("tcp://:99", "tcp://localhost:99"),
            ("tcp://[::1]:99", "tcp://[::1]:99"),
            ("host:1", "tcp://host:1"),
            ("ssh://me@far:22/run/x.sock", "ssh://me@far:22/run/x.sock"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), meaning, "{text}");
        }
    }

    #[test]
    fn names_calls_as_go_does() {
        let uri = Uri::from_static("/v1.53/containers/json?all=1");
        let call = |text: &str, tls| text.parse::<Address>().unwrap().call(&Method::GET, &uri, tls);
        assert_eq!(
            call("unix:///run/x.sock", false),
            "Get \"http://%2Frun%2Fx.sock/v1.53/containers/json?all=1\""
        );
        assert_eq!(
            call("tcp://far:2376", true),
            "Get \"https://far:2376/v1.53/containers/json?all=1\""
        );
    }

    #[test]
    fn says_what_it_cannot_do() {
        let say = |text: &str| text.parse::<Address>().unwrap_err().to_string();
        assert_eq!(
            say("npipe://x"),
            "npipe:// addresses are not supported by Corten yet: npipe://x"
        );
        assert_eq!(say("tcp://a:b"), "invalid bind address format: tcp://a:b");
        assert_eq!(say("foo://a"), "invalid bind address format: foo://a");
    }
}
