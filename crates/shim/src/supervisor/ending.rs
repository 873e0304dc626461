//! From the end of a process to the moment everybody knows of it.

use std::os::fd::AsFd;

use corten_shim_api::{EXIT_FILE_NAME, Event, ExitRecord, FrameKind};
use rustix::fs::{Mode, OFlags, openat, renameat};

use super::{DRAIN_NS, Supervisor, monotonic_ns};
use crate::launch::remove_socket;
use crate::log::now_ns;
use crate::task::{Phase, Task};

/// How many ended execs are remembered.
const MAX_ENDED: usize = 64;

impl Supervisor {
    /// A process has ended: note how, and let its output run out.
    pub(super) fn task_ended(&mut self, pid: u32) {
        let own_pid_namespace = self.own_pid_namespace;
        let Some(task) = self.task(pid) else { return };
        let Some(code) = task.reap(false) else { return };
        task.phase = Phase::Exited {
            code,
            at_ns: now_ns(),
        };
        task.drain_until_ns = Some(monotonic_ns() + DRAIN_NS);
        task.input = Default::default();
        if task.exec.is_none() && !own_pid_namespace {
            // The kernel ends the other processes only along with a pid namespace.
            let _tried_again_at_removal = self.cgroup.kill_all();
        }
        self.pump_all(pid);
    }

    /// Reports execs that have ended and said everything.
    pub(super) fn finish_ended_execs(&mut self) {
        while let Some(index) = self.execs.iter().position(is_finished) {
            let task = self.execs.remove(index);
            let (Some(exec), Phase::Exited { code, at_ns }) = (task.exec, task.phase) else {
                continue;
            };
            let record = ExitRecord {
                code,
                oom_killed: false,
                finished_at_ns: at_ns,
            };
            self.release_clients(Some(&exec), &record);
            if self.ended_execs.len() == MAX_ENDED {
                self.ended_execs.pop_front();
            }
            self.ended_execs.push_back((exec.clone(), code));
            self.tell_watchers(&Event::ExecExited { exec, code });
        }
    }

    /// Once the init has ended and said everything, and with it all execs: records that, removes what is left, tells all.
    pub(super) fn finish_init(&mut self) {
        let Phase::Exited { code, at_ns } = self.init.phase else {
            return;
        };
        if self.exit.is_some() || !is_finished(&self.init) {
            return;
        }
        let overdue = self
            .init
            .drain_until_ns
            .is_some_and(|until| until <= monotonic_ns());
        if !self.execs.is_empty() && !overdue {
            return;
        }
        let oom_killed = self.cgroup.oom_kill_count().is_ok_and(|count| count > 0);
        let record = ExitRecord {
            code,
            oom_killed,
            finished_at_ns: at_ns,
        };
        if let Some(log) = &mut self.log {
            log.finish(crate::task::Stream::Out);
            log.finish(crate::task::Stream::Err);
        }
        self.tell_news_of_the_log();
        // Without the record the daemon learns of the end all the same, if it is there.
        let _full_disk = self.write_exit_record(&record);
        self.release_clients(None, &record);
        self.oom = None;
        let _left = self.cgroup.remove();
        remove_socket(self.run_dir.as_fd());
        self.listener = None;
        self.tell_watchers(&Event::Exited(record.clone()));
        for client in &mut self.clients {
            client.closing = true;
        }
        self.exit = Some(record);
    }

    /// Tells attached clients that their process has ended.
    fn release_clients(&mut self, exec: Option<&str>, record: &ExitRecord) {
        for client in &mut self.clients {
            if client.attachment_to(exec).is_some() {
                client.send_json(FrameKind::Exit, record);
                client.closing = true;
            }
        }
    }

    fn write_exit_record(&self, record: &ExitRecord) -> std::io::Result<()> {
        use std::io::Write;

        const TEMPORARY: &str = "exit.json.tmp";
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        let file = openat(&self.run_dir, TEMPORARY, flags, Mode::from_raw_mode(0o600))?;
        std::fs::File::from(file).write_all(&serde_json::to_vec(record)?)?;
        renameat(&self.run_dir, TEMPORARY, &self.run_dir, EXIT_FILE_NAME)?;
        Ok(())
    }
}

/// Ended, and drained or not worth waiting for.
fn is_finished(task: &Task) -> bool {
    task.exit_code().is_some()
        && (task.is_drained() || task.drain_until_ns.is_some_and(|until| until <= monotonic_ns()))
}
