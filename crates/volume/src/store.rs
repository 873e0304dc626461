//! All volumes of one daemon.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::holds::Holds;
use crate::local::{self, LocalMount};
use crate::plugin::{PluginVolume, Plugins, VolumePlugin};
use crate::volume::{LOCAL, LONGEST_NAME, Seen, Volume, VolumeRequest, is_valid_name};

/// Directory of the records of plugins' volumes; no volume can have this name.
const OF_PLUGINS: &str = ".plugins";

/// Where things are.
#[derive(Debug, Clone)]
pub struct VolumesConfig {
    /// Directory of local volumes and all records.
    pub root: PathBuf,
    /// Directory for notes of what is mounted, in the run-time state.
    pub holds: PathBuf,
    /// Directory of plugins' sockets.
    pub plugin_sockets: PathBuf,
    /// Directories of files that say where plugins listen.
    pub plugin_specifications: Vec<PathBuf>,
}

/// All volumes of one daemon, indexed in memory. Every method may block.
#[derive(Debug)]
pub struct Volumes {
    root: PathBuf,
    index: Mutex<BTreeMap<String, Volume>>,
    pub(crate) holds: Holds,
    plugins: Plugins,
    /// One lock for each volume that is being mounted or unmounted: a server that does not answer holds up nobody else.
    mounting: Mutex<BTreeMap<String, Arc<Mutex<()>>>>,
}

/// What there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// By name.
    pub volumes: Vec<Seen>,
    /// Plugins that did not answer.
    pub warnings: Vec<String>,
}

impl Volumes {
    /// Reads the volumes below the root, which is made if absent. Half-made ones are cleared. What an earlier daemon has mounted
    /// stays until [`Volumes::keep_holds_of`].
    ///
    /// # Errors
    /// When a directory cannot be read or made.
    pub fn open(config: &VolumesConfig) -> Result<Self> {
        let root = &config.root;
        let name = root.display().to_string();
        DirBuilder::new()
            .recursive(true)
            .mode(0o701)
            .create(root)
            .map_err(Error::io(&name))?;
        let mut index = BTreeMap::new();
        for dir in [root.clone(), root.join(OF_PLUGINS)] {
            read_records(&dir, &mut index).map_err(Error::io(&name))?;
        }
        Ok(Self {
            root: root.clone(),
            index: Mutex::new(index),
            holds: Holds::open(&config.holds).map_err(Error::io("holds"))?,
            plugins: Plugins::new(
                config.plugin_sockets.clone(),
                config.plugin_specifications.clone(),
            ),
            mounting: Mutex::default(),
        })
    }

    /// The volume of that name, made if absent. Says whether it was made.
    ///
    /// # Errors
    /// When the name, the driver or an option is not acceptable, another driver has a volume of that name, the plugin refuses, or
    /// the disk fails; nothing is left behind then.
    pub fn create(&self, request: VolumeRequest) -> Result<(Volume, bool)> {
        let known = self.index().get(&request.name).cloned();
        if let Some(volume) = known {
            if !request.driver.is_empty() && request.driver != volume.driver {
                if request.driver != LOCAL {
                    self.plugin_for(&request.name, &request.driver)?;
                }
                let (name, driver) = (volume.name, volume.driver);
                return Err(Error::OtherDriver { name, driver });
            }
            if volume.is_local() || self.plugin_of(&volume)?.get(&volume.name).is_ok() {
                return Ok((volume, false));
            }
            // The plugin has lost it: as if it had never been.
            self.forget(&volume)?;
        } else if request.driver.is_empty()
            && let Some((plugin, _)) = self.probe(&request.name)
        {
            return Ok((self.record_of_plugin(request, plugin.name())?, false));
        }
        match request.driver.as_str() {
            "" | LOCAL => self.create_local(request),
            driver => {
                let plugin = self.plugin_for(&request.name, driver)?;
                let new = plugin.get(&request.name).is_err();
                if new {
                    plugin
                        .create(&request.name, &request.options)
                        .map_err(Error::plugin("create", &request.name))?;
                }
                Ok((self.record_of_plugin(request, plugin.name())?, new))
            }
        }
    }

