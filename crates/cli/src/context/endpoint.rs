//! Where a context leads: an engine's address, and how it is protected.

use std::collections::BTreeMap;
use std::path::PathBuf;

use corten_client::{Tls, TlsFiles};
use corten_types::system_words;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Store;
use crate::error::Error;
use crate::flags::go_bool;

/// Keys of `--docker`, those of files with the names they are kept under.
const FILES: [(&str, &str); 3] = [("ca", "ca.pem"), ("cert", "cert.pem"), ("key", "key.pem")];
const WORDS: [&str; 3] = ["from", "host", "skip-tls-verify"];

/// An engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Endpoint {
    /// Its address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) host: String,
    /// Any engine is taken for the right one.
    #[serde(rename = "SkipTLSVerify")]
    pub(crate) skip_tls_verify: bool,
}

impl Endpoint {
    /// What `--docker` says: an engine and its secrets, by name of the file. `from` finds those of another context.
    ///
    /// # Errors
    /// In Docker's words, when something is unknown, makes no sense or cannot be read.
    pub(crate) fn read(
        store: &Store,
        wishes: &BTreeMap<String, String>,
    ) -> Result<(Self, BTreeMap<String, Vec<u8>>), Error> {
        let refuse = |why: String| Error::plain(format!("unable to create docker endpoint config: {why}"));
        let known = |key: &str| WORDS.contains(&key) || FILES.iter().any(|(name, _)| *name == key);
        let strange: Vec<&str> = wishes
            .keys()
            .map(String::as_str)
            .filter(|key| !known(key))
            .collect();
        if !strange.is_empty() {
            return Err(refuse(format!("unrecognized config key: {}", strange.join(", "))));
        }
        if let Some(other) = wishes.get("from") {
            let found = store.get(other)?;
            return Ok((found.endpoint(), store.engine_secrets(other)?));
        }
        let mut endpoint = Self {
            host: wishes.get("host").cloned().unwrap_or_default(),
            ..Self::default()
        };
        if let Some(text) = wishes.get("skip-tls-verify") {
            endpoint.skip_tls_verify = go_bool(text)
                .map_err(|_| refuse(format!("skip-tls-verify: parsing {text:?}: invalid syntax")))?;
        }
        let file = |key: &str| wishes.get(key).filter(|path| !path.is_empty()).map(PathBuf::from);
        let mut secrets = BTreeMap::new();
        for (key, name) in FILES {
            if let Some(path) = file(key) {
                let text = std::fs::read(&path)
                    .map_err(|error| refuse(format!("open {}: {}", path.display(), system_words(&error))))?;
                secrets.insert(name.to_owned(), text);
            }
        }
        let (certificate, key) = (file("cert"), file("key"));
        if certificate.is_some() && key.is_some() {
            let files = TlsFiles {
                authority: file("ca"),
                certificate,
                key,
            };
            Tls::load(&files).map_err(|error| refuse(format!("invalid docker endpoint options: {error}")))?;
        }
        if !endpoint.host.is_empty() && !endpoint.host.contains("://") {
            return Err(refuse(format!(
                "unable to apply docker endpoint options: unable to parse docker host `{}`",
                endpoint.host
            )));
        }
        Ok((endpoint, secrets))
    }

    /// As `meta.json` has it.
    pub(super) fn json(&self) -> Value {
        let mut value = serde_json::Map::new();
        if !self.host.is_empty() {
            value.insert("Host".to_owned(), self.host.clone().into());
        }
        value.insert("SkipTLSVerify".to_owned(), self.skip_tls_verify.into());
        value.into()
    }
}
