//! Options in, OCI runtime specification out.

use std::collections::HashMap;

use oci_spec::OciSpecError;
use oci_spec::runtime::{
    Capabilities, Linux, LinuxBuilder, LinuxCapabilitiesBuilder, LinuxNamespace, LinuxNamespaceBuilder,
    LinuxNamespaceType, Mount, Process, ProcessBuilder, RootBuilder, Spec, SpecBuilder, UserBuilder,
};

use super::defaults;
use super::options::{Namespace, ProcessOptions, SandboxOptions};

/// The whole specification of a container.
///
/// # Errors
/// When a part is refused by the specification's own rules.
pub fn build(options: &SandboxOptions, init: &ProcessOptions) -> Result<Spec, OciSpecError> {
    let mut spec = SpecBuilder::default()
        .version("1.0.2")
        .root(
            RootBuilder::default()
                .path(options.root_path.clone())
                .readonly(options.readonly_root)
                .build()?,
        )
        .process(process(init)?)
        .mounts(mounts(options)?)
        .linux(linux(options)?)
        .annotations(options.annotations.clone());
    if let Some(domainname) = &options.domainname {
        spec = spec.domainname(domainname.clone());
    }
    let mut spec = spec.build()?;
    // Left out, the builder makes one up.
    spec.set_hostname(options.hostname.clone());
    Ok(spec)
}

/// The specification of one process, for [`build`] and for an exec.
///
/// The user is passed by name and resolved by the runtime inside the container, where its user database is.
///
/// # Errors
/// When a part is refused by the specification's own rules.
pub fn process(options: &ProcessOptions) -> Result<Process, OciSpecError> {
    let kept: Capabilities = options.capabilities.iter().copied().collect();
    let mut process = ProcessBuilder::default()
        .terminal(options.tty)
        .user(
            UserBuilder::default()
                .username(options.user.clone())
                .additional_gids(options.groups.clone())
                .build()?,
        )
        .args(options.args.clone())
        .env(options.env.clone())
        .cwd(options.cwd.clone())
        .capabilities(
            LinuxCapabilitiesBuilder::default()
                .bounding(kept.clone())
                .permitted(kept.clone())
                .effective(kept)
                .inheritable(Capabilities::new())
                .ambient(Capabilities::new())
                .build()?,
        )
        .no_new_privileges(options.no_new_privileges)
        .rlimits(options.rlimits.clone());
    if let Some(score) = options.oom_score_adj {
        process = process.oom_score_adj(score);
    }
    process.build()
}

/// Standard mounts, those of the user in place of standard ones of the same destination, then the rest of the user's.
fn mounts(options: &SandboxOptions) -> Result<Vec<Mount>, OciSpecError> {
    let mut mounts = defaults::mounts(options.privileged, &options.shm)?;
    mounts.retain(|standard| {
        options
            .mounts
            .iter()
            .all(|own| own.destination() != standard.destination())
    });
    mounts.extend(options.mounts.iter().cloned());
    Ok(mounts)
}

fn linux(options: &SandboxOptions) -> Result<Linux, OciSpecError> {
    let mut rules = if options.privileged {
        defaults::allow_all_devices()?
    } else {
        defaults::device_rules()?
    };
    rules.extend(options.devices.iter().map(Into::into));
    rules.extend(options.device_rules.iter().cloned());
    let mut resources = options.resources.clone();
    resources.set_devices(Some(rules));

    let list = |own: &Option<Vec<String>>, standard: &[&str]| match own {
        Some(paths) => paths.clone(),
        None if options.privileged => Vec::new(),
        None => standard.iter().map(|path| (*path).to_owned()).collect(),
    };
    LinuxBuilder::default()
        .cgroups_path(options.cgroup_path.clone())
        .namespaces(namespaces(options)?)
        .resources(resources)
        .devices(options.devices.clone())
        .sysctl(options.sysctls.clone().into_iter().collect::<HashMap<_, _>>())
        .masked_paths(list(&options.masked_paths, defaults::MASKED_PATHS))
        .readonly_paths(list(&options.readonly_paths, defaults::READONLY_PATHS))
        .rootfs_propagation(options.root_propagation.as_deref().unwrap_or("rprivate"))
        .build()
}

