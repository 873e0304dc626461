//! The one rule in others' chains.
//!
//! What our table lets pass is still dropped where somebody else's chain on the forward hook drops what nobody accepted. Such
//! a chain gets one rule that accepts what bears our mark: the decision stays in our table, and the rule is the same whatever
//! networks and ports there are. It stands just before what surely drops, so that the host's explicit denials still count.

mod chain;
mod rule;
mod walk;

use super::FirewallFamilies;
use super::batch::{Transaction, push};
use super::expr::{Meta, Register, Rule as Writer, Verdict};
use crate::netlink::{Attributes, Batch, NetlinkError, Socket};
use chain::{Chain, forward_chains};
use rule::Rule;
use rustix::io::Errno;
use std::collections::{BTreeSet, HashMap};
use walk::{Need, need};

/// The rules of a table, by chain.
type Rules = HashMap<String, Vec<Rule>>;

/// The daemon's rule in others' chains.
pub(crate) struct Foreign {
    /// The daemon's own table, and what its rule is known by.
    name: String,
    mark: u32,
    families: FirewallFamilies,
}

/// What a look at others' chains came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Looked {
    /// Chains whose rules were changed.
    pub(crate) changed: usize,
}

impl Foreign {
    /// Nothing is looked at yet.
    pub(crate) fn new(name: &str, mark: u32, families: FirewallFamilies) -> Self {
        Self {
            name: name.to_owned(),
            mark,
            families,
        }
    }

    /// Puts the rule wherever a chain would drop what our table lets pass, and takes it away where none does (any more).
    /// A chain that refuses is warned of.
    pub(crate) fn look(&self, socket: &mut Socket) -> Result<Looked, NetlinkError> {
        self.go_through(socket, true)
    }

    /// Takes the rule out of all chains.
    pub(crate) fn withdraw(&self, socket: &mut Socket) -> Result<Looked, NetlinkError> {
        self.go_through(socket, false)
    }

    fn go_through(&self, socket: &mut Socket, wanted: bool) -> Result<Looked, NetlinkError> {
        let chains: Vec<Chain> = forward_chains(socket)?
            .into_iter()
            .filter(|chain| chain.table != self.name && self.concerns(chain.family))
            .collect();
        let tables: BTreeSet<(u8, &str)> = chains
            .iter()
            .map(|chain| (chain.family, chain.table.as_str()))
            .collect();
        let mut looked = Looked::default();
        for (family, table) in tables {
            let rules = self.rules(socket, family, table)?;
            let of_table = chains
                .iter()
                .filter(|chain| (chain.family, chain.table.as_str()) == (family, table));
            for chain in of_table {
                let need = if wanted {
                    need(&chain.name, chain.drops, &rules)
                } else {
                    Need::None
                };
                match self.settle(socket, chain, &rules, need) {
                    Ok(changed) => looked.changed += usize::from(changed),
                    // It has changed meanwhile, which is news of its own.
                    Err(error) if error.errno() == Errno::NOENT => {}
                    Err(error) => tracing::warn!(
                        table,
                        chain = chain.name,
                        %error,
                        "cannot put our rule into a chain that drops what is forwarded: {}",
                        advice(error.errno(), self.mark)
                    ),
                }
            }
        }
        Ok(looked)
    }

    /// Whether a chain of this family sees what we let pass.
    fn concerns(&self, family: u8) -> bool {
        match i32::from(family) {
            libc::NFPROTO_INET => self.families.any(),
            libc::NFPROTO_IPV4 => self.families.ipv4,
            libc::NFPROTO_IPV6 => self.families.ipv6,
            _ => false,
        }
    }

