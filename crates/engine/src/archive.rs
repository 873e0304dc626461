//! `cp`: files out of and into a container, running or not.
//!
//! All names are resolved by the kernel within the container's root directory ([`corten_archive::Place`]): a program that
//! swaps links under the copy leads it nowhere but through its own files.

use std::ffi::CString;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use corten_archive::{
    ByteStream, Cancel, Form, Owner, Packer, Place, TarReader, UnpackOptions, byte_stream, is_of_kernel,
    receive, unpack,
};
use corten_wire::ContainerPathStat;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use tokio::sync::oneshot;

use crate::clock::rfc3339;
use crate::engine::{Engine, blocking, to_its_end, transfer};
use crate::error::{Error, Result};
use crate::record::ContainerRecord;
use crate::view::Depth;

/// Largest user database read.
const MAX_DATABASE: u64 = 1 << 20;

/// How to copy into a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PutArchive {
    /// Refuse to replace a directory by something else, and the other way round.
    pub keep_kinds: bool,
    /// Give everything to the container's user.
    pub own: bool,
}

impl Engine {
    /// What is at a path of a container, a link itself not followed.
    ///
    /// # Errors
    /// When there is no such container or path.
    pub async fn archive_stat(self: &Arc<Self>, name: &str, path: &str) -> Result<ContainerPathStat> {
        let container = self.containers.find(name)?;
        let view = self.view(&container, Depth::Everything).await?;
        let place = view.root.place()?;
        let (name, path) = (name.to_owned(), absolute(path));
        blocking("look into the container", move || {
            Ok(stat(&place, &path).map_err(failure("lstat", &path, &name))?.0)
        })
        .await
    }

    /// Copies a file or directory out of a container, as a tar stream in which it has its own name.
    ///
    /// # Errors
    /// When there is no such container or path.
    pub async fn archive_get(
        self: &Arc<Self>,
        name: &str,
        path: &str,
    ) -> Result<(ContainerPathStat, ByteStream)> {
        let container = self.containers.find(name)?;
        let (name, path) = (name.to_owned(), absolute(path));
        let (found, answer) = oneshot::channel();
        let (sender, stream) = byte_stream();
        let engine = self.clone();
        tokio::spawn(async move {
            let view = match engine.view(&container, Depth::Everything).await {
                Ok(view) => view,
                Err(error) => {
                    // A client that has gone away needs no answer.
                    let _told = found.send(Err(error));
                    return;
                }
            };
            let place = view.root.place();
            let packed = transfer("copy out of a container", move || {
                let place = match place {
                    Ok(place) => place,
                    Err(error) => {
                        let _told = found.send(Err(error.into()));
                        return Ok(());
                    }
                };
                let (stat, fd) = match stat(&place, &path) {
                    Ok(found) => found,
                    Err(error) => {
                        let _told = found.send(Err(failure("lstat", &path, &name)(error)));
                        return Ok(());
                    }
                };
                if found.send(Ok(stat.clone())).is_err() {
                    return Ok(());
                }
                let mut sender = sender;
                let outcome = pack(&place, &path, &stat, &fd, &mut sender);
                sender.end(outcome);
                Ok(())
            })
            .await;
            if let Err(error) = packed {
                tracing::warn!(%error, "a copy out of a container was cut short");
            }
            engine.publish(&container, "archive-path", &[]);
        });
        let stat = answer
            .await
            .map_err(|_| Error::system("cannot copy out of the container")(io::ErrorKind::Other.into()))??;
        Ok((stat, stream))
    }

    /// Unpacks a tar stream, compressed or not, in a directory of a container.
    ///
    /// # Errors
    /// When there is no such container or directory, the archive is damaged, or it may not be written there, or once cancelled:
    /// what was unpacked until then stays, as with Docker.
    pub async fn archive_put(
        self: &Arc<Self>,
        name: &str,
        path: &str,
        options: PutArchive,
        archive: impl Read + Send + 'static,
        cancel: Cancel,
    ) -> Result<()> {
        let container = self.containers.find(name)?;
        let (name, path) = (name.to_owned(), absolute(path));
        let engine = self.clone();
        to_its_end(async move {
            let view = engine.view(&container, Depth::Everything).await?;
            let place = view.root.place()?;
            let record = container.state().record.clone();
            let spool = engine.images.spool().to_owned();
            transfer("copy into a container", move || {
                let (place, options) = target(place, &path, &name, options, &record)?;
                put(place, &options, receive(archive, &spool, &cancel)?)
            })
            .await?;
            engine.publish(&container, "extract-to-dir", &[]);
            Ok(())
        })
        .await
    }
}

