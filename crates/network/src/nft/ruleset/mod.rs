//! What a table says: chains and their rules, the same whatever networks and ports there are. See
//! [`Tables`](super::Tables) for the picture, `docs/host-firewall.md` for the reasons.

mod forward;
mod loopback;
mod publish;

use super::Policy;
use super::batch::Transaction;
use super::chain::{Hook, Place};
use super::expr::{End, Header, Meta, Register, Rule};
use super::family::Family;
use super::set::Set;

/// Scratch register, and the first of a key's.
const R0: Register = Register(0);
/// Where what is not part of an address goes: behind one of either family.
const R4: Register = Register(4);

const SOURCE_PORT: u32 = 0;
const DESTINATION_PORT: u32 = 2;
/// Every namespace's loopback interface has this number.
const LOOPBACK: u32 = 1;

/// One family's rules.
pub(super) struct Ruleset<'a> {
    /// Name of the table.
    pub(super) table: &'a str,
    /// Whose rules.
    pub(super) family: Family,
    /// What they depend on.
    pub(super) policy: &'a Policy,
}

impl Ruleset<'_> {
    /// Adds chains and rules to a transaction that has made the table and its sets.
    pub(super) fn write(&self, transaction: &mut Transaction) {
        // Those that others go on in come first.
        self.pass(transaction);
        self.translate(transaction);
        self.disguise(transaction);
        self.redeliver(transaction);

        self.arrive(transaction);
        self.prerouting(transaction);
        self.depart(transaction);
        self.output(transaction);
        self.input(transaction);
        self.forward(transaction);
        self.leave(transaction);
        self.postrouting(transaction);
    }

    fn place_of_chains(&self) -> Place<'_> {
        Place {
            family: self.family,
            table: self.table,
        }
    }

    /// A chain that packets come to of themselves.
    fn base_chain(&self, transaction: &mut Transaction, name: &str, kind: &str, hook: Hook, priority: i32) {
        self.place_of_chains()
            .base_chain(transaction, name, (kind, hook, priority));
    }

    /// A chain that rules of others go on in.
    fn chain(&self, transaction: &mut Transaction, name: &str) {
        self.place_of_chains().chain(transaction, name);
    }

    fn rule(&self, transaction: &mut Transaction, chain: &str, fill: impl FnOnce(&mut Rule<'_, '_>)) {
        self.place_of_chains().rule(transaction, chain, fill);
    }

    /// Loads one of the packet's addresses.
    fn address<'a, 'b, 'c>(
        &self,
        rule: &'a mut Rule<'b, 'c>,
        end: End,
        to: Register,
    ) -> &'a mut Rule<'b, 'c> {
        rule.payload(
            Header::Network,
            end.address(self.family),
            self.family.length(),
            to,
        )
    }

    /// Loads what [`Set::PublishedAt`] and [`Set::Open`] are looked up by.
    fn place<'a, 'b, 'c>(&self, rule: &'a mut Rule<'b, 'c>) -> &'a mut Rule<'b, 'c> {
        let next = self.behind_address();
        self.address(rule, End::Destination, R0)
            .meta(Meta::Transport, next)
            .payload(Header::Transport, DESTINATION_PORT, 2, Register(next.0 + 1))
    }

    /// Goes on only with packets to published ports. A value is loaded, which nobody reads: older kernels do not look a key
    /// up otherwise.
    fn published<'a, 'b, 'c>(&self, rule: &'a mut Rule<'b, 'c>, set: Set) -> &'a mut Rule<'b, 'c> {
        match set {
            Set::PublishedAt => self.place(rule),
            _ => service(rule),
        }
        .lookup(set.name(), R0, R0)
    }

    /// The register behind an address in the first ones.
    fn behind_address(&self) -> Register {
        Register(self.family.length() / 4)
    }
}

/// Loads what [`Set::Published`] is looked up by.
fn service<'a, 'b, 'c>(rule: &'a mut Rule<'b, 'c>) -> &'a mut Rule<'b, 'c> {
    rule.meta(Meta::Transport, R0)
        .payload(Header::Transport, DESTINATION_PORT, 2, Register(1))
}

/// Goes on only with what came in by the loopback, or only with what did not.
fn from_loopback<'a, 'b, 'c>(rule: &'a mut Rule<'b, 'c>, yes: bool) -> &'a mut Rule<'b, 'c> {
    let rule = rule.meta(Meta::Input, R0);
    let number = LOOPBACK.to_ne_bytes();
    if yes {
        rule.equal(R0, &number)
    } else {
        rule.differ(R0, &number)
    }
}
