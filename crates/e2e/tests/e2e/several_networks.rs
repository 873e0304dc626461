//! Containers on several networks: from the beginning, and by `network connect` and `disconnect`.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use corten_testkit::{Engine, http, until};
use serde_json::Value;

use crate::{BB, SOON, corten_only, engine, idle, inspect, now};

/// The first three numbers of a subnet that no other test has.
fn prefix(engine: &Engine) -> String {
    engine.slot().subnet_prefix().replacen("10.2", "10.1", 1)
}

/// Makes two networks, with the gateways `.1` and `.129`.
fn two_networks(engine: &Engine) {
    let prefix = prefix(engine);
    for (name, start) in [("one", 0), ("two", 128)] {
        let subnet = format!("{prefix}.{start}/25");
        engine.ok(&["network", "create", "--subnet", &subnet, name]);
    }
}

fn networks(engine: &Engine, container: &str) -> Vec<String> {
    let found = inspect(engine, container);
    let networks = found["NetworkSettings"]["Networks"].as_object().cloned();
    networks.unwrap_or_default().keys().cloned().collect()
}

fn address(engine: &Engine, container: &str, network: &str) -> String {
    let found = inspect(engine, container);
    let address = &found["NetworkSettings"]["Networks"][network]["IPAddress"];
    address.as_str().unwrap_or_default().to_owned()
}

fn exec(engine: &Engine, container: &str, script: &str) -> String {
    engine.ok(&["exec", container, "sh", "-c", script])
}

/// Whether `name` leads a container to `address`.
fn leads(engine: &Engine, from: &str, name: &str, address: &str) -> bool {
    let ping = engine.run(&["exec", from, "ping", "-c", "1", "-W", "1", name]);
    ping.code() == 0 && ping.out().contains(&format!("({address})"))
}

fn interfaces(engine: &Engine, container: &str) -> Vec<String> {
    // Not in sysfs, which takes a moment longer to forget one.
    let all = exec(engine, container, "ip -o link");
    let names = all.lines().filter_map(|line| line.split([':', '@']).nth(1));
    let mut names: Vec<String> = names.map(|name| name.trim().to_owned()).collect();
    names.sort_unstable();
    names
}

fn route(engine: &Engine, container: &str) -> String {
    exec(engine, container, "ip route | grep ^default || true")
}

