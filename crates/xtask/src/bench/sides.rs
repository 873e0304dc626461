//! The two engines that are compared, and the command lines that drive them.

use std::path::PathBuf;
use std::time::Duration;

use corten_testkit::{Cli, Daemon, Dockerd, docker_at, run};

use super::timing::Line;

const DEADLINE: Duration = Duration::from_secs(60);

/// An engine.
#[derive(Clone, Copy)]
pub(super) enum Side<'a> {
    /// Debian's dockerd.
    Theirs(&'a Dockerd),
    /// The daemon under test.
    Ours(&'a Daemon),
}

impl Side<'_> {
    /// A directory of the side's own, gone with it.
    pub(super) fn root(self) -> PathBuf {
        match self {
            Self::Theirs(dockerd) => dockerd.slot().root(),
            Self::Ours(daemon) => daemon.slot().root(),
        }
    }

    /// Runs a command that is not measured.
    pub(super) fn ok(self, args: &[&str]) -> String {
        run(&mut own_line(self, args)(), DEADLINE).ok()
    }

    /// Process id of a container's first process.
    pub(super) fn container_pid(self, name: &str) -> u32 {
        let text = self.ok(&["inspect", name]);
        let pid = serde_json::from_str(&text)
            .ok()
            .and_then(|all: serde_json::Value| all[0]["State"]["Pid"].as_u64());
        pid.and_then(|pid| u32::try_from(pid).ok())
            .unwrap_or_else(|| panic!("{name} has no pid: {text}"))
    }

    /// Removes the containers that measuring `create` has left.
    pub(super) fn remove_created(self) {
        let ids = self.ok(&[
            "ps",
            "-aq",
            "--filter",
            "status=created",
            "--filter",
            "label=bench",
        ]);
        for ids in ids.lines().collect::<Vec<_>>().chunks(50) {
            self.ok(&[&["rm"], ids].concat());
        }
    }
}

/// The engine's own command line.
pub(super) fn own_line(side: Side<'_>, args: &[&str]) -> Line {
    line(side, args, Cli::Corten)
}

/// The docker command line, whoever the engine is.
pub(super) fn docker_line(side: Side<'_>, args: &[&str]) -> Line {
    line(side, args, Cli::Docker)
}

fn line(side: Side<'_>, args: &[&str], cli: Cli) -> Line {
    // Built once and taken apart: a command cannot be cloned, and building it must not be measured.
    let command = match (side, cli) {
        (Side::Theirs(dockerd), _) => dockerd.docker_command(args),
        (Side::Ours(daemon), Cli::Corten) => daemon.corten_command(args),
        (Side::Ours(daemon), Cli::Docker) => docker_at(daemon.slot(), daemon.socket(), args),
    };
    let program = command.get_program().to_owned();
    let args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let environment: Vec<_> = command
        .get_envs()
        .map(|(key, value)| (key.to_owned(), value.map(ToOwned::to_owned)))
        .collect();
    Box::new(move || {
        let mut command = std::process::Command::new(&program);
        command.args(&args);
        for (key, value) in &environment {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        command
    })
}
