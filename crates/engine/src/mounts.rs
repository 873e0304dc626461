//! Mounts asked for in a request or an image: their text forms, read by Docker's rules. Pure; volumes are made elsewhere.

use std::collections::BTreeMap;

use corten_wire::{Mount, MountPoint};

use crate::error::{Error, Result};
use crate::record::MountRecord;

/// A mount as asked for. An empty `source` of a volume asks for an anonymous one.
pub(crate) type MountWish = MountRecord;

/// Reads one `-v` value: `[SOURCE:]TARGET[:MODES]`.
pub(crate) fn parse_bind(text: &str, volume_driver: &str) -> Result<MountWish> {
    let invalid = || Error::Invalid(format!("invalid volume specification: '{text}'"));
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, modes) = match parts.as_slice() {
        [target] => ("", *target, ""),
        [source, target] => (*source, *target, ""),
        [source, target, modes] => (*source, *target, *modes),
        _ => return Err(invalid()),
    };
    if parts.len() > 1 && source.is_empty() {
        return Err(invalid());
    }
    let target = clean_target(text, target)?;
    let mut wish = MountWish {
        point: MountPoint {
            destination: target,
            mode: modes.to_owned(),
            rw: true,
            ..MountPoint::default()
        },
        options: Vec::new(),
        create_source: true,
        subpath: String::new(),
    };
    for mode in modes.split(',').filter(|mode| !mode.is_empty()) {
        match mode {
            "ro" | "readonly" => wish.point.rw = false,
            "rw" | "z" | "Z" | "consistent" | "cached" | "delegated" => {}
            "nocopy" => wish.options.push("nocopy".to_owned()),
            "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave" => {
                wish.point.propagation = mode.to_owned();
            }
            _ => return Err(Error::Invalid(format!("invalid mode: {modes}"))),
        }
    }
    if source.starts_with('/') {
        wish.point.r#type = "bind".to_owned();
        wish.point.source = clean_path(source);
        if wish.point.propagation.is_empty() {
            wish.point.propagation = "rprivate".to_owned();
        }
    } else {
        wish.point.r#type = "volume".to_owned();
        wish.point.name = source.to_owned();
        wish.point.driver = if volume_driver.is_empty() {
            "local"
        } else {
            volume_driver
        }
        .to_owned();
    }
    Ok(wish)
}

/// Reads one entry of `HostConfig.Mounts`.
pub(crate) fn parse_mount(mount: &Mount) -> Result<MountWish> {
    let invalid = |why: &str| {
        Error::Invalid(format!(
            "invalid mount config for type \"{}\": {why}",
            mount.r#type
        ))
    };
    if mount.target.is_empty() {
        return Err(invalid("field Target must not be empty"));
    }
    let mut wish = MountWish {
        point: MountPoint {
            r#type: mount.r#type.clone(),
            destination: clean_target(&mount.target, &mount.target)?,
            rw: !mount.read_only,
            ..MountPoint::default()
        },
        options: Vec::new(),
        create_source: false,
        subpath: String::new(),
    };
    match mount.r#type.as_str() {
        "bind" => {
            if !mount.source.starts_with('/') {
                return Err(invalid(&format!(
                    "invalid mount path: '{}' mount path must be absolute",
                    mount.source
                )));
            }
            let options = mount.bind_options.clone().unwrap_or_default();
            if options.non_recursive {
                wish.options.push("bind".to_owned());
            }
            wish.create_source = options.create_mountpoint;
            wish.point.source = clean_path(&mount.source);
            wish.point.propagation = if options.propagation.is_empty() {
                "rprivate".to_owned()
            } else {
                options.propagation
            };
        }
        "volume" => {
            let options = mount.volume_options.clone().unwrap_or_default();
            if options
                .driver_config
                .as_ref()
                .is_some_and(|d| !d.options.is_empty())
            {
                return Err(Error::Unsupported(
                    "a volume driver's option in a mount".to_owned(),
                ));
            }
            wish.point.name = mount.source.clone();
            let driver = options
                .driver_config
                .map(|d| d.name)
                .filter(|name| !name.is_empty());
            wish.point.driver = driver.unwrap_or_else(|| "local".to_owned());
            if !options.subpath.is_empty() {
                if mount.source.is_empty() {
                    return Err(invalid("must not set Subpath when using anonymous volumes"));
                }
                if !is_local(&options.subpath) {
                    return Err(invalid("subpath must be a relative path within the volume"));
                }
            }
            wish.subpath = options.subpath;
            if options.no_copy {
                wish.options.push("nocopy".to_owned());
            }
        }
        "tmpfs" => {
            if !mount.source.is_empty() {
                return Err(invalid("field Source must not be specified"));
            }
            let options = mount.tmpfs_options.clone().unwrap_or_default();
            if options.size_bytes > 0 {
                wish.options.push(format!("size={}", options.size_bytes));
            }
            if options.mode != 0 {
                wish.options.push(format!("mode={:o}", options.mode));
            }
        }
        "" => return Err(invalid("mount type unknown")),
        other => return Err(Error::Unsupported(format!("a mount of type \"{other}\""))),
    }
    Ok(wish)
}

