//! The size of the terminal's window, told to the container now and whenever it changes.

use std::io;

use corten_client::Client;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whose terminal follows the window.
pub(crate) enum Resized<'a> {
    /// A container's.
    Container(&'a str),
    /// A further command's.
    Exec(&'a str),
}

/// Watches the window.
pub(crate) struct Window(Signal);

impl Window {
    /// Starts to watch.
    pub(crate) fn watch() -> io::Result<Self> {
        signal(SignalKind::window_change()).map(Self)
    }

    /// Tells the size, again and again; never returns.
    pub(crate) async fn follow(&mut self, client: &Client, target: &Resized<'_>) -> std::convert::Infallible {
        loop {
            if let Some((height, width)) = size() {
                // A wrong size is no reason to end a session; the next change corrects it.
                let _ = match target {
                    Resized::Container(id) => client.resize_container(id, height, width).await,
                    Resized::Exec(id) => client.resize_exec(id, height, width).await,
                };
            }
            if self.0.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Height and width in characters of the terminal that standard output is.
pub(crate) fn size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_row > 0 || size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}
