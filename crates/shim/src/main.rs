//! The program `corten-shim`: started by the daemon, once per container, and the init of containers that want one.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::ExitCode;

use corten_shim::{COMPRESS_VERB, LOG_VERB, compress, write_log};

const USAGE: &str = "\
Usage: corten-shim CONTAINER [RUN-DIR]

Runs one container and looks after it until it ends. Started by the daemon, which gives its orders
over file descriptor 3; the arguments only name the process for those who list processes.

Options:
      --help      Print this help
      --version   Print the version
";

/// Exit code for wrong usage.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    if std::env::args_os()
        .next()
        .is_some_and(|name| name == corten_shim::INIT_NAME)
    {
        return ExitCode::from(u8::try_from(corten_shim::run_as_init()).unwrap_or(1));
    }
    let mut arguments = std::env::args_os().skip(1);
    let (first, second, third) = (arguments.next(), arguments.next(), arguments.next());
    match (first.as_deref().and_then(OsStr::to_str), second, third) {
        (Some(COMPRESS_VERB), Some(path), None) => outcome(compress(path.as_ref())),
        (Some(LOG_VERB), Some(order), None) => outcome(write_log(&order.to_string_lossy())),
        (Some("--help" | "-h"), None, None) => print(USAGE),
        (Some("--version"), None, None) => print(concat!("corten-shim ", env!("CARGO_PKG_VERSION"), "\n")),
        (Some(option), None, None) if option.starts_with('-') => refuse(&format!("unknown option {option}")),
        (Some(_), _, None) => match corten_shim::run() {
            Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
            Err(error) => refuse(&error.to_string()),
        },
        _ => refuse("one or two arguments are needed"),
    }
}

/// How a helper of a shim ended. Nobody reads more than that.
fn outcome(done: io::Result<()>) -> ExitCode {
    if done.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn refuse(reason: &str) -> ExitCode {
    // There may be no standard error to complain to.
    let _unheard = writeln!(
        std::io::stderr(),
        "corten-shim: {reason}\nSee 'corten-shim --help'."
    );
    ExitCode::from(MISUSED)
}
