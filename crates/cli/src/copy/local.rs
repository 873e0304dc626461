//! Local files as sources and destinations of `cp`.

use std::ffi::CString;
use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

use corten_archive::Packer;
use rustix::fs::{CWD, Mode, OFlags};

use super::path::{base, clean, dir, join, keep_ending, rebase, split_entry};
use super::plan::{Destination, Source};

/// Docker follows no more links at the end of a destination.
const MAX_LINKS: usize = 10;

/// A local file or directory to be copied into a container.
#[derive(Debug)]
pub(crate) struct LocalSource(pub(crate) Source);

impl LocalSource {
    /// Finds what `path`, absolute, means; `follow` a link at its end.
    ///
    /// # Errors
    /// When there is nothing, in Docker's words.
    pub(crate) fn find(path: &str, follow: bool) -> Result<Self, String> {
        let (resolved, name) = if follow {
            rebase(path, real(path)?)
        } else {
            let (parent, last) = path.split_at(path.rfind('/').map_or(0, |slash| slash + 1));
            let resolved = format!("{}/{last}", real(parent)?.trim_end_matches('/'));
            let renamed = path.ends_with('/') && base(path) != base(&resolved);
            (resolved, renamed.then(|| base(path).to_owned()))
        };
        let found = fs::symlink_metadata(&resolved).map_err(|error| failure("lstat", &resolved, &error))?;
        Ok(Self(Source {
            path: resolved,
            is_dir: found.is_dir(),
            rebase: name,
        }))
    }

    /// Packs it under `name`.
    ///
    /// # Errors
    /// When it cannot be read, or `out` not be written.
    pub(crate) fn pack(&self, name: &str, out: impl Write) -> corten_archive::Result<()> {
        let failed = |source: io::Error| corten_archive::Error::Pack {
            operation: "open",
            path: self.0.path.clone(),
            source,
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = |path: &str| {
            rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(|error| failed(error.into()))
        };
        let mut packer = Packer::new(out);
        let (parent, entry) = split_entry(&self.0.path);
        if entry == "." || entry == "/" {
            packer.directory(open(&parent)?, Some(name.as_bytes()))?;
        } else {
            let file = CString::new(entry).map_err(|error| failed(error.into()))?;
            packer.entry(open(&parent)?.as_fd(), &file, name.as_bytes())?;
        }
        packer.finish()?;
        Ok(())
    }
}

/// Where on this machine a copy goes; links at the end of `path` are followed, also dangling ones.
///
/// # Errors
/// When the directory it would be in is not there, in Docker's words.
pub(crate) fn local_destination(path: &str) -> Result<Destination, String> {
    let mut current = path.to_owned();
    for _ in 0..=MAX_LINKS {
        let found = match fs::symlink_metadata(&current) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (parent, _) = split_entry(&current);
                let metadata = fs::metadata(&parent).map_err(|error| failure("stat", &parent, &error))?;
                if !metadata.is_dir() {
                    return Err("not a directory".to_owned());
                }
                return Ok(Destination {
                    path: current,
                    found: None,
                });
            }
            Err(error) => return Err(failure("lstat", &current, &error)),
        };
        if !found.is_symlink() {
            let found = Some(found.is_dir());
            return Ok(Destination { path: current, found });
        }
        let target = fs::read_link(&current).map_err(|error| failure("readlink", &current, &error))?;
        let target = target.display().to_string();
        current = if target.starts_with('/') {
            target
        } else {
            join(&split_entry(&current).0, &target)
        };
    }
    Err(format!("too many symlinks in {path}"))
}

/// Makes sure that a file can be made at `path`, as Docker does before it asks the engine for anything.
///
/// # Errors
/// In Docker's words.
pub(crate) fn check_output(path: &str) -> Result<(), String> {
    let parent = dir(&clean(path));
    if !matches!(parent.as_str(), "" | ".") && is_missing(fs::metadata(&parent)) {
        return Err(format!(
            "invalid output path: directory {parent:?} does not exist"
        ));
    }
    match fs::metadata(path) {
        Ok(found) => {
            let kind = found.file_type();
            if kind.is_block_device() || kind.is_char_device() {
                return Err(format!(
                    "invalid output path: {path:?} must be a directory or a regular file: got a device"
                ));
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failure("stat", path, &error)),
    }
}

/// The same for `save` and `export`, which say what the system says of the directory.
///
/// # Errors
/// In Docker's words.
pub(crate) fn check_output_file(path: &str) -> Result<(), String> {
    let parent = dir(&clean(path));
    if !matches!(parent.as_str(), "" | ".")
        && let Err(error) = fs::metadata(&parent)
    {
        let reason = failure("stat", &parent, &error);
        return Err(format!("invalid output path: {reason}"));
    }
    if fs::metadata(&parent).is_ok_and(|found| !found.is_dir()) {
        return Err(format!("invalid output path: stat {parent}: not a directory"));
    }
    let Ok(found) = fs::metadata(path) else {
        return check_output(path);
    };
    let kind = found.file_type();
    let what = if kind.is_dir() {
        "directory"
    } else if kind.is_char_device() {
        "character device file"
    } else if kind.is_block_device() {
        "block device file"
    } else if kind.is_fifo() {
        "named pipe (FIFO)"
    } else if kind.is_socket() {
        "socket"
    } else {
        return Ok(());
    };
    Err(format!("cannot write to a {what}"))
}

/// A local path made absolute, with the slash or dot at its end kept.
///
/// # Errors
/// When the working directory is gone.
pub(crate) fn absolute(path: &str) -> io::Result<String> {
    let joined = if path.starts_with('/') {
        clean(path)
    } else {
        join(&std::env::current_dir()?.display().to_string(), path)
    };
    Ok(keep_ending(joined, path))
}

fn is_missing(found: io::Result<Metadata>) -> bool {
    found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn real(path: &str) -> Result<String, String> {
    fs::canonicalize(path)
        .map(|real| real.display().to_string())
        .map_err(|error| failure("lstat", path.trim_end_matches('/'), &error))
}

fn failure(operation: &str, path: &str, error: &io::Error) -> String {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotADirectory => "not a directory".to_owned(),
        _ => error.to_string(),
    };
    format!("{operation} {path}: {reason}")
}
