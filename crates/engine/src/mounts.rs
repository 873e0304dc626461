//! Mounts asked for in a request or an image: their text forms, read by Docker's rules. Pure; volumes are made elsewhere.

use std::collections::BTreeMap;

use corten_wire::{BindOptions, DriverConfig, Mount, MountPoint, TmpfsOptions, VolumeOptions};

use crate::error::{Error, Result};
use crate::mount_modes::Modes;
use crate::record::MountRecord;

/// A mount as asked for. An empty `source` of a volume asks for an anonymous one.
pub(crate) type MountWish = MountRecord;

/// Reads one `-v` value: `[SOURCE:]TARGET[:MODES]`.
pub(crate) fn parse_bind(text: &str, volume_driver: &str) -> Result<MountWish> {
    let invalid = || Error::Invalid(format!("invalid volume specification: '{text}'"));
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, words) = match parts.as_slice() {
        [target] => ("", *target, ""),
        // A volume without a name has no modes.
        [_, mode] if Modes::parse(mode).is_some() => return Err(invalid()),
        [source, target] => (*source, *target, ""),
        [source, target, words] => (*source, *target, *words),
        _ => return Err(invalid()),
    };
    if parts[0].is_empty() {
        return Err(invalid());
    }
    let modes = Modes::parse(words).ok_or_else(|| Error::Invalid(format!("invalid mode: {words}")))?;
    let named_driver = !volume_driver.is_empty() && !source.starts_with('/');
    let mount = Mount {
        r#type: if source.starts_with('/') { "bind" } else { "volume" }.to_owned(),
        source: source.to_owned(),
        target: target.to_owned(),
        read_only: modes.read_only,
        bind_options: modes.propagation.map(|propagation| BindOptions {
            propagation: propagation.to_owned(),
            ..BindOptions::default()
        }),
        volume_options: (named_driver || modes.nocopy).then(|| VolumeOptions {
            no_copy: modes.nocopy,
            driver_config: named_driver.then(|| DriverConfig {
                name: volume_driver.to_owned(),
                ..DriverConfig::default()
            }),
            ..VolumeOptions::default()
        }),
        ..Mount::default()
    };
    let mut wish = parse_mount(&mount).map_err(|error| Error::Invalid(format!("{}: {error}", invalid())))?;
    wish.point.mode = words.to_owned();
    // The directory is made if it is not there.
    wish.create_source = true;
    Ok(wish)
}

/// Reads one entry of `HostConfig.Mounts`.
pub(crate) fn parse_mount(mount: &Mount) -> Result<MountWish> {
    let kind = mount.r#type.as_str();
    let invalid = |why: &str| Error::Invalid(format!("invalid mount config for type \"{kind}\": {why}"));
    let mut wish = MountWish {
        point: MountPoint {
            r#type: kind.to_owned(),
            destination: clean_target(&mount.target).map_err(|why| invalid(&why))?,
            rw: !mount.read_only,
            ..MountPoint::default()
        },
        ..MountWish::default()
    };
    let read = match kind {
        "bind" => read_bind(mount, &mut wish),
        "volume" => read_volume(mount, &mut wish),
        "tmpfs" => read_tmpfs(mount, &mut wish),
        "image" => read_image(mount, &mut wish),
        _ => Err("mount type unknown".to_owned()),
    };
    read.map_err(|why| invalid(&why))?;
    Ok(wish)
}

