//! The shim's program as a file in memory that nobody can write.

use std::fs::File;
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use rustix::io::Errno;

const SEALS: SealFlags = SealFlags::WRITE
    .union(SealFlags::SHRINK)
    .union(SealFlags::GROW)
    .union(SealFlags::SEAL);

/// How long pages that somebody else holds are waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(10);

/// A sealed copy of a program in memory, closed on exec.
///
/// # Errors
/// When the file cannot be read, or memory is short.
pub fn sealed_copy(mut program: File) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Said to be executable where the kernel asks (Linux 6.3, vm.memfd_noexec); older ones do not know the word.
    let copy = memfd_create("corten-shim", flags | MemfdFlags::EXEC)
        .or_else(|_| memfd_create("corten-shim", flags))?;
    let mut copy = File::from(copy);
    io::copy(&mut program, &mut copy)?;
    seal(&copy, PATIENCE)?;
    Ok(copy)
}

/// Whether a program's file is sealed.
#[must_use]
pub fn is_sealed(program: &File) -> bool {
    // A file on disk answers EINVAL.
    fcntl_get_seals(program).is_ok_and(|seals| seals.contains(SEALS))
}

/// The kernel refuses to seal a file against writing while anybody but the page cache holds one of its pages, be it only its
/// own compaction of memory, and waits for that no longer than about 150 ms (`memfd_wait_for_pins`).
fn seal(file: &File, patience: Duration) -> io::Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        match fcntl_add_seals(file, SEALS) {
            Err(Errno::BUSY) if Instant::now() < deadline => sleep(PAUSE),
            done => return Ok(done?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pipe::{SpliceFlags, pipe, splice};

    /// A sealable file, and a pipe that holds its page.
    fn held() -> (File, [rustix::fd::OwnedFd; 2]) {
        let file = File::from(memfd_create("held", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap());
        std::os::unix::fs::FileExt::write_all_at(&file, &[1; 4096], 0).unwrap();
        let (reader, writer) = pipe().unwrap();
        let moved = splice(&file, Some(&mut 0), &writer, None, 4096, SpliceFlags::empty());
        assert_eq!(moved, Ok(4096));
        (file, [reader, writer])
    }

    #[test]
    fn a_page_held_for_a_while_is_waited_for() {
        let (file, pipe) = held();
        assert_eq!(fcntl_add_seals(&file, SEALS), Err(Errno::BUSY));
        let holder = std::thread::spawn(move || {
            sleep(Duration::from_millis(300));
            drop(pipe);
        });
        seal(&file, PATIENCE).unwrap();
        assert!(is_sealed(&file));
        holder.join().unwrap();
    }

    #[test]
    fn a_page_held_for_ever_is_an_error() {
        let (file, _pipe) = held();
        let error = seal(&file, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        assert!(!is_sealed(&file));
    }
}
