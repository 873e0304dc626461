//! The wire form of netlink: messages of attributes, packed one after the other so that one system call carries
//! them all.

/// Length of `struct nlmsghdr`.
pub(crate) const HEADER: usize = 16;
const NESTED: u16 = libc::NLA_F_NESTED as u16;
const TYPE_MASK: u16 = !(libc::NLA_F_NESTED as u16 | libc::NLA_F_NET_BYTEORDER as u16);

/// Messages to be sent together, each with the name of the step it performs, for errors.
#[derive(Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    starts: Vec<usize>,
    steps: Vec<&'static str>,
}

impl Batch {
    /// An empty batch with room for a handful of requests.
    pub(crate) fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(1024),
            ..Self::default()
        }
    }

    /// Begins a message of type `kind`; it is complete when the returned writer is dropped.
    ///
    /// No acknowledgement need be asked for: the socket asks for one, for the batch's last message.
    pub(crate) fn push(&mut self, step: &'static str, kind: u16, flags: i32) -> Message<'_> {
        let start = self.bytes.len();
        self.starts.push(start);
        self.steps.push(step);
        self.bytes.extend_from_slice(&[0; HEADER]);
        self.bytes[start + 4..start + 6].copy_from_slice(&kind.to_ne_bytes());
        let flags = flags as u16 | libc::NLM_F_REQUEST as u16;
        self.bytes[start + 6..start + 8].copy_from_slice(&flags.to_ne_bytes());
        Message {
            bytes: &mut self.bytes,
            start,
        }
    }

    /// Number of messages.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// What message number `index` was to do.
    pub(crate) fn step(&self, index: usize) -> &'static str {
        self.steps.get(index).copied().unwrap_or("netlink request")
    }

    /// Numbers the messages from `first` and asks for the acknowledgement of message `acknowledged`.
    pub(crate) fn seal(&mut self, first: u32, acknowledged: usize) -> &[u8] {
        for (index, &start) in self.starts.iter().enumerate() {
            let sequence = first.wrapping_add(index as u32);
            self.bytes[start + 8..start + 12].copy_from_slice(&sequence.to_ne_bytes());
            if index == acknowledged {
                // The flags are little enough that the bit's own byte can be set in place.
                let flags = u16::from_ne_bytes([self.bytes[start + 6], self.bytes[start + 7]]);
                let flags = flags | libc::NLM_F_ACK as u16;
                self.bytes[start + 6..start + 8].copy_from_slice(&flags.to_ne_bytes());
            }
        }
        &self.bytes
    }
}

/// One message under construction.
pub(crate) struct Message<'a> {
    bytes: &'a mut Vec<u8>,
    start: usize,
}

impl Message<'_> {
    /// The family's fixed header, whose length must be a multiple of four.
    pub(crate) fn header(&mut self, header: &[u8]) -> &mut Self {
        debug_assert_eq!(header.len() % 4, 0);
        self.bytes.extend_from_slice(header);
        self
    }

    /// An attribute of raw bytes.
    pub(crate) fn bytes(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        self.bytes
            .extend_from_slice(&((value.len() + 4) as u16).to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    /// An attribute in the machine's byte order (rtnetlink).
    pub(crate) fn u32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// An attribute in network byte order (nf_tables).
    pub(crate) fn be32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    /// A text attribute, ended by a zero byte.
    pub(crate) fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        self.bytes
            .extend_from_slice(&((value.len() + 5) as u16).to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value.as_bytes());
        self.bytes.push(0);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    /// An attribute of attributes that are written already.
    pub(crate) fn nested_bytes(&mut self, kind: u16, attributes: &[u8]) -> &mut Self {
        self.bytes(kind | NESTED, attributes)
    }

    /// An attribute that holds what `fill` writes.
    pub(crate) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes[at + 2..at + 4].copy_from_slice(&(kind | NESTED).to_ne_bytes());
        fill(self);
        let length = (self.bytes.len() - at) as u16;
        self.bytes[at..at + 2].copy_from_slice(&length.to_ne_bytes());
        self
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        let length = (self.bytes.len() - self.start) as u32;
        self.bytes[self.start..self.start + 4].copy_from_slice(&length.to_ne_bytes());
    }
}

/// Walks the attributes of a received message; ends at the first malformed one.
#[derive(Clone, Copy)]
pub(crate) struct Attributes<'a>(pub(crate) &'a [u8]);

impl<'a> Attributes<'a> {
    /// The first attribute of type `kind`.
    pub(crate) fn find(mut self, kind: u16) -> Option<&'a [u8]> {
        self.find_map(|(found, value)| (found == kind).then_some(value))
    }

    /// A 32-bit attribute in the machine's byte order.
    pub(crate) fn find_u32(self, kind: u16) -> Option<u32> {
        self.find(kind)
            .and_then(|value| Some(u32::from_ne_bytes(value.get(..4)?.try_into().ok()?)))
    }

    /// A 32-bit attribute in network byte order.
    pub(crate) fn find_be32(self, kind: u16) -> Option<u32> {
        self.find(kind)
            .and_then(|value| Some(u32::from_be_bytes(value.get(..4)?.try_into().ok()?)))
    }

    /// A text attribute without its zero byte.
    pub(crate) fn find_text(self, kind: u16) -> Option<&'a str> {
        let value = self.find(kind)?;
        std::str::from_utf8(value.strip_suffix(&[0]).unwrap_or(value)).ok()
    }

    /// The attributes inside an attribute.
    pub(crate) fn nested(self, kind: u16) -> Attributes<'a> {
        Attributes(self.find(kind).unwrap_or_default())
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16::from_ne_bytes([*self.0.first()?, *self.0.get(1)?]));
        let kind = u16::from_ne_bytes([*self.0.get(2)?, *self.0.get(3)?]) & TYPE_MASK;
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_nested_and_found_again() {
        let mut batch = Batch::new();
        batch
            .push("a", 16, libc::NLM_F_CREATE)
            .header(&[0; 16])
            .text(3, "lo")
            .nest(18, |m| {
                m.u32(1, 7).bytes(2, &[1, 2, 3]);
            });
        batch.push("b", 17, 0).header(&[0; 16]);
        let bytes = batch.seal(40, 1).to_vec();
        assert_eq!(bytes.len() % 4, 0);

        let length = u32::from_ne_bytes(bytes[..4].try_into().unwrap()) as usize;
        let attributes = Attributes(&bytes[HEADER + 16..length]);
        assert_eq!(attributes.find_text(3), Some("lo"));
        assert_eq!(attributes.nested(18).find_u32(1), Some(7));
        assert_eq!(attributes.nested(18).find(2), Some(&[1u8, 2, 3][..]));
        assert_eq!(attributes.find(99), None);

        let flags = |at: usize| i32::from(u16::from_ne_bytes([bytes[at + 6], bytes[at + 7]]));
        assert_eq!(flags(0), libc::NLM_F_REQUEST | libc::NLM_F_CREATE);
        assert_eq!(flags(length), libc::NLM_F_REQUEST | libc::NLM_F_ACK);
        assert_eq!(bytes[length + 8], 41);
        assert_eq!(batch.step(1), "b");
    }

    #[test]
    fn malformed_attributes_end_the_walk() {
        for bytes in [&[][..], &[1], &[0, 0, 0, 0], &[3, 0, 1, 0], &[200, 0, 1, 0, 1]] {
            assert_eq!(Attributes(bytes).count(), 0, "{bytes:?}");
        }
    }
}
