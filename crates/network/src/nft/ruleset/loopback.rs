//! Published ports on this machine's own loopback.
//!
//! A container could not answer 127.0.0.1, and the kernel routes no packet to or from it over another interface. So before a
//! connection from the loopback to a published port is tracked, both its ends are renamed to addresses that are this
//! machine's as well, and its answers are renamed back when all else is done.

use super::super::expr::{End, Register, Rule, Verdict};
use super::super::set::Set;
use super::{Hook, R0, Ruleset, from_loopback};
use crate::nft::batch::Transaction;
use crate::nft::family::Family;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

const LOOPBACK4: u8 = 127;
const ENDS: [End; 2] = [End::Source, End::Destination];
/// The part of an IPv4 loopback address that is kept.
const NUMBERS: [u8; 4] = [0, 0xff, 0xff, 0xff];
const NETWORK: [u8; 4] = [0xff, 0, 0, 0];

impl Ruleset<'_> {
    /// Nobody outside may reach the loopback, or speak as it, under either name. (Of IPv6, the kernel drops what claims to go
    /// to or come from `::1` before it gets here.)
    pub(super) fn guard_loopback(&self, transaction: &mut Transaction, chain: &str) {
        for end in ENDS {
            if self.family == Family::V4 {
                self.rule(transaction, chain, |rule| {
                    from_loopback(rule, false);
                    self.address(rule, end, R0)
                        .and(R0, &NETWORK)
                        .equal(R0, &[LOOPBACK4, 0, 0, 0])
                        .verdict(Verdict::Drop);
                });
            }
            if let Some(disguise) = self.policy.loopback(self.family) {
                self.rule(transaction, chain, |rule| {
                    from_loopback(rule, false);
                    self.is(rule, end, disguise).verdict(Verdict::Drop);
                });
            }
        }
    }

    pub(super) fn depart(&self, transaction: &mut Transaction) {
        if self.policy.loopback(self.family).is_none() {
            return;
        }
        let chain = "depart";
        self.base_chain(transaction, chain, "filter", Hook::Output, -300);
        for end in ENDS {
            self.rule(transaction, chain, |rule| {
                match self.family {
                    Family::V4 => self
                        .address(rule, end, R0)
                        .and(R0, &NETWORK)
                        .differ(R0, &[LOOPBACK4, 0, 0, 0]),
                    Family::V6 => self
                        .address(rule, end, R0)
                        .differ(R0, &Ipv6Addr::LOCALHOST.octets()),
                }
                .verdict(Verdict::Accept);
            });
        }
        for set in [Set::PublishedAt, Set::Published] {
            self.rule(transaction, chain, |rule| {
                self.published(rule, set).goto("disguise");
            });
        }
    }

    pub(super) fn disguise(&self, transaction: &mut Transaction) {
        let Some(disguise) = self.policy.loopback(self.family) else {
            return;
        };
        self.chain(transaction, "disguise");
        self.rule(transaction, "disguise", |rule| {
            self.rename(rule, disguise.network()).verdict(Verdict::Accept);
        });
    }

    /// Renames answers back.
    pub(super) fn reveal(&self, transaction: &mut Transaction, chain: &str) {
        let Some(disguise) = self.policy.loopback(self.family) else {
            return;
        };
        self.rule(transaction, chain, |rule| {
            ENDS.into_iter().for_each(|end| {
                self.is(rule, end, disguise);
            });
            let loopback = match self.family {
                Family::V4 => IpAddr::from([LOOPBACK4, 0, 0, 0]),
                Family::V6 => Ipv6Addr::LOCALHOST.into(),
            };
            self.rename(rule, loopback).verdict(Verdict::Accept);
        });
    }

    /// Goes on only if the address is the loopback's in disguise.
    pub(super) fn is<'a, 'b, 'c>(
        &self,
        rule: &'a mut Rule<'b, 'c>,
        end: End,
        disguise: IpNet,
    ) -> &'a mut Rule<'b, 'c> {
        let rule = self.address(rule, end, R0);
        match disguise.network() {
            IpAddr::V4(address) => rule.and(R0, &NETWORK).equal(R0, &address.octets()),
            IpAddr::V6(address) => rule.equal(R0, &address.octets()),
        }
    }

    /// Moves both addresses to another network, of IPv6 to one address.
    fn rename<'a, 'b, 'c>(&self, rule: &'a mut Rule<'b, 'c>, to: IpAddr) -> &'a mut Rule<'b, 'c> {
        let register: Register = R0;
        for end in ENDS {
            match to {
                IpAddr::V4(network) => {
                    self.address(rule, end, register)
                        .bits(register, &NUMBERS, &network.octets())
                }
                IpAddr::V6(address) => rule.load(register, &address.octets()),
            }
            .rewrite(self.family, end, register);
        }
        rule
    }
}
