//! Published ports behind what the host filters itself, each test on a host of its own.

use std::process::Command;

use corten_testkit::{Daemon, binary, fixtures, until};

use crate::own_host::{HOST, OUTSIDE, deny, here, on_own_host};
use crate::{BB, SOON, corten_only};

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
