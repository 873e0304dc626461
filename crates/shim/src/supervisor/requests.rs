//! Connections and what they ask for.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use corten_shim_api::{
    ErrorStage, ExecRequest, Frame, FrameKind, PROTOCOL_VERSION, RESOLVER_FILE_NAME, Request,
    ResolverSockets, Response, ShimState,
};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::Supervisor;
use crate::channel::Message;
use crate::client::{Attachment, Client, ClientId, Role};
use crate::failure::{Context, errno_text, failure};
use crate::init::terminal::resize;
use crate::log::Log;
use crate::resolver::Resolver;
use crate::task::{Phase, Task};
use crate::{exec, sys};

impl Supervisor {
    /// Takes new connections, of root alone.
    pub(super) fn accept(&mut self) {
        let Some(listener) = &self.listener else { return };
        while let Ok((socket, _)) = listener.accept() {
            let trusted = rustix::net::sockopt::socket_peercred(&socket).is_ok_and(|peer| peer.uid.is_root());
            if trusted && let Ok(client) = Client::new(self.next_client, socket.into()) {
                self.clients.push(client);
                self.next_client += 1;
            }
        }
    }

    /// Handles what clients have said, as far as it can be handled now.
    pub(super) fn serve_clients(&mut self) {
        let mut index = 0;
        while let Some(client) = self.clients.get(index) {
            let id = client.id;
            while let Some(frame) = self.next_frame(id) {
                self.frame(id, &frame);
            }
            index += 1;
        }
    }

    /// Forgets clients that are gone, and what depended on them.
    pub(super) fn drop_done_clients(&mut self) {
        let mut index = 0;
        while let Some(client) = self.clients.get(index) {
            // What it said last may still have to be taken in.
            let unheard = !client.closing && (client.waits || client.has_frame());
            if !client.is_done() || unheard {
                index += 1;
                continue;
            }
            let client = self.clients.remove(index);
            if let Role::Attached(attachment) = client.role
                && attachment.stdin
            {
                self.end_input(client.id, attachment.exec.as_deref());
            }
        }
        self.abandon_if_unwanted();
    }

    fn next_frame(&mut self, id: ClientId) -> Option<Frame> {
        let client = self.clients.iter().find(|client| client.id == id)?;
        let held_up = match &client.role {
            Role::Requests => false,
            Role::Attached(attachment) => self
                .tasks()
                .any(|task| task.exec == attachment.exec && !task.input.pending.is_empty()),
        };
        if held_up || client.waits || client.closing {
            return None;
        }
        let client = self.client(id)?;
        match client.next_frame() {
            Ok(frame) => frame,
            Err(_) => {
                client.ended = true;
                client.closing = true;
                None
            }
        }
    }

    fn frame(&mut self, id: ClientId, frame: &Frame) {
        let Some(client) = self.client(id) else { return };
        match (&client.role, frame.kind) {
            (Role::Requests, FrameKind::Request) => match frame.json::<Request>() {
                Ok(request) => {
                    if let Some(response) = self.request(id, request) {
                        self.answer(id, &response);
                    }
                }
                Err(error) => {
                    let message = crate::failure::chain(&error);
                    self.answer(id, &Response::Error { message });
                }
            },
            (Role::Attached(attachment), FrameKind::Stdin) => {
                let (exec, stdin) = (attachment.exec.clone(), attachment.stdin);
                if let Some(task) = self.task_named(exec.as_deref()).filter(|_| stdin) {
                    task.feed(&frame.payload);
                }
            }
            (Role::Attached(attachment), FrameKind::StdinEof) => {
                let (exec, stdin) = (attachment.exec.clone(), attachment.stdin);
                if stdin {
                    self.end_input(id, exec.as_deref());
                }
            }
            // Makes no sense here: nothing it says can be trusted to.
            _ => {
                client.ended = true;
                client.closing = true;
            }
        }
    }

