//! All volumes of one daemon.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::volume::{Volume, VolumeRequest, is_valid_name};

const RECORD: &str = "volume.json";
/// The record while it is being written.
const STAGED_RECORD: &str = "volume.json.new";
const DATA: &str = "_data";

/// All volumes of one daemon, indexed in memory.
#[derive(Debug)]
pub struct Volumes {
    root: PathBuf,
    index: Mutex<BTreeMap<String, Volume>>,
}

impl Volumes {
    /// Reads the volumes below `root`, which is made if absent. Half-made ones are cleared.
    ///
    /// # Errors
    /// When the directory cannot be read or made.
    pub fn open(root: &Path) -> Result<Self> {
        let name = root.display().to_string();
        DirBuilder::new()
            .recursive(true)
            .mode(0o701)
            .create(root)
            .map_err(Error::io(&name))?;
        let mut index = BTreeMap::new();
        for entry in fs::read_dir(root).map_err(Error::io(&name))? {
            let dir = entry.map_err(Error::io(&name))?.path();
            match read_record(&dir) {
                Ok(volume) => {
                    index.insert(volume.name.clone(), volume);
                }
                Err(error) => {
                    // Without a record nobody was ever promised this volume; keep whatever data there is and say so.
                    tracing::warn!(%error, dir = %dir.display(), "not a volume");
                    let _only_if_empty = clear_half_made(&dir);
                }
            }
        }
        Ok(Self {
            root: root.to_owned(),
            index: Mutex::new(index),
        })
    }

    /// The volume of that name, made if absent. Says whether it was made.
    ///
    /// # Errors
    /// When the name, the driver or an option is not acceptable, or the disk fails; nothing is left behind then.
    pub fn create(&self, request: VolumeRequest) -> Result<(Volume, bool)> {
        let name = request.name;
        if name.chars().count() == 1 {
            return Err(Error::ShortName(name));
        }
        if !is_valid_name(&name) {
            return Err(Error::InvalidName { name });
        }
        if !matches!(request.driver.as_str(), "" | "local") {
            let driver = request.driver;
            return Err(Error::UnknownDriver { name, driver });
        }
        if let Some(option) = request.options.into_keys().next() {
            return Err(Error::UnsupportedOption { name, option });
        }
        let mut index = self.index();
        if let Some(existing) = index.get(&name) {
            return Ok((existing.clone(), false));
        }
        let volume = Volume {
            name: name.clone(),
            created_at_ns: request.now_ns,
            labels: request.labels,
            anonymous: request.anonymous,
        };
        let dir = self.root.join(&name);
        if let Err(error) = write_new(&dir, &volume) {
            let _cleared = fs::remove_dir_all(&dir);
            return Err(Error::io(&name)(error));
        }
        index.insert(name, volume.clone());
        Ok((volume, true))
    }

    /// The volume called `name`.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<Volume> {
        self.index()
            .get(name)
            .cloned()
            .ok_or_else(|| Error::NotFound(name.to_owned()))
    }

    /// All volumes, by name.
    pub fn list(&self) -> Vec<Volume> {
        self.index().values().cloned().collect()
    }

    /// Removes a volume and its data. The caller has made sure that no container uses it.
    ///
    /// # Errors
    /// When there is none, or the disk fails.
    pub fn remove(&self, name: &str) -> Result<()> {
        let mut index = self.index();
        if !index.contains_key(name) {
            return Err(Error::NotFound(name.to_owned()));
        }
        let dir = self.root.join(name);
        // The record goes last: a removal cut short is taken up by the next one.
        let removed = remove_trees(&dir).and_then(|()| fs::remove_dir_all(&dir));
        removed.or_else(absent_is_fine).map_err(Error::io(name))?;
        index.remove(name);
        Ok(())
    }

    /// Directory with the data of the volume called `name`.
    pub fn mountpoint(&self, name: &str) -> PathBuf {
        self.root.join(name).join(DATA)
    }

    fn index(&self) -> MutexGuard<'_, BTreeMap<String, Volume>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes all directories in `top`, however deep: what containers wrote may be deeper than a stack or a path may be long. Each
