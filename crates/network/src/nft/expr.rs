//! The expressions our rules are made of, in the order the kernel runs them.
//!
//! Registers are the kernel's 32-bit ones. A rule that joins several values into one key loads them into
//! neighbouring registers, each value padded to four bytes.

use super::family::Family;
use crate::netlink::Message;

// Attributes that every list element and expression is wrapped in (linux/netfilter/nf_tables.h).
const LIST_ELEMENT: u16 = 1;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
const DATA_VALUE: u16 = 1;
const DATA_VERDICT: u16 = 2;
const VERDICT_CODE: u16 = 1;
const VERDICT_CHAIN: u16 = 2;
const FIRST_REGISTER: u32 = 8; // NFT_REG32_00
const VERDICT_REGISTER: u32 = 0;

/// Number of a 32-bit register, from zero.
#[derive(Clone, Copy)]
pub(super) struct Register(pub(super) u32);

impl Register {
    fn number(self) -> u32 {
        FIRST_REGISTER + self.0
    }
}

/// What is known of a packet besides its bytes (`NFT_META_*`).
#[derive(Clone, Copy)]
pub(super) enum Meta {
    /// Its mark, 32 bits.
    Mark = 3,
    /// Number of the interface it came in by.
    Input = 4,
    /// Name of the interface it came in by.
    InputName = 6,
    /// Name of the interface it leaves by.
    OutputName = 7,
    /// Transport protocol number.
    Transport = 16,
}

/// Which header a payload load counts from (`NFT_PAYLOAD_*_HEADER`).
#[derive(Clone, Copy)]
pub(super) enum Header {
    /// The IP header.
    Network = 1,
    /// The TCP or UDP header.
    Transport = 2,
}

/// What connection tracking knows (`NFT_CT_*`).
#[derive(Clone, Copy)]
pub(super) enum Tracked {
    /// Bits of the packet's state in its connection.
    State = 0,
    /// Bits of the connection's status.
    Status = 2,
}

/// The packet belongs to a known connection, or to one that such a connection announced.
pub(super) const ESTABLISHED_OR_RELATED: u32 = 0x2 | 0x4;
/// The packet is a connection's first, or somebody wants it not to be tracked.
pub(super) const NEW_OR_UNTRACKED: u32 = 0x8 | 0x40;
/// The connection's destination is translated.
pub(super) const DESTINATION_TRANSLATED: u32 = 1 << 5;

/// A rule's end.
#[derive(Clone, Copy)]
pub(super) enum Verdict {
    /// Discard the packet.
    Drop = 0,
    /// Leave this chain; other tables still have their say.
    Accept = 1,
}

/// Which of a packet's addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The sender's.
    Source,
    /// The receiver's.
    Destination,
}

impl End {
    /// Where in the IP header its address is, in bytes.
    pub(super) fn address(self, family: Family) -> u32 {
        match self {
            Self::Source => family.source(),
            Self::Destination => family.destination(),
        }
    }

    /// Where in the TCP or UDP header its port is, in bytes.
    pub(super) fn port(self) -> u32 {
        match self {
            Self::Source => 0,
            Self::Destination => 2,
        }
    }
}

/// Writes a rule's expressions.
pub(super) struct Rule<'a, 'b>(pub(super) &'a mut Message<'b>);

impl Rule<'_, '_> {
    /// Loads a meta value.
    pub(super) fn meta(&mut self, key: Meta, to: Register) -> &mut Self {
        self.expression("meta", |m| {
            m.be32(1, to.number()).be32(2, key as u32);
        })
    }

    /// Loads bytes of a header.
    pub(super) fn payload(&mut self, from: Header, offset: u32, length: u32, to: Register) -> &mut Self {
        self.expression("payload", |m| {
            m.be32(1, to.number())
                .be32(2, from as u32)
                .be32(3, offset)
                .be32(4, length);
        })
    }

