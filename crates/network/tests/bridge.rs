//! The bridge network on a real kernel, each test on a host of its own.

mod lab;

use corten_network::{DefaultBridge, EndpointRequest, HostPort, PortRequest, Proto, isolated};
use lab::{
    HOST, OUTSIDE, config, container, eventually, gateway, inside, listen, on_own_host, open, open_with,
    outside_world, reach, request, run, subnet, tcp,
};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::time::Duration;

const LOCALHOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

#[test]
fn a_container_has_address_route_and_loopback() {
    on_own_host(|| {
        let network = open();
        assert_eq!(subnet(&network), "172.17.0.0/16");
        assert_eq!(gateway(&network), Ipv4Addr::new(172, 17, 0, 1));
        let (lease, netns) = container(&network, &[]);
        assert_eq!(lease.address, Some(Ipv4Addr::new(172, 17, 0, 2)));
        inside(&netns, || {
            let links = run("ip -o link");
            assert!(
                links.contains(&format!("link/ether {} brd", lease.mac.unwrap())),
                "{links}"
            );
            assert!(
                links.contains("lo: <LOOPBACK,UP,LOWER_UP>") && links.contains("mtu 1500"),
                "{links}"
            );
            let addresses = run("ip -o addr show eth0");
            assert!(
                addresses.contains("172.17.0.2/16 brd 172.17.255.255"),
                "{addresses}"
            );
            assert!(!addresses.contains("inet6"), "{addresses}");
            assert!(run("ip route").contains("default via 172.17.0.1 dev eth0"));
        });
        assert_eq!(
            std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward")
                .unwrap()
                .trim(),
            "1"
        );
    });
}

#[test]
fn the_outside_is_reached_under_the_hosts_address() {
    on_own_host(|| {
        let outside = outside_world();
        let network = open();
        let (_, netns) = container(&network, &[]);
        let server = listen(&outside, 80);
        let seen = inside(&netns, || reach((OUTSIDE, 80), &server)).unwrap();
        assert_eq!(seen, HOST);
    });
}

#[test]
fn without_masquerade_the_outside_sees_the_container() {
    on_own_host(|| {
        let outside = outside_world();
        let network = open_with(DefaultBridge {
            ip_masq: false,
            ..config()
        })
        .unwrap();
        let (lease, netns) = container(&network, &[]);
        let server = listen(&outside, 80);
        assert_eq!(
            inside(&netns, || reach((OUTSIDE, 80), &server)).unwrap(),
            lease.address.unwrap()
        );
    });
}

#[test]
fn a_published_port_is_reached_from_everywhere() {
    on_own_host(|| {
        let outside = outside_world();
        let network = open();
        let (lease, netns) = container(&network, &[tcp(None, HostPort::Fixed(8080), 80)]);
        let (_, neighbour) = container(&network, &[]);
        let server = listen(&netns, 80);
        // From outside, with the client's own address.
        assert_eq!(
            inside(&outside, || reach((HOST, 8080), &server)).unwrap(),
            OUTSIDE
        );
        // From the host, by all its addresses.
        assert_eq!(reach((LOCALHOST, 8080), &server).unwrap(), gateway(&network));
        assert_eq!(
            reach((gateway(&network), 8080), &server).unwrap(),
            gateway(&network)
        );
        reach((HOST, 8080), &server).unwrap();
        // From the container itself, and from its neighbour.
        assert_eq!(
            inside(&netns, || reach((HOST, 8080), &server)).unwrap(),
            gateway(&network)
        );
        inside(&netns, || reach((gateway(&network), 8080), &server)).unwrap();
        inside(&neighbour, || reach((HOST, 8080), &server)).unwrap();
        // And directly, where that is allowed.
        reach((lease.address.unwrap(), 80), &server).unwrap();
        inside(&neighbour, || reach((lease.address.unwrap(), 80), &server)).unwrap();
        assert!(
            inside(&outside, || reach((lease.address.unwrap(), 80), &server)).is_err(),
            "not published that way"
        );
    });
}

