//! May we ship what we are built from, and is any of it known to be bad? Answered from the lock file alone.

mod advisories;
mod spdx;

use crate::workspace;

/// Licences that go together with Apache-2.0 in a static program.
const ALLOWED: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "bzip2-1.0.6",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Checks all packages from outside.
pub(crate) fn check() -> Result<Vec<String>, String> {
    let advisories = advisories::known()?;
    let mut problems = Vec::new();
    let packages = workspace::packages()?;
    let foreign: Vec<_> = packages.iter().filter(|package| !package.ours).collect();
    for package in &foreign {
        let (name, version, license) = (&package.name, &package.version, &package.license);
        if !spdx::satisfied(license, &ALLOWED) {
            problems.push(format!(
                "{name} {version}: licence {license:?} is not among those we ship"
            ));
        }
        for advisory in advisories
            .iter()
            .filter(|advisory| advisory.is_about(name, version))
        {
            problems.push(format!("{name} {version}: {} ({})", advisory.id, advisory.title));
        }
    }
    println!(
        "{} packages, {} advisories {}",
        foreign.len(),
        advisories.len(),
        advisories::date()
    );
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_are_built_from_is_fine() {
        let problems = check().unwrap();
        assert!(problems.is_empty(), "{problems:#?}");
    }
}
