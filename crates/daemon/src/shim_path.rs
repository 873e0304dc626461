//! Finding `corten-shim`.

use std::path::{Path, PathBuf};

/// The shim's program: where `named` says, beside this program, or in `../libexec/corten`.
pub(crate) fn find(named: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let own =
        std::env::current_exe().map_err(|error| format!("cannot find this program's own place: {error}"))?;
    let dir = own.parent().unwrap_or(Path::new("/"));
    let places = [dir.join("corten-shim"), dir.join("../libexec/corten/corten-shim")];
    places.iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
        format!(
            "corten-shim is neither at {} nor at {}",
            places[0].display(),
            places[1].display()
        )
    })
}
