//! The unix sockets the API is served on.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Docker's own socket.
pub(crate) const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// A listening socket whose file is removed when dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    pub(crate) listener: UnixListener,
}

impl Socket {
    /// Listens at `path`, which only root and members of `group` may use.
    pub(crate) fn listen(path: &Path, group: Option<u32>) -> io::Result<Self> {
        if UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "a daemon already listens there",
            ));
        }
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Nobody else may connect between bind and chmod.
        let previous = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
        let listener = UnixListener::bind(path);
        rustix::process::umask(previous);
        let socket = Self {
            path: path.to_owned(),
            listener: listener?,
        };
        socket.listener.set_nonblocking(true)?;
        if let Some(group) = group {
            chown(path, None, Some(group))?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
        }
        Ok(socket)
    }

    /// Its path.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Gone already is as good.
        let _removed = fs::remove_file(&self.path);
    }
}

/// The number of a group, by name or number.
pub(crate) fn group_id(group: &str) -> Option<u32> {
    if let Ok(number) = group.parse() {
        return Some(number);
    }
    let text = fs::read_to_string("/etc/group").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == group).then(|| fields.nth(1)?.parse().ok())?
    })
}
