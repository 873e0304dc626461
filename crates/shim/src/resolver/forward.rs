//! Queries that others are asked, one server after another.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use corten_dns::{Upstream, is_answer};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};
use rustix::rand::{GetRandomFlags, getrandom};

use super::stream::{put_message, take_message};
use super::{Asker, cannot};
use crate::sys;

/// How long a server may take, in nanoseconds.
const PATIENCE_NS: i64 = 2_000_000_000;
/// Servers asked at most for one query, the same one again if there are fewer.
const ATTEMPTS: usize = 3;
/// Queries under way at a time; the oldest makes room.
const MAX_FORWARDS: usize = 128;
/// The largest answer by UDP, in bytes.
const LARGEST_ANSWER: usize = 64 << 10;
const DNS_PORT: u16 = 53;
/// Codes of answers that say that another server may do better: failure, not implemented, refused.
const UNHELPFUL: [u8; 3] = [2, 4, 5];

/// What is to be sent to whom.
pub(super) type Answers = Vec<(Asker, Vec<u8>)>;

/// A query on its way.
#[derive(Debug)]
pub(super) struct Forward {
    number: u64,
    /// As it came.
    query: Vec<u8>,
    /// As it is sent: with an identifier nobody else can know.
    sent: Vec<u8>,
    asker: Asker,
    upstreams: Vec<Upstream>,
    attempts: usize,
    socket: Option<OwnedFd>,
    /// What is still to be sent, and what has come, where it goes by TCP.
    outbox: Vec<u8>,
    inbox: Vec<u8>,
    deadline_ns: i64,
}

impl Forward {
    pub(super) fn new(query: Vec<u8>, asker: Asker, upstreams: Vec<Upstream>) -> Self {
        Self {
            number: 0,
            sent: query.clone(),
            query,
            asker,
            upstreams,
            attempts: 0,
            socket: None,
            outbox: Vec::new(),
            inbox: Vec::new(),
            deadline_ns: 0,
        }
    }

    fn by_stream(&self) -> bool {
        matches!(self.asker, Asker::Stream(_))
    }
}

/// All queries on their way.
#[derive(Debug)]
pub(super) struct Forwards {
    /// The container's network namespace, and the shim's own.
    network: OwnedFd,
    own: OwnedFd,
    list: Vec<Forward>,
    next: u64,
}

impl Forwards {
    pub(super) fn new(network: OwnedFd) -> io::Result<Self> {
        let own = std::fs::File::open("/proc/self/ns/net")?.into();
        let (list, next) = (Vec::new(), 0);
        Ok(Self {
            network,
            own,
            list,
            next,
        })
    }

    pub(super) fn each(&self, mut wait: impl FnMut(RawFd, i16, u64)) {
        for forward in &self.list {
            if let Some(socket) = &forward.socket {
                let out = if forward.outbox.is_empty() {
                    0
                } else {
                    libc::POLLOUT
                };
                wait(socket.as_raw_fd(), libc::POLLIN | out, forward.number);
            }
        }
    }

    pub(super) fn deadline_ns(&self) -> Option<i64> {
        self.list.iter().map(|forward| forward.deadline_ns).min()
    }

    /// Asks the first server; gives what can be said at once.
    pub(super) fn begin(&mut self, mut forward: Forward, now_ns: i64) -> Answers {
        let mut answers = Vec::new();
        if self.list.len() == MAX_FORWARDS {
            let oldest = self.list.remove(0);
            answers.push((oldest.asker, cannot(&oldest.query)));
        }
        self.next += 1;
        forward.number = self.next;
        match self.ask(&mut forward, now_ns) {
            true => self.list.push(forward),
            false => answers.push((forward.asker, cannot(&forward.query))),
        }
        answers
    }

    /// A server has answered, or cannot be asked.
    pub(super) fn ready(&mut self, number: u64, now_ns: i64) -> Answers {
        let Some(index) = self.list.iter().position(|forward| forward.number == number) else {
            return Vec::new();
        };
        match receive(&mut self.list[index]) {
            Ok(None) => Vec::new(),
            Ok(Some(mut answer)) => {
                let forward = self.list.remove(index);
                answer[..2].copy_from_slice(&forward.query[..2]);
                vec![(forward.asker, answer)]
            }
            Err(()) => self.ask_next(index, now_ns),
        }
    }

