//! What passes over the networks: throughput beside a bare bridge, and queries for names.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use corten_testkit::{Daemon, Dockerd, Slot, fixtures, run, until};

use super::lookups;
use super::sides::Side;
use super::table::{Rates, Row, Table, Unit};
use super::timing::Times;

/// What part of a bare bridge's throughput is wanted.
const THROUGHPUT: f64 = 0.95;
/// How many times more queries must be answered, and within what time all but one of a hundred, in milliseconds.
const LOOKUPS: f64 = 3.0;
const SLOWEST: f64 = 1.0;
const ROUNDS: usize = 5;
/// How long one measurement takes, in seconds.
const SECONDS: &str = "2";
const SOON: Duration = Duration::from_secs(30);
const PORT: &str = "5201";

const NETWORK: &str = "traffic";
const MEMBERS: [&str; 2] = ["one", "two"];

/// TCP from the host to a container and between two containers, beside the same between bare namespaces on a bare bridge.
pub(super) fn throughput(table: &mut Table, ours: &Daemon) {
    let side = Side::Ours(ours);
    let bare = Bare::make();
    populate(side);
    let [one, two] = MEMBERS.map(|name| Place::of(side.container_pid(name)));
    let [bare_one, bare_two] = bare.places();
    let mut rates = [[(); 2]; 2].map(|pair| pair.map(|()| Rates::default()));
    for _ in 0..ROUNDS {
        rates[0][0].push(sent(None, &bare_one));
        rates[0][1].push(sent(None, &one));
        rates[1][0].push(sent(Some(&bare_two), &bare_one));
        rates[1][1].push(sent(Some(&two), &one));
    }
    let unit = Unit {
        base: "(bare bridge) ",
        name: "Gbit/s",
        size: 1e9,
    };
    for (name, [base, ours]) in ["TCP, host to container", "TCP, container to container"]
        .into_iter()
        .zip(&rates)
    {
        table.push(Row::rates(name.to_owned(), unit, base, ours, THROUGHPUT));
    }
    depopulate(side);
}

/// Queries for a container's name that a container sends to its name server, one after another from a few sockets.
pub(super) fn names(table: &mut Table, theirs: &Dockerd, ours: &Daemon) {
    let sides = [Side::Theirs(theirs), Side::Ours(ours)];
    let mut rates = [(); 2].map(|()| Rates::default());
    let mut slowest = [const { Vec::new() }; 2];
    for side in sides {
        populate(side);
    }
    let places = sides.map(|side| Place::of(side.container_pid(MEMBERS[0])));
    for _ in 0..ROUNDS {
        for at in [0, 1] {
            let told = run(
                &mut places[at].within(lookups::command(MEMBERS[1], SECONDS)),
                SOON,
            )
            .ok();
            let (rate, slow) = lookups::told(&told);
            rates[at].push(rate);
            slowest[at].push(slow);
        }
    }
    let unit = Unit {
        base: "",
        name: "thousand/s",
        size: 1e3,
    };
    let [their_rates, our_rates] = rates;
    let [their_slowest, our_slowest] = slowest.map(Times::of);
    table.push(Row::rates(
        "queries for a name".to_owned(),
        unit,
        &their_rates,
        &our_rates,
        LOOKUPS,
    ));
    table.push(Row::time_limit(
        "  99 of 100 are answered within".to_owned(),
        Some(&their_slowest),
        &our_slowest,
        SLOWEST,
    ));
    for side in sides {
        depopulate(side);
    }
}

fn populate(side: Side<'_>) {
    side.ok(&["network", "create", NETWORK]);
    for name in MEMBERS {
        let args = [
            "run",
            "-d",
            "--name",
            name,
            "--network",
            NETWORK,
            fixtures::BUSYBOX,
            "sleep",
            "100000",
        ];
        side.ok(&args);
    }
}

fn depopulate(side: Side<'_>) {
    side.ok(&[&["rm", "-f"], &MEMBERS[..]].concat());
    side.ok(&["network", "rm", NETWORK]);
}

