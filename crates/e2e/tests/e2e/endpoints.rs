//! What containers wish for on networks: links, link-local addresses, options of their interfaces; and what cannot be had.

use corten_testkit::{Engine, until};
use serde_json::json;

use crate::{BB, SOON, corten_only, engine, idle, inspect, new_docker_only};

fn exec(engine: &Engine, container: &str, script: &str) -> String {
    engine.ok(&["exec", container, "sh", "-c", script])
}

fn address(engine: &Engine, container: &str, network: &str) -> String {
    let found = inspect(engine, container);
    let address = &found["NetworkSettings"]["Networks"][network]["IPAddress"];
    address.as_str().unwrap_or_default().to_owned()
}

fn networks(engine: &Engine, container: &str) -> Vec<String> {
    let found = inspect(engine, container);
    let networks = found["NetworkSettings"]["Networks"].as_object().cloned();
    networks.unwrap_or_default().keys().cloned().collect()
}

/// Where a name leads a container.
fn lookup(engine: &Engine, from: &str, name: &str) -> Option<String> {
    let ping = engine
        .run(&["exec", from, "ping", "-c", "1", "-W", "1", name])
        .out();
    let (_, rest) = ping.split_once('(')?;
    Some(rest.split_once(')')?.0.to_owned())
}

/// Networks `one` and `two`, in subnets that no other test has.
fn two_networks(engine: &Engine) {
    let prefix = engine.slot().subnet_prefix().replacen("10.2", "10.1", 1);
    for (name, start) in [("one", 0), ("two", 128)] {
        let subnet = format!("{prefix}.{start}/25");
        engine.ok(&["network", "create", "--subnet", &subnet, name]);
    }
}

#[test]
fn a_link_is_a_word_of_one_network() {
    let engine = engine();
    two_networks(&engine);
    idle(&engine, "db", &["--network", "one"]);
    engine.ok(&["network", "connect", "two", "db"]);
    idle(&engine, "web", &["--network", "one", "--link", "db:first"]);
    engine.ok(&["network", "connect", "--link", "db:second", "two", "web"]);
    let (one, two) = (address(&engine, "db", "one"), address(&engine, "db", "two"));
    for (name, at) in [
        ("first", Some(&one)),
        ("first.one", Some(&one)),
        ("first.two", None),
        ("second", Some(&two)),
        ("second.two", Some(&two)),
        ("second.one", None),
        ("db.one", Some(&one)),
        ("db.two", Some(&two)),
    ] {
        assert_eq!(lookup(&engine, "web", name).as_ref(), at, "{name}");
    }
}

#[test]
fn links_given_when_coming_to_the_default_bridge_are_lines_of_hosts() {
    // Docker takes them and does nothing.
    corten_only!();
    let mut engine = engine();
    two_networks(&engine);
    idle(&engine, "db", &["-h", "store"]);
    idle(&engine, "web", &["--network", "one"]);
    engine.ok(&["network", "connect", "--link", "db:data", "bridge", "web"]);
    let line = |engine: &Engine| {
        let hosts = exec(engine, "web", "cat /etc/hosts");
        let line = hosts.lines().find(|line| line.contains("data"));
        line.map(str::to_owned)
    };
    let expected = |engine: &Engine| Some(format!("{}\tdata store db", address(engine, "db", "bridge")));
    assert_eq!(line(&engine), expected(&engine));
    // It follows whom it means.
    engine.ok(&["stop", "-t", "0", "db"]);
    idle(&engine, "filler", &[]);
    engine.ok(&["start", "db"]);
    assert_eq!(line(&engine), expected(&engine));
    engine.ok(&["restart", "-t", "0", "web"]);
    assert_eq!(line(&engine), expected(&engine));
    engine.corten_mut().kill9();
    engine.corten_mut().restart();
    let shown = inspect(&engine, "web");
    assert_eq!(
        shown["NetworkSettings"]["Networks"]["bridge"]["Links"][0],
        "db:data"
    );
    engine.ok(&["network", "disconnect", "bridge", "web"]);
    assert_eq!(line(&engine), None);
}

/// One first on another network is told of as well.
#[test]
fn links_lead_to_the_place_on_the_default_bridge() {
    new_docker_only!();
    corten_only!();
    let engine = engine();
    two_networks(&engine);
    idle(&engine, "db", &["--network", "one"]);
    engine.ok(&["network", "connect", "bridge", "db"]);
    idle(&engine, "web", &["--link", "db:data"]);
    let line = || exec(&engine, "web", "grep data /etc/hosts");
    assert!(
        line().starts_with(&format!("{}\t", address(&engine, "db", "bridge"))),
        "{}",
        line()
    );
    engine.ok(&["stop", "-t", "0", "db"]);
    idle(&engine, "filler", &[]);
    engine.ok(&["start", "db"]);
    assert!(
        line().starts_with(&format!("{}\t", address(&engine, "db", "bridge"))),
        "{}",
        line()
    );
}

