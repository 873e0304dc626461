//! Which namespaces a container gets: decided from its specification, without touching anything.

use std::path::Path;

use corten_shim_api::{ErrorStage, NetworkMode};
use oci_spec::runtime::{LinuxNamespaceType, Spec};

use crate::failure::{Result, failure};

/// Where the namespaces of a container come from.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Namespaces<'a> {
    /// `CLONE_NEW*` of those made with the init. Cgroup's is never among them: see `new_cgroup`.
    pub new: i32,
    /// Existing ones to enter (`CLONE_NEW*` and path), pid's excepted.
    pub joined: Vec<(i32, &'a Path)>,
    /// An existing pid namespace.
    pub joined_pid: Option<&'a Path>,
    /// Whether to make a cgroup namespace, once the init is in its cgroup.
    pub new_cgroup: bool,
    /// Whether the network namespace is one the daemon prepares.
    pub prepared_network: bool,
}

impl<'a> Namespaces<'a> {
    /// Decides.
    ///
    /// # Errors
    /// When the specification asks for something this runtime does not do.
    pub fn decide(spec: &'a Spec, network: NetworkMode) -> Result<Self> {
        let mut decided = Self::default();
        let listed = spec
            .linux()
            .iter()
            .filter_map(|linux| linux.namespaces().as_ref())
            .flatten();
        let mut network_listed = false;
        for namespace in listed {
            let path = namespace
                .path()
                .as_deref()
                .filter(|path| !path.as_os_str().is_empty());
            match (namespace.typ(), path) {
                (LinuxNamespaceType::User | LinuxNamespaceType::Time, _) => {
                    return refuse(format!("{} namespaces are not supported", namespace.typ()));
                }
                (LinuxNamespaceType::Mount, Some(_)) => {
                    return refuse("joining an existing mount namespace is not supported");
                }
                (LinuxNamespaceType::Pid, Some(path)) => decided.joined_pid = Some(path),
                (LinuxNamespaceType::Cgroup, None) => decided.new_cgroup = true,
                (LinuxNamespaceType::Network, None) => network_listed = true,
                (LinuxNamespaceType::Network, Some(_)) if network == NetworkMode::Prepared => {
                    network_listed = true;
                }
                (kind, Some(path)) => decided.joined.push((kind as i32, path)),
                (kind, None) => decided.new |= kind as i32,
            }
        }
        if decided.new & libc::CLONE_NEWNS == 0 {
            return refuse("a container needs a mount namespace of its own");
        }
        match network {
            NetworkMode::Prepared => decided.prepared_network = true,
            NetworkMode::Isolated => decided.new |= libc::CLONE_NEWNET,
            NetworkMode::Host if network_listed => {
                return refuse("the specification asks for a network namespace, the order for the host's");
            }
            NetworkMode::Host => {}
        }
        Ok(decided)
    }

    /// Whether the container has a namespace of this kind (`CLONE_NEW*`) that is not the host's.
    pub fn has_own(&self, kind: i32) -> bool {
        match kind {
            libc::CLONE_NEWNET if self.prepared_network => true,
            libc::CLONE_NEWPID if self.joined_pid.is_some() => true,
            _ => self.new & kind != 0 || self.joined.iter().any(|(joined, _)| *joined == kind),
        }
    }
}

fn refuse<T>(message: impl Into<String>) -> Result<T> {
    Err(failure(ErrorStage::Spec, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(namespaces: &str) -> Spec {
        let text = format!(r#"{{"ociVersion":"1.0.2","linux":{{"namespaces":[{namespaces}]}}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_usual_ones() {
        let spec = spec(r#"{"type":"mount"},{"type":"pid"},{"type":"network"},{"type":"cgroup"}"#);
        let decided = Namespaces::decide(&spec, NetworkMode::Prepared).unwrap();
        assert_eq!(decided.new, libc::CLONE_NEWNS | libc::CLONE_NEWPID);
        assert!(decided.new_cgroup && decided.prepared_network);
        assert!(decided.has_own(libc::CLONE_NEWNET) && !decided.has_own(libc::CLONE_NEWIPC));
        let isolated = Namespaces::decide(&spec, NetworkMode::Isolated).unwrap();
        assert_ne!(isolated.new & libc::CLONE_NEWNET, 0);
        assert!(Namespaces::decide(&spec, NetworkMode::Host).is_err());
    }

    #[test]
    fn joined_ones() {
        let spec = spec(r#"{"type":"mount"},{"type":"pid","path":"/p"},{"type":"network","path":"/n"}"#);
        let decided = Namespaces::decide(&spec, NetworkMode::Host).unwrap();
        assert_eq!(decided.joined_pid, Some(Path::new("/p")));
        assert_eq!(decided.joined, [(libc::CLONE_NEWNET, Path::new("/n"))]);
    }

    #[test]
    fn what_is_not_done_is_refused() {
        assert!(Namespaces::decide(&spec(r#"{"type":"mount"},{"type":"user"}"#), NetworkMode::Host).is_err());
        assert!(Namespaces::decide(&spec(r#"{"type":"pid"}"#), NetworkMode::Host).is_err());
    }
}
