//! Reads tar streams member by member: ustar, GNU (long names, base-256 numbers, sparse files) and PAX.
//!
//! Everything a hostile archive may claim is bounded: extended headers are limited in size, and a member's data never
//! reads past the member. The `tar` crate decodes the single header block.

use std::io::{self, Read};

use crate::pax::PaxRecords;
use crate::sparse::{self, Segment};
use crate::{Error, Result};

pub(crate) const BLOCK: usize = 512;
/// Most bytes of one extended header, which is what Go's archive/tar allows.
const MAX_EXTENDED: u64 = 1024 * 1024;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// An ordinary file.
    File,
    /// Another name of a file listed before.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
}

/// A member's header, all extensions applied.
#[derive(Debug)]
pub struct Member {
    /// What it is.
    pub kind: MemberKind,
    /// Name as written, any bytes.
    pub path: Vec<u8>,
    /// Target of a link.
    pub link: Vec<u8>,
    /// Permission bits, set-id bits and the sticky bit.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Seconds and nanoseconds since 1970.
    pub mtime: (i64, u32),
    /// Size of the file once unpacked.
    pub size: u64,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Extended attributes.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the stored bytes go; none if the file is stored whole.
    pub segments: Option<Vec<Segment>>,
}

impl Member {
    /// A file (of `size` bytes) or directory of root's, made in 1970: what an archive holds that is not of any file system.
    pub fn made(kind: MemberKind, path: impl Into<Vec<u8>>, mode: u32, size: u64) -> Self {
        Self {
            kind,
            path: path.into(),
            link: Vec::new(),
            mode,
            uid: 0,
            gid: 0,
            mtime: (0, 0),
            size,
            device: (0, 0),
            xattrs: Vec::new(),
            segments: None,
        }
    }
}

/// A tar stream. Reading from it yields the stored bytes of the current member.
pub struct TarReader<R> {
    inner: R,
    /// Stored bytes of the current member not yet read.
    remaining: u64,
    /// Bytes after them up to the next block.
    padding: u64,
}

impl<R: Read> TarReader<R> {
    /// Reads `inner` from its beginning.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            remaining: 0,
            padding: 0,
        }
    }

    /// The stream behind, whatever is left of it.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// The next member, or none at the archive's end.
    ///
    /// # Errors
    /// When the stream is damaged, or reading fails.
    #[allow(
        clippy::should_implement_trait,
        reason = "it borrows: the data of a member is read from the reader"
    )]
    pub fn next(&mut self) -> Result<Option<Member>> {
        let mut pax = PaxRecords::default();
        let mut long_path = None;
        let mut long_link = None;
        let mut extended = false;
        loop {
            self.skip(self.remaining + self.padding)?;
            let Some(header) = self.header()? else {
                return if extended {
                    Err(Error::UnexpectedEof)
                } else {
                    Ok(None)
                };
            };
            let size = unsigned(&header.as_old().size)?;
            match header.entry_type().as_byte() {
                b'g' => drop(self.extended(size)?),
                b'x' => pax = PaxRecords::parse(&self.extended(size)?)?,
                b'L' => long_path = Some(until_nul(self.extended(size)?)),
                b'K' => long_link = Some(until_nul(self.extended(size)?)),
                _ => return self.member(&header, size, &pax, long_path, long_link).map(Some),
            }
            extended = true;
        }
    }

    fn member(
        &mut self,
        header: &tar::Header,
        size: u64,
        pax: &PaxRecords,
        long_path: Option<Vec<u8>>,
        long_link: Option<Vec<u8>>,
    ) -> Result<Member> {
        let old = header.as_old();
        let id = |from_pax: Option<u64>, from_header: &[u8]| -> Result<u32> {
            let id = from_pax.map_or_else(|| unsigned(from_header), Ok)?;
            u32::try_from(id).map_err(|_| Error::TarHeader)
        };
        let path = match (pax.bytes("path"), long_path) {
            (Some(path), _) => path.to_vec(),
            (None, Some(path)) => path,
            (None, None) => header.path_bytes().into_owned(),
        };
        let link = match (pax.bytes("linkpath"), long_link) {
            (Some(link), _) => link.to_vec(),
            (None, Some(link)) => link,
            (None, None) => header
                .link_name_bytes()
                .map(|link| link.into_owned())
                .unwrap_or_default(),
        };
        let stored = pax.number("size")?.unwrap_or(size);
        let kind = match header.entry_type().as_byte() {
            // Before POSIX a directory was a file whose name ends in a slash.
            b'0' | 0 if path.ends_with(b"/") => MemberKind::Directory,
            b'0' | 0 | b'7' | b'S' => MemberKind::File,
            b'1' => MemberKind::HardLink,
            b'2' => MemberKind::Symlink,
            b'3' => MemberKind::CharDevice,
            b'4' => MemberKind::BlockDevice,
            b'5' => MemberKind::Directory,
            b'6' => MemberKind::Fifo,
            other => {
                let name = String::from_utf8_lossy(&path).into_owned();
                return Err(Error::Invalid(format!(
                    "unhandled tar header type {other} of {name}"
                )));
            }
        };
        // The fields mean nothing, and may hold anything, for other members.
        let device = match kind {
            MemberKind::CharDevice | MemberKind::BlockDevice => device(header)?,
            _ => (0, 0),
        };
        let mut member = Member {
            kind,
            path,
            link,
            mode: mode_bits(&old.mode)?,
            uid: id(pax.number("uid")?, &old.uid)?,
            gid: id(pax.number("gid")?, &old.gid)?,
            mtime: match pax.time("mtime")? {
                Some(time) => time,
                None => (number(&old.mtime)?, 0),
            },
            size: stored,
            device,
            xattrs: pax.xattrs(),
            segments: None,
        };
        // Only files have data; some writers state a link's or directory's size all the same.
        self.begin_data(if kind == MemberKind::File { stored } else { 0 })?;
        if kind == MemberKind::File {
            self.apply_sparse(header, pax, &mut member)?;
        }
        Ok(member)
    }

    fn apply_sparse(&mut self, header: &tar::Header, pax: &PaxRecords, member: &mut Member) -> Result<()> {
        let map = if header.entry_type().is_gnu_sparse() {
            let gnu = header.as_gnu().ok_or(Error::TarHeader)?;
            Some(sparse::from_gnu(gnu, &mut self.inner)?)
        } else if pax.bytes("GNU.sparse.major") == Some(b"1") {
            Some(sparse::from_data(pax, self)?)
        } else {
            sparse::from_pax(pax)?
        };
        if let Some(map) = map {
            map.check(self.remaining)?;
            if let Some(name) = pax.bytes("GNU.sparse.name") {
                member.path = name.to_vec();
            }
            member.size = map.size;
            member.segments = Some(map.segments);
        }
        Ok(())
    }

    /// Reads a header block and checks its sum; none at the end of the archive.
    fn header(&mut self) -> Result<Option<tar::Header>> {
        let mut header = tar::Header::new_old();
        let block = header.as_mut_bytes();
        let mut filled = 0;
        while filled < BLOCK {
            match self.inner.read(&mut block[filled..]) {
                // Many writers leave out the two final zero blocks.
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(Error::UnexpectedEof),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::read(error)),
            }
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum: u32 = block[..148]
            .iter()
            .chain(&block[156..])
            .map(|byte| u32::from(*byte))
            .sum();
        // The sum's own eight bytes count as spaces.
        let sum = sum + 8 * u32::from(b' ');
        if number(&header.as_old().cksum)? != i64::from(sum) {
            return Err(Error::TarHeader);
        }
        Ok(Some(header))
    }

    fn begin_data(&mut self, size: u64) -> Result<()> {
        let blocks = size
            .checked_next_multiple_of(BLOCK as u64)
            .ok_or(Error::TarHeader)?;
        self.remaining = size;
        self.padding = blocks - size;
        Ok(())
    }

    /// Reads an extended header's data.
    fn extended(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > MAX_EXTENDED {
            return Err(Error::TarHeader);
        }
        self.begin_data(size)?;
        let mut data = Vec::new();
        self.read_to_end(&mut data).map_err(Error::read)?;
        Ok(data)
    }

    fn skip(&mut self, count: u64) -> Result<()> {
        (self.remaining, self.padding) = (0, 0);
        let skipped = io::copy(&mut (&mut self.inner).take(count), &mut io::sink()).map_err(Error::read)?;
        if skipped < count {
            return Err(Error::UnexpectedEof);
        }
        Ok(())
    }
}

