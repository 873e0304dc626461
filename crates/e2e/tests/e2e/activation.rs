//! Sockets handed over by a service manager, and what it is told.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use corten_testkit::{Running, Slot, binary, http, until};
use rustix::process::Signal;

use crate::{SOON, corten_only};

/// A daemon with the names of a slot, below a program that hands sockets over.
fn launch(slot: &Slot, wrapper: &[&str], hosts: &[&str]) -> Running {
    let path = |name: &str| slot.root().join(name).display().to_string();
    let mut command = Command::new(wrapper[0]);
    command.args(&wrapper[1..]).arg(binary());
    command.args([
        "daemon",
        "--data-root",
        &path("data"),
        "--exec-root",
        &path("exec"),
    ]);
    command.args([
        "--bridge",
        &slot.name(),
        "--bip",
        &slot.bridge_address(),
        "--firewall-table",
        &slot.name(),
    ]);
    command.args(hosts.iter().flat_map(|host| ["-H", host]));
    let config = slot.root().join("daemon.json");
    if config.exists() {
        command.arg("--config-file").arg(config);
    }
    command.args([
        "--cgroup-parent",
        &slot.cgroup_parent(),
        "--pidfile",
        &path("pid"),
        "--tls=false",
    ]);
    corten_testkit::start(&mut command)
}

/// Ends the daemon and removes what it made.
fn end(slot: &Slot, running: Running) {
    running.signal(Signal::TERM);
    running.finish(SOON);
    slot.residue().remove();
}

fn answers(socket: &Path) -> bool {
    http::try_unix(socket, "GET", "/_ping", b"").is_ok_and(|answer| answer.text() == "OK")
}

#[test]
fn the_daemon_serves_sockets_it_is_handed() {
    corten_only!();
    let slot = Slot::take();
    let socket = slot.root().join("activated.sock");
    let tcp = format!("127.0.0.1:{}", slot.port(1));
    let unix = socket.display().to_string();
    // It starts the daemon at the first connection.
    let wrapper = ["systemd-socket-activate", "-l", &unix, "-l", &tcp];
    let running = launch(&slot, &wrapper, &["fd://"]);
    until("it listens", SOON, || socket.exists());
    until("it answers", SOON, || answers(&socket));
    assert_eq!(http::get(&tcp, "/_ping").unwrap().text(), "OK");
    running.signal(Signal::TERM);
    running.finish(SOON);
    assert!(socket.exists(), "the socket belongs to who made it");
    slot.residue().remove();
}

#[test]
fn one_of_several_sockets_can_be_named() {
    corten_only!();
    let slot = Slot::take();
    let (one, two) = (slot.root().join("one.sock"), slot.root().join("two.sock"));
    let texts = [&one, &two].map(|path| path.display().to_string());
    let wrapper = [
        "systemd-socket-activate",
        "-l",
        &texts[0],
        "-l",
        &texts[1],
        "--fdname=first:second",
    ];
    let running = launch(&slot, &wrapper, &["fd://second"]);
    until("it listens", SOON, || two.exists());
    until("it answers", SOON, || answers(&two));
    assert!(running.err().contains("two.sock"), "{}", running.err());
    assert!(!running.err().contains("API listen on one.sock"));
    end(&slot, running);
}

#[test]
fn several_sockets_can_be_named_one_by_one() {
    corten_only!();
    let slot = Slot::take();
    let (one, two) = (slot.root().join("one.sock"), slot.root().join("two.sock"));
    let texts = [&one, &two].map(|path| path.display().to_string());
    let wrapper = ["systemd-socket-activate", "-l", &texts[0], "-l", &texts[1]];
    let running = launch(&slot, &wrapper, &["fd://4", "fd://3"]);
    until("it listens", SOON, || two.exists());
    until("both answer", SOON, || answers(&two) && answers(&one));
    end(&slot, running);
}

#[test]
fn without_sockets_there_is_nothing_to_serve() {
    corten_only!();
    let slot = Slot::take();
    let running = launch(&slot, &["env", "-u", "LISTEN_FDS"], &["fd://"]);
    let finished = running.finish(SOON);
    slot.residue().remove();
    finished.fails(1);
    finished.says(&["no sockets found via socket activation: make sure the service was started by systemd"]);
}

#[test]
fn the_service_manager_is_told() {
    corten_only!();
    let slot = Slot::take();
    let notify = slot.root().join("notify");
    let listener = UnixDatagram::bind(&notify).unwrap();
    listener.set_read_timeout(Some(SOON)).unwrap();
    let next = || {
        let mut buffer = [0; 4096];
        let length = listener.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    // The daemon reads this one again on SIGHUP.
    std::fs::write(slot.root().join("daemon.json"), "{}").unwrap();
    let socket = slot.root().join("c.sock");
    let host = format!("unix://{}", socket.display());
    let variable = format!("NOTIFY_SOCKET={}", notify.display());
    let running = launch(&slot, &["env", &variable], &[&host]);
    assert!(next().starts_with("READY=1"));
    assert!(answers(&socket), "ready means that it answers");
    running.signal(Signal::HUP);
    assert!(next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert!(next().starts_with("READY=1"));
    running.signal(Signal::TERM);
    assert_eq!(next(), "STOPPING=1");
    running.finish(SOON);
    slot.residue().remove();
}
