//! A program on a terminal of its own, typed to and read as a person would.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, Winsize};

use crate::wait;

/// A running program and its terminal. Dropping it kills the program.
#[derive(Debug)]
pub struct Terminal {
    master: File,
    child: Child,
    screen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts the program with a terminal of this size as its controlling one.
    #[track_caller]
    pub fn start(command: &Command, columns: u16, rows: u16) -> Self {
        match Self::try_start(command, columns, rows) {
            Ok(terminal) => terminal,
            Err(error) => panic!("cannot run {command:?} on a terminal: {error}"),
        }
    }

    fn try_start(command: &Command, columns: u16, rows: u16) -> std::io::Result<Self> {
        let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::pty::grantpt(&master)?;
        rustix::pty::unlockpt(&master)?;
        let name = rustix::pty::ptsname(&master, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave: OwnedFd = rustix::fs::open(name, flags, Mode::empty())?;
        resize(&master, columns, rows)?;
        // setsid(1) gives the program a session with this terminal; it becomes the program without another fork.
        let mut whole = Command::new("setsid");
        whole
            .arg("--ctty")
            .arg(command.get_program())
            .args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => whole.env(key, value),
                None => whole.env_remove(key),
            };
        }
        let child = whole
            .env("TERM", "xterm")
            .stdin(Stdio::from(slave.try_clone()?))
            .stdout(Stdio::from(slave.try_clone()?))
            .stderr(Stdio::from(slave))
            .spawn()?;
        // The command holds the slave's descriptors: with them open the end of the program would not be seen.
        drop(whole);
        let master = File::from(master);
        let mut reader = master.try_clone()?;
        let screen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The kernel says EIO when the last user of the slave has gone.
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend_from_slice(&buffer[..length]);
            }
        });
        Ok(Self {
            master,
            child,
            screen,
        })
    }

    /// Everything the program has shown so far.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Types.
    #[track_caller]
    pub fn type_in(&mut self, text: &str) {
        if let Err(error) = self.master.write_all(text.as_bytes()) {
            panic!("cannot type {text:?}: {error}; shown: {:?}", self.shown());
        }
    }

    /// Changes the terminal's size, as a window manager would.
    #[track_caller]
    pub fn resize(&self, columns: u16, rows: u16) {
        if let Err(error) = resize(&self.master, columns, rows) {
            panic!("cannot resize: {error}");
        }
    }

    /// Waits until the program has shown `text`.
    #[track_caller]
    pub fn expect(&self, text: &str, deadline: Duration) {
        if wait::eventually(deadline, || self.shown().contains(text).then_some(())).is_none() {
            panic!(
                "after {deadline:?} no {text:?} on the terminal: {:?}",
                self.shown()
            );
        }
    }

    /// Whether keys go to the program as they are typed, unseen.
    #[track_caller]
    pub fn is_raw(&self) -> bool {
        match rustix::termios::tcgetattr(&self.master) {
            Ok(mode) => !mode
                .local_modes
                .intersects(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG),
            Err(error) => panic!("cannot read the terminal's mode: {error}"),
        }
    }

    /// Waits for the end of the program; gives its exit code.
    #[track_caller]
    pub fn finish(mut self, deadline: Duration) -> i32 {
        self.wait(deadline)
    }

    /// As [`Terminal::finish`], with the terminal left to be looked at.
    #[track_caller]
    pub fn wait(&mut self, deadline: Duration) -> i32 {
        match wait::eventually(deadline, || self.child.try_wait().ok().flatten()) {
            Some(status) => status.code().unwrap_or(-1),
            None => panic!("still running after {deadline:?}; shown: {:?}", self.shown()),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended; then there is nobody to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn resize(master: impl std::os::fd::AsFd, columns: u16, rows: u16) -> rustix::io::Result<()> {
    rustix::termios::tcsetwinsize(
        master,
        Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_sees_a_terminal_of_the_right_size() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "stty size; read word; stty raw -echo; echo got $word; read more; stty sane; exit 3",
        ]);
        let mut terminal = Terminal::start(&command, 91, 17);
        terminal.expect("17 91", Duration::from_secs(5));
        terminal.type_in("hello\n");
        terminal.expect("got hello", Duration::from_secs(5));
        assert!(terminal.is_raw());
        terminal.type_in("\n");
        assert_eq!(terminal.wait(Duration::from_secs(5)), 3);
        assert!(!terminal.is_raw());
    }
}
