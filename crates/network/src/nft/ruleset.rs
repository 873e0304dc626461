//! What the table says: chains and their rules. See [`Table`](super::Table) for the picture.

use super::batch::Transaction;
use super::chain::{Hook, chain, rule};
use super::element::interface;
use super::expr::{
    DESTINATION_TRANSLATED, ESTABLISHED_OR_RELATED, Header, Meta, Register, Rule, Tracked, Verdict,
};
use super::set::{FirewallFamilies, Set};

/// Value of `fib daddr type` for an address of this machine.
const LOCAL: u32 = libc::RTN_LOCAL as u32;
const LOOPBACK: u8 = 127;
const DESTINATION_PORT: u32 = 2;

/// Scratch register, and the first of a key's.
const R0: Register = Register(0);
/// Where a second interface name goes, and what follows an IPv6 address.
const R4: Register = Register(4);

/// What is particular to a family.
struct Family {
    number: i32,
    /// Offsets into the IP header.
    source: u32,
    destination: u32,
    /// Bytes of an address, and the register after one.
    length: u32,
    next: u32,
    by_address: Set,
    by_port: Set,
    subnets: Set,
    masquerade: Set,
    translated: Set,
    open: Set,
    direct: Set,
    routed: Set,
    /// Number of its control protocol.
    control: u8,
}

const FAMILY4: Family = Family {
    number: libc::NFPROTO_IPV4,
    source: 12,
    destination: 16,
    length: 4,
    next: 1,
    by_address: Set::ByAddress,
    by_port: Set::ByPort,
    subnets: Set::Subnets,
    masquerade: Set::Masquerade,
    translated: Set::Source,
    open: Set::Open,
    direct: Set::Direct,
    routed: Set::Routed,
    control: libc::IPPROTO_ICMP as u8,
};

const FAMILY6: Family = Family {
    number: libc::NFPROTO_IPV6,
    source: 8,
    destination: 24,
    length: 16,
    next: 4,
    by_address: Set::ByAddress6,
    by_port: Set::ByPort6,
    subnets: Set::Subnets6,
    masquerade: Set::Masquerade6,
    translated: Set::Source6,
    open: Set::Open6,
    direct: Set::Direct6,
    routed: Set::Routed6,
    control: libc::IPPROTO_ICMPV6 as u8,
};

/// The rules, which are the same whatever networks there are.
pub(super) struct Ruleset<'a> {
    /// Name of the table.
    pub(super) table: &'a str,
    /// Families that are filtered and translated.
    pub(super) families: FirewallFamilies,
    /// Whether a container's answers can get back to `::1`.
    pub(super) loopback6: bool,
}