#[test]
fn datagrams_are_published_too() {
    on_own_host(|| {
        let outside = outside_world();
        let network = open();
        let port = PortRequest {
            proto: Proto::Udp,
            ..tcp(None, HostPort::Fixed(5353), 53)
        };
        let (_, netns) = container(&network, &[port, tcp(None, HostPort::Fixed(5353), 53)]);
        let server = inside(&netns, || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 53)).unwrap());
        let ask = |to: Ipv4Addr| {
            let client = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
            let timeout = Some(Duration::from_secs(2));
            client.set_read_timeout(timeout).unwrap();
            server.set_read_timeout(timeout).unwrap();
            client.connect((to, 5353)).unwrap(); // so that only this address may answer
            client.send(b"?").unwrap();
            let mut byte = [0];
            let (_, peer) = server.recv_from(&mut byte).unwrap();
            server.send_to(b"!", peer).unwrap();
            client.recv(&mut byte).unwrap();
        };
        inside(&outside, || ask(HOST));
        inside(&netns, || ask(HOST));
        ask(LOCALHOST);
        ask(HOST);
    });
}

#[test]
fn bridge_netfilter_changes_nothing() {
    on_own_host(|| {
        let outside = outside_world();
        let network = open();
        let knob = "/proc/sys/net/bridge/bridge-nf-call-iptables";
        let (_, netns) = container(&network, &[tcp(None, HostPort::Fixed(8080), 80)]);
        let (_, neighbour) = container(&network, &[]);
        let server = listen(&netns, 80);
        for value in ["0", "1"] {
            if std::fs::write(knob, value).is_err() {
                continue; // the module is not there
            }
            inside(&outside, || reach((HOST, 8080), &server)).unwrap();
            inside(&netns, || reach((HOST, 8080), &server)).unwrap();
            inside(&neighbour, || reach((HOST, 8080), &server)).unwrap();
            reach((LOCALHOST, 8080), &server).unwrap();
        }
    });
}

#[test]
fn a_port_published_on_localhost_stays_there() {
    on_own_host(|| {
        let outside = outside_world();
        let network = open();
        let (_, netns) = container(
            &network,
            &[tcp(Some(LOCALHOST.into()), HostPort::Fixed(8080), 80)],
        );
        let (_, neighbour) = container(&network, &[]);
        let server = listen(&netns, 80);
        let own = TcpListener::bind((LOCALHOST, 9999)).unwrap();
        reach((LOCALHOST, 8080), &server).unwrap();
        assert!(reach((HOST, 8080), &server).is_err());
        assert!(inside(&outside, || reach((HOST, 8080), &server)).is_err());
        // Others may route 127.0.0.1 to this host: no use.
        inside(&outside, || {
            std::fs::write("/proc/sys/net/ipv4/conf/all/route_localnet", "1").unwrap();
            run("ip addr del 127.0.0.1/8 dev lo");
            run(&format!(
                "ip route add 127.0.0.1/32 via {HOST} dev up0 src {OUTSIDE}"
            ));
            assert!(reach((LOCALHOST, 8080), &server).is_err());
        });
        inside(&neighbour, || {
            std::fs::write("/proc/sys/net/ipv4/conf/all/route_localnet", "1").unwrap();
            run("ip addr del 127.0.0.1/8 dev lo");
            run(&format!(
                "ip route add 127.0.0.1/32 via {} dev eth0",
                gateway(&network)
            ));
            assert!(reach((LOCALHOST, 8080), &server).is_err());
            assert!(reach((LOCALHOST, 9999), &own).is_err());
        });
    });
}

#[test]
fn containers_are_kept_apart_when_asked() {
    on_own_host(|| {
        let outside = outside_world();
        let network = open_with(DefaultBridge {
            icc: false,
            ..config()
        })
        .unwrap();
        let (lease, netns) = container(&network, &[tcp(None, HostPort::Fixed(8080), 80)]);
        let (_, neighbour) = container(&network, &[]);
        let server = listen(&netns, 80);
        assert!(inside(&neighbour, || reach((lease.address.unwrap(), 80), &server)).is_err());
        inside(&outside, || reach((HOST, 8080), &server)).unwrap();
        reach((LOCALHOST, 8080), &server).unwrap();
    });
}

