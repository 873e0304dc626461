//! A Corten daemon of one's own: everything it makes has names no other daemon has, and goes with it.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::engine::{clean_environment, docker_at};
use crate::{Finished, Residue, Slot, command, http, paths, proc, wait};

/// How long a daemon may take to answer or to end.
const DEADLINE: Duration = Duration::from_secs(20);
/// How long one command may take.
const COMMAND_DEADLINE: Duration = Duration::from_secs(60);

/// A throw-away daemon. Dropping it ends it and removes all it made.
#[derive(Debug)]
pub struct Daemon {
    slot: Slot,
    socket: PathBuf,
    program: PathBuf,
    flags: Vec<String>,
    /// The boot identifier the daemon is shown instead of the machine's own.
    boot_id: Option<String>,
    process: Option<Child>,
}

impl Daemon {
    /// Starts the daemon under test and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&paths::binary(), &["--debug"])
    }

    /// Starts the daemon of `program` with more flags than it needs to live alone.
    pub fn start_with(program: &Path, flags: &[&str]) -> Self {
        Self::start_configured(program, "{}", flags)
    }

    /// Starts the daemon of `program` with this configuration file and more flags than it needs to live alone.
    pub fn start_configured(program: &Path, config: &str, flags: &[&str]) -> Self {
        Self::start_in(Slot::take(), program, config, flags)
    }

    /// Starts the daemon under test with a data root that is a disk of its own of so many MiB: an ext4 in a file, gone with
    /// the daemon.
    pub fn start_on_small_disk(mebibytes: u64) -> Self {
        let slot = Slot::take();
        let (image, data) = (slot.root().join("disk.img"), slot.root().join("data"));
        fs::create_dir(&data)
            .and_then(|()| File::create(&image))
            .and_then(|file| file.set_len(mebibytes << 20))
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", image.display()));
        // Nothing held back for root, which is who fills it.
        command::run(
            Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(&image),
            DEADLINE,
        )
        .ok();
        // The loop device goes with its mount, which goes with the slot's other traces.
        let mut mount = Command::new("mount");
        command::run(mount.args(["-o", "loop"]).args([&image, &data]), DEADLINE).ok();
        Self::start_in(slot, &paths::binary(), "{}", &["--debug"])
    }

    fn start_in(slot: Slot, program: &Path, config: &str, flags: &[&str]) -> Self {
        let mut daemon = Self {
            socket: slot.root().join("c.sock"),
            program: program.to_owned(),
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
            boot_id: None,
            process: None,
            slot,
        };
        daemon.configure(config);
        daemon.launch();
        daemon
    }

    /// Writes the daemon's configuration file, to be read at its next start or SIGHUP.
    #[track_caller]
    pub fn configure(&self, text: &str) {
        let path = self.config_file();
        if let Err(error) = fs::write(&path, text) {
            panic!("cannot write {}: {error}", path.display());
        }
    }

    /// The daemon's configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.slot.root().join("daemon.json")
    }

    /// Sends the daemon a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        let Some(child) = &self.process else {
            panic!("the daemon is not running")
        };
        if let Err(error) = rustix::process::kill_process(Pid::from_child(child), signal) {
            panic!("cannot signal the daemon: {error}");
        }
    }

    /// The slot the daemon's names are from.
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    /// The daemon's socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The daemon's process id, as its pidfile says.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        let path = self.slot.root().join("pid");
        let text = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        text.trim()
            .parse()
            .unwrap_or_else(|error| panic!("pidfile says {text:?}: {error}"))
    }

    /// What the daemon has logged since the slot was taken.
    pub fn log(&self) -> String {
        fs::read_to_string(self.slot.root().join("log")).unwrap_or_default()
    }

    /// Corten's command line for this daemon, still to be run.
    pub fn corten_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        clean_environment(&mut command, &self.slot, &self.socket);
        command.args(args);
        command
    }

    /// Runs Corten's command line to its end.
    #[track_caller]
    pub fn corten(&self, args: &[&str]) -> Finished {
        command::run(&mut self.corten_command(args), COMMAND_DEADLINE)
    }

    /// Runs the real docker command line to its end.
    #[track_caller]
    pub fn docker(&self, args: &[&str]) -> Finished {
        command::run(&mut docker_at(&self.slot, &self.socket, args), COMMAND_DEADLINE)
    }

    /// Asks the API directly.
    #[track_caller]
    pub fn api(&self, method: &str, path: &str, body: &str) -> http::Response {
        http::unix(&self.socket, method, path, body.as_bytes())
    }

    /// Kills the daemon as a crash would; its containers must not notice.
    #[track_caller]
    pub fn kill9(&mut self) {
        self.end(Signal::KILL);
    }

    /// Ends the daemon as an administrator would.
    #[track_caller]
    pub fn stop(&mut self) {
        self.end(Signal::TERM);
    }

    /// Starts the daemon again after [`Daemon::kill9`] or [`Daemon::stop`].
    #[track_caller]
    pub fn restart(&mut self) {
        if self.process.is_some() {
            self.stop();
        }
        self.launch();
    }

    /// The same, with these flags from now on.
    #[track_caller]
    pub fn restart_with(&mut self, flags: &[&str]) {
        self.flags = ["--debug"]
            .iter()
            .chain(flags)
            .map(|&flag| flag.to_owned())
            .collect();
        self.restart();
    }

    /// What a reboot of the machine, hard and without warning, does to the daemon and its containers: all processes and all
    /// that is in the kernel is gone; so is the run-time state, unless `keep_run_dir` (it is not on a tmpfs everywhere); the
    /// boot identifier is another one, which the daemon sees in a mount namespace of its own.
    #[track_caller]
    pub fn reboot(&mut self, keep_run_dir: bool) {
        if self.process.is_some() {
            self.kill9();
        }
        let residue = self.residue();
        // Shims first: they would write down how their containers ended, which no reboot lets them.
        for pid in residue.processes() {
            let shim = proc::parent(pid).filter(|&pid| proc::command_line(pid).starts_with("corten-shim"));
            if let Some(shim) = shim.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
                // Two processes may have had the same.
                let _ = rustix::process::kill_process(shim, Signal::KILL);
            }
        }
        residue.remove_from_kernel();
        if !keep_run_dir && let Err(error) = fs::remove_dir_all(self.slot.root().join("exec")) {
            panic!("cannot remove the run-time state: {error}");
        }
        let last = self.boot_id.take().unwrap_or_else(|| "boot".to_owned());
        self.boot_id = Some(format!("{last}-again"));
        self.launch();
    }

    /// What may be left of the daemon on the machine.
    pub fn residue(&self) -> Residue {
        self.slot.residue()
    }

    /// Waits until nothing of any container is left: no process but the daemon's, no mount, cgroup or link but the
    /// bridge.
    #[track_caller]
    pub fn assert_no_container_left(&self) {
        let own = self.process.as_ref().map(Child::id);
        let residue = self.residue();
        let left = || -> Vec<String> {
            let traces = residue.traces();
            let own = own.map_or_else(String::new, |pid| format!("process {pid} "));
            let bridge = format!("link {}", residue.bridge);
            let is_container = |trace: &String| match trace.split(' ').next() {
                Some("process") => own.is_empty() || !trace.starts_with(&own),
                Some("link") => *trace != bridge,
                Some("mount" | "cgroup") => true,
                _ => false,
            };
            traces.into_iter().filter(is_container).collect()
        };
        if wait::eventually(DEADLINE, || left().is_empty().then_some(())).is_none() {
            panic!("still there: {:#?}", left());
        }
    }

    fn launch(&mut self) {
        let root = self.slot.root();
        let log_path = root.join("log");
        let log = File::options()
            .create(true)
            .append(true)
            .open(&log_path)
            .unwrap_or_else(|error| panic!("cannot open {}: {error}", log_path.display()));
        let log_again = log
            .try_clone()
            .unwrap_or_else(|error| panic!("cannot duplicate a descriptor: {error}"));
        let path = |name: &str| root.join(name).display().to_string();
        let mut command = match &self.boot_id {
            None => Command::new(&self.program),
            Some(boot_id) => {
                let file = path("boot_id");
                fs::write(&file, boot_id).unwrap_or_else(|error| panic!("cannot write {file}: {error}"));
                let script = "mount --bind \"$0\" /proc/sys/kernel/random/boot_id && exec \"$@\"";
                let mut command = Command::new("unshare");
                command
                    .args(["--mount", "sh", "-c", script, &file])
                    .arg(&self.program);
                command
            }
        };
        command
            .arg("daemon")
            .args([
                "--data-root",
                &path("data"),
                "--exec-root",
                &path("exec"),
                "--pidfile",
                &path("pid"),
            ])
            .args(["--host", &format!("unix://{}", self.socket.display())])
            .args([
                "--bridge",
                &self.slot.name(),
                "--bip",
                &self.slot.bridge_address(),
            ])
            .args([
                "--firewall-table",
                &self.slot.name(),
                "--cgroup-parent",
                &self.slot.cgroup_parent(),
            ])
            .args(["--config-file", &path("daemon.json")])
            .args(&self.flags)
            .env_remove("DOCKER_HOST")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(log_again)
            .process_group(0);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", self.program.display()));
        let answer = wait::eventually(DEADLINE, || {
            if let Ok(Some(status)) = child.try_wait() {
                return Some(Err(format!("it ended at once: {status}")));
            }
            http::try_unix(&self.socket, "GET", "/_ping", b"")
                .ok()
                .map(|_| Ok(()))
        });
        let answer = answer.unwrap_or_else(|| Err("it does not answer".to_owned()));
        self.process = Some(child);
        if let Err(reason) = answer {
            panic!(
                "cannot start {}: {reason}\n{}",
                self.program.display(),
                self.log()
            );
        }
    }

    #[track_caller]
    fn end(&mut self, signal: Signal) {
        let Some(mut child) = self.process.take() else {
            panic!("the daemon is not running")
        };
        if let Err(error) = rustix::process::kill_process(Pid::from_child(&child), signal) {
            panic!("cannot signal the daemon: {error}");
        }
        let ended = wait::eventually(DEADLINE, || child.try_wait().ok().flatten());
        if ended.is_none() {
            let _ = child.kill();
            let _ = child.wait();
            panic!(
                "the daemon did not end within {DEADLINE:?} of {signal:?}\n{}",
                self.log()
            );
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.process.take() {
            // Ended hard: what a shutdown does has tests of its own, and a test that failed must end fast.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!(
                "--- log of the daemon\n{}\n---",
                wait::last_lines(&self.log(), 40)
            );
        }
        self.residue().remove();
    }
}