impl Ruleset<'_> {
    /// Adds chains and rules to a transaction that has made the table and its sets.
    pub(super) fn write(&self, transaction: &mut Transaction) {
        self.guard_loopback(transaction);
        self.publish(transaction, "prerouting", Hook::PreRouting);
        self.publish(transaction, "output", Hook::Output);
        self.forward(transaction);
        self.translate_source(transaction);
    }

    fn families(&self) -> impl Iterator<Item = &'static Family> {
        let ipv4 = self.families.ipv4.then_some(&FAMILY4);
        ipv4.into_iter().chain(self.families.ipv6.then_some(&FAMILY6))
    }

    /// Nobody outside may reach 127.0.0.0/8, or speak as it: a translated packet would never be seen as the martian it is, and
    /// bridges route such packets (`route_localnet`) for the sake of answers to this machine's own. (Of IPv6, the kernel
    /// drops what claims to go to or come from `::1` before it gets here.)
    fn guard_loopback(&self, transaction: &mut Transaction) {
        self.chain(transaction, "guard", "filter", Hook::PreRouting, -300);
        for end in [FAMILY4.destination, FAMILY4.source] {
            self.rule(transaction, "guard", |rule| {
                of_family(rule, &FAMILY4)
                    .payload(Header::Network, end, 1, R0)
                    .equal(R0, &[LOOPBACK]);
                rule.meta(Meta::InputName, R0).differ(R0, &interface("lo"));
                rule.verdict(Verdict::Drop);
            });
        }
    }

    /// A connection to a published port of this machine goes to the container; one exact on the address first.
    fn publish(&self, transaction: &mut Transaction, chain: &str, hook: Hook) {
        self.chain(transaction, chain, "nat", hook, -100);
        self.rule(transaction, chain, |rule| {
            rule.destination_type(R0).differ(R0, &LOCAL.to_ne_bytes());
            rule.verdict(Verdict::Accept);
        });
        if !self.loopback6 {
            // A connection refused at once, so that clients go on to 127.0.0.1, is better than one that hangs.
            self.rule(transaction, chain, |rule| {
                of_family(rule, &FAMILY6)
                    .payload(Header::Network, FAMILY6.destination, FAMILY6.length, R0)
                    .equal(R0, &std::net::Ipv6Addr::LOCALHOST.octets())
                    .verdict(Verdict::Accept);
            });
        }
        for family in self.families() {
            self.rule(transaction, chain, |rule| {
                let (protocol, port) = (Register(family.next), Register(family.next + 1));
                of_family(rule, family)
                    .payload(Header::Network, family.destination, family.length, R0)
                    .meta(Meta::Transport, protocol)
                    .payload(Header::Transport, DESTINATION_PORT, 2, port)
                    .lookup(family.by_address.name(), R0, R0)
                    .destination(family.number, R0, protocol);
            });
            self.rule(transaction, chain, |rule| {
                of_family(rule, family)
                    .meta(Meta::Transport, R0)
                    .payload(Header::Transport, DESTINATION_PORT, 2, Register(1))
                    .lookup(family.by_port.name(), R0, R0)
                    .destination(family.number, R0, Register(family.next));
            });
        }
    }

    /// What may pass between bridges and the rest. A host that filters elsewhere still does: an accept here
    /// ends this chain only.
    fn forward(&self, transaction: &mut Transaction) {
        self.chain(transaction, "forward", "filter", Hook::Forward, 0);
        let mut rule = |fill: &dyn Fn(&mut Rule<'_, '_>)| self.rule(transaction, "forward", fill);
        rule(&|rule| {
            rule.meta(Meta::InputName, R0).without(Set::Bridges.name(), R0);
            rule.meta(Meta::OutputName, R0).without(Set::Bridges.name(), R0);
            rule.verdict(Verdict::Accept);
        });
        for (family, filtered) in [(&FAMILY4, self.families.ipv4), (&FAMILY6, self.families.ipv6)] {
            if !filtered {
                rule(&|rule| {
                    of_family(rule, family).verdict(Verdict::Accept);
                });
            }
        }
        // From a bridge to itself: with bridge-nf-call-iptables, these come by, too.
        rule(&|rule| {
            rule.meta(Meta::InputName, R0).meta(Meta::OutputName, R4);
            rule.within(Set::Within.name(), R0).verdict(Verdict::Accept);
        });
        for direction in [Meta::InputName, Meta::OutputName] {
            rule(&|rule| {
                rule.meta(direction, R0).within(Set::Internal.name(), R0);
                rule.verdict(Verdict::Drop);
            });
        }
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
            rule.meta(Meta::OutputName, R0).without(Set::Bridges.name(), R0);
            rule.verdict(Verdict::Accept);
        });
        // To a container's own address, where that is allowed.
        for family in self.families() {
            rule(&|rule| {
                let (protocol, port) = (Register(family.next), Register(family.next + 1));
                of_family(rule, family)
                    .payload(Header::Network, family.destination, family.length, R0)
                    .meta(Meta::Transport, protocol)
                    .payload(Header::Transport, DESTINATION_PORT, 2, port)
                    .within(family.open.name(), R0)
                    .verdict(Verdict::Accept);
            });
            rule(&|rule| {
                of_family(rule, family)
                    .meta(Meta::OutputName, R0)
                    .within(family.direct.name(), R0)
                    .verdict(Verdict::Accept);
            });
            rule(&|rule| {
                of_family(rule, family)
                    .meta(Meta::Transport, R0)
                    .equal(R0, &[family.control])
                    .meta(Meta::OutputName, R0)
                    .within(family.routed.name(), R0)
                    .verdict(Verdict::Accept);
            });
        }
        rule(&|rule| {
            rule.meta(Meta::InputName, R0).meta(Meta::OutputName, R4);
            rule.within(Set::Trusted.name(), R0).verdict(Verdict::Accept);
        });
        // What remains is for a container's own address: from outside, from another network, or between containers that
        // may not talk.
        rule(&|rule| {
            rule.verdict(Verdict::Drop);
        });
    }

    fn translate_source(&self, transaction: &mut Transaction) {
        let chain = "postrouting";
        self.chain(transaction, chain, "nat", Hook::PostRouting, 100);
        for family in self.families() {
            let from = |rule: &mut Rule<'_, '_>| {
                of_family(rule, family).payload(Header::Network, family.source, family.length, R0);
            };
            let outwards = |rule: &mut Rule<'_, '_>| {
                rule.meta(Meta::OutputName, R4).without(Set::Bridges.name(), R4);
            };
            self.rule(transaction, chain, |rule| {
                outwards(rule);
                from(rule);
                rule.lookup(family.translated.name(), R0, R0)
                    .source(family.number, R0);
            });
            self.rule(transaction, chain, |rule| {
                outwards(rule);
                from(rule);
                rule.within(family.masquerade.name(), R0).masquerade();
            });
            // From a container through a published port to a container, maybe itself: the answer must come back here.
            self.rule(transaction, chain, |rule| {
                rule.tracked(Tracked::Status, R0)
                    .and(R0, &DESTINATION_TRANSLATED.to_ne_bytes())
                    .differ(R0, &[0; 4]);
                rule.meta(Meta::OutputName, R0).within(Set::Bridges.name(), R0);
                from(rule);
                rule.within(family.subnets.name(), R0).masquerade();
            });
            // From this machine's loopback to a container, which could not answer that address.
            self.rule(transaction, chain, |rule| {
                rule.meta(Meta::OutputName, R0).within(Set::Bridges.name(), R0);
                from(rule);
                if family.length == 4 {
                    rule.and(R0, &[0xff, 0, 0, 0]).equal(R0, &[LOOPBACK, 0, 0, 0]);
                } else {
                    rule.equal(R0, &std::net::Ipv6Addr::LOCALHOST.octets());
                }
                rule.masquerade();
            });
        }
    }

    fn chain(&self, transaction: &mut Transaction, name: &str, kind: &str, hook: Hook, priority: i32) {
        chain(transaction, self.table, name, (kind, hook, priority));
    }

    fn rule(&self, transaction: &mut Transaction, chain: &str, fill: impl FnOnce(&mut Rule<'_, '_>)) {
        rule(transaction, self.table, chain, fill);
    }
}

/// Goes on only with packets of this family.
fn of_family<'a, 'b, 'c>(rule: &'a mut Rule<'b, 'c>, family: &Family) -> &'a mut Rule<'b, 'c> {
    rule.meta(Meta::Family, R0).equal(R0, &[family.number as u8])
}
