//! Networks of a daemon's own making on a real kernel, each test on a host of its own.

mod lab;

use corten_network::{
    BridgeOptions, DefaultBridge, Driver, EndpointRequest, GatewayMode, HostPort, Lease, NetworkError,
    NetworkSpec, Networks, PlaneConfig, PoolRequest,
};
use lab::{
    HOST, OUTSIDE, bridge, container, container_on, described, eventually, inside, listen, on_own_host, open,
    outside_world, plane, reach, request, run, subnet_of, tcp,
};
use rustix::fd::{AsFd, OwnedFd};
use std::net::{IpAddr, Ipv4Addr};
use std::slice::from_ref;

fn address(lease: &Lease) -> Ipv4Addr {
    lease.address.expect("an IPv4 address")
}

fn networks() -> Networks {
    Networks::open(plane()).expect("the plane opens")
}

/// Whether an address answers an echo request sent from the calling thread's namespace.
fn answers_ping(address: Ipv4Addr) -> bool {
    use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, ipproto, sockopt};
    let socket =
        rustix::net::socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP)).expect("a raw socket");
    let timeout = Some(std::time::Duration::from_secs(2));
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, timeout).expect("a timeout is set");
    rustix::net::connect(&socket, &std::net::SocketAddrV4::new(address, 0)).expect("connected");
    let echo = [8, 0, 0xf7, 0xff, 0, 0, 0, 0];
    rustix::net::send(&socket, &echo, SendFlags::empty()).expect("sent");
    let mut answer = [0_u8; 64];
    rustix::net::recv(&socket, &mut answer, RecvFlags::empty()).is_ok()
}

#[test]
fn networks_are_kept_apart() {
    on_own_host(|| {
        let networks = open();
        let one = bridge(&networks, "one", &[], |_, _| {});
        let two = bridge(&networks, "two", &[], |_, _| {});
        assert_eq!(one.pools[0].subnet.to_string(), "172.18.0.0/16");
        assert_eq!(one.pools[0].gateway.unwrap().to_string(), "172.18.0.1");
        let (lease, netns) = container_on(&networks, &one.id, &[]);
        let (_, same) = container_on(&networks, &one.id, &[]);
        let (_, other) = container_on(&networks, &two.id, &[]);
        let (_, on_default) = container(&networks, &[]);
        let server = listen(&netns, 80);
        inside(&same, || reach((address(&lease), 80), &server)).unwrap();
        reach((address(&lease), 80), &server).unwrap();
        for stranger in [&other, &on_default] {
            assert!(inside(stranger, || reach((address(&lease), 80), &server)).is_err());
        }
    });
}

#[test]
fn an_own_network_reaches_out_and_is_reached_by_published_ports() {
    on_own_host(|| {
        let outside = outside_world();
        let networks = open();
        let one = bridge(&networks, "one", &[], |_, _| {});
        let two = bridge(&networks, "two", &[], |_, _| {});
        let (lease, netns) = container_on(&networks, &one.id, &[tcp(None, HostPort::Fixed(8080), 80)]);
        let (_, other) = container_on(&networks, &two.id, &[]);
        let server = listen(&netns, 80);
        assert_eq!(
            inside(&outside, || reach((HOST, 8080), &server)).unwrap(),
            OUTSIDE
        );
        reach((Ipv4Addr::LOCALHOST, 8080), &server).unwrap();
        inside(&netns, || reach((HOST, 8080), &server)).unwrap();
        inside(&other, || reach((HOST, 8080), &server)).unwrap();
        assert!(inside(&outside, || reach((address(&lease), 80), &server)).is_err());
        let server = listen(&outside, 80);
        assert_eq!(inside(&netns, || reach((OUTSIDE, 80), &server)).unwrap(), HOST);
    });
}

#[test]
fn an_internal_network_has_no_way_out() {
    on_own_host(|| {
        let outside = outside_world();
        let networks = open();
        let closed = bridge(&networks, "closed", &[], |spec, _| spec.internal = true);
        let (lease, netns) = container_on(&networks, &closed.id, &[tcp(None, HostPort::Fixed(8080), 80)]);
        assert!(lease.gateway.is_none() && lease.ports.is_empty());
        let (_, same) = container_on(&networks, &closed.id, &[]);
        let (_, published) = container(&networks, &[tcp(None, HostPort::Fixed(8081), 80)]);
        let server = listen(&netns, 80);
        inside(&same, || reach((address(&lease), 80), &server)).unwrap();
        let out = listen(&outside, 80);
        let published = listen(&published, 80);
        inside(&netns, || {
            assert!(!run("ip route").contains("default"));
            // Not by a route somebody makes, either.
            run("ip route add default via 172.18.0.1");
            assert!(reach((OUTSIDE, 80), &out).is_err());
            assert!(reach((HOST, 8081), &published).is_err());
        });
        assert!(inside(&outside, || reach((address(&lease), 80), &server)).is_err());
    });
}

