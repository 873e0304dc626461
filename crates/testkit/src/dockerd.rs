//! A dockerd of one's own: the reference tests are checked against, and the peer of the measurements.
//!
//! It starts a containerd of its own below its exec root. On the machine's own network its bridge is made here, and it is
//! forbidden to touch the host's firewall and settings: published ports go through its proxy processes, which is enough for tests.
//! With a network of its own it does all that as it does by default.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::engine::docker_at;
use crate::{Finished, Residue, Slot, command, http, proc, wait};

const DEADLINE: Duration = Duration::from_secs(60);

/// A throw-away dockerd. Dropping it ends it and removes all it made.
#[derive(Debug)]
pub struct Dockerd {
    slot: Slot,
    socket: PathBuf,
    process: Child,
}

impl Dockerd {
    /// Starts the `dockerd` in PATH and waits until it answers.
    pub fn start() -> Self {
        let slot = Slot::take();
        make_bridge(&slot);
        let own = [
            "--bridge",
            &slot.name(),
            "--iptables=false",
            "--ip6tables=false",
            "--ip-masq=false",
            "--ip-forward=false",
        ];
        let own = own.map(str::to_owned);
        Self::launch(slot, Command::new("dockerd"), &own)
    }

    /// The same in a network namespace of its own, with its bridge and its firewall rules as it makes them by default.
    pub fn start_on_own_network() -> Self {
        let slot = Slot::take();
        let mut program = Command::new("unshare");
        program.args([
            "--net",
            "sh",
            "-c",
            "ip link set lo up && exec dockerd \"$@\"",
            "dockerd",
        ]);
        let own = ["--bip".to_owned(), slot.bridge_address()];
        Self::launch(slot, program, &own)
    }

    fn launch(slot: Slot, mut program: Command, own: &[String]) -> Self {
        let root = slot.root();
        let socket = root.join("d.sock");
        let log = File::create(root.join("log")).unwrap_or_else(|error| panic!("cannot make a log: {error}"));
        let log_again = log
            .try_clone()
            .unwrap_or_else(|error| panic!("cannot duplicate a descriptor: {error}"));
        let path = |name: &str| root.join(name).display().to_string();
        fs::write(path("daemon.json"), "{}")
            .unwrap_or_else(|error| panic!("cannot write a configuration: {error}"));
        let process = program
            .args([
                "--data-root",
                &path("data"),
                "--exec-root",
                &path("exec"),
                "--pidfile",
                &path("pid"),
            ])
            .args(["--host", &format!("unix://{}", socket.display())])
            .args([
                "--config-file",
                &path("daemon.json"),
                "--cgroup-parent",
                &slot.cgroup_parent(),
            ])
            .args(own)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(log_again)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run dockerd: {error}: `make test-deps` installs one"));
        let mut dockerd = Self {
            slot,
            socket,
            process,
        };
        let answered = wait::eventually(DEADLINE, || {
            let ended = dockerd.process.try_wait().is_ok_and(|status| status.is_some());
            if ended {
                return Some(false);
            }
            http::try_unix(&dockerd.socket, "GET", "/_ping", b"")
                .ok()
                .map(|_| true)
        });
        if answered != Some(true) {
            panic!("dockerd does not come up\n{}", dockerd.log());
        }
        dockerd
    }

    /// The slot its names are from.
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Process ids of dockerd and its containerd.
    pub fn pids(&self) -> Vec<u32> {
        let mut pids = vec![self.pid()];
        pids.extend(proc::children(self.pid()));
        pids
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.slot.root().join("log")).unwrap_or_default()
    }

    /// The docker command line for it, still to be run.
    pub fn docker_command(&self, args: &[&str]) -> Command {
        docker_at(&self.slot, &self.socket, args)
    }

    /// Runs the docker command line to its end.
    #[track_caller]
    pub fn docker(&self, args: &[&str]) -> Finished {
        command::run(&mut self.docker_command(args), DEADLINE)
    }

    /// What may be left of it on the machine.
    pub fn residue(&self) -> Residue {
        self.slot.residue()
    }
}

impl Dockerd {
    /// Bridges of networks outlive it, and their subnets would be in the way of later tests. Nothing here panics.
    fn remove_networks(&self) {
        let words = |args: &[&str]| -> Vec<String> {
            let output = self.docker_command(args).output();
            let text = output.map(|output| output.stdout).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            text.split_whitespace().map(str::to_owned).collect()
        };
        let containers = words(&["ps", "-aq"]);
        if !containers.is_empty() {
            let containers = containers.iter().map(String::as_str);
            words(&["rm", "-f"].into_iter().chain(containers).collect::<Vec<_>>());
        }
        words(&["network", "prune", "-f"]);
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        self.remove_networks();
        // Asked first, so that it takes its containers and its containerd with it.
        let _ = rustix::process::kill_process(Pid::from_child(&self.process), Signal::TERM);
        let ended = wait::eventually(Duration::from_secs(15), || self.process.try_wait().ok().flatten());
        if ended.is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- log of dockerd\n{}\n---", wait::last_lines(&self.log(), 40));
        }
        self.residue().remove();
    }
}

fn make_bridge(slot: &Slot) {
    let (name, address) = (slot.name(), slot.bridge_address());
    let steps: [&[&str]; 3] = [
        &["link", "add", &name, "type", "bridge"],
        &["address", "add", &address, "dev", &name],
        &["link", "set", &name, "up"],
    ];
    for step in steps {
        command::run(Command::new("ip").args(step), DEADLINE).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn it_runs_a_container_and_leaves_nothing() {
        let dockerd = Dockerd::start();
        let residue = dockerd.residue();
        dockerd
            .docker(&["load", "-i", &fixtures::busybox().display().to_string()])
            .ok();
        assert_eq!(
            dockerd
                .docker(&["run", "--rm", fixtures::BUSYBOX, "echo", "hi"])
                .ok(),
            "hi"
        );
        assert_eq!(dockerd.pids().len(), 2, "dockerd and its containerd");
        drop(dockerd);
        assert_eq!(residue.traces(), Default::default());
        assert!(!residue.root.exists());
    }
}
