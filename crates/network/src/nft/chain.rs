//! Chains and their rules, as requests of a transaction.

use super::batch::Transaction;
use super::expr::{Rule, Verdict};
use super::family::Family;

/// Where in a packet's way a chain sits (`NF_INET_*`).
#[derive(Clone, Copy)]
pub(super) enum Hook {
    PreRouting = 0,
    Input = 1,
    Forward = 2,
    Output = 3,
    PostRouting = 4,
}

/// A table, to make chains in.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) family: Family,
    pub(super) table: &'a str,
}

impl Place<'_> {
    /// Makes a chain that packets come to of themselves: its name, and what it is, where it sits, and when among others
    /// there.
    pub(super) fn base_chain(
        self,
        transaction: &mut Transaction,
        name: &str,
        (kind, hook, priority): (&str, Hook, i32),
    ) {
        self.new_chain(transaction)
            .text(1, self.table)
            .text(3, name)
            .nest(4, |m| {
                m.be32(1, hook as u32).be32(2, priority as u32);
            })
            .be32(5, Verdict::Accept as u32)
            .text(7, kind);
    }

    /// Makes a chain that rules of others go on in.
    pub(super) fn chain(self, transaction: &mut Transaction, name: &str) {
        self.new_chain(transaction).text(1, self.table).text(3, name);
    }

    fn new_chain(self, transaction: &mut Transaction) -> crate::netlink::Message<'_> {
        transaction.push(
            "create nf_tables chain",
            libc::NFT_MSG_NEWCHAIN,
            libc::NLM_F_CREATE,
            self.family.number(),
        )
    }

    /// Appends a rule to a chain.
    pub(super) fn rule(
        self,
        transaction: &mut Transaction,
        chain: &str,
        fill: impl FnOnce(&mut Rule<'_, '_>),
    ) {
        transaction
            .push(
                "create nf_tables rule",
                libc::NFT_MSG_NEWRULE,
                libc::NLM_F_CREATE | libc::NLM_F_APPEND,
                self.family.number(),
            )
            .text(1, self.table)
            .text(2, chain)
            .nest(4, |m| fill(&mut Rule(m)));
    }
}