#[test]
fn release_leaves_nothing() {
    on_own_host(|| {
        let network = open();
        let ports = [
            tcp(None, HostPort::Fixed(8080), 80),
            tcp(Some(LOCALHOST.into()), HostPort::Any, 81),
        ];
        let (lease, netns) = container(&network, &ports);
        let rules = run("nft list table ip lab");
        assert!(rules.contains("tcp . 8080 : 172.17.0.2 . 80"), "{rules}");
        assert!(
            rules.contains("127.0.0.1 . tcp . 32768 : 172.17.0.2 . 81"),
            "{rules}"
        );
        assert!(
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, 8080)).is_err(),
            "the port is held"
        );

        network.release(&lease);
        network.release(&lease);
        let rules = run("nft list table ip lab");
        assert!(!rules.contains(" : 172.17."), "{rules}");
        TcpListener::bind((Ipv4Addr::UNSPECIFIED, 8080)).unwrap();
        eventually("deletion", || {
            !run("ip -o link").contains(lease.host_veth.as_ref().unwrap())
        });
        assert!(!inside(&netns, || run("ip -o link")).contains("eth0"));
        eventually("the address comes back", || {
            let next = network.reserve("", &request(&[])).unwrap();
            let same = next.address == lease.address && next.mac == lease.mac;
            network.release(&next);
            same
        });

        network.shutdown(true).unwrap();
        assert!(!run("ip -o link").contains("lab0"));
        assert!(!run("nft list tables").contains("lab"));
        network.release(&lease);
    });
}

#[test]
fn errors_reserve_nothing() {
    on_own_host(|| {
        let network = open();
        let host = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 9090)).unwrap();
        let first = network
            .reserve("", &request(&[tcp(None, HostPort::Fixed(8080), 80)]))
            .unwrap();
        let fail = |ports: &[_]| network.reserve("", &request(ports)).unwrap_err().to_string();
        let free = tcp(None, HostPort::Fixed(7070), 70);
        assert_eq!(
            fail(&[free, tcp(Some(LOCALHOST.into()), HostPort::Fixed(8080), 80)]),
            "Bind for 127.0.0.1:8080 failed: port is already allocated"
        );
        assert_eq!(
            fail(&[free, tcp(None, HostPort::Fixed(9090), 80)]),
            "failed to bind host port for 0.0.0.0:9090:172.17.0.3:80/tcp: address already in use"
        );
        assert_eq!(
            fail(&[tcp(Some(OUTSIDE.into()), HostPort::Fixed(9091), 80)]),
            format!(
                "failed to bind host port for {OUTSIDE}:9091:172.17.0.3:80/tcp: cannot assign requested address"
            )
        );
        assert!(fail(&[tcp(Some("::1".parse().unwrap()), HostPort::Any, 80)]).contains("IPv6"));
        let range = network
            .reserve("", &request(&[tcp(None, HostPort::Range(9089, 9091), 80); 2]))
            .unwrap();
        assert_eq!(
            range.ports.iter().map(|p| p.host_port).collect::<Vec<_>>(),
            [9089, 9091]
        );
        assert_eq!(
            fail(&[free, tcp(None, HostPort::Range(9089, 9091), 80)]),
            "Bind for 0.0.0.0:9089-9091 failed: all ports are allocated"
        );
        let second = network.reserve("", &request(&[free])).unwrap();
        assert_eq!(second.address, Some(Ipv4Addr::new(172, 17, 0, 4)));
        network.release(&first);
        drop(host);
        network
            .reserve("", &request(&[tcp(None, HostPort::Fixed(9090), 80)]))
            .unwrap();
    });
}

#[test]
fn a_restarted_daemon_takes_over() {
    on_own_host(|| {
        let outside = outside_world();
        let first = open();
        let (lease, netns) = container(&first, &[tcp(None, HostPort::Fixed(8080), 80)]);
        let (lost, _lost) = container(&first, &[tcp(None, HostPort::Fixed(8081), 80)]);
        let server = listen(&netns, 80);
        run("ip link add vethcdeadbeef type veth peer name other"); // ours by name, but not on our bridge
        drop(first); // as a crash: nothing is released

        let second = open();
        // Before anybody said what is still alive, and after.
        inside(&outside, || reach((HOST, 8080), &server)).unwrap();
        let json = serde_json::to_string(&lease).unwrap();
        let lease = serde_json::from_str(&json).unwrap();
        let restored = second.restore(&[lease]).unwrap();
        assert_eq!((restored.deleted_veths, restored.problems.len()), (1, 0));
        inside(&outside, || reach((HOST, 8080), &server)).unwrap();
        let rules = run("nft list table ip lab");
        assert!(!rules.contains("8081"), "{rules}");
        let links = run("ip -o link");
        assert!(
            !links.contains(lost.host_veth.as_ref().unwrap()) && links.contains("vethcdeadbeef"),
            "{links}"
        );

        let error = second
            .reserve("", &request(&[tcp(None, HostPort::Fixed(8080), 80)]))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "Bind for 0.0.0.0:8080 failed: port is already allocated"
        );
        assert_eq!(
            second.reserve("", &request(&[])).unwrap().address,
            Some(Ipv4Addr::new(172, 17, 0, 3))
        );
    });
}

