//! Who may depend on whom. The table of `ARCHITECTURE.md`, as a table.

use crate::workspace::Package;

/// Crates by layer, lowest first. A crate depends on lower layers only.
const LAYERS: [&[&str]; 5] = [
    &[
        "corten-types",
        "corten-wire",
        "corten-seccomp",
        "corten-template",
        "corten-dns",
    ],
    &[
        "corten-api",
        "corten-archive",
        "corten-client",
        "corten-cgroup",
        "corten-content",
        "corten-snapshot",
        "corten-network",
        "corten-volume",
        "corten-metadata",
        "corten-shim-api",
        "corten-shim",
    ],
    &["corten-image", "corten-sandbox"],
    &["corten-engine"],
    &["corten-cli", "corten-daemon", "corten"],
];

/// The only dependencies within a layer: from, to.
const WITHIN: [(&str, &str); 5] = [
    ("corten-wire", "corten-types"),
    ("corten-shim", "corten-shim-api"),
    ("corten-shim", "corten-cgroup"),
    ("corten", "corten-cli"),
    ("corten", "corten-daemon"),
];

/// Crates that are in no layer: nothing in a layer depends on them, and they see programs, not crates.
const OUTSIDE: [&str; 5] = [
    "corten-testkit",
    "corten-e2e",
    "xtask",
    "guest-hello-world",
    "guest-whoami",
];
/// The one crate outside that others outside may use.
const SHARED_OUTSIDE: &str = "corten-testkit";

/// The command line reaches engines through the API only, and the API knows nothing but its JSON.
const NEVER: [(&str, &str); 2] = [("corten-cli", "corten-engine"), ("corten-api", "corten-engine")];

pub(super) fn check(packages: &[Package]) -> Vec<String> {
    let ours = |name: &str| packages.iter().any(|package| package.name == name);
    let mut problems = Vec::new();
    for package in packages {
        let from = package.name.as_str();
        if layer(from).is_none() && !OUTSIDE.contains(&from) {
            problems.push(format!(
                "{from} is in no layer: put it into the table of xtask and of ARCHITECTURE.md"
            ));
        }
        for to in package
            .dependencies
            .iter()
            .map(String::as_str)
            .filter(|to| ours(to))
        {
            if !allowed(from, to) {
                problems.push(format!(
                    "{from} must not depend on {to}: see the layers in ARCHITECTURE.md"
                ));
            }
        }
    }
    problems
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

fn allowed(from: &str, to: &str) -> bool {
    if OUTSIDE.contains(&from) {
        return to == SHARED_OUTSIDE;
    }
    if NEVER.contains(&(from, to)) {
        return false;
    }
    match (layer(from), layer(to)) {
        (Some(from_layer), Some(to_layer)) => from_layer > to_layer || WITHIN.contains(&(from, to)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        let dependencies = dependencies.iter().map(|&name| name.to_owned()).collect();
        Package {
            name: name.to_owned(),
            dependencies,
            ..Default::default()
        }
    }

    #[test]
    fn downwards_is_fine_and_upwards_is_not() {
        let packages = [
            package("corten-types", &[]),
            package("corten-network", &["corten-types", "tokio"]),
            package("corten-engine", &["corten-network"]),
            package("corten-content", &["corten-network"]),
            package("corten-wire", &["corten-types", "corten-engine"]),
        ];
        let problems = check(&packages);
        assert_eq!(problems.len(), 2, "{problems:#?}");
        assert!(problems[0].starts_with("corten-content must not depend on corten-network"));
        assert!(problems[1].starts_with("corten-wire must not depend on corten-engine"));
    }

    #[test]
    fn a_crate_in_no_layer_is_named() {
        let problems = check(&[package("corten-utils", &[])]);
        assert!(
            problems[0].starts_with("corten-utils is in no layer"),
            "{problems:?}"
        );
    }

    #[test]
    fn nobody_depends_on_the_test_bench_but_tests() {
        let bench = package("corten-testkit", &[]);
        let problems = check(&[bench.clone(), package("corten-engine", &["corten-testkit"])]);
        assert_eq!(problems.len(), 1);
        assert!(check(&[bench, package("xtask", &["corten-testkit"])]).is_empty());
    }
}
