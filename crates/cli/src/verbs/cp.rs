//! `cp`: files between a container and this machine.

use std::io::{self, IsTerminal, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use corten_archive::{ByteReader, Form, Owner, Place, TarReader, UnpackOptions, byte_stream, unpack};
use corten_client::{Client, RawStream, Upload};
use corten_types::decimal_size;
use corten_wire::ContainerPathStat;
use tokio::sync::mpsc;

use crate::command::{Arity, Command, Outcome};
use crate::copy::{Destination, LocalSource, Source, absolute, check_output, local_destination, path, plan};
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "Copy files/folders between a container and the local filesystem\n\n\
            Use '-' as the source to read a tar archive from stdin\n\
            and extract it to a directory destination in a container.\n\
            Use '-' as the destination to stream a tar archive of a\n\
            container source to stdout.",
    usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tPROGRAM cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
    names: &["container cp", "cp"],
    flags: &[
        Flag::switch("archive", "Archive mode (copy all uid/gid information)").short('a'),
        Flag::switch("follow-link", "Always follow symbol link in SRC_PATH").short('L'),
        Flag::switch(
            "quiet",
            "Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached",
        )
        .short('q'),
    ],
    arity: Arity::Exactly(2),
    interspersed: true,
    run,
};

/// How often the count on a terminal is renewed.
const REFRESH: Duration = Duration::from_millis(75);
/// Pieces between the connection and the thread that unpacks.
const IN_FLIGHT: usize = 4;
const BUFFER: usize = 256 * 1024;

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let (from, to) = (matches.args[0].as_str(), matches.args[1].as_str());
        for (argument, name) in [(from, "source"), (to, "destination")] {
            if argument.is_empty() {
                return Err(Error::plain(format!("{name} can not be empty")));
            }
        }
        let copy = Copy {
            follow: matches.on("follow-link"),
            own: matches.on("archive"),
            quiet: if matches.has("quiet") {
                matches.on("quiet")
            } else {
                !io::stdout().is_terminal()
            },
        };
        let ((source, from), (target, to)) = (path::split_arg(from), path::split_arg(to));
        match (source.is_empty(), target.is_empty()) {
            (true, true) => Err(Error::plain("must specify at least one container source")),
            (false, false) => Err(Error::plain("copying between containers is not supported")),
            (false, true) => copy.outward(&invocation, source, from, to).await,
            (true, false) => copy.inward(&invocation, from, target, to).await,
        }
    })
}

/// How to copy.
struct Copy {
    follow: bool,
    own: bool,
    quiet: bool,
}

impl Copy {
    /// From a container to this machine.
    async fn outward(
        &self,
        invocation: &Invocation,
        container: &str,
        from: &str,
        to: &str,
    ) -> Result<i32, Error> {
        let to = if to == "-" { to.to_owned() } else { absolute(to)? };
        check_output(&to).map_err(Error::plain)?;
        let client = invocation.connect().await?;
        let mut from = from.to_owned();
        let mut rebase = None;
        if self.follow
            && let Ok(stat) = client.stat_path(container, &from).await
            && stat.is_symlink()
        {
            (from, rebase) = path::rebase(&from, link_target(&from, &stat));
        }
        let (stat, archive) = client.get_archive(container, &from).await?;
        if to == "-" {
            output::archive(archive, None).await?;
            return Ok(0);
        }
        let source = Source {
            path: from,
            is_dir: stat.is_dir(),
            rebase,
        };
        let destination = local_destination(&to).map_err(Error::plain)?;
        let planned = plan(&source, &destination).map_err(Error::plain)?;
        let packed = match source.packed_name() {
            // Names in such an archive begin with the slash that follows the name.
            name if name == "/" => String::new(),
            name => name,
        };
        let options = UnpackOptions {
            form: Form::Plain,
            owner: Owner::Caller,
            keep_kinds: true,
            rename: (packed != planned.name).then(|| (packed.into_bytes(), planned.name.into_bytes())),
        };
        let counter = Counter::default();
        let (pieces, stream) = mpsc::channel(IN_FLIGHT);
        let reader = counter.counting(ByteReader::new(stream));
        let dir = planned.dir;
        let unpacking = tokio::task::spawn_blocking(move || unpack_at(&dir, reader, &options));
        let shown = self.show("Copying from container - ", &counter);
        let received = receive(archive, pieces).await;
        let unpacked = unpacking.await.map_err(io::Error::other)?;
        shown.end().await;
        // When unpacking fails the connection is let go of: its failure is the one to tell.
        unpacked.map_err(Error::plain)?;
        received?;
        self.tell(&counter, &to);
        Ok(0)
    }

