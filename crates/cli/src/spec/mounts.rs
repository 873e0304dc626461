//! `--mount type=…,source=…,target=…`.

use std::path::Path;

use corten_types::parse_bytes;
use corten_wire::{BindOptions, DriverConfig, ImageOptions, Mount, TmpfsOptions, VolumeOptions};

use super::binds::absolute;
use super::csv::fields;
use crate::output;

/// Judges a `--mount` as it is read.
pub(super) fn check(text: &str) -> Result<(), String> {
    parse(text, Path::new("/"))?;
    let has_old_word = |field: &String| field.to_ascii_lowercase().starts_with("bind-nonrecursive=");
    if fields(text)?.iter().any(has_old_word) {
        output::log_warning("bind-nonrecursive is deprecated, use bind-recursive=disabled instead");
    }
    Ok(())
}

/// Reads one `--mount`; host paths that begin with a dot are taken from `directory`.
pub(super) fn parse(text: &str, directory: &Path) -> Result<Mount, String> {
    let mut mount = Mount {
        r#type: "volume".to_owned(),
        ..Mount::default()
    };
    for field in fields(text)? {
        let (key, value) = match field.split_once('=') {
            Some((key, value)) => (key.to_ascii_lowercase(), Some(value)),
            None => (field.to_ascii_lowercase(), None),
        };
        set(&mut mount, &field, &key, value)?;
    }
    if mount.r#type.is_empty() {
        return Err("type is required".to_owned());
    }
    if mount.target.is_empty() {
        return Err("target is required".to_owned());
    }
    if mount.r#type == "bind" && mount.source.starts_with('.') {
        mount.source = absolute(&mount.source, directory).display().to_string();
    }
    let mixed = |options: &str, kind: &str| {
        Err(format!(
            "cannot mix '{options}-*' options with mount type '{kind}'"
        ))
    };
    match mount.r#type.as_str() {
        kind if mount.bind_options.is_some() && kind != "bind" => mixed("bind", kind),
        kind if mount.volume_options.is_some() && kind != "volume" => mixed("volume", kind),
        kind if mount.tmpfs_options.is_some() && kind != "tmpfs" => mixed("tmpfs", kind),
        kind if mount.image_options.is_some() && kind != "image" => mixed("image", kind),
        _ => check_recursion(&mount).map(|()| mount),
    }
}

/// What must stand beside `bind-recursive`.
fn check_recursion(mount: &Mount) -> Result<(), String> {
    let Some(options) = &mount.bind_options else {
        return Ok(());
    };
    let needs = |value: &str, what: &str| {
        Err(format!(
            "option 'bind-recursive={value}' requires '{what}' to be specified in conjunction"
        ))
    };
    if options.read_only_non_recursive && !mount.read_only {
        return needs("writable", "readonly");
    }
    if options.read_only_force_recursive && !mount.read_only {
        return needs("readonly", "readonly");
    }
    if options.read_only_force_recursive && options.propagation != "rprivate" {
        return needs("readonly", "bind-propagation=rprivate");
    }
    Ok(())
}

fn set(mount: &mut Mount, field: &str, key: &str, value: Option<&str>) -> Result<(), String> {
    match key {
        "readonly" | "ro" => mount.read_only = truth(key, value)?,
        "volume-nocopy" => volume(mount).no_copy = truth(key, value)?,
        "bind-nonrecursive" => bind(mount).non_recursive = truth(key, value)?,
        "bind-create-src" => bind(mount).create_mountpoint = truth(key, value)?,
        _ => {
            let value = value.ok_or_else(|| format!("invalid field '{field}' must be a key=value pair"))?;
            set_text(mount, field, key, value)?;
        }
    }
    Ok(())
}

