//! What the network costs a container's start. Run by hand, alone, on a quiet machine:
//! `cargo test -p corten-network --test cost -- --ignored --nocapture`.

#![allow(clippy::unwrap_used)]

mod lab;

use corten_network::{HostPort, Networks, PortRequest};
use lab::{container, gateway, inside, on_own_host, open, request, tcp};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

const ROUNDS: usize = 60;

#[test]
#[ignore = "measures"]
fn reserve_plumb_release() {
    on_own_host(|| {
        let start = Instant::now();
        let network = open();
        println!("open (new bridge, new table)   {:>8.0?}", start.elapsed());
        let published = [tcp(None, HostPort::Any, 80)];
        measure(&network, "alone", &[]);
        measure(&network, "alone, one port", &published);
        let crowd: Vec<_> = (0..500).map(|_| container(&network, &published)).collect();
        measure(&network, "beside 500", &[]);
        measure(&network, "beside 500, one port", &published);

        let leases: Vec<_> = crowd.iter().map(|(lease, _)| lease.clone()).collect();
        let start = Instant::now();
        let second = open();
        println!("open (500 alive)               {:>8.0?}", start.elapsed());
        drop(network);
        let start = Instant::now();
        second.restore(&leases).unwrap();
        println!("restore (500 alive)            {:>8.0?}", start.elapsed());
    });
}

fn measure(network: &Networks, what: &str, ports: &[PortRequest]) {
    let mut reserve = Vec::new();
    let mut plumb = Vec::new();
    let mut connect = Vec::new();
    let mut release = Vec::new();
    let server = TcpListener::bind((gateway(network), 0)).unwrap();
    let address = server.local_addr().unwrap();
    for _ in 0..ROUNDS {
        let wanted = request(ports);
        let start = Instant::now();
        let lease = network.reserve("", &wanted).unwrap();
        reserve.push(start.elapsed());
        let start = Instant::now();
        let netns = network.plumb(std::slice::from_ref(&lease)).unwrap();
        plumb.push(start.elapsed());
        // What the network owes the container: its first packets must not be lost while the bridge port comes up.
        connect.push(inside(&netns, || {
            let start = Instant::now();
            TcpStream::connect(address).unwrap();
            start.elapsed()
        }));
        let start = Instant::now();
        network.release(&lease);
        release.push(start.elapsed());
        drop(netns);
        // Let the kernel finish, as it would between two starts by hand.
        std::thread::sleep(Duration::from_millis(30));
    }
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e6
    };
    let slowest = connect.iter().max().unwrap().as_secs_f64() * 1e6;
    println!(
        "{what:<21} reserve {:>5.1}  plumb {:>5.0}  connect {:>5.0} (at most {slowest:.0})  release {:>5.1}  µs",
        median(reserve),
        median(plumb),
        median(connect),
        median(release)
    );
}
