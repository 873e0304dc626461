//! Chains and their rules, as requests of a transaction.

use super::batch::Transaction;
use super::expr::{Rule, Verdict};

/// Where in a packet's way a chain sits (`NF_INET_*`).
#[derive(Clone, Copy)]
pub(super) enum Hook {
    PreRouting = 0,
    Forward = 2,
    Output = 3,
    PostRouting = 4,
}

/// Makes a chain: its name, and what it is, where it sits, and when among others there.
pub(super) fn chain(
    transaction: &mut Transaction,
    table: &str,
    name: &str,
    (kind, hook, priority): (&str, Hook, i32),
) {
    transaction
        .push(
            "create nf_tables chain",
            libc::NFT_MSG_NEWCHAIN,
            libc::NLM_F_CREATE,
        )
        .text(1, table)
        .text(3, name)
        .nest(4, |m| {
            m.be32(1, hook as u32).be32(2, priority as u32);
        })
        .be32(5, Verdict::Accept as u32)
        .text(7, kind);
}

/// Appends a rule to a chain.
pub(super) fn rule(
    transaction: &mut Transaction,
    table: &str,
    chain: &str,
    fill: impl FnOnce(&mut Rule<'_, '_>),
) {
    transaction
        .push(
            "create nf_tables rule",
            libc::NFT_MSG_NEWRULE,
            libc::NLM_F_CREATE | libc::NLM_F_APPEND,
        )
        .text(1, table)
        .text(2, chain)
        .nest(4, |m| fill(&mut Rule(m)));
}
