//! `--device host[:container[:rwm]]` and `--device-cgroup-rule 'c 1:3 rwm'`.

use std::path::Path;

use corten_wire::{DeviceMapping, DeviceRequest};

/// Reads one `--device`.
pub(super) fn parse(text: &str) -> Result<DeviceMapping, String> {
    let parts: Vec<&str> = text.split(':').collect();
    if parts[0].is_empty() {
        return Err(format!("bad format for path: {text}"));
    }
    let (host, container, mode) = match parts[..] {
        [host] => (absolute(host)?, absolute(host)?, "rwm"),
        [host, second] if is_mode(second) => (absolute(host)?, absolute(host)?, second),
        [host, container] => (host.to_owned(), absolute(container)?, "rwm"),
        [_, _, mode] if !is_mode(mode) => return Err(format!("bad mode specified: {mode}")),
        [host, container, mode] => {
            absolute(container)?;
            (host.to_owned(), container.to_owned(), mode)
        }
        _ => return Err(format!("bad format for path: {text}")),
    };
    Ok(DeviceMapping {
        path_on_host: host,
        path_in_container: container,
        cgroup_permissions: mode.to_owned(),
    })
}

/// A path in the container without dots.
fn absolute(path: &str) -> Result<String, String> {
    if path.starts_with('/') {
        return Ok(super::binds::absolute(path, Path::new("/")).display().to_string());
    }
    Err(format!("{path} is not an absolute path"))
}

/// Whether a `--device` is the name of a device of the Container Device Interface, `vendor/class=name`.
pub(super) fn is_qualified(text: &str) -> bool {
    let within = |text: &str, others: &str| {
        let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || others.contains(c))
            && outer(text.chars().next())
            && outer(text.chars().last())
    };
    let starts_with_letter = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic());
    let parts = text
        .split_once('=')
        .and_then(|(kind, name)| kind.split_once('/').map(|(vendor, class)| (vendor, class, name)));
    parts.is_some_and(|(vendor, class, name)| {
        starts_with_letter(vendor)
            && within(vendor, "_-.")
            && starts_with_letter(class)
            && within(class, "_-")
            && within(name, "_-.:")
    })
}

/// The request for all `--device` that name devices of the Container Device Interface.
pub(super) fn request<'a>(texts: impl Iterator<Item = &'a str>) -> Option<DeviceRequest> {
    let names: Vec<String> = texts
        .filter(|text| is_qualified(text))
        .map(str::to_owned)
        .collect();
    (!names.is_empty()).then(|| DeviceRequest {
        driver: "cdi".to_owned(),
        device_ids: Some(names),
        ..DeviceRequest::default()
    })
}

/// Judges one `--device-cgroup-rule`: kind, numbers (`*` for any) and up to three of `rwm`.
pub(super) fn check_rule(text: &str) -> Result<(), String> {
    let is_number = |part: &str| part == "*" || !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let fits = match text.split(' ').collect::<Vec<_>>()[..] {
        ["a" | "b" | "c", numbers, access] => {
            numbers
                .split_once(':')
                .is_some_and(|(major, minor)| is_number(major) && is_number(minor))
                && (1..=3).contains(&access.len())
                && access.chars().all(|c| "rwm".contains(c))
        }
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(format!("invalid device cgroup format '{text}'"))
    }
}

/// Each of `r`, `w`, `m` at most once.
fn is_mode(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| "rwm".contains(c))
        && text.chars().enumerate().all(|(at, c)| !text[..at].contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> String {
        match parse(text) {
            Ok(device) => format!(
                "{} {} {}",
                device.path_on_host, device.path_in_container, device.cgroup_permissions
            ),
            Err(error) => error,
        }
    }

    #[test]
    fn names_of_the_device_interface() {
        assert!(is_qualified("vendor.com/class=name") && is_qualified("v/c=0"));
        for other in ["/dev/null", "vendor/class", "1v/c=n", "v/c=", "v=c/n", "v/c=-n"] {
            assert!(!is_qualified(other), "{other}");
        }
    }

    #[test]
    fn rules() {
        for good in ["c 1:3 rwm", "a *:* m", "b 8:* r"] {
            assert_eq!(check_rule(good), Ok(()));
        }
        for bad in [
            "",
            "c",
            "c 1:3",
            "d 1:3 r",
            "c 1 r",
            "c 1:x r",
            "c 1:3 rwmr",
            "c 1:3 x",
            "c  1:3 r",
        ] {
            assert_eq!(
                check_rule(bad),
                Err(format!("invalid device cgroup format '{bad}'"))
            );
        }
    }

    #[test]
    fn forms_and_complaints() {
        for (text, meaning) in [
            ("/dev/fuse", "/dev/fuse /dev/fuse rwm"),
            ("/dev/c:rw", "/dev/c /dev/c rw"),
            ("/dev/a:/dev/b", "/dev/a /dev/b rwm"),
            ("/dev/a:/dev/b:r", "/dev/a /dev/b r"),
            ("/dev/a:/b:rwx", "bad mode specified: rwx"),
            ("/dev/a:/b:rw:f", "bad format for path: /dev/a:/b:rw:f"),
            ("x", "x is not an absolute path"),
            ("", "bad format for path: "),
            ("/dev/../dev/c", "/dev/c /dev/c rwm"),
        ] {
            assert_eq!(one(text), meaning);
        }
    }
}