fn set_text(mount: &mut Mount, field: &str, key: &str, value: &str) -> Result<(), String> {
    // A pair without a name says nothing.
    let pair = || {
        let (name, value) = value.split_once('=').unwrap_or((value, ""));
        (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
    };
    match key {
        "type" => mount.r#type = value.to_ascii_lowercase(),
        "source" | "src" => mount.source = value.to_owned(),
        "target" | "dst" | "destination" => mount.target = value.to_owned(),
        "consistency" => mount.consistency = value.to_ascii_lowercase(),
        "bind-propagation" => bind(mount).propagation = value.to_ascii_lowercase(),
        "bind-recursive" => match value {
            "enabled" => {}
            "disabled" => bind(mount).non_recursive = true,
            "writable" => bind(mount).read_only_non_recursive = true,
            "readonly" => bind(mount).read_only_force_recursive = true,
            _ => {
                return Err(format!(
                    "invalid value for bind-recursive: {value} (must be \"enabled\", \"disabled\", \"writable\", or \"readonly\")"
                ));
            }
        },
        "volume-subpath" => volume(mount).subpath = value.to_owned(),
        "volume-label" => volume(mount).labels.extend(pair()),
        "volume-driver" => driver(mount).name = value.to_owned(),
        "volume-opt" => driver(mount).options.extend(pair()),
        "image-subpath" => {
            mount.image_options = Some(ImageOptions {
                subpath: value.to_owned(),
            });
        }
        "tmpfs-size" => {
            let size = parse_bytes(value).map_err(|_| format!("invalid value for {key}: {value}"))?;
            tmpfs(mount).size_bytes = i64::try_from(size).unwrap_or(i64::MAX);
        }
        "tmpfs-mode" => {
            tmpfs(mount).mode =
                u32::from_str_radix(value, 8).map_err(|_| format!("invalid value for {key}: {value}"))?;
        }
        _ => return Err(format!("unexpected key '{key}' in '{field}'")),
    }
    Ok(())
}

fn truth(key: &str, value: Option<&str>) -> Result<bool, String> {
    match value {
        None => Ok(true),
        Some(value) => crate::flags::go_bool(value).map_err(|_| format!("invalid value for {key}: {value}")),
    }
}

fn bind(mount: &mut Mount) -> &mut BindOptions {
    mount.bind_options.get_or_insert_default()
}

fn volume(mount: &mut Mount) -> &mut VolumeOptions {
    let options = mount.volume_options.get_or_insert_default();
    // Said even when empty, as the original does.
    options.driver_config.get_or_insert_default();
    options
}

fn driver(mount: &mut Mount) -> &mut DriverConfig {
    volume(mount).driver_config.get_or_insert_default()
}

fn tmpfs(mount: &mut Mount) -> &mut TmpfsOptions {
    mount.tmpfs_options.get_or_insert_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        match parse(text, Path::new("/cwd")) {
            Ok(mount) => serde_json::to_string(&mount).unwrap(),
            Err(error) => error,
        }
    }

    #[test]
    fn kinds_and_options() {
        for (text, meaning) in [
            (
                "type=bind,src=/s,dst=/d,ro",
                r#"{"Type":"bind","Source":"/s","Target":"/d","ReadOnly":true}"#,
            ),
            (
                "type=bind,src=./s,dst=/d,bind-propagation=rslave,bind-nonrecursive",
                r#"{"Type":"bind","Source":"/cwd/s","Target":"/d","BindOptions":{"Propagation":"rslave","NonRecursive":true}}"#,
            ),
            (
                "type=tmpfs,target=/tt,tmpfs-size=1m,tmpfs-mode=1770",
                r#"{"Type":"tmpfs","Target":"/tt","TmpfsOptions":{"SizeBytes":1048576,"Mode":1016}}"#,
            ),
            (
                "source=v,target=/vv,volume-nocopy,volume-label=a=b,volume-driver=x,\"volume-opt=o=p,q\"",
                r#"{"Type":"volume","Source":"v","Target":"/vv","VolumeOptions":{"NoCopy":true,"Labels":{"a":"b"},"DriverConfig":{"Name":"x","Options":{"o":"p,q"}}}}"#,
            ),
        ] {
            assert_eq!(json(text), meaning, "{text}");
        }
    }

    #[test]
    fn dockers_complaints() {
        for (text, complaint) in [
            ("type=foo", "target is required"),
            ("foo,target=/x", "invalid field 'foo' must be a key=value pair"),
            (
                "type=volume,source=v,bind-propagation=shared,target=/x",
                "cannot mix 'bind-*' options with mount type 'volume'",
            ),
            ("target=/x,foo=1", "unexpected key 'foo' in 'foo=1'"),
            ("target=/x,ro=x", "invalid value for ro: x"),
        ] {
            assert_eq!(json(text), complaint, "{text}");
        }
    }
}
