//! The settings that SIGHUP reads anew: those dockerd calls reloadable.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::json;

use crate::values::Values;

/// What the daemon itself (not its containers) goes by, and may change while it runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Live {
    pub(crate) debug: bool,
    pub(crate) labels: Vec<String>,
    pub(crate) live_restore: bool,
    /// Seconds; negative waits for ever.
    pub(crate) shutdown_timeout: i64,
    pub(crate) features: BTreeMap<String, bool>,
    pub(crate) insecure_registries: Vec<String>,
    pub(crate) registry_mirrors: Vec<String>,
    pub(crate) nondistributable: Vec<String>,
    pub(crate) max_concurrent_downloads: i64,
    pub(crate) max_concurrent_uploads: i64,
    pub(crate) max_download_attempts: i64,
}

impl Live {
    /// Reads the settings.
    ///
    /// # Errors
    /// In Docker's words, when one makes no sense.
    pub(crate) fn read(values: &Values) -> Result<Self, String> {
        let mut live = Self {
            live_restore: true,
            shutdown_timeout: 15,
            max_concurrent_downloads: 3,
            max_concurrent_uploads: 5,
            max_download_attempts: 5,
            ..Self::default()
        };
        live.take(values)?;
        Ok(live)
    }

    /// Takes over what is set; the rest stays, but for what Docker puts back to its default.
    pub(crate) fn take(&mut self, values: &Values) -> Result<(), String> {
        let count = |name: &str, default, least, what: &str| match values.number(name) {
            Some(number) if number < least => Err(format!("invalid {what}: {number}")),
            number => Ok(number.unwrap_or(default)),
        };
        self.max_concurrent_downloads = count("max-concurrent-downloads", 3, 1, "max concurrent downloads")?;
        self.max_concurrent_uploads = count("max-concurrent-uploads", 5, 1, "max concurrent uploads")?;
        self.max_download_attempts = count("max-download-attempts", 5, 1, "max download attempts")?;
        if let Some(debug) = values.switch("debug") {
            self.debug = debug;
        }
        if let Some(live_restore) = values.switch("live-restore") {
            self.live_restore = live_restore;
        }
        if let Some(seconds) = values.number("shutdown-timeout") {
            self.shutdown_timeout = seconds;
        }
        if values.has("labels") {
            self.labels = labels(values.list("labels"))?;
        }
        if values.has("features") {
            self.features = values.switches("features");
        }
        if values.has("insecure-registries") {
            self.insecure_registries = values.list("insecure-registries");
        }
        if values.has("registry-mirrors") {
            let mirrors = values.list("registry-mirrors");
            self.registry_mirrors = mirrors
                .iter()
                .map(|text| mirror(text))
                .collect::<Result<_, _>>()?;
        }
        if values.has("allow-nondistributable-artifacts") {
            self.nondistributable = values.list("allow-nondistributable-artifacts");
        }
        Ok(())
    }

    /// Attributes of the `reload` event, as Docker has them.
    pub(crate) fn attributes(&self) -> BTreeMap<String, String> {
        let features: Vec<String> = self
            .features
            .iter()
            .map(|(name, on)| format!("{name}:{on}"))
            .collect();
        [
            (
                "allow-nondistributable-artifacts",
                json!(self.nondistributable).to_string(),
            ),
            ("debug", self.debug.to_string()),
            ("features", format!("map[{}]", features.join(" "))),
            ("insecure-registries", json!(self.insecure_registries).to_string()),
            ("labels", json!(self.labels).to_string()),
            ("live-restore", self.live_restore.to_string()),
            (
                "max-concurrent-downloads",
                self.max_concurrent_downloads.to_string(),
            ),
            ("max-concurrent-uploads", self.max_concurrent_uploads.to_string()),
            ("max-download-attempts", self.max_download_attempts.to_string()),
            ("registry-mirrors", json!(self.registry_mirrors).to_string()),
            ("shutdown-timeout", self.shutdown_timeout.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }
}

/// The settings in force, shared by all who go by them.
#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<RwLock<Arc<Live>>>);

impl Shared {
    pub(crate) fn new(live: Live) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(live))))
    }

    pub(crate) fn now(&self) -> Arc<Live> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn put(&self, live: Live) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
    }
}

/// Labels as Docker takes them: `key=value`, a key once.
fn labels(labels: Vec<String>) -> Result<Vec<String>, String> {
    let mut kept: Vec<String> = Vec::new();
    for label in labels {
        let (key, value) = label
            .split_once('=')
            .filter(|(key, value)| !key.is_empty() && !value.is_empty())
            .ok_or_else(|| format!("bad attribute format: {label}"))?;
        let same_key = |other: &&String| other.split_once('=').is_some_and(|(name, _)| name == key);
        match kept.iter().find(same_key) {
            Some(other) if *other == label => {}
            Some(_) => return Err(format!("conflict labels for {key}={value}")),
            None => kept.push(label),
        }
    }
    Ok(kept)
}

/// A mirror's address, checked, with the slash at its end that Docker shows.
fn mirror(text: &str) -> Result<String, String> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    if !matches!(scheme, "http" | "https") {
        return Err(format!(
            "invalid mirror: unsupported scheme {scheme:?} in {text:?}"
        ));
    }
    if rest.contains(['?', '#']) {
        return Err(format!(
            "invalid mirror: path, query, or fragment at end of the URI {text:?}"
        ));
    }
    if rest.contains('@') {
        return Err(format!(
            "invalid mirror: username/password not allowed in URI {text:?}"
        ));
    }
    Ok(format!("{}/", text.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_mirrors_are_checked() {
        let strings = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            labels(strings(&["a=1", "a=1", "b=2"])).unwrap(),
            strings(&["a=1", "b=2"])
        );
        assert_eq!(
            labels(strings(&["a=1", "a=2"])).unwrap_err(),
            "conflict labels for a=2"
        );
        assert_eq!(labels(strings(&["a"])).unwrap_err(), "bad attribute format: a");
        assert_eq!(mirror("https://m.example").unwrap(), "https://m.example/");
        assert_eq!(
            mirror("x").unwrap_err(),
            "invalid mirror: unsupported scheme \"\" in \"x\""
        );
        assert!(mirror("http://u:p@x").is_err());
    }
}
