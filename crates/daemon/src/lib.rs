//! The daemon: reads its settings, puts the engine's parts together, serves the API, ends in good order.
//!
//! Lives here: flags and `daemon.json`, sockets, the PID file, and adapters from the API's traits to the engine. Never here:
//! anything a container verb decides (that is `engine`) or how something is done to the machine (that is below it).
#![deny(unsafe_code)]

mod activation;
mod adapters;
mod claim;
mod config_file;
mod directives;
mod flags;
mod hosts;
mod json_place;
mod listeners;
mod live;
mod logging;
mod memory;
mod metrics;
mod pidfile;
mod reload;
mod run;
mod service_manager;
mod settings;
mod shim_path;
mod sockets;
mod values;

use std::ffi::OsString;

/// Runs the daemon with these arguments (without the program's name) until it is told to end; returns its exit code.
///
/// `program` is how the daemon was called, for its help.
pub fn main(program: &str, args: Vec<OsString>) -> i32 {
    let flags = match flags::parse(program, args) {
        Ok(flags) => flags,
        Err(flags::Answer::Help(text)) => {
            print!("{text}");
            return 0;
        }
        Err(flags::Answer::Mistake(text)) => {
            eprintln!("{text}");
            return 125;
        }
    };
    if flags.version {
        // Scripts look for the word and the number behind it.
        println!("Docker version {}, build corten", adapters::release());
        return 0;
    }
    let settings = match settings::Settings::settle(&flags) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}");
            return 1;
        }
    };
    if flags.validate {
        println!("configuration OK");
        return 0;
    }
    if !rustix::process::geteuid().is_root() {
        eprintln!("the daemon needs to be started with root privileges");
        return 1;
    }
    match run::run(settings, flags) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("failed to start daemon: {error}");
            1
        }
    }
}
