//! `logs`: what a container wrote, and what it goes on to write.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use corten_sandbox::{LogFormat, StreamKind};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, watch};

use crate::clock::now_ns;
use crate::container::Progress;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::log_options;
use crate::log_reader::{Batch, Entries, LogFile, LogQuery, Verdict, open_all, show, skip_to_tail};
use crate::own_thread::on_own_thread;

/// Batches in flight between the reader and a slow client.
const IN_FLIGHT: usize = 2;
/// How often a log is looked at whose changes nobody tells of.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Lines read together, each with its stream.
type Lines = io::Result<Vec<(StreamKind, Bytes)>>;

/// What a container wrote, line by line.
#[derive(Debug)]
pub struct LogStream {
    /// Whether it was written to a terminal.
    pub tty: bool,
    /// Batches of lines; the channel closes at the end.
    pub lines: mpsc::Receiver<Lines>,
}

/// A log, and what of it is wanted by whom.
#[derive(Clone)]
struct Reading {
    path: PathBuf,
    format: LogFormat,
    query: LogQuery,
    client: mpsc::Sender<Lines>,
}

impl Engine {
    /// Reads a container's log.
    ///
    /// # Errors
    /// When there is no such container, it keeps no log, or neither stream is asked for.
    pub fn logs(self: &Arc<Self>, name: &str, query: LogQuery) -> Result<LogStream> {
        let container = self.containers.find(name)?;
        if !query.stdout && !query.stderr {
            return Err(Error::Invalid(
                "Bad parameters: you must choose at least one stream".to_owned(),
            ));
        }
        let (path, format, tty) = {
            let state = container.state();
            let (record, dir) = (&state.record, self.container_dir(container.id()));
            let Some(format) = log_options::format(record) else {
                return Err(Error::UnreadableLog);
            };
            (log_options::path(record, &dir), format, record.config.tty)
        };
        let (client, lines) = mpsc::channel(IN_FLIGHT);
        let reading = Reading {
            path,
            format,
            query,
            client,
        };
        tokio::spawn(reading.run(container.progress()));
        Ok(LogStream { tty, lines })
    }
}

impl Reading {
    async fn run(self, progress: watch::Receiver<Progress>) {
        let outcome = async {
            // Watched before the first look, so that nothing falls between reading and watching.
            let changes = match Changes::watch(&self.path) {
                _ if !self.query.follow => None,
                // It never ran.
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                watched => Some(watched?),
            };
            let running = progress.borrow().running;
            let (entries, done) = self.offload(Self::past).await?;
            match changes {
                Some(changes) if running && !done => self.follow(entries, changes, progress).await,
                _ => Ok(()),
            }
        };
        if let Err(error) = outcome.await {
            // A client that is gone needs no word about it.
            let _told = self.client.send(Err(error)).await;
        }
    }

    /// Sends what stands in the log; returns the current file at its end, and whether no more is wanted.
    fn past(&self) -> io::Result<(Option<Entries>, bool)> {
        let mut files = open_all(&self.path)?;
        if let Some(wanted) = self.query.tail {
            files = skip_to_tail(files, wanted, self.format)?;
        }
        let mut last = None;
        for log in files {
            let current = log.current;
            let mut entries = Entries::new(log, self.format);
            if current {
                entries.limit_to_present()?;
            }
            if self.send(&mut entries)? {
                return Ok((None, true));
            }
            entries.lift_limit();
            last = current.then_some(entries);
        }
        Ok((last, false))
    }

    /// Sends the entries that are there; true when no more is wanted.
    fn send(&self, entries: &mut Entries) -> io::Result<bool> {
        let mut batch = Batch::default();
        let mut past = false;
        while let Some(raw) = entries.next()? {
            past = show(raw, self.format, &self.query, &mut batch) == Verdict::Past;
            if past {
                break;
            }
            if batch.is_full() && self.client.blocking_send(Ok(batch.take())).is_err() {
                return Ok(true);
            }
        }
        let gone = !batch.is_empty() && self.client.blocking_send(Ok(batch.take())).is_err();
        Ok(past || gone)
    }

    async fn follow(
        &self,
        mut entries: Option<Entries>,
        mut changes: Changes,
        mut progress: watch::Receiver<Progress>,
    ) -> io::Result<()> {
        loop {
            // Looked at before reading: what was written before the end is then read before stopping.
            let ended = !progress.borrow_and_update().running;
            let (read_on, done) = self.offload(move |reading| reading.catch_up(entries)).await?;
            entries = read_on;
            if done || ended {
                return Ok(());
            }
            tokio::select! {
                changed = changes.next() => changed?,
                changed = progress.changed() => if changed.is_err() { return Ok(()) },
                () = self.client.closed() => return Ok(()),
                () = self.time_is_over() => return Ok(()),
            }
        }
    }