#[test]
fn what_cannot_be_taken_over_is_reported() {
    on_own_host(|| {
        let first = open();
        let (lease, netns) = container(&first, &[tcp(None, HostPort::Fixed(8080), 80)]);
        let server = listen(&netns, 80);
        drop(first);
        let thief = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 8080)).unwrap();
        let second = open();
        let restored = second.restore(std::slice::from_ref(&lease)).unwrap();
        let problems: Vec<_> = restored
            .problems
            .iter()
            .map(|(id, e)| (id.as_str(), e.to_string()))
            .collect();
        let text = "failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use";
        assert_eq!(problems, [(lease.endpoint_id.as_str(), text.to_owned())]);
        reach((LOCALHOST, 8080), &server).unwrap(); // the container still has it
        second.release(&lease);
        drop(thief);
        second
            .reserve("", &request(&[tcp(None, HostPort::Fixed(8080), 80)]))
            .unwrap();
    });
}

#[test]
fn a_flushed_table_heals_and_others_are_left_alone() {
    on_own_host(|| {
        run("nft add table inet foreign");
        run("nft add chain inet foreign input { type filter hook input priority 0 ; }");
        run("nft add rule inet foreign input tcp dport 1 drop");
        let before = run("nft list table inet foreign");
        let network = open();
        let (lease, netns) = container(&network, &[tcp(None, HostPort::Fixed(8080), 80)]);
        assert_eq!(run("nft list table inet foreign"), before);
        for damage in [
            "nft flush ruleset",
            "nft delete table ip lab",
            "nft delete table ip6 lab",
            "nft flush table ip lab",
            "nft flush map ip lab published",
            "nft delete element ip6 lab bridges { lab0 }",
        ] {
            let before = [run("nft list table ip lab"), run("nft list table ip6 lab")];
            run(damage);
            eventually(&format!("the tables made anew after {damage}"), || {
                let now = run("nft list ruleset");
                before.iter().all(|table| now.contains(table))
            });
        }
        run("nft flush ruleset");
        let (_, _other) = container(&network, &[tcp(None, HostPort::Fixed(8081), 80)]);
        let server = listen(&netns, 80);
        reach((LOCALHOST, 8080), &server).unwrap();
        run("nft delete table ip lab");
        network.release(&lease);
        let rules = run("nft list table ip lab");
        assert!(rules.contains("8081") && !rules.contains("8080"), "{rules}");
        run("nft delete table ip lab");
        drop(network);
        let _again = open();
        assert!(run("nft list tables").contains("ip lab"));
    });
}

#[test]
fn a_bridge_is_adopted_with_its_address() {
    on_own_host(|| {
        run("ip link add lab0 type bridge");
        run("ip addr add 10.5.0.1/24 dev lab0");
        let network = open();
        assert_eq!(subnet(&network), "10.5.0.0/24");
        drop(network);
        let bip = "10.6.0.9/24".parse().unwrap();
        let network = open_with(DefaultBridge {
            bip: Some(bip),
            ..config()
        })
        .unwrap();
        assert_eq!(gateway(&network), Ipv4Addr::new(10, 6, 0, 9));
        assert!(!run("ip -o addr show lab0").contains("10.5.0.1"));

        let refused = open_with(DefaultBridge {
            bridge: "lo".to_owned(),
            ..config()
        });
        assert_eq!(
            refused.err().unwrap().to_string(),
            "existing interface lo is not a bridge"
        );
    });
}