#[test]
fn a_running_container_comes_to_networks_and_leaves_them() {
    let mut engine = engine();
    let prefix = prefix(&engine);
    two_networks(&engine);
    idle(&engine, "aa", &["--network", "one"]);
    idle(&engine, "bb", &["--network", "two"]);
    assert_ne!(
        engine
            .run(&["exec", "bb", "ping", "-c", "1", "-W", "1", "aa"])
            .code(),
        0
    );
    engine.ok(&[
        "network",
        "connect",
        "--alias",
        "extra",
        "--ip",
        &format!("{prefix}.200"),
        "two",
        "aa",
    ]);
    assert_eq!(networks(&engine, "aa"), ["one", "two"]);
    assert_eq!(address(&engine, "aa", "two"), format!("{prefix}.200"));
    for name in ["aa", "extra"] {
        assert!(leads(&engine, "bb", name, &format!("{prefix}.200")), "{name}");
    }
    let b = address(&engine, "bb", "two");
    assert!(leads(&engine, "aa", "bb", &b));
    assert_eq!(interfaces(&engine, "aa"), ["eth0", "eth1", "lo"]);
    assert!(route(&engine, "aa").contains(&format!("via {prefix}.1 dev eth0")));
    let hosts = exec(&engine, "aa", "cat /etc/hosts");
    assert!(
        hosts.contains(&address(&engine, "aa", "one")) && hosts.contains(&format!("{prefix}.200\t")),
        "{hosts}"
    );
    let on_two = engine.ok(&["ps", "-f", "network=two", "--format", "{{.Names}}"]);
    assert_eq!(
        on_two.lines().collect::<BTreeSet<_>>(),
        BTreeSet::from(["aa", "bb"])
    );
    let seen: Value = serde_json::from_str(&engine.ok(&["network", "inspect", "two"])).unwrap();
    assert_eq!(seen[0]["Containers"].as_object().unwrap().len(), 2);
    engine
        .run(&["network", "rm", "two"])
        .says(&["has active endpoints"]);
    let again = engine.run(&["network", "connect", "two", "aa"]);
    again.fails(1);
    again.says(&["endpoint with name aa already exists in network two"]);

    if !Engine::is_reference() {
        engine.corten_mut().kill9();
        engine.corten_mut().restart();
        assert!(leads(&engine, "bb", "extra", &format!("{prefix}.200")));
    }

    engine.ok(&["network", "disconnect", "one", "aa"]);
    assert_eq!(networks(&engine, "aa"), ["two"]);
    assert_eq!(interfaces(&engine, "aa"), ["eth1", "lo"]);
    assert!(route(&engine, "aa").contains(&format!("via {prefix}.129 dev eth1")));
    assert!(leads(&engine, "aa", "bb", &b));
    // Its address is its own again, however short the time is.
    for _ in 0..5 {
        engine.ok(&["restart", "-t", "0", "aa"]);
    }
    assert_eq!(networks(&engine, "aa"), ["two"]);
    assert_eq!(address(&engine, "aa", "two"), format!("{prefix}.200"));
    assert!(leads(&engine, "bb", "extra", &format!("{prefix}.200")));

    engine.ok(&["network", "disconnect", "two", "aa"]);
    engine.ok(&[
        "network",
        "connect",
        "--ip",
        &format!("{prefix}.200"),
        "two",
        "aa",
    ]);
    engine.ok(&["network", "disconnect", "-f", "two", "aa"]);
    assert_eq!(networks(&engine, "aa"), [] as [&str; 0]);
    assert_eq!(interfaces(&engine, "aa"), ["lo"]);
    assert_ne!(
        engine
            .run(&["exec", "bb", "ping", "-c", "1", "-W", "1", "aa"])
            .code(),
        0
    );
    let gone = engine.run(&["network", "disconnect", "two", "aa"]);
    gone.fails(1);
    gone.says(&["is not connected to network two"]);
    engine.ok(&["network", "connect", "one", "aa"]);
    assert_eq!(networks(&engine, "aa"), ["one"]);
    assert!(route(&engine, "aa").contains(&format!("via {prefix}.1 ")));
    engine.ok(&["rm", "-f", "aa", "bb"]);
    engine.ok(&["network", "rm", "one", "two"]);
}

#[test]
fn a_container_of_the_default_bridge_learns_names() {
    let engine = engine();
    two_networks(&engine);
    idle(&engine, "box", &[]);
    idle(&engine, "other", &["--network", "one"]);
    let before = exec(&engine, "box", "cat /etc/resolv.conf");
    let told = |name: &str| {
        engine
            .run(&["events", "--since", "1", "--until", &now(), "--filter", name])
            .out()
    };
    engine.ok(&["network", "connect", "one", "box"]);
    assert!(exec(&engine, "box", "cat /etc/resolv.conf").contains("nameserver 127.0.0.11"));
    assert!(leads(&engine, "box", "other", &address(&engine, "other", "one")));
    assert!(leads(&engine, "other", "box", &address(&engine, "box", "one")));
    assert!(
        told("event=connect").contains("name=one"),
        "{}",
        told("event=connect")
    );
    engine.ok(&["network", "disconnect", "one", "box"]);
    assert_eq!(exec(&engine, "box", "cat /etc/resolv.conf"), before);
    assert!(told("event=disconnect").contains("name=one"));
    // What was changed inside is nobody else's business.
    exec(&engine, "box", "echo nameserver 9.9.9.9 > /etc/resolv.conf");
    engine.ok(&["network", "connect", "one", "box"]);
    assert_eq!(exec(&engine, "box", "cat /etc/resolv.conf"), "nameserver 9.9.9.9");
}

