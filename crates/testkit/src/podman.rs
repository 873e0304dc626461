//! A podman of one's own: one more tool that writes and reads images.

use std::process::Command;

use crate::Slot;

/// Podman's images below a slot's directory, in plain copies that need no mounts. Dropping it removes them.
#[derive(Debug)]
pub struct Podman {
    slot: Slot,
}

impl Podman {
    /// One without images.
    #[expect(clippy::new_without_default, reason = "it takes a slot of the machine's")]
    pub fn new() -> Self {
        Self { slot: Slot::take() }
    }

    /// The podman command line for it, still to be run.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("podman");
        // Of all directories below the root: podman refuses a long path for this one.
        for (flag, name) in [("--root", "root"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
            command.arg(flag).arg(self.slot.root().join(name));
        }
        command
            .args(["--storage-driver", "vfs", "--events-backend", "none"])
            .args(args);
        command
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        self.slot.residue().remove();
    }
}
