//! Shows the progress of pulls and loads: one line per layer, redrawn in place on a terminal.

use std::io::{self, IsTerminal, Write};

use corten_client::JsonStream;
use corten_types::decimal_size;
use corten_wire::{ProgressDetail, ProgressMessage};

use crate::error::Error;

const BAR_WIDTH: usize = 50;

/// Where progress goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sink {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Nowhere; errors are still errors.
    Quiet,
}

/// Shows a stream of progress to its end.
pub(crate) async fn show(mut stream: JsonStream<ProgressMessage>, sink: Sink) -> Result<(), Error> {
    let is_terminal = match sink {
        Sink::Stdout => io::stdout().is_terminal(),
        Sink::Stderr => io::stderr().is_terminal(),
        Sink::Quiet => false,
    };
    let mut display = Display::new(is_terminal);
    while let Some(message) = stream.next().await? {
        if let Some(error) = &message.error_detail {
            return Err(Error::plain(error.message.clone()));
        }
        if !message.error.is_empty() {
            return Err(Error::plain(message.error));
        }
        let text = display.render(&message);
        match sink {
            Sink::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes())?;
                out.flush()?;
            }
            Sink::Stderr => io::stderr().write_all(text.as_bytes())?,
            Sink::Quiet => {}
        }
    }
    Ok(())
}

/// Turns messages into terminal output; remembers which line shows which layer.
struct Display {
    is_terminal: bool,
    lines: Vec<String>,
}

impl Display {
    fn new(is_terminal: bool) -> Self {
        Self {
            is_terminal,
            lines: Vec::new(),
        }
    }

    fn render(&mut self, message: &ProgressMessage) -> String {
        let bar = message.progress_detail.as_ref().map(bar).unwrap_or_default();
        if !message.stream.is_empty() {
            return message.stream.clone();
        }
        let label = if message.id.is_empty() {
            String::new()
        } else {
            format!("{}: ", message.id)
        };
        if !self.is_terminal {
            // Bars make sense only where they can be redrawn.
            return if bar.is_empty() && !message.status.is_empty() {
                format!("{label}{}\n", message.status)
            } else {
                String::new()
            };
        }
        let text = format!("{label}{} {bar}", message.status);
        let text = text.trim_end();
        if message.id.is_empty() {
            // What follows may concern the same layers again, but below this line.
            self.lines.clear();
            return format!("{text}\n");
        }
        match self.lines.iter().position(|id| *id == message.id) {
            Some(line) => {
                let up = self.lines.len() - line;
                format!("\x1b[{up}A\x1b[2K\r{text}\x1b[{up}B\r")
            }
            None => {
                self.lines.push(message.id.clone());
                format!("\x1b[2K\r{text}\n")
            }
        }
    }
}

/// `[===>   ]  1.5MB/3MB`, or nothing when nothing is counted.
fn bar(detail: &ProgressDetail) -> String {
    if detail.current <= 0 && detail.total <= 0 {
        return String::new();
    }
    let size = |bytes: i64| {
        if detail.units.is_empty() {
            decimal_size(bytes as f64)
        } else {
            bytes.to_string()
        }
    };
    if detail.total <= 0 || detail.current > detail.total {
        return format!("{} {}", size(detail.current), detail.units)
            .trim_end()
            .to_owned();
    }
    let done = usize::try_from(detail.current * BAR_WIDTH as i64 / detail.total).unwrap_or(0);
    let head = if done < BAR_WIDTH { ">" } else { "" };
    let bar = format!("[{}{head}", "=".repeat(done));
    let counts = if detail.hide_counts {
        String::new()
    } else {
        format!("{}/{}", size(detail.current), size(detail.total))
    };
    format!("{bar:width$}]  {counts} {}", detail.units, width = BAR_WIDTH + 1)
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, status: &str, current: i64, total: i64) -> ProgressMessage {
        ProgressMessage {
            id: id.to_owned(),
            status: status.to_owned(),
            progress_detail: Some(ProgressDetail {
                current,
                total,
                ..ProgressDetail::default()
            }),
            ..ProgressMessage::default()
        }
    }

    #[test]
    fn draws_bars() {
        assert_eq!(
            bar(&ProgressDetail {
                current: 1_500_000,
                total: 3_000_000,
                ..ProgressDetail::default()
            }),
            format!("[{}>{}]  1.5MB/3MB", "=".repeat(25), " ".repeat(24))
        );
        assert_eq!(bar(&ProgressDetail::default()), "");
    }

    #[test]
    fn redraws_a_layer_in_its_line() {
        let mut display = Display::new(true);
        assert_eq!(
            display.render(&message("a", "Waiting", 0, 0)),
            "\x1b[2K\ra: Waiting\n"
        );
        assert_eq!(
            display.render(&message("b", "Waiting", 0, 0)),
            "\x1b[2K\rb: Waiting\n"
        );
        assert_eq!(
            display.render(&message("a", "Done", 0, 0)),
            "\x1b[2A\x1b[2K\ra: Done\x1b[2B\r"
        );
    }

    #[test]
    fn prints_plain_lines_elsewhere() {
        let mut display = Display::new(false);
        assert_eq!(display.render(&message("a", "Downloading", 1, 2)), "");
        assert_eq!(
            display.render(&message("a", "Pull complete", 0, 0)),
            "a: Pull complete\n"
        );
        assert_eq!(display.render(&message("", "Status: ok", 0, 0)), "Status: ok\n");
    }
}
