//! Real programs in real images: made by debootstrap, saved by Docker, skopeo and podman, used as people use them, and
//! read back by those tools.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use corten_testkit::{Dockerd, Engine, Podman, Terminal, fixtures, http, run, until};
use serde_json::Value;

use crate::{SOON, corten_only, inspect};

/// Another tool unpacks a system of hundreds of megabytes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a web server's front page says.
fn fetch(port: u16) -> Option<String> {
    let page = http::get(&format!("127.0.0.1:{port}"), "/").ok()?;
    Some(page.text().trim().to_owned())
}

/// Redis' answer to one command, as it comes on the wire; nothing when it cannot be reached.
fn redis(port: u16, command: &str) -> String {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(SOON))?;
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        // What it says to QUIT is no part of it.
        Ok(answer.strip_suffix("+OK\r\n").unwrap_or_default().to_owned())
    };
    ask().unwrap_or_default()
}

/// nginx in the foreground, published; its page, environment, log and end.
#[track_caller]
fn serves(engine: &Engine, port: u16) {
    let publish = format!("127.0.0.1:{port}:80");
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "web",
        "-p",
        &publish,
        "-e",
        "X=1",
        fixtures::DEBIAN,
    ]);
    until("nginx serves", SOON, || {
        fetch(port).as_deref() == Some("made by commit")
    });
    assert_eq!(
        engine.ok(&["exec", "-e", "Y=2", "web", "bash", "-c", "echo $X$Y$LANG"]),
        "12C.UTF-8"
    );
    engine
        .run(&["exec", "web", "test", "-e", "/etc/debian_version"])
        .fails(1);
    engine.ok(&["exec", "web", "sh", "-c", "echo to the log > /proc/1/fd/1"]);
    until("the log has it", SOON, || {
        engine.run(&["logs", "web"]).out().contains("to the log")
    });
    assert!(
        engine
            .run(&["logs", "web"])
            .out()
            .contains("\"GET / HTTP/1.1\" 200"),
        "and what nginx said of the visits"
    );
    engine.ok(&["stop", "web"]);
    let code = inspect(engine, "web")["State"]["ExitCode"].clone();
    assert_eq!(code, 0, "nginx ends well when it is asked");
    engine.ok(&["rm", "web"]);
}

#[test]
fn a_web_server_runs_from_every_archive() {
    let image = fixtures::debian();
    // The reference, an older release, reads no OCI layouts.
    let archives = if Engine::is_reference() {
        vec![image.docker_archive]
    } else {
        vec![
            image.docker_archive,
            image.oci_archive,
            image.podman_docker,
            image.podman_oci,
        ]
    };
    let mut layers = Value::Null;
    for archive in archives {
        // Each into an engine that has nothing of it.
        let engine = Engine::start();
        let loaded = engine.load(&archive);
        assert!(loaded.contains("Loaded image: "), "{loaded}");
        let name = loaded.trim_start_matches("Loaded image: ");
        if name != fixtures::DEBIAN {
            assert_eq!(
                name,
                format!("localhost/{}", fixtures::DEBIAN),
                "podman's word for it"
            );
            engine.ok(&["tag", name, fixtures::DEBIAN]);
        }
        let found = inspect(&engine, fixtures::DEBIAN)["RootFS"]["Layers"].clone();
        assert!(
            layers.is_null() || layers == found,
            "{}: other layers",
            archive.display()
        );
        layers = found;
        serves(&engine, engine.slot().port(0));
    }
}