fn read_bind(mount: &Mount, wish: &mut MountWish) -> std::result::Result<(), String> {
    if mount.source.is_empty() {
        return Err(missing("Source"));
    }
    let options = mount.bind_options.clone().unwrap_or_default();
    if !options.propagation.is_empty() && !Modes::is_propagation(&options.propagation) {
        return Err(format!("invalid propagation mode: {}", options.propagation));
    }
    let conflict = |what: &str| Err(format!("mount options conflict: {what}"));
    if options.read_only_non_recursive && !mount.read_only {
        return conflict("!ReadOnly && BindOptions.ReadOnlyNonRecursive");
    }
    if options.read_only_force_recursive && !mount.read_only {
        return conflict("!ReadOnly && BindOptions.ReadOnlyForceRecursive");
    }
    if options.read_only_force_recursive && options.read_only_non_recursive {
        return conflict("ReadOnlyForceRecursive && BindOptions.ReadOnlyNonRecursive");
    }
    if mount.volume_options.is_some() {
        return Err(unwanted("VolumeOptions"));
    }
    require_absolute(&mount.source)?;
    if options.non_recursive {
        wish.options.push("bind".to_owned());
    }
    if options.read_only_non_recursive {
        wish.options.push("ro-top".to_owned());
    }
    wish.create_source = options.create_mountpoint;
    wish.point.source = clean_path(&mount.source);
    // Nothing said is for the daemon to fill in.
    wish.point.propagation = options.propagation;
    Ok(())
}

fn read_volume(mount: &Mount, wish: &mut MountWish) -> std::result::Result<(), String> {
    if mount.bind_options.is_some() {
        return Err(unwanted("BindOptions"));
    }
    let options = mount.volume_options.clone().unwrap_or_default();
    if !options.subpath.is_empty() {
        if mount.source.is_empty() {
            return Err("must not set Subpath when using anonymous volumes".to_owned());
        }
        if !is_local(&options.subpath) {
            return Err("subpath must be a relative path within the volume".to_owned());
        }
    }
    if mount.read_only && mount.source.is_empty() {
        return Err("must not set ReadOnly mode when using anonymous volumes".to_owned());
    }
    let driver = options.driver_config.unwrap_or_default();
    wish.point.name = mount.source.clone();
    wish.point.driver = driver.name;
    wish.driver_options = driver.options;
    wish.labels = options.labels;
    wish.subpath = options.subpath;
    if options.no_copy {
        wish.options.push("nocopy".to_owned());
    }
    Ok(())
}

fn read_tmpfs(mount: &Mount, wish: &mut MountWish) -> std::result::Result<(), String> {
    if mount.bind_options.is_some() {
        return Err(unwanted("BindOptions"));
    }
    if !mount.source.is_empty() {
        return Err(unwanted("Source"));
    }
    wish.options = tmpfs_options(mount.tmpfs_options.as_ref())?;
    Ok(())
}

fn tmpfs_options(options: Option<&TmpfsOptions>) -> std::result::Result<Vec<String>, String> {
    let Some(options) = options else {
        return Ok(Vec::new());
    };
    let mut words = Vec::new();
    if options.mode != 0 {
        words.push(format!("mode={:o}", options.mode));
    }
    if options.size_bytes != 0 {
        words.push(format!("size={}", options.size_bytes));
    }
    for option in &options.options {
        match option.as_slice() {
            [name] if matches!(name.as_str(), "exec" | "noexec") => words.push(name.clone()),
            [name] | [name, _] => return Err(format!("invalid option: {name}")),
            _ => return Err("invalid option array length".to_owned()),
        }
    }
    Ok(words)
}

fn read_image(mount: &Mount, wish: &mut MountWish) -> std::result::Result<(), String> {
    if mount.bind_options.is_some() {
        return Err(unwanted("BindOptions"));
    }
    if mount.volume_options.is_some() {
        return Err(unwanted("VolumeOptions"));
    }
    if mount.source.is_empty() {
        return Err(missing("Source"));
    }
    let subpath = mount.image_options.clone().unwrap_or_default().subpath;
    if !is_local(&subpath) {
        return Err("subpath must be a relative path within the image".to_owned());
    }
    wish.subpath = subpath;
    wish.point.name = mount.source.clone();
    wish.point.rw = false;
    Ok(())
}