    fn create_local(&self, request: VolumeRequest) -> Result<(Volume, bool)> {
        let name = request.name;
        if name.len() == 1 {
            return Err(Error::ShortName(name));
        }
        if !is_valid_name(&name) {
            return Err(Error::InvalidName { name });
        }
        if name.len() > LONGEST_NAME {
            let path = self.root.join(&name).display().to_string();
            return Err(Error::LongName { name, path });
        }
        if let Err(reason) = LocalMount::parse(&request.options) {
            return Err(Error::InvalidOption { name, reason });
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
            driver: LOCAL.to_owned(),
            options: request.options,
        };
        let dir = self.dir(&volume);
        if let Err(error) = local::make(&dir, &volume, true) {
            let _cleared = fs::remove_dir_all(&dir);
            return Err(Error::io(&name)(error));
        }
        index.insert(name, volume.clone());
        Ok((volume, true))
    }

    /// Records a volume that a plugin has.
    fn record_of_plugin(&self, request: VolumeRequest, driver: &str) -> Result<Volume> {
        let volume = Volume {
            name: request.name,
            created_at_ns: request.now_ns,
            labels: request.labels,
            anonymous: request.anonymous,
            driver: driver.to_owned(),
            options: request.options,
        };
        let mut index = self.index();
        if let Some(existing) = index.get(&volume.name) {
            return Ok(existing.clone());
        }
        let dir = self.dir(&volume);
        let made = dir.parent().map_or(Ok(()), fs::create_dir_all);
        if let Err(error) = made.and_then(|()| local::make(&dir, &volume, false)) {
            let _cleared = fs::remove_dir_all(&dir);
            return Err(Error::io(&volume.name)(error));
        }
        index.insert(volume.name.clone(), volume.clone());
        Ok(volume)
    }