#[test]
fn several_from_the_beginning_and_the_gateway_by_priority() {
    let engine = engine();
    let prefix = prefix(&engine);
    two_networks(&engine);
    let port = engine.slot().port(0);
    let script = "mkdir /www; echo web > /www/index.html; exec httpd -f -p 80 -h /www";
    let publish = format!("{port}:80");
    let flags = [
        "--network",
        "one",
        "--network",
        "name=two,alias=also,gw-priority=5",
        "-p",
        &publish,
    ];
    engine.ok(&[
        &["run", "-d", "--name", "web"][..],
        &flags,
        &[BB, "sh", "-c", script],
    ]
    .concat());
    let answers =
        || http::get(&format!("127.0.0.1:{port}"), "/").is_ok_and(|page| page.text().trim() == "web");
    let ports = || engine.ok(&["port", "web", "80/tcp"]);
    until("it answers", SOON, answers);
    assert_eq!(networks(&engine, "web"), ["one", "two"]);
    assert!(route(&engine, "web").contains(&format!("via {prefix}.129 ")));
    let settings = inspect(&engine, "web")["NetworkSettings"]["Networks"]["two"].clone();
    assert_eq!(
        (&settings["GwPriority"], &settings["Aliases"][0]),
        (&5.into(), &"also".into())
    );
    idle(&engine, "peer", &["--network", "two"]);
    assert!(leads(&engine, "peer", "also", &address(&engine, "web", "two")));
    // Ports follow the gateway, under their numbers.
    engine.ok(&["network", "disconnect", "two", "web"]);
    assert!(route(&engine, "web").contains(&format!("via {prefix}.1 ")));
    assert!(answers() && ports().contains(&port.to_string()));
    engine.ok(&["network", "connect", "--gw-priority", "7", "two", "web"]);
    assert!(route(&engine, "web").contains(&format!("via {prefix}.129 ")));
    assert!(answers() && ports().contains(&port.to_string()));
    engine.ok(&["network", "disconnect", "one", "web"]);
    engine.ok(&["network", "disconnect", "two", "web"]);
    assert!(!answers());
    // While it does not run, it is written down.
    engine.ok(&["stop", "-t", "0", "web"]);
    engine.ok(&["network", "connect", "--alias", "late", "two", "web"]);
    assert_eq!(networks(&engine, "web"), ["two"]);
    engine.ok(&["start", "web"]);
    until("it answers again", SOON, answers);
    assert!(leads(&engine, "peer", "late", &address(&engine, "web", "two")));
}

/// Host address and number of each binding of port 80.
fn bindings(engine: &Engine, container: &str) -> BTreeSet<(String, String)> {
    let found = inspect(engine, container);
    let bindings = found["NetworkSettings"]["Ports"]["80/tcp"].as_array().cloned();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let bindings = bindings.unwrap_or_default().into_iter();
    bindings
        .map(|binding| (text(&binding["HostIp"]), text(&binding["HostPort"])))
        .collect()
}