    /// A client's input has ended. An exec's input is its own client's; the init's ends only with `stdin_once`.
    fn end_input(&mut self, id: ClientId, exec: Option<&str>) {
        let ends = exec.is_some() || (self.stdin_once && self.first_stdin == Some(id));
        if let Some(task) = self.task_named(exec).filter(|_| ends) {
            task.end_input();
        }
    }

    /// Does what is asked; `None` if the answer comes later.
    fn request(&mut self, id: ClientId, request: Request) -> Option<Response> {
        match request {
            Request::Launch(_) => Some(error("the container is launched already")),
            Request::Proceed { netns, resolver } => {
                let failed = match self.proceed(id, netns.as_deref(), resolver) {
                    Ok(()) => {
                        return self.client(id).and_then(|client| {
                            client.waits = true;
                            None
                        });
                    }
                    Err(Some(failed)) => failed,
                    Err(None) => return Some(error("the container was told to go on already")),
                };
                if let Phase::Waiting(_) = self.init.phase {
                    crate::launch::end(&self.init);
                }
                self.give_up();
                Some(Response::Failed(failed))
            }
            Request::Resolve(sockets) => Some(self.resolve(sockets)),
            Request::Hello { .. } => Some(Response::State(self.state())),
            Request::Watch => {
                let state = self.state();
                self.client(id)?.watches = true;
                Some(Response::State(state))
            }
            Request::Attach {
                stdin,
                stdout,
                stderr,
            } => {
                if stdin && self.first_stdin.is_none() {
                    self.first_stdin = Some(id);
                }
                self.client(id)?.role = Role::Attached(Attachment {
                    exec: None,
                    stdin,
                    stdout,
                    stderr,
                });
                Some(Response::Ok)
            }
            Request::Exec(request) => self.exec(id, &request),
            Request::Signal { exec, signal, group } => Some(self.signal(exec.as_deref(), signal, group)),
            Request::Resize { exec, columns, rows } => Some(self.resize(exec.as_deref(), (columns, rows))),
            Request::FlushLog => {
                if self.init.has_started() {
                    self.pump_all(self.init.pid);
                }
                Some(match self.log.as_mut().map_or(0, Log::take_dropped) {
                    0 => Response::Ok,
                    lost => error(&format!("{lost} log entries could not be written")),
                })
            }
        }
    }

    /// `Err(None)`: it has been done before.
    fn proceed(
        &mut self,
        id: ClientId,
        netns: Option<&std::path::Path>,
        sockets: Option<ResolverSockets>,
    ) -> Result<(), Option<corten_shim_api::RuntimeFailure>> {
        if let Phase::Broken(failed) = &self.init.phase {
            return Err(Some(failed.clone()));
        }
        if !matches!(self.init.phase, Phase::Waiting(_)) {
            return Err(None);
        }
        let network = match netns {
            Some(path) if self.needs_network => Some(
                open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
                    .context(ErrorStage::Namespace, || {
                        format!("open network namespace {}", path.display())
                    })?,
            ),
            None if self.needs_network => {
                return Err(Some(failure(
                    ErrorStage::Namespace,
                    "no network namespace was prepared",
                )));
            }
            _ => None,
        };
        if let (Some(sockets), Some(network)) = (sockets, &network) {
            let resolver = network
                .try_clone()
                .and_then(|network| self.open_resolver(sockets, network));
            self.resolver =
                Some(resolver.context(ErrorStage::Namespace, || "serve names in the container".into())?);
        }
        let phase = std::mem::replace(&mut self.init.phase, Phase::Running);
        if let Phase::Waiting(channel) = phase {
            channel.send(&Message::Proceed(network));
            self.init.phase = Phase::Starting {
                channel,
                executing: false,
                reply_to: id,
            };
        }
        Ok(())
    }

