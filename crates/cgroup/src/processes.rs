//! The processes in a cgroup: listing, freezing, killing and waiting for them to be gone.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::cgroup::children;
use crate::file::{self, try_write};
use crate::{Cgroup, Error, Result};

/// How long a freeze may take: a process in uninterruptible sleep holds it up.
const FREEZE_TIMEOUT: Duration = Duration::from_secs(10);

/// Rounds of killing before giving up on a cgroup whose processes cannot be held (no freezer mounted, fork bomb).
const KILL_ROUNDS: usize = 100;

impl Cgroup {
    /// The processes in the cgroup and in child cgroups, as this process's pid namespace numbers them.
    ///
    /// Empty if the cgroup does not exist.
    pub fn pids(&self) -> Result<Vec<u32>> {
        let mut pids = Vec::new();
        collect(self.process_directory(), &mut pids)?;
        Ok(pids)
    }

    /// As [`Cgroup::pids`]; on v1 from all hierarchies, which a process enters one after another, each once.
    fn pids_anywhere(&self) -> Result<Vec<u32>> {
        let mut pids = Vec::new();
        for directory in self.directories() {
            collect(directory, &mut pids)?;
        }
        pids.sort_unstable();
        pids.dedup();
        Ok(pids)
    }

    /// Stops every process until [`Cgroup::thaw`]; returns when all stand still, or thaws them and fails.
    pub fn freeze(&self) -> Result<()> {
        let result = if self.is_v2() {
            file::write(&self.v2_file("cgroup.freeze"), "1")?;
            self.wait_event(
                self.process_directory(),
                "frozen",
                1,
                Instant::now() + FREEZE_TIMEOUT,
            )
        } else {
            self.freeze_v1()
        };
        if result.is_err() {
            self.thaw()?;
        }
        result
    }

    /// Lets a frozen cgroup's processes run again.
    pub fn thaw(&self) -> Result<()> {
        if self.is_v2() {
            file::write(&self.v2_file("cgroup.freeze"), "0")
        } else {
            file::write(&self.freezer_state()?, "THAWED")
        }
    }

    /// Whether [`Cgroup::freeze`] was called and [`Cgroup::thaw`] was not since. A cgroup that does not exist is not frozen.
    pub fn is_frozen(&self) -> Result<bool> {
        if self.is_v2() {
            let text = file::read_if_exists(&self.v2_file("cgroup.freeze"))?;
            return Ok(text.is_some_and(|text| text.trim() == "1"));
        }
        let Some(freezer) = self.directory("freezer") else {
            return Ok(false);
        };
        let text = file::read_if_exists(&freezer.join("freezer.state"))?;
        Ok(text.is_some_and(|text| text.trim() != "THAWED"))
    }

    /// Kills every process with SIGKILL, frozen or not, missing none that is just being forked. Does not wait for
    /// them to be gone. A cgroup that does not exist is fine.
    pub fn kill_all(&self) -> Result<()> {
        if self.is_v2() {
            let path = self.v2_file("cgroup.kill");
            match try_write(&path, "1") {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.exists() => {
                    // Linux before 5.14.
                }
                Err(error) if is_gone(&error) => return Ok(()),
                Err(source) => {
                    return Err(Error::Write {
                        path,
                        value: "1".into(),
                        source,
                    });
                }
            }
        }
        self.kill_one_by_one()
    }

    /// Whether the processes are gone in time: waits until the cgroup and its children are empty.
    pub fn wait_until_empty(&self, timeout: Duration) -> Result<()> {
        self.wait_empty(self.process_directory(), Instant::now() + timeout)
    }

    /// [`Cgroup::wait_until_empty`] for one directory of it.
    pub(crate) fn wait_empty(&self, directory: &Path, deadline: Instant) -> Result<()> {
        if self.is_v2() {
            return self.wait_event(directory, "populated", 0, deadline);
        }
        // v1 has no event for this: wait on the processes themselves.
        let timed_out = || Error::Timeout {
            path: directory.to_owned(),
            state: "empty",
        };
        let mut backoff = Backoff::new(deadline);
        loop {
            let mut pids = Vec::new();
            collect(directory, &mut pids)?;
            let Some(pid) = pids.first().and_then(|pid| Pid::from_raw(*pid as i32)) else {
                return Ok(());
            };
            match pidfd_open(pid, PidfdFlags::empty()) {
                Ok(fd) => {
                    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
                    if poll(&mut fds, Some(&time_left(deadline))) == Ok(0) {
                        return Err(timed_out());
                    }
                }
                Err(rustix::io::Errno::SRCH | rustix::io::Errno::INVAL) => (),
                Err(errno) => {
                    return Err(Error::Io {
                        action: "watch",
                        path: directory.to_owned(),
                        source: errno.into(),
                    });
                }
            }
            // An exited process leaves its cgroup a moment before or after it is reported, by kernel version.
            if !backoff.pause() {
                return Err(timed_out());
            }
        }
    }

    fn freezer_state(&self) -> Result<std::path::PathBuf> {
        let missing = Error::MissingController {
            controller: "freezer",
            setting: "the frozen state",
        };
        Ok(self.directory("freezer").ok_or(missing)?.join("freezer.state"))
    }

