//! The launch order: all a shim must know besides the OCI specification.

use std::path::{Path, PathBuf};

use rustix::fs::{Mode, StatVfsMountFlags, mkdir, rmdir, statvfs};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// Mount option, followed by a path: not the bind's whole source is bound but this part of it, and no symbolic link on the
/// way leads out of the source. (Options that begin so are for the runtime, not the kernel: see mount(8).)
pub const SUBPATH_OPTION: &str = "X-corten.subpath=";

/// Mount option, followed by the path of a mount namespace: a bind's source is looked up there.
pub const FROM_OPTION: &str = "X-corten.from=";

/// What a shim is to run, and how to keep its output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// [`crate::PROTOCOL_VERSION`] of the daemon.
    pub version: u32,
    /// The container's full identifier.
    pub id: String,
    /// Directory holding the OCI specification ([`crate::SPEC_FILE_NAME`]).
    pub bundle: PathBuf,
    /// Directory for the socket and the exit record; made by the daemon, readable by root alone.
    pub run_dir: PathBuf,
    /// How the root filesystem comes about. The OCI specification's `root.path` is where it is mounted, `root.readonly` holds.
    pub root: RootMount,
    /// File with the seccomp program (raw `sock_filter` array); `None` runs unconfined.
    pub seccomp: Option<PathBuf>,
    /// Which network the init gets.
    pub network: NetworkMode,
    /// What standard input, output and error are connected to.
    pub stdio: Stdio,
    /// Where output is recorded; `None` records nothing.
    pub log: Option<LogTarget>,
    /// What runs as process 1 with the program as its child; `None` makes the program process 1 itself.
    #[serde(default)]
    pub init: Option<InitProgram>,
    /// Names of groups the program gets beside those of its user, looked up in the container's own database.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// An init that reaps processes and passes signals on to the container's program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitProgram {
    /// The shim's own.
    Own,
    /// A static program of the host, which takes the container's as its arguments after `--`.
    File(PathBuf),
}

/// How the root filesystem comes about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RootMount {
    /// An overlay mounted by the init in its own mount namespace, never visible outside.
    Overlay(OverlayRoot),
    /// A directory that is ready as it is (bind-mounted onto itself).
    Directory(PathBuf),
}

/// Layers of an overlay root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlayRoot {
    /// Working directory against which the names below are resolved (mount options are limited to one page).
    pub base: PathBuf,
    /// Read-only layers, topmost first.
    pub lower: Vec<String>,
    /// The writable layer.
    pub upper: String,
    /// Overlay's work directory, on the same filesystem as `upper`.
    pub work: String,
    /// The writable layer need not survive a crash of the machine: unmounting it then syncs nothing.
    #[serde(default)]
    pub volatile: bool,
}

impl OverlayRoot {
    /// Makes sure that the overlay mounted at `mounted` can be written to. One whose work directory cannot be made, for want of
    /// space above all, is mounted read-only by the kernel, which tells nobody but its log.
    ///
    /// # Errors
    /// Why the work directory cannot be made, or [`Errno::AGAIN`] where it can by now.
    pub fn demand_writable(&self, mounted: &Path) -> Result<(), Errno> {
        if !statvfs(mounted)?.f_flag.contains(StatVfsMountFlags::RDONLY) {
            return Ok(());
        }
        // What the kernel tried.
        let probe = self.base.join(&self.work).join("probe");
        mkdir(&probe, Mode::RWXU)?;
        rmdir(&probe)?;
        Err(Errno::AGAIN)
    }
}

/// Where the init's network namespace comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    /// The daemon prepares one meanwhile and names it in [`crate::Request::Proceed`].
    Prepared,
    /// A new one in which only the loopback interface is up.
    Isolated,
    /// The host's.
    Host,
}

/// What the container's standard streams are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stdio {
    /// One pseudo-terminal instead of three pipes.
    pub tty: bool,
    /// Keep standard input open for clients that attach; otherwise it is `/dev/null`.
    pub open_stdin: bool,
    /// Close standard input when the first attached client's standard input ends or that client goes away.
    pub stdin_once: bool,
    /// Initial terminal size in characters (columns, rows); zeros leave it unset.
    pub size: (u16, u16),
}

/// A log that is written to files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTarget {
    /// The current file; rotated ones are `path.1`, `path.2`, ….
    pub path: PathBuf,
    /// Rotate when the file would exceed this many bytes; `None` never rotates.
    pub max_size: Option<u64>,
    /// How many files are kept, the current one included (at least 1).
    pub max_files: u32,
    /// Extra attributes for each line (`attrs`), from the log options `labels`, `env` and `tag`; usually empty.
    #[serde(default)]
    pub attributes: Vec<(String, String)>,
    /// How entries are written.
    #[serde(default)]
    pub format: LogFormat,
    /// Compress rotated files with gzip: they are `path.1.gz`, `path.2.gz`, … then.
    #[serde(default)]
    pub compress: bool,
    /// Bytes of output that may wait for the log; what does not fit is dropped. `None` lets the container wait instead.
    #[serde(default)]
    pub buffer: Option<u64>,
}

/// How the entries of a log are written; both are Docker's formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// A line of JSON each.
    #[default]
    JsonFile,
    /// A protobuf message each (`LogEntry`: source 1, time_nano 2, line 3, partial 4), its length as four bytes, highest
    /// first, before and behind it.
    Local,
}
