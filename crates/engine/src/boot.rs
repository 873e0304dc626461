//! Telling a restart of the daemon from a reboot of the machine, which ends every container without a word.

use std::path::PathBuf;

use corten_types::ContainerId;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::record::{ContainerRecord, RunMark};

/// Where the kernel tells one boot from another.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Name of a container's [`RunMark`] in its own directory.
const MARK: &str = "run.json";

/// The identifier of this boot.
///
/// # Errors
/// When the kernel does not tell.
pub fn boot_id() -> Result<String> {
    let id = std::fs::read_to_string(BOOT_ID).map_err(Error::system(format!("cannot read {BOOT_ID}")))?;
    Ok(id.trim().to_owned())
}

impl Engine {
    /// Marks that a container runs. Failing is no reason to stop it: at worst a reboot is taken for its never having run.
    pub(crate) fn mark_run(&self, id: &ContainerId, mark: &RunMark) {
        let path = self.mark_path(id);
        let written = serde_json::to_vec(mark)
            .map_err(std::io::Error::other)
            .and_then(|text| std::fs::write(&path, text));
        if let Err(error) = written {
            tracing::warn!(%error, path = %path.display(), "cannot mark that a container runs");
        }
    }

    /// The last run of a container that nothing is known to live of, if its end is not recorded.
    pub(crate) fn unfinished_run(&self, record: &ContainerRecord) -> Option<RunMark> {
        let marked = std::fs::read(self.mark_path(&record.id))
            .ok()
            .and_then(|text| serde_json::from_slice::<RunMark>(&text).ok());
        let recorded = record
            .last_run
            .as_ref()
            .filter(|run| run.started_at_ns != 0)
            .map(|run| RunMark {
                started_at_ns: run.started_at_ns,
                restart_count: record.restart_count,
            });
        // A mark that a full disk kept from being written is older than the record.
        [marked, recorded]
            .into_iter()
            .flatten()
            .max_by_key(|mark| mark.started_at_ns)
            .filter(|mark| mark.is_unfinished(record))
    }

    fn mark_path(&self, id: &ContainerId) -> PathBuf {
        self.container_dir(id).join(MARK)
    }
}
