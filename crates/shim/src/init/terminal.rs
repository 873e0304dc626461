//! A pseudo-terminal from the container's own devpts, so that its name means something inside.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use corten_shim_api::ErrorStage;
use rustix::fs::{OFlags, fstatfs};
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, open_tree};
use rustix::termios::{Winsize, tcsetwinsize};

use super::mounts::attach;
use super::root::Root;
use crate::failure::{Context, Result};
use crate::sys;

/// `f_type` of devpts.
const DEVPTS_SUPER_MAGIC: rustix::fs::FsWord = 0x1cd1;

/// Both sides of a pseudo-terminal.
#[derive(Debug)]
pub struct Terminal {
    /// The side the shim reads and writes.
    pub master: OwnedFd,
    /// The side the program has as its standard streams.
    pub slave: OwnedFd,
}

impl Terminal {
    /// Opens a new terminal through `/dev/pts/ptmx` below `root`, of `size` (columns, rows; zeros leave it unset).
    ///
    /// # Errors
    /// The kernel's, or when that file is no devpts'.
    pub fn open(root: &Root, size: (u16, u16)) -> Result<Self> {
        open(root, size).context(ErrorStage::Mount, || {
            "error during container init: open /dev/pts/ptmx".into()
        })
    }

    /// Shows the terminal as `/dev/console`. Neither side goes by a name somebody may have put a link in the place of
    /// (CVE-2025-52565): what is shown is the descriptor, and what it is put on is no link.
    ///
    /// # Errors
    /// The kernel's.
    pub fn show_as_console(&self, root: &Root) -> Result<()> {
        let show = || {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE
                | OpenTreeFlags::OPEN_TREE_CLOEXEC
                | OpenTreeFlags::AT_EMPTY_PATH;
            let tree = open_tree(&self.slave, c"", flags)?;
            attach(
                tree.as_fd(),
                root.unlinked_file(Path::new("/dev/console"))?.as_fd(),
            )
        };
        show().context(ErrorStage::Mount, || {
            "error during container init: mount console".into()
        })
    }

    /// Makes the terminal the controlling one and the standard streams of this process, which must lead a session.
    ///
    /// # Errors
    /// The kernel's.
    pub fn become_standard_streams(&self) -> Result<()> {
        rustix::process::ioctl_tiocsctty(&self.slave)
            .and_then(|()| standard_streams([self.slave.as_fd(); 3]))
            .context(ErrorStage::Mount, || {
                "error during container init: set controlling terminal".into()
            })
    }
}

/// Puts descriptors in the places of standard input, output and error.
///
/// # Errors
/// The kernel's.
pub fn standard_streams(streams: [BorrowedFd<'_>; 3]) -> std::result::Result<(), Errno> {
    let [input, output, error] = streams;
    rustix::stdio::dup2_stdin(input)?;
    rustix::stdio::dup2_stdout(output)?;
    rustix::stdio::dup2_stderr(error)
}

/// Sets the size of a terminal (columns, rows).
///
/// # Errors
/// The kernel's.
pub fn resize(terminal: impl AsFd, (columns, rows): (u16, u16)) -> std::result::Result<(), Errno> {
    tcsetwinsize(
        terminal,
        Winsize {
            ws_col: columns,
            ws_row: rows,
            ws_xpixel: 0,
            ws_ypixel: 0,
        },
    )
}

fn open(root: &Root, size: (u16, u16)) -> std::result::Result<Terminal, Errno> {
    let master = root.open_file(Path::new("/dev/pts/ptmx"), OFlags::RDWR | OFlags::NOCTTY)?;
    if fstatfs(&master)?.f_type != DEVPTS_SUPER_MAGIC {
        return Err(Errno::NOTTY);
    }
    rustix::pty::unlockpt(&master)?;
    let slave = sys::open_terminal_peer(&master)?;
    if size != (0, 0) {
        resize(&master, size)?;
    }
    Ok(Terminal { master, slave })
}
