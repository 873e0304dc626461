//! Standard input, read by a thread of its own.
//!
//! The descriptor is shared with other processes, so it must not be made non-blocking, and files cannot be polled: a
//! blocking thread is the only way that does for all. It is started by the verbs that have input only, and simply
//! abandoned at the end.

use std::io;
use std::thread;

use tokio::sync::mpsc;

const CHUNK: usize = 32 * 1024;

/// What is typed or piped in.
pub(super) struct Input(mpsc::Receiver<io::Result<Vec<u8>>>);

impl Input {
    /// Starts reading.
    pub(super) fn start() -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(1);
        thread::Builder::new()
            .name("stdin".to_owned())
            .stack_size(128 * 1024)
            .spawn(move || {
                let mut buffer = vec![0; CHUNK];
                loop {
                    let piece = match rustix::io::retry_on_intr(|| {
                        rustix::io::read(rustix::stdio::stdin(), &mut buffer[..])
                    }) {
                        Ok(0) => return,
                        Ok(count) => Ok(buffer[..count].to_vec()),
                        Err(error) => Err(error.into()),
                    };
                    let failed = piece.is_err();
                    if sender.blocking_send(piece).is_err() || failed {
                        return;
                    }
                }
            })?;
        Ok(Self(receiver))
    }

    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.0.recv().await.transpose()
    }
}
