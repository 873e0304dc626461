//! Starts the engine when root runs a verb and none answers.
//!
//! The engine must outlive the terminal it is started from, so it needs a session of its own. The command line spawns
//! itself with [`SESSION_VERB`]; that process leaves the session and becomes the daemon in place, so that the process
//! spawned here is the daemon and its end can be seen.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use corten_client::Client;

use crate::error::Error;

/// Hidden verb: leave the session and become the daemon.
pub(crate) const SESSION_VERB: &str = "__daemon-session";

const RUN_DIR: &str = "/run/corten";
const LOG: &str = "/run/corten/daemon.log";
const DEADLINE: Duration = Duration::from_secs(15);
/// A daemon is ready within tens of milliseconds; this often it is looked for.
const RETRY: Duration = Duration::from_millis(2);
/// So much of the log is shown when the daemon does not come up.
const LOG_TAIL: u64 = 2048;

/// Starts the engine and connects to it.
pub(crate) async fn start(client: &Client) -> Result<(), Error> {
    // Nobody may read this: the note is for people only.
    let _ = writeln!(
        std::io::stderr(),
        "No container engine is running: starting the Corten daemon (log: {LOG})"
    );
    fs::create_dir_all(RUN_DIR)?;
    let log = File::options().create(true).append(true).read(true).open(LOG)?;
    let log_start = log.metadata()?.len();
    let mut daemon = spawn(&log)?;
    let begin = Instant::now();
    loop {
        // Look before asking about the process: another command line may have been faster, then ours ends.
        match client.connect().await {
            Ok(()) => return Ok(()),
            Err(error) if !error.is_connect() => return Err(error.into()),
            Err(_) => {}
        }
        if let Some(status) = daemon.try_wait()? {
            // It may have lost to one that is not quite ready yet.
            if !status.success() && another_is_coming(client).await {
                return Ok(());
            }
            return Err(failed(log, log_start, &format!("it ended at once ({status})")));
        }
        if begin.elapsed() > DEADLINE {
            return Err(failed(
                log,
                log_start,
                &format!("it does not answer after {} seconds", DEADLINE.as_secs()),
            ));
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Leaves the session and becomes the daemon. Returns only when that fails.
pub(crate) fn become_daemon(args: &[String]) -> Error {
    if let Err(error) = rustix::process::setsid() {
        return Error::plain(format!("cannot leave the session: {error}"));
    }
    match std::env::current_exe() {
        Ok(program) => Command::new(program).arg("daemon").args(args).exec().into(),
        Err(error) => error.into(),
    }
}

fn spawn(log: &File) -> Result<Child, Error> {
    Ok(Command::new(std::env::current_exe()?)
        .arg(SESSION_VERB)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .spawn()?)
}

/// Whether an engine started by somebody else comes up within a second.
async fn another_is_coming(client: &Client) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(1) {
        if client.connect().await.is_ok() {
            return true;
        }
        tokio::time::sleep(RETRY).await;
    }
    false
}

fn failed(mut log: File, log_start: u64, reason: &str) -> Error {
    let mut said = Vec::new();
    let from = log.metadata().map_or(log_start, |meta| {
        log_start.max(meta.len().saturating_sub(LOG_TAIL))
    });
    if log.seek(SeekFrom::Start(from)).is_ok() {
        // What cannot be read is in the file the message names.
        let _ = log.read_to_end(&mut said);
    }
    let said = String::from_utf8_lossy(&said);
    Error::plain(format!(
        "The Corten daemon could not be started: {reason}; see {LOG}\n{}",
        said.trim_end()
    ))
}
