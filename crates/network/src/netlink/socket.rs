//! A netlink socket: sends a batch in one system call and reads the kernel's verdict on it.
//!
//! rtnetlink and nf_tables work inside the `send` call, so that every answer is queued when it returns and nothing
//! here ever waits.

use super::message::{Attributes, Batch, HEADER};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};
use std::io;

/// The kernel's refusal of one request.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {}{}", Self::reason(*.errno), .detail.as_deref().map(|d| format!(" ({d})")).unwrap_or_default())]
pub struct NetlinkError {
    /// What was being done.
    step: &'static str,
    /// The kernel's error number.
    errno: Errno,
    /// The kernel's own words about it, when it gave any.
    detail: Option<String>,
}

impl NetlinkError {
    fn new(step: &'static str, errno: Errno) -> Self {
        Self {
            step,
            errno,
            detail: None,
        }
    }

    fn reason(errno: Errno) -> String {
        io::Error::from(errno).to_string()
    }

    /// The kernel's error number.
    pub(crate) fn errno(&self) -> Errno {
        self.errno
    }
}

/// Which part of the kernel a socket speaks to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Links, addresses, routes, neighbours.
    Route,
    /// nf_tables.
    Netfilter,
    /// Connection tracking.
    Conntrack,
}

/// A socket bound to the network namespace of the thread that opened it, whichever thread uses it later.
pub(crate) struct Socket {
    fd: OwnedFd,
    protocol: Protocol,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Socket {
    /// Opens a socket in the calling thread's network namespace.
    pub(crate) fn open(protocol: Protocol) -> io::Result<Self> {
        let number = match protocol {
            Protocol::Route => None, // number zero
            Protocol::Netfilter | Protocol::Conntrack => Some(netlink::NETFILTER),
        };
        let fd = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            number,
        )?;
        // Error texts from the kernel, and errors that do not echo the request.
        set_option(fd.as_fd(), libc::SOL_NETLINK, libc::NETLINK_EXT_ACK, 1)?;
        set_option(fd.as_fd(), libc::SOL_NETLINK, libc::NETLINK_CAP_ACK, 1)?;
        Ok(Self {
            fd,
            protocol,
            sequence: 1,
            buffer: Vec::new(),
        })
    }

    /// Performs the batch; the first message refused is the error.
    ///
    /// rtnetlink goes on with the messages after a refused one, nf_tables undoes them all.
    pub(crate) fn request(&mut self, batch: &mut Batch) -> Result<(), NetlinkError> {
        // nf_tables frames a batch by two messages of its own, of which older kernels never acknowledge any.
        let acknowledged = match self.protocol {
            Protocol::Route | Protocol::Conntrack => batch.len() - 1,
            Protocol::Netfilter => batch.len() - 2,
        };
        let first = self.send(batch, acknowledged)?;
        let mut succeeded = false;
        let mut failure: Option<(usize, NetlinkError)> = None;
        self.drain(|sequence, kind, payload| {
            let index = sequence.wrapping_sub(first) as usize;
            if kind != libc::NLMSG_ERROR as u16 || index >= batch.len() {
                return; // an answer to a request given up earlier
            }
            let Some((errno, detail)) = error_of(payload) else {
                succeeded |= index == acknowledged;
                return;
            };
            if failure.as_ref().is_none_or(|(at, _)| index < *at) {
                failure = Some((
                    index,
                    NetlinkError {
                        step: batch.step(index),
                        errno,
                        detail,
                    },
                ));
            }
        })
        .map_err(|errno| NetlinkError::new(batch.step(acknowledged), errno))?;
        match failure {
            Some((_, error)) => Err(error),
            None if !succeeded => Err(NetlinkError::new(batch.step(acknowledged), Errno::PROTO)),
            None => Ok(()),
        }
    }