    /// Makes the chain have the rule where it is needed, once, and nowhere else. Whether anything had to be changed.
    fn settle(
        &self,
        socket: &mut Socket,
        chain: &Chain,
        rules: &Rules,
        need: Need,
    ) -> Result<bool, NetlinkError> {
        let own = rules.get(&chain.name).map(Vec::as_slice).unwrap_or_default();
        let ours: Vec<usize> = (0..own.len()).filter(|index| own[*index].is_ours).collect();
        let (insert, surplus) = match need {
            Need::None => (None, &ours[..]),
            Need::Before { deadline, place } => match ours.first() {
                Some(first) if *first < deadline => (None, &ours[1..]),
                _ => (Some(place), &ours[..]),
            },
        };
        if insert.is_none() && surplus.is_empty() {
            return Ok(false);
        }
        let mut transaction = Transaction::new();
        if let Some(place) = insert {
            self.insert(&mut transaction, chain, own.get(place).map(|rule| rule.handle));
        }
        for index in surplus {
            transaction
                .push("delete rule", libc::NFT_MSG_DELRULE, 0, chain.family)
                .text(1, &chain.table)
                .text(2, &chain.name)
                .bytes(3, &own[*index].handle.to_be_bytes());
        }
        transaction.commit(socket)?;
        Ok(true)
    }

    /// As iptables would write it: `-m mark --mark MARK/MARK -m comment --comment NAME -j ACCEPT`.
    fn insert(&self, transaction: &mut Transaction, chain: &Chain, before: Option<u64>) {
        const POSITION: u16 = 6;
        const USER_DATA: u16 = 7;
        let flags = match before {
            Some(_) => libc::NLM_F_CREATE,
            None => libc::NLM_F_CREATE | libc::NLM_F_APPEND,
        };
        let mut message = transaction.push(
            "add rule to a chain that drops",
            libc::NFT_MSG_NEWRULE,
            flags,
            chain.family,
        );
        message.text(1, &chain.table).text(2, &chain.name).nest(4, |m| {
            let (register, mark) = (Register(0), self.mark.to_ne_bytes());
            Writer(m)
                .meta(Meta::Mark, register)
                .and(register, &mark)
                .equal(register, &mark)
                .counter()
                .verdict(Verdict::Accept);
        });
        if let Some(handle) = before {
            message.bytes(POSITION, &handle.to_be_bytes());
        }
        message.bytes(USER_DATA, &rule::comment(&self.name));
    }

    fn rules(&self, socket: &mut Socket, family: u8, table: &str) -> Result<Rules, NetlinkError> {
        let mut batch = Batch::new();
        push(
            &mut batch,
            "list rules",
            libc::NFT_MSG_GETRULE,
            libc::NLM_F_DUMP,
            family,
        )
        .text(1, table);
        let mut rules = Rules::new();
        socket.query(&mut batch, |_, payload| {
            let attributes = Attributes(payload.get(4..).unwrap_or_default());
            // Older kernels do not filter what is listed.
            if attributes.find_text(1) != Some(table) {
                return;
            }
            if let Some((chain, rule)) = rule::parse(attributes, &self.name) {
                rules.entry(chain).or_default().push(rule);
            }
        })?;
        Ok(rules)
    }
}

/// What the operator can do about a chain that does not take our rule.
fn advice(errno: Errno, mark: u32) -> String {
    let rule = format!("meta mark & {mark:#x} == {mark:#x} accept");
    match errno {
        Errno::PERM => format!(
            "its table takes the rules of its owner alone (flag owner); firewalld lets go of it with NftablesTableOwner=no in \
             /etc/firewalld/firewalld.conf, any other owner must itself put \"{rule}\" before what drops"
        ),
        _ => format!("put \"{rule}\" there before what drops"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_is_told_what_to_do() {
        let owned = advice(Errno::PERM, 0x100);
        assert!(owned.contains("NftablesTableOwner=no"), "{owned}");
        for errno in [Errno::PERM, Errno::NOMEM] {
            let said = advice(errno, 0x100);
            assert!(said.contains("\"meta mark & 0x100 == 0x100 accept\""), "{said}");
        }
    }
}