    /// Loads a value of the packet's connection.
    pub(super) fn tracked(&mut self, key: Tracked, to: Register) -> &mut Self {
        self.expression("ct", |m| {
            m.be32(1, to.number()).be32(2, key as u32);
        })
    }

    /// Loads the type of an address (`RTN_*`) by a routing lookup.
    pub(super) fn type_of(&mut self, end: End, to: Register) -> &mut Self {
        const RESULT_ADDRESS_TYPE: u32 = 3;
        const BY_SOURCE: u32 = 1;
        const BY_DESTINATION: u32 = 1 << 1;
        let by = match end {
            End::Source => BY_SOURCE,
            End::Destination => BY_DESTINATION,
        };
        self.expression("fib", |m| {
            m.be32(1, to.number()).be32(2, RESULT_ADDRESS_TYPE).be32(3, by);
        })
    }

    /// Keeps only the bits of `mask`, from the register on.
    pub(super) fn and(&mut self, register: Register, mask: &[u8]) -> &mut Self {
        self.bits(register, mask, &vec![0; mask.len()])
    }

    /// Keeps only the bits of `mask`, then inverts those of `invert`.
    pub(super) fn bits(&mut self, register: Register, mask: &[u8], invert: &[u8]) -> &mut Self {
        self.expression("bitwise", |m| {
            m.be32(1, register.number())
                .be32(2, register.number())
                .be32(3, mask.len() as u32)
                .nest(4, |m| {
                    m.bytes(DATA_VALUE, mask);
                })
                .nest(5, |m| {
                    m.bytes(DATA_VALUE, invert);
                });
        })
    }

    /// Loads a value.
    pub(super) fn load(&mut self, to: Register, value: &[u8]) -> &mut Self {
        self.expression("immediate", |m| {
            m.be32(1, to.number()).nest(2, |m| {
                m.bytes(DATA_VALUE, value);
            });
        })
    }

    /// Goes on only if the value equals.
    pub(super) fn equal(&mut self, register: Register, value: &[u8]) -> &mut Self {
        self.compare(register, 0, value)
    }

    /// Goes on only if the value differs.
    pub(super) fn differ(&mut self, register: Register, value: &[u8]) -> &mut Self {
        self.compare(register, 1, value)
    }

    /// Goes on only if the map knows the key, and loads what it maps to.
    pub(super) fn lookup(&mut self, map: &str, key: Register, to: Register) -> &mut Self {
        self.expression("lookup", |m| {
            m.text(1, map).be32(2, key.number()).be32(3, to.number());
        })
    }

    /// Goes on only if the set has the key.
    pub(super) fn within(&mut self, set: &str, key: Register) -> &mut Self {
        self.expression("lookup", |m| {
            m.text(1, set).be32(2, key.number());
        })
    }

    /// Goes on only if the set does not have the key.
    pub(super) fn without(&mut self, set: &str, key: Register) -> &mut Self {
        const INVERTED: u32 = 1;
        self.expression("lookup", |m| {
            m.text(1, set).be32(2, key.number()).be32(5, INVERTED);
        })
    }

    /// Sends the connection to the address and port in these registers instead.
    pub(super) fn destination(&mut self, family: Family, address: Register, port: Register) -> &mut Self {
        const DESTINATION: u32 = 1;
        self.expression("nat", |m| {
            m.be32(1, DESTINATION)
                .be32(2, family.number().into())
                .be32(3, address.number())
                .be32(5, port.number());
        })
    }

    /// Gives the connection the source address in this register.
    pub(super) fn source(&mut self, family: Family, address: Register) -> &mut Self {
        const SOURCE: u32 = 0;
        self.expression("nat", |m| {
            m.be32(1, SOURCE)
                .be32(2, family.number().into())
                .be32(3, address.number());
        })
    }

    /// Gives the connection the address of the interface it leaves by.
    pub(super) fn masquerade(&mut self) -> &mut Self {
        self.expression("masq", |_| {})
    }

