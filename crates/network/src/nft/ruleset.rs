//! What the table says, for a given bridge: chains and their rules. See [`Table`](super::Table) for the picture.

use super::batch::Transaction;
use super::expr::{
    DESTINATION_TRANSLATED, ESTABLISHED_OR_RELATED, Header, Meta, Register, Rule, Tracked, Verdict,
};
use super::table::{BY_ADDRESS, BY_PORT};
use crate::Ipv4Net;

/// Value of `fib daddr type` for an address of this machine.
const LOCAL: u32 = libc::RTN_LOCAL as u32;
const LOOPBACK: u8 = 127;
/// Offsets into the IPv4 and transport headers.
const SOURCE: u32 = 12;
const DESTINATION: u32 = 16;
const DESTINATION_PORT: u32 = 2;

/// Scratch register, and the first of a key's.
const R0: Register = Register(0);
const R1: Register = Register(1);
const R2: Register = Register(2);

/// Where in a packet's way a chain sits (`NF_INET_*`).
#[derive(Clone, Copy)]
enum Hook {
    PreRouting = 0,
    Forward = 2,
    Output = 3,
    PostRouting = 4,
}

/// The bridge the rules are about, and the choices its owner made.
pub(crate) struct Ruleset {
    /// Name of the table.
    pub(crate) table: String,
    /// Name of the bridge.
    pub(crate) bridge: String,
    /// Its subnet.
    pub(crate) subnet: Ipv4Net,
    /// Whether containers reach the outside under this machine's address.
    pub(crate) masquerade: bool,
    /// Whether containers may talk to each other without publishing.
    pub(crate) inter_container: bool,
}

impl Ruleset {
    /// Adds chains and rules to a transaction that has made the table and its maps.
    pub(super) fn write(&self, transaction: &mut Transaction) {
        self.guard_loopback(transaction);
        self.publish(transaction, "prerouting", Hook::PreRouting);
        self.publish(transaction, "output", Hook::Output);
        self.forward(transaction);
        self.translate_source(transaction);
    }

    /// Nobody outside may reach 127.0.0.0/8, or speak as it: a translated packet would never be seen as the martian it is, and
    /// the bridge routes such packets (`route_localnet`) for the sake of answers to this machine's own.
    fn guard_loopback(&self, transaction: &mut Transaction) {
        self.chain(transaction, "guard", "filter", Hook::PreRouting, -300);
        for end in [DESTINATION, SOURCE] {
            self.rule(transaction, "guard", |rule| {
                rule.meta(Meta::Family, R0).equal(R0, &[libc::NFPROTO_IPV4 as u8]);
                rule.payload(Header::Network, end, 1, R0).equal(R0, &[LOOPBACK]);
                rule.meta(Meta::InputName, R0).differ(R0, &interface("lo"));
                rule.verdict(Verdict::Drop);
            });
        }
    }

    /// A connection to a published port of this machine goes to the container; one exact on the address first.
    fn publish(&self, transaction: &mut Transaction, chain: &str, hook: Hook) {
        self.chain(transaction, chain, "nat", hook, -100);
        self.rule(transaction, chain, |rule| {
            rule.meta(Meta::Family, R0)
                .differ(R0, &[libc::NFPROTO_IPV4 as u8]);
            rule.verdict(Verdict::Accept);
        });
        self.rule(transaction, chain, |rule| {
            rule.destination_type(R0).differ(R0, &LOCAL.to_ne_bytes());
            rule.verdict(Verdict::Accept);
        });
        self.rule(transaction, chain, |rule| {
            rule.payload(Header::Network, DESTINATION, 4, R0);
            rule.meta(Meta::Transport, R1);
            rule.payload(Header::Transport, DESTINATION_PORT, 2, R2);
            rule.lookup(BY_ADDRESS, R0, R0).destination(R0, R1);
        });
        self.rule(transaction, chain, |rule| {
            rule.meta(Meta::Transport, R0);
            rule.payload(Header::Transport, DESTINATION_PORT, 2, R1);
            rule.lookup(BY_PORT, R0, R0).destination(R0, R1);
        });
    }