    /// Asks a question (a single message, a dump or not) and passes each answer's type and payload to `each`.
    pub(crate) fn query(
        &mut self,
        batch: &mut Batch,
        mut each: impl FnMut(u16, &[u8]),
    ) -> Result<(), NetlinkError> {
        let step = batch.step(0);
        let first = self.send(batch, 0)?;
        let mut failure = None;
        let mut complete = false;
        // A dump goes on as its answers are read; whatever is left is produced by the reads themselves.
        self.drain(|sequence, kind, payload| {
            if sequence != first {
                return;
            }
            if kind == libc::NLMSG_DONE as u16 {
                complete = true;
            } else if kind == libc::NLMSG_ERROR as u16 {
                complete = true;
                if let Some((errno, detail)) = error_of(payload) {
                    failure = Some(NetlinkError { step, errno, detail });
                }
            } else {
                each(kind, payload);
            }
        })
        .map_err(|errno| NetlinkError::new(step, errno))?;
        match failure {
            Some(error) => Err(error),
            None if !complete => Err(NetlinkError::new(step, Errno::PROTO)),
            None => Ok(()),
        }
    }

    /// The number by which the kernel knows the socket, and names it as the cause of changes.
    pub(crate) fn number(&self) -> io::Result<u32> {
        let address = rustix::net::getsockname(&self.fd)?;
        let address = netlink::SocketAddrNetlink::try_from(address)?;
        Ok(address.pid())
    }

    /// Number of the link called `name`, without the lock that link requests take.
    pub(crate) fn index_of(&self, name: &str) -> Result<u32, NetlinkError> {
        rustix::net::netdevice::name_to_index(&self.fd, name)
            .map_err(|errno| NetlinkError::new("look up interface", errno))
    }

    fn send(&mut self, batch: &mut Batch, acknowledged: usize) -> Result<u32, NetlinkError> {
        let first = self.sequence;
        self.sequence = first.wrapping_add(batch.len() as u32);
        let step = batch.step(acknowledged);
        let bytes = batch.seal(first, acknowledged);
        let mut sent = rustix::net::send(&self.fd, bytes, SendFlags::empty());
        if matches!(sent, Err(Errno::MSGSIZE)) {
            // Many elements at once (a restart under load): the kernel copies the whole batch, so make room for it.
            set_option(
                self.fd.as_fd(),
                libc::SOL_SOCKET,
                libc::SO_SNDBUFFORCE,
                2 * bytes.len() as i32,
            )
            .map_err(|error| NetlinkError::new(step, error))?;
            sent = rustix::net::send(&self.fd, bytes, SendFlags::empty());
        }
        sent.map(|_| first)
            .map_err(|errno| NetlinkError::new(step, errno))
    }

    /// Reads all that is queued: (sequence, type, payload) of each message.
    fn drain(&mut self, mut each: impl FnMut(u32, u16, &[u8])) -> Result<(), Errno> {
        self.buffer.resize(32 * 1024, 0);
        loop {
            let length = match rustix::net::recv(&self.fd, &mut self.buffer[..], RecvFlags::DONTWAIT) {
                Ok((length, _)) => length,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(errno),
            };
            let mut rest = &self.buffer[..length];
            while let Some((message, after)) = split(rest) {
                each(word(message, 8), word(message, 4) as u16, &message[HEADER..]);
                rest = after;
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The first message of a datagram (header included) and what follows it.
pub(super) fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if bytes.len() < HEADER {
        return None;
    }
    let length = word(bytes, 0) as usize;
    let message = bytes.get(..length).filter(|message| message.len() >= HEADER)?;
    Some((
        message,
        bytes.get(length.next_multiple_of(4)..).unwrap_or_default(),
    ))
}

/// Errno and text of an error message's payload; nothing for an acknowledgement.
fn error_of(payload: &[u8]) -> Option<(Errno, Option<String>)> {
    if payload.len() < 4 + HEADER {
        return Some((Errno::PROTO, None));
    }
    let code = word(payload, 0) as i32;
    if code == 0 {
        return None;
    }
    const TEXT: u16 = 1; // NLMSGERR_ATTR_MSG
    let detail = Attributes(&payload[4 + HEADER..])
        .find_text(TEXT)
        .map(str::to_owned);
    Some((Errno::from_raw_os_error(-code), detail))
}

pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[at..at + 4]);
    u32::from_ne_bytes(value)
}

fn set_option(fd: BorrowedFd<'_>, level: i32, option: i32, value: i32) -> Result<(), Errno> {
    // SAFETY: the descriptor is open for the whole call, and the pointer and length describe `value`, which the
    // kernel only reads.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO))
    }
}