#[test]
fn containers_of_one_network_are_kept_apart_when_asked() {
    on_own_host(|| {
        let networks = open();
        let apart = bridge(&networks, "apart", &[], |_, bridge| bridge.icc = false);
        let (lease, netns) = container_on(&networks, &apart.id, &[]);
        let (_, neighbour) = container_on(&networks, &apart.id, &[]);
        let (on_default, default) = container(&networks, &[]);
        let (_, neighbour_on_default) = container(&networks, &[]);
        let server = listen(&netns, 80);
        assert!(inside(&neighbour, || reach((address(&lease), 80), &server)).is_err());
        let server = listen(&default, 80);
        inside(&neighbour_on_default, || {
            reach((address(&on_default), 80), &server)
        })
        .unwrap();
    });
}

#[test]
fn gateway_modes_open_containers_own_addresses() {
    on_own_host(|| {
        let outside = outside_world();
        let networks = open();
        let mode =
            |mode| move |_: &mut NetworkSpec, bridge: &mut BridgeOptions| bridge.gateway_mode_v4 = mode;
        let unprotected = bridge(&networks, "unprot", &[], mode(GatewayMode::NatUnprotected));
        let routed = bridge(&networks, "routed", &[], mode(GatewayMode::Routed));
        let trusting = bridge(&networks, "trust", &[], |_, bridge| {
            bridge.trusted_host_interfaces = vec!["up0".to_owned()];
        });
        let port = [tcp(None, HostPort::Fixed(8080), 80)];
        let (lease, netns) = container_on(&networks, &unprotected.id, &[]);
        let server = listen(&netns, 81);
        inside(&outside, || reach((address(&lease), 81), &server)).unwrap();

        let (lease, netns) = container_on(&networks, &routed.id, &port);
        assert_eq!(lease.ports[0].host_port, 0);
        let (open, closed) = (listen(&netns, 80), listen(&netns, 81));
        inside(&outside, || {
            assert_eq!(reach((address(&lease), 80), &open).unwrap(), OUTSIDE);
            assert!(reach((address(&lease), 81), &closed).is_err());
            assert!(answers_ping(address(&lease)));
        });
        let out = listen(&outside, 90);
        assert_eq!(
            inside(&netns, || reach((OUTSIDE, 90), &out)).unwrap(),
            address(&lease)
        );

        let (lease, netns) = container_on(&networks, &trusting.id, &[]);
        let server = listen(&netns, 81);
        inside(&outside, || reach((address(&lease), 81), &server)).unwrap();
    });
}

#[test]
fn an_isolated_or_inhibited_bridge_has_no_address() {
    on_own_host(|| {
        let networks = networks();
        bridge(&networks, "iso", &[], |spec, bridge| {
            spec.internal = true;
            bridge.gateway_mode_v4 = GatewayMode::Isolated;
        });
        bridge(&networks, "inh", &[], |_, bridge| bridge.inhibit_ipv4 = true);
        for name in ["br-iso", "br-inh"] {
            let shown = run(&format!("ip -o -4 addr show {name}"));
            assert!(shown.is_empty(), "{shown}");
        }
    });
}

#[test]
fn containers_appear_under_the_address_chosen_for_them() {
    on_own_host(|| {
        let outside = outside_world();
        run("ip addr add 10.99.0.77/24 dev up0");
        let networks = networks();
        let one = bridge(&networks, "one", &[], |_, bridge| {
            bridge.host_ipv4 = Some([10, 99, 0, 77].into());
        });
        let (_, netns) = container_on(&networks, &one.id, &[]);
        let server = listen(&outside, 80);
        let seen = inside(&netns, || reach((OUTSIDE, 80), &server)).unwrap();
        assert_eq!(seen, Ipv4Addr::new(10, 99, 0, 77));
    });
}

