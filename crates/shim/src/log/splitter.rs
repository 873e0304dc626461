//! Cutting a stream of bytes into the entries of a log: lines, and pieces of lines that are too long.

use crate::sys::find_byte;

/// Docker keeps at most this much of a line, in bytes, before it writes it as an entry without newline.
const MAX_LINE: usize = 16 << 10;

/// What of a line has come so far.
#[derive(Debug, Default)]
pub struct Splitter {
    partial: Vec<u8>,
    /// When the first piece of the line was written: all its pieces bear that time, in nanoseconds since the Unix epoch.
    first_at_ns: Option<i64>,
}

/// One entry: its text without newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The text.
    pub text: &'a [u8],
    /// Whether a newline followed.
    pub newline: bool,
    /// Its time, in nanoseconds since the Unix epoch.
    pub at_ns: i64,
}

impl Splitter {
    /// Takes in bytes that came at `now_ns` and gives entries out.
    pub fn push(&mut self, mut bytes: &[u8], now_ns: i64, mut entry: impl FnMut(Entry<'_>)) {
        while !bytes.is_empty() {
            let room = MAX_LINE - self.partial.len();
            let window = &bytes[..bytes.len().min(room)];
            let (piece, newline, used) = match find_byte(b'\n', window) {
                Some(end) => (&window[..end], true, end + 1),
                // A full buffer is written; the newline may well be the next byte.
                None if window.len() == room => (window, false, room),
                None => {
                    self.partial.extend_from_slice(window);
                    return;
                }
            };
            let at_ns = if newline {
                self.first_at_ns.take().unwrap_or(now_ns)
            } else {
                *self.first_at_ns.get_or_insert(now_ns)
            };
            if self.partial.is_empty() {
                entry(Entry {
                    text: piece,
                    newline,
                    at_ns,
                });
            } else {
                self.partial.extend_from_slice(piece);
                entry(Entry {
                    text: &self.partial,
                    newline,
                    at_ns,
                });
                self.partial = Vec::new();
            }
            bytes = &bytes[used..];
        }
    }

    /// The stream has ended at `now_ns`: what is left is the last entry.
    pub fn finish(&mut self, now_ns: i64, mut entry: impl FnMut(Entry<'_>)) {
        let at_ns = self.first_at_ns.take().unwrap_or(now_ns);
        if !self.partial.is_empty() {
            entry(Entry {
                text: &self.partial,
                newline: false,
                at_ns,
            });
            self.partial = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> Vec<(usize, bool, i64)> {
        let (mut splitter, mut entries) = (Splitter::default(), Vec::new());
        let mut note = |entry: Entry<'_>| entries.push((entry.text.len(), entry.newline, entry.at_ns));
        for (now_ns, piece) in (0..).zip(pieces) {
            splitter.push(piece, now_ns, &mut note);
        }
        splitter.finish(99, &mut note);
        entries
    }

    #[test]
    fn lines_and_rests() {
        assert_eq!(
            split(&[b"one\ntwo", b"2\n\nrest"]),
            [(3, true, 0), (4, true, 1), (0, true, 1), (4, false, 99)]
        );
    }

    #[test]
    fn long_lines_are_cut_where_docker_cuts() {
        let long = vec![b'x'; MAX_LINE];
        assert_eq!(split(&[&long, b"\n"]), [(MAX_LINE, false, 0), (0, true, 0)]);
        assert_eq!(split(&[&long[1..], b"\n"]), [(MAX_LINE - 1, true, 1)]);
        assert_eq!(
            split(&[&long, &long, b"yz\nnext\n"]),
            [
                (MAX_LINE, false, 0),
                (MAX_LINE, false, 0),
                (2, true, 0),
                (4, true, 2)
            ]
        );
        assert_eq!(split(&[b"ab", &long]), [(MAX_LINE, false, 1), (2, false, 1)]);
    }
}
