//! Raw mode: keys go to the container as they are typed. Whatever happens, the terminal is given back as it was.

use std::io::{self, IsTerminal};
use std::panic;
use std::sync::{Mutex, Once, PoisonError};

use rustix::termios::{self, OptionalActions, Termios};

/// The mode to go back to, where the panic hook (programs are built to abort) finds it.
static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal is raw as long as this exists.
pub(crate) struct RawMode(());

impl RawMode {
    /// Makes the terminal raw; `None` when standard input is none.
    pub(crate) fn enter() -> io::Result<Option<Self>> {
        static HOOK: Once = Once::new();
        if !stdin_is_terminal() {
            return Ok(None);
        }
        let terminal = io::stdin();
        let before = termios::tcgetattr(&terminal)?;
        let mut raw = before.clone();
        raw.make_raw();
        *SAVED.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        HOOK.call_once(|| {
            let report = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                restore();
                report(info);
            }));
        });
        termios::tcsetattr(&terminal, OptionalActions::Drain, &raw)?;
        Ok(Some(Self(())))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

/// Whether keys can be read.
pub(crate) fn stdin_is_terminal() -> bool {
    io::stdin().is_terminal()
}

fn restore() {
    if let Some(before) = SAVED.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // A terminal that is gone needs no restoring.
        let _ = termios::tcsetattr(io::stdin(), OptionalActions::Drain, &before);
    }
}
