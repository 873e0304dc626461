//! Networks that cannot be: Docker's status code and sentence, through the API and through the command line.
//! The answers are those of dockerd 20.10, which was asked, where 28 has none of its own.

use corten_testkit::{Daemon, Engine, binary};
use serde_json::{Value, json};

use crate::{corten_only, engine};

const MTU: &str = "com.docker.network.driver.mtu";
const BRIDGE: &str = "com.docker.network.bridge.";
const NO_MANAGER: &str = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this \
                          node to swarm and try again.";

/// The first three numbers of a subnet that no other test has.
pub(crate) fn prefix(engine: &Engine) -> String {
    engine.slot().subnet_prefix().replacen("10.2", "10.1", 1)
}

/// Status and sentence of an answer.
pub(crate) fn asked(engine: &Engine, path: &str, body: &Value) -> (u16, String) {
    let answer = engine.api("POST", path, &body.to_string());
    let said = match answer.status {
        200..300 => String::new(),
        _ => answer.message(),
    };
    (answer.status, said)
}

/// A network asked for, as the command line and as the API have it.
#[derive(Default)]
struct Wish<'a> {
    driver: &'a str,
    options: &'a [(&'a str, &'a str)],
    subnets: &'a [&'a str],
    range: &'a str,
    gateway: &'a str,
    auxiliary: &'a str,
    ipam: &'a str,
    ipv6: bool,
}

impl Wish<'_> {
    fn flags(&self) -> Vec<String> {
        let mut flags: Vec<String> = [
            ("driver", self.driver),
            ("ip-range", self.range),
            ("gateway", self.gateway),
            ("ipam-driver", self.ipam),
        ]
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(flag, value)| format!("--{flag}={value}"))
        .collect();
        flags.extend(self.subnets.iter().map(|subnet| format!("--subnet={subnet}")));
        flags.extend(
            self.options
                .iter()
                .map(|(key, value)| format!("--opt={key}={value}")),
        );
        if !self.auxiliary.is_empty() {
            flags.push(format!("--aux-address=router={}", self.auxiliary));
        }
        if self.ipv6 {
            flags.push("--ipv6".to_owned());
        }
        flags
    }

    fn body(&self) -> Value {
        let options: serde_json::Map<String, Value> = self
            .options
            .iter()
            .map(|(key, value)| ((*key).to_owned(), json!(value)))
            .collect();
        let subnets = self.subnets.iter().enumerate().map(|(at, subnet)| {
            let mut config = json!({"Subnet": subnet});
            if at == 0 {
                config["IPRange"] = json!(self.range);
                config["Gateway"] = json!(self.gateway);
                if !self.auxiliary.is_empty() {
                    config["AuxiliaryAddresses"] = json!({"router": self.auxiliary});
                }
            }
            config
        });
        let subnets: Vec<Value> = subnets.collect();
        json!({
            "Name": "x", "Driver": self.driver, "Options": options, "EnableIPv6": self.ipv6,
            "IPAM": {"Driver": self.ipam, "Config": subnets},
        })
    }
}

/// Refused with this status and sentence, whoever asks, and nothing is left of it.
fn refused(engine: &Engine, wish: &Wish<'_>, status: u16, sentence: &str) {
    let body = wish.body();
    let expected = (status, sentence.to_owned());
    assert_eq!(asked(engine, "/networks/create", &body), expected, "{body}");
    let flags = wish.flags();
    let mut args = vec!["network", "create"];
    args.extend(flags.iter().map(String::as_str));
    args.push("x");
    let done = engine.run(&args);
    done.fails(1);
    done.says(&[&format!("Error response from daemon: {sentence}")]);
}

