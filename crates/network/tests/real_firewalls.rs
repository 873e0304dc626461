//! The table of cases of `docs/host-firewall.md` behind ufw and firewalld themselves, where they are installed: each on a host of
//! the test's own and with settings of its own, so that the machine's filter and settings stay as they are.

#![allow(clippy::unwrap_used)] // a host that cannot be set up fails its test

mod lab;
mod scene;

use lab::filters::{GUEST, GUEST6};
use lab::{OUTSIDE, OUTSIDE6, eventually, inside, on_own_host, plane, run};
use scene::{ALLOWED, DENIED, DOUBT, FOR_GUEST, PATIENCE, Scene, Server, bridges_call};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use corten_network::Proto;

/// A directory that goes with its owner.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("corten-lab-{name}-{}-{number}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// A copy of a file or directory of the machine's.
    fn copy(&self, from: &str, name: &str) -> String {
        let to = self.0.join(name).display().to_string();
        run(&format!("cp -a {from} {to}"));
        to
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A command that sees other files in places of the machine's.
fn with_files(files: &[(&str, &str)], words: &[&str]) -> Command {
    // What else they keep while they run is below /run.
    let mut script = String::from("set -e; mount -t tmpfs none /run; ");
    for (own, place) in files {
        script += &format!("mount --bind {own} {place}; ");
    }
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", &(script + "exec \"$@\""), "sh"])
        .args(words);
    command
}

