//! Volumes mounted for those who hold them, and unmounted after the last.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use crate::error::{Error, Result};
use crate::holds::Hold;
use crate::local::{self, LocalMount};
use crate::store::Volumes;
use crate::volume::Volume;

/// A volume held mounted until it is given back by [`Volumes::release`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// Where it is on the host.
    pub path: PathBuf,
    /// What to give back; `None` when there is nothing to.
    pub hold: Option<String>,
}

impl Volumes {
    /// Makes a volume's files available at a path of the host's, for `owner` (a container's identifier; empty for the daemon itself).
    ///
    /// # Errors
    /// When there is no such volume, or it cannot be mounted: Docker's sentence.
    pub fn mount(&self, name: &str, owner: &str) -> Result<Mounted> {
        let volume = self.get(name)?;
        let wanted = if volume.is_local() {
            let wanted = LocalMount::parse(&volume.options).map_err(|reason| Error::InvalidOption {
                name: name.to_owned(),
                reason,
            })?;
            let Some(wanted) = wanted else {
                return Ok(Mounted {
                    path: self.mountpoint(&volume),
                    hold: None,
                });
            };
            Some(wanted)
        } else {
            None
        };
        let hold = self.holds.take(name, owner).map_err(Error::io(name))?;
        let mounted = match wanted {
            Some(wanted) => self.mount_local(&volume, &wanted),
            None => self.plugin_of(&volume).and_then(|plugin| {
                plugin
                    .mount(name, &hold)
                    .map(PathBuf::from)
                    .map_err(|reason| Error::Mount {
                        path: plugin.path(name),
                        reason,
                    })
            }),
        };
        match mounted {
            Ok(path) => Ok(Mounted {
                path,
                hold: Some(hold),
            }),
            Err(error) => {
                self.holds.end(&hold);
                Err(error)
            }
        }
    }

    fn mount_local(&self, volume: &Volume, wanted: &LocalMount) -> Result<PathBuf> {
        let lock = self.mount_lock(&volume.name);
        let _alone = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.mountpoint(volume);
        if !local::is_mount(&path) {
            wanted.mount(&path).map_err(|reason| Error::Mount {
                path: path.display().to_string(),
                reason,
            })?;
        }
        Ok(path)
    }

    /// Gives back what [`Volumes::mount`] gave; what cannot be unmounted is logged.
    pub fn release(&self, hold: &str) {
        let Some(Hold { volume: name, .. }) = self.holds.get(hold) else {
            return;
        };
        let unmounted = match self.get(&name) {
            Ok(volume) if volume.is_local() => {
                let lock = self.mount_lock(&name);
                let _alone = lock.lock().unwrap_or_else(PoisonError::into_inner);
                self.holds.end(hold);
                self.unmount_if_idle(&volume)
            }
            Ok(volume) => {
                let unmounted = self.plugin_of(&volume).and_then(|plugin| {
                    plugin
                        .unmount(&name, hold)
                        .map_err(Error::plugin("unmount", &name))
                });
                self.holds.end(hold);
                unmounted
            }
            Err(error) => {
                self.holds.end(hold);
                Err(error)
            }
        };
        if let Err(error) = unmounted {
            tracing::warn!(%error, "cannot unmount a volume");
        }
        self.mounting().retain(|_, lock| Arc::strong_count(lock) > 1);
    }

    /// Gives back all that `owner` holds.
    pub fn release_all_of(&self, owner: &str) {
        for hold in self.holds.find(|hold| hold.owner == owner) {
            self.release(&hold);
        }
    }

    /// Whether `owner` holds anything.
    pub fn is_holding(&self, owner: &str) -> bool {
        !self.holds.find(|hold| hold.owner == owner).is_empty()
    }

    /// After a restart of the daemon: gives up all holds but those of owners that `live` still knows, and unmounts what is mounted
    /// for nobody. To be called before anything is mounted. What plugins are to be told is left: it is returned, to be
    /// [released](Volumes::release) when there is time, since a plugin may be gone for good.
    pub fn keep_holds_of(&self, live: impl Fn(&str) -> bool) -> Vec<String> {
        let stale = self
            .holds
            .find(|hold| hold.owner.is_empty() || !live(&hold.owner));
        let (of_plugins, local): (Vec<String>, Vec<String>) = stale.into_iter().partition(|id| {
            let volume = self.holds.get(id).and_then(|hold| self.get(&hold.volume).ok());
            volume.is_some_and(|volume| !volume.is_local())
        });
        for hold in local {
            self.release(&hold);
        }
        let mounted = self.recorded().into_iter();
        for volume in mounted.filter(|volume| volume.is_local() && !volume.options.is_empty()) {
            if let Err(error) = self.unmount_if_idle(&volume) {
                tracing::warn!(%error, "cannot unmount a volume that nobody uses");
            }
        }
        of_plugins
    }

    fn unmount_if_idle(&self, volume: &Volume) -> Result<()> {
        let path = self.mountpoint(volume);
        let is_held = !self.holds.find(|hold| hold.volume == volume.name).is_empty();
        if is_held || !local::is_mount(&path) {
            return Ok(());
        }
        local::unmount(&path).map_err(Error::io(&volume.name))
    }
}
