//! IPv6 on a real kernel, each test on a host of its own.

mod lab;

use corten_network::{DefaultBridge, HostPort, IpNet, Lease, Networks, PortRequest, Proto};
use lab::{
    HOST, HOST6, OUTSIDE, OUTSIDE6, bridge, config, container, container_on, eventually, inside, listen6,
    on_own_host, open_with, outside_world, plane, reach, request, run, tcp,
};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::time::Duration;

fn networks() -> Networks {
    Networks::open(plane()).expect("the plane opens")
}

fn address(lease: &Lease) -> Ipv6Addr {
    lease.address6.expect("an IPv6 address")
}

#[test]
fn a_container_has_both_families() {
    on_own_host(|| {
        let networks = networks();
        let both = bridge(&networks, "both", &[], |spec, _| spec.ipv6 = true);
        let (lease, netns) = container_on(&networks, &both.id, &[]);
        let (_, neighbour) = container_on(&networks, &both.id, &[]);
        let gateway = lease.gateway6.unwrap();
        assert!(
            gateway.octets()[0] == 0xfd && gateway.segments()[7] == 1,
            "{gateway}"
        );
        assert_eq!(address(&lease).segments()[7], 2);
        inside(&netns, || {
            let shown = run("ip -o -6 addr show eth0");
            assert!(
                shown.contains(&format!("inet6 {}/64", address(&lease))),
                "{shown}"
            );
            assert!(!shown.contains("tentative"), "{shown}");
            let routes = run("ip -6 route");
            assert!(
                routes.contains(&format!("default via {gateway} dev eth0")),
                "{routes}"
            );
            let accepts = std::fs::read_to_string("/proc/thread-self/net/if_inet6");
            assert!(accepts.is_ok());
        });
        let server = listen6(&netns, 80);
        inside(&neighbour, || reach((address(&lease), 80), &server)).unwrap();
        reach((address(&lease), 80), &server).unwrap();
        inside(&neighbour, || {
            reach((lease.address.unwrap(), 80), &lab::listen(&netns, 81)).unwrap_err()
        });
    });
}

#[test]
fn networks_are_kept_apart_over_ipv6_too() {
    on_own_host(|| {
        let networks = networks();
        let outside = outside_world();
        let make = |name| bridge(&networks, name, &[], |spec, _| spec.ipv6 = true);
        let (one, two) = (make("one"), make("two"));
        let closed = bridge(&networks, "closed", &[], |spec, _| {
            spec.ipv6 = true;
            spec.internal = true;
        });
        let (lease, netns) = container_on(&networks, &one.id, &[]);
        let (_, other) = container_on(&networks, &two.id, &[]);
        let (inner, internal) = container_on(&networks, &closed.id, &[]);
        assert!(inner.gateway6.is_none());
        let server = listen6(&netns, 80);
        for stranger in [&other, &internal, &outside] {
            assert!(inside(stranger, || reach((address(&lease), 80), &server)).is_err());
        }
        let out = listen6(&outside, 80);
        inside(&internal, || {
            run(&format!(
                "ip -6 route add default via {}",
                closed.pools[1].gateway.unwrap()
            ));
            assert!(reach((OUTSIDE6, 80), &out).is_err());
        });
    });
}

#[test]
fn the_outside_is_reached_under_the_hosts_ipv6_address() {
    on_own_host(|| {
        let outside = outside_world();
        let networks = networks();
        let both = bridge(&networks, "both", &[], |spec, _| spec.ipv6 = true);
        let plain = bridge(&networks, "plain", &[], |spec, bridge| {
            spec.ipv6 = true;
            bridge.masquerade = false;
        });
        let server = listen6(&outside, 80);
        let (_, netns) = container_on(&networks, &both.id, &[]);
        assert_eq!(inside(&netns, || reach((OUTSIDE6, 80), &server)).unwrap(), HOST6);
        let (lease, netns) = container_on(&networks, &plain.id, &[]);
        assert_eq!(
            inside(&netns, || reach((OUTSIDE6, 80), &server)).unwrap(),
            address(&lease)
        );
    });
}

#[test]
fn a_port_is_published_on_both_families() {
    on_own_host(|| {
        let outside = outside_world();
        let networks = networks();
        let both = bridge(&networks, "both", &[], |spec, _| spec.ipv6 = true);
        let (lease, netns) = container_on(&networks, &both.id, &[tcp(None, HostPort::Any, 80)]);
        let (_, neighbour) = container_on(&networks, &both.id, &[]);
        let port = lease.ports[0].host_port;
        assert_eq!((lease.ports.len(), lease.ports[1].host_port), (2, port));
        let server = listen6(&netns, 80);
        // From outside, with the client's own address.
        assert_eq!(
            inside(&outside, || reach((HOST6, port), &server)).unwrap(),
            OUTSIDE6
        );
        // From the host, by all its addresses.
        reach((HOST6, port), &server).unwrap();
        reach((lease.gateway6.unwrap(), port), &server).unwrap();
        // From the container itself and its neighbour.
        inside(&netns, || reach((HOST6, port), &server)).unwrap();
        inside(&neighbour, || reach((HOST6, port), &server)).unwrap();
        assert!(inside(&outside, || reach((address(&lease), 80), &server)).is_err());
        // And over IPv4.
        let server = lab::listen(&netns, 81);
        drop(server);
        assert!(
            TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).is_err(),
            "the port is held"
        );
    });
}

