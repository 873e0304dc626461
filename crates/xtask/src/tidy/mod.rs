//! The house's rules that a machine can check. Each gives a list of sentences, empty when all is well.

mod layers;
mod sources;

use std::fs;

use crate::workspace;

/// Checks everything.
pub(crate) fn check() -> Result<Vec<String>, String> {
    let root = workspace::root();
    let packages: Vec<_> = workspace::packages()?
        .into_iter()
        .filter(|package| package.ours)
        .collect();
    let mut problems = layers::check(&packages);
    for package in &packages {
        problems.extend(sources::check_unsafe(package)?);
    }
    problems.extend(sources::check_files(&root)?);
    let architecture = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap_or_default();
    problems.extend(check_map(&architecture, &packages));
    Ok(problems)
}

/// The map must name every crate.
fn check_map(architecture: &str, packages: &[workspace::Package]) -> Vec<String> {
    let short = |package: &workspace::Package| {
        package
            .dir
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let missing = packages
        .iter()
        .map(short)
        .filter(|name| !architecture.contains(&format!("`{name}`")));
    missing
        .map(|name| format!("ARCHITECTURE.md does not speak of `{name}`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_is_tidy() {
        let problems = check().unwrap();
        assert!(problems.is_empty(), "{problems:#?}");
    }

    #[test]
    fn a_crate_the_map_forgot_is_named() {
        let package = |name: &str| workspace::Package {
            dir: name.into(),
            ..Default::default()
        };
        let problems = check_map("the `engine` and api", &[package("engine"), package("api")]);
        assert_eq!(problems, ["ARCHITECTURE.md does not speak of `api`"]);
    }
}
