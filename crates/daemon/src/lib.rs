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
mod manual;
mod memory;
mod metrics;
mod network_settings;
mod open_files;
mod pidfile;
mod reload;
mod run;
mod service_manager;
mod settings;
mod shim_path;
mod sockets;
mod untaken;
mod values;

use std::ffi::OsString;
use std::path::Path;

/// Runs the daemon with these arguments (without the program's name) until it is told to end; returns its exit code.
///
/// `program` is how the daemon was called, for its help; `commit` is what it is built from.
pub fn main(program: &str, args: Vec<OsString>, commit: &'static str) -> i32 {
    if let [word, dir] = args.as_slice()
        && word == "man"
    {
        return write_manual(program, Path::new(dir));
    }
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
        println!("Docker version {}, build {commit}", adapters::release());
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
    match run::run(settings, flags, commit) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("failed to start daemon: {error}");
            1
        }
    }
}

/// Writes the manual page into a directory, which is made if it is not there.
fn write_manual(program: &str, dir: &Path) -> i32 {
    let path = dir.join(format!("{}.8", program.replace(' ', "-")));
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&path, manual::page(program)));
    match written {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            1
        }
    }
}
