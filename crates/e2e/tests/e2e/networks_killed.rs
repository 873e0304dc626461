//! Networks of running containers while the daemon is killed: nothing is left over, and no address is used twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::thread;
use std::time::Duration;

use corten_testkit::{Engine, http, until};
use serde_json::Value;

use crate::{SOON, corten_only, engine, idle, inspect};

/// The first three numbers of a subnet that no other test has.
fn prefix(engine: &Engine) -> String {
    engine.slot().subnet_prefix().replacen("10.2", "10.1", 1)
}

/// The bridge of network `one`, on which that of macvlan is, too (no interface of the machine's own is needed), and that of `two`.
fn bridge(engine: &Engine, network: &str) -> String {
    format!(
        "{}{}",
        engine.slot().name(),
        if network == "one" { 'k' } else { 'l' }
    )
}

/// Makes network `one` and one more, `two`, of this driver.
fn make_networks(engine: &Engine, driver: &str) {
    let prefix = prefix(engine);
    for (name, start, driver) in [("one", 0, "bridge"), ("two", 128, driver)] {
        let subnet = format!("{prefix}.{start}/25");
        let option = match driver {
            "bridge" => format!("com.docker.network.bridge.name={}", bridge(engine, name)),
            _ => format!("parent={}", bridge(engine, "one")),
        };
        engine.ok(&[
            "network", "create", "-d", driver, "--subnet", &subnet, "-o", &option, name,
        ]);
    }
}

/// What a container is on and has, as its own namespace says.
#[derive(Debug)]
struct Place {
    /// Addresses by network, of `inspect`.
    told: BTreeMap<String, String>,
    interfaces: BTreeSet<String>,
    addresses: BTreeSet<String>,
}

fn place(engine: &Engine, name: &str) -> Place {
    let found = inspect(engine, name);
    let networks = found["NetworkSettings"]["Networks"].as_object().unwrap().iter();
    let address = |settings: &Value| settings["IPAddress"].as_str().unwrap_or_default().to_owned();
    let pid = &found["State"]["Pid"];
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/net/{file}")).unwrap();
    let (devices, routes) = (read("dev"), read("fib_trie"));
    let mut last = "";
    let mut addresses = BTreeSet::new();
    for line in routes.lines().map(str::trim) {
        match line.strip_prefix("|-- ") {
            Some(address) => last = address,
            None if line.ends_with("host LOCAL") && !last.starts_with("127.") => {
                addresses.insert(last.to_owned());
            }
            None => {}
        }
    }
    let names = devices.lines().filter_map(|line| line.split_once(':'));
    Place {
        told: networks
            .map(|(name, settings)| (name.clone(), address(settings)))
            .collect(),
        interfaces: names
            .map(|(name, _)| name.trim().to_owned())
            .filter(|name| name.starts_with("eth"))
            .collect(),
        addresses,
    }
}

/// Every container has what it is told to have and nothing else; no address is there twice, and no interface is left outside.
fn check(engine: &Engine, names: &[String], moment: &str) {
    let mut seen = BTreeSet::new();
    let mut members: BTreeMap<&str, usize> = BTreeMap::from([("one", 0), ("two", 0)]);
    for name in names {
        let place = place(engine, name);
        let told: BTreeSet<String> = place.told.values().cloned().collect();
        assert_eq!(place.addresses, told, "{moment}, {name}: {place:?}");
        assert_eq!(
            place.interfaces.len(),
            place.told.len(),
            "{moment}, {name}: {place:?}"
        );
        for address in &place.addresses {
            assert!(
                seen.insert(address.clone()),
                "{moment}: {address} of {name} is used twice"
            );
        }
        for (network, count) in &mut members {
            *count += usize::from(place.told.contains_key(*network));
        }
    }
    for (network, count) in members {
        if let Ok(ports) = fs::read_dir(format!("/sys/class/net/{}/brif", bridge(engine, network))) {
            assert_eq!(ports.count(), count, "{moment}: interfaces on network {network}");
        }
    }
}

/// Changes `names` all at once and kills the daemon after `pause`.
fn change_and_kill(engine: &mut Engine, names: &[String], pause: Duration) {
    let askers: Vec<_> = names
        .iter()
        .map(|name| {
            let is_on = place(engine, name).told.contains_key("two");
            let path = format!("/networks/two/{}", if is_on { "disconnect" } else { "connect" });
            let (body, socket) = (format!(r#"{{"Container":"{name}"}}"#), engine.socket().to_owned());
            move || {
                // Whether it is heard is what this is about.
                let _ = http::try_unix(&socket, "POST", &path, body.as_bytes());
            }
        })
        .collect();
    let asking: Vec<_> = askers.into_iter().map(thread::spawn).collect();
    // No condition: any moment of the change is a moment to be killed in.
    thread::sleep(pause);
    engine.corten_mut().kill9();
    for asker in asking {
        asker.join().unwrap();
    }
    engine.corten_mut().restart();
}

/// `rounds` times: all of `count` containers come to network `two`, or leave it, and the daemon is killed meanwhile, `step` later
/// each time.
fn rounds(driver: &str, count: usize, rounds: u32, step: Duration) {
    let mut engine = engine();
    make_networks(&engine, driver);
    let names: Vec<String> = (0..count).map(|number| format!("c{number}")).collect();
    for name in &names {
        idle(&engine, name, &["--network", "one"]);
    }
    for round in 0..rounds {
        change_and_kill(&mut engine, &names, Duration::from_millis(1) + step * round);
        check(&engine, &names, &format!("round {round}"));
        // Addresses that are free go to others next.
        let newcomer = [format!("new{round}")];
        idle(&engine, &newcomer[0], &["--network", "two"]);
        check(
            &engine,
            &[&names[..], &newcomer].concat(),
            &format!("after round {round}"),
        );
        engine.ok(&["rm", "-f", &newcomer[0]]);
    }
    for name in &names {
        engine.ok(&["rm", "-f", name]);
    }
    until("the networks can go", SOON, || {
        engine.run(&["network", "rm", "two", "one"]).code() == 0
    });
}

#[test]
fn two_hundred_changes_at_once() {
    corten_only!();
    rounds("bridge", 20, 10, Duration::from_millis(7));
}

/// Where only the container's namespace knows of an interface.
#[test]
fn changes_on_macvlan() {
    corten_only!();
    rounds("macvlan", 3, 30, Duration::from_micros(700));
}