#[test]
fn a_removed_network_leaves_nothing_and_its_subnet_can_be_had_again() {
    on_own_host(|| {
        let networks = open();
        let before = (run("ip -o link"), lab::tables());
        let one = bridge(
            &networks,
            "one",
            &[subnet_of("10.7.0.0/24"), subnet_of("fd07::/64")],
            |spec, _| {
                spec.ipv6 = true;
            },
        );
        let (lease, _netns) = container_on(&networks, &one.id, &[tcp(None, HostPort::Fixed(8080), 80)]);
        let error = networks.remove(&one.id).unwrap_err();
        assert_eq!(error.to_string(), "network one has active endpoints");
        assert_eq!(error.kind().http_status(), 403);
        networks.release(&lease);
        networks.remove(&one.id).unwrap();
        networks.remove(&one.id).unwrap();
        assert!(networks.spec(&one.id).is_none());
        let refused = networks.reserve(&one.id, &request(&[])).unwrap_err();
        assert_eq!(refused.to_string(), format!("network {} not found", one.id));
        eventually("the interface goes", || !run("ip -o link").contains("vethc"));
        let after = (run("ip -o link"), lab::tables());
        assert_eq!(after, before);
        bridge(&networks, "two", &[subnet_of("10.7.0.0/24")], |_, _| {});
    });
}

#[test]
fn subnets_are_chosen_and_refused_as_docker_does() {
    on_own_host(|| {
        let networks = Networks::open(PlaneConfig {
            pools: vec![("10.200.0.0/23".parse().unwrap(), 24)],
            ..plane()
        })
        .unwrap();
        let spec = described("one", |_, _| {});
        let first = networks.choose_pools(&spec, &[]).unwrap();
        assert_eq!(first[0].subnet.to_string(), "10.200.0.0/24");
        // Chosen is kept, though nothing is created yet, until it is given up.
        let other = described("two", |_, _| {});
        let second = networks.choose_pools(&other, &[]).unwrap();
        assert_eq!(second[0].subnet.to_string(), "10.200.1.0/24");
        let third = described("three", |_, _| {});
        assert_eq!(
            networks.choose_pools(&third, &[]).unwrap_err().to_string(),
            "all predefined address pools have been fully subnetted"
        );
        networks.remove(&spec.id).unwrap();
        assert!(networks.choose_pools(&third, &[]).is_ok());
        let overlap = networks
            .choose_pools(&spec, &[subnet_of("10.200.1.128/25")])
            .unwrap_err();
        assert_eq!(
            overlap.to_string(),
            "invalid pool request: Pool overlaps with other one on this address space"
        );
        assert_eq!(overlap.kind().http_status(), 403);

        let several = [subnet_of("10.1.0.0/24"), subnet_of("10.2.0.0/24")];
        let pools = networks.choose_pools(&spec, &several).unwrap();
        let error = networks
            .create(&NetworkSpec {
                pools,
                ..spec.clone()
            })
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "bridge driver doesn't support multiple subnets"
        );
        // What could not be created left nothing behind.
        assert!(!run("ip -o link").contains("br-one"));
        let small = PoolRequest {
            range: Some("10.1.0.8/30".parse().unwrap()),
            auxiliary: [("printer".to_owned(), "10.1.0.10".parse().unwrap())].into(),
            gateway: Some("10.1.0.1".parse().unwrap()),
            ..subnet_of("10.1.0.0/24")
        };
        let small = bridge(&networks, "small", &[small], |_, _| {});
        let mut given: Vec<_> = (0..3)
            .map(|_| address(&networks.reserve(&small.id, &request(&[])).unwrap()).to_string())
            .collect();
        given.sort();
        assert_eq!(given, ["10.1.0.11", "10.1.0.8", "10.1.0.9"]);
        let error = networks.reserve(&small.id, &request(&[])).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "no available IPv4 addresses on this network's address pools: small ({})",
                small.id
            )
        );
    });
}

#[test]
fn two_networks_do_not_share_a_bridge() {
    on_own_host(|| {
        let networks = networks();
        let one = bridge(&networks, "one", &[], |_, _| {});
        let two = described("two", |_, bridge| bridge.bridge = "br-one".to_owned());
        let pools = networks.choose_pools(&two, &[]).unwrap();
        let error = networks
            .create(&NetworkSpec { pools, ..two.clone() })
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "cannot create network {} (br-one): conflicts with network {} (br-one): networks have same bridge name",
                two.id, one.id
            )
        );
    });
}

