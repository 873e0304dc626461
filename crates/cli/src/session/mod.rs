//! The terminal's side of an attached container: raw mode, input with detach keys, output, signals, window size.

mod detach_keys;
mod input;
mod raw_mode;
mod signals;
mod sink;
mod streams;
mod window;

pub(crate) use detach_keys::DetachKeys;
pub(crate) use raw_mode::{RawMode, stdin_is_terminal};
pub(crate) use signals::{Disposition, Signals, interruptible};
pub(crate) use streams::{Ended, Streams, copy_log};
pub(crate) use window::{Resized, Window, size as window_size};
