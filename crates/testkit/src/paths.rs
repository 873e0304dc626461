//! Where this build's programs and kept files are, found from the running test program.

use std::path::{Path, PathBuf};

/// The directory this build's programs are in: `target/TRIPLE/PROFILE`.
pub fn binary_dir() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_else(|error| panic!("where am I? {error}"));
    let dir = own.parent().unwrap_or(Path::new("/"));
    if dir.ends_with("deps") {
        dir.parent().unwrap_or(dir).to_owned()
    } else {
        dir.to_owned()
    }
}

/// Cargo's target directory: the highest directory around the programs that cargo has marked as its own.
pub fn target_dir() -> PathBuf {
    let dir = binary_dir();
    dir.ancestors()
        .filter(|dir| dir.join("CACHEDIR.TAG").is_file())
        .last()
        .unwrap_or_else(|| panic!("{} is in no target directory of cargo", dir.display()))
        .to_owned()
}

/// The `corten` program under test: `CORTEN_BIN`, else the one of this build.
pub fn binary() -> PathBuf {
    let path = std::env::var_os("CORTEN_BIN").map_or_else(|| binary_dir().join("corten"), PathBuf::from);
    assert!(
        path.is_file(),
        "{} is missing: `cargo build --workspace` makes it, `make test` does so first",
        path.display()
    );
    path
}