fn namespaces(options: &SandboxOptions) -> Result<Vec<LinuxNamespace>, OciSpecError> {
    let chosen = &options.namespaces;
    let mut namespaces = vec![
        LinuxNamespaceBuilder::default()
            .typ(LinuxNamespaceType::Mount)
            .build()?,
    ];
    for (typ, namespace) in [
        (LinuxNamespaceType::Network, &chosen.network),
        (LinuxNamespaceType::Pid, &chosen.pid),
        (LinuxNamespaceType::Ipc, &chosen.ipc),
        (LinuxNamespaceType::Uts, &chosen.uts),
        (LinuxNamespaceType::Cgroup, &chosen.cgroup),
    ] {
        match namespace {
            Namespace::Host => {}
            Namespace::Private => namespaces.push(LinuxNamespaceBuilder::default().typ(typ).build()?),
            Namespace::Path(path) => {
                namespaces.push(
                    LinuxNamespaceBuilder::default()
                        .typ(typ)
                        .path(path.clone())
                        .build()?,
                );
            }
        }
    }
    Ok(namespaces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init() -> ProcessOptions {
        ProcessOptions {
            args: vec!["sh".into()],
            env: vec![],
            cwd: "/".into(),
            user: String::new(),
            groups: vec![],
            group_names: vec![],
            tty: false,
            capabilities: super::super::default_capabilities(),
            no_new_privileges: false,
            rlimits: vec![],
            oom_score_adj: None,
        }
    }

    fn destinations(spec: &Spec) -> Vec<String> {
        spec.mounts()
            .iter()
            .flatten()
            .map(|m| m.destination().display().to_string())
            .collect()
    }

    #[test]
    fn users_mounts_replace_standard_ones() {
        let own = defaults::mount("/dev/shm", "bind", "/somewhere", &["rbind"]).unwrap();
        let spec = build(
            &SandboxOptions {
                mounts: vec![own],
                ..Default::default()
            },
            &init(),
        )
        .unwrap();
        assert_eq!(
            destinations(&spec),
            [
                "/proc",
                "/dev",
                "/dev/pts",
                "/sys",
                "/sys/fs/cgroup",
                "/dev/mqueue",
                "/dev/shm"
            ]
        );
        assert_eq!(spec.mounts().as_ref().unwrap()[6].typ().as_deref(), Some("bind"));
    }

    #[test]
    fn privilege_unmasks() {
        let plain = build(&SandboxOptions::default(), &init()).unwrap();
        let masked = |spec: &Spec| {
            spec.linux()
                .as_ref()
                .unwrap()
                .masked_paths()
                .as_ref()
                .unwrap()
                .len()
        };
        assert_eq!(masked(&plain), defaults::MASKED_PATHS.len());
        let privileged = build(
            &SandboxOptions {
                privileged: true,
                ..Default::default()
            },
            &init(),
        )
        .unwrap();
        assert_eq!(masked(&privileged), 0);
    }

    #[test]
    fn no_host_name_is_made_up() {
        let spec = build(&SandboxOptions::default(), &init()).unwrap();
        assert_eq!(*spec.hostname(), None);
    }

    #[test]
    fn host_namespaces_are_left_out() {
        let namespaces = super::super::Namespaces {
            network: Namespace::Host,
            ..Default::default()
        };
        let spec = build(
            &SandboxOptions {
                namespaces,
                ..Default::default()
            },
            &init(),
        )
        .unwrap();
        let kinds: Vec<_> = spec
            .linux()
            .as_ref()
            .unwrap()
            .namespaces()
            .iter()
            .flatten()
            .map(LinuxNamespace::typ)
            .collect();
        assert!(!kinds.contains(&LinuxNamespaceType::Network));
        assert_eq!(kinds.len(), 5);
    }
}
