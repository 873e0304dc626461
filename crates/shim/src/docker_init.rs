//! The init of `--init`: process 1 of a container, which passes signals on to the container's program and reaps what other
//! processes leave behind. It ends when the program does, with its exit code.
//!
//! It is this very program under another name, executed from the same sealed memory file: there is nothing to install,
//! nothing of the host's to be seen in the container, and nothing that could be overwritten there.

use std::ffi::CString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;

use rustix::process::{Pid, WaitOptions, WaitStatus};

use crate::sys::{self, Forked};

/// The name it is executed and shown under (Docker's).
pub const NAME: &str = "/sbin/docker-init";
/// Exit code when the program's file does not exist.
const NOT_FOUND: i32 = 127;
/// Exit code when it may not be executed.
const NOT_EXECUTABLE: i32 = 126;
/// Exit code of other failures.
const FAILED: i32 = 1;

/// Runs the program named by this process's arguments (after `--`) to its end. The exit code.
pub fn run() -> i32 {
    // Executed through a descriptor, it would be listed under that number.
    let _unnamed = rustix::thread::set_name(c"docker-init");
    let program: Vec<CString> = std::env::args_os()
        .skip(2)
        .filter_map(|argument| CString::new(argument.into_vec()).ok())
        .collect();
    if program.is_empty() {
        complain("no program to run");
        return FAILED;
    }
    match start(&program) {
        Ok(child) => look_after(child),
        Err(error) => {
            complain(&format!("fork failed: {}", plain(&error)));
            FAILED
        }
    }
}

/// Starts the program in a process group of its own, which gets the terminal if there is one.
fn start(program: &[CString]) -> io::Result<Pid> {
    // From here on signals wait until they are asked for; the program gets a clean slate.
    sys::block_signals();
    // SAFETY: this process has one thread, and the child only goes on to execve or ends.
    match unsafe { sys::fork() }? {
        Forked::Parent(child) => Ok(child),
        Forked::Child => {
            let own = rustix::process::getpid();
            // Without a terminal there is none to be taken; that of another session stays there.
            let _no_terminal = rustix::process::setpgid(None, None)
                .and_then(|()| rustix::termios::tcsetpgrp(rustix::stdio::stdin(), own));
            sys::reset_signals();
            let error = sys::execute(program);
            let name = program[0].to_string_lossy();
            complain(&format!("exec {name} failed: {}", plain(&error)));
            sys::exit_now(match error.raw_os_error() {
                Some(libc::ENOENT) => NOT_FOUND,
                Some(libc::EACCES) => NOT_EXECUTABLE,
                _ => FAILED,
            })
        }
    }
}

/// Passes signals on and reaps, until `child` has ended.
fn look_after(child: Pid) -> i32 {
    loop {
        match sys::next_signal() {
            Some(libc::SIGCHLD) => {
                if let Some(code) = reap(child) {
                    return code;
                }
            }
            Some(signal) => sys::signal_process(child, signal),
            None => {}
        }
    }
}

/// Reaps all that have ended; the exit code of `child` if it is among them.
fn reap(child: Pid) -> Option<i32> {
    let mut code = None;
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if pid == child {
            code = Some(exit_code(status));
        }
    }
    code
}

fn exit_code(status: WaitStatus) -> i32 {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => corten_shim_api::exit_code_of_signal(signal),
        (None, None) => FAILED,
    }
}

/// The system's text for an error, without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

fn complain(what: &str) {
    let pid = std::process::id();
    // There may be no standard error to complain to.
    let _unheard = writeln!(io::stderr(), "[FATAL docker-init ({pid})] {what}");
}