#[test]
fn subnets_that_cannot_be_are_refused() {
    corten_only!();
    let engine = engine();
    let prefix = prefix(&engine);
    let at = |rest: &str| format!("{prefix}.{rest}");
    engine.ok(&["network", "create", "--subnet", &at("64/26"), "own"]);
    let bridge = engine.ok(&[
        "network",
        "inspect",
        "-f",
        "{{(index .IPAM.Config 0).Subnet}}",
        "bridge",
    ]);
    let overlap = "invalid pool request: Pool overlaps with other one on this address space";
    for subnet in [&at("64/26"), &at("64/27"), &at("0/24"), &bridge] {
        let subnets = [subnet.as_str()];
        let wish = Wish {
            subnets: &subnets,
            ..Wish::default()
        };
        refused(&engine, &wish, 403, overlap);
    }
    let config = |line: &str| format!("invalid network config:\n{line}");
    for (subnet, line) in [
        (at("0/33"), "invalid CIDR block notation"),
        (at("0"), "invalid CIDR block notation"),
        (at("0/024"), "invalid CIDR block notation"),
        (format!("0{prefix}.0/26"), "invalid CIDR block notation"),
        (at("5/26"), &*format!("it should be {prefix}.0/26")),
    ] {
        let sentence = config(&format!("invalid subnet {subnet}: {line}"));
        let subnets = [subnet.as_str()];
        let wish = Wish {
            subnets: &subnets,
            ..Wish::default()
        };
        refused(&engine, &wish, 400, &sentence);
    }
    let several = "bridge driver doesn't support multiple subnets";
    let two = [at("0/27"), at("32/27")];
    let two = two.each_ref().map(String::as_str);
    refused(
        &engine,
        &Wish {
            subnets: &two,
            ..Wish::default()
        },
        403,
        several,
    );
    let two = ["fd00:c0de:8::/64", "fd00:c0de:9::/64"];
    let wish = Wish {
        subnets: &two,
        ipv6: true,
        ..Wish::default()
    };
    refused(&engine, &wish, 403, several);
    let low = at("0/26");
    let subnets = [low.as_str()];
    let taken = |what: &str, address: &str| {
        let sentence = match what {
            "gateway" => format!("failed to allocate gateway ({address}): Address already in use"),
            _ => {
                format!("failed to allocate secondary ip address (router:{address}): Address already in use")
            }
        };
        (sentence, address.to_owned())
    };
    for last in ["0", "63"] {
        let (sentence, gateway) = taken("gateway", &at(last));
        let wish = Wish {
            subnets: &subnets,
            gateway: &gateway,
            ..Wish::default()
        };
        refused(&engine, &wish, 500, &sentence);
        let (sentence, auxiliary) = taken("auxiliary", &at(last));
        let wish = Wish {
            subnets: &subnets,
            auxiliary: &auxiliary,
            ..Wish::default()
        };
        refused(&engine, &wish, 500, &sentence);
    }
    // The gateway, named or not, comes first.
    let (sentence, first) = taken("auxiliary", &at("1"));
    for gateway in ["", &first] {
        let wish = Wish {
            subnets: &subnets,
            gateway,
            auxiliary: &first,
            ..Wish::default()
        };
        refused(&engine, &wish, 500, &sentence);
    }
    let wish = Wish {
        subnets: &subnets,
        range: &at("0/32"),
        ..Wish::default()
    };
    refused(
        &engine,
        &wish,
        500,
        "failed to allocate gateway (): no available addresses on this pool",
    );

    // What the command line itself keeps from getting here.
    for (pool, line) in [
        (
            json!({"Gateway": at("1")}),
            "invalid subnet : invalid CIDR block notation".to_owned(),
        ),
        (
            json!({"Subnet": low, "Gateway": "10.99.0.1"}),
            format!("invalid gateway 10.99.0.1: parent subnet {low} doesn't contain this address"),
        ),
        (
            json!({"Subnet": low, "Gateway": "fd00::1"}),
            "invalid gateway fd00::1: parent subnet is an IPv4 block".to_owned(),
        ),
        (
            json!({"Subnet": "fd00:c0de:8::/64", "Gateway": at("1")}),
            format!("invalid gateway {prefix}.1: parent subnet is an IPv6 block"),
        ),
        (
            json!({"Subnet": low, "AuxiliaryAddresses": {"router": "10.99.0.1"}}),
            format!("invalid auxiliary address router: parent subnet {low} doesn't contain this address"),
        ),
        (
            json!({"Subnet": low, "AuxiliaryAddresses": {"router": "frob"}}),
            "invalid auxiliary address router: invalid address".to_owned(),
        ),
        (
            json!({"Subnet": low, "IPRange": at("0/24")}),
            format!("invalid ip-range {prefix}.0/24: CIDR block is bigger than its parent subnet {low}"),
        ),
        (
            json!({"Subnet": low, "IPRange": "10.99.0.1/28"}),
            format!(
                "invalid ip-range 10.99.0.1/28: it should be 10.99.0.0/28\n\
                  invalid ip-range 10.99.0.1/28: parent subnet {low} doesn't contain ip-range"
            ),
        ),
        (
            json!({"Subnet": low, "IPRange": "fd00::/80"}),
            "invalid ip-range fd00::/80: parent subnet is an IPv4 block".to_owned(),
        ),
        (
            json!({"Subnet": low, "IPRange": "frob"}),
            "invalid ip-range frob: invalid CIDR block notation".to_owned(),
        ),
    ] {
        // A second subnet without one is not passed over either.
        for before in [vec![], vec![json!({"Subnet": at("32/27")})]] {
            let pools: Vec<Value> = before.into_iter().chain([pool.clone()]).collect();
            let body = json!({"Name": "x", "EnableIPv6": true, "IPAM": {"Config": pools}});
            let (status, said) = asked(&engine, "/networks/create", &body);
            assert_eq!((status, said), (400, config(&line)), "{body}");
        }
    }
    assert_eq!(
        engine.ok(&["network", "ls", "-f", "type=custom", "--format", "{{.Name}}"]),
        "own"
    );
    // Nothing of the refused ones is held.
    engine.ok(&["network", "create", "--subnet", &low, "x"]);
    engine.ok(&["network", "rm", "own", "x"]);
}