    fn resolve(&mut self, sockets: ResolverSockets) -> Response {
        if self.init.exit_code().is_some() {
            return error("the container is not running");
        }
        let path = format!("/proc/{}/ns/net", self.init.pid);
        let network = std::fs::File::open(path).map(OwnedFd::from);
        match network.and_then(|network| self.open_resolver(sockets, network)) {
            Ok(resolver) => {
                self.resolver = Some(resolver);
                Response::Ok
            }
            Err(failed) => error(&format!("cannot serve names in the container: {failed}")),
        }
    }

    fn open_resolver(&self, sockets: ResolverSockets, network: OwnedFd) -> std::io::Result<Resolver> {
        let pid = i32::try_from(sockets.pid).ok().and_then(Pid::from_raw);
        let process = pidfd_open(pid.ok_or(Errno::SRCH)?, PidfdFlags::empty())?;
        let taken = |fd| pidfd_getfd(&process, fd, PidfdGetfdFlags::empty());
        let settings = format!("/proc/self/fd/{}/{RESOLVER_FILE_NAME}", self.run_dir.as_raw_fd());
        let (udp, tcp) = (taken(sockets.udp)?, taken(sockets.tcp)?);
        Resolver::new(udp.into(), tcp.into(), network, settings.into())
    }

    fn exec(&mut self, id: ClientId, request: &ExecRequest) -> Option<Response> {
        if !matches!(self.init.phase, Phase::Running) {
            return Some(error("the container is not running"));
        }
        let known = self.task_named(Some(&request.id)).is_some()
            || self.ended_execs.iter().any(|(ended, _)| *ended == request.id);
        if known {
            return Some(error(&format!("exec {} exists already", request.id)));
        }
        match exec::start(request, &self.id, self.init.pidfd.as_fd(), &self.cgroup, id) {
            Ok(task) => self.execs.push(task),
            Err(failed) => return Some(Response::Failed(failed)),
        }
        if request.attach {
            self.attach_to_exec(id, &request.id, request.stdin);
        }
        self.client(id)?.waits = true;
        None
    }

    fn signal(&mut self, exec: Option<&str>, signal: i32, group: bool) -> Response {
        let Some(task) = self.task_named(exec).filter(|task| task.exit_code().is_none()) else {
            return error("no such process");
        };
        match send_signal(task, signal, group) {
            Ok(()) => Response::Ok,
            Err(errno) => error(&format!("cannot send signal {signal}: {}", errno_text(errno))),
        }
    }

    fn resize(&mut self, exec: Option<&str>, size: (u16, u16)) -> Response {
        let waiting = !self.init.has_started();
        let Some(task) = self.task_named(exec) else {
            return error("no such process");
        };
        match &task.terminal {
            Some(terminal) => match resize(terminal, size) {
                Ok(()) => Response::Ok,
                Err(errno) => error(&format!("cannot resize the terminal: {}", errno_text(errno))),
            },
            None if exec.is_none() && waiting && task.out.is_none() => {
                self.early_size = Some(size);
                Response::Ok
            }
            None => error("the process has no terminal"),
        }
    }

    fn state(&self) -> ShimState {
        let exited = match self.init.phase {
            Phase::Exited { code, at_ns } => Some(corten_shim_api::ExitRecord {
                code,
                oom_killed: self.cgroup.oom_kill_count().is_ok_and(|count| count > 0),
                finished_at_ns: at_ns,
            }),
            _ => None,
        };
        ShimState {
            version: PROTOCOL_VERSION,
            pid: self.init.pid,
            started: self.init.has_started(),
            exited,
            execs: self
                .execs
                .iter()
                .filter_map(|task| Some((task.exec.clone()?, task.pid)))
                .collect(),
            ended_execs: self.ended_execs.iter().cloned().collect(),
        }
    }
}

fn send_signal(task: &Task, signal: i32, group: bool) -> Result<(), Errno> {
    if group {
        // It leads a session of its own and is not reaped yet: the number is nobody else's.
        sys::signal_group(task.pid, signal)
    } else {
        sys::pidfd_send_signal(&task.pidfd, signal)
    }
}

fn error(message: &str) -> Response {
    Response::Error {
        message: message.to_owned(),
    }
}