/// Where in a container to unpack, and how.
fn target(
    place: Place,
    path: &[u8],
    name: &str,
    options: PutArchive,
    record: &ContainerRecord,
) -> Result<(Place, UnpackOptions)> {
    let failed = |error: Errno| failure("lstat", path, name)(error);
    let real = place.real_path(path).map_err(failed)?;
    let found = place.find(&real, false).map_err(failed)?;
    let stat = rustix::fs::fstat(&found).map_err(failed)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Err(Error::Invalid("extraction point is not a directory".to_owned()));
    }
    check_writable(record, &real)?;
    let options = UnpackOptions {
        form: Form::Plain,
        owner: if options.own && !record.config.user.is_empty() {
            let (uid, gid) = user(&place, &record.config.user)?;
            Owner::Fixed(uid, gid)
        } else {
            Owner::Archive
        },
        keep_kinds: options.keep_kinds,
        rename: None,
    };
    Ok((place.at(&real), options))
}

fn put(place: Place, options: &UnpackOptions, archive: impl Read) -> Result<()> {
    let mut reader = TarReader::new(archive);
    unpack(&mut reader, place, options)?;
    // What follows the archive's end must still be read, lest the sender waits for us.
    io::copy(&mut reader.into_inner(), &mut io::sink()).map_err(corten_archive::Error::read)?;
    Ok(())
}

/// Docker's words for what the kernel would refuse, and for a container's own view of what it may write.
fn check_writable(record: &ContainerRecord, path: &[u8]) -> Result<()> {
    let covers = |destination: &str| {
        let rest = path.strip_prefix(destination.trim_end_matches('/').as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    let mount = record
        .mounts
        .iter()
        .filter(|mount| covers(&mount.point.destination))
        .max_by_key(|mount| mount.point.destination.len());
    match mount {
        Some(mount) if !mount.point.rw => {
            Err(Error::Invalid("mounted volume is marked read-only".to_owned()))
        }
        None if record.host_config.readonly_rootfs => {
            Err(Error::Invalid("container rootfs is marked read-only".to_owned()))
        }
        _ => Ok(()),
    }
}

fn pack(
    place: &Place,
    path: &[u8],
    stat: &ContainerPathStat,
    found: &OwnedFd,
    out: &mut impl io::Write,
) -> corten_archive::Result<()> {
    let failed = |error: Errno| corten_archive::Error::Pack {
        operation: "open",
        path: String::from_utf8_lossy(path).into_owned(),
        source: error.into(),
    };
    let mut packer = Packer::new(out).data_only();
    if stat.is_dir() {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(found, c".", flags, Mode::empty()).map_err(failed)?;
        packer.directory(dir, Some(base(path)))?;
    } else {
        let name = base(path);
        let parent = place
            .find(&path[..path.len() - name.len()], true)
            .map_err(failed)?;
        let file = CString::new(name).map_err(|_| failed(Errno::INVAL))?;
        packer.entry(parent.as_fd(), &file, name)?;
    }
    packer.finish()?;
    Ok(())
}

/// A path from the container's root directory, whatever the client wrote.
fn absolute(path: &str) -> Vec<u8> {
    [b"/", path.as_bytes()].concat()
}

/// The last part of a path by Go's rules: slashes at the end do not count, nothing but slashes is one.
fn base(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at + 1);
    let path = &path[..end];
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => &path[slash + 1..],
        None if path.is_empty() => b"/",
        None => path,
    }
}