#[test]
fn interfaces_are_as_wished() {
    corten_only!();
    new_docker_only!();
    let engine = engine();
    two_networks(&engine);
    let options = "name=one,driver-opt=com.docker.network.endpoint.ifname=front,\
                   driver-opt=com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1,\
                   link-local-ip=169.254.7.7";
    idle(&engine, "box", &["--network", options]);
    let addresses = || exec(&engine, "box", "ip -o -4 addr");
    assert!(
        addresses().contains("front    inet 169.254.7.7/16"),
        "{}",
        addresses()
    );
    let martians = |name: &str| {
        exec(
            &engine,
            "box",
            &format!("cat /proc/sys/net/ipv4/conf/{name}/log_martians"),
        )
    };
    assert_eq!(martians("front").trim(), "1");
    let name = "com.docker.network.endpoint.ifname=back";
    let sysctl = "com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1";
    engine.ok(&[
        "network",
        "connect",
        "--driver-opt",
        name,
        "--driver-opt",
        sysctl,
        "--link-local-ip",
        "fe80::77",
        "two",
        "box",
    ]);
    assert_eq!(martians("back").trim(), "1");
    assert!(exec(&engine, "box", "ip -o -6 addr").contains("fe80::77/64"));
    let shown = inspect(&engine, "box")["NetworkSettings"]["Networks"]["two"].clone();
    assert_eq!(shown["IPAMConfig"]["LinkLocalIPs"][0], "fe80::77");
    assert_eq!(shown["DriverOpts"]["com.docker.network.endpoint.ifname"], "back");
    // They are there again after the next start.
    engine.ok(&["restart", "-t", "0", "box"]);
    assert!(
        addresses().contains("front    inet 169.254.7.7/16"),
        "{}",
        addresses()
    );
    assert_eq!((martians("front").trim(), martians("back").trim()), ("1", "1"));
    engine.ok(&["network", "disconnect", "two", "box"]);
    for (option, sentence) in [
        (
            "com.docker.network.endpoint.ifname=front",
            "interface name front is already in use",
        ),
        (
            "com.docker.network.endpoint.sysctls=net.ipv4.conf.eth0.log_martians=1",
            "unrecognised network interface sysctl 'net.ipv4.conf.eth0.log_martians=1'",
        ),
        (
            "com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.nothing=1",
            "ipv4/conf/eth0/nothing",
        ),
    ] {
        let refused = engine.run(&["network", "connect", "--driver-opt", option, "two", "box"]);
        refused.fails(1);
        refused.says(&[sentence]);
    }
    assert_eq!(
        exec(&engine, "box", "ls /sys/class/net")
            .split_whitespace()
            .count(),
        2
    );
    let wish = [
        "run",
        "--rm",
        "--network",
        "bridge",
        "--ip6",
        "fd00::5",
        BB,
        "true",
    ];
    let refused = engine.run(&wish);
    refused.fails(125);
    refused.says(&["user specified IP address is supported on user defined networks only"]);
}

#[test]
fn options_that_no_driver_knows_have_no_effect() {
    let engine = engine();
    two_networks(&engine);
    idle(&engine, "box", &[]);
    engine.ok(&["network", "connect", "--driver-opt", "foo=bar", "one", "box"]);
    let body = json!({
        "Image": BB, "Cmd": ["true"], "HostConfig": {"NetworkMode": "two"},
        "NetworkingConfig": {"EndpointsConfig": {"two": {"DriverOpts": {"foo": "bar", "": "x"}}}},
    });
    let made = engine.api("POST", "/containers/create?name=other", &body.to_string());
    assert_eq!(made.status, 201, "{}", made.text());
    engine.ok(&["start", "-a", "other"]);
    for (name, network) in [("box", "one"), ("other", "two")] {
        let shown = inspect(&engine, name)["NetworkSettings"]["Networks"][network].clone();
        assert_eq!(shown["DriverOpts"]["foo"], "bar", "{shown}");
    }
}