    /// Reads on to the end of the current file, going over to the new one after a rotation.
    fn catch_up(&self, mut entries: Option<Entries>) -> io::Result<(Option<Entries>, bool)> {
        loop {
            if let Some(current) = &mut entries {
                current.start_over_if_cut()?;
                if self.send(current)? {
                    return Ok((None, true));
                }
                if !current.file().is_some_and(|file| rotated(file, &self.path)) {
                    return Ok((entries, false));
                }
                // What was written between the last read and the rotation.
                if self.send(current)? {
                    return Ok((None, true));
                }
                // Whole files may have come and gone meanwhile: all that are newer than this one are read.
                let read = current.file().and_then(|file| file.metadata().ok());
                let newer = newer_than(open_all(&self.path)?, read);
                let last = newer.len().saturating_sub(1);
                for (index, log) in newer.into_iter().enumerate() {
                    let mut next = Entries::new(log, self.format);
                    if index < last && self.send(&mut next)? {
                        return Ok((None, true));
                    }
                    entries = Some(next);
                }
                continue;
            }
            match File::open(&self.path) {
                Ok(file) => {
                    let log = LogFile {
                        file,
                        compressed: false,
                        current: true,
                    };
                    entries = Some(Entries::new(log, self.format));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((None, false)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Ready when nothing that is written from then on can be wanted.
    async fn time_is_over(&self) {
        let Some(until) = self.query.until_ns else {
            return std::future::pending().await;
        };
        let left = u64::try_from(until.saturating_sub(now_ns())).unwrap_or(0);
        tokio::time::sleep(std::time::Duration::from_nanos(left)).await;
    }

    async fn offload<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let reading = self.clone();
        on_own_thread(move || work(&reading)).await?
    }
}

/// The files behind the one that was `read`, oldest first. If that one is not among them any more (it was compressed, or is gone),
/// those written to later than it.
fn newer_than(mut files: Vec<LogFile>, read: Option<Metadata>) -> Vec<LogFile> {
    let Some(read) = read else { return files };
    let is_read = |log: &LogFile| log.file.metadata().is_ok_and(|meta| meta.ino() == read.ino());
    let modified = |meta: &Metadata| (meta.mtime(), meta.mtime_nsec());
    match files.iter().rposition(is_read) {
        Some(place) => drop(files.drain(..=place)),
        None => files.retain(|log| {
            log.current
                || log
                    .file
                    .metadata()
                    .is_ok_and(|meta| modified(&meta) > modified(&read))
        }),
    }
    files
}

/// Whether the log goes on in another file than this. In the middle of a rotation there is none: the directory's next change
/// tells.
fn rotated(file: &File, path: &Path) -> bool {
    match (std::fs::metadata(path), file.metadata()) {
        (Ok(now), Ok(read)) => now.ino() != read.ino(),
        _ => false,
    }
}

/// Tells when something changes in the log's directory; where nobody tells, when it is time to look.
struct Changes {
    inotify: Option<AsyncFd<std::os::fd::OwnedFd>>,
}

impl Changes {
    #[expect(
        deprecated,
        reason = "its replacement is unsafe; the descriptor is owned here and never closed by anyone else"
    )]
    fn watch(path: &Path) -> io::Result<Self> {
        let fd = match inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC) {
            // A user may have few of them (fs.inotify.max_user_instances), root in containers among them.
            Err(Errno::MFILE) => return Ok(Self { inotify: None }),
            fd => fd?,
        };
        let dir = path.parent().unwrap_or(path);
        inotify::add_watch(
            &fd,
            dir,
            WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO,
        )?;
        Ok(Self {
            inotify: Some(AsyncFd::new(fd)?),
        })
    }

    async fn next(&mut self) -> io::Result<()> {
        let Some(inotify) = &self.inotify else {
            tokio::time::sleep(LOOK_EVERY).await;
            return Ok(());
        };
        let mut ready = inotify.readable().await?;
        // Which change it was does not matter; all that are queued are taken off at once.
        let mut buffer = [0; 4096];
        while rustix::io::read(inotify.get_ref(), &mut buffer).is_ok_and(|count| count > 0) {}
        ready.clear_ready();
        Ok(())
    }
}
