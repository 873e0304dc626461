//! Contexts: named engines, kept beside `config.json` in the files Docker's `context` keeps them in.

mod archive;
mod choice;
mod endpoint;
mod store;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use archive::{pack, unpack};
pub(crate) use choice::Choice;
pub(crate) use endpoint::Endpoint;
pub(crate) use store::{Store, replace};

use crate::error::Error;

/// The context that is always there: what the flags and the environment say.
pub(crate) const DEFAULT: &str = "default";
/// Its description.
pub(crate) const DEFAULT_DESCRIPTION: &str = "Current DOCKER_HOST based configuration";
/// The endpoint that contexts of engines have.
const ENGINE: &str = "docker";
/// What names must look like.
const NAME_PATTERN: &str = "^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$";

/// A context, as `meta.json` has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Context {
    /// Its name.
    pub(crate) name: String,
    /// What it says of itself.
    #[serde(default)]
    pub(crate) metadata: Map<String, Value>,
    /// What it leads to.
    #[serde(default)]
    pub(crate) endpoints: BTreeMap<String, Value>,
}

/// Certificates and keys, by endpoint and name of the file.
pub(crate) type Secrets = BTreeMap<String, BTreeMap<String, Vec<u8>>>;

impl Context {
    /// A context of this engine.
    pub(crate) fn new(name: &str, description: &str, endpoint: &Endpoint) -> Self {
        let mut context = Self {
            name: name.to_owned(),
            ..Self::default()
        };
        context.describe(description);
        context.lead_to(endpoint);
        context
    }

    /// The description; empty when there is none.
    pub(crate) fn description(&self) -> &str {
        let text = self.metadata.get("Description").and_then(Value::as_str);
        text.unwrap_or_default()
    }

    /// Sets the description, unless it is empty.
    pub(crate) fn describe(&mut self, text: &str) {
        if !text.is_empty() {
            self.metadata.insert("Description".to_owned(), text.into());
        }
    }

    /// The engine.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let written = self.endpoints.get(ENGINE);
        written
            .and_then(|value| serde_json::from_value(value.clone()).ok())
            .unwrap_or_default()
    }

    /// Makes it lead to this engine.
    pub(crate) fn lead_to(&mut self, endpoint: &Endpoint) {
        self.endpoints.insert(ENGINE.to_owned(), endpoint.json());
    }
}

/// The secrets of an engine's endpoint.
pub(crate) fn engine_secrets(files: BTreeMap<String, Vec<u8>>) -> Secrets {
    let mut secrets = Secrets::new();
    if !files.is_empty() {
        secrets.insert(ENGINE.to_owned(), files);
    }
    secrets
}

/// Makes sure that a context may be called `name`.
///
/// # Errors
/// In Docker's words.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    if name == DEFAULT {
        return Err(Error::plain("\"default\" is a reserved context name"));
    }
    let bytes = name.as_bytes();
    let fits = bytes.len() > 1
        && bytes[0].is_ascii_alphanumeric()
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"_.+-".contains(b));
    if fits {
        return Ok(());
    }
    Err(Error::plain(format!(
        "context name {name:?} is invalid, names are validated against regexp \"{NAME_PATTERN}\""
    )))
}
