//! A host of a test's own: a network namespace, with another one outside.

use std::fs::{File, read_link};
use std::os::fd::AsFd;
use std::process::Command;

use corten_testkit::{Running, until};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::SOON;

/// The host's addresses on the link to the outside, and the outside's.
pub(crate) const HOST: &str = "10.99.0.1";
pub(crate) const HOST6: &str = "fd99::1";
pub(crate) const OUTSIDE: &str = "10.99.0.2";
pub(crate) const OUTSIDE6: &str = "fd99::2";

/// A process in a network namespace of its own, which goes with it.
fn namespace() -> Running {
    let started = corten_testkit::start(Command::new("unshare").args(["--net", "sleep", "1000"]));
    let of = |pid: String| read_link(format!("/proc/{pid}/ns/net")).unwrap();
    until("a network namespace", SOON, || {
        of(started.pid().to_string()) != of("thread-self".to_owned())
    });
    started
}

/// The outside world, as the thread that is the host sees it.
pub(crate) struct Outside(Running);

impl Outside {
    fn connect() -> Self {
        let outside = Self(namespace());
        let pid = outside.0.pid();
        here("ip link set lo up");
        here(&format!("ip link add up0 type veth peer name up0 netns {pid}"));
        here(&format!("ip addr add {HOST}/24 dev up0"));
        here(&format!("ip addr add {HOST6}/64 dev up0 nodad"));
        here("ip link set up0 up");
        outside.run(&format!("ip addr add {OUTSIDE}/24 dev up0")).ok();
        outside
            .run(&format!("ip addr add {OUTSIDE6}/64 dev up0 nodad"))
            .ok();
        outside.run("ip link set up0 up").ok();
        outside
    }

    /// Runs a command there, given with spaces between its words.
    pub(crate) fn run(&self, command: &str) -> corten_testkit::Finished {
        self.run_words(command.split(' '))
    }

    /// The same, word by word.
    pub(crate) fn run_words<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> corten_testkit::Finished {
        let net = format!("--net=/proc/{}/ns/net", self.0.pid());
        let mut nsenter = Command::new("nsenter");
        corten_testkit::run(nsenter.arg(net).args(words), SOON)
    }

    /// Whether the port is reached within so many seconds.
    pub(crate) fn reaches(&self, port: u16, seconds: u32) -> bool {
        let fetched = self.run(&format!("curl -s -m {seconds} http://{HOST}:{port}/"));
        fetched.code() == 0 && fetched.out() == "hello"
    }
}

pub(crate) fn here(command: &str) -> String {
    let mut words = command.split(' ');
    let program = words.next().unwrap_or_default();
    corten_testkit::run(Command::new(program).args(words), SOON).ok()
}

/// Runs the test on a thread that is a host of its own.
pub(crate) fn on_own_host(test: impl FnOnce(&Outside) + Send) {
    let host = namespace();
    let netns = File::open(format!("/proc/{}/ns/net", host.pid())).unwrap();
    let outcome = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            test(&Outside::connect());
        });
        thread.join()
    });
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// A host that lets nothing in and forwards nothing.
pub(crate) fn deny() {
    for command in [
        "nft add table inet host",
        "nft add chain inet host in { type filter hook input priority 0; policy drop; }",
        "nft add rule inet host in iif lo accept",
        "nft add rule inet host in ct state established,related accept",
        "nft add chain inet host onwards { type filter hook forward priority 0; policy drop; }",
    ] {
        here(command);
    }
}