/// Reads one `--tmpfs` entry: target and comma-separated options.
pub(crate) fn parse_tmpfs(target: &str, options: &str) -> Result<MountWish> {
    let destination = clean_target(target).map_err(Error::Invalid)?;
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
        ..MountWish::default()
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

fn missing(field: &str) -> String {
    format!("field {field} must not be empty")
}

fn unwanted(field: &str) -> String {
    format!("field {field} must not be specified")
}

fn require_absolute(path: &str) -> std::result::Result<(), String> {
    if path.starts_with('/') {
        Ok(())
    } else {
        Err(format!(
            "invalid mount path: '{path}' mount path must be absolute"
        ))
    }
}

fn clean_target(target: &str) -> std::result::Result<String, String> {
    if target.is_empty() {
        return Err(missing("Target"));
    }
    let clean = clean_path(target);
    if clean == "/" && (target.starts_with('/') || target == ".") {
        return Err("invalid specification: destination can't be '/'".to_owned());
    }
    require_absolute(target)?;
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
        let named = parse_bind("data:/d:nocopy,z", "plug").unwrap();
        assert_eq!(
            (
                named.point.r#type.as_str(),
                named.point.name.as_str(),
                named.point.rw
            ),
            ("volume", "data", true)
        );
        assert_eq!((named.point.driver.as_str(), named.has("nocopy")), ("plug", true));
        let anonymous = parse_bind("/d", "").unwrap().point;
        assert_eq!(
            (anonymous.r#type.as_str(), anonymous.name.as_str()),
            ("volume", "")
        );
    }

    #[test]
    fn dockers_complaints_of_v() {
        for (text, sentence) in [
            ("", "invalid volume specification: ''"),
            (":/x", "invalid volume specification: ':/x'"),
            ("/foo:rw", "invalid volume specification: '/foo:rw'"),
            ("a:/b:ro:x", "invalid volume specification: 'a:/b:ro:x'"),
            ("a:/x:frob", "invalid mode: frob"),
            ("a:/x:ro,rw", "invalid mode: ro,rw"),
            ("a:/x:cached,delegated", "invalid mode: cached,delegated"),
            (
                "a:b",
                "invalid volume specification: 'a:b': invalid mount config for type \"volume\": invalid mount path: 'b' mount path must be absolute",
            ),
            (
                "/a:/",
                "invalid volume specification: '/a:/': invalid mount config for type \"bind\": invalid specification: destination can't be '/'",
            ),
            (
                "/a:/b:nocopy",
                "invalid volume specification: '/a:/b:nocopy': invalid mount config for type \"bind\": field VolumeOptions must not be specified",
            ),
            (
                "a:/b:rshared",
                "invalid volume specification: 'a:/b:rshared': invalid mount config for type \"volume\": field BindOptions must not be specified",
            ),
        ] {
            assert_eq!(parse_bind(text, "").unwrap_err().to_string(), sentence, "{text}");
        }
    }

    #[test]
    fn dockers_complaints_of_mount() {
        let base = |kind: &str, source: &str| Mount {
            r#type: kind.to_owned(),
            source: source.to_owned(),
            target: "/d".to_owned(),
            ..Mount::default()
        };
        let bind = |options: BindOptions| Mount {
            bind_options: Some(options),
            ..base("bind", "/s")
        };
        for (mount, sentence) in [
            (base("bind", ""), "field Source must not be empty"),
            (
                base("bind", "x"),
                "invalid mount path: 'x' mount path must be absolute",
            ),
            (base("tmpfs", "x"), "field Source must not be specified"),
            (base("npipe", "x"), "mount type unknown"),
            (base("image", ""), "field Source must not be empty"),
            (
                Mount {
                    read_only: true,
                    ..base("volume", "")
                },
                "must not set ReadOnly mode when using anonymous volumes",
            ),
            (
                bind(BindOptions {
                    propagation: "frob".to_owned(),
                    ..BindOptions::default()
                }),
                "invalid propagation mode: frob",
            ),
            (
                bind(BindOptions {
                    read_only_force_recursive: true,
                    ..BindOptions::default()
                }),
                "mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive",
            ),
            (
                Mount {
                    tmpfs_options: Some(TmpfsOptions {
                        options: vec![vec!["uid".to_owned(), "5".to_owned()]],
                        ..TmpfsOptions::default()
                    }),
                    ..base("tmpfs", "")
                },
                "invalid option: uid",
            ),
        ] {
            let kind = mount.r#type.clone();
            assert_eq!(
                parse_mount(&mount).unwrap_err().to_string(),
                format!("invalid mount config for type \"{kind}\": {sentence}")
            );
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
