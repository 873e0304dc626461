//! The private line between the shim and a process it is making: what may go on, what failed, and descriptors.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use corten_shim_api::{ErrorStage, RuntimeFailure};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// Longest message, in bytes.
const MAX_MESSAGE: usize = 8 << 10;

/// One end of the line.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// What is said on it.
#[derive(Debug)]
pub enum Message {
    /// To the child: its cgroup exists now.
    CgroupReady,
    /// To the child: go on, in this network namespace if there is one.
    Proceed(Option<OwnedFd>),
    /// To the shim: the master side of the terminal.
    Terminal(OwnedFd),
    /// To the shim: the next thing to happen is execve. If the line ends now, it succeeded.
    Executing,
    /// To the shim: it cannot be done.
    Failed(RuntimeFailure),
    /// The other end is closed.
    Closed,
}

impl Channel {
    /// Both ends, closed on exec.
    ///
    /// # Errors
    /// The kernel's.
    pub fn pair() -> Result<(Self, Self), Errno> {
        let (one, other) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        Ok((Self(one), Self(other)))
    }

    /// Says something. The other end may be gone: then nobody is left to care.
    pub fn send(&self, message: &Message) {
        let (tag, fd) = match message {
            Message::CgroupReady => (b'C', None),
            Message::Proceed(fd) => (b'P', fd.as_ref()),
            Message::Terminal(fd) => (b'T', Some(fd)),
            Message::Executing => (b'X', None),
            Message::Failed(failure) => {
                let mut text = vec![b'F'];
                if serde_json::to_writer(&mut text, failure).is_ok() && text.len() <= MAX_MESSAGE {
                    self.send_bytes(&text, None);
                } else {
                    self.send_bytes(b"F", None);
                }
                return;
            }
            Message::Closed => return,
        };
        self.send_bytes(&[tag], fd.map(AsFd::as_fd));
    }

    fn send_bytes(&self, bytes: &[u8], fd: Option<BorrowedFd<'_>>) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let fds = fd.map(|fd| [fd]);
        if let Some(fds) = &fds {
            ancillary.push(SendAncillaryMessage::ScmRights(fds));
        }
        let _gone = sendmsg(
            &self.0,
            &[IoSlice::new(bytes)],
            &mut ancillary,
            SendFlags::NOSIGNAL,
        );
    }

    /// Waits for the next message.
    pub fn receive(&self) -> Message {
        let mut bytes = [0; MAX_MESSAGE];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let length = loop {
            let mut slices = [IoSliceMut::new(&mut bytes)];
            match recvmsg(&self.0, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Ok(received) => break received.bytes,
                // The other end was closed with something of ours unread; what it said before is still there, behind this.
                Err(Errno::INTR | Errno::CONNRESET) => {}
                Err(_) => return Message::Closed,
            }
        };
        let fd = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        match (bytes[..length].split_first(), fd) {
            (Some((b'C', _)), _) => Message::CgroupReady,
            (Some((b'P', _)), fd) => Message::Proceed(fd),
            (Some((b'T', _)), Some(fd)) => Message::Terminal(fd),
            (Some((b'X', _)), _) => Message::Executing,
            (Some((b'F', text)), _) => Message::Failed(serde_json::from_slice(text).unwrap_or_else(|_| {
                crate::failure::failure(
                    ErrorStage::Exec,
                    "the failure's description was too long to pass on",
                )
            })),
            _ => Message::Closed,
        }
    }

    /// Whether the other end is gone already.
    pub fn is_closed(&self) -> bool {
        let mut fds = [PollFd::new(&self.0, PollFlags::empty())];
        let no_time = rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut fds, Some(&no_time)).is_ok_and(|count| count > 0)
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::failure;

    #[test]
    fn last_words_are_heard_though_the_speaker_did_not_listen() {
        let (shim, child) = Channel::pair().unwrap();
        shim.send(&Message::CgroupReady);
        child.send(&Message::Failed(failure(ErrorStage::Mount, "the real reason")));
        drop(child);
        match shim.receive() {
            Message::Failed(failed) => assert_eq!(failed.message, "the real reason"),
            other => panic!("{other:?}"),
        }
        assert!(matches!(shim.receive(), Message::Closed));
    }
}
