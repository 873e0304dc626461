//! Reads tar streams member by member: ustar, GNU (long names, base-256 numbers, sparse files) and PAX.
//!
//! Everything a hostile archive may claim is bounded: extended headers are limited in size, and a member's data never
//! reads past the member. The `tar` crate decodes the single header block.

use std::io::{self, Read};

use super::pax::PaxRecords;
use super::sparse::{self, Segment};
use crate::{Error, Result};

pub(crate) const BLOCK: usize = 512;
/// Most bytes of one extended header, which is what Go's archive/tar allows.
const MAX_EXTENDED: u64 = 1024 * 1024;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberKind {
    File,
    HardLink,
    Symlink,
    CharDevice,
    BlockDevice,
    Directory,
    Fifo,
}

/// A member's header, all extensions applied.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) kind: MemberKind,
    /// Name as written, any bytes.
    pub(crate) path: Vec<u8>,
    /// Target of a link.
    pub(crate) link: Vec<u8>,
    /// Permission bits, set-id bits and the sticky bit.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Seconds and nanoseconds since 1970.
    pub(crate) mtime: (i64, u32),
    /// Size of the file once unpacked.
    pub(crate) size: u64,
    pub(crate) device: (u32, u32),
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the stored bytes go; none if the file is stored whole.
    pub(crate) segments: Option<Vec<Segment>>,
}

/// A tar stream. Reading from it yields the stored bytes of the current member.
pub(crate) struct TarReader<R> {
    inner: R,
    /// Stored bytes of the current member not yet read.
    remaining: u64,
    /// Bytes after them up to the next block.
    padding: u64,
}

impl<R: Read> TarReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            remaining: 0,
            padding: 0,
        }
    }

    /// The stream behind, whatever is left of it.
    pub(crate) fn into_inner(self) -> R {
        self.inner
    }

    /// The next member, or none at the archive's end.
    pub(crate) fn next(&mut self) -> Result<Option<Member>> {
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
            let size = header.entry_size().map_err(|_| Error::TarHeader)?;
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
        let bad = |_| Error::TarHeader;
        let id = |from_pax: Option<u64>, from_header: io::Result<u64>| -> Result<u32> {
            let id = from_pax.map_or(from_header, Ok).map_err(bad)?;
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
                return Err(Error::Archive(format!(
                    "unhandled tar header type {other} of {name}"
                )));
            }
        };
        // The fields mean nothing, and may hold anything, for other members.
        let device = match kind {
            MemberKind::CharDevice | MemberKind::BlockDevice => (
                header.device_major().map_err(bad)?.unwrap_or(0),
                header.device_minor().map_err(bad)?.unwrap_or(0),
            ),
            _ => (0, 0),
        };
        let mut member = Member {
            kind,
            path,
            link,
            mode: header.mode().map_err(bad)? & 0o7777,
            uid: id(pax.number("uid")?, header.uid())?,
            gid: id(pax.number("gid")?, header.gid())?,
            mtime: match pax.time("mtime")? {
                Some(time) => time,
                None => (
                    i64::try_from(header.mtime().map_err(bad)?).map_err(|_| Error::TarHeader)?,
                    0,
                ),
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
        if header.cksum().ok() != Some(sum) {
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

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
        bytes.truncate(end);
    }
    bytes
}
