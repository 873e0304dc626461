//! Places on networks that cannot be: Docker's status code and sentence, through the API and through the command line.

use corten_testkit::until;
use serde_json::{Value, json};

use crate::bad_networks::{asked, prefix};
use crate::{BB, SOON, corten_only, engine, idle, inspect};

#[test]
fn places_that_cannot_be_are_refused() {
    corten_only!();
    let engine = engine();
    let prefix = prefix(&engine);
    let at = |last: &str| format!("{prefix}.{last}");
    engine.ok(&["network", "create", "--subnet", &at("0/26"), "own"]);
    engine.ok(&["network", "create", "auto"]);
    idle(
        &engine,
        "first",
        &[
            "--network",
            "own",
            "--ip",
            &at("7"),
            "--mac-address",
            "02:42:ac:11:00:0f",
        ],
    );
    let create = |network: &str, endpoint: &Value| {
        let body = json!({
            "Image": BB, "Cmd": ["true"], "HostConfig": {"NetworkMode": network},
            "NetworkingConfig": {"EndpointsConfig": {network: endpoint}},
        });
        asked(&engine, "/containers/create?name=astray", &body)
    };
    let own = |lines: &str| format!("invalid config for network own: invalid endpoint settings:\n{lines}");
    let no_subnet = "user specified IP address is supported only when connecting to networks with user configured subnets";
    let ip = |address: &str| json!({"IPAMConfig": {"IPv4Address": address}});
    for (network, endpoint, sentence) in [
        (
            "own",
            ip("10.99.0.5"),
            own("no configured subnet or ip-range contain the IP address 10.99.0.5"),
        ),
        ("own", ip("frob"), own("invalid IPv4 address: frob")),
        ("own", ip("fd00::5"), own("invalid IPv4 address: fd00::5")),
        (
            "own",
            json!({"IPAMConfig": {"IPv6Address": "10.1.1.1"}}),
            own("invalid IPv6 address: 10.1.1.1"),
        ),
        (
            "own",
            json!({"IPAMConfig": {"IPv6Address": "fd00::5"}}),
            own(no_subnet),
        ),
        (
            "auto",
            ip("172.30.0.9"),
            format!("invalid config for network auto: invalid endpoint settings:\n{no_subnet}"),
        ),
        ("nosuch", json!({}), "network nosuch not found".to_owned()),
    ] {
        assert_eq!(create(network, &endpoint), (400, sentence), "{endpoint}");
    }
    for mac in [
        "frob",
        "02:42:ac:11:00",
        "02:42:ac:11:00:02:03:04",
        "02:42-ac:11:00:02",
        "ff:ff:ff:ff:ff:ff",
        "01:00:5e:00:00:01",
        "00:00:00:00:00:00",
    ] {
        let sentence = format!("invalid MAC address: {mac}");
        assert_eq!(
            create("own", &json!({"MacAddress": mac})),
            (400, sentence.clone())
        );
        let body = json!({"Image": BB, "Cmd": ["true"], "MacAddress": mac});
        assert_eq!(
            asked(&engine, "/containers/create", &body),
            (400, sentence.clone())
        );
        let body = json!({"Container": "first", "EndpointConfig": {"MacAddress": mac}});
        assert_eq!(asked(&engine, "/networks/auto/connect", &body), (400, sentence));
    }
    let done = engine.run(&[
        "run",
        "--rm",
        "--network",
        "own",
        "--mac-address",
        "00:00:00:00:00:00",
        BB,
        "true",
    ]);
    done.fails(125);
    done.says(&["Error response from daemon: invalid MAC address: 00:00:00:00:00:00"]);
    // All ways to write one that Go reads; two containers may have the same.
    for mac in ["02-42-ac-11-00-0f", "0242.ac11.000f", "02:42:AC:11:00:0F"] {
        let said = engine.ok(&[
            "run",
            "--rm",
            "--network",
            "own",
            "--mac-address",
            mac,
            BB,
            "cat",
            "/sys/class/net/eth0/address",
        ]);
        assert_eq!(said, "02:42:ac:11:00:0f");
    }
    // Whether an address is free, the start tells.
    let taken = "failed to set up container networking: Address already in use";
    for last in ["0", "1", "7", "63"] {
        assert_eq!(create("own", &ip(&at(last))).0, 201);
        assert_eq!(
            asked(&engine, "/containers/astray/start", &json!({})),
            (403, taken.to_owned()),
            "{last}"
        );
        engine.ok(&["rm", "astray"]);
        let done = engine.run(&["run", "--rm", "--network", "own", "--ip", &at(last), BB, "true"]);
        done.fails(125);
        done.says(&[&format!("Error response from daemon: {taken}")]);
    }
    for (path, body, status, sentence) in [
        (
            "/networks/nosuch/connect",
            json!({"Container": "first"}),
            404,
            "network nosuch not found",
        ),
        (
            "/networks/auto/connect",
            json!({"Container": "nosuch"}),
            404,
            "No such container: nosuch",
        ),
        (
            "/networks/auto/connect",
            json!({}),
            400,
            "invalid name or ID supplied: \"\"",
        ),
        (
            "/networks/auto/disconnect",
            json!({}),
            400,
            "invalid name or ID supplied: \"\"",
        ),
        (
            "/networks/own/connect",
            json!({"Container": "first"}),
            403,
            "endpoint with name first already exists in network own",
        ),
    ] {
        assert_eq!(
            asked(&engine, path, &body),
            (status, sentence.to_owned()),
            "{path} {body}"
        );
    }
    let removed = engine.api("DELETE", "/networks/own", "");
    assert_eq!(removed.status, 403);
    assert!(
        removed
            .message()
            .starts_with("error while removing network: network own has active endpoints (name:\"first\"")
    );
    // Who does not run holds nothing.
    engine.ok(&["create", "--name", "later", "--network", "own", BB, "true"]);
    engine.ok(&["rm", "-f", "first"]);
    let id = inspect(&engine, "later")["NetworkSettings"]["Networks"]["own"]["NetworkID"]
        .as_str()
        .unwrap()
        .to_owned();
    until("nobody is on it", SOON, || {
        engine.run(&["network", "rm", "own"]).code() == 0
    });
    let gone = (404, format!("network {id} not found"));
    assert_eq!(asked(&engine, "/containers/later/start", &json!({})), gone);
    engine.ok(&["rm", "later"]);
    engine.ok(&["network", "rm", "auto"]);
}

