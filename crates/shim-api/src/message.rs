//! Requests to a shim, its answers and its events.

use std::path::PathBuf;

use oci_spec::runtime::Process;
use serde::{Deserialize, Serialize};

use crate::{ExitRecord, Launch};

/// What a daemon asks of a shim.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// First on the control connection, once.
    Launch(Box<Launch>),
    /// Second on the control connection: run the init's program.
    Proceed {
        /// The prepared network namespace ([`crate::NetworkMode::Prepared`]), as a path the shim can open.
        netns: Option<PathBuf>,
        /// Answer queries for names in it. Since version 3.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resolver: Option<ResolverSockets>,
    },
    /// Answer queries for names in the container's network from now on; it runs already. Since version 3.
    Resolve(ResolverSockets),
    /// Who are you? Answered with [`Response::State`].
    Hello {
        /// The daemon's protocol version.
        version: u32,
    },
    /// Send events on this connection from now on; answered with [`Response::State`].
    Watch,
    /// Become a client of the container's standard streams.
    Attach {
        /// Forward this client's input to the container.
        stdin: bool,
        /// Send standard output (and a terminal's output).
        stdout: bool,
        /// Send standard error.
        stderr: bool,
    },
    /// Run one more process in the container.
    Exec(Box<ExecRequest>),
    /// Send a signal to the init, or to the process of an exec.
    Signal {
        /// The exec, or `None` for the init.
        exec: Option<String>,
        /// Signal number.
        signal: i32,
        /// Send it to the whole process group. Since version 2.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        group: bool,
    },
    /// Set the terminal size of the init or of an exec.
    Resize {
        /// The exec, or `None` for the init.
        exec: Option<String>,
        /// Columns.
        columns: u16,
        /// Rows.
        rows: u16,
    },
    /// Write everything received so far to the log and go on.
    FlushLog,
}

/// Sockets to answer queries on, bound in the container's network namespace: descriptors of another process, which keeps them until
/// it has an answer. What to answer is in the file [`crate::RESOLVER_FILE_NAME`] of the run directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverSockets {
    /// The process.
    pub pid: u32,
    /// Its descriptor of a bound UDP socket.
    pub udp: i32,
    /// Its descriptor of a listening TCP socket.
    pub tcp: i32,
}

/// A process to run beside the init.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExecRequest {
    /// Identifier of the exec, unique within the container.
    pub id: String,
    /// The process, `process` of the OCI specification (its `terminal` decides on a pseudo-terminal).
    pub process: Process,
    /// File with the seccomp program; `None` runs unconfined.
    pub seccomp: Option<PathBuf>,
    /// Keep the connection as the client of the process's streams; otherwise they are `/dev/null`.
    pub attach: bool,
    /// Forward the client's input; otherwise standard input is `/dev/null`.
    pub stdin: bool,
    /// Initial terminal size (columns, rows); zeros leave it unset.
    pub size: (u16, u16),
    /// As [`Launch::groups`]. Since version 2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// A shim's answer to one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Response {
    /// To [`Request::Launch`]: the init exists and waits.
    Created {
        /// Its process identifier in the shim's (the host's) namespace.
        pid: u32,
    },
    /// To [`Request::Proceed`] and [`Request::Exec`]: the program runs (its `execve` succeeded).
    Started {
        /// Process identifier of the program in the host's namespace.
        pid: u32,
    },
    /// To [`Request::Launch`], [`Request::Proceed`], [`Request::Exec`]: it could not be run. Nothing of it is left.
    Failed(RuntimeFailure),
    /// To [`Request::Hello`] and [`Request::Watch`].
    State(ShimState),
    /// Done.
    Ok,
    /// The request made no sense or named something that does not exist.
    Error {
        /// Why.
        message: String,
    },
}

/// Why a process could not be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct RuntimeFailure {
    /// What was being done.
    pub stage: ErrorStage,
    /// The sentence for the user, in the words of Docker's runtime (`exec: "nosuch": executable file not found in $PATH`).
    pub message: String,
    /// The system's error number, where there is one.
    pub errno: Option<i32>,
}

/// How far the making of a process had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorStage {
    /// Reading the order or the specification.
    Spec,
    /// Cgroups and their limits.
    Cgroup,
    /// Namespaces and the clone itself.
    Namespace,
    /// The root filesystem and its mounts.
    Mount,
    /// Finding the user or a group in the container's own user database.
    User,
    /// Capabilities, seccomp and the like.
    Rights,
    /// The working directory.
    WorkingDirectory,
    /// Finding and executing the program.
    Exec,
}

/// What a shim says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShimState {
    /// The shim's protocol version.
    pub version: u32,
    /// The init's process identifier.
    pub pid: u32,
    /// Whether the init's program was started.
    pub started: bool,
    /// How the init ended, if it did and output is still being drained.
    pub exited: Option<ExitRecord>,
    /// Running execs (identifier, pid) and those that ended (identifier, exit code), oldest first.
    pub execs: Vec<(String, u32)>,
    /// Execs that ended.
    pub ended_execs: Vec<(String, i32)>,
}

/// What happens in a container, told to all watchers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The process of an exec ended.
    ExecExited {
        /// The exec.
        exec: String,
        /// Its exit code.
        code: i32,
    },
    /// The kernel killed a process of the container for want of memory.
    OutOfMemory,
    /// Output cannot be written to the log any more, a full disk being the usual cause. The container goes on; told once.
    LogFailed {
        /// The system's words.
        reason: String,
    },
    /// Output that a log nobody waits for (`mode=non-blocking`) did not take in time. Told at once, then once a minute while it
    /// goes on, and at the end.
    LogDropped {
        /// Entries dropped since this was told last.
        lost: u64,
    },
    /// Output is written to the log again.
    LogResumed {
        /// Entries lost since [`Event::LogFailed`].
        lost: u64,
    },
    /// The container ended: its output is drained, its log complete, its exit record written, its cgroups gone. The shim
    /// ends after sending this.
    Exited(ExitRecord),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_stable() {
        let json = |m: &Request| serde_json::to_string(m).unwrap();
        assert_eq!(
            json(&Request::Signal {
                exec: None,
                signal: 15,
                group: false
            }),
            r#"{"op":"signal","exec":null,"signal":15}"#
        );
        assert_eq!(json(&Request::Watch), r#"{"op":"watch"}"#);
        let exit = Event::Exited(ExitRecord {
            code: 137,
            oom_killed: true,
            finished_at_ns: 1,
        });
        assert_eq!(
            serde_json::to_string(&exit).unwrap(),
            r#"{"event":"exited","code":137,"oom_killed":true,"finished_at_ns":1}"#
        );
    }
}
