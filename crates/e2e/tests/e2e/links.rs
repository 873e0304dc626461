//! `--link` on the default bridge, `--volumes-from`, and containers in the network of others.

use corten_testkit::until;

use crate::{BB, SOON, corten_only, engine, idle, inspect, wait_for_state};

/// The address of a running container.
fn address(engine: &corten_testkit::Engine, name: &str) -> String {
    let address = inspect(engine, name)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"].clone();
    address.as_str().unwrap().to_owned()
}

#[test]
fn the_other_container_is_known_by_its_alias() {
    let engine = engine();
    idle(&engine, "db", &["--expose", "5432", "-e", "SECRET=a=b"]);
    idle(&engine, "web", &["--link", "db:store"]);
    let at = address(&engine, "db");
    let env = engine.ok(&["exec", "web", "env"]);
    for line in [
        format!("STORE_PORT=tcp://{at}:5432"),
        format!("STORE_PORT_5432_TCP=tcp://{at}:5432"),
        format!("STORE_PORT_5432_TCP_ADDR={at}"),
        "STORE_PORT_5432_TCP_PORT=5432".to_owned(),
        "STORE_PORT_5432_TCP_PROTO=tcp".to_owned(),
        "STORE_NAME=/web/store".to_owned(),
        "STORE_ENV_SECRET=a=b".to_owned(),
    ] {
        assert!(env.lines().any(|have| have == line), "{line} in\n{env}");
    }
    let hosts = engine.ok(&["exec", "web", "cat", "/etc/hosts"]);
    let line = hosts
        .lines()
        .find(|line| line.starts_with(&format!("{at}\t")))
        .unwrap();
    assert!(
        line.starts_with(&format!("{at}\tstore ")) && line.ends_with(" db"),
        "{line}"
    );
    engine.ok(&["exec", "web", "ping", "-c", "1", "-W", "5", "store"]);
    assert_eq!(
        inspect(&engine, "web")["HostConfig"]["Links"],
        serde_json::json!(["/db:/web/store"])
    );
    let names = engine.ok(&[
        "ps",
        "--no-trunc",
        "--filter",
        "name=db",
        "--format",
        "{{.Names}}",
    ]);
    assert!(names.split(',').any(|name| name == "web/store"), "{names}");
}

#[test]
fn the_hosts_file_follows_the_address() {
    let engine = engine();
    idle(&engine, "db", &[]);
    idle(&engine, "web", &["--link", "db"]);
    let before = address(&engine, "db");
    engine.ok(&["stop", "-t", "0", "db"]);
    // Takes the address that has become free.
    idle(&engine, "squatter", &[]);
    engine.ok(&["start", "db"]);
    let after = address(&engine, "db");
    let entry = || {
        let hosts = engine.ok(&["exec", "web", "cat", "/etc/hosts"]);
        hosts
            .lines()
            .find_map(|line| line.split_once("\tdb ").map(|(address, _)| address.to_owned()))
            .unwrap_or_default()
    };
    until("the entry is true", SOON, || entry() == after);
    // The squatter may have got another one; then nothing had to change.
    eprintln!("{before} -> {after}");
}

#[test]
fn links_are_to_running_containers_only() {
    let engine = engine();
    engine.ok(&["create", "--name", "db", BB, "sleep", "1000"]);
    let done = engine.run(&["run", "--name", "web", "--link", "db:store", BB, "true"]);
    done.fails(125);
    done.says(&["Cannot link to a non running container: /db AS /web/store"]);
    let done = engine.run(&["create", "--link", "nobody", BB, "true"]);
    done.fails(1);
    done.says(&[
        "could not get container for nobody",
        "ould not get container for nobody",
    ]);
    idle(&engine, "host", &["--network", "host"]);
    let done = engine.run(&["create", "--link", "host", BB, "true"]);
    done.fails(1);
    done.says(&["conflicting options: host type networking can't be used with links"]);
}

