//! Contexts: named engines, as Docker's `context create` keeps them beside `config.json`.

use std::path::Path;

use serde::Deserialize;

use crate::error::Error;

/// `contexts/meta/DIGEST/meta.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    name: String,
    #[serde(default)]
    endpoints: Endpoints,
}

#[derive(Debug, Default, Deserialize)]
struct Endpoints {
    docker: Option<Endpoint>,
}

#[derive(Debug, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[derive(Default)]
struct Endpoint {
    host: String,
}

/// Address of the engine of the context `name`.
pub(crate) fn host(name: &str, config_dir: Option<&Path>) -> Result<String, Error> {
    let refuse = |reason: &str| {
        Error::plain(format!(
            "Failed to initialize: unable to resolve docker endpoint: context {name:?}: {reason}"
        ))
    };
    let contexts = config_dir.map(|dir| dir.join("contexts"));
    let entries = contexts.as_deref().map(|dir| std::fs::read_dir(dir.join("meta")));
    let Some(Ok(entries)) = entries else {
        return Err(refuse("context not found"));
    };
    for entry in entries.flatten() {
        let Ok(text) = std::fs::read(entry.path().join("meta.json")) else {
            continue;
        };
        let meta: Meta = serde_json::from_slice(&text).map_err(|error| refuse(&error.to_string()))?;
        if meta.name != name {
            continue;
        }
        let own_tls = contexts.map(|dir| dir.join("tls").join(entry.file_name()));
        if own_tls.is_some_and(|dir| dir.exists()) {
            return Err(refuse("certificates of contexts are not supported by Corten yet"));
        }
        let host = meta.endpoints.docker.map(|endpoint| endpoint.host);
        return host
            .filter(|host| !host.is_empty())
            .ok_or_else(|| refuse("no endpoint of an engine"));
    }
    Err(refuse("context not found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_engine_of_a_context() {
        let dir = tempfile::tempdir().unwrap();
        let meta = dir.path().join("contexts/meta/0123");
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(
            meta.join("meta.json"),
            r#"{"Name":"far","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///x","SkipTLSVerify":false}}}"#,
        )
        .unwrap();
        assert_eq!(host("far", Some(dir.path())).unwrap(), "unix:///x");
        let error = host("near", Some(dir.path())).unwrap_err().to_string();
        assert!(error.ends_with("context \"near\": context not found"), "{error}");
        std::fs::create_dir_all(dir.path().join("contexts/tls/0123")).unwrap();
        assert!(host("far", Some(dir.path())).is_err());
    }
}
