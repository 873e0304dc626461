//! The `corten` program: what it is called as, and its first word, decide what it does.
//!
//! `dockerd` and `corten daemon` are the daemon; everything else (`corten`, `docker`, any other name) is the command line.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

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
        corten_daemon::main("dockerd", args.split_off(args.len().min(1)))
    } else if args.get(1).is_some_and(|word| word == "daemon") {
        corten_daemon::main(&format!("{program} daemon"), args.split_off(2))
    } else {
        corten_cli::main(args.split_off(args.len().min(1)), &program)
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
