//! The one table of a daemon: made anew in one transaction, then changed by elements of its sets and maps only. No rule is
//! about a single network or port, so that a packet's way is as short beside a thousand of them as beside one.
//!
//! ```text
//! table inet NAME {
//!   sets and maps     see `Set`
//!   chain guard       prerouting  raw       drop daddr or saddr 127/8 unless from lo
//!   chain prerouting  prerouting  dstnat    fib daddr type local → by_address, by_port
//!   chain output      output      dstnat    the same, for this machine's own connections
//!   chain forward     forward     filter    bridge → anywhere, published and known connections → bridge
//!   chain postrouting postrouting srcnat    source, masquerade subnets → outside; hairpin; loopback → bridge
//! }
//! ```

use super::batch::{Transaction, push};
use super::element::Element;
use super::ruleset::Ruleset;
use super::set::{FirewallFamilies, Set, length_of, type_of};
use crate::netlink::{Attributes, Batch, Message, NetlinkError, Socket};
use rustix::io::Errno;

/// Elements in one message: their list's length is a 16-bit number of bytes.
const ELEMENTS_PER_MESSAGE: usize = 512;

const ELEMENT_KEY: u16 = 1;
const ELEMENT_DATA: u16 = 2;
const ELEMENT_FLAGS: u16 = 3;
const DATA_VALUE: u16 = 1;
const INTERVAL_END: u32 = 1;

/// The table by its rules; holds no state, the kernel does.
pub(crate) struct Table {
    name: String,
    families: FirewallFamilies,
}

impl Table {
    /// Describes the table; nothing is made yet.
    pub(crate) fn new(name: String, families: FirewallFamilies) -> Self {
        Self { name, families }
    }

    /// Puts the table in place with exactly these elements, whatever it was before, in one transaction.
    pub(crate) fn replace<'a>(
        &self,
        socket: &mut Socket,
        elements: impl Iterator<Item = &'a Element>,
    ) -> Result<(), NetlinkError> {
        let mut transaction = Transaction::new();
        self.whole(&mut transaction, "create nf_tables table", libc::NFT_MSG_NEWTABLE);
        // The table exists now for sure, so that this cannot fail.
        self.whole(
            &mut transaction,
            "replace nf_tables table",
            libc::NFT_MSG_DELTABLE,
        );
        self.whole(&mut transaction, "create nf_tables table", libc::NFT_MSG_NEWTABLE);
        for (set, id) in Set::ALL.into_iter().zip(1..) {
            self.set(&mut transaction, set, id);
        }
        Ruleset {
            table: &self.name,
            families: self.families,
            loopback6: crate::host::answers_reach_loopback6(),
        }
        .write(&mut transaction);
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

    /// Deletes the table, if it is there.
    pub(crate) fn delete(&self, socket: &mut Socket) -> Result<(), NetlinkError> {
        let mut transaction = Transaction::new();
        self.whole(&mut transaction, "delete nf_tables table", libc::NFT_MSG_DELTABLE);
        match transaction.commit(socket) {
            Err(error) if error.errno() == Errno::NOENT => Ok(()),
            other => other,
        }
    }

    /// The elements the kernel holds; none when there is no such table.
    pub(crate) fn read(&self, socket: &mut Socket) -> Result<Vec<Element>, NetlinkError> {
        let mut found = Vec::new();
        for set in Set::ALL {
            let mut batch = Batch::new();
            push(
                &mut batch,
                "list elements",
                libc::NFT_MSG_GETSETELEM,
                libc::NLM_F_DUMP,
            )
            .text(1, &self.name)
            .text(2, set.name());
            let result = socket.query(&mut batch, |_, payload| {
                let list = Attributes(payload.get(4..).unwrap_or_default()).nested(3);
                found.extend(list.filter_map(|(_, element)| parse(set, Attributes(element))));
            });
            match result {
                Err(error) if error.errno() == Errno::NOENT => {}
                other => other?,
            }
        }
        Ok(found)
    }

    fn whole(&self, transaction: &mut Transaction, step: &'static str, kind: i32) {
        let flags = if kind == libc::NFT_MSG_NEWTABLE {
            libc::NLM_F_CREATE
        } else {
            0
        };
        transaction.push(step, kind, flags).text(1, &self.name);
    }

    fn set(&self, transaction: &mut Transaction, set: Set, id: u32) {
        const IS_INTERVAL: u32 = 0x4;
        const IS_MAP: u32 = 0x8;
        let shape = set.shape();
        let mut flags = 0;
        if shape.interval {
            flags |= IS_INTERVAL;
        }
        if !shape.data.is_empty() {
            flags |= IS_MAP;
        }
        let mut message = transaction.push("create nf_tables set", libc::NFT_MSG_NEWSET, libc::NLM_F_CREATE);
        message
            .text(1, &self.name)
            .text(2, shape.name)
            .be32(3, flags)
            .be32(4, type_of(shape.key))
            .be32(5, length_of(shape.key));
        if !shape.data.is_empty() {
            message
                .be32(6, type_of(shape.data))
                .be32(7, length_of(shape.data));
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
            (one.set, &one.key, !one.ends).cmp(&(other.set, &other.key, !other.ends))
        });
        for of_set in all.chunk_by(|one, other| one.set == other.set) {
            for chunk in of_set.chunks(ELEMENTS_PER_MESSAGE) {
                transaction
                    .push(step, kind, flags)
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
    const LIST_ELEMENT: u16 = 1;
    message.nest(LIST_ELEMENT, |m| {
        m.nest(ELEMENT_KEY, |m| {
            m.bytes(DATA_VALUE, &element.key);
        });
        if !element.data.is_empty() {
            m.nest(ELEMENT_DATA, |m| {
                m.bytes(DATA_VALUE, &element.data);
            });
        }
        if element.ends {
            m.be32(ELEMENT_FLAGS, INTERVAL_END);
        }
    });
}

/// The element, if it is one a set of this shape can have.
fn parse(set: Set, element: Attributes<'_>) -> Option<Element> {
    let shape = set.shape();
    let key = element.nested(ELEMENT_KEY).find(DATA_VALUE)?.to_vec();
    let data = element
        .nested(ELEMENT_DATA)
        .find(DATA_VALUE)
        .unwrap_or_default()
        .to_vec();
    let flags = element
        .find(ELEMENT_FLAGS)
        .and_then(|flags| Some(u32::from_be_bytes(flags.get(..4)?.try_into().ok()?)))
        .unwrap_or_default();
    let ends = flags & INTERVAL_END != 0;
    let whole =
        key.len() == length_of(shape.key) as usize && (ends || data.len() == length_of(shape.data) as usize);
    whole.then_some(Element { set, key, data, ends })
}
