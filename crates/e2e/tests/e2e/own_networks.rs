//! Networks that users make.

use corten_testkit::{Engine, http, until};
use serde_json::{Value, json};

use crate::{BB, SOON, corten_only, end_process, engine, idle, inspect, pid_of};

/// The first three numbers of a subnet that no other test has.
fn prefix(engine: &Engine) -> String {
    engine.slot().subnet_prefix().replacen("10.2", "10.1", 1)
}

/// Makes a network on one half of the test's subnet, whose gateway is `.1` or `.129`.
fn create(engine: &Engine, name: &str, upper: bool, flags: &[&str]) -> String {
    let start = if upper { 128 } else { 0 };
    let subnet = format!("{}.{start}/25", prefix(engine));
    let mut args = vec!["network", "create", "--subnet", &subnet];
    args.extend(flags);
    args.push(name);
    engine.ok(&args)
}

fn look(engine: &Engine, name: &str) -> Value {
    let text = engine.ok(&["network", "inspect", name]);
    serde_json::from_str::<Value>(&text).unwrap()[0].clone()
}

fn endpoint(engine: &Engine, container: &str, network: &str) -> Value {
    inspect(engine, container)["NetworkSettings"]["Networks"][network].clone()
}

fn address(engine: &Engine, container: &str, network: &str) -> String {
    let endpoint = endpoint(engine, container, network);
    endpoint["IPAddress"].as_str().unwrap().to_owned()
}

fn reaches(engine: &Engine, from: &str, address: &str) -> bool {
    let ping = ["exec", from, "ping", "-c", "1", "-W", "1", address];
    engine.run(&ping).code() == 0
}

#[test]
fn a_network_comes_is_shown_and_goes() {
    let engine = engine();
    let prefix = prefix(&engine);
    let id = create(
        &engine,
        "own",
        false,
        &[
            "--label",
            "a=b",
            "--ip-range",
            &format!("{prefix}.64/26"),
            "--gateway",
            &format!("{prefix}.1"),
            "--aux-address",
            &format!("router={prefix}.64"),
            "-o",
            "com.docker.network.driver.mtu=1400",
        ],
    );
    assert_eq!(id.len(), 64, "{id}");
    let seen = look(&engine, "own");
    assert_eq!(seen["Id"], id.as_str());
    assert_eq!(
        seen["IPAM"],
        json!({"Driver": "default", "Options": {}, "Config": [{
            "Subnet": format!("{prefix}.0/25"), "IPRange": format!("{prefix}.64/26"), "Gateway": format!("{prefix}.1"),
            "AuxiliaryAddresses": {"router": format!("{prefix}.64")},
        }]})
    );
    assert_eq!(
        (
            &seen["Driver"],
            &seen["Scope"],
            &seen["Internal"],
            &seen["EnableIPv6"]
        ),
        (&json!("bridge"), &json!("local"), &json!(false), &json!(false))
    );
    assert_eq!(seen["Labels"], json!({"a": "b"}));
    assert_eq!(seen["Options"], json!({"com.docker.network.driver.mtu": "1400"}));
    assert_eq!(
        look(&engine, &id[..7])["Name"],
        "own",
        "by the beginning of its identifier"
    );
    let listed = |filter: &str| engine.ok(&["network", "ls", "-f", filter, "--format", "{{.Name}}"]);
    assert_eq!(listed("type=custom"), "own");
    assert_eq!(listed("label=a=b"), "own");
    assert_eq!(listed("dangling=true"), "own");
    assert_eq!(listed("type=builtin"), "bridge\nhost\nnone");

    // The range's first address is the router's.
    assert_eq!(
        engine.ok(&[
            "run",
            "--rm",
            "--network",
            "own",
            BB,
            "cat",
            "/sys/class/net/eth0/mtu"
        ]),
        "1400"
    );
    idle(&engine, "box", &["--network", "own"]);
    let at = endpoint(&engine, "box", "own");
    assert!(at["IPAddress"].as_str().unwrap().starts_with(&prefix), "{at}");
    assert_eq!(at["NetworkID"], id.as_str());
    assert_eq!(at["Gateway"], format!("{prefix}.1"));
    assert_eq!(
        inspect(&engine, "box")["NetworkSettings"]["IPAddress"]
            .as_str()
            .unwrap_or(""),
        ""
    );
    assert_eq!(
        engine.ok(&["ps", "--format", "{{.Names}} {{.Networks}}"]),
        "box own"
    );
    assert_eq!(
        engine
            .ok(&["ps", "-q", "--filter", "network=own"])
            .lines()
            .count(),
        1
    );
    assert_eq!(listed("dangling=true"), "");
    let on_it = look(&engine, "own")["Containers"].clone();
    assert_eq!(on_it.as_object().unwrap().values().next().unwrap()["Name"], "box");

    let refused = engine.run(&["network", "rm", "own"]);
    refused.fails(1);
    refused.says(&["error while removing network: network own has active endpoints (name:\"box\" id:\""]);
    engine.ok(&["network", "prune", "-f"]);
    engine.ok(&["rm", "-f", "box"]);
    until("the endpoint is gone", SOON, || {
        engine.run(&["network", "rm", "own"]).code() == 0
    });
    let gone = engine.run(&["network", "inspect", "own"]);
    gone.fails(1);
    gone.says(&["network own not found"]);
    let bridge = format!("/sys/class/net/br-{}", &id[..12]);
    until("its bridge goes with it", SOON, || {
        !std::path::Path::new(&bridge).exists()
    });
}

