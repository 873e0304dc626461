//! The bridge, names and files of the network, published ports.

use corten_testkit::{Engine, http, until};

use crate::{BB, SOON, engine, idle, inspect};

fn address(engine: &Engine, name: &str) -> String {
    inspect(engine, name)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A web server that says `text`.
fn server(engine: &Engine, name: &str, text: &str, flags: &[&str]) {
    let script = format!("mkdir /www; echo {text} > /www/index.html; exec httpd -f -p 80 -h /www");
    let mut args = vec!["run", "-d", "--name", name];
    args.extend(flags);
    args.extend([BB, "sh", "-c", &script]);
    engine.ok(&args);
}

fn fetch(address: &str) -> Option<String> {
    http::get(address, "/")
        .ok()
        .map(|page| page.text().trim().to_owned())
}

#[test]
fn who_joins_a_container_stays_with_it_whatever_it_is_called() {
    let engine = engine();
    let id = idle(&engine, "owner", &[]);
    idle(
        &engine,
        "guest",
        &["--network", "container:owner", "--pid", "container:owner"],
    );
    engine.ok(&["rename", "owner", "renamed"]);
    idle(&engine, "owner", &[]);
    engine.ok(&["restart", "-t", "0", "guest"]);
    let host = inspect(&engine, "guest")["HostConfig"].clone();
    let joined = format!("container:{}", id.trim());
    assert_eq!(
        (host["NetworkMode"].as_str(), host["PidMode"].as_str()),
        (Some(&*joined), Some(&*joined))
    );
    let name = |container: &str| engine.ok(&["exec", container, "hostname"]);
    assert_eq!(name("guest"), name("renamed"));
    for (flags, conflict) in [
        (&["--dns", "1.1.1.1"][..], "dns and the network mode"),
        (
            &["--add-host", "x:1.1.1.1"],
            "custom host-to-IP mapping and the network mode",
        ),
        (&["-P"], "port publishing and the container type network mode"),
        (
            &["--expose", "80"],
            "port exposing and the container type network mode",
        ),
    ] {
        let args = [
            &["run", "--rm", "--network", "container:owner"],
            flags,
            &[BB, "true"],
        ]
        .concat();
        let refused = engine.run(&args);
        refused.fails(125);
        refused.says(&[&format!("conflicting options: {conflict}")]);
    }
}

#[test]
fn a_container_has_name_address_and_route() {
    let engine = engine();
    let id = idle(
        &engine,
        "box",
        &[
            "--add-host",
            "friend:1.2.3.4",
            "--dns",
            "9.8.7.6",
            "--dns-search",
            "example.com",
        ],
    );
    let exec = |script: &str| engine.ok(&["exec", "box", "sh", "-c", script]);
    let address = address(&engine, "box");
    assert_eq!(
        exec("hostname; cat /etc/hostname"),
        format!("{0}\n{0}", &id[..12])
    );
    let hosts = exec("cat /etc/hosts");
    assert!(hosts.starts_with("127.0.0.1\tlocalhost\n"), "{hosts}");
    assert!(hosts.contains("\n1.2.3.4\tfriend"), "{hosts}");
    assert!(hosts.ends_with(&format!("\n{address}\t{}", &id[..12])), "{hosts}");
    let resolver = exec("grep -v '^#' /etc/resolv.conf");
    assert!(
        resolver.contains("nameserver 9.8.7.6") && resolver.contains("search example.com"),
        "{resolver}"
    );
    let addresses = exec("ip -4 -o addr show eth0");
    assert!(addresses.contains(&format!("{address}/24")), "{addresses}");
    assert!(exec("ip route").starts_with(&format!(
        "default via {}.1 dev eth0",
        engine.slot().subnet_prefix()
    )));
    assert_eq!(
        exec("ls /sys/class/net | tr '\\n' ' '")
            .split_whitespace()
            .collect::<Vec<_>>(),
        ["eth0", "lo"]
    );
    assert!(exec("ip link show lo").contains("UP"), "the loopback is up");
}

#[test]
fn without_dns_flags_the_hosts_servers_are_used() {
    let engine = engine();
    let resolver = engine.ok(&["run", "--rm", BB, "cat", "/etc/resolv.conf"]);
    let host = std::fs::read_to_string("/etc/resolv.conf").unwrap();
    let outside: Vec<&str> = host
        .lines()
        .filter(|line| line.starts_with("nameserver ") && !line.contains(" 127."))
        .collect();
    for line in outside {
        assert!(resolver.contains(line), "{line} in {resolver}");
    }
}

#[test]
fn containers_reach_each_other_by_address() {
    let engine = engine();
    server(&engine, "web", "hello", &[]);
    let url = format!("http://{}/", address(&engine, "web"));
    until("the page is served", SOON, || {
        engine
            .run(&["run", "--rm", BB, "wget", "-qO-", &url])
            .out()
            .trim()
            == "hello"
    });
    let other = engine.ok(&[
        "run",
        "--rm",
        "--network",
        "container:web",
        BB,
        "wget",
        "-qO-",
        "http://127.0.0.1/",
    ]);
    assert_eq!(other, "hello", "in the same network namespace");
}

#[test]
fn none_has_a_loopback_and_host_has_the_hosts() {
    let engine = engine();
    assert_eq!(
        engine.ok(&["run", "--rm", "--network", "none", BB, "ls", "/sys/class/net"]),
        "lo"
    );
    let inside = engine.ok(&[
        "run",
        "--rm",
        "--network",
        "host",
        BB,
        "readlink",
        "/proc/self/ns/net",
    ]);
    assert_eq!(
        inside,
        std::fs::read_link("/proc/self/ns/net")
            .unwrap()
            .display()
            .to_string()
    );
    let name = engine.ok(&["run", "--rm", "--network", "host", BB, "hostname"]);
    assert_eq!(
        name,
        std::fs::read_to_string("/proc/sys/kernel/hostname")
            .unwrap()
            .trim()
    );
    let done = engine.run(&["run", "--rm", "--network", "nosuch", BB, "true"]);
    done.fails(125);
    done.says(&["network nosuch not found"]);
}

#[test]
fn a_published_port_leads_to_the_container() {
    let engine = engine();
    let port = engine.slot().port(0);
    server(
        &engine,
        "web",
        "published",
        &["-p", &format!("127.0.0.1:{port}:80")],
    );
    let outside = format!("127.0.0.1:{port}");
    until("the page is served", SOON, || {
        fetch(&outside).as_deref() == Some("published")
    });
    assert_eq!(engine.ok(&["port", "web", "80"]), outside);
    for _ in 0..20 {
        assert_eq!(
            fetch(&outside).as_deref(),
            Some("published"),
            "every time, from the first packet on"
        );
    }
    engine.ok(&["restart", "-t", "0", "web"]);
    until("it is served again", SOON, || {
        fetch(&outside).as_deref() == Some("published")
    });
    engine.ok(&["rm", "-f", "web"]);
    until("nobody listens any more", SOON, || fetch(&outside).is_none());
    server(
        &engine,
        "next",
        "another",
        &["-p", &format!("127.0.0.1:{port}:80")],
    );
    until("the port is free again", SOON, || {
        fetch(&outside).as_deref() == Some("another")
    });
}

#[test]
fn a_port_of_the_engines_choice_can_be_asked_for() {
    let engine = engine();
    server(&engine, "web", "chosen", &["-p", "127.0.0.1::80"]);
    let outside = engine.ok(&["port", "web", "80/tcp"]);
    assert!(outside.starts_with("127.0.0.1:"), "{outside}");
    until("the page is served", SOON, || {
        fetch(&outside).as_deref() == Some("chosen")
    });
    let done = engine.run(&["port", "web", "81"]);
    done.fails(1);
    done.says(&[
        "o public port '81' published for web",
        "No public port '81/tcp' published for web",
    ]);
}

#[test]
fn an_interface_deleted_inside_holds_up_no_change_of_networks() {
    let engine = engine();
    let prefix = engine.slot().subnet_prefix().replacen("10.2", "10.1", 1);
    for (name, start) in [("one", 0), ("two", 64), ("three", 128)] {
        engine.ok(&[
            "network",
            "create",
            "--subnet",
            &format!("{prefix}.{start}/26"),
            name,
        ]);
    }
    idle(&engine, "box", &["--cap-add", "NET_ADMIN", "--network", "one"]);
    let networks = || {
        let found = inspect(&engine, "box")["NetworkSettings"]["Networks"].clone();
        found.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    engine.ok(&["network", "connect", "two", "box"]);
    engine.ok(&["exec", "box", "ip", "link", "del", "eth1"]);
    engine.ok(&["network", "disconnect", "one", "box"]);
    assert_eq!(networks(), ["two"]);
    engine.ok(&["network", "connect", "three", "box"]);
    engine.ok(&["network", "disconnect", "two", "box"]);
    assert_eq!(networks(), ["three"]);
    let route = engine.ok(&["exec", "box", "ip", "route"]);
    assert!(route.contains(&format!("default via {prefix}.129 ")), "{route}");
}
