//! The daemon: reads its settings, puts the engine's parts together, serves the API, ends in good order.
//!
//! Lives here: flags and `daemon.json`, sockets, the PID file, and adapters from the API's traits to the engine. Never here:
//! anything a container verb decides (that is `engine`) or how something is done to the machine (that is below it).
#![deny(unsafe_code)]

mod adapters;
mod claim;
mod config_file;
mod flags;
mod memory;
mod pidfile;
mod run;
mod settings;
mod shim_path;
mod sockets;

use std::ffi::OsString;

/// Runs the daemon with these arguments (without the program's name) until it is told to end; returns its exit code.
///
/// `program` is how the daemon was called, for its help.
pub fn main(program: &str, args: Vec<OsString>) -> i32 {
    let settings = match flags::parse(program, args) {
        Ok(flags) if flags.version => {
            println!("Corten version {}", env!("CARGO_PKG_VERSION"));
            return 0;
        }
        Ok(flags) => match settings::Settings::settle(flags) {
            Ok(settings) => settings,
            Err(error) => {
                eprintln!("{error}");
                return 1;
            }
        },
        Err(answer) => {
            // Help goes to standard output with code 0, mistakes to standard error with 125, as dockerd does.
            let mistake = answer.use_stderr();
            let _printed = answer.print();
            return if mistake { 125 } else { 0 };
        }
    };
    if !rustix::process::geteuid().is_root() {
        eprintln!("the daemon needs to be started with root privileges");
        return 1;
    }
    match run::run(settings) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("failed to start daemon: {error}");
            1
        }
    }
}