#[test]
fn networks_are_apart_and_internal_ones_have_no_way_out() {
    let engine = engine();
    create(&engine, "one", false, &[]);
    create(&engine, "two", true, &["--internal"]);
    let prefix = prefix(&engine);
    let fixed = format!("{prefix}.99");
    idle(&engine, "aa", &["--network", "one", "--ip", &fixed]);
    idle(&engine, "bb", &["--network", "one"]);
    idle(&engine, "cc", &["--network", "two"]);
    idle(&engine, "dd", &[]);
    assert_eq!(address(&engine, "aa", "one"), fixed);
    assert_eq!(
        endpoint(&engine, "aa", "one")["IPAMConfig"],
        json!({"IPv4Address": fixed})
    );
    assert!(reaches(&engine, "bb", &fixed), "on one network");
    assert!(!reaches(&engine, "dd", &fixed), "from the default bridge");
    assert!(
        !reaches(&engine, "aa", &address(&engine, "cc", "two")),
        "into the internal one"
    );
    assert!(!reaches(&engine, "cc", &fixed), "out of the internal one");
    assert!(reaches(&engine, "aa", &format!("{prefix}.1")), "the gateway");
    let route = |name: &str| engine.ok(&["exec", name, "ip", "route"]);
    assert!(
        route("aa").contains(&format!("default via {prefix}.1")),
        "{}",
        route("aa")
    );
    assert!(!route("cc").contains("default"), "{}", route("cc"));

    let taken = engine.run(&["run", "--rm", "--network", "one", "--ip", &fixed, BB, "true"]);
    taken.fails(125);
    taken.says(&["Address already in use"]);
    engine.ok(&["rm", "-f", "aa", "bb", "cc", "dd"]);
    until("all endpoints are gone", SOON, || {
        engine.ok(&["network", "prune", "-f"]);
        engine
            .ok(&["network", "ls", "-q", "-f", "type=custom"])
            .is_empty()
    });
}