#[test]
fn ports_of_each_family_follow_its_own_gateway() {
    corten_only!();
    let mut engine = engine();
    let four = prefix(&engine);
    let number = engine.slot().port(0);
    let six = |last: u8| format!("fd00:c0de:{number:x}:{last}::/64");
    engine.ok(&["network", "create", "--subnet", &format!("{four}.0/25"), "four"]);
    let only = ["network", "create", "--ipv4=false", "--ipv6", "--subnet"];
    engine.ok(&[&only[..], &[&six(1), "six"]].concat());
    let upper = format!("{four}.128/25");
    let both = ["network", "create", "--ipv6", "--subnet", &upper, "--subnet"];
    engine.ok(&[&both[..], &[&six(2), "both"]].concat());
    let [port, fixed] = [0, 1].map(|index| engine.slot().port(index));
    let script = "mkdir /www; echo web > /www/index.html; exec httpd -f -p 80 -h /www";
    let run = |engine: &Engine, flags: &[&str]| {
        engine.ok(&[&["run", "-d"], flags, &[BB, "sh", "-c", script]].concat());
    };
    let answers = |host: &str, port: u16| {
        http::get(&format!("{host}:{port}"), "/").is_ok_and(|page| page.text().trim() == "web")
    };
    let expect = |engine: &Engine, hosts: &[&str]| {
        let wanted = hosts.iter().map(|host| ((*host).to_owned(), port.to_string()));
        assert_eq!(bindings(engine, "web"), wanted.collect());
        for (host, local) in [("0.0.0.0", "127.0.0.1"), ("::", "[::1]")] {
            if hosts.contains(&host) {
                until(&format!("{local} answers"), SOON, || answers(local, port));
            } else {
                assert!(!answers(local, port), "{local}");
            }
        }
    };
    let publish = format!("{port}:80");
    run(
        &engine,
        &[
            "--name",
            "web",
            "--network",
            "six",
            "--network",
            "four",
            "-p",
            &publish,
        ],
    );
    expect(&engine, &["0.0.0.0", "::"]);
    // One number for both, chosen by the engine; and one family alone.
    run(
        &engine,
        &[
            "--name",
            "any",
            "--network",
            "four",
            "--network",
            "six",
            "-p",
            "80",
        ],
    );
    let any = bindings(&engine, "any");
    let numbers: BTreeSet<&String> = any.iter().map(|(_, port)| port).collect();
    assert_eq!((any.len(), numbers.len()), (2, 1), "{any:?}");
    let loopback = format!("[::1]:{fixed}:80");
    run(
        &engine,
        &[
            "--name",
            "local",
            "--network",
            "four",
            "--network",
            "six",
            "-p",
            &loopback,
        ],
    );
    until("the loopback answers", SOON, || answers("[::1]", fixed));
    assert!(!answers("127.0.0.1", fixed));
    // Without IPv6 there is nothing to publish it at; that is no reason to stay.
    engine.ok(&["network", "disconnect", "six", "local"]);
    assert_eq!(bindings(&engine, "local"), BTreeSet::new());
    engine.ok(&["network", "connect", "six", "local"]);
    until("the loopback answers again", SOON, || answers("[::1]", fixed));
    let more = engine.slot().port(2);
    let wish = format!(r#"{{"PublishAdd":{{"80/tcp":[{{"HostPort":"{more}"}}]}}}}"#);
    let added = engine.api("POST", "/containers/local/update", &wish);
    assert_eq!(added.status, 200, "{}", added.text());
    assert!(answers("[::1]", more) && answers("127.0.0.1", more) && answers("[::1]", fixed));
    engine.ok(&["rm", "-f", "any"]);
    run(
        &engine,
        &["--name", "any", "--network", "four", "--network", "six"],
    );
    let wish = r#"{"PublishAdd":{"80/tcp":[{"HostPort":""}]}}"#;
    assert_eq!(engine.api("POST", "/containers/any/update", wish).status, 200);
    let any = bindings(&engine, "any");
    let numbers: BTreeSet<&String> = any.iter().map(|(_, port)| port).collect();
    assert_eq!((any.len(), numbers.len()), (2, 1), "{any:?}");

    engine.corten_mut().kill9();
    engine.corten_mut().restart();
    expect(&engine, &["0.0.0.0", "::"]);
    assert_eq!(bindings(&engine, "any"), any);
    engine.ok(&["network", "disconnect", "six", "web"]);
    expect(&engine, &["0.0.0.0"]);
    engine.ok(&["network", "connect", "six", "web"]);
    expect(&engine, &["0.0.0.0", "::"]);
    // All of it goes to one that has both and comes first, and back.
    engine.ok(&["network", "connect", "--gw-priority", "5", "both", "web"]);
    expect(&engine, &["0.0.0.0", "::"]);
    engine.ok(&["network", "disconnect", "four", "web"]);
    engine.ok(&["network", "disconnect", "six", "web"]);
    expect(&engine, &["0.0.0.0", "::"]);
    engine.ok(&["network", "connect", "--gw-priority", "9", "four", "web"]);
    expect(&engine, &["0.0.0.0", "::"]);
    assert!(route(&engine, "web").contains(&format!("via {four}.1 ")));
    engine.ok(&["network", "disconnect", "both", "web"]);
    expect(&engine, &["0.0.0.0"]);
    engine.ok(&["network", "disconnect", "four", "web"]);
    expect(&engine, &[]);
    engine.ok(&["network", "connect", "six", "web"]);
    expect(&engine, &["::"]);
    engine.ok(&["rm", "-f", "web", "any", "local"]);
    // Nothing is held any more.
    run(&engine, &["--name", "web", "--network", "both", "-p", &publish]);
    expect(&engine, &["0.0.0.0", "::"]);
}

#[test]
fn ports_that_cannot_move_keep_a_container_where_it_is() {
    corten_only!();
    let engine = engine();
    let prefix = prefix(&engine);
    let port = engine.slot().port(0);
    for (name, start, host) in [("one", 0, "127.0.0.8"), ("two", 128, "127.0.0.9")] {
        let subnet = format!("{prefix}.{start}/25");
        let binding = format!("com.docker.network.bridge.host_binding_ipv4={host}");
        engine.ok(&["network", "create", "--subnet", &subnet, "-o", &binding, name]);
    }
    let script = "mkdir /www; echo web > /www/index.html; exec httpd -f -p 80 -h /www";
    let publish = format!("{port}:80");
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "web",
        "--network",
        "one",
        "-p",
        &publish,
        BB,
        "sh",
        "-c",
        script,
    ]);
    let answers =
        |host: &str| http::get(&format!("{host}:{port}"), "/").is_ok_and(|page| page.text().trim() == "web");
    until("it answers", SOON, || answers("127.0.0.8"));
    let taken = TcpListener::bind(("127.0.0.9", port)).unwrap();
    let come = ["network", "connect", "--gw-priority", "5", "two", "web"];
    let refused = engine.run(&come);
    refused.fails(1);
    refused.says(&["address already in use"]);
    let first = BTreeSet::from([("127.0.0.8".to_owned(), port.to_string())]);
    assert_eq!(bindings(&engine, "web"), first);
    assert_eq!(networks(&engine, "web"), ["one"]);
    assert_eq!(interfaces(&engine, "web"), ["eth0", "lo"]);
    assert!(route(&engine, "web").contains(&format!("via {prefix}.1 ")));
    assert!(answers("127.0.0.8"));
    // The port of the place that it did not come to is free.
    drop(taken);
    engine.ok(&come);
    until("it answers there", SOON, || answers("127.0.0.9"));
    assert!(!answers("127.0.0.8"));
    // Who leaves need not stay for a port that somebody else has.
    let taken = TcpListener::bind(("127.0.0.8", port)).unwrap();
    engine.ok(&["network", "disconnect", "two", "web"]);
    assert_eq!(networks(&engine, "web"), ["one"]);
    assert_eq!(bindings(&engine, "web"), BTreeSet::new());
    assert!(route(&engine, "web").contains(&format!("via {prefix}.1 ")));
    drop(taken);
    engine.ok(&["restart", "-t", "0", "web"]);
    until("it answers again", SOON, || answers("127.0.0.8"));
}