#[test]
fn a_database_keeps_its_data_and_travels() {
    corten_only!();
    let engine = Engine::start();
    engine.load(&fixtures::debian().oci_archive);
    let port = engine.slot().port(0);
    let publish = format!("127.0.0.1:{port}:6379");
    let serve = || {
        let command = "redis-server --bind 0.0.0.0 --protected-mode no --dir /data --appendonly yes";
        let mut args = vec![
            "run",
            "-d",
            "--name",
            "db",
            "-p",
            &publish,
            "-v",
            "kept:/data",
            fixtures::DEBIAN,
        ];
        args.extend(command.split(' '));
        engine.ok(&args);
        until("redis answers", SOON, || redis(port, "PING") == "+PONG\r\n");
    };
    serve();
    assert_eq!(redis(port, "SET colour rust"), "+OK\r\n");
    assert_eq!(redis(port, "GET colour"), "$4\r\nrust\r\n");
    // Entered, as a person does.
    let mut terminal = Terminal::start(&engine.command(&["exec", "-it", "db", "bash"]), 80, 24);
    terminal.type_in("redis-cli get colour; tty\n");
    terminal.expect("\"rust\"", SOON);
    terminal.expect("/dev/pts/0", SOON);
    terminal.type_in("exit 3\n");
    assert_eq!(terminal.finish(SOON), 3);
    assert!(
        engine
            .run(&["logs", "db"])
            .out()
            .contains("Ready to accept connections")
    );
    engine.ok(&["rm", "-f", "db"]);
    serve();
    assert_eq!(
        redis(port, "GET colour"),
        "$4\r\nrust\r\n",
        "it outlives the container"
    );
    engine.ok(&["exec", "db", "sh", "-c", "echo travelled > /etc/note"]);
    engine.ok(&[
        "commit",
        "-c",
        "CMD [\"cat\", \"/etc/note\"]",
        "db",
        "test/travels:1",
    ]);
    engine.ok(&["rm", "-f", "db"]);
    assert_eq!(engine.ok(&["run", "--rm", "test/travels:1"]), "travelled");
    let archive = engine.scratch("save").join("travels.tar");
    engine.ok(&["save", "-o", &archive.display().to_string(), "test/travels:1"]);
    let id = inspect(&engine, "test/travels:1")["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    read_by_skopeo(&archive, &id);
    read_by_podman(&archive, &id);
    let dockerd = Dockerd::start();
    let load = run(
        &mut dockerd.docker_command(&["load", "-i", &archive.display().to_string()]),
        PATIENCE,
    );
    assert_eq!(load.ok(), "Loaded image: test/travels:1");
    let seen = dockerd.docker(&["run", "--rm", "--network", "none", "test/travels:1"]);
    assert_eq!(seen.ok(), "travelled");
    let seen = dockerd.docker(&["inspect", "-f", "{{.Id}}", "test/travels:1"]);
    assert_eq!(seen.ok(), id);
}

/// skopeo calls an image by the digest of its configuration, too.
#[track_caller]
fn read_by_skopeo(archive: &Path, id: &str) {
    let source = format!("docker-archive:{}", archive.display());
    let manifest = run(
        Command::new("skopeo").args(["inspect", "--raw", &source]),
        PATIENCE,
    )
    .ok();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["config"]["digest"], id);
    let seen = run(Command::new("skopeo").args(["inspect", &source]), PATIENCE).ok();
    let seen: Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(seen["Os"], "linux");
    assert_eq!(seen["Layers"].as_array().unwrap().len(), 3);
}

#[track_caller]
fn read_by_podman(archive: &Path, id: &str) {
    let podman = Podman::new();
    let load = run(podman.command(&["load", "--quiet", "-i"]).arg(archive), PATIENCE);
    // It takes the name from the index of the same archive.
    assert_eq!(load.ok(), "Loaded image: docker.io/test/travels:1");
    let seen = run(
        &mut podman.command(&[
            "image",
            "inspect",
            "-f",
            "{{.Id}} {{.Config.Cmd}}",
            "docker.io/test/travels:1",
        ]),
        PATIENCE,
    );
    assert_eq!(format!("sha256:{}", seen.ok()), format!("{id} [cat /etc/note]"));
    let root = run(
        &mut podman.command(&["image", "mount", "docker.io/test/travels:1"]),
        PATIENCE,
    )
    .ok();
    assert_eq!(
        fs::read_to_string(Path::new(&root).join("etc/note")).unwrap(),
        "travelled\n"
    );
    run(
        &mut podman.command(&["image", "unmount", "docker.io/test/travels:1"]),
        PATIENCE,
    )
    .ok();
}