fn stat(place: &Place, path: &[u8]) -> rustix::io::Result<(ContainerPathStat, OwnedFd)> {
    let found = place.find(path, false)?;
    if is_of_kernel(&found)? && !is_mount(&found)? {
        // As for Docker, which sees the files of a container without them: `/proc` is an empty directory.
        return Err(Errno::NOENT);
    }
    let stat = rustix::fs::fstat(&found)?;
    let link_target = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => String::from_utf8_lossy(&place.real_path(path)?).into_owned(),
        _ => String::new(),
    };
    let answer = ContainerPathStat {
        name: String::from_utf8_lossy(base(path)).into_owned(),
        size: stat.st_size,
        mode: go_mode(&stat),
        mtime: rfc3339(
            stat.st_mtime
                .saturating_mul(1_000_000_000)
                .saturating_add(stat.st_mtime_nsec as i64),
        ),
        link_target,
    };
    Ok((answer, found))
}

/// Whether this is where a file system is mounted.
fn is_mount(found: &OwnedFd) -> rustix::io::Result<bool> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW;
    let stat = rustix::fs::statx(found, c"", flags, StatxFlags::TYPE)?;
    Ok(stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// A mode in Go's own bits (`io/fs.FileMode`), which the API shows.
fn go_mode(stat: &Stat) -> u32 {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => 1 << 31,
        FileType::Symlink => 1 << 27,
        FileType::BlockDevice => 1 << 26,
        FileType::CharacterDevice => 1 << 26 | 1 << 21,
        FileType::Fifo => 1 << 25,
        FileType::Socket => 1 << 24,
        _ => 0,
    };
    let special = [(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)];
    let special = special.iter().filter(|(bit, _)| stat.st_mode & bit != 0);
    kind | special.map(|(_, go)| go).sum::<u32>() | stat.st_mode & 0o777
}

/// Numbers of a user (`name[:group]`, numbers allowed) by the container's own databases.
fn user(place: &Place, text: &str) -> Result<(u32, u32)> {
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    let table = |path: &str| -> Vec<Vec<String>> {
        let text = place.read_file(path.as_bytes(), MAX_DATABASE).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let fields = |line: &str| line.split(':').map(str::to_owned).collect();
        text.lines().map(fields).collect()
    };
    let number = |line: &Vec<String>, at: usize| line.get(at).and_then(|text| text.parse::<u32>().ok());
    let named = |line: &&Vec<String>, name: &str| {
        line.first().is_some_and(|first| first == name) || name.parse().ok() == number(line, 2)
    };
    let users = table("/etc/passwd");
    let entry = users.iter().find(|line| named(line, user));
    let uid = entry
        .and_then(|line| number(line, 2))
        .or_else(|| user.parse().ok())
        .ok_or_else(|| {
            Error::Invalid(format!(
                "unable to find user {user}: no matching entries in passwd file"
            ))
        })?;
    let gid = if group.is_empty() {
        entry.and_then(|line| number(line, 3)).unwrap_or(0)
    } else {
        let groups = table("/etc/group");
        let entry = groups.iter().find(|line| named(line, group));
        entry
            .and_then(|line| number(line, 2))
            .or_else(|| group.parse().ok())
            .ok_or_else(|| {
                Error::Invalid(format!(
                    "unable to find group {group}: no matching entries in group file"
                ))
            })?
    };
    Ok((uid, gid))
}

/// What the kernel said of a path of a container, in Docker's words.
fn failure(operation: &'static str, path: &[u8], container: &str) -> impl FnOnce(Errno) -> Error {
    // Without the slash put in front: as the user wrote it.
    let path = String::from_utf8_lossy(path.get(1..).unwrap_or_default()).into_owned();
    let container = container.to_owned();
    move |error| match error {
        Errno::NOENT => Error::NoSuchFile { path, container },
        error => Error::system(format!("{operation} {path}"))(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_parts_are_gos() {
        for (path, last) in [
            ("/", "/"),
            ("///", "/"),
            ("/a/b", "b"),
            ("/a/b/", "b"),
            ("/a/b/.", "."),
            ("b", "b"),
        ] {
            assert_eq!(base(path.as_bytes()), last.as_bytes(), "{path}");
        }
    }
}
