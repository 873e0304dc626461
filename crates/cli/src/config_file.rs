//! `config.json`: what users set once for all commands.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::context;
use crate::error::Error;

const NAME: &str = "config.json";
const CURRENT_CONTEXT: &str = "currentContext";
/// Of a file that is made: it may hold passwords of registries.
const MODE: u32 = 0o600;

/// The part of `config.json` that verbs ask for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ConfigFile {
    /// The context in use.
    pub(crate) current_context: String,
    /// Keys that detach.
    pub(crate) detach_keys: String,
    /// `--format` of `ps`.
    pub(crate) ps_format: String,
    /// `--format` of `stats`.
    pub(crate) stats_format: String,
    /// `--format` of `images`.
    pub(crate) images_format: String,
    /// `--format` of `volume ls`.
    pub(crate) volumes_format: String,
    /// `--format` of `network ls`.
    pub(crate) networks_format: String,
    /// `--format` of `plugin ls`.
    pub(crate) plugins_format: String,
    /// Sent with every request.
    #[serde(rename = "HttpHeaders")]
    pub(crate) http_headers: BTreeMap<String, String>,
    /// Proxies of containers, by the engine's address; `default` is for all others.
    proxies: BTreeMap<String, Proxies>,
}

/// Variables that tell programs of proxies.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Proxies {
    http_proxy: String,
    https_proxy: String,
    no_proxy: String,
    ftp_proxy: String,
    all_proxy: String,
}

impl ConfigFile {
    /// The file in `dir`, or its defaults when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(NAME);
        let failed =
            |error: String| Error::plain(format!("loading config file: {}: {error}", path.display()));
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| failed(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// Writes down the context in use, empty for the default; everything else the file says stays.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(crate) fn set_context(dir: &Path, name: &str) -> io::Result<()> {
        // The file may be a link to where the user keeps it.
        let path = dir.join(NAME);
        let path = path.canonicalize().unwrap_or(path);
        let mut file: Map<String, Value> = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Map::new(),
            Err(error) => return Err(error),
        };
        let before = match name {
            "" => file.remove(CURRENT_CONTEXT),
            name => file.insert(CURRENT_CONTEXT.to_owned(), name.into()),
        };
        if before.as_ref().and_then(Value::as_str).unwrap_or_default() == name {
            return Ok(());
        }
        let mut text = Vec::new();
        let tabs = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        file.serialize(&mut serde_json::Serializer::with_formatter(&mut text, tabs))?;
        fs::create_dir_all(dir)?;
        let mode = fs::metadata(&path).map_or(MODE, |found| found.permissions().mode() & 0o777);
        context::replace(&path, &text, mode)
    }

    /// Variables that new containers get for want of others of the same name, from the engine at `address`.
    pub(crate) fn proxy_variables(mut self, address: &str) -> Vec<(String, String)> {
        let found = self
            .proxies
            .remove(address)
            .or_else(|| self.proxies.remove("default"));
        let Some(proxies) = found else {
            return Vec::new();
        };
        let named = [
            ("HTTP_PROXY", proxies.http_proxy),
            ("HTTPS_PROXY", proxies.https_proxy),
            ("NO_PROXY", proxies.no_proxy),
            ("FTP_PROXY", proxies.ftp_proxy),
            ("ALL_PROXY", proxies.all_proxy),
        ];
        let given = named.into_iter().filter(|(_, value)| !value.is_empty());
        given
            .flat_map(|(name, value)| [(name.to_owned(), value.clone()), (name.to_lowercase(), value)])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_in_use_changes_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("new");
        let text = || fs::read_to_string(dir.join(NAME)).unwrap();
        ConfigFile::set_context(&dir, "").unwrap();
        assert!(!dir.exists());
        ConfigFile::set_context(&dir, "far").unwrap();
        assert_eq!(text(), "{\n\t\"currentContext\": \"far\"\n}");
        assert_eq!(ConfigFile::read(&dir).unwrap().current_context, "far");
        fs::write(dir.join(NAME), r#"{"currentContext":"far","credsStore":"x"}"#).unwrap();
        ConfigFile::set_context(&dir, "").unwrap();
        assert_eq!(text(), "{\n\t\"credsStore\": \"x\"\n}");
    }
}
