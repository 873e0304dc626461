//! `GET /plugins`.

use serde::{Deserialize, Serialize};

/// A plugin, as far as lists show it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Plugin {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// Whether it is in use.
    pub enabled: bool,
    /// Where it came from.
    pub plugin_reference: String,
    /// What its maker says.
    pub config: PluginConfig,
}

/// What a plugin's maker says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PluginConfig {
    /// What it does.
    pub description: String,
}
