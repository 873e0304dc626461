//! Networks on an interface of the machine, each test on a host of its own. What the kernel lacks (ipvlan, VLANs and dummy
//! interfaces are often left out) must be said in words; where it has them, they must work.

mod lab;

use corten_network::{
    Driver, EndpointRequest, HostPort, IpvlanOptions, Lease, MacvlanMode, MacvlanOptions, NetworkError,
    NetworkSpec, Networks, Options, PoolRequest,
};
use lab::{
    OUTSIDE, container_on, eventually, inside, listen, on_own_host, outside_world, plane, reach, request,
    run, subnet_of, tcp,
};
use rustix::fd::AsFd;
use std::net::Ipv4Addr;

fn networks() -> Networks {
    Networks::open(plane()).expect("the plane opens")
}

fn address(lease: &Lease) -> Ipv4Addr {
    lease.address.expect("an IPv4 address")
}

/// The link to the outside, which is the gateway; addresses away from those in use.
fn on_the_link() -> PoolRequest {
    PoolRequest {
        range: Some("10.99.0.64/26".parse().expect("a subnet")),
        gateway: Some(OUTSIDE.into()),
        ..subnet_of("10.99.0.0/24")
    }
}

fn create(
    networks: &Networks,
    name: &str,
    driver: Driver,
    wanted: &[PoolRequest],
) -> Result<NetworkSpec, NetworkError> {
    let spec = NetworkSpec::new(&name.repeat(64)[..64], name, driver);
    let pools = networks.choose_pools(&spec, wanted)?;
    let spec = NetworkSpec { pools, ..spec };
    networks.create(&spec)?;
    Ok(spec)
}

fn macvlan(parent: &str, mode: MacvlanMode) -> Driver {
    Driver::Macvlan(MacvlanOptions {
        parent: Some(parent.to_owned()),
        mode,
    })
}

#[test]
fn macvlan_endpoints_are_on_the_link_themselves() {
    on_own_host(|| {
        let outside = outside_world();
        let networks = networks();
        let spec = create(
            &networks,
            "m",
            macvlan("up0", MacvlanMode::Bridge),
            &[on_the_link()],
        )
        .unwrap();
        // Ports are not published: nothing is translated here.
        let (lease, netns) = container_on(&networks, &spec.id, &[tcp(None, HostPort::Fixed(8080), 80)]);
        assert!(lease.ports.is_empty() && lease.host_veth.is_none());
        let (_, neighbour) = container_on(&networks, &spec.id, &[]);
        inside(&netns, || {
            let links = run("ip -o -d link show eth0");
            assert!(links.contains("macvlan mode bridge"), "{links}");
            assert!(links.contains(&lease.mac.unwrap().to_string()), "{links}");
            assert!(run("ip route").contains(&format!("default via {OUTSIDE} dev eth0")));
        });
        let out = listen(&outside, 80);
        assert_eq!(
            inside(&netns, || reach((OUTSIDE, 80), &out)).unwrap(),
            address(&lease)
        );
        let server = listen(&netns, 80);
        inside(&outside, || reach((address(&lease), 80), &server)).unwrap();
        inside(&neighbour, || reach((address(&lease), 80), &server)).unwrap();
        // The kernel keeps host and endpoints apart.
        assert!(reach((address(&lease), 80), &server).is_err());
        networks.release(&lease);
        let error = networks.remove(&spec.id).unwrap_err();
        assert!(matches!(error, NetworkError::ActiveEndpoints { .. }));
        assert!(run("ip -o link").contains("up0"));
    });
}

#[test]
fn private_macvlan_endpoints_do_not_see_each_other() {
    on_own_host(|| {
        let outside = outside_world();
        let networks = networks();
        let spec = create(
            &networks,
            "p",
            macvlan("up0", MacvlanMode::Private),
            &[on_the_link()],
        )
        .unwrap();
        let (lease, netns) = container_on(&networks, &spec.id, &[]);
        let (_, neighbour) = container_on(&networks, &spec.id, &[]);
        let server = listen(&netns, 80);
        inside(&outside, || reach((address(&lease), 80), &server)).unwrap();
        assert!(inside(&neighbour, || reach((address(&lease), 80), &server)).is_err());
    });
}

#[test]
fn a_running_container_joins_and_leaves_macvlan() {
    on_own_host(|| {
        let outside = outside_world();
        let networks = networks();
        let spec = create(
            &networks,
            "m",
            macvlan("up0", MacvlanMode::Bridge),
            &[on_the_link()],
        )
        .unwrap();
        let netns = networks.plumb(&[]).unwrap();
        let wanted = EndpointRequest {
            interface: Some("net7".to_owned()),
            ip: Some(Ipv4Addr::new(10, 99, 0, 200)),
            ..request(&[])
        };
        let lease = networks.reserve(&spec.id, &wanted).unwrap();
        networks.connect(&lease, netns.as_fd()).unwrap();
        networks
            .reroute(netns.as_fd(), std::slice::from_ref(&lease))
            .unwrap();
        let server = listen(&netns, 80);
        inside(&outside, || reach((address(&lease), 80), &server)).unwrap();
        // A second one of the same name fails and leaves the first alone.
        let twice = EndpointRequest {
            interface: Some("net7".to_owned()),
            ..request(&[])
        };
        let second = networks.reserve(&spec.id, &twice).unwrap();
        assert!(networks.connect(&second, netns.as_fd()).is_err());
        inside(&outside, || reach((address(&lease), 80), &server)).unwrap();
        networks.disconnect(&lease, netns.as_fd()).unwrap();
        networks.disconnect(&lease, netns.as_fd()).unwrap();
        networks.release(&lease);
        networks.release(&second);
        assert!(!inside(&netns, || run("ip -o link")).contains("net7"));
        eventually("the address comes back", || {
            networks.reserve(&spec.id, &wanted).is_ok()
        });
    });
}

