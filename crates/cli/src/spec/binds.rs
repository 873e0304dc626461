//! `-v`: host paths, volumes with a name, volumes without one.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use corten_wire::Empty;

/// All `-v` of a container.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Binds {
    /// `source:destination[:options]`.
    pub(super) binds: Vec<String>,
    /// Destinations of volumes without a name.
    pub(super) anonymous: BTreeMap<String, Empty>,
}

/// Sorts all `-v`; host paths that begin with a dot are taken from `directory`.
pub(super) fn parse<'a>(specs: impl Iterator<Item = &'a str>, directory: &Path) -> Result<Binds, String> {
    let mut parsed = Binds::default();
    for spec in specs {
        if spec.is_empty() {
            return Err("invalid empty volume spec".to_owned());
        }
        let sections = sections(spec).map_err(|error| format!("invalid spec: {spec}: {error}"))?;
        if sections.len() < 2 {
            parsed.anonymous.insert(spec.to_owned(), Empty {});
            continue;
        }
        let bind = match spec.split_once(':') {
            Some((source, rest)) if source.starts_with('.') => {
                format!("{}:{rest}", absolute(source, directory).display())
            }
            _ => spec.to_owned(),
        };
        if !parsed.binds.contains(&bind) {
            parsed.binds.push(bind);
        }
    }
    Ok(parsed)
}

/// The sections between the colons: source, destination, options. A colon behind a single letter does not part: the
/// original takes that for a drive of Windows' here, too, so that `v:/d` is a destination.
fn sections(spec: &str) -> Result<Vec<&str>, &'static str> {
    // So short a text is a destination, whatever it says.
    if spec.len() <= 2 {
        return Ok(vec![spec]);
    }
    let mut sections = Vec::new();
    let mut begin = 0;
    for (at, _) in spec.match_indices(':').chain([(spec.len(), "")]) {
        let section = &spec[begin..at];
        let mut letters = section.chars();
        let is_drive = letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none();
        if is_drive && at < spec.len() {
            continue;
        }
        if section.is_empty() {
            return Err("empty section between colons");
        }
        if sections.len() == 2 && at < spec.len() {
            return Err("too many colons");
        }
        sections.push(section);
        begin = at + 1;
    }
    Ok(sections)
}

/// `path` seen from `directory`, without dots; symbolic links are not followed.
pub(super) fn absolute(path: &str, directory: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in directory.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                result.pop();
            }
            other => result.push(other),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_paths_from_names() {
        let specs = [
            "./rel:/a:ro",
            "../up:/u",
            ".:/w",
            "vol:/b",
            "/anon",
            "/h:/c:z",
            "rel/x:/y",
        ];
        let parsed = parse(specs.into_iter(), Path::new("/home/me")).unwrap();
        assert_eq!(
            parsed.binds,
            [
                "/home/me/rel:/a:ro",
                "/home/up:/u",
                "/home/me:/w",
                "vol:/b",
                "/h:/c:z",
                "rel/x:/y"
            ]
        );
        assert_eq!(parsed.anonymous.keys().collect::<Vec<_>>(), ["/anon"]);
        let parsed = parse(["v:/c", ":x", "cc:/d:ro", "c:/x:/y"].into_iter(), Path::new("/")).unwrap();
        assert_eq!(parsed.binds, ["cc:/d:ro", "c:/x:/y"]);
        assert_eq!(parsed.anonymous.keys().collect::<Vec<_>>(), [":x", "v:/c"]);
        assert!(parse(["/a:/b:ro:z"].into_iter(), Path::new("/")).is_err());
        assert!(parse([":/x"].into_iter(), Path::new("/")).is_err());
        assert!(parse([""].into_iter(), Path::new("/")).is_err());
    }
}
