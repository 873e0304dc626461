//! Where plugins are found: a socket, or a file that says where the socket is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::Value;

use super::connection::Address;
use super::driver::VolumePlugin;

/// Longest specification read, in bytes.
const MAX_SPECIFICATION: u64 = 1 << 20;

/// The plugins of this machine.
#[derive(Debug)]
pub(crate) struct Plugins {
    /// Directory of sockets.
    sockets: PathBuf,
    /// Directories of specifications.
    specifications: Vec<PathBuf>,
    /// Those that have been spoken to.
    known: Mutex<BTreeMap<String, Arc<VolumePlugin>>>,
}

/// `NAME.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Specification {
    #[serde(default)]
    addr: String,
    #[serde(default, rename = "TLSConfig")]
    tls_config: Option<Value>,
}

impl Plugins {
    pub(crate) fn new(sockets: PathBuf, specifications: Vec<PathBuf>) -> Self {
        Self {
            sockets,
            specifications,
            known: Mutex::default(),
        }
    }

    /// The volume plugin called `name`.
    ///
    /// # Errors
    /// Docker's sentence when there is none, it cannot be reached, or it does not do volumes.
    pub(crate) fn get(&self, name: &str) -> Result<Arc<VolumePlugin>, String> {
        let Some(address) = self.locate(name)? else {
            self.forget(name);
            return Err(format!("plugin {name:?} not found"));
        };
        let known = self.lock().get(name).cloned();
        if let Some(plugin) = known.filter(|plugin| *plugin.address() == address) {
            return Ok(plugin);
        }
        let plugin = Arc::new(VolumePlugin::activate(name, address)?);
        self.lock().insert(name.to_owned(), plugin.clone());
        Ok(plugin)
    }

    /// All volume plugins that can be reached, by name; the others are told of.
    pub(crate) fn all(&self) -> (Vec<Arc<VolumePlugin>>, Vec<String>) {
        let mut found = Vec::new();
        let mut warnings = Vec::new();
        for name in self.names() {
            match self.get(&name) {
                Ok(plugin) => found.push(plugin),
                // Networks and authorization have plugins in the same place.
                Err(reason) if reason == NOT_FOR_VOLUMES => {}
                Err(reason) => warnings.push(format!("list {name}: {reason}")),
            }
        }
        (found, warnings)
    }

    /// Names of those that have been spoken to.
    pub(crate) fn known(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn forget(&self, name: &str) {
        self.lock().remove(name);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<VolumePlugin>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names of all plugins, of whatever kind.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let places = std::iter::once((&self.sockets, &["sock"][..]))
            .chain(self.specifications.iter().map(|dir| (dir, &["spec", "json"][..])));
        for (dir, endings) in places {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                let path = entry.path();
                let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else {
                    continue;
                };
                let ending = path
                    .extension()
                    .and_then(|ending| ending.to_str())
                    .unwrap_or_default();
                // `NAME.sock`, or `NAME/NAME.sock`.
                let nested = || {
                    let name = entry.file_name();
                    let name = name.to_str()?;
                    let inside = |ending: &&str| path.join(format!("{name}.{ending}")).exists();
                    endings.iter().any(inside).then(|| name.to_owned())
                };
                if endings.contains(&ending) {
                    names.push(stem.to_owned());
                } else if let Some(name) = nested() {
                    names.push(name);
                }
            }
        }
        names.sort();
        names.dedup();
        names
    }

    fn locate(&self, name: &str) -> Result<Option<Address>, String> {
        if name.is_empty() || name.contains('/') || name == ".." {
            return Ok(None);
        }
        let in_places = |dir: &Path, ending: &str| {
            let file = format!("{name}.{ending}");
            [dir.join(&file), dir.join(name).join(&file)]
        };
        if let Some(socket) = in_places(&self.sockets, "sock")
            .into_iter()
            .find(|path| is_socket(path))
        {
            return Ok(Some(Address::Unix(socket)));
        }
        for dir in &self.specifications {
            for path in in_places(dir, "spec") {
                if let Some(text) = read(&path) {
                    return address(text.trim(), name).map(Some);
                }
            }
            for path in in_places(dir, "json") {
                if let Some(text) = read(&path) {
                    let specification: Specification =
                        serde_json::from_str(&text).map_err(|error| error.to_string())?;
                    if specification.tls_config.is_some_and(|config| !config.is_null()) {
                        return Err(format!(
                            "plugin {name:?}: TLS to plugins is not supported by Corten yet"
                        ));
                    }
                    return address(&specification.addr, name).map(Some);
                }
            }
        }
        Ok(None)
    }
}

/// Why a plugin of another kind is no volume driver.
pub(super) const NOT_FOR_VOLUMES: &str = "legacy plugin: Plugin does not implement the requested driver";

fn address(text: &str, name: &str) -> Result<Address, String> {
    match text.split_once("://") {
        Some(("unix", path)) if path.starts_with('/') => Ok(Address::Unix(path.into())),
        Some(("tcp" | "http", address)) if !address.is_empty() => {
            Ok(Address::Tcp(address.trim_end_matches('/').to_owned()))
        }
        _ => Err(format!("plugin {name:?}: unknown protocol in address {text:?}")),
    }
}

fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    fs::metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

fn read(path: &Path) -> Option<String> {
    use std::io::Read;
    let mut text = String::new();
    fs::File::open(path)
        .ok()?
        .take(MAX_SPECIFICATION)
        .read_to_string(&mut text)
        .ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_are_found_as_docker_finds_them() {
        let dir = tempfile::tempdir().unwrap();
        let (sockets, specs) = (dir.path().join("run"), dir.path().join("etc"));
        fs::create_dir_all(sockets.join("nested")).unwrap();
        fs::create_dir_all(specs.join("deep")).unwrap();
        let _plain = std::os::unix::net::UnixListener::bind(sockets.join("plain.sock")).unwrap();
        let nested = sockets.join("nested/nested.sock");
        let _nested = std::os::unix::net::UnixListener::bind(&nested).unwrap();
        fs::write(specs.join("remote.spec"), "tcp://127.0.0.1:9\n").unwrap();
        fs::write(
            specs.join("deep/deep.json"),
            r#"{"Name": "deep", "Addr": "unix:///x.sock"}"#,
        )
        .unwrap();
        fs::write(
            specs.join("tls.json"),
            r#"{"Addr": "tcp://h:1", "TLSConfig": {}}"#,
        )
        .unwrap();
        fs::write(specs.join("odd.spec"), "ftp://h").unwrap();
        let plugins = Plugins::new(sockets, vec![specs]);
        assert_eq!(
            plugins.names(),
            ["deep", "nested", "odd", "plain", "remote", "tls"]
        );
        let located = |name: &str| plugins.locate(name).unwrap().unwrap();
        assert_eq!(located("nested"), Address::Unix(nested));
        assert_eq!(located("remote"), Address::Tcp("127.0.0.1:9".to_owned()));
        assert_eq!(located("deep"), Address::Unix("/x.sock".into()));
        assert!(plugins.locate("tls").is_err() && plugins.locate("odd").is_err());
        assert_eq!(plugins.get("none").unwrap_err(), "plugin \"none\" not found");
        assert_eq!(plugins.locate("../plain").unwrap(), None);
    }
}