fn done(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

/// A filter that is a program: what is needed of it.
trait Program {
    /// Lets everybody, or one client, in by a port.
    fn allow(&self, port: u16, client: Option<IpAddr>);
    /// Takes the former back.
    fn deny(&self, port: u16);
    /// Makes it load its rules anew.
    fn reload(&self);
}

struct Ufw {
    _dir: Dir,
    settings: String,
    defaults: String,
}

impl Ufw {
    /// On, in the calling thread's namespace.
    fn start() -> Self {
        let dir = Dir::new("ufw");
        let ufw = Self {
            settings: dir.copy("/etc/ufw", "ufw"),
            defaults: dir.copy("/etc/default/ufw", "default"),
            _dir: dir,
        };
        ufw.run("--force enable");
        ufw
    }

    fn run(&self, words: &str) {
        let files = [
            (self.settings.as_str(), "/etc/ufw"),
            (self.defaults.as_str(), "/etc/default/ufw"),
        ];
        let words: Vec<&str> = ["ufw"].into_iter().chain(words.split(' ')).collect();
        done(&mut with_files(&files, &words));
    }
}

impl Program for Ufw {
    fn allow(&self, port: u16, client: Option<IpAddr>) {
        match client {
            None => self.run(&format!("allow {port}")),
            Some(client) => self.run(&format!("allow from {client} to any port {port}")),
        }
    }

    fn deny(&self, port: u16) {
        self.run(&format!("delete allow {port}"));
    }

    fn reload(&self) {
        self.run("reload");
    }
}

/// It is spoken to by D-Bus, on a bus of the test's own.
struct Firewalld {
    dir: Dir,
    bus: Child,
    daemon: Child,
}

impl Firewalld {
    /// Running, in the calling thread's namespace.
    fn start() -> Self {
        let dir = Dir::new("firewalld");
        let settings = dir.copy("/etc/firewalld", "etc");
        let config = dir.0.join("bus.conf");
        fs::write(&config, BUS.replace("SOCKET", &socket(&dir.0))).unwrap();
        let mut bus = Command::new("dbus-daemon");
        bus.arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile"]);
        let bus = bus.stderr(Stdio::null()).spawn().unwrap();
        eventually("the bus is there", || dir.0.join("bus").exists());
        let log = dir.0.join("log").display().to_string();
        let words = ["firewalld", "--nofork", "--nopid", "--log-file", &log];
        let mut daemon = with_files(&[(&settings, "/etc/firewalld")], &words);
        daemon.env("DBUS_SYSTEM_BUS_ADDRESS", address(&dir.0));
        let daemon = daemon
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let firewalld = Self { dir, bus, daemon };
        eventually("firewalld answers", || {
            firewalld.command(&["--state"]).output().unwrap().status.success()
        });
        firewalld
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("firewall-cmd");
        command
            .env("DBUS_SYSTEM_BUS_ADDRESS", address(&self.dir.0))
            .args(words);
        command
    }

    fn run(&self, words: &[&str]) {
        done(&mut self.command(words));
    }
}

impl Drop for Firewalld {
    fn drop(&mut self) {
        for child in [&mut self.daemon, &mut self.bus] {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Program for Firewalld {
    fn allow(&self, port: u16, client: Option<IpAddr>) {
        for proto in ["tcp", "udp"] {
            let wish = match client {
                None => format!("--add-port={port}/{proto}"),
                Some(client) => format!(
                    "--add-rich-rule=rule family=\"{}\" source address=\"{client}\" port port=\"{port}\" \
                     protocol=\"{proto}\" accept",
                    if client.is_ipv6() { "ipv6" } else { "ipv4" }
                ),
            };
            self.run(&[&wish]);
            self.run(&["--permanent", &wish]);
        }
    }

    fn deny(&self, port: u16) {
        for proto in ["tcp", "udp"] {
            let wish = format!("--remove-port={port}/{proto}");
            self.run(&[&wish]);
            self.run(&["--permanent", &wish]);
        }
    }

    fn reload(&self) {
        self.run(&["--reload"]);
    }
}

fn socket(dir: &Path) -> String {
    dir.join("bus").display().to_string()
}

fn address(dir: &Path) -> String {
    format!("unix:path={}", socket(dir))
}

const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=SOCKET</listen>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"#;

/// Whether the program is here. Tests without it say so: installing one would change the machine's own filter.
fn is_there(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status();
    let there = found.unwrap().success();
    if !there {
        eprintln!("{program} is not installed: skipped");
    }
    there
}

fn behind<P: Program>(start: fn() -> P) {
    for calls in [false, true] {
        on_own_host(|| {
            if !bridges_call(calls) && calls {
                return;
            }
            run("ip link set lo up");
            let program = start();
            program.allow(ALLOWED, None);
            for guest in [IpAddr::from(GUEST), GUEST6.into()] {
                program.allow(FOR_GUEST, Some(guest));
            }
            let scene = Scene::set_up(plane());
            scene.all_cases(true);

            // It is obeyed at once, and what it loses of ours comes back.
            let beyond = Server::start(&scene.outside, 82);
            let to = SocketAddr::new(OUTSIDE.into(), 82);
            let reaches_out =
                || inside(&scene.neighbour, || beyond.reached(Proto::Tcp, None, to, DOUBT)).is_some();
            let everybody = [IpAddr::from(OUTSIDE), OUTSIDE6.into()];
            for _ in 0..2 {
                program.allow(DENIED, None);
                everybody.iter().for_each(|own| scene.outside(*own, DENIED, true));
                program.reload();
                everybody.iter().for_each(|own| scene.outside(*own, DENIED, true));
                eventually("containers reach out", reaches_out);
                program.deny(DENIED);
                everybody
                    .iter()
                    .for_each(|own| scene.outside(*own, DENIED, false));
                program.reload();
                everybody
                    .iter()
                    .for_each(|own| scene.outside(*own, DENIED, false));
                everybody
                    .iter()
                    .for_each(|own| scene.outside(*own, ALLOWED, true));
                eventually("containers reach out again", reaches_out);
            }
            drop(beyond);
            scene.networks.shutdown(true).unwrap();
            let left = run("nft list ruleset");
            assert!(!left.contains("0x20000000"), "{left}");
        });
    }
}

#[test]
fn behind_ufw_itself() {
    if is_there("ufw") {
        behind(Ufw::start);
    }
}

#[test]
fn behind_firewalld_itself() {
    if is_there("firewalld") && is_there("dbus-daemon") {
        behind(Firewalld::start);
    }
}

/// Filters that come after us: their first rules already find ours in place, or it is put there at once.
#[test]
fn one_that_is_turned_on_later_is_obeyed() {
    if !is_there("ufw") {
        return;
    }
    on_own_host(|| {
        run("ip link set lo up");
        let scene = Scene::set_up(plane());
        scene.outside(OUTSIDE, DENIED, true);
        let ufw = Ufw::start();
        scene.outside(OUTSIDE, DENIED, false);
        ufw.allow(ALLOWED, None);
        scene.outside(OUTSIDE, ALLOWED, true);
        let beyond = Server::start(&scene.outside, 82);
        let to = SocketAddr::new(OUTSIDE.into(), 82);
        eventually("containers reach out", || {
            inside(&scene.neighbour, || beyond.reached(Proto::Tcp, None, to, DOUBT)).is_some()
        });
        ufw.run("disable");
        scene.outside(OUTSIDE, DENIED, true);
        let reaches = || {
            inside(&scene.neighbour, || {
                beyond.reached(Proto::Udp, None, to, PATIENCE)
            })
        };
        assert!(reaches().is_some());
    });
}