#[test]
fn a_port_published_on_an_ipv6_address_stays_there() {
    on_own_host(|| {
        let outside = outside_world();
        bridges_call_ip6tables(false);
        let networks = networks();
        let both = bridge(&networks, "both", &[], |spec, _| spec.ipv6 = true);
        let ports = [
            tcp(Some(Ipv6Addr::LOCALHOST.into()), HostPort::Fixed(8080), 80),
            tcp(Some(HOST6.into()), HostPort::Fixed(8081), 80),
        ];
        let (_, netns) = container_on(&networks, &both.id, &ports);
        let server = listen6(&netns, 80);
        reach((Ipv6Addr::LOCALHOST, 8080), &server).unwrap();
        reach((HOST6, 8081), &server).unwrap();
        assert!(reach((HOST6, 8080), &server).is_err());
        assert!(reach((Ipv6Addr::LOCALHOST, 8081), &server).is_err());
        inside(&outside, || {
            reach((HOST6, 8081), &server).unwrap();
            assert!(reach((HOST6, 8080), &server).is_err());
            // Others may route ::1 to this host: no use.
            run("ip -6 addr del ::1/128 dev lo");
            run(&format!("ip -6 route add ::1/128 via {HOST6} dev up0"));
            assert!(reach((Ipv6Addr::LOCALHOST, 8080), &server).is_err());
        });
    });
}

/// What is asked first when `localhost` is looked up.
#[test]
fn the_hosts_ipv6_loopback_answers() {
    for calls in [false, true] {
        on_own_host(|| {
            if !bridges_call_ip6tables(calls) {
                return;
            }
            let networks = networks();
            let both = bridge(&networks, "both", &[], |spec, _| spec.ipv6 = true);
            let (lease, netns) = container_on(&networks, &both.id, &[tcp(None, HostPort::Fixed(8080), 80)]);
            let server = listen6(&netns, 80);
            let seen = reach((Ipv6Addr::LOCALHOST, 8080), &server).unwrap();
            assert_eq!(Some(seen), lease.gateway6.map(Into::into));
        });
    }
}

/// Sets whether packets on bridges pass the netfilter of IPv6, too; false if this kernel has no such thing.
fn bridges_call_ip6tables(call: bool) -> bool {
    let knob = "/proc/sys/net/bridge/bridge-nf-call-ip6tables";
    std::fs::write(knob, if call { "1" } else { "0" }).is_ok()
}

#[test]
fn a_network_may_have_ipv6_alone() {
    on_own_host(|| {
        let outside = outside_world();
        let networks = networks();
        let only = bridge(&networks, "only", &[], |spec, _| {
            spec.ipv4 = false;
            spec.ipv6 = true;
        });
        assert_eq!(only.pools.len(), 1);
        let (lease, netns) = container_on(&networks, &only.id, &[tcp(None, HostPort::Fixed(8080), 80)]);
        assert!(lease.address.is_none() && lease.gateway.is_none());
        inside(&netns, || {
            assert!(!run("ip -o addr show eth0").contains("inet "));
            assert!(run("ip route").is_empty());
        });
        let server = listen6(&netns, 80);
        inside(&outside, || reach((HOST6, 8080), &server)).unwrap();
        assert!(inside(&outside, || reach((HOST, 8080), &server)).is_err());
        let error = networks
            .reserve(
                &only.id,
                &request(&[tcp(Some(Ipv4Addr::LOCALHOST.into()), HostPort::Any, 80)]),
            )
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot publish on host address 127.0.0.1: the container has no IPv4 address"
        );
        let server = listen6(&outside, 80);
        assert_eq!(inside(&netns, || reach((OUTSIDE6, 80), &server)).unwrap(), HOST6);
    });
}

#[test]
fn the_default_bridge_may_have_ipv6() {
    on_own_host(|| {
        let networks = open_with(DefaultBridge {
            ipv6: true,
            fixed_cidr_v6: Some("fd42::/64".parse().unwrap()),
            ..config()
        })
        .unwrap();
        let (lease, netns) = container(&networks, &[]);
        assert_eq!(address(&lease).to_string(), "fd42::2");
        let server = listen6(&netns, 80);
        reach((address(&lease), 80), &server).unwrap();
        assert!(run("ip -o -6 addr show lab0").contains("fd42::1/64"));
    });
}

#[test]
fn the_hosts_own_way_out_stays() {
    on_own_host(|| {
        let outside = outside_world();
        std::fs::write("/proc/sys/net/ipv6/conf/up0/accept_ra", "1").unwrap();
        let networks = networks();
        bridge(&networks, "both", &[], |spec, _| spec.ipv6 = true);
        let read = |path: &str| std::fs::read_to_string(path).unwrap().trim().to_owned();
        assert_eq!(read("/proc/sys/net/ipv6/conf/all/forwarding"), "1");
        assert_eq!(read("/proc/sys/net/ipv6/conf/up0/accept_ra"), "2");
        assert_eq!(read("/proc/sys/net/ipv6/conf/br-both/accept_ra"), "0");
        drop(outside);
    });
}