#[test]
fn a_bridge_that_was_there_before_stays() {
    on_own_host(|| {
        run("ip link add br-own type bridge");
        let networks = networks();
        let own = bridge(&networks, "own", &[], |_, _| {});
        let (lease, _netns) = container_on(&networks, &own.id, &[]);
        networks.release(&lease);
        networks.remove(&own.id).unwrap();
        assert!(run("ip -o link").contains("br-own"));
    });
}

#[test]
fn a_container_on_several_networks_has_an_interface_on_each() {
    on_own_host(|| {
        let outside = outside_world();
        let networks = open();
        let one = bridge(&networks, "one", &[], |_, _| {});
        let two = bridge(&networks, "two", &[], |_, _| {});
        let first = networks
            .reserve(
                &one.id,
                &EndpointRequest {
                    default_ipv4: false,
                    ..request(&[])
                },
            )
            .unwrap();
        let second = networks
            .reserve(
                &two.id,
                &EndpointRequest {
                    interface: Some("eth1".to_owned()),
                    ..request(&[tcp(None, HostPort::Fixed(8080), 80)])
                },
            )
            .unwrap();
        let netns = networks.plumb(&[first.clone(), second.clone()]).unwrap();
        let (neighbour, on_one) = container_on(&networks, &one.id, &[]);
        inside(&netns, || {
            let routes = run("ip route");
            assert!(routes.contains("default via 172.19.0.1 dev eth1"), "{routes}");
            assert!(routes.contains("172.18.0.0/16 dev eth0"), "{routes}");
            assert!(run("ip -o link").contains("lo: <LOOPBACK,UP,LOWER_UP>"));
        });
        let server = listen(&netns, 80);
        inside(&on_one, || reach((address(&first), 80), &server)).unwrap();
        inside(&outside, || reach((HOST, 8080), &server)).unwrap();
        // Through the published port, the answer must not take the short way.
        inside(&on_one, || reach((HOST, 8080), &server)).unwrap();
        let server = listen(&on_one, 80);
        inside(&netns, || reach((address(&neighbour), 80), &server)).unwrap();
    });
}

#[test]
fn a_running_container_joins_and_leaves_networks() {
    on_own_host(|| {
        let outside = outside_world();
        let networks = open();
        let one = bridge(&networks, "one", &[], |_, _| {});
        let (mut first, netns) = container(&networks, &[]);
        let second = networks
            .reserve(
                &one.id,
                &EndpointRequest {
                    interface: Some("eth1".to_owned()),
                    ..request(&[tcp(None, HostPort::Fixed(8080), 80)])
                },
            )
            .unwrap();
        networks.connect(&second, netns.as_fd()).unwrap();
        let routes = || inside(&netns, || run("ip route"));
        assert!(
            routes().contains("default via 172.17.0.1 dev eth0"),
            "{}",
            routes()
        );
        let server = listen(&netns, 80);
        let (_, neighbour) = container_on(&networks, &one.id, &[]);
        inside(&neighbour, || reach((address(&second), 80), &server)).unwrap();

        first.default_ipv4 = false;
        networks
            .reroute(netns.as_fd(), &[first.clone(), second.clone()])
            .unwrap();
        assert!(
            routes().contains("default via 172.18.0.1 dev eth1"),
            "{}",
            routes()
        );
        assert_eq!(routes().matches("default").count(), 1, "{}", routes());
        inside(&outside, || reach((HOST, 8080), &server)).unwrap();

        networks.disconnect(&second, netns.as_fd()).unwrap();
        networks.release(&second);
        assert!(!inside(&netns, || run("ip -o link")).contains("eth1"));
        assert!(inside(&outside, || reach((HOST, 8080), &server)).is_err());
        networks.reroute(netns.as_fd(), from_ref(&first)).unwrap();
        assert!(!routes().contains("default"), "{}", routes());
        first.default_ipv4 = true;
        networks.reroute(netns.as_fd(), from_ref(&first)).unwrap();
        assert!(
            routes().contains("default via 172.17.0.1 dev eth0"),
            "{}",
            routes()
        );
        // A namespace without any network can join one, too.
        networks.disconnect(&first, netns.as_fd()).unwrap();
        networks.disconnect(&first, netns.as_fd()).unwrap();
        networks.release(&first);
        let again = networks.reserve(&one.id, &request(&[])).unwrap();
        networks.connect(&again, netns.as_fd()).unwrap();
        networks.reroute(netns.as_fd(), from_ref(&again)).unwrap();
        inside(&neighbour, || reach((address(&again), 80), &server)).unwrap();
    });
}