#[test]
fn names_may_have_slashes() {
    let engine = engine();
    idle(&engine, "box", &[]);
    for (name, path) in [
        ("a/b", "a/b"),
        ("a/b", "a%2Fb"),
        ("x/connect", "x/connect"),
        ("x/disconnect", "x%2Fdisconnect"),
        ("create", "create"),
    ] {
        let id = create(&engine, name, false, &[]);
        let found = engine.api("GET", &format!("/networks/{path}"), "");
        assert_eq!((found.status, &found.json()["Id"]), (200, &json!(id)), "{path}");
        let ask = |verb: &str| {
            let answer = engine.api(
                "POST",
                &format!("/networks/{path}/{verb}"),
                r#"{"Container":"box"}"#,
            );
            assert_eq!(answer.status, 200, "{path}/{verb}: {}", answer.text());
        };
        ask("connect");
        assert!(!address(&engine, "box", name).is_empty());
        ask("disconnect");
        engine.ok(&["network", "connect", name, "box"]);
        assert!(look(&engine, name)["Containers"].to_string().contains("box"));
        engine.ok(&["network", "disconnect", name, "box"]);
        engine.ok(&["run", "--rm", "--network", name, BB, "true"]);
        assert_eq!(
            engine.ok(&["network", "ls", "-q", "--no-trunc", "-f", &format!("name={name}")]),
            id
        );
        let gone = || engine.api("DELETE", &format!("/networks/{path}"), "").status == 204;
        until("it can go", SOON, gone);
    }
    for (method, path, sentence) in [
        ("GET", "/networks/no/such", "network no/such not found"),
        ("DELETE", "/networks/no/such", "network no/such not found"),
        ("POST", "/networks/no/such", "page not found"),
        ("POST", "/networks/connect", "page not found"),
        ("PUT", "/networks/no/such", "page not found"),
    ] {
        let answer = engine.api(method, path, "");
        let told = (answer.status, answer.message());
        assert_eq!(told, (404, sentence.to_owned()), "{method} {path}");
    }
    let bridge = look(&engine, "bridge");
    assert_eq!(
        (&bridge["Labels"], bridge["Options"].is_object()),
        (&json!({}), true)
    );
    assert_eq!(look(&engine, "host")["Labels"], json!({}));
    assert_eq!(
        engine
            .api("GET", "/networks/", "")
            .json()
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn networks_and_who_is_on_them_outlive_the_daemon() {
    let mut engine = engine();
    let id = create(&engine, "own", false, &["--ipv6", "--subnet", "fd00:c0de:7::/64"]);
    let port = engine.slot().port(3);
    let script = "mkdir /www; echo hello > /www/index.html; exec httpd -f -p 80 -h /www";
    let publish = format!("127.0.0.1:{port}:80");
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "web",
        "--network",
        "own",
        "-p",
        &publish,
        BB,
        "sh",
        "-c",
        script,
    ]);
    let url = format!("127.0.0.1:{port}");
    let served = || http::get(&url, "/").is_ok_and(|page| page.text().trim() == "hello");
    until("the page is served", SOON, served);
    let before = endpoint(&engine, "web", "own");
    assert_eq!(before["GlobalIPv6PrefixLen"], 64, "{before}");
    let shown = look(&engine, "own");
    if !Engine::is_reference() {
        engine.corten_mut().kill9();
        engine.corten_mut().restart();
        until("the page is served again", SOON, served);
        assert_eq!(endpoint(&engine, "web", "own"), before);
        assert_eq!(look(&engine, "own"), shown);
    }
    // Nobody is given the address of one who is there still.
    let web = address(&engine, "web", "own");
    let new = engine.ok(&[
        "run",
        "--rm",
        "--network",
        "own",
        BB,
        "wget",
        "-qO-",
        &format!("http://{web}/"),
    ]);
    assert_eq!(new, "hello");
    let web6 = before["GlobalIPv6Address"].as_str().unwrap();
    engine.ok(&[
        "run",
        "--rm",
        "--network",
        "own",
        BB,
        "ping",
        "-6",
        "-c",
        "1",
        "-W",
        "2",
        web6,
    ]);
    engine.ok(&["stop", "-t", "0", "web"]);
    // A container knows its network by identifier: another one of the name is not meant.
    until("its endpoint is gone", SOON, || {
        engine.run(&["network", "rm", "own"]).code() == 0
    });
    create(&engine, "own", false, &[]);
    let orphan = engine.run(&["start", "web"]);
    orphan.fails(1);
    orphan.says(&[&format!("network {id} not found")]);
    engine.ok(&["rm", "web"]);
    engine.ok(&["network", "rm", "own"]);
}

