//! The tables of a daemon, one for each family: made anew in one transaction, then changed by elements of their sets and maps
//! only. No rule is about a single network or port, so that a packet's way is as short beside a thousand of them as beside
//! one.
//!
//! ```text
//! table ip NAME {                      table ip6 NAME is the same
//!   sets and maps     see `Set`
//!   chain arrive      prerouting  -450    drop what claims to be the loopback; track copies
//!   chain prerouting  prerouting  -100    copies, and flows just admitted → translate
//!   chain depart      output      -300    loopback to a published port → disguise
//!   chain output      output      -100    this machine's own connections → translate
//!   chain translate                       published_at, published → container
//!   chain input       input       last    new, to a published port, and let in → redeliver
//!   chain redeliver                       note in admitted; copy to the loopback; drop
//!   chain forward     forward     -150    bridge → anywhere, published and known connections → pass
//!   chain pass                            mark, accept
//!   chain leave       postrouting -150    take the mark off
//!   chain postrouting postrouting  100    sources, masquerade → outside; hairpin; loopback → bridge
//! }
//! ```

use super::Policy;
use super::batch::{Transaction, push};
use super::element::Element;
use super::family::Family;
use super::ruleset::Ruleset;
use super::set::{Keys, Set, length_of, length_of_part, type_of};
use crate::netlink::{Attributes, Batch, Message, NetlinkError, Socket};
use rustix::io::Errno;

/// Elements in one message: their list's length is a 16-bit number of bytes.
const ELEMENTS_PER_MESSAGE: usize = 512;

const ELEMENT_KEY: u16 = 1;
const ELEMENT_DATA: u16 = 2;
const ELEMENT_FLAGS: u16 = 3;
const ELEMENT_KEY_END: u16 = 10;
const DATA_VALUE: u16 = 1;
const INTERVAL_END: u32 = 1;
const LIST_ELEMENT: u16 = 1;

/// The family of the one table of earlier versions.
const OLDER: u8 = libc::NFPROTO_INET as u8;

/// The tables by their rules; holds no state, the kernel does.
pub(crate) struct Tables {
    name: String,
    policy: Policy,
}

impl Tables {
    /// Describes the tables; nothing is made yet.
    pub(crate) fn new(name: String, policy: Policy) -> Self {
        Self { name, policy }
    }

