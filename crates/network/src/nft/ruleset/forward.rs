//! What may pass between bridges and the rest, and under which address it leaves.

use super::super::expr::{DESTINATION_TRANSLATED, ESTABLISHED_OR_RELATED, End, Meta, Rule, Tracked, Verdict};
use super::super::set::Set;
use super::{Hook, R0, R4, Ruleset};
use crate::nft::batch::Transaction;

/// Before the filters of others (0), which are told by a mark what passed here.
const BEFORE_FILTERS: i32 = -150;

impl Ruleset<'_> {
    pub(super) fn forward(&self, transaction: &mut Transaction) {
        let chain = "forward";
        self.base_chain(transaction, chain, "filter", Hook::Forward, BEFORE_FILTERS);
        let mut rule = |fill: &dyn Fn(&mut Rule<'_, '_>)| self.rule(transaction, chain, fill);
        rule(&|rule| {
            not_a_bridge(rule, Meta::InputName);
            not_a_bridge(rule, Meta::OutputName).verdict(Verdict::Accept);
        });
        // From a bridge to itself: with bridge-nf-call-iptables, these come by, too.
        rule(&|rule| {
            pair(rule, Set::Talking).goto("pass");
        });
        for direction in [Meta::InputName, Meta::OutputName] {
            rule(&|rule| {
                rule.meta(direction, R0)
                    .within(Set::Internal.name(), R0)
                    .verdict(Verdict::Drop);
            });
        }
        rule(&|rule| {
            rule.tracked(Tracked::State, R0)
                .and(R0, &ESTABLISHED_OR_RELATED.to_ne_bytes())
                .differ(R0, &[0; 4])
                .goto("pass");
        });
        // Through a published port, from wherever.
        rule(&|rule| {
            translated(rule).goto("pass");
        });
        // Outwards.
        rule(&|rule| {
            not_a_bridge(rule, Meta::OutputName).goto("pass");
        });
        // To a container's own address, where that is allowed.
        rule(&|rule| {
            self.place(rule).within(Set::Open.name(), R0).goto("pass");
        });
        rule(&|rule| {
            rule.meta(Meta::OutputName, R0)
                .within(Set::Direct.name(), R0)
                .goto("pass");
        });
        rule(&|rule| {
            rule.meta(Meta::Transport, R0)
                .equal(R0, &[self.family.control()])
                .meta(Meta::OutputName, R0)
                .within(Set::Routed.name(), R0)
                .goto("pass");
        });
        rule(&|rule| {
            pair(rule, Set::Trusted).goto("pass");
        });
        // What remains is for a container's own address: from outside, from another network, or between containers that
        // may not talk. Two conditions instead of none: another daemon must not take this for a chain that drops by default.
        for direction in [Meta::InputName, Meta::OutputName] {
            rule(&|rule| {
                rule.meta(direction, R0)
                    .within(Set::Bridges.name(), R0)
                    .verdict(Verdict::Drop);
            });
        }
    }

    /// Tells chains behind ours that this is to pass.
    pub(super) fn pass(&self, transaction: &mut Transaction) {
        let mark = self.policy.mark;
        self.chain(transaction, "pass");
        self.rule(transaction, "pass", |rule| {
            rule.meta(Meta::Mark, R0)
                .bits(R0, &(!mark).to_ne_bytes(), &mark.to_ne_bytes())
                .set_mark(R0)
                .verdict(Verdict::Accept);
        });
    }

    /// Takes the mark off.
    pub(super) fn leave(&self, transaction: &mut Transaction) {
        let (chain, mark) = ("leave", self.policy.mark);
        self.base_chain(transaction, chain, "filter", Hook::PostRouting, BEFORE_FILTERS);
        self.rule(transaction, chain, |rule| {
            rule.meta(Meta::Mark, R0)
                .and(R0, &mark.to_ne_bytes())
                .differ(R0, &[0; 4])
                .meta(Meta::Mark, R0)
                .and(R0, &(!mark).to_ne_bytes())
                .set_mark(R0);
        });
    }

    pub(super) fn postrouting(&self, transaction: &mut Transaction) {
        let chain = "postrouting";
        self.base_chain(transaction, chain, "nat", Hook::PostRouting, 100);
        let mut rule = |fill: &dyn Fn(&mut Rule<'_, '_>)| self.rule(transaction, chain, fill);
        rule(&|rule| {
            not_a_bridge(rule, Meta::OutputName);
            self.address(rule, End::Source, R0)
                .lookup(Set::Sources.name(), R0, R0)
                .source(self.family, R0);
        });
        rule(&|rule| {
            not_a_bridge(rule, Meta::OutputName);
            self.address(rule, End::Source, R0)
                .within(Set::Masqueraded.name(), R0)
                .masquerade();
        });
        // Through a published port to a container of the same network, maybe itself: the answer must come back here.
        rule(&|rule| {
            translated(rule);
            self.address(rule, End::Source, R0)
                .meta(Meta::OutputName, self.behind_address())
                .within(Set::Own.name(), R0)
                .masquerade();
        });
        // From this machine's loopback, which no container could answer.
        if let Some(disguise) = self.policy.loopback(self.family) {
            rule(&|rule| {
                rule.meta(Meta::OutputName, R0).within(Set::Bridges.name(), R0);
                self.is(rule, End::Source, disguise).masquerade();
            });
        }
    }
}

fn not_a_bridge<'a, 'b, 'c>(rule: &'a mut Rule<'b, 'c>, direction: Meta) -> &'a mut Rule<'b, 'c> {
    rule.meta(direction, R0).without(Set::Bridges.name(), R0)
}

fn pair<'a, 'b, 'c>(rule: &'a mut Rule<'b, 'c>, set: Set) -> &'a mut Rule<'b, 'c> {
    rule.meta(Meta::InputName, R0)
        .meta(Meta::OutputName, R4)
        .within(set.name(), R0)
}

fn translated<'a, 'b, 'c>(rule: &'a mut Rule<'b, 'c>) -> &'a mut Rule<'b, 'c> {
    rule.tracked(Tracked::Status, R0)
        .and(R0, &DESTINATION_TRANSLATED.to_ne_bytes())
        .differ(R0, &[0; 4])
}
