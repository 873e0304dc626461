//! Published ports beside what else filters on the host: the table of cases of `docs/host-firewall.md`, on a real kernel.

#![allow(clippy::unwrap_used)] // a host that cannot be set up fails its test

mod lab;
mod scene;

use corten_network::{HostFirewall, HostPort, Networks, PlaneConfig, Proto};
use lab::filters::Filter;
use lab::{
    HOST, HOST6, OUTSIDE, OUTSIDE6, bridge, container, container_on, eventually, feed, inside, listen,
    on_own_host, outside_world, plane, run, tcp,
};
use scene::{
    ALLOWED, DENIED, DOUBT, LOCAL, LOCALHOST, LOCALHOST6, PATIENCE, Scene, Server, bridges_call, connect,
    without_counts,
};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Instant;

fn behind(filter: Filter) {
    for calls in [false, true] {
        on_own_host(|| {
            if !bridges_call(calls) && calls {
                return;
            }
            filter.set_up();
            let before = run("nft list ruleset");
            let scene = Scene::set_up(plane());
            scene.all_cases(filter.denies());
            let forwarded = scene.networks.shutdown(true);
            assert!(forwarded.is_ok(), "{forwarded:?}");
            assert_eq!(without_counts(&run("nft list ruleset")), without_counts(&before));
            assert!(!run("ip route show table local").contains("247."));
            assert!(!run("ip -6 route show table local").contains("fd8e:"));
        });
    }
}

#[test]
fn nothing_filters() {
    behind(Filter::None);
}

#[test]
fn behind_ufw() {
    behind(Filter::Ufw);
}

#[test]
fn behind_firewalld() {
    behind(Filter::Firewalld);
}

#[test]
fn behind_iptables() {
    behind(Filter::Iptables);
}

#[test]
fn behind_nftables() {
    behind(Filter::Nftables);
}

#[test]
fn beside_dockerd() {
    behind(Filter::Dockerd);
}

#[test]
fn the_switch_opens_published_ports() {
    on_own_host(|| {
        Filter::Nftables.set_up();
        let scene = Scene::set_up(PlaneConfig {
            host_firewall: HostFirewall::Bypass,
            ..plane()
        });
        for own in [IpAddr::from(OUTSIDE), OUTSIDE6.into()] {
            scene.outside(own, DENIED, true);
            scene.outside(own, LOCAL, false);
        }
        for to in [IpAddr::from(HOST), LOCALHOST.into(), LOCALHOST6.into()] {
            let to = SocketAddr::new(to, DENIED);
            assert!(
                scene.server.reached(Proto::Tcp, None, to, PATIENCE).is_some(),
                "{to}"
            );
        }
    });
}

/// A filter that is started, changed and reloaded is obeyed at once; what it loses of ours comes back.
#[test]
fn filters_come_and_go() {
    on_own_host(|| {
        let scene = Scene::set_up(plane());
        scene.outside(OUTSIDE, DENIED, true);
        let beyond = Server::start(&scene.outside, 81);
        let to = SocketAddr::new(OUTSIDE.into(), 81);
        let reaches_out =
            || inside(&scene.neighbour, || beyond.reached(Proto::Tcp, None, to, DOUBT)).is_some();
        for filter in [Filter::Iptables, Filter::Nftables, Filter::Firewalld, Filter::Ufw] {
            run("nft flush ruleset");
            filter.set_up();
            scene.outside(OUTSIDE, DENIED, false);
            eventually("ours is made anew", || run("nft list tables").contains("ip6 lab"));
            scene.outside(OUTSIDE, DENIED, false);
            scene.outside(OUTSIDE, ALLOWED, true);
            eventually("containers reach out", reaches_out);
            filter.reload();
            eventually("containers reach out again", reaches_out);
        }
        run("iptables -I ufw-user-input -p tcp --dport 8080 -j ACCEPT");
        run("iptables -I ufw-user-input -p udp --dport 8080 -j ACCEPT");
        scene.outside(OUTSIDE, DENIED, true);
        run("iptables -D ufw-user-input -p tcp --dport 8080 -j ACCEPT");
        run("iptables -D ufw-user-input -p udp --dport 8080 -j ACCEPT");
        scene.outside(OUTSIDE, DENIED, false);
    });
}

/// A rule as iptables shows it.
const OURS: &str = "-A FORWARD -m mark --mark 0x20000000/0x20000000 -m comment --comment lab -j ACCEPT";