    fn freeze_v1(&self) -> Result<()> {
        let path = self.freezer_state()?;
        let mut backoff = Backoff::new(Instant::now() + FREEZE_TIMEOUT);
        loop {
            // Written again each time: the kernel retries tasks that it could not freeze before.
            file::write(&path, "FROZEN")?;
            if file::read(&path)?.trim() == "FROZEN" {
                return Ok(());
            }
            if !backoff.pause() {
                return Err(Error::Timeout {
                    path,
                    state: "frozen",
                });
            }
        }
    }

    /// Kills what is listed while nothing can fork; once more if something new was found.
    fn kill_one_by_one(&self) -> Result<()> {
        let freezer = if self.is_v2() {
            Some(self.v2_file("cgroup.freeze"))
        } else {
            self.freezer_state().ok()
        };
        let (stop, go) = if self.is_v2() {
            ("1", "0")
        } else {
            ("FROZEN", "THAWED")
        };
        let hold = |value| match freezer.as_ref().map(|path| (path, try_write(path, value))) {
            Some((path, Err(source))) if !is_gone(&source) => Err(Error::Write {
                path: path.clone(),
                value: value.to_owned(),
                source,
            }),
            _ => Ok(()),
        };
        let mut killed: Vec<u32> = Vec::new();
        for _ in 0..KILL_ROUNDS {
            let mut pids = self.pids_anywhere()?;
            pids.retain(|pid| !killed.contains(pid));
            if pids.is_empty() {
                return Ok(());
            }
            // Not waited for: a task that is about to fork freezes before its child runs, and is listed then.
            hold(stop)?;
            let pids = self.pids_anywhere();
            for pid in pids.iter().flatten().filter_map(|pid| Pid::from_raw(*pid as i32)) {
                // Gone meanwhile: fine. Nothing else can fail for a pid of ours.
                let _ = kill_process(pid, Signal::KILL);
            }
            hold(go)?;
            killed = pids?;
        }
        Err(Error::Timeout {
            path: self.process_directory().to_owned(),
            state: "killed",
        })
    }

    /// v2: waits until `cgroup.events` says `key value`; the kernel wakes pollers on each change. A cgroup that is
    /// gone is everything one could wait for.
    fn wait_event(&self, directory: &Path, key: &str, value: u64, deadline: Instant) -> Result<()> {
        let path = directory.join("cgroup.events");
        let error = |source| Error::Io {
            action: "watch",
            path: path.clone(),
            source,
        };
        let events = match File::open(&path) {
            Ok(events) => events,
            Err(gone) if is_gone(&gone) => return Ok(()),
            Err(source) => return Err(error(source)),
        };
        let mut buffer = [0; 256];
        loop {
            let length = match events.read_at(&mut buffer, 0) {
                Ok(length) => length,
                Err(gone) if is_gone(&gone) => return Ok(()),
                Err(source) => return Err(error(source)),
            };
            let text = String::from_utf8_lossy(&buffer[..length]);
            if file::keyed(&text, key) == Some(value) {
                return Ok(());
            }
            let mut fds = [PollFd::new(&events, PollFlags::PRI)];
            match poll(&mut fds, Some(&time_left(deadline))) {
                Ok(0) => {
                    let state = if key == "frozen" { "frozen" } else { "empty" };
                    return Err(Error::Timeout {
                        path: directory.to_owned(),
                        state,
                    });
                }
                Ok(_) | Err(rustix::io::Errno::INTR) => (),
                Err(errno) => return Err(error(errno.into())),
            }
        }
    }
}

/// Growing pauses up to a deadline, for states of the kernel that nothing announces.
pub(crate) struct Backoff {
    deadline: Instant,
    pause: Duration,
}

impl Backoff {
    pub(crate) fn new(deadline: Instant) -> Self {
        Self {
            deadline,
            pause: Duration::from_micros(50),
        }
    }

    /// Pauses; `false` when the deadline has passed.
    pub(crate) fn pause(&mut self) -> bool {
        if Instant::now() >= self.deadline {
            return false;
        }
        std::thread::sleep(self.pause);
        self.pause = (self.pause * 2).min(Duration::from_millis(10));
        true
    }
}

fn collect(directory: &Path, pids: &mut Vec<u32>) -> Result<()> {
    let path = directory.join("cgroup.procs");
    match std::fs::read_to_string(&path) {
        Ok(text) => pids.extend(text.lines().filter_map(|line| line.parse::<u32>().ok())),
        Err(error) if is_gone(&error) => return Ok(()),
        // A threaded child cgroup has no processes of its own: its threads' leaders are listed above it.
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => (),
        Err(source) => {
            return Err(Error::Io {
                action: "read",
                path,
                source,
            });
        }
    }
    children(directory).try_for_each(|child| collect(&child, pids))
}

/// A cgroup removed while it was being looked at answers ENODEV to those who have its files open.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV))
}

fn time_left(deadline: Instant) -> Timespec {
    let left = deadline.saturating_duration_since(Instant::now());
    Timespec {
        tv_sec: left.as_secs() as i64,
        tv_nsec: i64::from(left.subsec_nanos()),
    }
}
