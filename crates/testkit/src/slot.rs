//! A number no other test on this machine has at the moment, and the names and addresses that follow from it.
//!
//! Tests run in parallel, in one process or in many; bridges, subnets, ports and cgroups are the machine's. A slot is a
//! file locked for as long as the slot lives, so that the kernel gives it back when a test is killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use crate::Residue;

/// Everything of all slots is below this. Short, since paths of unix sockets must be.
const BASE: &str = "/tmp/corten-testkit";
const SLOTS: u16 = 51 * 256;
const PORTS: u16 = 16;
const FIRST_PORT: u16 = 21_000;
/// Above it the kernel hands out ports by itself.
const LAST_PORT: u16 = 32_000;

/// A leased number. What an earlier holder left behind is gone when it is given out.
#[derive(Debug)]
pub struct Slot {
    number: u16,
    _lock: File,
}

impl Slot {
    /// Takes the lowest free number.
    pub fn take() -> Self {
        if let Err(error) = fs::create_dir_all(BASE) {
            panic!("cannot make {BASE}: {error}");
        }
        for number in 1..SLOTS {
            let path = format!("{BASE}/{number}.lock");
            // The file must not be removed afterwards: a lock on a removed file locks nobody out.
            let lock = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
                .unwrap_or_else(|error| panic!("cannot open {path}: {error}"));
            if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
                continue;
            }
            let slot = Self { number, _lock: lock };
            slot.residue().remove();
            if let Err(error) = fs::create_dir_all(slot.root()) {
                panic!("cannot make {}: {error}", slot.root().display());
            }
            return slot;
        }
        panic!("all {SLOTS} slots are taken: see {BASE}");
    }

    /// The slot's directory: everything made for it is below, and so it is found again.
    pub fn root(&self) -> PathBuf {
        Path::new(BASE).join(self.name())
    }

    /// Short name of the slot, fit for a link.
    pub fn name(&self) -> String {
        format!("ct{:04}", self.number)
    }

    /// The bridge's address with its prefix length.
    pub fn bridge_address(&self) -> String {
        format!("{}.1/24", self.subnet_prefix())
    }

    /// The first three numbers of the subnet: `10.200.7`.
    pub fn subnet_prefix(&self) -> String {
        format!("10.{}.{}", 200 + self.number / 256, self.number % 256)
    }

    /// A TCP port of the slot's own; `index` below 16.
    pub fn port(&self, index: u16) -> u16 {
        assert!(index < PORTS, "a slot has {PORTS} ports");
        FIRST_PORT + (self.number * PORTS) % (LAST_PORT - FIRST_PORT) + index
    }

    /// Cgroup below which the slot's containers get theirs.
    pub fn cgroup_parent(&self) -> String {
        format!("/corten-test-{}", self.name())
    }

    /// What an engine with the slot's names may have left on the machine.
    pub fn residue(&self) -> Residue {
        Residue {
            root: self.root(),
            bridge: self.name(),
            table: self.name(),
            cgroup_parent: self.cgroup_parent(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_slots_share_nothing() {
        let (one, two) = (Slot::take(), Slot::take());
        assert_ne!(one.name(), two.name());
        assert_ne!(one.root(), two.root());
        assert_ne!(one.bridge_address(), two.bridge_address());
        assert_ne!(one.port(0), two.port(0));
        let _ = fs::remove_dir(one.root());
        let _ = fs::remove_dir(two.root());
    }
}
