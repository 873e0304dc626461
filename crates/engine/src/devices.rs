//! Device nodes of containers: `--device`, `--device-cgroup-rule`, and all of the host's for privileged ones.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use corten_wire::{DeviceMapping, HostConfig};
use oci_spec::OciSpecError;
use oci_spec::runtime::{
    LinuxDevice, LinuxDeviceBuilder, LinuxDeviceCgroup, LinuxDeviceCgroupBuilder, LinuxDeviceType,
};
use rustix::fs::{major, minor};

use crate::error::{Error, Result};

/// Nodes to make and rules to allow their use.
pub(crate) fn collect(host: &HostConfig) -> Result<(Vec<LinuxDevice>, Vec<LinuxDeviceCgroup>)> {
    if host.privileged {
        return Ok((all_of_host(Path::new("/dev")), Vec::new()));
    }
    let mut nodes = Vec::new();
    let mut rules = Vec::new();
    for mapping in host.devices.iter().flatten() {
        mapped(mapping, &mut nodes, &mut rules)?;
    }
    for rule in host.device_cgroup_rules.iter().flatten() {
        rules.push(parse_rule(rule)?);
    }
    Ok((nodes, rules))
}

fn mapped(
    mapping: &DeviceMapping,
    nodes: &mut Vec<LinuxDevice>,
    rules: &mut Vec<LinuxDeviceCgroup>,
) -> Result<()> {
    let source = Path::new(&mapping.path_on_host);
    let target = if mapping.path_in_container.is_empty() {
        &mapping.path_on_host
    } else {
        &mapping.path_in_container
    };
    let gather = |what: std::io::Error| {
        Error::Invalid(format!(
            "error gathering device information while adding custom device \"{}\": {}",
            source.display(),
            words(&what)
        ))
    };
    let metadata = fs::metadata(source).map_err(gather)?;
    let found: Vec<(PathBuf, PathBuf)> = if metadata.is_dir() {
        nodes_below(source)
            .into_iter()
            .map(|node| {
                let inside = Path::new(target).join(node.strip_prefix(source).unwrap_or(&node));
                (node, inside)
            })
            .collect()
    } else {
        vec![(source.to_owned(), PathBuf::from(target))]
    };
    let no_node = || {
        Error::Invalid(format!(
            "error gathering device information while adding custom device \"{}\": not a device node",
            source.display()
        ))
    };
    if found.is_empty() {
        return Err(no_node());
    }
    for (from, to) in found {
        let node = node(&from, &to).ok_or_else(no_node)?;
        rules.push(rule_of(&node, &mapping.cgroup_permissions).map_err(|e| Error::Invalid(e.to_string()))?);
        nodes.push(node);
    }
    Ok(())
}

/// What went wrong, without Rust's error number.
fn words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

fn rule_of(node: &LinuxDevice, access: &str) -> std::result::Result<LinuxDeviceCgroup, OciSpecError> {
    LinuxDeviceCgroupBuilder::default()
        .allow(true)
        .typ(node.typ())
        .major(node.major())
        .minor(node.minor())
        .access(if access.is_empty() { "rwm" } else { access })
        .build()
}

/// Reads `c 1:3 rwm`, with `*` for any number.
pub(crate) fn parse_rule(text: &str) -> Result<LinuxDeviceCgroup> {
    let invalid = || Error::Invalid(format!("invalid device cgroup rule format: '{text}'"));
    let mut parts = text.split_whitespace();
    let (Some(typ), Some(numbers), Some(access), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(invalid());
    };
    let typ = match typ {
        "a" => LinuxDeviceType::A,
        "b" => LinuxDeviceType::B,
        "c" => LinuxDeviceType::C,
        _ => return Err(invalid()),
    };
    let (first, second) = numbers.split_once(':').ok_or_else(invalid)?;
    let number = |part: &str| match part {
        "*" => Ok(None),
        digits => digits.parse::<i64>().map(Some).map_err(|_| invalid()),
    };
    if access.is_empty() || !access.bytes().all(|b| b"rwm".contains(&b)) {
        return Err(invalid());
    }
    let mut rule = LinuxDeviceCgroupBuilder::default()
        .allow(true)
        .typ(typ)
        .access(access);
    if let Some(major) = number(first)? {
        rule = rule.major(major);
    }
    if let Some(minor) = number(second)? {
        rule = rule.minor(minor);
    }
    rule.build().map_err(|error| Error::Invalid(error.to_string()))
}

/// Every device node of the host but terminals, whose place the container's own take.
fn all_of_host(dev: &Path) -> Vec<LinuxDevice> {
    nodes_below(dev)
        .iter()
        .filter_map(|path| node(path, path))
        .collect()
}

fn nodes_below(dir: &Path) -> Vec<PathBuf> {
    const SKIPPED: [&str; 8] = [
        "pts",
        "shm",
        "fd",
        "mqueue",
        ".lxc",
        ".lxd-mounts",
        ".udev",
        "console",
    ];
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let (Ok(kind), name) = (entry.file_type(), entry.file_name()) else {
            continue;
        };
        if SKIPPED.iter().any(|skipped| name == *skipped) {
            continue;
        }
        if kind.is_dir() {
            found.extend(nodes_below(&entry.path()));
        } else if kind.is_block_device() || kind.is_char_device() {
            found.push(entry.path());
        }
    }
    found
}

fn node(from: &Path, to: &Path) -> Option<LinuxDevice> {
    let metadata = fs::metadata(from).ok()?;
    let typ = if metadata.file_type().is_char_device() {
        LinuxDeviceType::C
    } else if metadata.file_type().is_block_device() {
        LinuxDeviceType::B
    } else {
        return None;
    };
    LinuxDeviceBuilder::default()
        .path(to)
        .typ(typ)
        .major(i64::from(major(metadata.rdev())))
        .minor(i64::from(minor(metadata.rdev())))
        .file_mode(metadata.mode() & 0o7777)
        .uid(metadata.uid())
        .gid(metadata.gid())
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_docker_writes_them() {
        let rule = parse_rule("c 1:* rw").unwrap();
        assert_eq!(
            (rule.major(), rule.minor(), rule.access().as_deref()),
            (Some(1), None, Some("rw"))
        );
        for bad in ["", "c 1:3", "x 1:3 r", "c 1 r", "c 1:3 q", "c a:b r", "c 1:3 r r"] {
            assert!(parse_rule(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_node_is_found_with_its_numbers() {
        let host = HostConfig {
            devices: Some(vec![DeviceMapping {
                path_on_host: "/dev/null".into(),
                ..Default::default()
            }]),
            ..Default::default()
        };
        let (nodes, rules) = collect(&host).unwrap();
        assert_eq!((nodes[0].major(), nodes[0].minor()), (1, 3));
        assert_eq!(rules.len(), 1);
    }
}