#[test]
fn one_rule_of_ours_is_in_their_chain_while_it_drops() {
    on_own_host(|| {
        Filter::Ufw.set_up();
        let networks = Networks::open(plane()).unwrap();
        let ours = || run("iptables -S FORWARD").matches(OURS).count();
        let place = || {
            let rules = run("iptables -S FORWARD");
            rules.lines().position(|line| line == OURS)
        };
        // Behind the host's own rules (-P, and ufw-before-forward), before what logs and refuses.
        assert_eq!(place(), Some(2), "{}", run("iptables -S FORWARD"));
        // Saved and loaded, its comment has another form.
        let saved = run("iptables-save -t filter");
        feed("iptables-restore", &saved);
        run("iptables -A FORWARD -j LOG");
        eventually("it is there once", || ours() == 1);
        for harm in [
            "iptables -F FORWARD",
            "iptables -I FORWARD -j DROP",
            "iptables -D FORWARD 2",
        ] {
            run(harm);
            eventually(&format!("it is there once after {harm}"), || ours() == 1);
        }
        let first = run("iptables -S FORWARD").lines().nth(1).map(str::to_owned);
        assert_eq!(first.as_deref(), Some(OURS), "before what drops");
        // It goes when the chain drops no more.
        run("iptables -F FORWARD");
        run("iptables -P FORWARD ACCEPT");
        eventually("it is taken away", || ours() == 0);
        run("iptables -P FORWARD DROP");
        eventually("it comes back", || ours() == 1);
        // Another daemon has its own, and takes none but its own away.
        let other = Networks::open(PlaneConfig {
            table: "other".to_owned(),
            ..plane()
        })
        .unwrap();
        assert!(run("iptables -S FORWARD").contains("--comment other"));
        networks.shutdown(true).unwrap();
        let rules = run("iptables -S FORWARD");
        assert!(
            rules.contains("--comment other") && !rules.contains("--comment lab"),
            "{rules}"
        );
        other.shutdown(true).unwrap();
        assert_eq!(run("iptables -S FORWARD").trim(), "-P FORWARD DROP");
    });
}

/// Two daemons of ours do not take each other's tables for filters that drop.
#[test]
fn daemons_leave_each_other_alone() {
    on_own_host(|| {
        let open = |table: &str| {
            Networks::open(PlaneConfig {
                table: table.to_owned(),
                ..plane()
            })
            .unwrap()
        };
        let one = open("one");
        let before = run("nft list table ip one");
        let two = open("two");
        two.shutdown(true).unwrap();
        assert_eq!(run("nft list table ip one"), before);
        assert!(!run("nft list tables").contains("two"));
        drop(one);
        feed("nft -f -", &OLDER.replace("inet lab", "inet old"));
        let before = run("nft list table inet old");
        let _three = open("three");
        assert_eq!(run("nft list table inet old"), before);
    });
}

/// What an earlier version left goes on until the new daemon knows all that it published.
#[test]
fn an_older_table_is_replaced_without_a_gap() {
    on_own_host(|| {
        let outside = outside_world();
        let first = lab::open();
        let (lease, netns) = container(&first, &[tcp(None, HostPort::Fixed(8080), 80)]);
        let server = listen(&netns, 80);
        drop(first);
        run("nft delete table ip lab");
        run("nft delete table ip6 lab");
        feed("nft -f -", OLDER);
        let reach = |port| inside(&outside, || lab::reach((HOST, port), &server));
        reach(8080).unwrap();
        let mut standing = inside(&outside, || connect(None, (HOST, 8080).into(), PATIENCE)).unwrap();
        let (mut accepted, _) = server.accept().unwrap_or_else(|_| {
            server.set_nonblocking(false).unwrap();
            server.accept().unwrap()
        });
        accepted.set_nonblocking(false).unwrap();

        let second = lab::open();
        assert!(run("nft list tables").contains("inet lab"));
        reach(8080).unwrap();
        assert!(second.restore(&[lease]).unwrap().problems.is_empty());
        let tables = run("nft list tables");
        assert!(
            !tables.contains("inet lab") && tables.contains("ip lab"),
            "{tables}"
        );
        reach(8080).unwrap();
        standing.write_all(b"?").unwrap();
        accepted.read_exact(&mut [0]).unwrap();
        accepted.write_all(b"!").unwrap();
        standing.set_read_timeout(Some(PATIENCE)).unwrap();
        standing.read_exact(&mut [0]).unwrap();
    });
}