/// What a container does to its interfaces is its own affair, and keeps nobody from taking it off a network.
#[test]
fn a_container_has_no_veto() {
    corten_only!();
    let engine = engine();
    let prefix = prefix(&engine);
    let number = engine.slot().port(0);
    for (name, last, start) in [("one", 1, 0), ("two", 2, 128)] {
        let six = format!("fd00:c0de:{number:x}:{last}::/64");
        let four = format!("{prefix}.{start}/25");
        engine.ok(&[
            "network", "create", "--ipv6", "--subnet", &four, "--subnet", &six, name,
        ]);
    }
    // One without IPv6, whatever the network has.
    let without = ["--sysctl", "net.ipv6.conf.all.disable_ipv6=1", "--network", "one"];
    idle(&engine, "four", &without);
    engine.ok(&["network", "connect", "two", "four"]);
    assert_eq!(networks(&engine, "four"), ["one", "two"]);
    engine.ok(&["network", "disconnect", "one", "four"]);
    assert_eq!(interfaces(&engine, "four"), ["eth1", "lo"]);
    assert!(route(&engine, "four").contains(&format!("via {prefix}.129 ")));
    // The place to go to is closed.
    idle(&engine, "shut", &["--cap-add", "NET_ADMIN", "--network", "one"]);
    engine.ok(&["network", "connect", "two", "shut"]);
    exec(&engine, "shut", "ip link set eth1 down");
    engine.ok(&["network", "disconnect", "one", "shut"]);
    assert_eq!(interfaces(&engine, "shut"), ["eth1", "lo"]);
    engine.ok(&["network", "connect", "one", "shut"]);
    assert!(route(&engine, "shut").contains(&format!("via {prefix}.1 ")));
    engine.ok(&["rm", "-f", "four", "shut"]);
    engine.ok(&["network", "rm", "one", "two"]);
}

