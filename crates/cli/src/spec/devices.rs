//! `--device host[:container[:rwm]]` and `--device-cgroup-rule 'c 1:3 rwm'`.

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
        ] {
            assert_eq!(one(text), meaning);
        }
    }
}
