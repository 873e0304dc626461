//! SIGHUP: the configuration file is read anew, and what Docker calls reloadable is taken over.

use std::sync::Arc;

use corten_engine::Engine;

use crate::config_file;
use crate::flags::Flags;
use crate::live::Shared;
use crate::logging::LogLevel;
use crate::values::Values;
use crate::{service_manager, settings};

/// All that is changed by a reload.
pub(crate) struct Reload {
    pub(crate) flags: Flags,
    pub(crate) live: Shared,
    pub(crate) engine: Arc<Engine>,
    pub(crate) log_level: LogLevel,
}

impl Reload {
    /// Reads the settings anew. A file that cannot be used changes nothing, and is told in the log.
    pub(crate) fn run(&self) {
        let Some(file) = config_file::find(self.flags.config_file.as_deref()) else {
            tracing::info!("Got signal to reload configuration, but there is no configuration file");
            return;
        };
        tracing::info!(
            "Got signal to reload configuration, reloading from: {}",
            file.display()
        );
        service_manager::reloading();
        match settings::read(&self.flags, Some(&file)).and_then(|values| self.take(&values)) {
            Ok(warnings) => {
                for warning in warnings {
                    tracing::warn!("{warning}");
                }
                self.announce();
            }
            Err(why) => tracing::error!("{why}"),
        }
        service_manager::ready();
    }

    fn take(&self, values: &Values) -> Result<Vec<String>, String> {
        // Checked as a whole: a file no daemon would start with changes nothing.
        let warnings = settings::warnings(values)?;
        let mut live = (*self.live.now()).clone();
        live.take(values)?;
        let defaults = settings::container_defaults(values, &self.engine.defaults())?;
        self.engine
            .set_defaults(defaults)
            .map_err(|error| error.to_string())?;
        self.log_level.set_debug(live.debug);
        self.live.put(live);
        Ok(warnings)
    }

    /// The `reload` event, and a line of the log.
    fn announce(&self) {
        let defaults = self.engine.defaults();
        let mut attributes = self.live.now().attributes();
        let or = |text: &str, default: &str| if text.is_empty() { default } else { text }.to_owned();
        for (key, value) in [
            ("default-runtime", or(&defaults.runtime, "corten")),
            ("default-shm-size", defaults.shm_size.to_string()),
            ("default-ipc-mode", or(&defaults.ipc_mode, "private")),
            ("default-cgroupns-mode", defaults.cgroupns_mode.clone()),
            (
                "runtimes",
                settings::RUNTIMES
                    .map(|name| format!("{name}:{{corten-shim []}}"))
                    .join(" "),
            ),
            (
                "name",
                rustix::system::uname().nodename().to_string_lossy().into_owned(),
            ),
        ] {
            attributes.insert(key.to_owned(), value);
        }
        let line: Vec<String> = attributes
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        tracing::info!("Reloaded configuration: {}", line.join(" "));
        let id = self.engine.id().to_owned();
        self.engine.events().publish("daemon", "reload", &id, attributes);
    }
}
