//! The calls of `VolumeDriver`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::connection::{Address, Fault, field};
use super::directory::NOT_FOR_VOLUMES;

/// Docker's patience with what may take time.
const LONG: Duration = Duration::from_secs(120);
/// And with what should not.
const SHORT: Duration = Duration::from_secs(60);

/// A plugin that drives volumes.
#[derive(Debug)]
pub(crate) struct VolumePlugin {
    name: String,
    address: Address,
    scope: String,
}

/// What a plugin tells of a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PluginVolume {
    pub(crate) name: String,
    pub(crate) mountpoint: String,
    pub(crate) created_at: Option<String>,
    pub(crate) status: BTreeMap<String, Value>,
}

impl VolumePlugin {
    /// Says hello to a plugin.
    ///
    /// # Errors
    /// Docker's sentence when it cannot be reached or drives no volumes.
    pub(super) fn activate(name: &str, address: Address) -> Result<Self, String> {
        let answer = address
            .call("Plugin.Activate", &Value::Null, SHORT, false)
            .map_err(|fault| format!("legacy plugin: {}", fault.sentence()))?;
        let implements = field(&answer, "Implements").and_then(Value::as_array);
        if !implements.is_some_and(|all| all.iter().any(|one| one == "VolumeDriver")) {
            return Err(NOT_FOR_VOLUMES.to_owned());
        }
        let scope = match address.call("VolumeDriver.Capabilities", &json!({}), SHORT, false) {
            Ok(answer) => field(&answer, "Capabilities")
                .and_then(Value::as_object)
                .and_then(|capabilities| field(capabilities, "Scope"))
                .and_then(Value::as_str)
                .map(str::to_lowercase)
                .filter(|scope| matches!(scope.as_str(), "local" | "global")),
            // It is optional.
            Err(_) => None,
        };
        Ok(Self {
            name: name.to_owned(),
            address,
            scope: scope.unwrap_or_else(|| "local".to_owned()),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// `local` or `global`.
    pub(crate) fn scope(&self) -> &str {
        &self.scope
    }

    pub(crate) fn create(&self, name: &str, options: &BTreeMap<String, String>) -> Result<(), String> {
        let options = if options.is_empty() {
            Value::Null
        } else {
            json!(options)
        };
        self.act("Create", &json!({"Name": name, "Opts": options}), LONG)
            .map(drop)
    }

    pub(crate) fn remove(&self, name: &str) -> Result<(), String> {
        self.act("Remove", &json!({"Name": name}), SHORT).map(drop)
    }

    /// Mounts for the user `id`; tells where on the host.
    pub(crate) fn mount(&self, name: &str, id: &str) -> Result<String, String> {
        let answer = self.act("Mount", &json!({"Name": name, "ID": id}), LONG)?;
        match text(&answer, "Mountpoint") {
            path if path.starts_with('/') => Ok(path),
            path => Err(format!(
                "VolumeDriver.Mount: {path:?} is no mount point on this machine"
            )),
        }
    }

    pub(crate) fn unmount(&self, name: &str, id: &str) -> Result<(), String> {
        self.act("Unmount", &json!({"Name": name, "ID": id}), SHORT)
            .map(drop)
    }

    /// Where the volume would be, or is, mounted; empty when the plugin does not say.
    pub(crate) fn path(&self, name: &str) -> String {
        let answer = self.look("Path", &json!({"Name": name}));
        answer
            .map(|answer| text(&answer, "Mountpoint"))
            .unwrap_or_default()
    }

    /// The volume of that name, if the plugin has one.
    pub(crate) fn get(&self, name: &str) -> Result<PluginVolume, String> {
        let answer = self.look("Get", &json!({"Name": name}))?;
        match field(&answer, "Volume").and_then(Value::as_object) {
            Some(volume) => Ok(PluginVolume {
                name: name.to_owned(),
                ..read(volume)
            }),
            None => Err("no such volume".to_owned()),
        }
    }

    pub(crate) fn list(&self) -> Result<Vec<PluginVolume>, String> {
        let answer = self.look("List", &json!({}))?;
        let volumes = field(&answer, "Volumes").and_then(Value::as_array);
        Ok(volumes
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .map(read)
            .filter(|volume| !volume.name.is_empty())
            .collect())
    }

    /// A call that changes something: a plugin that is just being started is waited for.
    fn act(&self, method: &str, body: &Value, timeout: Duration) -> Result<Map<String, Value>, String> {
        self.call(method, body, timeout, true)
    }

    fn look(&self, method: &str, body: &Value) -> Result<Map<String, Value>, String> {
        self.call(method, body, SHORT, false)
    }

    fn call(
        &self,
        method: &str,
        body: &Value,
        timeout: Duration,
        retry: bool,
    ) -> Result<Map<String, Value>, String> {
        let method = format!("VolumeDriver.{method}");
        self.address
            .call(&method, body, timeout, retry)
            .map_err(Fault::sentence)
    }
}

fn text(map: &Map<String, Value>, name: &str) -> String {
    field(map, name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn read(volume: &Map<String, Value>) -> PluginVolume {
    let status = field(volume, "Status").and_then(Value::as_object);
    let created_at = text(volume, "CreatedAt");
    PluginVolume {
        name: text(volume, "Name"),
        mountpoint: text(volume, "Mountpoint"),
        created_at: (!created_at.is_empty()).then_some(created_at),
        status: status.cloned().unwrap_or_default().into_iter().collect(),
    }
}