#[test]
fn bad_networks_are_refused_in_dockers_words() {
    let engine = engine();
    let prefix = prefix(&engine);
    create(&engine, "own", false, &[]);
    let api = |body: Value| {
        let answer = engine.api("POST", "/networks/create", &body.to_string());
        let said = answer.json()["message"].as_str().unwrap_or_default().to_owned();
        (answer.status, said)
    };
    let pool = |config: Value| json!({"Name": "x", "IPAM": {"Config": [config]}});
    for (body, status, sentence) in [
        (
            json!({"Name": "own"}),
            409,
            "network with name own already exists",
        ),
        (
            json!({"Name": "bridge"}),
            403,
            "operation is not permitted on predefined bridge network ",
        ),
        (
            json!({"Name": "x", "Driver": "host"}),
            403,
            "only one instance of \"host\" network is allowed",
        ),
        (
            json!({"Name": "x", "Driver": "weave"}),
            404,
            "plugin \"weave\" not found",
        ),
        (
            json!({"Name": "x", "Scope": "swarm"}),
            403,
            "cannot create a swarm scoped network when swarm is not active",
        ),
        (
            pool(json!({"Subnet": format!("{prefix}.0/26")})),
            403,
            "invalid pool request: Pool overlaps with other one on this address space",
        ),
        (
            pool(json!({"Subnet": "frob", "Gateway": "1.2"})),
            400,
            "invalid network config:\ninvalid subnet frob: invalid CIDR block notation",
        ),
        (
            pool(json!({"Subnet": "127.0.0.0/8"})),
            400,
            "invalid network config:\ninvalid subnet 127.0.0.0/8: it has addresses of the loopback",
        ),
        (
            pool(json!({"Subnet": "224.0.0.0/4"})),
            400,
            "invalid network config:\ninvalid subnet 224.0.0.0/4: it has multicast addresses",
        ),
        (pool(json!({"Subnet": "0.0.0.0/0"})), 400, "ipv4 pool is empty"),
        (
            pool(json!({"Subnet": "10.231.0.0/24", "Gateway": "10.231.0.255"})),
            500,
            "failed to allocate gateway (10.231.0.255): Address already in use",
        ),
        (
            pool(
                json!({"Subnet": "10.231.0.0/24", "AuxiliaryAddresses": {"a": "10.231.0.5", "b": "10.231.0.5"}}),
            ),
            500,
            "failed to allocate secondary ip address (b:10.231.0.5): Address already in use",
        ),
        (
            json!({
                "Name": "x", "EnableIPv6": true,
                "IPAM": {"Config": [{"Subnet": "fd00:7::/64", "Gateway": "fd00:7::1%eth0"}]},
            }),
            400,
            "invalid network config:\ninvalid gateway fd00:7::1%eth0: invalid address",
        ),
        (
            json!({"Name": "x", "IPAM": {"Driver": "frob"}}),
            404,
            "plugin \"frob\" not found",
        ),
        (
            json!({"Name": "x", "Options": {"com.docker.network.bridge.enable_icc": "maybe"}}),
            400,
            "failed to parse com.docker.network.bridge.enable_icc value: maybe (strconv.ParseBool: parsing \"maybe\": \
             invalid syntax)",
        ),
    ] {
        assert_eq!(api(body.clone()), (status, sentence.to_owned()), "{body}");
    }
    let refused = |args: &[&str], code: i32, sentence: &str| {
        let done = engine.run(args);
        done.fails(code);
        done.says(&[sentence]);
    };
    refused(
        &["network", "rm", "bridge"],
        1,
        "bridge is a pre-defined network and cannot be removed",
    );
    refused(&["network", "rm", "nope"], 1, "network nope not found");
    refused(
        &["network", "create", "--subnet", "239.1.0.0/16", "x"],
        1,
        "invalid subnet 239.1.0.0/16: it has multicast addresses",
    );
    refused(
        &[
            "network",
            "create",
            "--subnet",
            "10.231.0.0/24",
            "--gateway",
            "10.231.0.0",
            "x",
        ],
        1,
        "failed to allocate gateway (10.231.0.0): Address already in use",
    );
    engine.ok(&["network", "rm", "-f", "nope"]);
    let run = |flags: &[&str], sentence: &str| {
        let mut args = vec!["run", "--rm"];
        args.extend(flags);
        args.extend([BB, "true"]);
        refused(&args, 125, sentence);
    };
    run(&["--network", "nope"], "network nope not found");
    run(
        &["--network", "own", "--ip", "10.9.9.9"],
        "invalid config for network own: invalid endpoint settings:\nno configured subnet or ip-range contain the IP \
         address 10.9.9.9",
    );
    run(
        &["--network", "own", "--ip6", "fd00::9"],
        "user specified IP address is supported only when connecting to networks with user configured subnets",
    );
    engine.ok(&["network", "rm", "own"]);
}

