//! This workspace as cargo sees it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A package, of the workspace or from outside.
#[derive(Debug, Clone, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression; empty when the package states none.
    pub(crate) license: String,
    /// Its directory.
    pub(crate) dir: PathBuf,
    /// Whether it belongs to this workspace.
    pub(crate) ours: bool,
    /// Names of the packages it needs, tests left aside.
    pub(crate) dependencies: Vec<String>,
    /// First file of its library or program.
    pub(crate) roots: Vec<PathBuf>,
}

/// Directory of the workspace.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_owned()
}

/// All packages this workspace is built from on this platform, its own ones included. Works without a network.
pub(crate) fn packages() -> Result<Vec<Package>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
            &platform,
        ])
        .current_dir(root())
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ));
    }
    let all: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    Ok(list(&all["packages"]).map(package).collect())
}

fn package(value: &Value) -> Package {
    let manifest = PathBuf::from(text(&value["manifest_path"]));
    let needed = |dependency: &&Value| dependency["kind"] != "dev";
    let is_root = |target: &&Value| list(&target["kind"]).any(|kind| kind == "lib" || kind == "bin");
    Package {
        name: text(&value["name"]),
        version: text(&value["version"]),
        license: text(&value["license"]),
        dir: manifest.parent().unwrap_or(Path::new("/")).to_owned(),
        ours: value["source"].is_null(),
        dependencies: list(&value["dependencies"])
            .filter(needed)
            .map(|dependency| text(&dependency["name"]))
            .collect(),
        roots: list(&value["targets"])
            .filter(is_root)
            .map(|target| text(&target["src_path"]).into())
            .collect(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