#[test]
fn drivers_and_options_that_cannot_be_are_refused() {
    corten_only!();
    let engine = engine();
    let parse = |key: &str, value: &str, why: &str| format!("failed to parse {key} value: {value} ({why})");
    for (driver, sentence, status) in [
        ("weave", "plugin \"weave\" not found", 404),
        ("default", "plugin \"default\" not found", 404),
        ("BRIDGE", "plugin \"BRIDGE\" not found", 404),
        ("../x", "plugin \"../x\" not found", 404),
        ("host", "only one instance of \"host\" network is allowed", 403),
        ("null", "only one instance of \"null\" network is allowed", 403),
        ("overlay", NO_MANAGER, 503),
    ] {
        refused(
            &engine,
            &Wish {
                driver,
                ..Wish::default()
            },
            status,
            sentence,
        );
    }
    for (driver, key, value, sentence) in [
        (
            "macvlan",
            "parent",
            "nosuch0",
            "invalid subinterface vlan name nosuch0, example formatting is eth0.10",
        ),
        (
            "ipvlan",
            "parent",
            "nosuch0",
            "invalid subinterface vlan name nosuch0, example formatting is eth0.10",
        ),
        (
            "macvlan",
            "parent",
            "nosuch0.10",
            "-o parent interface was not found on the host: nosuch0",
        ),
        (
            "macvlan",
            "parent",
            "lo.abc",
            "unable to parse a valid vlan id from: abc (ex. eth0.10 for vlan 10)",
        ),
        (
            "macvlan",
            "parent",
            "lo.5000",
            "vlan id must be between 1-4094, received: 5000",
        ),
        (
            "macvlan",
            "parent",
            "lo",
            "loopback interface is not a valid macvlan parent link",
        ),
        (
            "macvlan",
            "macvlan_mode",
            "odd",
            "requested macvlan mode 'odd' is not valid, 'bridge' mode is the macvlan driver default",
        ),
        (
            "ipvlan",
            "ipvlan_mode",
            "l9",
            "requested ipvlan mode 'l9' is not valid, 'l2' mode is the ipvlan driver default",
        ),
        (
            "ipvlan",
            "ipvlan_flag",
            "odd",
            "requested ipvlan flag 'odd' is not valid, 'bridge' is the ipvlan driver default",
        ),
    ] {
        let options = [(key, value)];
        refused(
            &engine,
            &Wish {
                driver,
                options: &options,
                ..Wish::default()
            },
            400,
            sentence,
        );
    }
    let syntax = |function: &str, text: &str| format!("strconv.{function}: parsing {text:?}: invalid syntax");
    let long = "99999999999999999999";
    let mut rows: Vec<(String, &str, String)> = vec![
        (MTU.to_owned(), "-1", "invalid MTU number: -1".to_owned()),
        (
            MTU.to_owned(),
            long,
            parse(
                MTU,
                long,
                &format!("strconv.Atoi: parsing \"{long}\": value out of range"),
            ),
        ),
    ];
    for text in ["abc", "", "1500.5"] {
        rows.push((MTU.to_owned(), text, parse(MTU, text, &syntax("Atoi", text))));
    }
    for name in [
        "enable_icc",
        "enable_ip_masquerade",
        "inhibit_ipv4",
        "default_bridge",
    ] {
        let key = format!("{BRIDGE}{name}");
        for text in ["maybe", ""] {
            rows.push((key.clone(), text, parse(&key, text, &syntax("ParseBool", text))));
        }
    }
    for key in [
        format!("{BRIDGE}host_binding_ipv4"),
        "com.docker.network.host_ipv4".to_owned(),
    ] {
        rows.push((key.clone(), "frob", parse(&key, "frob", "nil ip")));
    }
    for (key, value, sentence) in rows {
        let options = [(key.as_str(), value)];
        refused(
            &engine,
            &Wish {
                options: &options,
                ..Wish::default()
            },
            400,
            &sentence,
        );
    }
    let name = format!("{BRIDGE}name");
    let options = [(name.as_str(), "lo")];
    refused(
        &engine,
        &Wish {
            options: &options,
            ..Wish::default()
        },
        409,
        "existing interface lo is not a bridge",
    );
    let options = [(name.as_str(), "a b")];
    refused(
        &engine,
        &Wish {
            options: &options,
            ..Wish::default()
        },
        400,
        "invalid bridge name: \"a b\"",
    );

    refused(
        &engine,
        &Wish {
            ipam: "frob",
            ..Wish::default()
        },
        404,
        "plugin \"frob\" not found",
    );
    refused(
        &engine,
        &Wish {
            ipam: "null",
            ..Wish::default()
        },
        400,
        "ipv4 pool is empty",
    );
    let subnets = ["10.231.0.0/24"];
    let wish = Wish {
        ipam: "null",
        subnets: &subnets,
        ..Wish::default()
    };
    refused(
        &engine,
        &wish,
        400,
        "null ipam driver does not handle specific address pool requests",
    );

    for (body, status, sentence) in [
        (json!({"Name": "x", "Scope": "frob"}), 503, NO_MANAGER),
        (json!({"Name": "x", "Scope": "global"}), 503, NO_MANAGER),
        (
            json!({"Name": "x", "Ingress": true}),
            403,
            "Ingress network can only be global scope network",
        ),
        (
            json!({"Name": "x", "EnableIPv4": false}),
            400,
            "IPv4 or IPv6 must be enabled",
        ),
        (
            json!({"Name": "x", "EnableIPv4": false, "EnableIPv6": true, "IPAM": {"Driver": "null"}}),
            400,
            "null ipam driver does not handle IPv6 address pool requests",
        ),
    ] {
        assert_eq!(
            asked(&engine, "/networks/create", &body),
            (status, sentence.to_owned()),
            "{body}"
        );
    }
    assert_eq!(engine.ok(&["network", "ls", "-q", "-f", "type=custom"]), "");
    // Options that no driver knows are kept and passed over.
    engine.ok(&[
        "network",
        "create",
        "-o",
        "frob=x",
        "-o",
        &format!("{BRIDGE}frob=1"),
        "x",
    ]);
    let options = engine.ok(&["network", "inspect", "-f", "{{.Options.frob}}", "x"]);
    assert_eq!(options, "x");
    engine.ok(&["network", "rm", "x"]);
}