/// Reads one `--tmpfs` entry: target and comma-separated options.
pub(crate) fn parse_tmpfs(target: &str, options: &str) -> Result<MountWish> {
    if !target.starts_with('/') {
        return Err(Error::Invalid(format!(
            "invalid mount path: '{target}' mount path must be absolute"
        )));
    }
    let destination = clean_path(target);
    if destination == "/" {
        return Err(Error::Invalid(
            "invalid specification: destination can't be '/'".to_owned(),
        ));
    }
    Ok(MountWish {
        point: MountPoint {
            r#type: "tmpfs".to_owned(),
            destination,
            mode: options.to_owned(),
            rw: !options.split(',').any(|option| option == "ro"),
            ..MountPoint::default()
        },
        options: options
            .split(',')
            .filter(|o| !o.is_empty())
            .map(str::to_owned)
            .collect(),
        create_source: false,
        subpath: String::new(),
    })
}

/// All mounts of a request and an image, later sources giving way to earlier ones, targets in mounting order.
///
/// # Errors
/// When two entries of the request want the same target (`Duplicate mount point`).
pub(crate) fn merge(requested: Vec<MountWish>, inherited: Vec<MountWish>) -> Result<Vec<MountWish>> {
    let mut by_target: BTreeMap<String, MountWish> = BTreeMap::new();
    for wish in requested {
        let target = wish.point.destination.clone();
        if by_target.insert(target.clone(), wish).is_some() {
            return Err(Error::Invalid(format!("Duplicate mount point: {target}")));
        }
    }
    for wish in inherited {
        by_target.entry(wish.point.destination.clone()).or_insert(wish);
    }
    let mut wishes: Vec<_> = by_target.into_values().collect();
    // Parents before what is mounted inside them.
    wishes.sort_by_key(|wish| wish.point.destination.matches('/').count());
    Ok(wishes)
}

fn clean_target(text: &str, target: &str) -> Result<String> {
    if !target.starts_with('/') {
        return Err(Error::Invalid(format!(
            "invalid volume specification: '{text}': invalid mount config for type \"volume\": invalid mount path: \
             '{target}' mount path must be absolute"
        )));
    }
    let clean = clean_path(target);
    if clean == "/" {
        return Err(Error::Invalid(format!(
            "invalid volume specification: '{text}': invalid mount config for type \"volume\": invalid specification: \
             destination can't be '/'"
        )));
    }
    Ok(clean)
}

/// Whether a path, read as text, is relative and stays below where it starts (Go's `filepath.IsLocal`).
fn is_local(path: &str) -> bool {
    let mut depth = 0_i32;
    !path.starts_with('/')
        && path.split('/').all(|part| {
            depth += match part {
                "" | "." => 0,
                ".." => -1,
                _ => 1,
            };
            depth >= 0
        })
}

/// An absolute path without empty, `.` and `..` components.
pub(crate) fn clean_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_v() {
        let bind = parse_bind("/a/../b:/c/:ro", "").unwrap().point;
        assert_eq!(
            (
                bind.r#type.as_str(),
                bind.source.as_str(),
                bind.destination.as_str()
            ),
            ("bind", "/b", "/c")
        );
        assert!(!bind.rw);
        assert_eq!(bind.propagation, "rprivate");
        let named = parse_bind("data:/d", "").unwrap().point;
        assert_eq!(
            (named.r#type.as_str(), named.name.as_str(), named.rw),
            ("volume", "data", true)
        );
        let anonymous = parse_bind("/d", "").unwrap().point;
        assert_eq!(
            (anonymous.r#type.as_str(), anonymous.name.as_str()),
            ("volume", "")
        );
        for bad in ["", ":/x", "a:b", "a:/x:frob", "a:/b:ro:x", "a:/"] {
            assert!(parse_bind(bad, "").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_target_is_wanted_once_and_parents_come_first() {
        let wish = |text: &str| parse_bind(text, "").unwrap();
        let twice = merge(vec![wish("a:/x"), wish("b:/x")], vec![]).unwrap_err();
        assert_eq!(twice.to_string(), "Duplicate mount point: /x");
        let merged = merge(vec![wish("/h:/x/y"), wish("a:/x")], vec![wish("/x"), wish("/z")]).unwrap();
        let targets: Vec<_> = merged
            .iter()
            .map(|w| (w.point.destination.as_str(), w.point.name.as_str()))
            .collect();
        assert_eq!(targets, [("/x", "a"), ("/z", ""), ("/x/y", "")]);
    }
}
