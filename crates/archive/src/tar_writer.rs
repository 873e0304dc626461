//! Writes tar streams: ustar headers, with PAX records in front of those members that need them, as Go's archive/tar does.

use std::io::{self, Write};

use crate::tar_reader::BLOCK;
use crate::{Error, Member, MemberKind, Result, Segment};

/// Longest name in the plain header.
const MAX_NAME: usize = 100;
/// Largest numbers of the header's 8 and 12 byte fields.
const MAX_ID: u64 = 0o7_777_777;
const MAX_SIZE: u64 = 0o77_777_777_777;

/// A tar stream being written.
pub struct TarWriter<W> {
    inner: W,
    /// Bytes of the current member still to come.
    remaining: u64,
    /// Zero bytes after them.
    padding: usize,
}

impl<W: Write> TarWriter<W> {
    /// Nothing written yet.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            remaining: 0,
            padding: 0,
        }
    }

    /// Begins a member; `size` bytes of data must follow by [`TarWriter::data`] if it is a file, or those of its segments if it
    /// is sparse. Times are written to the second.
    ///
    /// # Errors
    /// When writing fails.
    pub fn begin(&mut self, member: &Member) -> Result<()> {
        self.end()?;
        let mut records = Vec::new();
        let is_plain = |name: &[u8]| name.len() <= MAX_NAME && name.is_ascii();
        if !is_plain(&member.path) {
            record(&mut records, b"path", &member.path);
        }
        if !is_plain(&member.link) {
            record(&mut records, b"linkpath", &member.link);
        }
        let size = match &member.segments {
            _ if member.kind != MemberKind::File => 0,
            None => member.size,
            Some(segments) => {
                sparse_records(&mut records, member.size, segments);
                segments.iter().map(|segment| segment.length).sum()
            }
        };
        if size > MAX_SIZE {
            record(&mut records, b"size", size.to_string().as_bytes());
        }
        let (uid, gid) = (u64::from(member.uid), u64::from(member.gid));
        if uid > MAX_ID {
            record(&mut records, b"uid", uid.to_string().as_bytes());
        }
        if gid > MAX_ID {
            record(&mut records, b"gid", gid.to_string().as_bytes());
        }
        let seconds = u64::try_from(member.mtime.0)
            .ok()
            .filter(|time| *time <= MAX_SIZE);
        if seconds.is_none() {
            record(&mut records, b"mtime", member.mtime.0.to_string().as_bytes());
        }
        for (name, value) in &member.xattrs {
            record(&mut records, &[b"SCHILY.xattr.", name.as_slice()].concat(), value);
        }
        if !records.is_empty() {
            self.extended(&member.path, &records)?;
        }
        let block = Block::new(&member.path, kind_byte(member.kind))
            .link(&member.link)
            .number(100, 8, u64::from(member.mode & 0o7777))
            .number(108, 8, if uid > MAX_ID { 0 } else { uid })
            .number(116, 8, if gid > MAX_ID { 0 } else { gid })
            .number(124, 12, if size > MAX_SIZE { 0 } else { size })
            .number(136, 12, seconds.unwrap_or(0))
            .number(329, 8, u64::from(member.device.0))
            .number(337, 8, u64::from(member.device.1))
            .sealed();
        self.write(&block)?;
        self.start_data(size);
        Ok(())
    }

    /// Writes data of the current member.
    ///
    /// # Errors
    /// When writing fails, or there is more than was announced.
    pub fn data(&mut self, bytes: &[u8]) -> Result<()> {
        self.remaining = self
            .remaining
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| Error::Write(io::Error::other("more data than announced")))?;
        self.write(bytes)
    }

    /// Ends the archive and hands back what it was written to, flushed.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(mut self) -> Result<W> {
        self.end()?;
        self.write(&[0; 2 * BLOCK])?;
        self.inner.flush().map_err(Error::Write)?;
        Ok(self.inner)
    }

    /// Fills up the current member: with zeros also for what is missing of its data, as a file may shrink while it is read.
    fn end(&mut self) -> Result<()> {
        let zeros = [0; 16 * BLOCK];
        while self.remaining > 0 {
            let count = usize::try_from(self.remaining)
                .unwrap_or(usize::MAX)
                .min(zeros.len());
            self.data(&zeros[..count])?;
        }
        let padding = std::mem::take(&mut self.padding);
        self.write(&zeros[..padding])
    }

    fn extended(&mut self, path: &[u8], records: &[u8]) -> Result<()> {
        let slash = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        let mut name = path[..slash].to_vec();
        name.extend_from_slice(b"PaxHeaders.0/");
        name.extend_from_slice(&path[slash..]);
        name.retain(u8::is_ascii);
        name.truncate(MAX_NAME);
        let size = records.len() as u64;
        let block = Block::new(&name, b'x').number(124, 12, size).sealed();
        self.write(&block)?;
        self.start_data(size);
        self.data(records)?;
        self.end()
    }

    fn start_data(&mut self, size: u64) {
        self.remaining = size;
        self.padding = (BLOCK - (size % BLOCK as u64) as usize) % BLOCK;
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.inner.write_all(bytes).map_err(Error::Write)
    }
}

