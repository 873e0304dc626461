//! Clients written by others against the API, driving the engine as their users do.

use std::process::Command;
use std::time::Duration;

use corten_testkit::fixtures::{ImageArchive, Layer};
use corten_testkit::{Engine, Terminal, http, until};

use crate::{BB, SOON, corten_only, engine};

/// What Python's package is made to do takes a hundred requests and some deliberate waits.
const PATIENCE: Duration = Duration::from_secs(180);

#[test]
fn pythons_docker_package() {
    let engine = engine();
    let other = engine.scratch("images").join("other.tar");
    ImageArchive::new(
        "test/other:1",
        vec![Layer::default().file("f", 0o644, b"x").finish()],
    )
    .write(&other);
    python(&engine, "docker_py.py", &[BB, &other.display().to_string()]);
}

#[test]
fn pythons_docker_package_on_networks_and_volumes() {
    let engine = engine();
    let prefix = engine.slot().subnet_prefix().replacen("10.2", "10.1", 1);
    let directory = engine.scratch("host").display().to_string();
    python(&engine, "docker_py_networks.py", &[BB, &prefix, &directory]);
}

/// Runs a script that drives the engine.
#[track_caller]
fn python(engine: &Engine, script: &str, args: &[&str]) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/clients");
    // Debian's own interpreter: its package is the one that is installed for the tests.
    let mut python = Command::new("/usr/bin/python3");
    python
        .arg(format!("{path}/{script}"))
        .arg(engine.socket())
        .args(args);
    let said = corten_testkit::run(&mut python, PATIENCE).ok();
    assert_eq!(said.lines().last(), Some("all well"), "{said}");
}

#[test]
fn the_real_command_line_at_a_terminal() {
    corten_only!();
    let engine = engine();
    let daemon = engine.corten();
    let docker = |args: &[&str]| corten_testkit::docker_at(daemon.slot(), daemon.socket(), args);

    let mut shell = Terminal::start(
        &docker(&["run", "--rm", "-it", "--name", "box", BB, "sh"]),
        93,
        27,
    );
    shell.expect("/ #", SOON);
    shell.type_in("stty size; echo a$((40+2))b\n");
    shell.expect("27 93", SOON);
    shell.expect("a42b", SOON);
    shell.resize(61, 13);
    until("the new size has arrived", SOON, || {
        daemon
            .docker(&["exec", "box", "stty", "-F", "/dev/console", "size"])
            .out()
            .contains("13 61")
    });
    let mut inside = Terminal::start(&docker(&["exec", "-it", "-e", "X=yes", "box", "sh"]), 80, 24);
    inside.expect("/ #", SOON);
    inside.type_in("echo $X; tty; exit 4\n");
    inside.expect("/dev/pts/", SOON);
    assert_eq!(inside.finish(SOON), 4);
    // Detached by keys, attached again, ended.
    shell.type_in("\u{10}\u{11}");
    assert_eq!(shell.finish(SOON), 0);
    let mut again = Terminal::start(&docker(&["attach", "box"]), 80, 24);
    again.type_in("echo he''re\n");
    again.expect("here", SOON);
    again.type_in("exit 6\n");
    assert_eq!(again.finish(SOON), 6);

    let publish = format!("127.0.0.1:{}:80", daemon.slot().port(3));
    let serve = "mkdir /www; echo page > /www/index.html; exec httpd -f -p 80 -h /www";
    daemon
        .docker(&[
            "run", "-d", "-p", &publish, "--name", "web", BB, "sh", "-c", serve,
        ])
        .ok();
    let address = publish.trim_end_matches(":80");
    until("the page is served", SOON, || {
        http::get(address, "/").is_ok_and(|page| page.text() == "page\n")
    });
    let talk = "for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done";
    daemon
        .docker(&["run", "-d", "--name", "talker", BB, "sh", "-c", talk])
        .ok();
    let followed = corten_testkit::run(&mut docker(&["logs", "-f", "talker"]), SOON).ok();
    assert_eq!(followed.lines().count(), 5, "{followed}");
    assert_eq!(followed.lines().last(), Some("line 5"));
    daemon.docker(&["rm", "-f", "web", "talker"]).ok();
}
