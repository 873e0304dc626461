//! Compressed or not: archives and layers tell by their first bytes.

use std::io::{self, BufReader, Cursor, Read};

use crate::{Error, Result};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const BZIP2: &[u8] = b"BZh";
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const BUFFER: usize = 64 * 1024;
/// Largest zstd window that is accepted, as a power of two: what `zstd --long` makes by default, 128 MiB.
const ZSTD_WINDOW_LOG: u32 = 27;
/// Largest memory an xz archive may ask for, in KiB: what `xz -9` needs is half of it.
const XZ_MEMORY: u32 = 128 << 10;

/// The uncompressed bytes of `reader`, whichever of the supported compressions they come in.
///
/// # Errors
/// When reading fails.
pub fn decompress<'a>(reader: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    decompress_or_pass(reader).map(|(bytes, _)| bytes)
}

/// As [`decompress`]; tells, too, whether they were compressed at all.
///
/// # Errors
/// As there.
pub fn decompress_or_pass<'a>(reader: impl Read + 'a) -> Result<(Box<dyn Read + 'a>, bool)> {
    let mut reader = reader;
    let start = first_bytes(&mut reader).map_err(Error::read)?;
    let reader = BufReader::with_capacity(BUFFER, Cursor::new(start.clone()).chain(reader));
    let decoder: Box<dyn Read + 'a> = if start.starts_with(GZIP) {
        Box::new(flate2::bufread::MultiGzDecoder::new(reader))
    } else if start.starts_with(ZSTD) {
        let mut decoder = zstd::Decoder::with_buffer(reader).map_err(Error::read)?;
        decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(Error::read)?;
        Box::new(decoder)
    } else if start.starts_with(BZIP2) {
        Box::new(bzip2::bufread::MultiBzDecoder::new(reader))
    } else if start.starts_with(XZ) {
        Box::new(lzma_rust2::XzReader::new_mem_limit(reader, true, XZ_MEMORY))
    } else {
        return Ok((Box::new(reader), false));
    };
    Ok((decoder, true))
}

/// As many bytes as tell a compression, however few of them come at a time; fewer at the end.
fn first_bytes(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(XZ.len());
    reader.take(XZ.len() as u64).read_to_end(&mut start)?;
    Ok(start)
}
