//! Archives that clients send, at whatever pace.
//!
//! Decoders of xz and Zstandard hold a window of up to 128 MiB. A client that sends the beginning of an archive and then stands
//! still must not hold on to one: such archives are received as a whole, into a file without a name, before they are
//! decompressed. From then on no client is waited for, and those who need such a decoder can wait for their turn.

use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::{CWD, Mode, OFlags};

use crate::compression::{Compression, decompress, first_bytes};
use crate::{Cancel, Error, Result};

const BUFFER: usize = 256 * 1024;
/// Decoders with large windows that are at work at once in this process: one for each processor, within these bounds.
const DECODERS_AT_ONCE: std::ops::RangeInclusive<usize> = 2..=8;

static DECODERS: Decoders = Decoders {
    busy: Mutex::new(0),
    changed: Condvar::new(),
};

/// The uncompressed bytes of what a client sends. What must wait to be whole does so in the directory `spool`.
///
/// # Errors
/// When receiving fails, the disk is full, or once cancelled.
pub fn receive<'a>(mut client: impl Read + 'a, spool: &Path, cancel: &Cancel) -> Result<Box<dyn Read + 'a>> {
    let start = first_bytes(&mut client).map_err(Error::read)?;
    let has_large_window = Compression::of(&start).has_large_window();
    let client = Cursor::new(start).chain(client);
    let (bytes, _) = match has_large_window {
        true => decompress_in_turn(spooled(client, spool)?)?,
        false => decompress(client)?,
    };
    // A little compressed data may be much to unpack.
    Ok(Box::new(cancel.reading(bytes)))
}

/// As [`decompress`], for what is at hand and is read without waiting for anybody: when it needs a large window, it may have to
/// wait for others to be done first.
///
/// # Errors
/// As there.
pub fn decompress_in_turn<'a>(reader: impl Read + 'a) -> Result<(Box<dyn Read + 'a>, Compression)> {
    let mut reader = reader;
    let start = first_bytes(&mut reader).map_err(Error::read)?;
    let turn = Compression::of(&start)
        .has_large_window()
        .then(|| DECODERS.take_turn());
    let (bytes, compression) = decompress(Cursor::new(start).chain(reader))?;
    let bytes: Box<dyn Read + 'a> = match turn {
        Some(turn) => Box::new(InTurn { bytes, _turn: turn }),
        None => bytes,
    };
    Ok((bytes, compression))
}

/// A file of all the bytes, at its beginning.
fn spooled(mut from: impl Read, directory: &Path) -> Result<File> {
    let failed = |operation| move |error| Error::unpack(operation, b"", error);
    let mut file = nameless_file(directory).map_err(failed("open"))?;
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => io::Write::write_all(&mut file, &buffer[..count]).map_err(failed("write"))?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::read(error)),
        }
    }
    file.rewind().map_err(failed("seek"))?;
    Ok(file)
}

/// A file that is gone with its descriptor.
fn nameless_file(directory: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::openat(CWD, directory, flags, Mode::from_raw_mode(0o600)) {
        Ok(fd) => Ok(fd.into()),
        // Not every file system has them.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR) => {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = directory.join(format!("spool-{}-{number}", std::process::id()));
            let mut options = File::options();
            let file = options.read(true).write(true).create_new(true).open(&path)?;
            fs::remove_file(&path)?;
            Ok(file)
        }
        Err(error) => Err(error.into()),
    }
}

/// How many decoders with large windows there are.
struct Decoders {
    busy: Mutex<usize>,
    changed: Condvar,
}

/// The right to have one.
struct Turn<'a>(&'a Decoders);

impl Decoders {
    fn take_turn(&self) -> Turn<'_> {
        let (least, most) = (*DECODERS_AT_ONCE.start(), *DECODERS_AT_ONCE.end());
        let at_once = std::thread::available_parallelism().map_or(least, |n| n.get().clamp(least, most));
        let mut busy = self.busy();
        while *busy >= at_once {
            busy = self.changed.wait(busy).unwrap_or_else(PoisonError::into_inner);
        }
        *busy += 1;
        Turn(self)
    }

    fn busy(&self) -> MutexGuard<'_, usize> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.busy() -= 1;
        self.0.changed.notify_one();
    }
}

/// A decoder, dropped before its turn ends.
struct InTurn<'a> {
    bytes: Box<dyn Read + 'a>,
    _turn: Turn<'static>,
}

impl Read for InTurn<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// A client that has sent all of it but the end, and no more.
    struct Stalled<'a>(&'a [u8], Receiver<()>);

    impl Read for Stalled<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                let _never = self.1.recv();
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            self.0.read(buffer)
        }
    }

    fn compressed() -> Vec<u8> {
        zstd::encode_all(&vec![7; 1 << 20][..], 1).unwrap()
    }

    #[test]
    fn clients_that_stand_still_hold_no_decoder() {
        let directory = tempfile::tempdir().unwrap();
        let whole = compressed();
        let stalled: Vec<_> = (0..2 * DECODERS_AT_ONCE.end())
            .map(|_| {
                let (hang_up, hung_up) = channel();
                let (whole, spool) = (whole.clone(), directory.path().to_owned());
                let thread = std::thread::spawn(move || {
                    let client = Stalled(&whole[..whole.len() - 1], hung_up);
                    receive(client, &spool, &Cancel::new()).is_err()
                });
                (hang_up, thread)
            })
            .collect();
        let mut bytes = Vec::new();
        let mut reader = receive(&whole[..], directory.path(), &Cancel::new()).unwrap();
        reader.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len(), 1 << 20);
        for (hang_up, thread) in stalled {
            drop(hang_up);
            assert!(thread.join().unwrap());
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_cancelled_is_not_decompressed_to_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let cancel = Cancel::new();
        let whole = compressed();
        let mut reader = receive(&whole[..], directory.path(), &cancel).unwrap();
        assert_eq!(reader.read(&mut [0; 10]).unwrap(), 10);
        cancel.cancel();
        assert!(reader.read(&mut [0; 10]).is_err());
    }
}
