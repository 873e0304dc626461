//! The `corten` program: what it is called as, and its first word, decide what it does.
//!
//! `dockerd` and `corten daemon` are the daemon; everything else (`corten`, `docker`, any other name) is the command line.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// What the program is built from.
const COMMIT: &str = env!("CORTEN_COMMIT");

fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    let called = args
        .first()
        .map_or_else(|| OsString::from("corten"), OsString::clone);
    let program = Path::new(&called)
        .file_name()
        .unwrap_or(&called)
        .to_string_lossy()
        .into_owned();
    let code = if program == "dockerd" {
        corten_daemon::main("dockerd", args.split_off(args.len().min(1)), COMMIT)
    } else if args.get(1).is_some_and(|word| word == "daemon") {
        corten_daemon::main(&format!("{program} daemon"), args.split_off(2), COMMIT)
    } else if args.len() == 3 && args[1] == "help" && args[2] == "daemon" {
        corten_daemon::main(&format!("{program} daemon"), vec!["--help".into()], COMMIT)
    } else {
        corten_cli::main(args.split_off(args.len().min(1)), &program, COMMIT)
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
