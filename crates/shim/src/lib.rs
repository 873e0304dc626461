//! The shim: parent of one container, owner of its standard streams and log, and its OCI runtime.
//!
//! Lives here: making a container's init from an OCI specification (namespaces, root file system, rights), running further
//! processes beside it, and looking after them until the end. Single-threaded and synchronous throughout: a fork is safe at
//! any point, and an idle shim costs little memory.
//!
//! Never here: images, networks, names, restarts, or anything else that is decided about a container.

mod channel;
mod client;
mod docker_init;
mod exec;
mod failure;
mod init;
mod launch;
mod log;
mod namespaces;
mod oom;
mod process;
mod resolver;
mod seal;
mod supervisor;
mod sys;
mod task;

use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};

use corten_shim_api::{CLAIM_FD, CONTROL_FD, FrameKind, Request, Response, read_frame, write_frame};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use supervisor::Supervisor;

pub use docker_init::{NAME as INIT_NAME, run as run_as_init};
pub use log::{compress, write_log};

/// First argument of this program, run by itself to compress a log file (the second).
pub const COMPRESS_VERB: &str = "--compress-log";
/// First argument of this program, run by itself to write a log as the second says.
pub const LOG_VERB: &str = "--write-log";

/// Looks after one container, ordered over the control connection, until it has ended. The process's exit code.
///
/// # Errors
/// When there is no sensible daemon at the control connection, or the process cannot be set up.
pub fn run() -> io::Result<i32> {
    seal::ensure_sealed()?;
    let control = control_connection()?;
    keep_claim()?;
    set_up_process()?;
    let Some(order) = receive_order(&control)? else {
        return Ok(0);
    };
    let launched = launch::launch(&order, |pid| answer(&control, &Response::Created { pid }));
    let launched = match launched {
        Ok(launched) => launched,
        Err(failed) => {
            answer(&control, &Response::Failed(failed));
            return Ok(1);
        }
    };
    let (id, stdin_once) = (order.id.clone(), order.stdio.stdin_once);
    drop(order);
    // The order and the specification took most of the memory this process will ever use.
    sys::trim_memory();
    Ok(Supervisor::new(id, stdin_once, launched, control)?.run())
}

fn control_connection() -> io::Result<OwnedFd> {
    // SAFETY: by contract this descriptor is the daemon's connection and nobody else's in this process; that it is open
    // at all is checked before it is owned.
    let control = unsafe {
        if libc::fcntl(CONTROL_FD, libc::F_GETFD) < 0 {
            let message = format!("descriptor {CONTROL_FD} is not open: only a daemon can start a shim");
            return Err(io::Error::other(message));
        }
        OwnedFd::from_raw_fd(CONTROL_FD)
    };
    rustix::io::fcntl_setfd(&control, rustix::io::FdFlags::CLOEXEC)?;
    Ok(control)
}

/// Keeps the lock that says that this process lives, until it ends, and to itself. A daemon that waits for nobody gives none.
fn keep_claim() -> io::Result<()> {
    // SAFETY: only looked at; nobody else in this process knows of this descriptor, and nothing closes it.
    let claim = unsafe {
        if libc::fcntl(CLAIM_FD, libc::F_GETFD) < 0 {
            return Ok(());
        }
        BorrowedFd::borrow_raw(CLAIM_FD)
    };
    Ok(rustix::io::fcntl_setfd(claim, rustix::io::FdFlags::CLOEXEC)?)
}

/// Cuts ties to whoever started this process, and keeps everybody out of its memory.
fn set_up_process() -> io::Result<()> {
    // Executed through a descriptor, it would be listed under that number.
    rustix::thread::set_name(c"corten-shim")?;
    sys::ignore_requests_to_end();
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // Already so if the daemon saw to it.
    let _leads_already = rustix::process::setsid();
    let null = task::open_null()?;
    init::terminal::standard_streams([std::os::fd::AsFd::as_fd(&null); 3])?;
    rustix::process::chdir("/")?;
    Ok(())
}

fn receive_order(control: &OwnedFd) -> io::Result<Option<Box<corten_shim_api::Launch>>> {
    let frame = read_frame(&mut Connection(control)).map_err(io::Error::other)?;
    let Some(frame) = frame else { return Ok(None) };
    match frame.json::<Request>() {
        Ok(Request::Launch(order)) if frame.kind == FrameKind::Request => Ok(Some(order)),
        Ok(_) => {
            answer(
                control,
                &Response::Error {
                    message: "the first request must be a launch".to_owned(),
                },
            );
            Ok(None)
        }
        Err(error) => {
            answer(
                control,
                &Response::Error {
                    message: failure::chain(&error),
                },
            );
            Ok(None)
        }
    }
}

fn answer(control: &OwnedFd, response: &Response) {
    if let Ok(text) = serde_json::to_vec(response) {
        // A daemon that is gone is noticed where it matters.
        let _gone = write_frame(&mut Connection(control), FrameKind::Response, &text);
    }
}

/// The control connection before there is anything else to wait for.
struct Connection<'a>(&'a OwnedFd);

impl io::Read for Connection<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(self.0, buffer)?)
    }
}

impl io::Write for Connection<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(
            self.0,
            bytes,
            rustix::net::SendFlags::NOSIGNAL,
        )?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