#[test]
fn a_link_is_taken_away() {
    let engine = engine();
    idle(&engine, "db", &[]);
    idle(&engine, "web", &["--link", "db:store"]);
    let answer = engine.api("DELETE", "/containers/db?link=1", "");
    assert_eq!(answer.status, 500);
    assert!(
        answer
            .text()
            .contains("Conflict, cannot remove the default link name of the container"),
        "{}",
        answer.text()
    );
    assert_eq!(engine.ok(&["rm", "--link", "web/store"]), "web/store");
    assert_eq!(
        inspect(&engine, "web")["HostConfig"]["Links"],
        serde_json::Value::Null
    );
    assert_eq!(engine.ok(&["ps", "-q"]).lines().count(), 2, "the containers stay");
    assert_eq!(
        engine.api("DELETE", "/containers/web/store?link=1", "").status,
        404
    );
}

#[test]
fn links_outlive_the_daemon_and_end_with_the_container() {
    corten_only!();
    let mut engine = engine();
    idle(&engine, "db", &[]);
    idle(&engine, "web", &["--link", "db"]);
    engine.corten_mut().kill9();
    engine.corten_mut().restart();
    assert_eq!(
        inspect(&engine, "web")["HostConfig"]["Links"],
        serde_json::json!(["/db:/web/db"])
    );
    engine.ok(&["rename", "web", "shop"]);
    assert_eq!(
        inspect(&engine, "shop")["HostConfig"]["Links"],
        serde_json::json!(["/db:/shop/db"])
    );
    engine.ok(&["rm", "-f", "db"]);
    assert_eq!(
        inspect(&engine, "shop")["HostConfig"]["Links"],
        serde_json::Value::Null
    );
    engine.ok(&["restart", "-t", "0", "shop"]);
}

#[test]
fn volumes_are_taken_from_others() {
    let engine = engine();
    let dir = engine.scratch("shared");
    std::fs::write(dir.join("f"), "bound").unwrap();
    let bind = format!("{}:/bound", dir.display());
    engine.ok(&[
        "create",
        "--name",
        "data",
        "-v",
        "/anonymous",
        "-v",
        "named:/named",
        "-v",
        &bind,
        BB,
        "true",
    ]);
    let write = |mode: &str, path: &str| {
        let from = format!("data{mode}");
        engine.run(&[
            "run",
            "--rm",
            "--volumes-from",
            &from,
            BB,
            "sh",
            "-c",
            &format!("echo x > {path}/w"),
        ])
    };
    for path in ["/anonymous", "/named", "/bound"] {
        write("", path).ok();
        write(":rw", path).ok();
        write(":z", path).ok();
        let refused = write(":ro", path);
        assert_ne!(refused.code(), 0, "{path} was to be read only");
        refused.says(&["Read-only file system"]);
    }
    assert_eq!(std::fs::read_to_string(dir.join("w")).unwrap(), "x\n");
    let done = engine.run(&["run", "--rm", "--volumes-from", "data:frob", BB, "true"]);
    done.fails(125);
    done.says(&["nvalid mode: frob"]);
    let done = engine.run(&["run", "--rm", "--volumes-from", "nobody", BB, "true"]);
    done.fails(125);
    done.says(&["No such container: nobody"]);
}

#[test]
fn a_network_joined_is_found_again() {
    let engine = engine();
    idle(&engine, "own", &[]);
    idle(&engine, "joined", &["--network", "container:own"]);
    let same = || {
        let address = |name: &str| engine.ok(&["exec", name, "ip", "-4", "-o", "addr", "show", "eth0"]);
        address("own") == address("joined")
    };
    assert!(same());
    engine.ok(&["restart", "-t", "0", "joined"]);
    assert!(same());
    engine.ok(&["restart", "-t", "0", "own"]);
    engine.ok(&["restart", "-t", "0", "joined"]);
    assert!(same());
    engine.ok(&["stop", "-t", "0", "own", "joined"]);
    wait_for_state(&engine, "own", "exited");
    let done = engine.run(&["start", "joined"]);
    done.fails(1);
    done.says(&[
        "cannot join network of a non running container",
        "cannot join the namespace of a non running container",
    ]);
}
