//! Processes as the kernel shows them: who there is, what memory they hold.

use std::fs;
use std::path::{Path, PathBuf};

/// Ids of all processes this process can see.
pub fn pids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The command line of a process, its words separated by spaces; empty when it is gone or a zombie.
pub fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes)
        .replace('\0', " ")
        .trim_end()
        .to_owned()
}

/// The program file of a process.
pub fn program(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// Direct children of a process.
pub fn children(pid: u32) -> Vec<u32> {
    pids()
        .into_iter()
        .filter(|&child| parent(child) == Some(pid))
        .collect()
}

/// The parent of a process.
pub fn parent(pid: u32) -> Option<u32> {
    status_field(pid, "PPid")?.parse().ok()
}

/// Whether a process exists and is not a zombie.
pub fn alive(pid: u32) -> bool {
    status_field(pid, "State").is_some_and(|state| !state.starts_with(['Z', 'X']))
}

/// A field of `/proc/PID/status`.
pub fn status_field(pid: u32, name: &str) -> Option<String> {
    field(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, name).map(str::to_owned)
}

/// A line `name: value` of such a file's text.
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

/// Memory of a process in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident set, shared pages counted whole.
    pub resident: u64,
    /// Proportional set: shared pages divided among their users.
    pub proportional: u64,
    /// Pages no other process has.
    pub private: u64,
}

impl std::ops::Add for Memory {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            resident: self.resident + other.resident,
            proportional: self.proportional + other.proportional,
            private: self.private + other.private,
        }
    }
}

impl std::iter::Sum for Memory {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), |sum, one| sum + one)
    }
}

/// What a process holds, from `/proc/PID/smaps_rollup`.
pub fn memory(pid: u32) -> Option<Memory> {
    memory_of(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?)
}

fn memory_of(text: &str) -> Option<Memory> {
    let bytes = |name| -> Option<u64> {
        let kib: u64 = field(text, name)?.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1024)
    };
    Some(Memory {
        resident: bytes("Rss")?,
        proportional: bytes("Pss")?,
        private: bytes("Private_Clean")? + bytes("Private_Dirty")?,
    })
}

/// Whether the root of the file system a process sees is made of something below `path`. Other mounts say nothing: a
/// process that is about to become somebody else's container still sees a copy of all the host's.
pub fn is_rooted_below(pid: u32, path: &Path) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
    let path = format!("{}/", path.display());
    text.lines()
        .any(|line| line.split(' ').nth(4) == Some("/") && line.contains(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollup_is_read() {
        let text = "55f0-7ffd ---p 00000000 00:00 0 [rollup]\nRss:      884 kB\nPss:     385 kB\nPss_Dirty: 12 kB\n\
                    Private_Clean:  8 kB\nPrivate_Dirty:  4 kB\n";
        let memory = memory_of(text).unwrap();
        assert_eq!(
            memory,
            Memory {
                resident: 884 << 10,
                proportional: 385 << 10,
                private: 12 << 10
            }
        );
    }

    #[test]
    fn this_process_is_seen() {
        let own = std::process::id();
        assert!(pids().contains(&own));
        assert!(alive(own));
        assert!(memory(own).unwrap().private > 0);
        assert!(children(parent(own).unwrap()).contains(&own));
    }
}
