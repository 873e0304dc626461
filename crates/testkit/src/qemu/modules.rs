//! Which modules to load, and in which order: a package that was not installed has no list of dependencies, so they are
//! read from the modules themselves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules named and all they need, each after those it needs. A name that is no module is built into the kernel.
pub(super) fn in_order(tree: &Path, wanted: &[&str]) -> Vec<PathBuf> {
    let mut files = BTreeMap::new();
    find(&tree.join("kernel"), &mut files);
    let mut ordered = Vec::new();
    for name in wanted {
        add(name, &files, &mut ordered);
    }
    ordered
}

fn add(name: &str, files: &BTreeMap<String, PathBuf>, ordered: &mut Vec<PathBuf>) {
    let Some(file) = files.get(&name.replace('-', "_")) else {
        return;
    };
    if ordered.contains(file) {
        return;
    }
    let content = fs::read(file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
    for needed in needs(&content) {
        add(&needed, files, ordered);
    }
    ordered.push(file.clone());
}

/// The `depends=` of a module's `.modinfo` section: NUL-terminated, separated by commas.
fn needs(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let value = module[at + KEY.len()..]
        .split(|&byte| byte == 0)
        .next()
        .unwrap_or_default();
    let value = String::from_utf8_lossy(value);
    value
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn find(dir: &Path, files: &mut BTreeMap<String, PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, files);
        } else if let Some(name) = entry.file_name().to_string_lossy().strip_suffix(".ko") {
            files.insert(name.replace('-', "_"), path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_from_the_module() {
        assert_eq!(
            needs(b"license=GPL\0depends=nf_tables,nf_conntrack\0retpoline=Y\0"),
            ["nf_tables", "nf_conntrack"]
        );
        assert!(needs(b"license=GPL\0depends=\0").is_empty());
        assert!(needs(b"no module").is_empty());
    }
}
