//! Published ports behind what the host filters itself. Each test has a host of its own: a network namespace, with another
//! one outside.

use std::fs::{File, read_link};
use std::os::fd::AsFd;
use std::process::Command;

use corten_testkit::{Daemon, Running, binary, fixtures, until};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{BB, SOON, corten_only};

/// The host's address on the link to the outside, and the outside's.
const HOST: &str = "10.99.0.1";
const OUTSIDE: &str = "10.99.0.2";

/// A process in a network namespace of its own, which goes with it.
fn namespace() -> Running {
    let started = corten_testkit::start(Command::new("unshare").args(["--net", "sleep", "1000"]));
    let of = |pid: String| read_link(format!("/proc/{pid}/ns/net")).unwrap();
    until("a network namespace", SOON, || {
        of(started.pid().to_string()) != of("self".to_owned())
    });
    started
}

/// The outside world, as the thread that is the host sees it.
struct Outside(Running);

impl Outside {
    fn connect() -> Self {
        let outside = Self(namespace());
        let pid = outside.0.pid();
        here("ip link set lo up");
        here(&format!("ip link add up0 type veth peer name up0 netns {pid}"));
        here(&format!("ip addr add {HOST}/24 dev up0"));
        here("ip link set up0 up");
        outside.run(&format!("ip addr add {OUTSIDE}/24 dev up0")).ok();
        outside.run("ip link set up0 up").ok();
        outside
    }

    fn run(&self, command: &str) -> corten_testkit::Finished {
        let net = format!("--net=/proc/{}/ns/net", self.0.pid());
        let mut nsenter = Command::new("nsenter");
        corten_testkit::run(nsenter.arg(net).args(command.split(' ')), SOON)
    }

    /// Whether the port is reached within so many seconds.
    fn reaches(&self, port: u16, seconds: u32) -> bool {
        let fetched = self.run(&format!("curl -s -m {seconds} http://{HOST}:{port}/"));
        fetched.code() == 0 && fetched.out() == "hello"
    }
}

fn here(command: &str) -> String {
    let mut words = command.split(' ');
    let program = words.next().unwrap_or_default();
    corten_testkit::run(Command::new(program).args(words), SOON).ok()
}

/// Runs the test on a thread that is a host of its own.
fn on_own_host(test: impl FnOnce(&Outside) + Send) {
    let host = namespace();
    let netns = File::open(format!("/proc/{}/ns/net", host.pid())).unwrap();
    let outcome = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            test(&Outside::connect());
        });
        thread.join()
    });
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// A host that lets nothing in and forwards nothing.
fn deny() {
    for command in [
        "nft add table inet host",
        "nft add chain inet host in { type filter hook input priority 0; policy drop; }",
        "nft add rule inet host in iif lo accept",
        "nft add rule inet host in ct state established,related accept",
        "nft add chain inet host onwards { type filter hook forward priority 0; policy drop; }",
    ] {
        here(command);
    }
}

/// A daemon with a web server on one of its slot's ports.
fn serve(config: &str) -> (Daemon, u16) {
    let daemon = Daemon::start_configured(&binary(), config, &["--debug"]);
    daemon
        .corten(&["load", "-i", &fixtures::busybox().display().to_string()])
        .ok();
    let port = daemon.slot().port(0);
    let script = "mkdir /www; printf hello > /www/index.html; exec httpd -f -p 80 -h /www";
    let publish = format!("{port}:80");
    daemon
        .corten(&[
            "run", "-d", "--name", "web", "-p", &publish, BB, "sh", "-c", script,
        ])
        .ok();
    until("the server answers", SOON, || {
        here_reaches("127.0.0.1", port) && here_reaches(HOST, port)
    });
    (daemon, port)
}

fn here_reaches(address: &str, port: u16) -> bool {
    let url = format!("http://{address}:{port}/");
    let fetched = corten_testkit::run(Command::new("curl").args(["-s", "-m", "5", &url]), SOON);
    fetched.code() == 0 && fetched.out() == "hello"
}

#[test]
fn a_port_the_host_denies_stays_closed_until_it_is_allowed() {
    corten_only!();
    on_own_host(|outside| {
        deny();
        let (mut daemon, port) = serve("{}");
        assert!(!outside.reaches(port, 1));
        let ping = ["exec", "web", "ping", "-c", "1", "-w", "5", OUTSIDE];
        daemon.corten(&ping).ok();

        here(&format!("nft insert rule inet host in tcp dport {port} accept"));
        assert!(outside.reaches(port, 10));
        // No daemon is needed for it, and the next one changes nothing.
        daemon.kill9();
        assert!(outside.reaches(port, 10));
        here("nft delete table inet host");
        deny();
        assert!(!outside.reaches(port, 1));
        daemon.restart();
        assert!(!outside.reaches(port, 1));
        daemon.corten(&ping).ok();

        // Somebody takes all rules away, ours included.
        here("nft flush ruleset");
        until("the port is published again", SOON, || outside.reaches(port, 1));
        deny();
        assert!(!outside.reaches(port, 1));
        until("the container reaches out again", SOON, || {
            daemon.corten(&ping).code() == 0
        });

        // Nothing is left in the host's own chains.
        daemon.corten(&["rm", "-f", "web"]).ok();
        daemon.stop();
        let rules = here("nft list ruleset");
        assert!(
            rules.contains("table inet host") && !rules.contains(&daemon.slot().name()),
            "{rules}"
        );
    });
}

#[test]
fn a_daemon_told_to_bypass_the_host_opens_its_ports() {
    corten_only!();
    on_own_host(|outside| {
        deny();
        let (daemon, port) = serve(r#"{"host-firewall": "bypass", "firewall-mark": "0x40"}"#);
        assert!(outside.reaches(port, 10));
        assert!(here("nft list chain inet host onwards").contains("0x00000040"));
        let info = daemon.corten(&["info"]).ok();
        assert!(info.contains("HostFirewall: bypass"), "{info}");
    });
}

/// Many ports cost elements of a map, and no process.
#[test]
fn a_thousand_ports_are_published_at_once() {
    corten_only!();
    on_own_host(|_| {
        let daemon = Daemon::start_configured(&binary(), "{}", &["--debug"]);
        daemon
            .corten(&["load", "-i", &fixtures::busybox().display().to_string()])
            .ok();
        let processes = || daemon.residue().processes().len();
        daemon
            .corten(&["run", "-d", "--name", "one", BB, "sleep", "1000"])
            .ok();
        let before = processes();
        daemon
            .corten(&[
                "run",
                "-d",
                "--name",
                "two",
                "-p",
                "20000-20999:1000-1999",
                BB,
                "sleep",
                "1000",
            ])
            .ok();
        // A shim and the container's own.
        assert_eq!(processes() - before, 2);
        let ports = daemon.corten(&["port", "two"]).ok();
        assert_eq!(ports.lines().count(), 1000);
        let table = daemon.slot().name();
        let map = here(&format!("nft list map ip {table} published"));
        assert_eq!(map.matches(" . 20").count(), 1000);
        daemon.corten(&["rm", "-f", "two"]).ok();
        let map = here(&format!("nft list map ip {table} published"));
        assert_eq!(map.matches(" . 20").count(), 0);
    });
}
