//! Who holds which volume mounted, noted where a daemon that is killed leaves it for the next one.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// Tells one boot of the machine from another: what was mounted before a reboot is not any more.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// One use of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hold {
    /// The volume.
    pub(crate) volume: String,
    /// Who uses it: a container's identifier; empty for the daemon itself, which does not outlive its use.
    pub(crate) owner: String,
    /// The boot it was taken in.
    boot: String,
}

/// All holds of one daemon, by identifier: the one a plugin is told at mounting and unmounting.
#[derive(Debug)]
pub(crate) struct Holds {
    dir: PathBuf,
    boot: String,
    held: Mutex<BTreeMap<String, Hold>>,
}

impl Holds {
    /// Reads the notes in `dir`, which is made when the first hold is taken. Those of another boot are removed.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let boot = fs::read_to_string(BOOT_ID)?.trim().to_owned();
        let mut held = BTreeMap::new();
        let entries = match fs::read_dir(dir) {
            Ok(entries) => Some(entries),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        for entry in entries.into_iter().flatten() {
            let path = entry?.path();
            let note = fs::read(&path).ok();
            let hold = note.and_then(|text| serde_json::from_slice::<Hold>(&text).ok());
            let id = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
            match (hold, id) {
                (Some(hold), Some(id)) if hold.boot == boot => drop(held.insert(id, hold)),
                _ => fs::remove_file(&path)?,
            }
        }
        Ok(Self {
            dir: dir.to_owned(),
            boot,
            held: Mutex::new(held),
        })
    }

    /// Takes a hold; to be called before the mounting. Returns its identifier.
    pub(crate) fn take(&self, volume: &str, owner: &str) -> io::Result<String> {
        let id = random_id()?;
        let hold = Hold {
            volume: volume.to_owned(),
            owner: owner.to_owned(),
            boot: self.boot.clone(),
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        fs::write(self.dir.join(&id), serde_json::to_vec(&hold)?)?;
        self.held().insert(id.clone(), hold);
        Ok(id)
    }

    /// Ends a hold; to be called after the unmounting.
    pub(crate) fn end(&self, id: &str) {
        if let Err(error) = fs::remove_file(self.dir.join(id)) {
            tracing::warn!(%error, id, "cannot remove the note of a mounted volume");
        }
        self.held().remove(id);
        // Fails as long as there are others.
        let _when_empty = fs::remove_dir(&self.dir);
    }

    /// The hold of that identifier.
    pub(crate) fn get(&self, id: &str) -> Option<Hold> {
        self.held().get(id).cloned()
    }

    /// Identifiers of the holds that `wanted` says yes to.
    pub(crate) fn find(&self, wanted: impl Fn(&Hold) -> bool) -> Vec<String> {
        let held = self.held();
        held.iter()
            .filter(|(_, hold)| wanted(hold))
            .map(|(id, _)| id.clone())
            .collect()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Hold>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 64 hexadecimal digits nobody has had before.
fn random_id() -> io::Result<String> {
    let mut bytes = [0_u8; 32];
    let mut filled = 0;
    while filled < bytes.len() {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_survive_the_daemon_but_not_the_machine() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("holds");
        let holds = Holds::open(&dir).unwrap();
        let one = holds.take("v", "container").unwrap();
        let other = holds.take("v", "").unwrap();
        assert_ne!(one, other);
        holds.end(&other);

        let again = Holds::open(&dir).unwrap();
        assert_eq!(
            again.find(|hold| hold.owner == "container"),
            std::slice::from_ref(&one)
        );
        assert_eq!(again.get(&one).unwrap().volume, "v");
        assert_eq!(again.get(&other), None);

        let note = fs::read_to_string(dir.join(&one)).unwrap();
        fs::write(dir.join(&one), note.replace(&again.boot, "another")).unwrap();
        let rebooted = Holds::open(&dir).unwrap();
        assert!(rebooted.find(|_| true).is_empty());
        assert!(!dir.join(&one).exists());
        again.end("never taken");
        assert!(!dir.exists());
    }
}