    /// Writes the register into an address of the IP header, and mends the checksums.
    pub(super) fn rewrite(&mut self, family: Family, end: End, from: Register) -> &mut Self {
        const SUM_OF_HEADER: u32 = 10;
        const PSEUDO_HEADER: u32 = 1;
        let sum = u32::from(family == Family::V4); // IPv6 has none in its header
        let offset = end.address(family);
        self.expression("payload", |m| {
            m.be32(2, Header::Network as u32)
                .be32(3, offset)
                .be32(4, family.length())
                .be32(5, from.number())
                .be32(6, sum)
                .be32(7, SUM_OF_HEADER * sum)
                .be32(8, PSEUDO_HEADER);
        })
    }

    /// Writes the register into a port of the transport header, whose checksum is that many bytes into it, and mends the checksum.
    pub(super) fn rewrite_port(&mut self, end: End, checksum: u32, from: Register) -> &mut Self {
        const SUM: u32 = 1;
        self.expression("payload", |m| {
            m.be32(2, Header::Transport as u32)
                .be32(3, end.port())
                .be32(4, 2)
                .be32(5, from.number())
                .be32(6, SUM)
                .be32(7, checksum);
        })
    }

    /// Has the packet not tracked.
    pub(super) fn untracked(&mut self) -> &mut Self {
        self.expression("notrack", |_| {})
    }

    /// Gives the packet this mark.
    pub(super) fn set_mark(&mut self, from: Register) -> &mut Self {
        self.expression("meta", |m| {
            m.be32(2, Meta::Mark as u32).be32(3, from.number());
        })
    }

    /// Has the packet tracked in the zone of this number (16 bits), whatever was decided about tracking it.
    pub(super) fn set_zone(&mut self, from: Register) -> &mut Self {
        const ZONE: u32 = 17;
        self.expression("ct", |m| {
            m.be32(2, ZONE).be32(4, from.number());
        })
    }

    /// Adds the key to a set, if there is room.
    pub(super) fn note(&mut self, set: &str, key: Register) -> &mut Self {
        const ADD: u32 = 0;
        self.expression("dynset", |m| {
            m.text(1, set).be32(3, ADD).be32(4, key.number());
        })
    }

    /// Sends a copy of the packet, untracked, to the address by the interface of this number.
    pub(super) fn copy(&mut self, address: Register, interface: Register) -> &mut Self {
        self.expression("dup", |m| {
            m.be32(1, address.number()).be32(2, interface.number());
        })
    }

    /// Counts packets and bytes.
    pub(super) fn counter(&mut self) -> &mut Self {
        self.expression("counter", |_| {})
    }

    /// Goes on in another chain, and does not come back.
    pub(super) fn goto(&mut self, chain: &str) -> &mut Self {
        const GOTO: i32 = -4;
        self.end(GOTO as u32, Some(chain))
    }

    /// Ends the rule.
    pub(super) fn verdict(&mut self, verdict: Verdict) -> &mut Self {
        self.end(verdict as u32, None)
    }

    fn end(&mut self, code: u32, chain: Option<&str>) -> &mut Self {
        self.expression("immediate", |m| {
            m.be32(1, VERDICT_REGISTER).nest(2, |m| {
                m.nest(DATA_VERDICT, |m| {
                    m.be32(VERDICT_CODE, code);
                    if let Some(chain) = chain {
                        m.text(VERDICT_CHAIN, chain);
                    }
                });
            });
        })
    }

    fn compare(&mut self, register: Register, operation: u32, value: &[u8]) -> &mut Self {
        self.expression("cmp", |m| {
            m.be32(1, register.number()).be32(2, operation).nest(3, |m| {
                m.bytes(DATA_VALUE, value);
            });
        })
    }

    fn expression(&mut self, name: &str, fill: impl FnOnce(&mut Message<'_>)) -> &mut Self {
        self.0.nest(LIST_ELEMENT, |m| {
            m.text(EXPRESSION_NAME, name).nest(EXPRESSION_DATA, fill);
        });
        self
    }
}