/// A sender that never falls silent must reach whoever has the port now.
#[test]
fn datagrams_follow_a_port_that_changes_hands() {
    on_own_host(|| {
        let outside = outside_world();
        let networks = networks();
        let both = bridge(&networks, "both", &[], |spec, _| spec.ipv6 = true);
        let port = [PortRequest {
            proto: Proto::Udp,
            ..tcp(None, HostPort::Fixed(5353), 53)
        }];
        let send = |client: &UdpSocket, to: std::net::IpAddr| client.send_to(b"?", (to, 5353)).map(drop);
        let hear = |server: &UdpSocket| {
            server.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            server.recv(&mut [0]).is_ok()
        };
        for (own, to) in [(OUTSIDE.into(), HOST.into()), (OUTSIDE6.into(), HOST6.into())] {
            let own: std::net::IpAddr = own;
            let client = inside(&outside, || UdpSocket::bind((own, 4000)).unwrap());
            // Before anybody has published it: the kernel remembers a connection to the host itself.
            send(&client, to).unwrap();
            for _ in 0..2 {
                // Another test's child process may hold descriptors until it executes.
                eventually("the port is free", || UdpSocket::bind(("0.0.0.0", 5353)).is_ok());
                let (lease, netns) = container_on(&networks, &both.id, &port);
                let server = inside(&netns, || UdpSocket::bind(("::", 53)).unwrap());
                let _ = client.set_nonblocking(true);
                // Any may be lost, and sending tells of one that was refused before. What must not be is that all go astray.
                eventually("a datagram comes", || send(&client, to).is_ok() && hear(&server));
                networks.release(&lease);
            }
        }
    });
}

#[test]
fn a_default_bridge_takes_no_subnet_of_a_network_on_record() {
    on_own_host(|| {
        let networks = networks();
        let config = DefaultBridge {
            ipv6: true,
            ..config()
        };
        let default = |config: &DefaultBridge, recorded: &[&str]| {
            let recorded: Vec<IpNet> = recorded.iter().map(|net| net.parse().unwrap()).collect();
            networks
                .default_spec("d", config, &recorded)
                .map(|spec| [spec.pools[0].subnet, spec.pools[1].subnet].map(|net| net.to_string()))
                .map_err(|error| error.to_string())
        };
        let free = default(&config, &[]).unwrap();
        let other = default(&config, &[&free[0], &free[1]]).unwrap();
        assert!(free[0] != other[0] && free[1] != other[1], "{free:?} {other:?}");
        let told = DefaultBridge {
            bip: Some("10.7.0.1/24".parse().unwrap()),
            bip6: Some("fd00:7::1/64".parse().unwrap()),
            ..config
        };
        assert_eq!(default(&told, &["10.8.0.0/24"]).unwrap()[0], "10.7.0.0/24");
        for taken in ["10.7.0.0/16", "fd00:7::/80"] {
            let refusal = "invalid pool request: Pool overlaps with other one on this address space";
            assert_eq!(default(&told, &[taken]).unwrap_err(), refusal);
        }
    });
}

#[test]
fn a_bridge_in_use_keeps_its_ipv6_address() {
    on_own_host(|| {
        let with = |address: &str, range: Option<&str>| DefaultBridge {
            ipv6: true,
            bip6: (!address.is_empty()).then(|| address.parse().unwrap()),
            fixed_cidr_v6: range.map(|range| range.parse().unwrap()),
            ..config()
        };
        let first = open_with(with("fd00:7::1/64", None)).unwrap();
        let id = first.default_bridge().unwrap().id;
        let (lease, _netns) = container_on(&first, &id, &[]);
        drop(first);
        for wish in [with("fd00:8::1/64", None), with("", Some("fd00:8::/64"))] {
            let networks = open_with(wish).unwrap();
            let kept = networks.default_bridge().unwrap().pools[1].clone();
            assert_eq!(
                (kept.subnet.to_string().as_str(), kept.range),
                ("fd00:7::/64", None)
            );
            assert!(
                networks
                    .restore(std::slice::from_ref(&lease))
                    .unwrap()
                    .problems
                    .is_empty()
            );
        }
        let networks = open_with(with("", None)).unwrap();
        networks.restore(std::slice::from_ref(&lease)).unwrap();
        networks.release(&lease);
        networks.shutdown(false).unwrap();
        let networks = open_with(with("", Some("fd00:8::/64"))).unwrap();
        let moved = networks.default_bridge().unwrap().pools[1].subnet.to_string();
        assert_eq!(moved, "fd00:8::/64");
        let shown = run("ip -6 -o addr show dev lab0");
        assert!(
            shown.contains("fd00:8::1/64") && !shown.contains("fd00:7::"),
            "{shown}"
        );
    });
}
