//! Finding the program the way Docker's runtime does, with its words when there is none.

use std::path::Path;

use corten_shim_api::{ErrorStage, RuntimeFailure};
use oci_spec::runtime::Process;
use rustix::fs::{Access, AtFlags, CWD, FileType, accessat, stat};
use rustix::io::Errno;

use crate::failure::{Result, errno_text};

/// The path to execute for the first argument, looked for in the `PATH` of `environment` unless it holds a slash.
///
/// # Errors
/// `exec: "name": …`.
pub fn find(process: &Process, environment: &[String]) -> Result<String> {
    let Some(name) = process.args().as_ref().and_then(|arguments| arguments.first()) else {
        return Err(refusal("", "no command specified", None));
    };
    if name.contains('/') {
        return match check(name) {
            Ok(()) => Ok(name.clone()),
            Err(Refused::Stat(errno)) => Err(refusal(
                name,
                &format!("stat {name}: {}", errno_text(errno)),
                Some(errno),
            )),
            Err(Refused::Use(errno)) => Err(refusal(name, &errno_text(errno), Some(errno))),
        };
    }
    // The last of several counts, as for the program itself.
    let path = environment
        .iter()
        .rev()
        .find_map(|entry| entry.strip_prefix("PATH="))
        .unwrap_or_default();
    for directory in path.split(':').filter(|_| !path.is_empty()) {
        let directory = if directory.is_empty() { "." } else { directory };
        let candidate = Path::new(directory).join(name);
        let Some(candidate) = candidate.to_str().filter(|candidate| check(candidate).is_ok()) else {
            continue;
        };
        if directory.starts_with('/') {
            return Ok(candidate.to_owned());
        }
        return Err(refusal(
            name,
            "cannot run executable found relative to current directory",
            None,
        ));
    }
    Err(refusal(
        name,
        "executable file not found in $PATH",
        Some(Errno::NOENT),
    ))
}

enum Refused {
    /// There is nothing to look at.
    Stat(Errno),
    /// It is there, but not to be executed.
    Use(Errno),
}

fn check(path: &str) -> std::result::Result<(), Refused> {
    let stat = stat(path).map_err(Refused::Stat)?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        return Err(Refused::Use(Errno::ISDIR));
    }
    match accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS) {
        // A seccomp profile may forbid the newer call: then the mode decides.
        Err(Errno::NOSYS | Errno::PERM) if stat.st_mode & 0o111 != 0 => Ok(()),
        Err(Errno::NOSYS | Errno::PERM) => Err(Refused::Use(Errno::ACCESS)),
        result => result.map_err(Refused::Use),
    }
}

fn refusal(name: &str, reason: &str, errno: Option<Errno>) -> RuntimeFailure {
    RuntimeFailure {
        stage: ErrorStage::Exec,
        message: format!("exec: {name:?}: {reason}"),
        errno: errno.map(Errno::raw_os_error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_in(name: &str, path: &str) -> std::result::Result<String, String> {
        let mut process = Process::default();
        process.set_args(Some(vec![name.to_owned()]));
        find(&process, &[format!("PATH={path}")]).map_err(|failure| failure.message)
    }

    #[test]
    fn dockers_sentences() {
        let error = |name| find_in(name, "/bin").unwrap_err();
        assert_eq!(
            error("nosuch"),
            r#"exec: "nosuch": executable file not found in $PATH"#
        );
        assert_eq!(error("/etc/passwd"), r#"exec: "/etc/passwd": permission denied"#);
        assert_eq!(
            error("./x"),
            r#"exec: "./x": stat ./x: no such file or directory"#
        );
        assert_eq!(error("/"), r#"exec: "/": is a directory"#);
        assert_eq!(
            find_in("nosuch", "").unwrap_err(),
            r#"exec: "nosuch": executable file not found in $PATH"#
        );
    }

    #[test]
    fn the_first_directory_wins() {
        assert_eq!(find_in("sh", "/nowhere:/bin:/usr/bin").unwrap(), "/bin/sh");
        assert_eq!(find_in("/bin/sh", "").unwrap(), "/bin/sh");
    }
}