#[test]
fn a_connection_that_fails_leaves_nothing() {
    on_own_host(|| {
        let networks = open();
        let one = bridge(&networks, "one", &[], |_, _| {});
        let (_first, netns) = container(&networks, &[]);
        // The name is taken in the container.
        let second = networks
            .reserve(&one.id, &request(&[tcp(None, HostPort::Fixed(8080), 80)]))
            .unwrap();
        assert!(networks.connect(&second, netns.as_fd()).is_err());
        assert!(!run("ip -o link").contains(second.host_veth.as_ref().unwrap()));
        assert!(!run("nft list map ip lab published").contains("8080"));
        networks.release(&second);
        networks.remove(&one.id).unwrap();
    });
}

#[test]
fn published_ports_change_in_place() {
    on_own_host(|| {
        let networks = open();
        let (lease, netns) = container(&networks, &[]);
        let server = listen(&netns, 80);
        let from_host = |port| reach((Ipv4Addr::LOCALHOST, port), &server);
        assert!(from_host(8080).is_err());
        let fixed = tcp(None, HostPort::Fixed(8080), 80);
        let any = tcp(None, HostPort::Any, 80);
        let lease = networks.republish(&lease, &[any, fixed]).unwrap();
        let free = lease.ports[0].host_port;
        let lease = networks.republish(&lease, &[any, fixed]).unwrap();
        assert_eq!(lease.ports.len(), 2);
        from_host(8080).unwrap();
        from_host(free).unwrap();
        inside(&netns, || reach((Ipv4Addr::new(172, 17, 0, 1), 8080), &server)).unwrap();
        // What is there stays, also the port nobody chose; what cannot be had changes nothing.
        let _taken = std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, 9090)).unwrap();
        assert!(
            networks
                .republish(&lease, &[tcp(None, HostPort::Fixed(9090), 80)])
                .is_err()
        );
        from_host(8080).unwrap();
        let stays = tcp(None, HostPort::Fixed(free), 80);
        let lease = networks
            .republish(&lease, &[stays, tcp(None, HostPort::Fixed(8081), 80)])
            .unwrap();
        let mut ports: Vec<_> = lease.ports.iter().map(|binding| binding.host_port).collect();
        ports.sort_unstable();
        assert_eq!(ports, [8081, free]);
        from_host(8081).unwrap();
        assert!(from_host(8080).is_err());
        std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, 8080)).unwrap();
        networks.release(&lease);
        assert!(!run("nft list map ip lab published").contains("elements"));
    });
}

#[test]
fn a_restarted_daemon_takes_all_networks_over() {
    on_own_host(|| {
        let outside = outside_world();
        let first = open();
        let make = |networks: &Networks, spec: &NetworkSpec| networks.create(spec).unwrap();
        let one = bridge(&first, "one", &[], |spec, _| spec.ipv6 = true);
        let lost = bridge(&first, "lost", &[], |_, _| {});
        let (lease, netns) = container_on(&first, &one.id, &[tcp(None, HostPort::Fixed(8080), 80)]);
        let (gone, _gone) = container_on(&first, &one.id, &[tcp(None, HostPort::Fixed(8081), 80)]);
        let default = first.default_bridge().unwrap();
        let server = listen(&netns, 80);
        drop(first); // as a crash: nothing is released

        let second = networks();
        inside(&outside, || reach((HOST, 8080), &server)).unwrap();
        let json = serde_json::to_string(&(&one, &lease)).unwrap();
        let (one, lease): (NetworkSpec, Lease) = serde_json::from_str(&json).unwrap();
        make(&second, &default);
        make(&second, &one);
        inside(&outside, || reach((HOST, 8080), &server)).unwrap();
        let restored = second.restore(from_ref(&lease)).unwrap();
        assert_eq!((restored.deleted_veths, restored.deleted_networks), (1, 1));
        assert!(restored.problems.is_empty(), "{:?}", restored.problems);
        inside(&outside, || reach((HOST, 8080), &server)).unwrap();
        let links = run("ip -o link");
        assert!(!links.contains(lost.bridge().unwrap().bridge.as_str()), "{links}");
        assert!(!links.contains(gone.host_veth.as_ref().unwrap()), "{links}");
        let rules = lab::tables();
        assert!(!rules.contains("8081") && !rules.contains("br-lost"), "{rules}");
        // Neither address nor port is given twice.
        let next = second.reserve(&one.id, &request(&[])).unwrap();
        assert_ne!((next.address, next.address6), (lease.address, lease.address6));
        assert!(
            second
                .reserve(&one.id, &request(&[tcp(None, HostPort::Fixed(8080), 80)]))
                .is_err()
        );
        // And the bridge is still known as made by a daemon.
        second.release(&lease);
        second.release(&next);
        second.remove(&one.id).unwrap();
        assert!(!run("ip -o link").contains("br-one"));
        let unknown = Lease {
            network_id: "f".repeat(64),
            ..lease
        };
        let restored = second.restore(from_ref(&unknown)).unwrap();
        assert!(matches!(restored.problems[0].1, NetworkError::NoNetwork(_)));
    });
}

