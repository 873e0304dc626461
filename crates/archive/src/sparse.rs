//! Sparse members: GNU's old format and its three PAX formats (GNU tar manual, "Storing Sparse Files").

use std::io::Read;

use crate::pax::{PaxRecords, parse_number};
use crate::tar_reader::BLOCK;
use crate::{Error, Result};

/// Most segments of one file: a map is held in memory.
const MAX_SEGMENTS: usize = 256 * 1024;

/// Stored bytes that belong at an offset of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Where in the file.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
}

/// How the stored bytes make up the file; all else in it is holes.
#[derive(Debug)]
pub(crate) struct SparseMap {
    pub(crate) segments: Vec<Segment>,
    /// Size of the file.
    pub(crate) size: u64,
}

impl SparseMap {
    /// Checks that segments follow each other inside the file and use up exactly the stored bytes.
    pub(crate) fn check(&self, stored: u64) -> Result<()> {
        let mut end = 0u64;
        let mut sum = 0u64;
        for segment in &self.segments {
            if segment.offset < end {
                return Err(Error::TarHeader);
            }
            end = segment
                .offset
                .checked_add(segment.length)
                .ok_or(Error::TarHeader)?;
            sum = sum.checked_add(segment.length).ok_or(Error::TarHeader)?;
        }
        if end > self.size || sum != stored {
            return Err(Error::TarHeader);
        }
        Ok(())
    }
}

/// The old GNU format: four segments in the header, the rest in blocks between the header and the data.
pub(crate) fn from_gnu(header: &tar::GnuHeader, reader: &mut impl Read) -> Result<SparseMap> {
    let bad = |_| Error::TarHeader;
    let mut segments = Vec::new();
    push_gnu(&mut segments, &header.sparse)?;
    let mut more = header.is_extended();
    while more {
        let mut block = tar::GnuExtSparseHeader::new();
        reader.read_exact(block.as_mut_bytes()).map_err(Error::read)?;
        push_gnu(&mut segments, block.sparse())?;
        more = block.is_extended();
    }
    let size = header.real_size().map_err(bad)?;
    Ok(SparseMap { segments, size })
}

fn push_gnu(segments: &mut Vec<Segment>, headers: &[tar::GnuSparseHeader]) -> Result<()> {
    let bad = |_| Error::TarHeader;
    for header in headers.iter().filter(|header| !header.is_empty()) {
        let (offset, length) = (header.offset().map_err(bad)?, header.length().map_err(bad)?);
        segments.push(Segment { offset, length });
    }
    if segments.len() > MAX_SEGMENTS {
        return Err(Error::TarHeader);
    }
    Ok(())
}

/// PAX formats 0.0, whose records repeat, and 0.1, one comma-separated record; none if the member is not sparse.
pub(crate) fn from_pax(pax: &PaxRecords) -> Result<Option<SparseMap>> {
    let Some(size) = pax.number("GNU.sparse.size")? else {
        return Ok(None);
    };
    let mut numbers = Vec::new();
    if let Some(map) = pax.bytes("GNU.sparse.map") {
        for number in map.split(|byte| *byte == b',') {
            numbers.push(parse_number(number)?);
        }
    } else {
        for (key, value) in pax.iter() {
            if key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes" {
                numbers.push(parse_number(value)?);
            }
        }
    }
    let segments = pairs(&numbers)?;
    Ok(Some(SparseMap { segments, size }))
}

/// PAX format 1.0: the map stands before the data, one number a line, padded to a block.
pub(crate) fn from_data(pax: &PaxRecords, data: &mut impl Read) -> Result<SparseMap> {
    let size = pax.number("GNU.sparse.realsize")?.ok_or(Error::TarHeader)?;
    let mut numbers = Vec::new();
    let mut wanted = None;
    let mut line = Vec::new();
    while wanted.is_none_or(|wanted| numbers.len() < wanted) {
        let mut block = [0; BLOCK];
        data.read_exact(&mut block).map_err(Error::read)?;
        for byte in block {
            if wanted.is_some_and(|wanted| numbers.len() == wanted) {
                break;
            }
            if byte != b'\n' {
                line.push(byte);
                continue;
            }
            let number = parse_number(&line)?;
            line.clear();
            match wanted {
                None => {
                    let count = usize::try_from(number).map_err(|_| Error::TarHeader)?;
                    if count > MAX_SEGMENTS {
                        return Err(Error::TarHeader);
                    }
                    wanted = Some(count * 2);
                }
                Some(_) => numbers.push(number),
            }
        }
        if line.len() > 20 {
            return Err(Error::TarHeader);
        }
    }
    let segments = pairs(&numbers)?;
    Ok(SparseMap { segments, size })
}

fn pairs(numbers: &[u64]) -> Result<Vec<Segment>> {
    if !numbers.len().is_multiple_of(2) || numbers.len() > MAX_SEGMENTS * 2 {
        return Err(Error::TarHeader);
    }
    let segment = |pair: &[u64]| Segment {
        offset: pair[0],
        length: pair[1],
    };
    Ok(numbers.chunks_exact(2).map(segment).collect())
}
