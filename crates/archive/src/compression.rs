//! Compressed or not: archives and layers tell by their first bytes.

use std::io::{self, BufReader, Cursor, Read};

use crate::{Error, Result};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// The last three bytes of four: the first has 16 values. Such a frame holds anything but data and stands before those that do.
const ZSTD_SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];
const BZIP2: &[u8] = b"BZh";
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const BUFFER: usize = 64 * 1024;
/// Largest zstd window that is accepted, as a power of two: what `zstd --long` makes by default, 128 MiB.
const ZSTD_WINDOW_LOG: u32 = 27;
/// The library's name for a larger one.
const ZSTD_WINDOW_ERROR: &str = "Frame requires too much memory for decoding";
/// Largest memory an xz archive may ask for, in KiB: a dictionary of 128 MiB, twice that of `xz -9`, and what comes on top.
const XZ_MEMORY: u32 = (128 << 10) + 1024;

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
}

impl Compression {
    /// As many first bytes as tell it.
    pub const TOLD_BY: usize = XZ.len();

    /// That of bytes which start like this.
    pub fn of(start: &[u8]) -> Self {
        let skippable = |start: &[u8]| {
            start.first().is_some_and(|byte| byte & 0xf0 == 0x50) && start[1..].starts_with(ZSTD_SKIPPABLE)
        };
        if start.starts_with(GZIP) {
            Self::Gzip
        } else if start.starts_with(ZSTD) || skippable(start) {
            Self::Zstd
        } else if start.starts_with(BZIP2) {
            Self::Bzip2
        } else if start.starts_with(XZ) {
            Self::Xz
        } else {
            Self::None
        }
    }

    /// Whether decompressing may take a hundred megabytes of memory.
    pub fn has_large_window(self) -> bool {
        matches!(self, Self::Zstd | Self::Xz)
    }
}

/// The uncompressed bytes of `reader`, whichever of the supported compressions they come in, and which it was.
///
/// # Errors
/// When reading fails. The reader fails with [`io::ErrorKind::OutOfMemory`] on windows larger than 128 MiB.
pub fn decompress<'a>(reader: impl Read + 'a) -> Result<(Box<dyn Read + 'a>, Compression)> {
    let mut reader = reader;
    let start = first_bytes(&mut reader).map_err(Error::read)?;
    let compression = Compression::of(&start);
    let reader = BufReader::with_capacity(BUFFER, Cursor::new(start).chain(reader));
    let bytes: Box<dyn Read + 'a> = match compression {
        Compression::None => Box::new(reader),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(reader).map_err(Error::read)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(Error::read)?;
            Box::new(ZstdReader(decoder))
        }
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(reader)),
        Compression::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(reader, true, XZ_MEMORY)),
    };
    Ok((bytes, compression))
}

/// Tells windows that are too large from damage, as the library for xz does.
struct ZstdReader<R>(R);

impl<R: Read> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.to_string() {
            text if text == ZSTD_WINDOW_ERROR => io::Error::new(io::ErrorKind::OutOfMemory, text),
            _ => error,
        })
    }
}

/// As many bytes as tell a compression, however few of them come at a time; fewer at the end.
pub(crate) fn first_bytes(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(Compression::TOLD_BY);
    reader.take(Compression::TOLD_BY as u64).read_to_end(&mut start)?;
    Ok(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressions_are_told_by_their_first_bytes() {
        for (start, compression) in [
            (&b"\x1f\x8b\x08"[..], Compression::Gzip),
            (b"\x28\xb5\x2f\xfd\0", Compression::Zstd),
            (b"\x50\x2a\x4d\x18\0", Compression::Zstd),
            (b"\x5f\x2a\x4d\x18\0", Compression::Zstd),
            (b"\x60\x2a\x4d\x18\0", Compression::None),
            (b"BZh9", Compression::Bzip2),
            (b"\xfd7zXZ\0", Compression::Xz),
            (b"\xfd7zX", Compression::None),
            (b"P", Compression::None),
            (b"", Compression::None),
        ] {
            assert_eq!(Compression::of(start), compression, "{start:?}");
        }
    }

    #[test]
    fn zstd_behind_a_frame_that_holds_no_data_is_read() {
        let mut stream = b"\x5a\x2a\x4d\x18\x03\0\0\0abc".to_vec();
        stream.extend(zstd::encode_all(&b"data"[..], 1).unwrap());
        let mut text = String::new();
        decompress(&stream[..])
            .unwrap()
            .0
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "data");
    }

    #[test]
    fn windows_are_bounded() {
        let error = |stream: &[u8]| {
            let (mut reader, _) = decompress(stream).unwrap();
            Error::read(io::copy(&mut reader, &mut io::sink()).unwrap_err())
        };
        // A frame with a window of 256 MiB.
        let zstd = b"\x28\xb5\x2f\xfd\0\x90\x01\0\0";
        for stream in [&zstd[..], &xz_header(32)] {
            let error = error(stream);
            assert!(matches!(error, Error::Window), "{error:?}");
        }
        // 128 MiB are well; what follows is damaged.
        let error = error(&xz_header(30));
        assert!(
            matches!(error, Error::UnexpectedEof | Error::Compression(_)),
            "{error:?}"
        );
    }

    /// The start of an xz stream and of its first block, with a dictionary size as the format encodes it: 28 is 64 MiB, each two
    /// more are twice that.
    fn xz_header(dictionary: u8) -> Vec<u8> {
        let mut stream = XZ.to_vec();
        stream.extend([0, 1, 0x69, 0x22, 0xde, 0x36]);
        let block = [2, 0, 0x21, 1, dictionary, 0, 0, 0];
        stream.extend(block);
        let mut crc = flate2::Crc::new();
        crc.update(&block);
        stream.extend(crc.sum().to_le_bytes());
        stream
    }
}
