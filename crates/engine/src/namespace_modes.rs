//! The words for a container's namespaces. One that is not known must never quietly mean the host's.

use corten_wire::HostConfig;

use crate::error::{Error, Result};

/// Refuses words Docker does not know, and those Corten does not honour yet, when a container is created.
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
    if ipc == "none" || joins(ipc) {
        return Err(Error::Unsupported(format!("the ipc mode {ipc}")));
    }
    Ok(())
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
        assert_eq!(
            said(|host| host.ipc_mode = "none".into()).unwrap(),
            "the ipc mode none is not supported by Corten yet"
        );
    }
}