/// The one table of earlier versions, as far as it was about IPv4.
const OLDER: &str = "table inet lab {
    map by_address { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
    map by_port { type inet_proto . inet_service : ipv4_addr . inet_service
        elements = { tcp . 8080 : 172.17.0.2 . 80 }
    }
    set bridges { type ifname; elements = { \"lab0\" } }
    set within { type ifname . ifname; elements = { \"lab0\" . \"lab0\" } }
    set internal { type ifname; }
    set outwards { type ipv4_addr; flags interval; elements = { 172.17.0.0/16 } }
    chain guard { type filter hook prerouting priority raw; policy accept;
        ip daddr 127.0.0.0/8 iifname != lo drop
    }
    chain prerouting { type nat hook prerouting priority dstnat; policy accept;
        fib daddr type != local accept
        meta nfproto ipv4 dnat ip to ip daddr . meta l4proto . th dport map @by_address
        meta nfproto ipv4 dnat ip to meta l4proto . th dport map @by_port
    }
    chain forward { type filter hook forward priority filter; policy accept;
        iifname != @bridges oifname != @bridges accept
        iifname . oifname @within accept
        ct state established,related accept
        ct status dnat accept
        oifname != @bridges accept
        drop
    }
    chain postrouting { type nat hook postrouting priority srcnat; policy accept;
        oifname != @bridges ip saddr @outwards masquerade
    }
}
";

/// Datagrams that came in pieces are given back whole.
#[test]
fn large_datagrams_come_through() {
    on_own_host(|| {
        Filter::Nftables.set_up();
        let scene = Scene::set_up(plane());
        for (own, to) in [
            (IpAddr::from(OUTSIDE), IpAddr::from(HOST)),
            (OUTSIDE6.into(), HOST6.into()),
        ] {
            let client = inside(&scene.outside, || UdpSocket::bind((own, 0)).unwrap());
            let sent: Vec<u8> = (0..8000_u32).map(|number| number as u8).collect();
            client.send_to(&sent, (to, ALLOWED)).unwrap();
            scene.server.udp.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut got = vec![0; 9000];
            let (length, peer) = scene.server.udp.recv_from(&mut got).unwrap();
            assert_eq!((&got[..length], peer.ip().to_canonical()), (&sent[..], own));
            scene.server.udp.send_to(&sent, peer).unwrap();
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            assert_eq!(client.recv(&mut got).unwrap(), sent.len());
        }
    });
}

/// A host that checks reverse paths strictly, and one that drops what leaves by its own loopback.
#[test]
fn unfriendly_hosts_are_served() {
    on_own_host(|| {
        for setting in ["all", "default", "lo"] {
            std::fs::write(format!("/proc/sys/net/ipv4/conf/{setting}/rp_filter"), "1").unwrap();
        }
        let scene = Scene::set_up(plane());
        scene.outside(OUTSIDE, ALLOWED, true);
        let to = SocketAddr::new(LOCALHOST.into(), ALLOWED);
        assert!(scene.server.reached(Proto::Udp, None, to, PATIENCE).is_some());
        // The copy is lost; the second try comes through.
        feed(
            "nft -f -",
            "table ip deaf { chain out { type filter hook output priority 0; policy accept; oif lo drop; }\n}",
        );
        let start = Instant::now();
        let seen = scene.from(OUTSIDE, Proto::Tcp, HOST, ALLOWED, PATIENCE);
        assert_eq!(seen, Some(OUTSIDE.into()));
        assert!(start.elapsed() > DOUBT, "the copy was not lost");
    });
}

/// An internal network has no way out, by a published port neither.
#[test]
fn internal_networks_reach_no_published_ports() {
    on_own_host(|| {
        let scene = Scene::set_up(plane());
        let closed = bridge(&scene.networks, "closed", &[], |spec, _| {
            spec.internal = true;
        });
        let (_, netns) = container_on(&scene.networks, &closed.id, &[]);
        let gateway = closed.pools[0].gateway.unwrap();
        let to = SocketAddr::new(gateway, ALLOWED);
        assert_eq!(
            inside(&netns, || scene.server.reached(Proto::Tcp, None, to, DOUBT)),
            None
        );
    });
}

/// Nobody outside speaks as this machine's loopback, under whatever name.
#[test]
fn the_loopback_in_disguise_is_guarded() {
    on_own_host(|| {
        let scene = Scene::set_up(plane());
        let server = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 9999)).unwrap();
        let disguised = Ipv4Addr::new(247, 0, 0, 1);
        for (from, gateway) in [
            (&scene.outside, HOST),
            (&scene.neighbour, scene.lease.gateway.unwrap()),
        ] {
            inside(from, || {
                run("ip addr add 247.0.0.1/32 dev lo");
                let client = UdpSocket::bind((disguised, 0)).unwrap();
                client.send_to(b"?", (gateway, 9999)).unwrap();
                run("ip addr del 247.0.0.1/32 dev lo");
                let device = if gateway == HOST { "up0" } else { "eth0" };
                run(&format!("ip route add {disguised}/32 via {gateway} dev {device}"));
                let client = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
                client.send_to(b"?", (disguised, 9999)).unwrap();
            });
        }
        server.set_read_timeout(Some(DOUBT)).unwrap();
        assert!(server.recv(&mut [0]).is_err(), "it came through");
        let to = SocketAddr::new(disguised.into(), LOCAL);
        assert_eq!(
            inside(&scene.outside, || scene.server.reached(
                Proto::Tcp,
                None,
                to,
                DOUBT
            )),
            None
        );
    });
}

/// Where the usual network is routed elsewhere, the loopback is disguised as the next one.
#[test]
fn a_taken_network_is_left_alone() {
    on_own_host(|| {
        run("ip link add d0 type bridge");
        run("ip addr add 10.5.0.1/24 dev d0");
        run("ip link set d0 up");
        run("ip route add 247.3.0.0/16 dev d0");
        let networks = Networks::open(plane()).unwrap();
        let routes = run("ip route show table local");
        assert!(routes.contains("local 246.0.0.0/8 dev lo"), "{routes}");
        networks.shutdown(true).unwrap();
        assert!(!run("ip route show table local").contains("246."));
    });
}