#[test]
fn names_are_taken_or_refused_as_by_docker() {
    let engine = engine();
    let body = |name: &str| json!({"Name": name, "CheckDuplicate": true});
    let make = |name: &str| engine.api("POST", "/networks/create", &body(name).to_string());
    let long = "a".repeat(300);
    for name in [
        "12345",
        "a b",
        "ü",
        "-x",
        ".x",
        "container:x",
        "x:y",
        "<b>",
        "a\nb",
        "Bridge",
        "a/b",
        "a/connect",
        "create",
        "prune",
        "connect",
        &long,
    ] {
        let made = make(name);
        assert_eq!(made.status, 201, "{name}: {}", made.text());
        let id = made.json()["Id"].as_str().unwrap().to_owned();
        assert_eq!(
            engine.ok(&["network", "inspect", "-f", "{{.Id}}", "--", name]),
            id
        );
        let again = asked(&engine, "/networks/create", &body(name));
        assert_eq!(again, (409, format!("network with name {name} already exists")));
        engine.ok(&["network", "rm", &id]);
    }
    for name in ["host", "none", "bridge", "default"] {
        let sentence = format!("operation is not permitted on predefined {name} network ");
        assert_eq!(asked(&engine, "/networks/create", &body(name)), (403, sentence));
    }
    if !Engine::is_reference() {
        for name in ["", "  "] {
            let empty = (400, "invalid name: name is empty".to_owned());
            assert_eq!(asked(&engine, "/networks/create", &body(name)), empty);
        }
    }
    // An identifier means its network, the beginning of one the network of that name.
    let first = make("first").json()["Id"].as_str().unwrap().to_owned();
    let short = make(&first[..12]).json()["Id"].as_str().unwrap().to_owned();
    let full = make(&first).json()["Id"].as_str().unwrap().to_owned();
    let found = |text: &str| engine.ok(&["network", "inspect", "-f", "{{.Id}}", text]);
    assert_eq!(found(&first[..12]), short);
    assert_eq!(found(&first), first);
    engine.ok(&["network", "rm", &short, &full, "first"]);
}