/// A network namespace, by a process in it, and the address it has there.
struct Place {
    pid: u32,
    address: String,
}

impl Place {
    fn of(pid: u32) -> Self {
        let mut list = entering(pid, Command::new("ip"));
        list.args(["-4", "-o", "address", "show", "scope", "global"]);
        let listed = run(&mut list, SOON).ok();
        let address = listed
            .split_whitespace()
            .find_map(|word| Some(word.split_once('/')?.0))
            .unwrap_or_else(|| panic!("{pid} has no address: {listed}"));
        Self {
            pid,
            address: address.to_owned(),
        }
    }

    fn within(&self, command: Command) -> Command {
        entering(self.pid, command)
    }
}

fn entering(pid: u32, command: Command) -> Command {
    let mut entering = Command::new("nsenter");
    entering
        .arg(format!("--net=/proc/{pid}/ns/net"))
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args());
    entering
}

/// Bits per second that reach `to` from another place, or from the host.
fn sent(from: Option<&Place>, to: &Place) -> f64 {
    let iperf = |args: &[&str]| {
        let mut command = Command::new("iperf3");
        command.args(["-p", PORT]).args(args);
        command
    };
    let mut serving = to
        .within(iperf(&["-s", "-1"]))
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run nsenter: {error}"));
    let listens = || {
        let listed = run(
            to.within(Command::new("ss")).args(["-Hltn", "sport", "=", PORT]),
            SOON,
        );
        !listed.ok().is_empty()
    };
    until("iperf3 listens", SOON, listens);
    let client = iperf(&["-c", &to.address, "-t", SECONDS, "-J"]);
    let mut client = match from {
        Some(place) => place.within(client),
        None => client,
    };
    let told = run(&mut client, SOON).ok();
    let ended = serving.wait();
    assert!(ended.is_ok_and(|status| status.success()), "iperf3 failed");
    serde_json::from_str::<serde_json::Value>(&told)
        .ok()
        .and_then(|told| told["end"]["sum_received"]["bits_per_second"].as_f64())
        .unwrap_or_else(|| panic!("iperf3 tells no rate: {told}"))
}

/// Two namespaces on a bridge, with nothing of an engine about them.
struct Bare {
    slot: Slot,
    members: [Child; 2],
}

impl Bare {
    fn make() -> Self {
        let slot = Slot::take();
        let bridge = slot.name();
        let ip = |args: &[&str]| run(Command::new("ip").args(args), SOON).ok();
        ip(&["link", "add", &bridge, "type", "bridge"]);
        ip(&["address", "add", &slot.bridge_address(), "dev", &bridge]);
        ip(&["link", "set", &bridge, "up"]);
        let own = fs::read_link("/proc/self/ns/net").ok();
        let members = ["10", "11"].map(|last| {
            let member = Command::new("unshare")
                .args(["--net", "sleep", "100000"])
                .spawn()
                .unwrap_or_else(|error| panic!("cannot run unshare: {error}"));
            let pid = member.id();
            let apart = || {
                let there = fs::read_link(format!("/proc/{pid}/ns/net")).ok();
                there.is_some() && there != own
            };
            until("the namespace is there", SOON, apart);
            let port = format!("{bridge}p{last}");
            let namespace = pid.to_string();
            ip(&[
                "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &namespace,
            ]);
            ip(&["link", "set", &port, "master", &bridge, "up"]);
            let address = format!("{}.{last}/24", slot.subnet_prefix());
            for args in [
                ["address", "add", &address, "dev", "eth0"],
                ["link", "set", "dev", "eth0", "up"],
            ] {
                let mut command = entering(pid, Command::new("ip"));
                run(command.args(args), SOON).ok();
            }
            member
        });
        Self { slot, members }
    }

    fn places(&self) -> [Place; 2] {
        self.members.each_ref().map(|member| Place::of(member.id()))
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        for member in &mut self.members {
            let _ = member.kill();
            let _ = member.wait();
        }
        self.slot.residue().remove();
    }
}