/// GNU's sparse format 0.1, which GNU tar and Python read.
fn sparse_records(records: &mut Vec<u8>, size: u64, segments: &[Segment]) {
    let numbers = segments
        .iter()
        .flat_map(|segment| [segment.offset, segment.length])
        .map(|number| number.to_string());
    let map = numbers.collect::<Vec<_>>().join(",");
    record(records, b"GNU.sparse.size", size.to_string().as_bytes());
    record(
        records,
        b"GNU.sparse.numblocks",
        segments.len().to_string().as_bytes(),
    );
    record(records, b"GNU.sparse.map", map.as_bytes());
}

/// A header block.
struct Block([u8; BLOCK]);

impl Block {
    fn new(name: &[u8], kind: u8) -> Self {
        let mut block = [0; BLOCK];
        copy(&mut block[..MAX_NAME], name);
        block[156] = kind;
        block[257..265].copy_from_slice(b"ustar\x0000");
        Self(block)
    }

    fn link(mut self, target: &[u8]) -> Self {
        copy(&mut self.0[157..257], target);
        self
    }

    /// Octal digits and a zero byte.
    fn number(mut self, at: usize, length: usize, value: u64) -> Self {
        let digits = format!("{value:0width$o}", width = length - 1);
        copy(&mut self.0[at..at + length - 1], digits.as_bytes());
        self
    }

    fn sealed(mut self) -> [u8; BLOCK] {
        self.0[148..156].fill(b' ');
        let sum: u32 = self.0.iter().map(|byte| u32::from(*byte)).sum();
        self.0[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        self.0
    }
}

fn copy(to: &mut [u8], from: &[u8]) {
    let length = from.len().min(to.len());
    to[..length].copy_from_slice(&from[..length]);
}

fn kind_byte(kind: MemberKind) -> u8 {
    match kind {
        MemberKind::File => b'0',
        MemberKind::HardLink => b'1',
        MemberKind::Symlink => b'2',
        MemberKind::CharDevice => b'3',
        MemberKind::BlockDevice => b'4',
        MemberKind::Directory => b'5',
        MemberKind::Fifo => b'6',
    }
}

/// `length key=value\n`, where the length counts itself.
fn record(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(length.to_string().as_bytes());
    records.push(b' ');
    records.extend_from_slice(key);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::TarReader;

    fn member(kind: MemberKind, path: &[u8], size: u64) -> Member {
        Member {
            uid: 3_000_000,
            gid: 5,
            mtime: (-1, 0),
            xattrs: vec![(b"user.a".to_vec(), b"x\ny".to_vec())],
            ..Member::made(kind, path, 0o4755, size)
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let long = [b"d/".as_slice(), &[b'x'; 300]].concat();
        let mut link = member(MemberKind::Symlink, "ümlaut".as_bytes(), 9);
        link.link = long.clone();
        let mut writer = TarWriter::new(Vec::new());
        writer.begin(&member(MemberKind::File, &long, 700)).unwrap();
        writer.data(&[7; 600]).unwrap();
        writer.begin(&link).unwrap();
        let bytes = writer.finish().unwrap();
        assert_eq!(bytes.len() % BLOCK, 0);
        let mut reader = TarReader::new(bytes.as_slice());
        let file = reader.next().unwrap().unwrap();
        assert_eq!((&file.path, file.size, file.mode), (&long, 700, 0o4755));
        assert_eq!((file.uid, file.gid, file.mtime), (3_000_000, 5, (-1, 0)));
        assert_eq!(file.xattrs[0].1, b"x\ny");
        let mut data = Vec::new();
        reader.read_to_end(&mut data).unwrap();
        assert_eq!(
            (data.len(), data[599], data[600]),
            (700, 7, 0),
            "what is missing is zero"
        );
        let read = reader.next().unwrap().unwrap();
        assert_eq!(
            (read.kind, read.link, read.path),
            (MemberKind::Symlink, long, link.path)
        );
        assert!(reader.next().unwrap().is_none());
    }
}