    /// Turns to the next server where one took too long.
    pub(super) fn expire(&mut self, now_ns: i64) -> Answers {
        let mut answers = Vec::new();
        while let Some(index) = self.list.iter().position(|forward| forward.deadline_ns <= now_ns) {
            answers.extend(self.ask_next(index, now_ns));
        }
        answers
    }

    fn ask_next(&mut self, index: usize, now_ns: i64) -> Answers {
        let mut forward = self.list.remove(index);
        if self.ask(&mut forward, now_ns) {
            self.list.push(forward);
            return Vec::new();
        }
        vec![(forward.asker, cannot(&forward.query))]
    }

    /// Asks the next server that can be; whether there was one.
    fn ask(&self, forward: &mut Forward, now_ns: i64) -> bool {
        while forward.attempts < ATTEMPTS && !forward.upstreams.is_empty() {
            let upstream = forward.upstreams[forward.attempts % forward.upstreams.len()].clone();
            forward.attempts += 1;
            forward.deadline_ns = now_ns + PATIENCE_NS;
            forward.inbox.clear();
            if self.send(forward, &upstream).is_ok() {
                return true;
            }
        }
        false
    }

    fn send(&self, forward: &mut Forward, upstream: &Upstream) -> Result<(), Errno> {
        let (id, _) = forward.sent.split_first_chunk_mut::<2>().ok_or(Errno::INVAL)?;
        getrandom(&mut *id, GetRandomFlags::empty())?;
        let socket = if upstream.from_host {
            connected(upstream.address, forward.by_stream())?
        } else {
            sys::enter_namespaces(&self.network, libc::CLONE_NEWNET)?;
            let socket = connected(upstream.address, forward.by_stream());
            // Nothing of this process may stay in the container's network; that the way back is open was seen at the beginning.
            sys::enter_namespaces(&self.own, libc::CLONE_NEWNET)?;
            socket?
        };
        forward.outbox.clear();
        if forward.by_stream() {
            put_message(&mut forward.outbox, &forward.sent);
        } else {
            send(&socket, &forward.sent, SendFlags::NOSIGNAL)?;
        }
        forward.socket = Some(socket);
        Ok(())
    }
}

/// A socket that sends to a server and hears from nobody else. It does not wait.
fn connected(address: IpAddr, stream: bool) -> Result<OwnedFd, Errno> {
    let family = match address {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    };
    let kind = if stream {
        SocketType::STREAM
    } else {
        SocketType::DGRAM
    };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    match connect(&socket, &SocketAddr::new(address, DNS_PORT)) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error),
    }
}

/// What has come: a whole answer, or nothing yet. An error if none is to be expected from this server.
fn receive(forward: &mut Forward) -> Result<Option<Vec<u8>>, ()> {
    let Some(socket) = &forward.socket else {
        return Err(());
    };
    let mut buffer = vec![0; LARGEST_ANSWER];
    loop {
        if forward.by_stream() && !forward.outbox.is_empty() {
            match send(socket, &forward.outbox, SendFlags::NOSIGNAL) {
                Ok(length) => drop(forward.outbox.drain(..length)),
                Err(Errno::AGAIN) => {}
                Err(_) => return Err(()),
            }
        }
        let length = match recv(socket, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((length, _)) => length,
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => return Ok(None),
            Err(_) => return Err(()),
        };
        let message = if forward.by_stream() {
            if length == 0 {
                return Err(());
            }
            forward.inbox.extend_from_slice(&buffer[..length]);
            match take_message(&mut forward.inbox) {
                Some(message) => message,
                None => continue,
            }
        } else {
            buffer[..length].to_vec()
        };
        if !is_answer(&message, &forward.sent) {
            // By UDP anybody who has guessed the port may have sent it; the server's own may still come.
            if forward.by_stream() {
                return Err(());
            }
            continue;
        }
        let last = forward.attempts >= ATTEMPTS.min(forward.upstreams.len());
        if UNHELPFUL.contains(&(message[3] & 0x0f)) && !last {
            return Err(());
        }
        return Ok(Some(message));
    }
}
