//! Writing to standard output and error, so that a reader that went away is an error and never a panic.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use corten_client::RawStream;
use jiff::Zoned;

use crate::copy::check_output_file;
use crate::error::Error;

/// Prints text.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints a line.
pub(crate) fn line(text: &str) -> io::Result<()> {
    print(&format!("{text}\n"))
}

/// Prints a line to standard error. Where that cannot be written there is nobody to tell.
pub(crate) fn error_line(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints a warning to standard error as the logger of Docker's command line does, on a terminal, too.
pub(crate) fn log_warning(text: &str) {
    let now = Zoned::now();
    let zone = if now.offset().is_zero() { "Z" } else { "%:z" };
    let format = format!("%Y-%m-%dT%H:%M:%S{zone}");
    error_line(&format!(
        "time=\"{}\" level=warning msg={text:?}",
        now.strftime(&format)
    ));
}

/// Refuses to write an archive to a terminal, or to a place where no file can be made; `purpose` is what it is for.
///
/// # Errors
/// In Docker's words.
pub(crate) fn check_archive(file: Option<&str>, purpose: &str) -> Result<(), Error> {
    match file {
        None if io::stdout().is_terminal() => Err(Error::plain(
            "cowardly refusing to save to a terminal. Use the -o flag or redirect",
        )),
        None => Ok(()),
        Some(path) => {
            check_output_file(path).map_err(|error| Error::plain(format!("failed to {purpose}: {error}")))
        }
    }
}

/// Writes an archive to standard output, or to a file that appears once it is whole.
///
/// # Errors
/// When the connection breaks or writing fails.
pub(crate) async fn archive(mut archive: RawStream, file: Option<&str>) -> Result<(), Error> {
    let Some(path) = file else {
        let mut out = io::stdout().lock();
        while let Some(piece) = archive.next().await? {
            out.write_all(&piece)?;
        }
        return Ok(out.flush()?);
    };
    let unfinished = Unfinished::beside(path)?;
    while let Some(piece) = archive.next().await? {
        (&unfinished.file).write_all(&piece)?;
    }
    Ok(std::fs::rename(&unfinished.path, path)?)
}

/// A file being written; removed unless it was renamed to what it became.
struct Unfinished {
    file: File,
    path: String,
}

impl Unfinished {
    fn beside(path: &str) -> io::Result<Self> {
        let parent = Path::new(path).parent().unwrap_or(Path::new(""));
        let name = Path::new(path).file_name().unwrap_or_default().display();
        let path = parent
            .join(format!(".tmp-{name}-{}", std::process::id()))
            .display()
            .to_string();
        let mut options = File::options();
        let file = options.write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { file, path })
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone already if all went well.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Width in characters of the terminal that standard output is; `None` when it is none.
pub(crate) fn terminal_width() -> Option<usize> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(out).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