    /// The record of the volume called `name`; no plugin is asked.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<Volume> {
        self.index()
            .get(name)
            .cloned()
            .ok_or_else(|| Error::NotFound(name.to_owned()))
    }

    /// The volume called `name`, as its driver sees it; plugins are asked for one that is not recorded.
    ///
    /// # Errors
    /// When there is none, or its plugin does not answer.
    pub fn look(&self, name: &str) -> Result<Seen> {
        match self.get(name) {
            Ok(volume) if volume.is_local() => Ok(self.seen_local(volume)),
            Ok(volume) => {
                let plugin = self.plugin_of(&volume)?;
                let told = plugin.get(name).map_err(Error::plugin("get", name))?;
                Ok(seen(volume, &plugin, told))
            }
            Err(error) => {
                let (plugin, told) = self.probe(name).ok_or(error)?;
                Ok(seen(unrecorded(name, plugin.name()), &plugin, told))
            }
        }
    }

    /// All recorded volumes, by name.
    pub fn recorded(&self) -> Vec<Volume> {
        self.index().values().cloned().collect()
    }

    /// A recorded volume as it can be told of without asking its plugin.
    pub fn seen_local(&self, volume: Volume) -> Seen {
        Seen {
            mountpoint: self.mountpoint(&volume).display().to_string(),
            volume,
            scope: LOCAL.to_owned(),
            created_at: None,
            status: BTreeMap::new(),
        }
    }

    /// All volumes there are: local ones, those that plugins tell of, and what is recorded of those whose plugin does not answer.
    pub fn list(&self) -> Listing {
        let recorded = self.recorded();
        let (plugins, mut warnings) = self.plugins.all();
        let mut volumes: BTreeMap<String, Seen> = recorded
            .iter()
            .filter(|volume| volume.is_local())
            .map(|volume| (volume.name.clone(), self.seen_local(volume.clone())))
            .collect();
        let mut answered = BTreeSet::new();
        for plugin in plugins {
            match plugin.list() {
                Ok(told) => {
                    answered.insert(plugin.name().to_owned());
                    for one in told {
                        let own = recorded
                            .iter()
                            .find(|volume| volume.name == one.name && volume.driver == plugin.name());
                        let volume = own
                            .cloned()
                            .unwrap_or_else(|| unrecorded(&one.name, plugin.name()));
                        volumes
                            .entry(one.name.clone())
                            .or_insert_with(|| seen(volume, &plugin, one));
                    }
                }
                Err(reason) => warnings.push(format!("list {}: {reason}", plugin.name())),
            }
        }
        // Their names are taken, whether their plugin is there or not.
        for volume in recorded {
            if !volume.is_local() && !answered.contains(&volume.driver) {
                let name = volume.name.clone();
                volumes.entry(name).or_insert_with(|| self.seen_local(volume));
            }
        }
        Listing {
            volumes: volumes.into_values().collect(),
            warnings,
        }
    }

    /// Removes a volume and its data. The caller has made sure that no container uses it. `force` forgets a volume of a plugin
    /// that refuses or is gone. Returns the record of what was removed.
    ///
    /// # Errors
    /// When there is none, its plugin refuses, or the disk fails.
    pub fn remove(&self, name: &str, force: bool) -> Result<Volume> {
        let volume = match self.get(name) {
            Ok(volume) => volume,
            Err(error) => unrecorded(name, self.probe(name).ok_or(error)?.0.name()),
        };
        if volume.is_local() {
            self.remove_local(&volume)?;
            return Ok(volume);
        }
        let removed = self
            .plugin_of(&volume)
            .and_then(|plugin| plugin.remove(name).map_err(Error::plugin("remove", name)));
        match removed {
            Err(error) if force => tracing::warn!(%error, "a plugin's volume is forgotten all the same"),
            removed => removed?,
        }
        self.forget(&volume)?;
        Ok(volume)
    }

    fn remove_local(&self, volume: &Volume) -> Result<()> {
        let name = &volume.name;
        let lock = self.mount_lock(name);
        let _alone = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let data = self.mountpoint(volume);
        // What is mounted there is not the volume's to delete.
        if local::is_mount(&data) && !volume.options.is_empty() {
            local::unmount(&data).map_err(Error::io(name))?;
        }
        if local::is_mount(&data) {
            return Err(Error::StillMounted(name.clone()));
        }
        let mut index = self.index();
        if !index.contains_key(name) {
            return Err(Error::NotFound(name.clone()));
        }
        local::remove(&self.dir(volume)).map_err(Error::io(name))?;
        index.remove(name);
        Ok(())
    }

    fn forget(&self, volume: &Volume) -> Result<()> {
        let mut index = self.index();
        local::remove(&self.dir(volume)).map_err(Error::io(&volume.name))?;
        index.remove(&volume.name);
        Ok(())
    }

    /// Directory with the data of a local volume.
    pub fn mountpoint(&self, volume: &Volume) -> PathBuf {
        if volume.is_local() {
            self.root.join(&volume.name).join(local::DATA)
        } else {
            PathBuf::new()
        }
    }

    /// Where a recorded volume is or will be, to be shown: a plugin is asked.
    pub fn shown_path(&self, volume: &Volume) -> String {
        if volume.is_local() {
            return self.mountpoint(volume).display().to_string();
        }
        self.plugin_of(volume)
            .map(|plugin| plugin.path(&volume.name))
            .unwrap_or_default()
    }

    /// Names of the drivers that are in use: `local`, and the plugins that were spoken to.
    pub fn drivers(&self) -> Vec<String> {
        let mut names = self.plugins.known();
        names.push(LOCAL.to_owned());
        names.sort();
        names
    }

    /// Where a volume's record is.
    fn dir(&self, volume: &Volume) -> PathBuf {
        if volume.is_local() {
            self.root.join(&volume.name)
        } else {
            self.root.join(OF_PLUGINS).join(file_name(&volume.name))
        }
    }

    fn plugin_for(&self, name: &str, driver: &str) -> Result<Arc<VolumePlugin>> {
        self.plugins.get(driver).map_err(|reason| Error::UnknownDriver {
            name: name.to_owned(),
            driver: driver.to_owned(),
            reason,
        })
    }

    pub(crate) fn plugin_of(&self, volume: &Volume) -> Result<Arc<VolumePlugin>> {
        self.plugins.get(&volume.driver).map_err(|reason| Error::Plugin {
            operation: "get",
            name: volume.name.clone(),
            reason: format!("error looking up volume plugin {}: {reason}", volume.driver),
        })
    }

    /// A plugin that has a volume of that name.
    fn probe(&self, name: &str) -> Option<(Arc<VolumePlugin>, PluginVolume)> {
        let (plugins, _) = self.plugins.all();
        plugins
            .into_iter()
            .find_map(|plugin| plugin.get(name).ok().map(|told| (plugin, told)))
    }

    pub(crate) fn mount_lock(&self, name: &str) -> Arc<Mutex<()>> {
        self.mounting().entry(name.to_owned()).or_default().clone()
    }

    pub(crate) fn mounting(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Mutex<()>>>> {
        self.mounting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> MutexGuard<'_, BTreeMap<String, Volume>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_records(root: &Path, index: &mut BTreeMap<String, Volume>) -> std::io::Result<()> {
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let dir = entry.path();
        if entry.file_name() == OF_PLUGINS {
            continue;
        }
        match local::read_record(&dir) {
            Ok(volume) => drop(index.insert(volume.name.clone(), volume)),
            Err(error) => {
                // Without a record nobody was ever promised this volume; keep whatever data there is and say so.
                tracing::warn!(%error, dir = %dir.display(), "not a volume");
                let _only_if_empty = local::clear_half_made(&dir);
            }
        }
    }
    Ok(())
}

