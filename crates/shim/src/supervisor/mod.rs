//! The shim's life beside its container: one loop over everything that can happen.
//!
//! ```text
//! init:  Waiting --Proceed--> Starting --execve--> Running --exit--> Exited --drained--> record, events, end
//! ```
//! Each turn waits for events (there is no timer unless an ended process is being drained), handles them, and then moves
//! on whatever became ready: no handler waits for anything itself.

mod ending;
mod requests;
mod starting;
mod streams;

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;

use corten_cgroup::Cgroup;
use corten_shim_api::{Event, ExitRecord, FrameKind, Response};
use rustix::time::{ClockId, clock_gettime};

use crate::client::{Client, ClientId, Role};
use crate::launch::Launched;
use crate::log::Log;
use crate::oom::OomWatch;
use crate::resolver::{Resolver, Token};
use crate::sys;
use crate::task::{Phase, Stream, Task};

/// How long after a process's end its output is waited for if someone else still holds it open, in nanoseconds.
const DRAIN_NS: i64 = 1_000_000_000;

/// The connection the shim was started with.
const CONTROL: ClientId = 0;

/// A container with everything that belongs to it.
pub struct Supervisor {
    id: String,
    stdin_once: bool,
    /// The client whose end of input ends the init's, if `stdin_once`.
    first_stdin: Option<ClientId>,
    clients: Vec<Client>,
    next_client: ClientId,
    /// Taken away when the container has ended.
    listener: Option<UnixListener>,
    run_dir: OwnedFd,
    log: Option<Log>,
    cgroup: Cgroup,
    own_pid_namespace: bool,
    needs_network: bool,
    /// Not there until the program runs.
    oom: Option<OomWatch>,
    /// Only on networks whose names it knows.
    resolver: Option<Resolver>,
    init: Task,
    execs: Vec<Task>,
    ended_execs: VecDeque<(String, i32)>,
    /// Size asked for before the terminal was there.
    early_size: Option<(u16, u16)>,
    /// The end, once everybody was told.
    exit: Option<ExitRecord>,
    /// The container could not be made; all that is left is to say so.
    failed: bool,
    polled: Vec<libc::pollfd>,
    sources: Vec<Source>,
}

/// What a polled descriptor is.
#[derive(Debug, Clone)]
enum Source {
    Listener,
    Client(ClientId),
    Oom,
    /// Of the init or of an exec, by pid.
    TaskEnd(u32),
    TaskChannel(u32),
    TaskOutput(u32, Stream),
    TaskInput(u32),
    Resolver(Token),
}

impl Supervisor {
    /// Takes over a container that was made, and the connection its maker is at.
    ///
    /// # Errors
    /// When the connection is none.
    pub fn new(
        id: String,
        stdin_once: bool,
        launched: Launched,
        control: OwnedFd,
    ) -> Result<Self, rustix::io::Errno> {
        let mut control = Client::new(CONTROL, control)?;
        control.watches = true;
        Ok(Self {
            id,
            stdin_once,
            first_stdin: None,
            clients: vec![control],
            next_client: CONTROL + 1,
            listener: Some(launched.listener),
            run_dir: launched.run_dir,
            log: launched.log,
            cgroup: launched.cgroup,
            own_pid_namespace: launched.own_pid_namespace,
            needs_network: launched.needs_network,
            oom: None,
            resolver: None,
            init: launched.init,
            execs: Vec::new(),
            ended_execs: VecDeque::new(),
            early_size: None,
            exit: None,
            failed: false,
            polled: Vec::new(),
            sources: Vec::new(),
        })
    }

    /// Looks after the container until it is gone and everybody has been told. The process's exit code.
    pub fn run(mut self) -> i32 {
        loop {
            self.collect_sources();
            if self.polled.is_empty() {
                break;
            }
            let timeout_ms = self.timeout_ms();
            sys::poll(&mut self.polled, timeout_ms);
            for index in 0..self.polled.len() {
                let happened = self.polled[index].revents;
                if happened != 0 {
                    let source = self.sources[index].clone();
                    self.handle(&source, happened);
                }
            }
            self.settle();
        }
        i32::from(self.failed)
    }

