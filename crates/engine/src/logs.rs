//! `logs`: what a container wrote, and what it goes on to write.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use corten_sandbox::StreamKind;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, watch};

use crate::container::Progress;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::json_log::{Entry, Lines, LogQuery, entry, files, starts};
use crate::log_options;

/// Pieces in flight between the reader and a slow client.
const IN_FLIGHT: usize = 64;

/// What a container wrote, piece by piece.
#[derive(Debug)]
pub struct LogStream {
    /// Whether it was written to a terminal.
    pub tty: bool,
    /// The pieces; the channel closes at the end.
    pub pieces: mpsc::Receiver<io::Result<(StreamKind, Bytes)>>,
}

type Sender = mpsc::Sender<io::Result<(StreamKind, Bytes)>>;

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
        let (path, tty) = {
            let state = container.state();
            if state.record.host_config.log_config.r#type == "none" {
                return Err(Error::Unsupported(
                    "reading the log of a container with the log driver none".to_owned(),
                ));
            }
            let dir = self.container_dir(container.id());
            (log_options::path(&state.record, &dir), state.record.config.tty)
        };
        let (sender, pieces) = mpsc::channel(IN_FLIGHT);
        tokio::spawn(read(path, query, container.progress(), sender));
        Ok(LogStream { tty, pieces })
    }
}

async fn read(path: PathBuf, query: LogQuery, progress: watch::Receiver<Progress>, sender: Sender) {
    let outcome = async {
        // Watched before the first look, so that nothing falls between reading and watching.
        let changes = if query.follow {
            Some(Changes::watch(&path)?)
        } else {
            None
        };
        let running = progress.borrow().running;
        let (lines, done) = past(path.clone(), query, sender.clone()).await?;
        match changes {
            Some(changes) if running && !done => {
                follow(&path, lines, query, changes, progress, &sender).await
            }
            _ => Ok(()),
        }
    };
    if let Err(error) = outcome.await {
        // A client that is gone needs no word about it.
        let _told = sender.send(Err(error)).await;
    }
}

/// Sends what stands in the log; returns the current file at its end, and whether no more is wanted.
async fn past(path: PathBuf, query: LogQuery, sender: Sender) -> io::Result<(Option<Lines>, bool)> {
    offload(move || {
        let mut current = None;
        for (file, offset) in starts(&files(&path), query.tail)? {
            let mut lines = match Lines::open(&file, offset) {
                Ok(lines) => lines,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if send_lines(&mut lines, &query, &sender)? {
                return Ok((None, true));
            }
            current = (file == path).then_some(lines);
        }
        Ok((current, false))
    })
    .await
}

/// Sends the lines that are there; true when no more is wanted.
fn send_lines(lines: &mut Lines, query: &LogQuery, sender: &Sender) -> io::Result<bool> {
    while let Some(raw) = lines.next()? {
        match entry(&raw, query) {
            Entry::Show(kind, text) => {
                if sender.blocking_send(Ok((kind, text))).is_err() {
                    return Ok(true);
                }
            }
            Entry::Skip => {}
            Entry::Past => return Ok(true),
        }
    }
    Ok(false)
}

async fn follow(
    path: &Path,
    mut lines: Option<Lines>,
    query: LogQuery,
    mut changes: Changes,
    mut progress: watch::Receiver<Progress>,
    sender: &Sender,
) -> io::Result<()> {
    loop {
        // Looked at before reading: what was written before the end is then read before stopping.
        let ended = !progress.borrow_and_update().running;
        let (path_now, sender_now) = (path.to_owned(), sender.clone());
        let (read_on, done) = offload(move || catch_up(&path_now, lines, &query, &sender_now)).await?;
        lines = read_on;
        if done || ended {
            return Ok(());
        }
        tokio::select! {
            changed = changes.next() => changed?,
            changed = progress.changed() => if changed.is_err() { return Ok(()) },
            () = sender.closed() => return Ok(()),
        }
    }
}

/// Reads on to the end of the current file, going over to the new one after a rotation.
fn catch_up(
    path: &Path,
    mut lines: Option<Lines>,
    query: &LogQuery,
    sender: &Sender,
) -> io::Result<(Option<Lines>, bool)> {
    loop {
        if let Some(current) = &mut lines {
            if send_lines(current, query, sender)? {
                return Ok((None, true));
            }
            if !rotated(current.file(), path)? {
                return Ok((lines, false));
            }
            // What was written between the last read and the rotation.
            if send_lines(current, query, sender)? {
                return Ok((None, true));
            }
        }
        match Lines::open(path, 0) {
            Ok(new) => lines = Some(new),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((None, false)),
            Err(error) => return Err(error),
        }
    }
}

fn rotated(file: &File, path: &Path) -> io::Result<bool> {
    match std::fs::metadata(path) {
        Ok(now) => Ok(now.ino() != file.metadata()?.ino()),
        // In the middle of a rotation: the directory's next change tells.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Tells when something changes in the log's directory.
struct Changes {
    inotify: AsyncFd<std::os::fd::OwnedFd>,
}

impl Changes {
    #[expect(
        deprecated,
        reason = "its replacement is unsafe; the descriptor is owned here and never closed by anyone else"
    )]
    fn watch(path: &Path) -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let dir = path.parent().unwrap_or(path);
        inotify::add_watch(
            &fd,
            dir,
            WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO,
        )?;
        Ok(Self {
            inotify: AsyncFd::new(fd)?,
        })
    }

    async fn next(&mut self) -> io::Result<()> {
        let mut ready = self.inotify.readable().await?;
        // Which change it was does not matter; all that are queued are taken off at once.
        let mut buffer = [0; 4096];
        while rustix::io::read(self.inotify.get_ref(), &mut buffer).is_ok_and(|count| count > 0) {}
        ready.clear_ready();
        Ok(())
    }
}

async fn offload<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}