#[test]
fn nobody_looks_at_ipv6_subnets_of_networks_without_ipv6() {
    let engine = engine();
    let subnet = format!("{}.0/24", prefix(&engine));
    for unused in [
        json!({"Subnet": "fd00:c0de:9::5/64"}),
        json!({"Subnet": "fd00:c0de:9::/64", "Gateway": "x"}),
        json!({"Subnet": "fd00:c0de:9::/64", "Gateway": "fd00:c0de:a::1"}),
        json!({"Subnet": "fd00:c0de:9::/64", "IPRange": "y", "AuxiliaryAddresses": {"router": "z"}}),
    ] {
        let body = json!({"Name": "x", "IPAM": {"Config": [{"Subnet": subnet}, unused.clone()]}});
        assert_eq!(
            asked(&engine, "/networks/create", &body),
            (201, String::new()),
            "{body}"
        );
        let shown: Value = serde_json::from_str(&engine.ok(&["network", "inspect", "x"])).unwrap();
        let configs = &shown[0]["IPAM"]["Config"];
        assert_eq!(
            (&shown[0]["EnableIPv6"], &configs[0]["Subnet"], &configs[1]),
            (&json!(false), &json!(subnet), &unused)
        );
        engine.ok(&["network", "rm", "x"]);
    }
    let all = ["fd00:c0de:9::/64", "fd00:c0de:9::/48", &subnet];
    let configs: Vec<Value> = all.iter().map(|subnet| json!({"Subnet": subnet})).collect();
    let body = json!({"Name": "x", "IPAM": {"Config": configs}});
    assert_eq!(asked(&engine, "/networks/create", &body).0, 201);
    engine.ok(&["network", "rm", "x"]);
    // What is no subnet at all is seen; dockerd 20.10 answers 500.
    let body = json!({"Name": "x", "IPAM": {"Config": [{"Subnet": "fd00:c0de:9::/129"}]}});
    assert!(asked(&engine, "/networks/create", &body).0 >= 400);
}

#[test]
fn default_pools_can_be_used_up() {
    corten_only!();
    let config = r#"{"default-address-pools": [{"base": "10.251.9.0/25", "size": 26}]}"#;
    let daemon = Daemon::start_configured(&binary(), config, &[]);
    let make = |name: &str| daemon.api("POST", "/networks/create", &json!({"Name": name}).to_string());
    for name in ["a", "b"] {
        assert_eq!(make(name).status, 201);
    }
    let refused = make("c");
    let sentence = "all predefined address pools have been fully subnetted";
    assert_eq!((refused.status, refused.message().as_str()), (400, sentence));
    let done = daemon.corten(&["network", "create", "c"]);
    done.fails(1);
    done.says(&[&format!("Error response from daemon: {sentence}")]);
    daemon.corten(&["network", "rm", "a"]).ok();
    assert_eq!(make("c").status, 201);
    daemon.corten(&["network", "rm", "b", "c"]).ok();
}
