//! Being told when the kernel kills for want of memory.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use corten_cgroup::Cgroup;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{Mode, OFlags, open, openat};
use rustix::io::Errno;

/// A descriptor that wakes up, and how to tell whether that was for a reason.
#[derive(Debug)]
pub struct OomWatch {
    fd: OwnedFd,
    /// v2's file wakes for other events, too: then the counter tells.
    counter: Option<(Cgroup, u64)>,
}

impl OomWatch {
    /// Watches a cgroup. `None` where the host has no memory controller: then nothing is limited either.
    pub fn new(cgroup: &Cgroup) -> Option<Self> {
        let directory = open(
            cgroup.directory("memory")?,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .ok()?;
        match openat(
            &directory,
            "memory.events",
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        ) {
            Ok(fd) => Some(Self {
                fd,
                counter: Some((cgroup.clone(), 0)),
            }),
            Err(_) => Self::v1(&directory).ok(),
        }
    }

    /// What to poll for.
    pub fn events(&self) -> i16 {
        if self.counter.is_some() {
            libc::POLLPRI
        } else {
            libc::POLLIN
        }
    }

    /// Whether the kernel has killed since the last call. To be called when the descriptor woke up.
    pub fn has_happened(&mut self) -> bool {
        let mut ignored = [0; 1024];
        // v2 wakes up again only after the file was read from its beginning.
        let read = match &self.counter {
            Some(_) => rustix::io::pread(&self.fd, &mut ignored, 0),
            None => rustix::io::read(&self.fd, &mut ignored),
        };
        match (&mut self.counter, read) {
            (None, read) => read.is_ok(),
            (Some((cgroup, seen)), _) => {
                let count = cgroup.oom_kill_count().unwrap_or(*seen);
                std::mem::replace(seen, count) < count
            }
        }
    }

    fn v1(directory: &OwnedFd) -> Result<Self, Errno> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let control = openat(
            directory,
            "memory.oom_control",
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let register = openat(
            directory,
            "cgroup.event_control",
            OFlags::WRONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let order = format!("{} {}", event.as_raw_fd(), control.as_raw_fd());
        rustix::io::write(&register, order.as_bytes())?;
        Ok(Self {
            fd: event,
            counter: None,
        })
    }
}

impl AsFd for OomWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
