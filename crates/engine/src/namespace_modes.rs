//! The words for a container's namespaces. One that is not known must never quietly mean the host's.

use corten_wire::{ContainerConfig, HostConfig};

use crate::error::{Error, Result};

/// Refuses words Docker does not know when a container is created.
pub(crate) fn check(host: &HostConfig) -> Result<()> {
    let joins = |mode: &str| {
        mode.strip_prefix("container:")
            .is_some_and(|name| !name.is_empty())
    };
    let ipc = host.ipc_mode.as_str();
    let known = [
        (
            "IPC mode",
            ipc,
            matches!(ipc, "" | "none" | "private" | "shareable" | "host") || joins(ipc),
        ),
        (
            "PID mode",
            &host.pid_mode,
            matches!(host.pid_mode.as_str(), "" | "host") || joins(&host.pid_mode),
        ),
        (
            "UTS mode",
            &host.uts_mode,
            matches!(host.uts_mode.as_str(), "" | "host"),
        ),
        (
            "cgroup namespace mode",
            &host.cgroupns_mode,
            matches!(host.cgroupns_mode.as_str(), "" | "host" | "private"),
        ),
    ];
    if let Some((what, mode, _)) = known.into_iter().find(|(_, _, known)| !known) {
        return Err(Error::Invalid(format!("invalid {what}: {mode}")));
    }
    Ok(())
}

/// Refuses what makes no sense for a container in another one's network, in Docker's order. What its image says does not count.
pub(crate) fn check_joined_network(config: &ContainerConfig, host: &HostConfig) -> Result<()> {
    if !host.network_mode.starts_with("container:") {
        return Ok(());
    }
    let given = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let publishes =
        host.publish_all_ports || host.port_bindings.as_ref().is_some_and(|ports| !ports.is_empty());
    let conflicts = [
        (!config.hostname.is_empty(), "hostname and the network mode"),
        (given(&host.dns), "dns and the network mode"),
        (
            given(&host.extra_hosts),
            "custom host-to-IP mapping and the network mode",
        ),
        (publishes, "port publishing and the container type network mode"),
        (
            !config.exposed_ports.is_empty(),
            "port exposing and the container type network mode",
        ),
    ];
    match conflicts.into_iter().find(|(conflict, _)| *conflict) {
        Some((_, what)) => Err(Error::Invalid(format!("conflicting options: {what}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_mode_is_an_error_and_not_the_host() {
        let said = |change: fn(&mut HostConfig)| {
            let mut host = HostConfig::default();
            change(&mut host);
            check(&host).err().map(|error| error.to_string())
        };
        assert_eq!(said(|_| {}), None);
        assert_eq!(said(|host| host.pid_mode = "container:web".into()), None);
        assert_eq!(
            said(|host| host.cgroupns_mode = "Private".into()).unwrap(),
            "invalid cgroup namespace mode: Private"
        );
        assert_eq!(
            said(|host| host.uts_mode = "private".into()).unwrap(),
            "invalid UTS mode: private"
        );
        assert_eq!(
            said(|host| host.pid_mode = "container:".into()).unwrap(),
            "invalid PID mode: container:"
        );
        assert_eq!(
            said(|host| host.ipc_mode = "x".into()).unwrap(),
            "invalid IPC mode: x"
        );
        assert_eq!(said(|host| host.ipc_mode = "none".into()), None);
    }

    #[test]
    fn what_belongs_to_a_network_is_the_other_containers() {
        let said = |change: fn(&mut ContainerConfig, &mut HostConfig)| {
            let (mut config, mut host) = (ContainerConfig::default(), HostConfig::default());
            host.network_mode = "container:web".into();
            change(&mut config, &mut host);
            let error = check_joined_network(&config, &host).err()?;
            Some(error.to_string().replace("conflicting options: ", ""))
        };
        assert_eq!(said(|_, _| {}), None);
        for (conflict, change) in [
            (
                "dns and the network mode",
                (|_, host| host.dns = Some(vec!["1.1.1.1".into()]))
                    as fn(&mut ContainerConfig, &mut HostConfig),
            ),
            ("custom host-to-IP mapping and the network mode", |_, host| {
                host.extra_hosts = Some(vec!["x:1.1.1.1".into()]);
            }),
            (
                "port publishing and the container type network mode",
                |_, host| {
                    host.publish_all_ports = true;
                },
            ),
            (
                "port exposing and the container type network mode",
                |config, _| {
                    config.exposed_ports.insert("80/tcp".into(), Default::default());
                },
            ),
        ] {
            assert_eq!(said(change).as_deref(), Some(conflict));
        }
        assert_eq!(
            said(|config, host| {
                host.network_mode = "bridge".into();
                config.exposed_ports.insert("80/tcp".into(), Default::default());
            }),
            None
        );
    }
}
