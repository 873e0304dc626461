//! Cutting a stream of bytes into the entries of a log: lines, and pieces of lines that are too long.

/// Docker keeps at most this much of a line, in bytes, before it writes it as an entry without newline.
const MAX_LINE: usize = 16 << 10;

/// What of a line has come so far.
#[derive(Debug, Default)]
pub struct Splitter {
    partial: Vec<u8>,
}

impl Splitter {
    /// Takes bytes in and gives entries out: their text without newline, and whether one followed.
    pub fn push(&mut self, mut bytes: &[u8], mut entry: impl FnMut(&[u8], bool)) {
        while !bytes.is_empty() {
            let room = MAX_LINE - self.partial.len();
            let window = &bytes[..bytes.len().min(room)];
            let (piece, newline, used) = match window.iter().position(|byte| *byte == b'\n') {
                Some(end) => (&window[..end], true, end + 1),
                // A full buffer is written; the newline may well be the next byte.
                None if window.len() == room => (window, false, room),
                None => {
                    self.partial.extend_from_slice(window);
                    return;
                }
            };
            if self.partial.is_empty() {
                entry(piece, newline);
            } else {
                self.partial.extend_from_slice(piece);
                entry(&self.partial, newline);
                self.partial = Vec::new();
            }
            bytes = &bytes[used..];
        }
    }

    /// The stream has ended: what is left is the last entry.
    pub fn finish(&mut self, mut entry: impl FnMut(&[u8], bool)) {
        if !self.partial.is_empty() {
            entry(&self.partial, false);
            self.partial = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> Vec<(usize, bool)> {
        let (mut splitter, mut entries) = (Splitter::default(), Vec::new());
        for piece in pieces {
            splitter.push(piece, |text, newline| entries.push((text.len(), newline)));
        }
        splitter.finish(|text, newline| entries.push((text.len(), newline)));
        entries
    }

    #[test]
    fn lines_and_rests() {
        assert_eq!(
            split(&[b"one\ntwo", b"2\n\nrest"]),
            [(3, true), (4, true), (0, true), (4, false)]
        );
    }

    #[test]
    fn long_lines_are_cut_where_docker_cuts() {
        let long = vec![b'x'; MAX_LINE];
        assert_eq!(split(&[&long, b"\n"]), [(MAX_LINE, false), (0, true)]);
        assert_eq!(split(&[&long[1..], b"\n"]), [(MAX_LINE - 1, true)]);
        assert_eq!(
            split(&[&long, &long, b"yz\n"]),
            [(MAX_LINE, false), (MAX_LINE, false), (2, true)]
        );
        assert_eq!(split(&[b"ab", &long]), [(MAX_LINE, false), (2, false)]);
    }
}