/// What a container is told of a name: the addresses, in order; empty if there are none.
fn told(engine: &Engine, container: &str, name: &str) -> String {
    let script = format!(
        "nslookup {name} 127.0.0.11 | awk '/^Name/ {{ on = 1 }} on && /^Address/ {{ print $NF }}' | sort"
    );
    let all = engine.run(&["exec", container, "sh", "-c", &script]);
    all.out().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_name_server_does_not_ask_itself() {
    corten_only!();
    let engine = engine();
    create(&engine, "own", false, &[]);
    idle(&engine, "box", &["--network", "own", "--dns", "127.0.0.11"]);
    // Whatever the answer, if there is one.
    let asked = ["exec", "box", "nslookup", "-type=a", "nosuch.example.com"];
    let _ = engine.run(&asked);
    let init = inspect(&engine, "box")["State"]["Pid"].as_u64().unwrap();
    let shim = corten_testkit::proc::parent(u32::try_from(init).unwrap()).unwrap();
    let ticks = || -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{shim}/stat")).unwrap();
        let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    until("the shim rests", SOON, || {
        let before = ticks();
        std::thread::sleep(std::time::Duration::from_millis(300));
        ticks() - before <= 2
    });
}

#[test]
fn names_lead_to_containers_with_and_without_a_daemon() {
    let mut engine = engine();
    create(&engine, "own", false, &[]);
    create(&engine, "other", true, &[]);
    idle(&engine, "web", &["--network", "own", "--network-alias", "app"]);
    idle(
        &engine,
        "web2",
        &[
            "--network",
            "own",
            "--network-alias",
            "app",
            "--hostname",
            "second",
        ],
    );
    idle(&engine, "far", &["--network", "other"]);
    idle(&engine, "linked", &["--network", "own", "--link", "web:db"]);
    let [web, web2] = ["web", "web2"].map(|name| address(&engine, name, "own"));
    let resolv = engine.ok(&["exec", "web", "cat", "/etc/resolv.conf"]);
    assert!(
        resolv.contains("nameserver 127.0.0.11\n") && resolv.contains("ndots:0"),
        "{resolv}"
    );
    assert_eq!(told(&engine, "web2", "web"), web);
    assert_eq!(told(&engine, "web", "web2"), web2);
    assert_eq!(told(&engine, "web", "WEB2.own"), web2);
    assert_eq!(told(&engine, "web", "second"), web2);
    let mut both = [web.as_str(), web2.as_str()];
    both.sort_unstable();
    assert_eq!(told(&engine, "web", "app"), both.join(" "));
    assert_eq!(told(&engine, "web", "web"), web, "itself");
    assert_eq!(told(&engine, "far", "web"), "", "not on its network");
    assert_eq!(told(&engine, "linked", "db"), web);
    assert_eq!(told(&engine, "web2", "db"), "", "a link is its owner's alone");
    assert_eq!(endpoint(&engine, "linked", "own")["Links"], json!(["web:db"]));
    let names = endpoint(&engine, "web2", "own");
    assert_eq!(names["Aliases"], json!(["app"]));
    let id = inspect(&engine, "web2")["Id"].as_str().unwrap()[..12].to_owned();
    assert_eq!(names["DNSNames"], json!(["web2", "app", id, "second"]));

    engine.ok(&["rename", "web2", "shop"]);
    assert_eq!(told(&engine, "web", "shop"), web2);
    assert_eq!(told(&engine, "web", "web2"), "");
    engine.ok(&["stop", "-t", "0", "shop"]);
    assert_eq!(told(&engine, "web", "shop"), "");
    engine.ok(&["start", "shop"]);
    let shop = address(&engine, "shop", "own");
    assert_eq!(told(&engine, "web", "shop"), shop);
    if Engine::is_reference() {
        return;
    }
    engine.corten_mut().kill9();
    engine.corten_mut().restart();
    assert_eq!(told(&engine, "web", "shop"), shop);
    assert_eq!(told(&engine, "shop", "web"), web);
    // What changes under the new daemon takes nobody else's name away.
    engine.ok(&["rm", "-f", "shop"]);
    assert_eq!(told(&engine, "web", "shop"), "");
    assert_eq!(told(&engine, "linked", "web"), web);
    assert_eq!(told(&engine, "linked", "db"), web);
    // Who ends while there is no daemon is not told of afterwards.
    let pid = pid_of(&engine, "linked");
    engine.corten_mut().kill9();
    end_process(pid);
    until("it has ended", SOON, || !corten_testkit::proc::alive(pid));
    engine.corten_mut().restart();
    assert_eq!(told(&engine, "web", "linked"), "");
    assert_eq!(told(&engine, "web", "web"), web);
}

#[test]
fn networks_are_made_from_configurations() {
    let mut engine = engine();
    let prefix = prefix(&engine);
    const MTU: &str = "com.docker.network.driver.mtu";
    let subnet = format!("{prefix}.64/26");
    let mtu = format!("{MTU}=1400");
    let flags = ["--config-only", "--subnet", &subnet, "-o", &mtu, "--label", "a=b"];
    engine.ok(&[&["network", "create"], &flags[..], &["conf"]].concat());
    let conf = look(&engine, "conf");
    assert_eq!(
        (&conf["Driver"], &conf["ConfigOnly"]),
        (&json!("null"), &json!(true))
    );
    assert_eq!(conf["IPAM"]["Config"], json!([{"Subnet": subnet}]));
    engine.ok(&["network", "create", "--config-from", "conf", "own"]);
    let check = |engine: &Engine| {
        let own = look(engine, "own");
        assert_eq!(own["ConfigFrom"], json!({"Network": "conf"}));
        assert_eq!(
            (&own["Driver"], &own["ConfigOnly"]),
            (&json!("bridge"), &json!(false))
        );
        assert_eq!(own["IPAM"]["Config"][0]["Subnet"], subnet);
        assert_eq!(
            (&own["Options"][MTU], &own["Labels"]["a"]),
            (&json!("1400"), &json!("b"))
        );
        let said = engine.ok(&[
            "run",
            "--rm",
            "--network",
            "own",
            BB,
            "cat",
            "/sys/class/net/eth0/mtu",
        ]);
        assert_eq!(said, "1400");
    };
    check(&engine);
    if !Engine::is_reference() {
        engine.corten_mut().restart();
        check(&engine);
    }
    engine.ok(&["network", "prune", "-f", "--filter", "label=a=b"]);
    engine.run(&["network", "inspect", "own"]).fails(1);
    engine.ok(&["network", "create", "--config-from", "conf", "own"]);
    let refused = |args: &[&str], code: i32, sentence: &str| {
        let done = engine.run(args);
        done.fails(code);
        done.says(&[sentence]);
    };
    let make = |flags: &[&str], sentence: &str| {
        refused(&[&["network", "create"], flags, &["x"]].concat(), 1, sentence);
    };
    make(
        &["--config-only", "--internal"],
        "configuration network can only contain network specific fields. Network operator fields like [ ingress | \
         internal | attachable | scope ] are not supported.",
    );
    make(
        &["--config-only", "--config-from", "conf"],
        "a configuration network cannot depend on another configuration network",
    );
    make(
        &["--config-from", "nope"],
        "configuration network \"nope\" does not exist",
    );
    make(
        &["--config-from", "own"],
        "configuration network \"own\" does not exist",
    );
    let own_words =
        "user specified configurations are not supported if the network depends on a configuration network";
    make(&["--config-from", "conf", "--label", "c=d"], own_words);
    make(&["--config-from", "conf", "--subnet", "10.9.0.0/24"], own_words);
    make(
        &["--config-from", "conf", "-o", "c=d"],
        "network driver options are not supported if the network depends on a configuration network",
    );
    make(
        &["--config-from", "conf"],
        "Pool overlaps with other one on this address space",
    );
    refused(
        &["run", "--rm", "--network", "conf", BB, "true"],
        125,
        "cannot create endpoint on configuration-only network",
    );
    idle(&engine, "box", &["--network", "own"]);
    refused(
        &["network", "connect", "conf", "box"],
        1,
        "cannot create endpoint on configuration-only network",
    );
    let body = json!({"Container": "box"}).to_string();
    assert_eq!(engine.api("POST", "/networks/conf/connect", &body).status, 403);
    let networks = inspect(&engine, "box")["NetworkSettings"]["Networks"].clone();
    assert_eq!(networks.as_object().unwrap().keys().collect::<Vec<_>>(), ["own"]);
    engine.ok(&["rm", "-f", "box"]);
    refused(
        &["network", "rm", "conf"],
        1,
        "error while removing network: configuration network \"conf\" is in use",
    );
    until("the endpoint is gone", SOON, || {
        engine.run(&["network", "rm", "own"]).code() == 0
    });
    engine.ok(&["network", "rm", "conf"]);
}
