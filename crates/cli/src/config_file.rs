//! `config.json`: what users set once for all commands.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use corten_wire::go_json;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::context;
use crate::output;
use crate::spec::open_error;

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
    /// The file in `dir`, or its defaults when there is none. What cannot be read of it is warned of and left out.
    pub(crate) fn read(dir: &Path) -> Self {
        let path = dir.join(NAME);
        let warn = |step: &str, reason: &dyn Display| {
            output::error_line(&format!("WARNING: Error {step}: {reason}"));
        };
        match fs::read(&path) {
            Ok(text) => {
                let (file, error) = Self::parse(&text);
                if let Some(error) = error {
                    warn(&format!("parsing config file ({})", path.display()), &error);
                }
                file
            }
            Err(error) => {
                match error.kind() {
                    io::ErrorKind::NotFound => {}
                    // Found out only when it is read.
                    io::ErrorKind::IsADirectory => warn(
                        &format!("parsing config file ({})", path.display()),
                        &open_error(&path, &error),
                    ),
                    _ => warn("loading config file", &open_error(&path, &error)),
                }
                Self::default()
            }
        }
    }

    /// What is sound of a text, and what is wrong with the rest.
    fn parse(text: &[u8]) -> (Self, Option<go_json::Error>) {
        // The original looks no further than the first object.
        let mut objects = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
        let text = match objects.next() {
            Some(Ok(_)) => &text[..objects.byte_offset()],
            _ => text,
        };
        match go_json::from_slice(text) {
            Ok(file) => (file, None),
            Err(go_json::Error::Empty) => (Self::default(), None),
            Err(error) => (Self::sound_part(text), Some(error)),
        }
    }

    /// The settings that can be read by themselves: a slip in one must not send a command to another engine.
    fn sound_part(text: &[u8]) -> Self {
        let all: Map<String, Value> = serde_json::from_slice(text).unwrap_or_default();
        let is_sound = |key: &str, value: &Value| {
            let alone = json!({ key: value }).to_string();
            go_json::from_slice::<Self>(alone.as_bytes()).is_ok()
        };
        let sound: Map<_, _> = all
            .into_iter()
            .filter(|(key, value)| is_sound(key, value))
            .collect();
        go_json::from_slice(Value::from(sound).to_string().as_bytes()).unwrap_or_default()
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
    pub(crate) fn proxy_variables(&self, address: &str) -> Vec<(String, String)> {
        let found = self.proxies.get(address).or_else(|| self.proxies.get("default"));
        let Some(proxies) = found else {
            return Vec::new();
        };
        let named = [
            ("HTTP_PROXY", &proxies.http_proxy),
            ("HTTPS_PROXY", &proxies.https_proxy),
            ("NO_PROXY", &proxies.no_proxy),
            ("FTP_PROXY", &proxies.ftp_proxy),
            ("ALL_PROXY", &proxies.all_proxy),
        ];
        let given = named.into_iter().filter(|(_, value)| !value.is_empty());
        given
            .flat_map(|(name, value)| {
                [
                    (name.to_owned(), value.clone()),
                    (name.to_lowercase(), value.clone()),
                ]
            })
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
        assert_eq!(ConfigFile::read(&dir).current_context, "far");
        fs::write(dir.join(NAME), r#"{"currentContext":"far","credsStore":"x"}"#).unwrap();
        ConfigFile::set_context(&dir, "").unwrap();
        assert_eq!(text(), "{\n\t\"credsStore\": \"x\"\n}");
    }

    #[test]
    fn what_is_sound_counts_whatever_the_rest_is() {
        let parse = |text: &str| {
            let (file, error) = ConfigFile::parse(text.as_bytes());
            (file, error.map(|error| error.to_string()).unwrap_or_default())
        };
        let (file, error) = parse(r#"{"detachKeys":7,"currentContext":"far","proxies":{"default":1}}"#);
        assert_eq!(
            (file.current_context.as_str(), file.detach_keys.as_str()),
            ("far", "")
        );
        assert!(error.contains("detachKeys"), "{error}");
        for (text, complaint) in [
            ("", ""),
            (" \n", ""),
            ("{\"psFormat\":\"x\"} and more", ""),
            ("{\"a\":", "unexpected EOF"),
            ("garbage", "invalid character 'g' looking for beginning of value"),
        ] {
            assert_eq!(parse(text).1, complaint, "{text}");
        }
        assert_eq!(parse("{\"psFormat\":\"x\"} and more").0.ps_format, "x");
    }
}