impl<R: Read> Read for TarReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = usize::try_from(self.remaining)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if limit == 0 {
            return Ok(0);
        }
        let count = self.inner.read(&mut buffer[..limit])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.remaining -= count as u64;
        Ok(count)
    }
}

/// A number of a header: octal digits with spaces or zero bytes around them, none meaning 0, or GNU's binary form.
fn number(field: &[u8]) -> Result<i64> {
    if let [first, rest @ ..] = field
        && first & 0x80 != 0
    {
        // Two's complement, big-endian; the first bit only says so.
        let start = if first & 0x40 != 0 { -1 } else { 0 };
        let mut value: i64 = start << 6 | i64::from(first & 0x3f);
        for byte in rest {
            value = value.checked_mul(256).ok_or(Error::TarHeader)? | i64::from(*byte);
        }
        return Ok(value);
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_blank(byte));
    let mut value: i64 = 0;
    for byte in &field[start.unwrap_or(field.len())..] {
        match byte {
            b'0'..=b'7' => {
                value = value.checked_mul(8).ok_or(Error::TarHeader)? + i64::from(byte - b'0');
            }
            byte if is_blank(byte) => break,
            _ => return Err(Error::TarHeader),
        }
    }
    Ok(value)
}

fn unsigned(field: &[u8]) -> Result<u64> {
    u64::try_from(number(field)?).map_err(|_| Error::TarHeader)
}

/// The permission bits of a mode; others in it are ignored.
fn mode_bits(field: &[u8]) -> Result<u32> {
    u32::try_from(number(field)? & 0o7777).map_err(|_| Error::TarHeader)
}

fn device(header: &tar::Header) -> Result<(u32, u32)> {
    let (major, minor) = match (header.as_ustar(), header.as_gnu()) {
        (Some(ustar), _) => (&ustar.dev_major, &ustar.dev_minor),
        (None, Some(gnu)) => (&gnu.dev_major, &gnu.dev_minor),
        (None, None) => return Ok((0, 0)),
    };
    let part = |field: &[u8]| u32::try_from(number(field)?).map_err(|_| Error::TarHeader);
    Ok((part(major)?, part(minor)?))
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
        bytes.truncate(end);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_binary_or_left_out() {
        for (field, value) in [
            (&b"0000644\0"[..], 0o644),
            (b" 644 \0\0\0", 0o644),
            (b"\0\0\0\0\0\0\0\0", 0),
            (b"        ", 0),
            (b"\x80\0\0\0\0\0\x01\0", 256),
            (b"\xff\xff\xff\xff\xff\xff\xff\xfe", -2),
        ] {
            assert_eq!(number(field).unwrap(), value, "{field:?}");
        }
        for bad in [
            &b"0000648\0"[..],
            b"x",
            b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert!(number(bad).is_err(), "{bad:?}");
        }
    }
}