/// A container has ended, its address was given to another, and the daemon was killed before it wrote down the end.
#[test]
fn an_address_of_two_leases_stays_with_the_first() {
    on_own_host(|| {
        let first = open();
        let one = bridge(&first, "one", &[], |_, _| {});
        let (runs, _netns) = container_on(&first, &one.id, &[]);
        let ended = Lease {
            endpoint_id: "e".repeat(64),
            host_veth: None,
            ..runs.clone()
        };
        let default = first.default_bridge().unwrap();
        drop(first);
        let second = networks();
        second.create(&default).unwrap();
        second.create(&one).unwrap();
        let restored = second.restore(&[runs.clone(), ended.clone()]).unwrap();
        assert!(matches!(
            restored.problems[..],
            [(_, NetworkError::AddressInUse(_))]
        ));
        second.release(&ended);
        let again = EndpointRequest {
            ip: runs.address,
            ..request(&[])
        };
        assert!(second.reserve(&one.id, &again).is_err());
        second.release(&runs);
        eventually("the address is free", || second.reserve(&one.id, &again).is_ok());
    });
}

#[test]
fn two_daemons_leave_each_other_alone() {
    on_own_host(|| {
        let one = open();
        let (lease, netns) = container(&one, &[tcp(None, HostPort::Fixed(8080), 80)]);
        let other = Networks::open(PlaneConfig {
            table: "lab2".to_owned(),
            ..plane()
        })
        .unwrap();
        let config = DefaultBridge {
            bridge: "lab2".to_owned(),
            ..lab::config()
        };
        other
            .create(&other.default_spec("other", &config, &[]).unwrap())
            .unwrap();
        let (theirs, their_netns) = container(&other, &[tcp(None, HostPort::Fixed(8081), 80)]);
        assert_ne!(lease.prefix_len, 0);
        assert_ne!(address(&theirs).octets()[1], address(&lease).octets()[1]);
        other.restore(from_ref(&theirs)).unwrap();
        let (ours, theirs) = (listen(&netns, 80), listen(&their_netns, 80));
        reach((Ipv4Addr::LOCALHOST, 8080), &ours).unwrap();
        reach((Ipv4Addr::LOCALHOST, 8081), &theirs).unwrap();
        other.shutdown(true).unwrap();
        reach((Ipv4Addr::LOCALHOST, 8080), &ours).unwrap();
        assert!(run("ip -o link").contains("lab0"));
    });
}