#[test]
fn ipv6_can_be_turned_off_at_one_interface() {
    corten_only!();
    new_docker_only!();
    let engine = engine();
    let number = format!("fd00:c0de:{:x}", engine.slot().port(0));
    let (four, six) = (
        engine.slot().subnet_prefix().replacen("10.2", "10.1", 1) + ".0/24",
        format!("{number}:6::/64"),
    );
    engine.ok(&[
        "network", "create", "--ipv6", "--subnet", &four, "--subnet", &six, "both",
    ]);
    let off = "com.docker.network.endpoint.sysctls=net.ipv6.conf.IFNAME.disable_ipv6=1";
    let port = engine.slot().port(1);
    let publish = format!("{port}:80");
    idle(
        &engine,
        "box",
        &[
            "--network",
            &format!("name=both,driver-opt={off}"),
            "-p",
            &publish,
        ],
    );
    idle(&engine, "peer", &["--network", "both"]);
    let addresses = |name: &str| exec(&engine, name, "ip -o addr show dev eth0");
    let has_none = || {
        let text = addresses("box");
        assert!(text.contains("inet ") && !text.contains("inet6"), "{text}");
        let setting = exec(&engine, "box", "cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6");
        assert_eq!(setting, "1");
    };
    has_none();
    assert!(addresses("peer").contains("inet6"));
    let shown = inspect(&engine, "box")["NetworkSettings"].clone();
    assert_eq!(shown["Networks"]["both"]["GlobalIPv6Address"], "");
    assert_eq!(shown["Ports"]["80/tcp"].as_array().unwrap().len(), 1);
    engine.ok(&["exec", "peer", "ping", "-c", "1", "-W", "2", "box"]);
    engine.ok(&["restart", "-t", "0", "box"]);
    has_none();
    engine.ok(&["network", "disconnect", "both", "box"]);
    engine.ok(&["network", "connect", "--driver-opt", off, "both", "box"]);
    assert!(!exec(&engine, "box", "ip -o addr").contains(&number));

    let alone = format!("{number}:7::/64");
    engine.ok(&[
        "network",
        "create",
        "--ipv4=false",
        "--ipv6",
        "--subnet",
        &alone,
        "six",
    ]);
    let refused = engine.run(&["network", "connect", "--driver-opt", off, "six", "box"]);
    refused.fails(1);
    refused.says(&["network six has IPv6 alone, and the endpoint has it turned off"]);
}

#[test]
fn addresses_on_built_in_networks_are_refused_by_their_names() {
    corten_only!();
    let engine = engine();
    for network in ["host", "none", "bridge"] {
        for (ip, more) in [("10.77.1.9", ""), ("x", "\ninvalid IPv4 address: x")] {
            let body = json!({
                "Image": BB, "HostConfig": {"NetworkMode": network},
                "NetworkingConfig": {"EndpointsConfig": {network: {"IPAMConfig": {"IPv4Address": ip}}}},
            });
            let answer = engine.api("POST", "/containers/create?name=box", &body.to_string());
            let sentence = format!(
                "invalid config for network {network}: invalid endpoint settings:\nuser specified IP address is supported \
                 on user defined networks only{more}"
            );
            assert_eq!((answer.status, answer.message()), (400, sentence));
        }
    }
}

#[test]
fn a_resting_container_forgets_the_hosts_network() {
    let engine = engine();
    two_networks(&engine);
    engine.ok(&[
        "create",
        "--name",
        "box",
        "--network",
        "host",
        BB,
        "sleep",
        "1000",
    ]);
    engine.ok(&["network", "disconnect", "host", "box"]);
    assert_eq!(networks(&engine, "box"), [] as [&str; 0]);
    let again = engine.run(&["network", "disconnect", "host", "box"]);
    again.fails(1);
    again.says(&["is not connected to the network host"]);
    // Its namespace is the host's all the same.
    engine.ok(&["start", "box"]);
    let here = std::fs::read_link("/proc/self/ns/net").unwrap();
    assert_eq!(
        exec(&engine, "box", "readlink /proc/self/ns/net"),
        here.display().to_string()
    );
    assert_eq!(networks(&engine, "box"), [] as [&str; 0]);
    engine.ok(&["stop", "-t", "0", "box"]);
    engine.ok(&["network", "connect", "host", "box"]);
    assert_eq!(networks(&engine, "box"), ["host"]);
    engine.ok(&["start", "box"]);
    let refused = engine.run(&["network", "disconnect", "-f", "host", "box"]);
    refused.fails(1);
    refused.says(&["container cannot be disconnected from host network"]);
}