    /// What may pass between the bridge and the rest. A host that filters elsewhere still does: an accept here
    /// ends this chain only.
    fn forward(&self, transaction: &mut Transaction) {
        self.chain(transaction, "forward", "filter", Hook::Forward, 0);
        let bridge = interface(&self.bridge);
        let mut rule = |fill: &dyn Fn(&mut Rule<'_, '_>)| self.rule(transaction, "forward", fill);
        rule(&|rule| {
            rule.meta(Meta::InputName, R0).differ(R0, &bridge);
            rule.meta(Meta::OutputName, R0).differ(R0, &bridge);
            rule.verdict(Verdict::Accept);
        });
        rule(&|rule| {
            rule.tracked(Tracked::State, R0)
                .and(R0, &ESTABLISHED_OR_RELATED.to_ne_bytes());
            rule.differ(R0, &[0; 4]).verdict(Verdict::Accept);
        });
        // Through a published port, from wherever.
        rule(&|rule| {
            rule.tracked(Tracked::Status, R0)
                .and(R0, &DESTINATION_TRANSLATED.to_ne_bytes());
            rule.differ(R0, &[0; 4]).verdict(Verdict::Accept);
        });
        // Outwards.
        rule(&|rule| {
            rule.meta(Meta::OutputName, R0).differ(R0, &bridge);
            rule.verdict(Verdict::Accept);
        });
        if self.inter_container {
            rule(&|rule| {
                rule.meta(Meta::InputName, R0).equal(R0, &bridge);
                rule.verdict(Verdict::Accept);
            });
        }
        // What remains is for a container's own address: from outside, or between containers that may not talk.
        rule(&|rule| {
            rule.verdict(Verdict::Drop);
        });
    }

    fn translate_source(&self, transaction: &mut Transaction) {
        let chain = "postrouting";
        self.chain(transaction, chain, "nat", Hook::PostRouting, 100);
        let bridge = interface(&self.bridge);
        let subnet = self.subnet.network();
        let mask = subnet.mask().to_be_bytes();
        let from_subnet = |rule: &mut Rule<'_, '_>| {
            rule.meta(Meta::Family, R0).equal(R0, &[libc::NFPROTO_IPV4 as u8]);
            rule.payload(Header::Network, SOURCE, 4, R0).and(R0, &mask);
            rule.equal(R0, &subnet.address().octets());
        };
        if self.masquerade {
            self.rule(transaction, chain, |rule| {
                from_subnet(rule);
                rule.meta(Meta::OutputName, R0).differ(R0, &bridge).masquerade();
            });
        }
        // From a container through a published port to a container, maybe itself: the answer must come back here.
        self.rule(transaction, chain, |rule| {
            from_subnet(rule);
            rule.meta(Meta::OutputName, R0).equal(R0, &bridge);
            rule.tracked(Tracked::Status, R0)
                .and(R0, &DESTINATION_TRANSLATED.to_ne_bytes());
            rule.differ(R0, &[0; 4]).masquerade();
        });
        // From this machine's 127.0.0.1 to a container, which could not answer that address.
        self.rule(transaction, chain, |rule| {
            rule.meta(Meta::OutputName, R0).equal(R0, &bridge);
            rule.meta(Meta::Family, R0).equal(R0, &[libc::NFPROTO_IPV4 as u8]);
            rule.payload(Header::Network, SOURCE, 1, R0)
                .equal(R0, &[LOOPBACK])
                .masquerade();
        });
    }

    fn chain(&self, transaction: &mut Transaction, name: &str, kind: &str, hook: Hook, priority: i32) {
        transaction
            .push(
                "create nf_tables chain",
                libc::NFT_MSG_NEWCHAIN,
                libc::NLM_F_CREATE,
            )
            .text(1, &self.table)
            .text(3, name)
            .nest(4, |m| {
                m.be32(1, hook as u32).be32(2, priority as u32);
            })
            .be32(5, Verdict::Accept as u32)
            .text(7, kind);
    }

    fn rule(&self, transaction: &mut Transaction, chain: &str, fill: impl FnOnce(&mut Rule<'_, '_>)) {
        transaction
            .push(
                "create nf_tables rule",
                libc::NFT_MSG_NEWRULE,
                libc::NLM_F_CREATE | libc::NLM_F_APPEND,
            )
            .text(1, &self.table)
            .text(2, chain)
            .nest(4, |m| fill(&mut Rule(m)));
    }
}

/// An interface name as the kernel compares it.
fn interface(name: &str) -> [u8; libc::IFNAMSIZ] {
    let mut bytes = [0; libc::IFNAMSIZ];
    for (byte, from) in bytes.iter_mut().zip(name.bytes().take(libc::IFNAMSIZ - 1)) {
        *byte = from;
    }
    bytes
}
