//! Where an archive is unpacked and what its entry is called there.

use super::path::{says_directory, split_entry};

/// What is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its path.
    pub(crate) path: String,
    /// Whether it is a directory.
    pub(crate) is_dir: bool,
    /// The name it has in the archive, when not that of its path.
    pub(crate) rebase: Option<String>,
}

/// Where it is copied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    /// Its path.
    pub(crate) path: String,
    /// Whether there is something, and whether that is a directory.
    pub(crate) found: Option<bool>,
}

/// How to get it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The directory to unpack in.
    pub(crate) dir: String,
    /// The name of the archive's entry there.
    pub(crate) name: String,
}

impl Source {
    /// The name of the archive's entry as it is packed.
    pub(crate) fn packed_name(&self) -> String {
        split_entry(&self.path).1
    }
}

/// Decides.
///
/// # Errors
/// In Docker's words, when a directory would replace a file, or a file become a directory that is not there.
pub(crate) fn plan(source: &Source, destination: &Destination) -> Result<Plan, &'static str> {
    let own = source.rebase.clone().unwrap_or_else(|| source.packed_name());
    let (dir, name) = split_entry(&destination.path);
    match destination.found {
        Some(true) => Ok(Plan {
            dir: destination.path.clone(),
            name: own,
        }),
        Some(false) if source.is_dir => Err("cannot copy directory"),
        None if !source.is_dir && says_directory(&destination.path) => Err("no such directory"),
        _ => Ok(Plan { dir, name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(source: &str, is_dir: bool, destination: &str, found: Option<bool>) -> String {
        let source = Source {
            path: source.to_owned(),
            is_dir,
            rebase: None,
        };
        let destination = Destination {
            path: destination.to_owned(),
            found,
        };
        match plan(&source, &destination) {
            Ok(Plan { dir, name }) => format!("{name} in {dir}"),
            Err(error) => error.to_owned(),
        }
    }

    #[test]
    fn every_rule() {
        // File to file, to a directory, to a new name.
        assert_eq!(planned("/s/f", false, "/d/g", Some(false)), "g in /d");
        assert_eq!(planned("/s/f", false, "/d", Some(true)), "f in /d");
        assert_eq!(planned("/s/f", false, "/d/new", None), "new in /d");
        assert_eq!(planned("/s/f", false, "/d/new/", None), "no such directory");
        // Directory to file, to a directory, to a new name; and its contents.
        assert_eq!(
            planned("/s/x", true, "/d/g", Some(false)),
            "cannot copy directory"
        );
        assert_eq!(planned("/s/x", true, "/d", Some(true)), "x in /d");
        assert_eq!(planned("/s/x", true, "/d/new", None), "new in /d");
        assert_eq!(planned("/s/x/.", true, "/d/new", None), "new in /d");
        assert_eq!(planned("/s/x/.", true, "/d", Some(true)), ". in /d");
        assert_eq!(planned("/s/x/.", true, "/d/.", Some(true)), ". in /d/.");
    }
}
