//! The program `corten-shim`: started by the daemon, once per container.

use std::io::Write;
use std::process::ExitCode;

const USAGE: &str = "\
Usage: corten-shim CONTAINER

Runs one container and looks after it until it ends. Started by the daemon, which gives its orders
over file descriptor 3; CONTAINER only names the process for those who list processes.

Options:
      --help      Print this help
      --version   Print the version
";

/// Exit code for wrong usage.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(argument), None) = (arguments.next(), arguments.next()) else {
        return refuse("exactly one argument is needed");
    };
    match argument.to_str() {
        Some("--help" | "-h") => print(USAGE),
        Some("--version") => print(concat!("corten-shim ", env!("CARGO_PKG_VERSION"), "\n")),
        Some(option) if option.starts_with('-') => refuse(&format!("unknown option {option}")),
        _ => match corten_shim::run() {
            Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
            Err(error) => refuse(&error.to_string()),
        },
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
