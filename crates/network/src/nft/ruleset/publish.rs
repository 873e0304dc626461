//! How a connection to a published port gets to its container, and only if the host's own INPUT chains let it.
//!
//! A flow's first packet passes INPUT as what it is. Behind all others' chains it is copied to the loopback and dropped; the
//! copy comes in there as nothing else does, with an address that is not this machine's, and is translated.

use super::super::expr::{End, Header, Meta, NEW_OR_UNTRACKED, Register, Rule, Tracked, Verdict};
use super::super::set::Set;
use super::{DESTINATION_PORT, Hook, LOOPBACK, R0, Ruleset, SOURCE_PORT, from_loopback, service};
use crate::HostFirewall;
use crate::nft::batch::Transaction;
use crate::nft::family::Family;

/// Value of `fib daddr type` for an address of this machine.
const LOCAL: u32 = libc::RTN_LOCAL as u32;
/// Before datagrams are put together (-400), which the copy of one in pieces must be tracked for.
const FIRST: i32 = -450;
/// Behind all chains of others, before the kernel confirms the connection (`i32::MAX`).
const LAST: i32 = 2_000_000_000;

impl Ruleset<'_> {
    pub(super) fn arrive(&self, transaction: &mut Transaction) {
        let chain = "arrive";
        self.base_chain(transaction, chain, "filter", Hook::PreRouting, FIRST);
        self.guard_loopback(transaction, chain);
        if self.obeys() {
            // A copy of ours comes untracked: track it.
            self.rule(transaction, chain, |rule| {
                from_loopback(rule, true);
                rule.type_of(End::Source, R0).differ(R0, &LOCAL.to_ne_bytes());
                rule.load(R0, &[0, 0]).set_zone(R0);
            });
        }
    }

    pub(super) fn prerouting(&self, transaction: &mut Transaction) {
        let chain = "prerouting";
        self.base_chain(transaction, chain, "nat", Hook::PreRouting, -100);
        self.rule(transaction, chain, |rule| {
            rule.type_of(End::Destination, R0)
                .differ(R0, &LOCAL.to_ne_bytes())
                .verdict(Verdict::Accept);
        });
        if !self.obeys() {
            self.rule(transaction, chain, |rule| {
                rule.goto("translate");
            });
            return;
        }
        self.rule(transaction, chain, |rule| {
            from_loopback(rule, true);
            rule.type_of(End::Source, R0)
                .differ(R0, &LOCAL.to_ne_bytes())
                .goto("translate");
        });
        // The copy was lost: this is the client's second try.
        self.rule(transaction, chain, |rule| {
            self.flow(rule).within(Set::Admitted.name(), R0).goto("translate");
        });
    }

    /// This machine's own connections: nobody filters those inwards.
    pub(super) fn output(&self, transaction: &mut Transaction) {
        self.base_chain(transaction, "output", "nat", Hook::Output, -100);
        self.rule(transaction, "output", |rule| {
            rule.type_of(End::Destination, R0)
                .equal(R0, &LOCAL.to_ne_bytes())
                .goto("translate");
        });
    }

    /// The one exact on the address first.
    pub(super) fn translate(&self, transaction: &mut Transaction) {
        let (chain, port) = ("translate", self.behind_address());
        self.chain(transaction, chain);
        self.rule(transaction, chain, |rule| {
            self.place(rule)
                .lookup(Set::PublishedAt.name(), R0, R0)
                .destination(self.family, R0, port);
        });
        self.rule(transaction, chain, |rule| {
            service(rule)
                .lookup(Set::Published.name(), R0, R0)
                .destination(self.family, R0, port);
        });
    }

    pub(super) fn input(&self, transaction: &mut Transaction) {
        let chain = "input";
        self.base_chain(transaction, chain, "filter", Hook::Input, LAST);
        self.reveal(transaction, chain);
        if !self.obeys() {
            return;
        }
        // Never copy a copy.
        self.rule(transaction, chain, |rule| {
            from_loopback(rule, true).verdict(Verdict::Accept);
        });
        self.rule(transaction, chain, |rule| {
            rule.tracked(Tracked::State, R0)
                .and(R0, &NEW_OR_UNTRACKED.to_ne_bytes())
                .equal(R0, &[0; 4])
                .verdict(Verdict::Accept);
        });
        for set in [Set::PublishedAt, Set::Published] {
            self.rule(transaction, chain, |rule| {
                self.published(rule, set).goto("redeliver");
            });
        }
    }

    pub(super) fn redeliver(&self, transaction: &mut Transaction) {
        if !self.obeys() {
            return;
        }
        let chain = "redeliver";
        self.chain(transaction, chain);
        // Where the copy came from could not be seen any more.
        self.rule(transaction, chain, |rule| {
            rule.meta(Meta::InputName, R0)
                .within(Set::Internal.name(), R0)
                .verdict(Verdict::Drop);
        });
        self.rule(transaction, chain, |rule| {
            self.flow(rule).note(Set::Admitted.name(), R0);
        });
        if self.policy.redelivers {
            self.rule(transaction, chain, |rule| {
                match self.family {
                    Family::V4 => rule.load(R0, &std::net::Ipv4Addr::LOCALHOST.octets()),
                    Family::V6 => rule.load(R0, &std::net::Ipv6Addr::LOCALHOST.octets()),
                };
                let interface = self.behind_address();
                rule.load(interface, &LOOPBACK.to_ne_bytes()).copy(R0, interface);
            });
        }
        self.rule(transaction, chain, |rule| {
            rule.verdict(Verdict::Drop);
        });
    }

    fn obeys(&self) -> bool {
        self.policy.host_firewall == HostFirewall::Obey
    }

    /// Loads what [`Set::Admitted`] is looked up by.
    fn flow<'a, 'b, 'c>(&self, rule: &'a mut Rule<'b, 'c>) -> &'a mut Rule<'b, 'c> {
        let address = self.behind_address().0;
        let after = |first: u32| Register(first);
        self.address(rule, End::Source, R0)
            .payload(Header::Transport, SOURCE_PORT, 2, after(address));
        self.address(rule, End::Destination, after(address + 1));
        rule.payload(Header::Transport, DESTINATION_PORT, 2, after(2 * address + 1))
            .meta(Meta::Transport, after(2 * address + 2))
    }
}