#[test]
fn the_smallest_subnets_hold_who_fits() {
    corten_only!();
    let engine = engine();
    let prefix = prefix(&engine);
    for (length, first) in [("30", Some("2")), ("31", Some("1")), ("32", None)] {
        engine.ok(&[
            "network",
            "create",
            "--subnet",
            &format!("{prefix}.0/{length}"),
            "tiny",
        ]);
        if let Some(last) = first {
            idle(&engine, "first", &["--network", "tiny"]);
            let at = inspect(&engine, "first")["NetworkSettings"]["Networks"]["tiny"]["IPAddress"].clone();
            assert_eq!(at, format!("{prefix}.{last}"));
        }
        let id = engine.ok(&["network", "inspect", "-f", "{{.Id}}", "tiny"]);
        let sentence = format!(
            "failed to set up container networking: no available IPv4 addresses on this network's address pools: tiny ({id})"
        );
        let body = json!({"Image": BB, "Cmd": ["true"], "HostConfig": {"NetworkMode": "tiny"}});
        assert_eq!(asked(&engine, "/containers/create?name=second", &body).0, 201);
        assert_eq!(
            asked(&engine, "/containers/second/start", &json!({})),
            (500, sentence)
        );
        engine.ok(&["rm", "second"]);
        if first.is_some() {
            engine.ok(&["rm", "-f", "first"]);
        }
        until("nobody is on it", SOON, || {
            engine.run(&["network", "rm", "tiny"]).code() == 0
        });
    }
}