#[test]
fn two_hundred_connects_and_disconnects_at_once() {
    on_own_host(|| {
        let networks = open();
        let one = bridge(&networks, "one", &[], |spec, _| spec.ipv6 = true);
        let namespaces: Vec<OwnedFd> = (0..20).map(|_| networks.plumb(&[]).unwrap()).collect();
        let connect = |netns: &OwnedFd| {
            let leases: Vec<Lease> = (0..10)
                .map(|number| {
                    let wanted = EndpointRequest {
                        interface: Some(format!("eth{number}")),
                        ..request(&[tcp(None, HostPort::Any, 80)])
                    };
                    let lease = networks.reserve(&one.id, &wanted).unwrap();
                    networks.connect(&lease, netns.as_fd()).unwrap();
                    lease
                })
                .collect();
            for lease in leases.iter().step_by(2) {
                networks.disconnect(lease, netns.as_fd()).unwrap();
                networks.release(lease);
            }
            leases.into_iter().skip(1).step_by(2).collect::<Vec<_>>()
        };
        let left: Vec<Lease> = std::thread::scope(|scope| {
            let threads: Vec<_> = namespaces
                .iter()
                .map(|netns| scope.spawn(move || connect(netns)))
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        let mut seen: Vec<IpAddr> = left
            .iter()
            .flat_map(|l| l.addresses().map(|net| net.addr()))
            .collect();
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((count, seen.len()), (200, 200));
        left.iter().for_each(|lease| networks.release(lease));
        networks.shutdown(false).unwrap();
        assert!(!run("ip -o link").contains("vethc"));
        assert!(!run("nft list map ip lab published").contains("elements"));
        networks.remove(&one.id).unwrap();
    });
}

#[test]
fn an_unknown_kernel_driver_is_named() {
    on_own_host(|| {
        let networks = networks();
        let spec = |driver| NetworkSpec::new(&"9".repeat(64), "n", driver);
        let nowhere = spec(Driver::Macvlan(Default::default()));
        let pools = networks.choose_pools(&nowhere, &[]).unwrap();
        match networks.create(&NetworkSpec { pools, ..nowhere }) {
            Ok(()) => assert!(run("ip -o link").contains("dm-999999999999")),
            Err(error) => assert_eq!(
                error.to_string(),
                "the kernel of this machine has no dummy interfaces, which a network without a parent needs"
            ),
        }
    });
}

#[test]
fn packets_may_be_smaller_than_ipv6_allows() {
    on_own_host(|| {
        let networks = networks();
        let small = bridge(&networks, "small", &[], |spec, _| spec.mtu = Some(1000));
        let (lease, netns) = container_on(&networks, &small.id, &[]);
        let server = listen(&netns, 80);
        reach((address(&lease), 80), &server).unwrap();
        let lease = networks
            .republish(&lease, &[tcp(None, HostPort::Any, 80)])
            .unwrap();
        reach((Ipv4Addr::LOCALHOST, lease.ports[0].host_port), &server).unwrap();
        let spec = described("six", |spec, _| (spec.mtu, spec.ipv6) = (Some(1279), true));
        let pools = networks.choose_pools(&spec, &[]).unwrap();
        assert_eq!(
            networks
                .create(&NetworkSpec { pools, ..spec })
                .unwrap_err()
                .to_string(),
            "IPv6 needs an MTU of at least 1280 bytes, and network six has 1279"
        );
    });
}

#[test]
fn an_interface_is_found_under_any_name() {
    on_own_host(|| {
        let networks = networks();
        let one = bridge(&networks, "one", &[], |_, _| {});
        let two = bridge(&networks, "two", &[], |_, _| {});
        let (first, netns) = container_on(&networks, &one.id, &[]);
        let second = networks
            .reserve(
                &two.id,
                &EndpointRequest {
                    interface: Some("eth1".to_owned()),
                    ..request(&[])
                },
            )
            .unwrap();
        networks.connect(&second, netns.as_fd()).unwrap();
        let veth = second.host_veth.clone().unwrap();
        run(&format!("ip link set {veth} name elsewhere"));
        inside(&netns, || {
            run("ip link set eth1 down");
            run("ip link set eth0 down");
            run("ip link set eth1 name other");
            run("ip link set eth0 name eth1");
        });
        networks.disconnect(&second, netns.as_fd()).unwrap();
        let left = inside(&netns, || run("ip -o link"));
        assert!(left.contains("eth1") && !left.contains("other"), "{left}");
        assert!(!run("ip -o link").contains("elsewhere"));
        networks.release(&second);
        networks.release(&first);
        networks.remove(&two.id).unwrap();
    });
}

#[test]
fn a_bridge_that_somebody_deleted_is_named() {
    on_own_host(|| {
        let networks = networks();
        let net = bridge(&networks, "lost", &[], |_, _| {});
        let name = &net.bridge().unwrap().bridge;
        run(&format!("ip link delete {name}"));
        let lease = networks.reserve(&net.id, &EndpointRequest::default()).unwrap();
        let refused = networks.plumb(std::slice::from_ref(&lease)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("bridge {name} of network lost is gone: a restart of the daemon makes it anew")
        );
        networks.release(&lease);
        networks.remove(&net.id).unwrap();
    });
}