/// A process that is being started has copies of all of the daemon's sockets for a moment.
#[test]
fn ports_move_while_others_are_started() {
    corten_only!();
    let engine = engine();
    two_networks(&engine);
    let port = engine.slot().port(0);
    let publish = format!("{port}:80");
    idle(&engine, "box", &["--network", "one", "-p", &publish]);
    engine.ok(&["network", "connect", "two", "box"]);
    let over = AtomicBool::new(false);
    let expected = BTreeSet::from([("0.0.0.0".to_owned(), port.to_string())]);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    engine.run(&["run", "--rm", BB, "true"]);
                }
            });
        }
        let moved = (0..8).all(|_| {
            let mut all = ["one", "two"].into_iter().flat_map(|name| {
                ["disconnect", "connect"].map(|verb| engine.run(&["network", verb, name, "box"]).code())
            });
            all.all(|code| code == 0) && bindings(&engine, "box") == expected
        });
        over.store(true, Ordering::Relaxed);
        assert!(moved, "{:?}", bindings(&engine, "box"));
    });
}

#[test]
fn what_does_not_go_together() {
    let engine = engine();
    two_networks(&engine);
    idle(&engine, "of-host", &["--network", "host"]);
    idle(&engine, "alone", &["--network", "none"]);
    idle(&engine, "box", &["--network", "one"]);
    idle(&engine, "guest", &["--network", "container:box"]);
    let outside = "192.0.2.1";
    for (words, sentence) in [
        (
            &["connect", "one", "of-host"][..],
            "sharing network namespace with another container or host",
        ),
        (
            &["connect", "host", "box"],
            "disconnected from host network or connected to host network",
        ),
        (
            &["connect", "one", "alone"],
            "multiple networks with one of the networks in private (none) mode",
        ),
        (
            &["connect", "one", "guest"],
            "sharing network namespace with another container or host",
        ),
        (&["connect", "nowhere", "box"], "network nowhere not found"),
        (&["connect", "two", "nobody"], "No such container: nobody"),
        (
            &["connect", "--ip", outside, "two", "box"],
            "no configured subnet or ip-range contain the IP address",
        ),
        (&["connect", "--ip", "x", "two", "box"], "invalid IPv4 address: x"),
        (
            &["connect", "--ip", "10.0.0.9", "bridge", "box"],
            "user defined networks only",
        ),
        (
            &["disconnect", "host", "of-host"],
            "disconnected from host network or connected to host network",
        ),
        (&["disconnect", "two", "box"], "is not connected to network two"),
        (&["disconnect", "nowhere", "box"], "network nowhere not found"),
    ] {
        let refused = engine.run(&[&["network"], words].concat());
        refused.fails(1);
        refused.says(&[sentence]);
    }
    assert_eq!(networks(&engine, "box"), ["one"]);
    assert_eq!(interfaces(&engine, "box"), ["eth0", "lo"]);
}