#[test]
fn built_in_networks_answer_as_dockers() {
    let engine = engine();
    two_networks(&engine);
    idle(&engine, "box", &[]);
    idle(&engine, "alone", &["--network", "none"]);
    idle(&engine, "of-host", &["--network", "host"]);
    engine.ok(&["create", "--name", "resting", BB, "true"]);
    let private =
        "container cannot be connected to multiple networks with one of the networks in private (none) mode";
    let shared = "container sharing network namespace with another container or host cannot be connected to any other network";
    let of_host = "container cannot be disconnected from host network or connected to host network";
    for (verb, network, name, force, status, sentence) in [
        ("connect", "none", "box", false, 400, private),
        ("connect", "none", "resting", false, 400, private),
        (
            "connect",
            "none",
            "alone",
            false,
            403,
            "endpoint with name alone already exists in network none",
        ),
        ("connect", "none", "of-host", false, 400, shared),
        ("connect", "bridge", "of-host", false, 400, shared),
        ("connect", "host", "box", false, 400, of_host),
        ("connect", "host", "alone", false, 400, of_host),
        (
            "connect",
            "host",
            "of-host",
            false,
            403,
            "endpoint with name of-host already exists in network host",
        ),
        ("disconnect", "host", "of-host", false, 400, of_host),
        (
            "disconnect",
            "host",
            "box",
            false,
            500,
            " is not connected to network host",
        ),
        (
            "disconnect",
            "none",
            "box",
            false,
            500,
            " is not connected to network none",
        ),
        (
            "disconnect",
            "none",
            "resting",
            false,
            500,
            " is not connected to the network none",
        ),
        (
            "disconnect",
            "one",
            "box",
            true,
            500,
            " is not connected to network one",
        ),
        (
            "disconnect",
            "nowhere",
            "box",
            true,
            500,
            " is not connected to the network nowhere",
        ),
        (
            "disconnect",
            "nowhere",
            "resting",
            false,
            500,
            " is not connected to the network nowhere",
        ),
        (
            "disconnect",
            "nowhere",
            "box",
            false,
            404,
            "network nowhere not found",
        ),
        ("disconnect", "one", "gone", true, 404, "endpoint gone not found"),
        ("disconnect", "one", "gone", false, 404, "No such container: gone"),
        (
            "disconnect",
            "nowhere",
            "gone",
            true,
            404,
            "network nowhere not found",
        ),
    ] {
        let body = format!(r#"{{"Container":"{name}","Force":{force}}}"#);
        let answer = engine.api("POST", &format!("/networks/{network}/{verb}"), &body);
        let words = serde_json::from_str::<serde_json::Value>(&answer.text()).unwrap();
        let words = words["message"].as_str().unwrap();
        let whole = words == sentence || (sentence.starts_with(' ') && words.ends_with(sentence));
        assert!(
            answer.status == status && whole,
            "{verb} {network} {name}: {answer:?}"
        );
    }
}

#[test]
fn a_container_of_no_network_can_leave_that_for_another() {
    let mut engine = engine();
    two_networks(&engine);
    idle(&engine, "alone", &["--network", "none"]);
    engine.ok(&["network", "disconnect", "none", "alone"]);
    assert_eq!(networks(&engine, "alone"), [] as [&str; 0]);
    engine.ok(&["network", "connect", "one", "alone"]);
    assert_eq!(networks(&engine, "alone"), ["one"]);
    let has = |engine: &Engine| {
        let at = address(engine, "alone", "one");
        assert!(exec(engine, "alone", "ip -o -4 addr").contains(&format!("inet {at}/")));
    };
    has(&engine);
    if !Engine::is_reference() {
        engine.corten_mut().kill9();
        engine.corten_mut().restart();
    }
    engine.ok(&["restart", "-t", "0", "alone"]);
    has(&engine);
    engine.ok(&["network", "disconnect", "one", "alone"]);
    engine.ok(&["network", "connect", "none", "alone"]);
    assert_eq!(networks(&engine, "alone"), ["none"]);
    engine.ok(&["rm", "-f", "alone"]);
    until("the networks can go", SOON, || {
        engine.run(&["network", "rm", "one", "two"]).code() == 0
    });
}

#[test]
fn older_clients_create_containers_on_one_network() {
    corten_only!();
    let engine = engine();
    two_networks(&engine);
    let body = format!(
        r#"{{"Image":"{BB}","HostConfig":{{"NetworkMode":"one"}},"NetworkingConfig":{{"EndpointsConfig":{{"one":{{}},"two":{{}}}}}}}}"#
    );
    let answer = engine.api("POST", "/v1.43/containers/create", &body);
    let sentence = "Container cannot be connected to network endpoints: one, two";
    assert!(
        answer.status == 400 && answer.text().contains(sentence),
        "{answer:?}"
    );
    assert_eq!(engine.api("POST", "/v1.44/containers/create", &body).status, 201);
}