    /// Lists what to wait for, given the state everything is in.
    fn collect_sources(&mut self) {
        let (mut polled, mut sources) = (
            std::mem::take(&mut self.polled),
            std::mem::take(&mut self.sources),
        );
        polled.clear();
        sources.clear();
        let mut wait = |fd: i32, events: i16, source: Source| {
            polled.push(libc::pollfd {
                fd,
                events,
                revents: 0,
            });
            sources.push(source);
        };
        if let Some(listener) = &self.listener {
            wait(listener.as_raw_fd(), libc::POLLIN, Source::Listener);
        }
        for client in &self.clients {
            let mut events = 0;
            if self.is_heard(client) {
                events |= libc::POLLIN;
            }
            if client.queued() > 0 {
                events |= libc::POLLOUT;
            }
            // Without anything to wait for a closed connection would be reported over and over.
            if events != 0 {
                wait(client.as_fd().as_raw_fd(), events, Source::Client(client.id));
            }
        }
        if let Some(oom) = &self.oom {
            wait(oom.as_fd().as_raw_fd(), oom.events(), Source::Oom);
        }
        if let Some(resolver) = self
            .resolver
            .as_ref()
            .filter(|_| self.exit.is_none() && !self.failed)
        {
            resolver.collect(|fd, events, token| wait(fd, events, Source::Resolver(token)));
        }
        for task in self.tasks().filter(|_| self.exit.is_none() && !self.failed) {
            match &task.phase {
                Phase::Waiting(channel) | Phase::Starting { channel, .. } => {
                    wait(
                        channel.as_fd().as_raw_fd(),
                        libc::POLLIN,
                        Source::TaskChannel(task.pid),
                    );
                }
                Phase::Running => wait(task.pidfd.as_raw_fd(), libc::POLLIN, Source::TaskEnd(task.pid)),
                Phase::Broken(_) | Phase::Exited { .. } => {}
            }
            if task.has_started() && !self.is_congested(task) {
                for stream in [Stream::Out, Stream::Err] {
                    if let Some(fd) = task.output(stream) {
                        wait(fd.as_raw_fd(), libc::POLLIN, Source::TaskOutput(task.pid, stream));
                    }
                }
            }
            if !task.input.pending.is_empty()
                && let Some(fd) = task.terminal.as_ref().or(task.input.pipe.as_ref())
            {
                wait(fd.as_raw_fd(), libc::POLLOUT, Source::TaskInput(task.pid));
            }
        }
        (self.polled, self.sources) = (polled, sources);
    }

    fn handle(&mut self, source: &Source, happened: i16) {
        match *source {
            Source::Listener => self.accept(),
            Source::Client(id) => {
                if let Some(client) = self.client(id) {
                    if happened & libc::POLLOUT != 0 {
                        client.flush();
                    }
                    if happened & (libc::POLLIN | libc::POLLHUP | libc::POLLERR) != 0 && !client.ended {
                        client.receive();
                    }
                }
            }
            Source::Oom => {
                if self.oom.as_mut().is_some_and(OomWatch::has_happened) {
                    self.tell_watchers(&Event::OutOfMemory);
                }
            }
            Source::Resolver(token) => {
                if let Some(resolver) = &mut self.resolver {
                    resolver.handle(token, monotonic_ns());
                }
            }
            Source::TaskEnd(pid) => self.task_ended(pid),
            Source::TaskChannel(pid) => self.task_speaks(pid),
            Source::TaskOutput(pid, stream) => {
                self.pump(pid, stream);
            }
            Source::TaskInput(pid) => {
                if let Some(task) = self.task(pid) {
                    task.push_input();
                }
            }
        }
    }

    /// Moves on what the handlers made ready.
    fn settle(&mut self) {
        self.serve_clients();
        self.tell_news_of_the_log();
        self.finish_ended_execs();
        self.finish_init();
        if let Some(resolver) = &mut self.resolver {
            resolver.expire(monotonic_ns());
        }
        self.drop_done_clients();
    }

    /// Milliseconds until draining is given up; -1 if nothing is being drained.
    fn timeout_ms(&self) -> i32 {
        if self.exit.is_some() || self.failed {
            return -1;
        }
        let drained = self.tasks().filter_map(|task| task.drain_until_ns);
        let next = drained
            .chain(self.resolver.as_ref().and_then(Resolver::deadline_ns))
            .min();
        next.map_or(-1, |until| {
            ((until - monotonic_ns()).max(0) / 1_000_000 + 1) as i32
        })
    }

    fn tasks(&self) -> impl Iterator<Item = &Task> {
        std::iter::once(&self.init).chain(&self.execs)
    }

    fn task(&mut self, pid: u32) -> Option<&mut Task> {
        std::iter::once(&mut self.init)
            .chain(&mut self.execs)
            .find(|task| task.pid == pid)
    }

    /// The init (`None`) or a running exec by its identifier.
    fn task_named(&mut self, exec: Option<&str>) -> Option<&mut Task> {
        std::iter::once(&mut self.init)
            .chain(&mut self.execs)
            .find(|task| task.exec.as_deref() == exec)
    }

    fn client(&mut self, id: ClientId) -> Option<&mut Client> {
        self.clients.iter_mut().find(|client| client.id == id)
    }

    /// Whether what a client says is received at present.
    fn is_heard(&self, client: &Client) -> bool {
        if client.ended || client.waits || client.closing {
            return false;
        }
        match &client.role {
            Role::Requests => true,
            Role::Attached(attachment) => self
                .tasks()
                .find(|task| task.exec == attachment.exec)
                .is_none_or(|task| task.input.pending.is_empty()),
        }
    }

    /// Tells what has changed about the log, or keeps it for the next daemon.
    fn tell_news_of_the_log(&mut self) {
        if !self.clients.iter().any(|client| client.watches && !client.ended) {
            return;
        }
        while let Some(news) = self.log.as_mut().and_then(Log::take_news) {
            self.tell_watchers(&news);
        }
    }

    fn tell_watchers(&mut self, event: &Event) {
        for client in self
            .clients
            .iter_mut()
            .filter(|client| client.watches && !client.ended)
        {
            client.send_json(FrameKind::Event, event);
        }
    }

    fn answer(&mut self, id: ClientId, response: &Response) {
        if let Some(client) = self.client(id) {
            client.waits = false;
            client.send_json(FrameKind::Response, response);
        }
    }
}

/// Nanoseconds of a clock that nobody sets.
fn monotonic_ns() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