#[test]
fn two_hundred_at_once() {
    corten_only!();
    let engine = engine();
    two_networks(&engine);
    let names: Vec<String> = (0..10).map(|number| format!("c{number}")).collect();
    for name in &names {
        idle(&engine, name, &["--network", "one"]);
    }
    thread::scope(|scope| {
        for name in &names {
            let engine = &engine;
            scope.spawn(move || {
                let body = format!(r#"{{"Container":"{name}"}}"#);
                for round in 0..10 {
                    let connected = engine.api("POST", "/networks/two/connect", &body);
                    assert_eq!(connected.status, 200, "{name} {round}: {connected:?}");
                    let left = engine.api("POST", "/networks/two/disconnect", &body);
                    assert_eq!(left.status, 200, "{name} {round}: {left:?}");
                }
                assert_eq!(engine.api("POST", "/networks/two/connect", &body).status, 200);
            });
        }
    });
    let addresses: BTreeSet<String> = names.iter().map(|name| address(&engine, name, "two")).collect();
    assert_eq!(addresses.len(), names.len(), "{addresses:?}");
    for name in &names {
        assert_eq!(interfaces(&engine, name), ["eth0", "eth1", "lo"]);
        let told = engine.run(&["exec", "c0", "ping", "-c", "1", "-W", "1", name]);
        let known = ["one", "two"].map(|network| format!("({})", address(&engine, name, network)));
        assert!(
            known.iter().any(|one| told.out().contains(one)),
            "{name} {known:?}: {told:?}"
        );
    }
    for name in &names {
        engine.ok(&["rm", "-f", name]);
    }
    until("the networks can go", SOON, || {
        engine.run(&["network", "rm", "one", "two"]).code() == 0
    });
}

#[test]
fn a_container_that_ends_meanwhile_is_no_fault_of_the_daemon() {
    corten_only!();
    let engine = engine();
    two_networks(&engine);
    for round in 0..12 {
        idle(&engine, "box", &["--network", "one"]);
        let body = r#"{"Container":"box"}"#;
        thread::scope(|scope| {
            let changing = scope.spawn(|| {
                let deadline = Instant::now() + SOON;
                for verb in ["connect", "disconnect"].iter().cycle() {
                    let answer = engine.api("POST", &format!("/networks/two/{verb}"), body);
                    let told = answer.text();
                    for inner in ["/proc/", "shim", "netlink"] {
                        assert!(!told.contains(inner), "{round} {verb}: {told}");
                    }
                    if answer.status == 404 {
                        return;
                    }
                    assert!(Instant::now() < deadline, "{round}: never gone; at last {told}");
                }
            });
            engine.ok(&["kill", "box"]);
            engine.ok(&["rm", "-f", "box"]);
            changing.join().unwrap();
        });
    }
}

/// Killed at any moment, the next daemon has the container where its record says, and its interfaces are there.
#[test]
fn a_daemon_killed_in_the_middle_leaves_no_half() {
    corten_only!();
    let mut engine = engine();
    two_networks(&engine);
    let port = engine.slot().port(0);
    idle(&engine, "box", &["--network", "one", "-p", &format!("{port}:80")]);
    idle(&engine, "peer", &["--network", "two"]);
    for round in 0..30_u64 {
        let verb = match networks(&engine, "box").contains(&"two".to_owned()) {
            true => "disconnect",
            false => "connect",
        };
        let body = r#"{"Container":"box","EndpointConfig":{"GwPriority":3}}"#;
        let socket = engine.socket().to_owned();
        let asking = thread::spawn(move || {
            // Whether it is heard is what this is about.
            let _ = http::try_unix(&socket, "POST", &format!("/networks/two/{verb}"), body.as_bytes());
        });
        // No condition: any moment of the change is a moment to be killed in.
        thread::sleep(Duration::from_micros(500 + 700 * round));
        engine.corten_mut().kill9();
        asking.join().unwrap();
        engine.corten_mut().restart();
        let on = networks(&engine, "box");
        let there = interfaces(&engine, "box");
        assert_eq!(
            there.len(),
            on.len() + 1,
            "round {round}, {verb}: {on:?} {there:?}"
        );
        assert!(on.contains(&"one".to_owned()));
        if on.contains(&"two".to_owned()) {
            assert!(
                leads(&engine, "peer", "box", &address(&engine, "box", "two")),
                "round {round}"
            );
        }
        let told = engine.ok(&["port", "box"]);
        assert!(told.contains(&port.to_string()), "round {round}: {told}");
    }
    engine.ok(&["rm", "-f", "box", "peer"]);
    until("the networks can go", SOON, || {
        engine.run(&["network", "rm", "one", "two"]).code() == 0
    });
}

#[test]
fn full_host_names_leave_with_their_network() {
    let engine = engine();
    two_networks(&engine);
    idle(&engine, "box", &["--network", "one", "-h", "web.example.org"]);
    engine.ok(&["network", "connect", "two", "box"]);
    let at = address(&engine, "box", "two");
    let lines = || exec(&engine, "box", "cat /etc/hosts");
    assert!(
        lines().contains(&format!("{at}\tweb.example.org web")),
        "{}",
        lines()
    );
    engine.ok(&["network", "disconnect", "two", "box"]);
    assert!(!lines().contains(&at), "{}", lines());
    assert!(lines().contains("\tweb.example.org web"));
}

#[test]
fn one_network_by_two_names_is_refused() {
    corten_only!();
    let engine = engine();
    two_networks(&engine);
    let id = engine.ok(&["network", "inspect", "-f", "{{.Id}}", "two"]);
    for mode in ["one", "two"] {
        let body = format!(
            r#"{{"Image":"{BB}","HostConfig":{{"NetworkMode":"{mode}"}},"NetworkingConfig":{{"EndpointsConfig":{{"{mode}":{{}},"two":{{}},"{id}":{{}},"{}":{{}}}}}}}}"#,
            &id[..12]
        );
        let answer = engine.api("POST", "/containers/create", &body);
        assert_eq!(answer.status, 400, "{mode}");
    }
    assert_eq!(engine.ok(&["ps", "-aq"]), "");
}
