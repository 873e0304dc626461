//! Signals while a container is attached: passed on to it, or taken as the wish to leave.

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::io;
use std::task::Poll;

use corten_client::Client;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Error;

/// Signals Docker's command line passes on, by the names the API takes: all that say something to a program, but not those
/// of the kernel to this one (a child's end, a broken pipe, a fault, reading in the background).
const FORWARDED: [(&str, i32); 14] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("USR1", 10),
    ("USR2", 12),
    ("ALRM", 14),
    ("TERM", 15),
    ("CONT", 18),
    ("TSTP", 20),
    ("XCPU", 24),
    ("VTALRM", 26),
    ("PROF", 27),
    ("IO", 29),
    ("PWR", 30),
];
/// Passed on to programs without a terminal; those with one are told of the window by its size.
const WINDOW: (&str, i32) = ("WINCH", 28);
/// Those whose meaning is the programs' own have numbers only.
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;
/// Signals that end this process when they are not passed on. They are caught to put the terminal back in order.
const ENDING: [(&str, i32); 4] = [("HUP", 1), ("INT", 2), ("QUIT", 3), ("TERM", 15)];
/// What a shell adds to a signal's number.
const SHELL_BASE: i32 = 128;
/// So many requests to end, passed on in vain, end this process all the same (Docker's number): its user wants out, whatever
/// the container's program makes of them.
const PATIENCE: u32 = 3;

/// What becomes of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// The container, which has a terminal, gets them.
    ForwardToTerminal,
    /// The container gets them.
    Forward,
    /// They end the session.
    Leave,
}

/// Signals caught from now on.
pub(crate) struct Signals {
    caught: Vec<(Cow<'static, str>, i32, Signal)>,
    disposition: Disposition,
}

impl Signals {
    /// Starts to catch.
    pub(crate) fn catch(disposition: Disposition) -> io::Result<Self> {
        let named: &[(&'static str, i32)] = match disposition {
            Disposition::Forward | Disposition::ForwardToTerminal => &FORWARDED,
            Disposition::Leave => &ENDING,
        };
        let mut list: Vec<(Cow<'static, str>, i32)> = named
            .iter()
            .map(|(name, number)| ((*name).into(), *number))
            .collect();
        if disposition == Disposition::Forward {
            list.push((WINDOW.0.into(), WINDOW.1));
        }
        if disposition != Disposition::Leave {
            list.extend(REAL_TIME.map(|number| (number.to_string().into(), number)));
        }
        let caught = list
            .into_iter()
            .map(|(name, number)| Ok((name, number, signal(SignalKind::from_raw(number))?)))
            .collect::<io::Result<_>>()?;
        Ok(Self { caught, disposition })
    }

    /// Deals with signals until one ends the session.
    pub(crate) async fn handle(&mut self, client: &Client, container: &str) -> Error {
        let mut asked = 0;
        loop {
            let (name, number) = self.next().await;
            match self.disposition {
                // A container that is not there yet, or any more, has no use for it: as Docker, no complaint.
                Disposition::Forward | Disposition::ForwardToTerminal => {
                    drop(client.kill_container(container, Some(&name)).await);
                }
                Disposition::Leave => return Error::Reported(SHELL_BASE + number),
            }
            if matches!(&*name, "INT" | "TERM") {
                asked += 1;
            }
            if asked == PATIENCE {
                return Error::plain(format!("\ngot {PATIENCE} SIGTERM/SIGINTs, forcefully exiting"));
            }
        }
    }

    async fn next(&mut self) -> (Cow<'static, str>, i32) {
        poll_fn(|cx| {
            for (name, number, signal) in &mut self.caught {
                if let Poll::Ready(Some(())) = signal.poll_recv(cx) {
                    return Poll::Ready((name.clone(), *number));
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Does `work`; Ctrl-C ends it with an exit code rather than by the signal, so that a script that called goes on.
pub(crate) async fn interruptible(work: impl Future<Output = Result<i32, Error>>) -> Result<i32, Error> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        biased;
        _ = interrupt.recv() => Err(Error::Reported(SHELL_BASE + SignalKind::interrupt().as_raw_value())),
        result = work => result,
    }
}