#[test]
fn a_bridge_that_containers_are_on_keeps_its_address() {
    on_own_host(|| {
        let outside = outside_world();
        let network = open();
        let (lease, netns) = container(&network, &[]);
        drop(network);
        let changed = || DefaultBridge {
            bip: Some("10.6.0.9/24".parse().unwrap()),
            fixed_cidr: Some("10.6.0.128/25".parse().unwrap()),
            default_gateway: Some(Ipv4Addr::new(10, 6, 0, 2)),
            ..config()
        };
        let network = open_with(changed()).unwrap();
        let restored = network.restore(std::slice::from_ref(&lease)).unwrap();
        assert!(restored.problems.is_empty(), "{:?}", restored.problems);
        assert_eq!(gateway(&network), Ipv4Addr::new(172, 17, 0, 1));
        let server = listen(&outside, 80);
        assert_eq!(inside(&netns, || reach((OUTSIDE, 80), &server)).unwrap(), HOST);
        // A new one goes beside it.
        let (second, _netns) = container(&network, &[]);
        assert_eq!(second.address, Some(Ipv4Addr::new(172, 17, 0, 3)));

        // With nobody on it, the next daemon has its will.
        network.release(&lease);
        network.release(&second);
        network.shutdown(false).unwrap();
        drop(network);
        let network = open_with(changed()).unwrap();
        assert!(run("ip -o addr show lab0").contains("10.6.0.9/24"));
        assert_eq!(gateway(&network), Ipv4Addr::new(10, 6, 0, 2));
    });
}

#[test]
fn a_new_bridge_avoids_the_hosts_routes() {
    on_own_host(|| {
        run("ip link add d0 type bridge");
        run("ip addr add 172.17.3.1/24 dev d0");
        run("ip link set d0 up");
        run("ip route add 172.18.0.0/15 dev d0");
        assert_eq!(subnet(&open()), "172.20.0.0/16");
    });
}

#[test]
fn wanted_addresses_are_given_and_reached_at_once() {
    on_own_host(|| {
        let network = open();
        let address = Ipv4Addr::new(172, 17, 9, 9);
        for mac in ["02:00:00:00:00:01", "02:00:00:00:00:02"] {
            let wanted = EndpointRequest {
                ip: Some(address),
                mac: Some(mac.parse().unwrap()),
                ..request(&[])
            };
            let lease = network.reserve("", &wanted).unwrap();
            assert_eq!(
                (lease.address, lease.mac.unwrap().to_string()),
                (Some(address), mac.to_owned())
            );
            let error = network.reserve("", &wanted).unwrap_err().to_string();
            assert_eq!(error, "Address already in use");
            let netns = network.plumb(std::slice::from_ref(&lease)).unwrap();
            let server = listen(&netns, 80);
            reach((address, 80), &server).unwrap();
            network.release(&lease);
            eventually("the address comes back", || {
                network
                    .reserve("", &wanted)
                    .map(|lease| network.release(&lease))
                    .is_ok()
            });
            eventually("and is free", || {
                !run("ip -o link").contains(lease.host_veth.as_ref().unwrap())
            });
        }
    });
}

#[test]
fn many_at_once_from_many_threads() {
    on_own_host(|| {
        let network = open();
        let leases: Vec<_> = std::thread::scope(|scope| {
            let one = || {
                (0..10)
                    .map(|_| container(&network, &[tcp(None, HostPort::Any, 80)]).0)
                    .collect::<Vec<_>>()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        let mut seen: Vec<_> = leases.iter().map(|l| (l.address, l.ports[0].host_port)).collect();
        seen.sort_unstable();
        seen.dedup_by_key(|(address, _)| *address);
        assert_eq!(seen.len(), 40);
        leases.iter().for_each(|lease| network.release(lease));
        network.shutdown(false).unwrap();
        assert!(!run("ip -o link").contains("vethc"));
        assert!(!run("nft list table ip lab").contains(" : 172.17."));
    });
}

#[test]
fn a_container_without_network_has_only_loopback() {
    let netns = isolated().unwrap();
    inside(&netns, || {
        let server = listen(&netns, 80);
        reach((LOCALHOST, 80), &server).unwrap();
        assert!(!run("ip -o link").contains("eth0"));
    });
}

#[test]
fn a_container_cannot_speak_as_the_hosts_loopback() {
    on_own_host(|| {
        let network = open();
        let (_, netns) = container(&network, &[]);
        let server = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 9999)).unwrap();
        server.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let gateway = gateway(&network);
        let say = |from: Ipv4Addr| {
            inside(&netns, || {
                std::fs::write("/proc/sys/net/ipv4/conf/eth0/route_localnet", "1").unwrap();
                let client = UdpSocket::bind((from, 0)).unwrap();
                client.send_to(b"?", (gateway, 9999)).unwrap();
            });
        };
        say(Ipv4Addr::UNSPECIFIED);
        server.recv(&mut [0]).unwrap();
        say(Ipv4Addr::new(127, 9, 9, 9));
        assert!(server.recv(&mut [0]).is_err(), "it came through");
    });
}