/// directory is moved up before it is emptied, so nothing here goes deeper than one level; links are not followed.
fn remove_trees(top: &Path) -> io::Result<()> {
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    let mut names = (0_u64..).map(|number| top.join(format!("removed-{number}")));
    let mut queue = vec![top.to_owned()];
    while let Some(dir) = queue.pop() {
        let at_top = dir == top;
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                if !at_top {
                    fs::remove_file(entry.path())?;
                }
            } else if at_top {
                queue.push(entry.path());
            } else if let Some(up) = names.find(|name| !is_there(name)) {
                fs::rename(entry.path(), &up)?;
                queue.push(up);
            }
        }
        if !at_top {
            fs::remove_dir(&dir)?;
        }
    }
    Ok(())
}

fn absent_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound {
        Ok(())
    } else {
        Err(error)
    }
}

/// Removes what a making or a removal that was cut short has left, but no data.
fn clear_half_made(dir: &Path) -> io::Result<()> {
    fs::remove_dir(dir.join(DATA)).or_else(absent_is_fine)?;
    for record in [STAGED_RECORD, RECORD] {
        fs::remove_file(dir.join(record)).or_else(absent_is_fine)?;
    }
    fs::remove_dir(dir)
}

fn read_record(dir: &Path) -> io::Result<Volume> {
    Ok(serde_json::from_slice(&fs::read(dir.join(RECORD))?)?)
}

/// Data directory first, then the record, durable: with the record the volume exists.
fn write_new(dir: &Path, volume: &Volume) -> io::Result<()> {
    DirBuilder::new().mode(0o701).create(dir)?;
    DirBuilder::new().mode(0o755).create(dir.join(DATA))?;
    let staged = dir.join(STAGED_RECORD);
    let mut file = File::create(&staged)?;
    file.write_all(&serde_json::to_vec(volume)?)?;
    file.sync_data()?;
    fs::rename(&staged, dir.join(RECORD))?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str) -> VolumeRequest {
        VolumeRequest {
            name: name.to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn volumes_survive_reopening_and_go_when_removed() {
        let dir = tempfile::tempdir().unwrap();
        let volumes = Volumes::open(dir.path()).unwrap();
        assert!(volumes.create(request("data")).unwrap().1);
        assert!(!volumes.create(request("data")).unwrap().1);
        fs::write(volumes.mountpoint("data").join("f"), "x").unwrap();

        let volumes = Volumes::open(dir.path()).unwrap();
        assert_eq!(volumes.list().len(), 1);
        volumes.remove("data").unwrap();
        assert_eq!(
            volumes.remove("data").unwrap_err().to_string(),
            "get data: no such volume"
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn half_made_volumes_do_not_exist() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("half").join(DATA)).unwrap();
        // Cut short in the middle of the record, in the middle of a removal, and with data in it.
        fs::create_dir_all(dir.path().join("staged").join(DATA)).unwrap();
        fs::write(dir.path().join("staged").join(STAGED_RECORD), "{").unwrap();
        fs::create_dir_all(dir.path().join("gone")).unwrap();
        fs::create_dir_all(dir.path().join("kept").join(DATA).join("data")).unwrap();
        assert!(Volumes::open(dir.path()).unwrap().list().is_empty());
        for name in ["half", "staged", "gone"] {
            assert!(!dir.path().join(name).exists(), "{name}");
        }
        assert!(dir.path().join("kept").exists());
    }

    #[test]
    fn senseless_wishes_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let volumes = Volumes::open(dir.path()).unwrap();
        for name in ["", "a", "../x", "a/b", ".hidden", "a b"] {
            assert_eq!(
                volumes.create(request(name)).unwrap_err().kind(),
                corten_types::ErrorKind::Invalid
            );
        }
        let other = VolumeRequest {
            driver: "nfs".into(),
            ..request("ok")
        };
        assert_eq!(
            volumes.create(other).unwrap_err().to_string(),
            "create ok: error looking up volume plugin nfs: plugin \"nfs\" not found"
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
