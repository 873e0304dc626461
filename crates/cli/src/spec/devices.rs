//! `--device host[:container[:rwm]]`.

use corten_wire::DeviceMapping;

/// Reads one `--device`.
pub(super) fn parse(text: &str) -> Result<DeviceMapping, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let (host, container, mode) = match parts[..] {
        [host] => (host, host, "rwm"),
        [host, second] if is_mode(second) => (host, host, second),
        [host, container] => (host, container, "rwm"),
        [host, container, mode] if is_mode(mode) => (host, container, mode),
        [_, _, mode] => return Err(format!("bad mode specified: {mode}")),
        _ => return Err(format!("bad format for path: {text}")),
    };
    for path in [host, container] {
        if !path.starts_with('/') {
            return Err(format!("{path} is not an absolute path"));
        }
    }
    Ok(DeviceMapping {
        path_on_host: host.to_owned(),
        path_in_container: container.to_owned(),
        cgroup_permissions: mode.to_owned(),
    })
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
    fn forms_and_complaints() {
        for (text, meaning) in [
            ("/dev/fuse", "/dev/fuse /dev/fuse rwm"),
            ("/dev/c:rw", "/dev/c /dev/c rw"),
            ("/dev/a:/dev/b", "/dev/a /dev/b rwm"),
            ("/dev/a:/dev/b:r", "/dev/a /dev/b r"),
            ("/dev/a:/b:rwx", "bad mode specified: rwx"),
            ("/dev/a:/b:rw:f", "bad format for path: /dev/a:/b:rw:f"),
            ("x", "x is not an absolute path"),
        ] {
            assert_eq!(one(text), meaning);
        }
    }
}
