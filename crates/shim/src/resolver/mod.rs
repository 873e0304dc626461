//! The container's name server on 127.0.0.11: answers what the daemon has written down, and asks others for the rest.
//!
//! Part of the supervisor's one loop: nothing here waits. What is kept for askers is bounded in number and time, and costs
//! nothing while nobody asks.

mod book;
mod forward;
mod stream;

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use corten_dns::{LARGEST_QUERY, Reaction, failure, react};

use book::Book;
use forward::{Answers, Forward, Forwards};
use stream::Stream;

/// Queries answered at a time, before others have their turn.
const BATCH: usize = 64;
/// Who has asked twice within this time, in nanoseconds, is about to ask again: going to sleep and being woken takes longer than an
/// answer, so it is looked for the next query for a moment.
const RUSH_NS: i64 = 100_000;
/// How often: some ten microseconds.
const LOOKS: usize = 40;
/// Askers by TCP at a time; the one that has said nothing for longest makes room.
const MAX_STREAMS: usize = 32;

/// Names what became ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// Queries by UDP.
    Datagrams,
    /// Askers by TCP.
    Listener,
    /// One of them, by number.
    Stream(u64),
    /// A server that was asked, by number.
    Upstream(u64),
}

/// Who is to have an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    Datagram(SocketAddr),
    Stream(u64),
}

/// The server of one container.
#[derive(Debug)]
pub struct Resolver {
    datagrams: UdpSocket,
    listener: TcpListener,
    book: Book,
    forwards: Forwards,
    streams: Vec<Stream>,
    /// When there were datagrams last.
    asked_ns: i64,
    /// Number of the next asker by TCP.
    next: u64,
    turn: usize,
}

impl Resolver {
    /// Serves on these sockets, which do not wait, with the settings in that file; asks others from the network namespace `network`.
    ///
    /// # Errors
    /// When the own network namespace, to come back to, cannot be opened.
    pub fn new(
        datagrams: UdpSocket,
        listener: TcpListener,
        network: OwnedFd,
        settings: PathBuf,
    ) -> std::io::Result<Self> {
        Ok(Self {
            datagrams,
            listener,
            book: Book::new(settings),
            forwards: Forwards::new(network)?,
            streams: Vec::new(),
            asked_ns: 0,
            next: 0,
            turn: 0,
        })
    }

    /// What to wait for.
    pub fn collect(&self, mut wait: impl FnMut(RawFd, i16, Token)) {
        wait(self.datagrams.as_raw_fd(), libc::POLLIN, Token::Datagrams);
        wait(self.listener.as_raw_fd(), libc::POLLIN, Token::Listener);
        for stream in &self.streams {
            wait(stream.fd(), stream.events(), Token::Stream(stream.number));
        }
        self.forwards
            .each(|fd, events, number| wait(fd, events, Token::Upstream(number)));
    }

    /// When something is to be given up next, in nanoseconds of the monotonic clock.
    pub fn deadline_ns(&self) -> Option<i64> {
        let streams = self.streams.iter().map(|stream| stream.deadline_ns);
        streams.chain(self.forwards.deadline_ns()).min()
    }

    /// Does what has become possible.
    pub fn handle(&mut self, token: Token, now_ns: i64) {
        match token {
            Token::Datagrams => self.datagrams(now_ns),
            Token::Listener => self.accept(now_ns),
            Token::Stream(number) => self.stream(number, now_ns),
            Token::Upstream(number) => {
                let answers = self.forwards.ready(number, now_ns);
                self.pass_on(answers);
            }
        }
    }

    /// Gives up what has taken too long.
    pub fn expire(&mut self, now_ns: i64) {
        let answers = self.forwards.expire(now_ns);
        self.pass_on(answers);
        self.streams.retain(|stream| stream.deadline_ns > now_ns);
    }

    fn datagrams(&mut self, now_ns: i64) {
        let mut buffer = [0; LARGEST_QUERY];
        let looks = if now_ns - self.asked_ns < RUSH_NS {
            LOOKS
        } else {
            1
        };
        self.asked_ns = now_ns;
        for _ in 0..BATCH {
            let Some((length, asker)) = (0..looks).find_map(|_| self.datagrams.recv_from(&mut buffer).ok())
            else {
                break;
            };
            self.query(&buffer[..length], Asker::Datagram(asker), now_ns);
        }
    }

    fn accept(&mut self, now_ns: i64) {
        while let Ok((socket, _)) = self.listener.accept() {
            if socket.set_nonblocking(true).is_err() {
                continue;
            }
            if self.streams.len() == MAX_STREAMS {
                let oldest = (0..MAX_STREAMS).min_by_key(|index| self.streams[*index].deadline_ns);
                self.streams.swap_remove(oldest.unwrap_or(0));
            }
            self.next += 1;
            self.streams.push(Stream::new(self.next, socket, now_ns));
        }
    }

    fn stream(&mut self, number: u64, now_ns: i64) {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.number == number) else {
            return;
        };
        for query in stream.exchange(now_ns) {
            self.query(&query, Asker::Stream(number), now_ns);
        }
        self.streams.retain(|stream| !stream.is_over());
    }

    fn query(&mut self, query: &[u8], asker: Asker, now_ns: i64) {
        self.turn = self.turn.wrapping_add(1);
        self.book.refresh();
        let by_stream = matches!(asker, Asker::Stream(_));
        match react(query, self.book.names(), self.turn, by_stream) {
            Reaction::Answer(answer) => self.answer(asker, &answer),
            Reaction::Ignore => {}
            Reaction::Forward => {
                let upstreams = self.book.names().settings.upstreams.clone();
                let forward = Forward::new(query.to_vec(), asker, upstreams);
                if let Some(stream) = self.stream_of(asker) {
                    stream.wait();
                }
                let answers = self.forwards.begin(forward, now_ns);
                self.pass_on(answers);
            }
        }
    }

    /// Answers what others were asked.
    fn pass_on(&mut self, answers: Answers) {
        for (asker, answer) in answers {
            self.answer(asker, &answer);
            if let Some(stream) = self.stream_of(asker) {
                stream.waited();
            }
        }
        self.streams.retain(|stream| !stream.is_over());
    }

    fn answer(&mut self, asker: Asker, answer: &[u8]) {
        if let Asker::Datagram(address) = asker {
            // Whoever does not take it asks again.
            drop(self.datagrams.send_to(answer, address));
        } else if let Some(stream) = self.stream_of(asker) {
            stream.send(answer);
        }
    }

    fn stream_of(&mut self, asker: Asker) -> Option<&mut Stream> {
        let Asker::Stream(number) = asker else { return None };
        self.streams.iter_mut().find(|stream| stream.number == number)
    }
}

/// The answer to who cannot be helped.
fn cannot(query: &[u8]) -> Vec<u8> {
    failure(query).unwrap_or_default()
}
