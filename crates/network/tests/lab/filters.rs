//! What a host may filter with. Each denies everything inwards but port 8443, and 8444 from [`GUEST`] and [`GUEST6`], and
//! drops what nobody allowed to be forwarded.

use super::{feed, run};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The client that is allowed more than others.
pub const GUEST: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 3);
pub const GUEST6: Ipv6Addr = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    None,
    Ufw,
    Firewalld,
    Iptables,
    Nftables,
    /// Nothing but what dockerd sets when it has turned forwarding on.
    Dockerd,
}

impl Filter {
    /// Whether it denies anything inwards.
    pub fn denies(self) -> bool {
        !matches!(self, Self::None | Self::Dockerd)
    }

    /// Sets it up in the calling thread's namespace.
    pub fn set_up(self) {
        match self {
            Self::None => {}
            Self::Ufw => both(UFW),
            Self::Firewalld => feed("nft -f -", FIREWALLD),
            Self::Iptables => both(IPTABLES),
            Self::Nftables => feed("nft -f -", NFTABLES),
            Self::Dockerd => both(DOCKERD),
        }
    }

    /// Loads it anew, as its own program would: what others put into its chains is lost.
    pub fn reload(self) {
        match self {
            Self::Firewalld => run("nft delete table inet firewalld"),
            Self::Nftables => run("nft flush ruleset"),
            _ => String::new(),
        };
        self.set_up();
    }
}

/// The same by iptables and ip6tables; `GUEST` and `CONTROL` stand for what differs.
fn both(rules: &str) {
    let of = |guest: &str, control: &str| rules.replace("GUEST", guest).replace("CONTROL", control);
    feed("iptables-restore", &of(&GUEST.to_string(), "icmp"));
    feed("ip6tables-restore", &of(&GUEST6.to_string(), "ipv6-icmp"));
}

const IPTABLES: &str = "*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p CONTROL -j ACCEPT
-A INPUT -p tcp --dport 8443 -j ACCEPT
-A INPUT -p udp --dport 8443 -j ACCEPT
-A INPUT -s GUEST -p tcp --dport 8444 -j ACCEPT
-A INPUT -s GUEST -p udp --dport 8444 -j ACCEPT
COMMIT
";

/// As ufw lays its chains out: everything is asked in chains of its own, what is denied is logged, then refused or dropped.
const UFW: &str = "*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-before-input - [0:0]
:ufw-user-input - [0:0]
:ufw-after-input - [0:0]
:ufw-before-forward - [0:0]
:ufw-user-forward - [0:0]
:ufw-after-forward - [0:0]
:ufw-after-logging-forward - [0:0]
:ufw-reject-forward - [0:0]
:ufw-track-forward - [0:0]
-A INPUT -j ufw-before-input
-A INPUT -j ufw-after-input
-A FORWARD -j ufw-before-forward
-A FORWARD -j ufw-after-forward
-A FORWARD -j ufw-after-logging-forward
-A FORWARD -j ufw-reject-forward
-A FORWARD -j ufw-track-forward
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -p CONTROL -j ACCEPT
-A ufw-before-input -j ufw-user-input
-A ufw-user-input -p tcp --dport 8443 -j ACCEPT
-A ufw-user-input -p udp --dport 8443 -j ACCEPT
-A ufw-user-input -s GUEST -p tcp --dport 8444 -j ACCEPT
-A ufw-user-input -s GUEST -p udp --dport 8444 -j ACCEPT
-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-forward -p CONTROL -j ACCEPT
-A ufw-before-forward -j ufw-user-forward
-A ufw-after-logging-forward -m limit --limit 3/min --limit-burst 10 -m mark ! --mark 0x7
COMMIT
";

const DOCKERD: &str = "*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
";

const NFTABLES: &str = "table inet filter {
    chain input { type filter hook input priority filter; policy drop;
        ct state vmap { established : accept, related : accept, invalid : drop }
        iif lo accept
        meta l4proto { icmp, ipv6-icmp } accept
        meta l4proto { tcp, udp } th dport 8443 accept
        ip saddr 10.99.0.3 meta l4proto { tcp, udp } th dport 8444 accept
        ip6 saddr fd99::3 meta l4proto { tcp, udp } th dport 8444 accept
    }
    chain forward { type filter hook forward priority filter; policy drop;
        ct state established,related accept
    }
}
";

/// As firewalld lays its chains out: the link to the outside is in the zone public, all else is refused.
const FIREWALLD: &str = "table inet firewalld {
    chain filter_PREROUTING { type filter hook prerouting priority 10; policy accept;
        icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
        meta nfproto ipv6 fib saddr . mark . iif oif missing drop
    }
    chain filter_IN_public {
        jump filter_IN_public_allow
        meta l4proto { icmp, ipv6-icmp } accept
        reject with icmpx admin-prohibited
    }
    chain filter_IN_public_allow {
        tcp dport 8443 accept
        udp dport 8443 accept
        ip saddr 10.99.0.3 meta l4proto { tcp, udp } th dport 8444 accept
        ip6 saddr fd99::3 meta l4proto { tcp, udp } th dport 8444 accept
    }
    chain filter_INPUT_ZONES {
        iifname \"up0\" goto filter_IN_public
        goto filter_IN_public
    }
    chain filter_INPUT { type filter hook input priority 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname lo accept
        ct state invalid drop
        jump filter_INPUT_ZONES
    }
    chain filter_FWD_public {
        reject with icmpx admin-prohibited
    }
    chain filter_FORWARD_ZONES {
        iifname \"up0\" goto filter_FWD_public
        goto filter_FWD_public
    }
    chain filter_FORWARD { type filter hook forward priority 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname lo accept
        ct state invalid drop
        jump filter_FORWARD_ZONES
    }
}
";