    /// What the rules depend on.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Puts the tables in place with exactly these elements, whatever they were before, in one transaction. With
    /// `instead_of_older`, the table of an earlier version goes in the same moment.
    pub(crate) fn replace<'a>(
        &mut self,
        socket: &mut Socket,
        elements: impl Iterator<Item = &'a Element> + Clone,
        instead_of_older: bool,
    ) -> Result<(), NetlinkError> {
        let result = self.put(socket, elements.clone(), instead_of_older);
        match &result {
            // A kernel without an expression says that it does not find it, as of all else that is missing.
            Err(error) if error.errno() == Errno::NOENT && self.policy.redelivers => {
                self.policy.redelivers = false;
                let put = self.put(socket, elements, instead_of_older);
                if put.is_ok() {
                    tracing::warn!(
                        "the kernel of this machine cannot copy packets (NFT_DUP_IPV4, NFT_DUP_IPV6): the first packet of \
                         each connection to a published port is lost"
                    );
                } else {
                    self.policy.redelivers = true;
                }
                put.map_err(|_| ()).or(result)
            }
            _ => result,
        }
    }

    fn put<'a>(
        &self,
        socket: &mut Socket,
        elements: impl Iterator<Item = &'a Element>,
        instead_of_older: bool,
    ) -> Result<(), NetlinkError> {
        let mut transaction = Transaction::new();
        let families: Vec<Family> = self.policy.families.iter().collect();
        let numbers = families.iter().map(|family| family.number());
        for family in numbers.clone().chain(instead_of_older.then_some(OLDER)) {
            self.whole(&mut transaction, libc::NFT_MSG_NEWTABLE, family);
            // The table exists now for sure, so that this cannot fail.
            self.whole(&mut transaction, libc::NFT_MSG_DELTABLE, family);
        }
        for family in families {
            self.whole(&mut transaction, libc::NFT_MSG_NEWTABLE, family.number());
            for (set, id) in Set::ALL.into_iter().zip(1..) {
                self.set(&mut transaction, family, set, id);
            }
            Ruleset {
                table: &self.name,
                family,
                policy: &self.policy,
            }
            .write(&mut transaction);
        }
        self.elements(&mut transaction, Change::Add, elements);
        transaction.commit(socket)
    }

    /// Takes elements away and adds others, all or none, at one moment.
    pub(crate) fn change(
        &self,
        socket: &mut Socket,
        remove: &[Element],
        add: &[Element],
    ) -> Result<(), NetlinkError> {
        let mut transaction = Transaction::new();
        self.elements(&mut transaction, Change::Remove, remove.iter());
        self.elements(&mut transaction, Change::Add, add.iter());
        transaction.commit(socket)
    }

    /// Deletes a family's table, if it is there.
    pub(crate) fn delete(&self, socket: &mut Socket, family: Family) -> Result<(), NetlinkError> {
        self.delete_of(socket, family.number())
    }

    /// Deletes the table of an earlier version, if it is there.
    pub(crate) fn delete_older(&self, socket: &mut Socket) -> Result<(), NetlinkError> {
        self.delete_of(socket, OLDER)
    }

    fn delete_of(&self, socket: &mut Socket, family: u8) -> Result<(), NetlinkError> {
        let mut transaction = Transaction::new();
        self.whole(&mut transaction, libc::NFT_MSG_DELTABLE, family);
        match transaction.commit(socket) {
            // A kernel without the family has no table of it.
            Err(error)
                if matches!(
                    error.errno(),
                    Errno::NOENT | Errno::AFNOSUPPORT | Errno::OPNOTSUPP
                ) =>
            {
                Ok(())
            }
            other => other,
        }
    }

    /// Whether the table of an earlier version is there.
    pub(crate) fn has_older(&self, socket: &mut Socket) -> Result<bool, NetlinkError> {
        let mut batch = Batch::new();
        push(
            &mut batch,
            "look up nf_tables table",
            libc::NFT_MSG_GETTABLE,
            0,
            OLDER,
        )
        .text(1, &self.name);
        match socket.query(&mut batch, |_, _| {}) {
            Err(error) if error.errno() == Errno::NOENT => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// The elements the kernel holds; none of a table that is not there.
    pub(crate) fn read(&self, socket: &mut Socket) -> Result<Vec<Element>, NetlinkError> {
        let mut found = Vec::new();
        for family in self.policy.families.iter() {
            for set in Set::ALL {
                if set.shape(family).keys != Keys::Passing {
                    self.read_set(socket, family, set, &mut found)?;
                }
            }
        }
        Ok(found)
    }

    fn read_set(
        &self,
        socket: &mut Socket,
        family: Family,
        set: Set,
        found: &mut Vec<Element>,
    ) -> Result<(), NetlinkError> {
        let mut batch = Batch::new();
        push(
            &mut batch,
            "list elements",
            libc::NFT_MSG_GETSETELEM,
            libc::NLM_F_DUMP,
            family.number(),
        )
        .text(1, &self.name)
        .text(2, set.name());
        let result = socket.query(&mut batch, |_, payload| {
            let list = Attributes(payload.get(4..).unwrap_or_default()).nested(3);
            found.extend(list.filter_map(|(_, element)| parse(family, set, Attributes(element))));
        });
        match result {
            Err(error) if error.errno() == Errno::NOENT => Ok(()),
            other => other,
        }
    }

    fn whole(&self, transaction: &mut Transaction, kind: i32, family: u8) {
        let (step, flags) = match kind {
            libc::NFT_MSG_NEWTABLE => ("create nf_tables table", libc::NLM_F_CREATE),
            _ => ("delete nf_tables table", 0),
        };
        transaction.push(step, kind, flags, family).text(1, &self.name);
    }

    fn set(&self, transaction: &mut Transaction, family: Family, set: Set, id: u32) {
        const DESCRIPTION: u16 = 9;
        const TIMEOUT: u16 = 11;
        const SIZE: u16 = 1;
        const PARTS: u16 = 2;
        const PART_LENGTH: u16 = 1;
        let shape = set.shape(family);
        let mut message = transaction.push(
            "create nf_tables set",
            libc::NFT_MSG_NEWSET,
            libc::NLM_F_CREATE,
            family.number(),
        );
        message
            .text(1, &self.name)
            .text(2, shape.name)
            .be32(3, shape.flags())
            .be32(4, type_of(&shape.key))
            .be32(5, length_of(&shape.key));
        if !shape.data.is_empty() {
            message
                .be32(6, type_of(&shape.data))
                .be32(7, length_of(&shape.data));
        }
        if shape.keys == Keys::Ranges {
            message.nest(DESCRIPTION, |m| {
                m.nest(PARTS, |m| {
                    for part in &shape.key {
                        m.nest(LIST_ELEMENT, |m| {
                            m.be32(PART_LENGTH, length_of_part(*part));
                        });
                    }
                });
            });
        }
        if let Some((milliseconds, at_most)) = shape.passing() {
            message
                .nest(DESCRIPTION, |m| {
                    m.be32(SIZE, at_most);
                })
                .bytes(TIMEOUT, &milliseconds.to_be_bytes());
        }
        message.be32(10, id);
    }

    fn elements<'a>(
        &self,
        transaction: &mut Transaction,
        change: Change,
        all: impl Iterator<Item = &'a Element>,
    ) {
        let (step, kind, flags) = match change {
            Change::Add => (
                "add elements",
                libc::NFT_MSG_NEWSETELEM,
                libc::NLM_F_CREATE | libc::NLM_F_EXCL,
            ),
            Change::Remove => ("remove elements", libc::NFT_MSG_DELSETELEM, 0),
        };
        let mut all: Vec<&Element> = all.collect();
        // The kernel takes intervals in their order only, each by its beginning first.
        all.sort_unstable_by(|one, other| {
            let place = |e: &Element| (e.family, e.set);
            (place(one), &one.key, !one.ends).cmp(&(place(other), &other.key, !other.ends))
        });
        for of_set in all.chunk_by(|one, other| (one.family, one.set) == (other.family, other.set)) {
            for chunk in of_set.chunks(ELEMENTS_PER_MESSAGE) {
                transaction
                    .push(step, kind, flags, chunk[0].family.number())
                    .text(1, &self.name)
                    .text(2, chunk[0].set.name())
                    .nest(3, |m| chunk.iter().for_each(|element| write(m, element)));
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Change {
    Add,
    Remove,
}

fn write(message: &mut Message<'_>, element: &Element) {
    message.nest(LIST_ELEMENT, |m| {
        let keys = [(ELEMENT_KEY, &element.key), (ELEMENT_KEY_END, &element.last)];
        for (kind, value) in keys.into_iter().chain([(ELEMENT_DATA, &element.data)]) {
            if !value.is_empty() {
                m.nest(kind, |m| {
                    m.bytes(DATA_VALUE, value);
                });
            }
        }
        if element.ends {
            m.be32(ELEMENT_FLAGS, INTERVAL_END);
        }
    });
}

/// The element, if it is one a set of this shape can have.
fn parse(family: Family, set: Set, element: Attributes<'_>) -> Option<Element> {
    let shape = set.shape(family);
    let value = |kind| element.nested(kind).find(DATA_VALUE).unwrap_or_default().to_vec();
    let (key, last, data) = (value(ELEMENT_KEY), value(ELEMENT_KEY_END), value(ELEMENT_DATA));
    let flags = element
        .find(ELEMENT_FLAGS)
        .and_then(|flags| Some(u32::from_be_bytes(flags.get(..4)?.try_into().ok()?)))
        .unwrap_or_default();
    let ends = flags & INTERVAL_END != 0;
    let length = length_of(&shape.key) as usize;
    let whole = key.len() == length
        && last.len() == if shape.keys == Keys::Ranges { length } else { 0 }
        && (ends || data.len() == length_of(&shape.data) as usize);
    whole.then_some(Element {
        family,
        set,
        key,
        last,
        data,
        ends,
    })
}
