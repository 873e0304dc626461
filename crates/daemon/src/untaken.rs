//! What a client has not taken yet of what was written to it.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// How many bytes, with what the kernel needs to keep them, are on their way in a unix socket; zero once the peer has read all.
pub(crate) fn untaken(socket: BorrowedFd<'_>) -> io::Result<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: the request writes an integer to where the pointer leads, which outlives the call.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    if done == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(count).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn what_is_read_is_taken() {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        assert_eq!(untaken(one.as_fd()).unwrap(), 0);
        one.write_all(b"head").unwrap();
        assert!(untaken(one.as_fd()).unwrap() > 0);
        let mut buffer = [0; 16];
        assert_eq!(other.read(&mut buffer).unwrap(), 4);
        assert_eq!(untaken(one.as_fd()).unwrap(), 0);
    }
}
