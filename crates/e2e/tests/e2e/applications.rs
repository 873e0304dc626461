//! A site of real applications on a network of its own: nginx in front of a Python program that uses redis and MariaDB, all found by
//! name; and a client outside the host.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use corten_testkit::{Engine, fixtures, until};

use crate::own_host::{HOST, HOST6, OUTSIDE, OUTSIDE6, Outside, here, on_own_host};
use crate::{SOON, corten_only};

const APPS: &str = "test/apps:1";
/// A database is made and four servers start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Sends a datagram to an address and port, and prints the answer: one within so many seconds, or none.
const ASK: &str = "
import socket, sys
address, port, seconds = sys.argv[1:4]
family = socket.AF_INET6 if ':' in address else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as datagrams:
    datagrams.settimeout(float(seconds))
    datagrams.connect((address, int(port)))
    datagrams.send(b'hello')
    print(datagrams.recv(100).decode())
";

/// The site as its owner made it.
struct Site {
    engine: Engine,
    files: String,
    tcp: u16,
    udp: u16,
}

impl Site {
    fn start(image: &Path) -> Self {
        let engine = Engine::start();
        engine.ok(&["import", &image.display().to_string(), APPS]);
        let files = engine.scratch("site");
        for (name, content) in [
            ("app.py", include_str!("applications/app.py")),
            ("db.sh", include_str!("applications/db.sh")),
            ("db.sql", include_str!("applications/db.sql")),
            ("nginx.conf", include_str!("applications/nginx.conf")),
        ] {
            std::fs::write(files.join(name), content).unwrap();
        }
        let subnets = ["--subnet", "10.77.0.0/24", "--subnet", "fd00:77::/64"];
        engine.ok(&[&["network", "create", "--ipv6"], &subnets[..], &["site"]].concat());
        let site = Self {
            files: format!("{}:/site:ro", files.display()),
            tcp: engine.slot().port(0),
            udp: engine.slot().port(1),
            engine,
        };
        let port = format!("{}:80", site.tcp);
        site.run(
            "web",
            &["-p", &port],
            &["nginx", "-c", "/site/nginx.conf", "-g", "daemon off;"],
        );
        site.run_app();
        let redis = [
            "redis-server",
            "--save",
            "",
            "--protected-mode",
            "no",
            "--bind",
            "*",
            "-::*",
        ];
        site.run("cache", &[], &redis);
        site.run_db();
        site
    }

    fn run(&self, name: &str, flags: &[&str], program: &[&str]) {
        let common = [
            "run",
            "-d",
            "--name",
            name,
            "--network",
            "site",
            "-v",
            &self.files,
        ];
        self.engine.ok(&[&common, flags, &[APPS], program].concat());
    }

    fn run_app(&self) {
        let port = format!("{}:7/udp", self.udp);
        self.run("app", &["-p", &port], &["python3", "/site/app.py"]);
    }

    fn run_db(&self) {
        self.run("db", &["-v", "rows:/var/lib/mysql"], &["sh", "/site/db.sh"]);
    }

    /// What the site says, once it does.
    #[track_caller]
    fn wait_for_page(&self, outside: &Outside) -> Page {
        let mut page = None;
        until("the site answers", PATIENCE, || {
            page = self.page(outside, HOST, 10);
            page.is_some()
        });
        page.unwrap()
    }

    /// What somebody outside gets from an address of the host.
    fn page(&self, outside: &Outside, address: &str, seconds: u32) -> Option<Page> {
        let url = url(address, self.tcp);
        let fetched = outside.run(&format!("curl -sgf -m {seconds} {url}"));
        (fetched.code() == 0).then(|| Page::read(&fetched.out()))
    }

    fn answers_datagrams(&self, outside: &Outside, address: &str, seconds: &str) -> bool {
        let port = self.udp.to_string();
        let asked = outside.run_words(["/usr/bin/python3", "-c", ASK, address, &port, seconds]);
        asked.out().trim() == "echo of hello"
    }
}

#[derive(Debug)]
struct Page {
    visit: u32,
    row: u32,
    from: String,
}

impl Page {
    #[track_caller]
    fn read(text: &str) -> Self {
        let mut parts = text.trim().splitn(3, ", ").zip(["visit ", "row ", "from "]);
        let mut part = || {
            let (part, prefix) = parts.next().unwrap_or_else(|| panic!("{text}"));
            part.strip_prefix(prefix).unwrap_or_else(|| panic!("{text}"))
        };
        Self {
            visit: part().parse().unwrap(),
            row: part().parse().unwrap(),
            from: part().to_owned(),
        }
    }
}

fn url(address: &str, port: u16) -> String {
    match address.contains(':') {
        true => format!("http://[{address}]:{port}/"),
        false => format!("http://{address}:{port}/"),
    }
}

#[test]
fn a_site_is_reached_as_far_as_the_host_allows() {
    corten_only!();
    // Where there is a way to Debian's mirror.
    let image = fixtures::apps();
    on_own_host(|outside| {
        let site = Site::start(&image);
        let engine = &site.engine;
        let first = site.wait_for_page(outside);
        assert_eq!(first.from, OUTSIDE, "the visitor's own address: {first:?}");
        let second = site.page(outside, HOST6, 10).unwrap();
        assert_eq!(second.from, OUTSIDE6, "{second:?}");
        assert_eq!((second.visit, second.row), (first.visit + 1, first.row + 1));
        for address in [HOST, HOST6] {
            assert!(site.answers_datagrams(outside, address, "10"), "{address}");
        }

        // The program comes back elsewhere, the database with what it had; both are found by name again.
        engine.ok(&["rm", "-f", "app", "db"]);
        site.run("between", &[], &["sleep", "1000"]);
        site.run_db();
        site.run_app();
        let third = site.wait_for_page(outside);
        assert!(
            third.row > second.row && third.visit >= third.row,
            "{third:?} after {second:?}"
        );

        // The host closes both ports.
        for command in [
            "nft add table inet host".to_owned(),
            "nft add chain inet host in { type filter hook input priority 0; }".to_owned(),
            format!(
                "nft add rule inet host in iifname up0 tcp dport {} drop",
                site.tcp
            ),
            format!(
                "nft add rule inet host in iifname up0 udp dport {} drop",
                site.udp
            ),
        ] {
            here(&command);
        }
        for address in [HOST, HOST6] {
            assert!(site.page(outside, address, 1).is_none(), "{address}");
            assert!(!site.answers_datagrams(outside, address, "1"), "{address}");
        }
        let own = corten_testkit::run(
            Command::new("curl").args(["-sf", &url("127.0.0.1", site.tcp)]),
            SOON,
        );
        assert!(Page::read(&own.ok()).visit > third.visit, "it runs all the same");
        here("nft delete table inet host");
        for address in [HOST, HOST6] {
            assert!(site.page(outside, address, 10).is_some(), "{address}");
            assert!(site.answers_datagrams(outside, address, "10"), "{address}");
        }
    });
}
