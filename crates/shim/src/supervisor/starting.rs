//! From a cloned process to a running program: what it reports on its channel.

use corten_shim_api::{ErrorStage, Response, RuntimeFailure};

use super::{CONTROL, Supervisor};
use crate::channel::Message;
use crate::client::{Attachment, Role};
use crate::failure::failure;
use crate::init::terminal::resize;
use crate::launch::{end, remove_socket};
use crate::oom::OomWatch;
use crate::task::{Phase, set_nonblocking};
use std::os::fd::AsFd;

impl Supervisor {
    /// Hears one message of a process that is being made.
    pub(super) fn task_speaks(&mut self, pid: u32) {
        let early_size = self.early_size;
        let Some(task) = self.task(pid) else { return };
        let (Phase::Waiting(channel) | Phase::Starting { channel, .. }) = &task.phase else {
            return;
        };
        match channel.receive() {
            Message::Terminal(master) => {
                // Without it output could not be read without waiting: rather none at all.
                if set_nonblocking(&master).is_ok() {
                    if let Some(size) = early_size.filter(|_| task.exec.is_none()) {
                        let _impossible = resize(&master, size);
                    }
                    task.terminal = Some(master);
                    task.push_input();
                }
            }
            Message::Executing => {
                if let Phase::Starting { executing, .. } = &mut task.phase {
                    *executing = true;
                }
            }
            Message::Failed(failed) => self.task_failed(pid, failed),
            Message::Closed => {
                if matches!(task.phase, Phase::Starting { executing: true, .. }) {
                    self.task_started(pid);
                } else {
                    let message = "the process was killed before it became its program";
                    self.task_failed(pid, failure(ErrorStage::Namespace, message));
                }
            }
            // Not said by children.
            Message::CgroupReady | Message::Proceed(_) => {}
        }
    }

    fn task_started(&mut self, pid: u32) {
        let Some(task) = self.task(pid) else { return };
        let Phase::Starting { reply_to, .. } = task.phase else {
            return;
        };
        task.phase = Phase::Running;
        let exec = task.exec.clone();
        self.answer(reply_to, &Response::Started { pid });
        if exec.is_none() {
            // Not on the way of the start: whoever waits for it has been told.
            self.oom = OomWatch::new(&self.cgroup);
        }
    }

    fn task_failed(&mut self, pid: u32, failed: RuntimeFailure) {
        let Some(task) = self.task(pid) else { return };
        end(task);
        let reply_to = match task.phase {
            Phase::Starting { reply_to, .. } => Some(reply_to),
            _ => None,
        };
        if let Some(index) = self.execs.iter().position(|exec| exec.pid == pid) {
            self.execs.remove(index);
            if let Some(client) = reply_to.and_then(|id| self.client(id)) {
                client.role = Role::Requests;
            }
        } else if reply_to.is_some() {
            self.give_up();
        } else {
            // The daemon hears of it when it wants to go on.
            self.init.phase = Phase::Broken(failed);
            return;
        }
        if let Some(id) = reply_to {
            self.answer(id, &Response::Failed(failed));
        }
    }

    /// Undoes the container; the init is dead already. Only the answer is left to be sent.
    pub(super) fn give_up(&mut self) {
        // Leaving a cgroup behind is bad; not answering because of it would be worse.
        let _left = self.cgroup.kill_all();
        let _left = self.cgroup.remove();
        remove_socket(self.run_dir.as_fd());
        self.listener = None;
        self.failed = true;
        for client in &mut self.clients {
            client.closing = true;
        }
    }

    /// The daemon is gone before it heard that the container runs: nobody will ever want it.
    pub(super) fn abandon_if_unwanted(&mut self) {
        let on_its_way = matches!(self.init.phase, Phase::Waiting(_) | Phase::Starting { .. });
        let unwanted = on_its_way || matches!(self.init.phase, Phase::Broken(_));
        let alone = !self
            .clients
            .iter()
            .any(|client| client.id == CONTROL && !client.ended);
        if unwanted && alone && !self.failed {
            if on_its_way {
                end(&self.init);
            }
            self.give_up();
        }
    }

    /// Makes a client the one that has the streams of an exec.
    pub(super) fn attach_to_exec(&mut self, id: u64, exec: &str, stdin: bool) {
        if let Some(client) = self.client(id) {
            client.role = Role::Attached(Attachment {
                exec: Some(exec.to_owned()),
                stdin,
                stdout: true,
                stderr: true,
            });
        }
    }
}
