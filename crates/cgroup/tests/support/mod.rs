//! Cgroups of their own for tests, and single-threaded children to put into them.

#![allow(dead_code)] // each test binary uses its part

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use corten_cgroup::{Cgroup, Joiner, Layout};
use oci_spec::runtime::LinuxResources;

/// A unique cgroup; dropping it kills what is inside and removes it with its parent.
pub struct Scratch {
    pub cgroup: Cgroup,
    parent: Cgroup,
}

impl Scratch {
    pub fn new(layout: &Layout) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let parent = format!(
            "/corten-test-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        Self {
            cgroup: Cgroup::new(layout, &format!("{parent}/box")).unwrap(),
            parent: Cgroup::new(layout, &parent).unwrap(),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.cgroup.kill_all().unwrap();
        self.parent.remove().unwrap();
    }
}

/// A forked child; killed and reaped on drop.
pub struct Child(pub libc::pid_t);

impl Child {
    /// Forks a child that enters the cgroup and sleeps. Returns when it is in.
    pub fn sleeping(joiner: &Joiner) -> Self {
        let mut pipe = [0; 2];
        // SAFETY: `pipe` has room for the two descriptors.
        assert_eq!(unsafe { libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
        let child = Self::running(|| {
            let joined = joiner.join_self().is_ok();
            // SAFETY: writes one byte from a live buffer, then sleeps: no memory is touched.
            unsafe {
                libc::write(pipe[1], [u8::from(joined)].as_ptr().cast(), 1);
                loop {
                    libc::pause();
                }
            }
        });
        let mut byte = [0u8];
        // SAFETY: reads one byte into a live buffer and closes descriptors made above.
        unsafe {
            assert_eq!(libc::read(pipe[0], byte.as_mut_ptr().cast(), 1), 1);
            libc::close(pipe[0]);
            libc::close(pipe[1]);
        }
        assert_eq!(byte, [1], "the child could not join");
        child
    }

    /// Forks a child that runs `body`, which must not allocate, and ends with the status it returns.
    pub fn running(body: impl FnOnce() -> i32) -> Self {
        // SAFETY: the child runs only `body`, which makes plain system calls, and ends with _exit.
        match unsafe { libc::fork() } {
            0 => {
                let status = body();
                // SAFETY: ends the child without running the parent's exit handlers.
                unsafe { libc::_exit(status) }
            }
            pid => {
                assert!(pid > 0, "fork failed");
                Self(pid)
            }
        }
    }

    /// Waits for its end and gives the raw wait status.
    pub fn wait(self) -> i32 {
        let mut status = 0;
        // SAFETY: waits for our own child into a live integer.
        assert_eq!(unsafe { libc::waitpid(self.0, &mut status, 0) }, self.0);
        std::mem::forget(self);
        status
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let mut status = 0;
        // SAFETY: kills and reaps our own child, which nobody else waits for.
        unsafe {
            libc::kill(self.0, libc::SIGKILL);
            libc::waitpid(self.0, &mut status, 0);
        }
    }
}

/// Waits for a condition, at most five seconds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether the process exists, a zombie included.
pub fn exists(pid: libc::pid_t) -> bool {
    // SAFETY: signal 0 only asks.
    unsafe { libc::kill(pid, 0) == 0 }
}

/// OCI resources from JSON.
pub fn resources(json: &str) -> LinuxResources {
    serde_json::from_str(json).unwrap()
}
