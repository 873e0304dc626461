//! Lines on their way to a client: many in one piece of memory.

use bytes::Bytes;
use corten_sandbox::StreamKind;

/// So many bytes are sent at a time.
const FULL: usize = 64 << 10;

/// Lines collected.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    text: Vec<u8>,
    /// Stream of each line, and where it ends.
    lines: Vec<(StreamKind, usize)>,
}

impl Batch {
    /// Adds a line, which `write` appends.
    pub(super) fn add(&mut self, kind: StreamKind, write: impl FnOnce(&mut Vec<u8>)) {
        if self.text.capacity() == 0 {
            self.text.reserve(FULL + (FULL >> 1));
        }
        write(&mut self.text);
        self.lines.push((kind, self.text.len()));
    }

    /// Whether it is time to send it.
    pub(crate) fn is_full(&self) -> bool {
        self.text.len() >= FULL
    }

    /// Whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines, which are then gone from here.
    pub(crate) fn take(&mut self) -> Vec<(StreamKind, Bytes)> {
        let text = Bytes::from(std::mem::take(&mut self.text));
        let mut start = 0;
        self.lines
            .drain(..)
            .map(|(kind, end)| {
                let line = text.slice(start..end);
                start = end;
                (kind, line)
            })
            .collect()
    }
}