/// Nothing on the host tells of an endpoint of macvlan: who comes after a crash must look inside.
#[test]
fn an_endpoint_inside_is_looked_for_there() {
    on_own_host(|| {
        let _outside = outside_world();
        let networks = networks();
        let spec = create(
            &networks,
            "m",
            macvlan("up0", MacvlanMode::Bridge),
            &[on_the_link()],
        )
        .unwrap();
        let netns = networks.plumb(&[]).unwrap();
        let lease = networks.reserve(&spec.id, &request(&[])).unwrap();
        let is_there = || networks.is_connected(&lease, netns.as_fd()).unwrap();
        assert!(!is_there());
        networks.connect(&lease, netns.as_fd()).unwrap();
        assert!(is_there());
        inside(&netns, || run("ip link del eth0"));
        assert!(!is_there());
        networks.disconnect(&lease, netns.as_fd()).unwrap();
    });
}

#[test]
fn an_internal_macvlan_has_no_default_route() {
    on_own_host(|| {
        let _outside = outside_world();
        let networks = networks();
        let mut spec = NetworkSpec::new(&"i".repeat(64), "i", macvlan("up0", MacvlanMode::Bridge));
        spec.internal = true;
        spec.pools = networks
            .choose_pools(&spec, &[subnet_of("10.99.0.0/24")])
            .unwrap();
        assert!(spec.pools[0].gateway.is_none());
        networks.create(&spec).unwrap();
        let (_, netns) = container_on(&networks, &spec.id, &[]);
        assert!(!inside(&netns, || run("ip route")).contains("default"));
    });
}

#[test]
fn several_subnets_are_used_one_after_the_other() {
    on_own_host(|| {
        let _outside = outside_world();
        let networks = networks();
        let several = [subnet_of("10.98.0.0/30"), subnet_of("10.98.1.0/30")];
        let spec = create(&networks, "s", macvlan("up0", MacvlanMode::Bridge), &several).unwrap();
        let take = || networks.reserve(&spec.id, &request(&[]));
        let given: Vec<_> = (0..2).map(|_| take().unwrap()).collect();
        let shown: Vec<_> = given
            .iter()
            .map(|lease| (address(lease).to_string(), lease.gateway.unwrap().to_string()))
            .collect();
        let expected = [("10.98.0.2", "10.98.0.1"), ("10.98.1.2", "10.98.1.1")];
        assert_eq!(shown, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert!(matches!(take(), Err(NetworkError::NoAddress { .. })));
    });
}

#[test]
fn what_the_kernel_lacks_is_said_in_words() {
    on_own_host(|| {
        let _outside = outside_world();
        let networks = networks();
        let lacks = |result: Result<(), NetworkError>, what: &str, made: &dyn Fn() -> bool| match result {
            Ok(()) => assert!(made(), "{what}"),
            Err(error) => {
                assert_eq!(
                    error.to_string(),
                    format!("the kernel of this machine has no {what}")
                );
                assert_eq!(error.kind().http_status(), 501);
            }
        };
        let vlan = create(&networks, "v", macvlan("up0.10", MacvlanMode::Bridge), &[]);
        lacks(vlan.map(drop), "VLANs (8021q)", &|| {
            run("ip -o link").contains("up0.10@up0")
        });
        let _ = networks.remove(&"v".repeat(64));
        assert!(!run("ip -o link").contains("up0.10"));

        let dummy = create(&networks, "d", Driver::Macvlan(MacvlanOptions::default()), &[]);
        let what = "dummy interfaces, which a network without a parent needs";
        lacks(dummy.map(drop), what, &|| {
            run("ip -o link").contains("dm-dddddddddddd")
        });

        let ipvlan = Driver::Ipvlan(IpvlanOptions {
            parent: Some("up0".to_owned()),
            ..IpvlanOptions::default()
        });
        let spec = create(&networks, "l", ipvlan, &[on_the_link()]).unwrap();
        let lease = networks.reserve(&spec.id, &request(&[])).unwrap();
        assert!(lease.mac.is_none());
        let plumbed = networks.plumb(std::slice::from_ref(&lease));
        lacks(plumbed.map(drop), "ipvlan", &|| true);

        let missing = create(&networks, "x", macvlan("eth77", MacvlanMode::Bridge), &[]).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "invalid subinterface vlan name eth77, example formatting is eth0.10"
        );
        let options = [("parent".to_owned(), "up0".to_owned())].into();
        assert!(Options::parse("macvlan", "1", false, &options).is_ok());
    });
}
