//! The engine a test runs against: Corten, or the one it must equal.
//!
//! `CORTEN_E2E_REFERENCE=1` puts dockerd under the same tests, so that a test is known to be right; `CORTEN_E2E_CLI=docker`
//! drives Corten with the real docker command line instead of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Daemon, Dockerd, Finished, Running, Slot, command, http, paths};

/// How long one command may take. Generous: two cores run a whole test suite and, at times, a compiler.
const DEADLINE: Duration = Duration::from_secs(60);

/// Which command line speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cli {
    /// Corten's.
    Corten,
    /// The `docker` found in PATH (or named by `CORTEN_DOCKER`).
    Docker,
}

impl Cli {
    /// The one the environment asks for.
    fn asked_for() -> Self {
        match std::env::var("CORTEN_E2E_CLI").as_deref() {
            Ok("docker") => Self::Docker,
            Ok("corten") | Err(_) => Self::Corten,
            Ok(other) => panic!("CORTEN_E2E_CLI is corten or docker, not {other}"),
        }
    }
}

/// A running engine with the command line to drive it.
#[derive(Debug)]
pub enum Engine {
    /// The engine under test.
    Corten(Box<Daemon>, Cli),
    /// The engine it must equal.
    Docker(Box<Dockerd>),
}

impl Engine {
    /// Starts the engine the environment asks for.
    pub fn start() -> Self {
        if Self::is_reference() {
            return Self::Docker(Box::new(Dockerd::start()));
        }
        Self::Corten(Box::new(Daemon::start()), Cli::asked_for())
    }

    /// Starts the engine under test on a disk of so many MiB.
    pub fn start_on_small_disk(mebibytes: u64) -> Self {
        Self::Corten(Box::new(Daemon::start_on_small_disk(mebibytes)), Cli::asked_for())
    }

    /// Whether tests run against the reference engine.
    pub fn is_reference() -> bool {
        std::env::var("CORTEN_E2E_REFERENCE").is_ok_and(|value| value == "1")
    }

    /// Whether the real docker command line speaks.
    pub fn speaks_docker(&self) -> bool {
        matches!(self, Self::Docker(_) | Self::Corten(_, Cli::Docker))
    }

    /// The command line with these arguments, still to be run.
    pub fn command(&self, args: &[&str]) -> Command {
        match self {
            Self::Corten(daemon, Cli::Corten) => daemon.corten_command(args),
            Self::Corten(daemon, Cli::Docker) => docker_at(daemon.slot(), daemon.socket(), args),
            Self::Docker(dockerd) => dockerd.docker_command(args),
        }
    }

    /// Runs the command line to its end.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Finished {
        command::run(&mut self.command(args), DEADLINE)
    }

    /// Runs the command line, which must succeed; gives its trimmed standard output.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        self.run(args).ok()
    }

    /// Starts the command line and leaves it running.
    #[track_caller]
    pub fn spawn(&self, args: &[&str]) -> Running {
        command::start(&mut self.command(args))
    }

    /// Asks the engine's API directly.
    #[track_caller]
    pub fn api(&self, method: &str, path: &str, body: &str) -> http::Response {
        http::unix(self.socket(), method, path, body.as_bytes())
    }

    /// The engine's socket.
    pub fn socket(&self) -> &Path {
        match self {
            Self::Corten(daemon, _) => daemon.socket(),
            Self::Docker(dockerd) => dockerd.socket(),
        }
    }

    /// The slot the engine's names are from.
    pub fn slot(&self) -> &Slot {
        match self {
            Self::Corten(daemon, _) => daemon.slot(),
            Self::Docker(dockerd) => dockerd.slot(),
        }
    }

    /// Process id of the daemon.
    pub fn pid(&self) -> u32 {
        match self {
            Self::Corten(daemon, _) => daemon.pid(),
            Self::Docker(dockerd) => dockerd.pid(),
        }
    }

    /// A directory for the test's own files, gone with the engine.
    pub fn scratch(&self, name: &str) -> PathBuf {
        let path = self.slot().root().join("scratch").join(name);
        if let Err(error) = std::fs::create_dir_all(&path) {
            panic!("cannot make {}: {error}", path.display());
        }
        path
    }

    /// Loads an image archive.
    #[track_caller]
    pub fn load(&self, archive: &Path) -> String {
        self.ok(&["load", "-i", &archive.display().to_string()])
    }

    /// The daemon under test, for what only Corten has.
    #[track_caller]
    pub fn corten(&self) -> &Daemon {
        match self {
            Self::Corten(daemon, _) => daemon,
            Self::Docker(_) => panic!("this test is about Corten alone"),
        }
    }

    /// The daemon under test, to be ended and started.
    #[track_caller]
    pub fn corten_mut(&mut self) -> &mut Daemon {
        match self {
            Self::Corten(daemon, _) => daemon,
            Self::Docker(_) => panic!("this test is about Corten alone"),
        }
    }
}

/// The docker command line for an engine at `socket`, still to be run, blind to the user's own configuration.
pub fn docker_at(slot: &Slot, socket: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(docker_program());
    clean_environment(&mut command, slot, socket);
    command.args(args);
    command
}

/// Takes the user's settings of either command line out of a command's environment.
pub(crate) fn clean_environment(command: &mut Command, slot: &Slot, socket: &Path) {
    let variables = [
        "DOCKER_CONTEXT",
        "DOCKER_TLS",
        "DOCKER_TLS_VERIFY",
        "DOCKER_CERT_PATH",
        "DOCKER_API_VERSION",
    ];
    for variable in variables {
        command.env_remove(variable);
    }
    command
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .env("DOCKER_CONFIG", slot.root().join("docker-config"))
        .env("DOCKER_CLI_HINTS", "false");
}

/// The real docker command line: `CORTEN_DOCKER`, else the first `docker` in PATH that is not a link to Corten.
pub fn docker_program() -> PathBuf {
    if let Some(named) = std::env::var_os("CORTEN_DOCKER") {
        return named.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = paths::binary_dir().join("corten");
    std::env::split_paths(&path)
        .map(|dir| dir.join("docker"))
        .find(|file| {
            file.canonicalize()
                .is_ok_and(|real| real != own && !real.ends_with("corten"))
        })
        .unwrap_or_else(|| panic!("no docker command line in PATH: `make test-deps` installs one"))
}