    /// From this machine into a container.
    async fn inward(
        &self,
        invocation: &Invocation,
        from: &str,
        container: &str,
        to: &str,
    ) -> Result<i32, Error> {
        let from = if from == "-" {
            from.to_owned()
        } else {
            absolute(from)?
        };
        let client = invocation.connect().await?;
        let destination = container_destination(&client, container, to).await?;
        if from == "-" {
            if destination.found != Some(true) {
                return Err(Error::plain(format!(
                    "destination \"{container}:{to}\" must be a directory"
                )));
            }
            let archive = Upload::from_reader(tokio::io::stdin());
            client
                .put_archive(container, &destination.path, self.own, archive)
                .await?;
            return Ok(0);
        }
        let source = LocalSource::find(&from, self.follow).map_err(Error::plain)?;
        let planned = plan(&source.0, &destination).map_err(Error::plain)?;
        let counter = Counter::default();
        let (sender, stream) = byte_stream();
        let packing = {
            let counter = counter.clone();
            let name = planned.name;
            tokio::task::spawn_blocking(move || {
                let mut sender = sender;
                let outcome = source.pack(&name, counter.counting(&mut sender));
                let told = match &outcome {
                    Ok(()) => Ok(()),
                    Err(error) => Err(error.to_string()),
                };
                sender.end(told);
                outcome
            })
        };
        let shown = self.show("Copying to container - ", &counter);
        let archive = Upload::from_channel(stream);
        let sent = client
            .put_archive(container, &planned.dir, self.own, archive)
            .await;
        let packed = packing.await.map_err(io::Error::other)?;
        shown.end().await;
        if let Err(error @ corten_archive::Error::Pack { .. }) = packed {
            return Err(Error::plain(error.to_string()));
        }
        sent?;
        self.tell(&counter, &format!("{container}:{}", destination.path));
        Ok(0)
    }

    fn tell(&self, counter: &Counter, to: &str) {
        if !self.quiet {
            let size = decimal_size(counter.total() as f64);
            output::error_line(&format!("Successfully copied {size} to {to}"));
        }
    }

    /// Shows on a terminal how much has been copied.
    fn show(&self, header: &'static str, counter: &Counter) -> Shown {
        if self.quiet || !io::stderr().is_terminal() {
            return Shown(None);
        }
        let counter = counter.clone();
        // Remember the place, hide the cursor. Where that cannot be written there is nobody to tell.
        let _ = io::stderr().write_all(b"\x1b7\x1b[?25l");
        Shown(Some(tokio::spawn(async move {
            loop {
                let size = decimal_size(counter.total() as f64);
                let line = format!("\x1b8\x1b[2K{header}{size}");
                let _ = io::stderr().write_all(line.as_bytes());
                tokio::time::sleep(REFRESH).await;
            }
        })))
    }
}

/// The count on the terminal.
struct Shown(Option<tokio::task::JoinHandle<()>>);

impl Shown {
    /// Takes it off the terminal.
    async fn end(self) {
        if let Some(task) = self.0 {
            task.abort();
            let _aborted = task.await;
            let _ = io::stderr().write_all(b"\x1b8\x1b[2K\x1b[?25h");
        }
    }
}

/// Bytes copied so far.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicU64>);

/// Counts what passes through.
struct Counting<T> {
    inner: T,
    counter: Counter,
}

impl Counter {
    fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn counting<T>(&self, inner: T) -> Counting<T> {
        let counter = self.clone();
        Counting { inner, counter }
    }
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.counter.0.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.counter.0.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Where in a container a copy goes; a link at the end of `to` is followed.
async fn container_destination(client: &Client, container: &str, to: &str) -> Result<Destination, Error> {
    let mut path = to.to_owned();
    let mut stat = client.stat_path(container, to).await;
    if let Ok(found) = &stat
        && found.is_symlink()
    {
        path = link_target(to, found);
        stat = client.stat_path(container, &path).await;
    }
    match stat {
        Ok(found) if found.is_device() => Err(Error::plain(format!(
            "destination \"{container}:{to}\" must be a directory or a regular file: got a device"
        ))),
        Ok(found) => Ok(Destination {
            path,
            found: Some(found.is_dir()),
        }),
        // If the directory it would be in is missing, too, the engine says so.
        Err(_) => Ok(Destination { path, found: None }),
    }
}

fn link_target(from: &str, stat: &ContainerPathStat) -> String {
    if stat.link_target.starts_with('/') {
        return stat.link_target.clone();
    }
    path::join(&path::split_entry(from).0, &stat.link_target)
}

/// Passes an answer on to the thread that unpacks it.
async fn receive(
    mut archive: RawStream,
    pieces: mpsc::Sender<io::Result<bytes::Bytes>>,
) -> Result<(), Error> {
    loop {
        match archive.next().await {
            Ok(Some(piece)) => {
                if pieces.send(Ok(piece)).await.is_err() {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(error) => {
                // It must not take what came so far for the whole; if it has given up already, all the better.
                let _told = pieces.send(Err(io::Error::other("the connection broke"))).await;
                return Err(error.into());
            }
        }
    }
}

fn unpack_at(dir: &str, reader: impl Read, options: &UnpackOptions) -> Result<(), String> {
    let place = Place::directory(dir.as_ref()).map_err(|error| format!("open {dir}: {error}"))?;
    let mut archive = TarReader::new(io::BufReader::with_capacity(BUFFER, reader));
    unpack(&mut archive, place, options).map_err(|error| error.to_string())?;
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(|error| error.to_string())?;
    Ok(())
}