/// A volume that a plugin has and nobody asked this daemon for.
fn unrecorded(name: &str, driver: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        created_at_ns: 0,
        labels: BTreeMap::new(),
        anonymous: false,
        driver: driver.to_owned(),
        options: BTreeMap::new(),
    }
}

fn seen(volume: Volume, plugin: &VolumePlugin, told: PluginVolume) -> Seen {
    Seen {
        volume,
        mountpoint: told.mountpoint,
        scope: plugin.scope().to_owned(),
        created_at: told.created_at,
        status: told.status,
    }
}

/// A name for a file made of a plugin's name for a volume, in which anything may be.
fn file_name(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    name.bytes()
        .map(|byte| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(root: &Path) -> Volumes {
        Volumes::open(&VolumesConfig {
            root: root.join("volumes"),
            holds: root.join("run/volumes"),
            plugin_sockets: root.join("plugins"),
            plugin_specifications: vec![root.join("plugins")],
        })
        .unwrap()
    }

    fn request(name: &str) -> VolumeRequest {
        VolumeRequest {
            name: name.to_owned(),
            ..Default::default()
        }
    }

    fn left(root: &Path) -> usize {
        fs::read_dir(root.join("volumes")).unwrap().count()
    }

    #[test]
    fn volumes_survive_reopening_and_go_when_removed() {
        let dir = tempfile::tempdir().unwrap();
        let volumes = open(dir.path());
        let (volume, new) = volumes.create(request("data")).unwrap();
        assert!(new && !volumes.create(request("data")).unwrap().1);
        fs::write(volumes.mountpoint(&volume).join("f"), "x").unwrap();

        let volumes = open(dir.path());
        assert_eq!(volumes.recorded(), [volume]);
        volumes.remove("data", false).unwrap();
        assert_eq!(
            volumes.remove("data", false).unwrap_err().to_string(),
            "get data: no such volume"
        );
        assert_eq!(left(dir.path()), 0);
    }

    #[test]
    fn records_of_before_there_were_drivers_are_local_ones() {
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("volumes/old");
        fs::create_dir_all(old.join(local::DATA)).unwrap();
        let record = r#"{"name":"old","created_at_ns":5,"labels":{},"anonymous":false}"#;
        fs::write(old.join(local::RECORD), record).unwrap();
        let volume = open(dir.path()).get("old").unwrap();
        assert!(volume.is_local() && volume.options.is_empty());
    }

    #[test]
    fn half_made_volumes_do_not_exist() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("volumes");
        fs::create_dir_all(root.join("half").join(local::DATA)).unwrap();
        // Cut short in the middle of the record, in the middle of a removal, and with data in it.
        fs::create_dir_all(root.join("staged").join(local::DATA)).unwrap();
        fs::write(root.join("staged/volume.json.new"), "{").unwrap();
        fs::create_dir_all(root.join("gone")).unwrap();
        fs::create_dir_all(root.join("kept").join(local::DATA).join("data")).unwrap();
        assert!(open(dir.path()).recorded().is_empty());
        for name in ["half", "staged", "gone"] {
            assert!(!root.join(name).exists(), "{name}");
        }
        assert!(root.join("kept").exists());
    }

    #[test]
    fn senseless_wishes_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let volumes = open(dir.path());
        for name in ["", "a", "../x", "a/b", ".hidden", "a b", OF_PLUGINS] {
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
            volumes.create(other.clone()).unwrap_err().to_string(),
            "create ok: error looking up volume plugin nfs: plugin \"nfs\" not found"
        );
        assert_eq!(left(dir.path()), 0);
        let odd = VolumeRequest {
            options: [("frob".to_owned(), "1".to_owned())].into(),
            ..request("ok")
        };
        assert_eq!(
            volumes.create(odd).unwrap_err().to_string(),
            "create ok: invalid option: \"frob\""
        );
        assert_eq!(left(dir.path()), 0);
    }

    #[test]
    fn names_of_plugins_volumes_become_single_file_names() {
        assert_eq!(file_name("pool/../vol 1"), "pool%2F%2E%2E%2Fvol%201");
        assert_eq!(file_name(".."), "%2E%2E");
    }
}
