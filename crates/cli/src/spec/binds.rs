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
        match spec.split_once(':') {
            None if spec.is_empty() => return Err("invalid empty volume spec".to_owned()),
            None => {
                parsed.anonymous.insert(spec.to_owned(), Empty {});
            }
            Some((source, rest)) => {
                if source.is_empty() || rest.split(':').any(str::is_empty) {
                    return Err(format!("invalid spec: {spec}: empty section between colons"));
                }
                let bind = if source.starts_with('.') {
                    format!("{}:{rest}", absolute(source, directory).display())
                } else {
                    spec.to_owned()
                };
                if !parsed.binds.contains(&bind) {
                    parsed.binds.push(bind);
                }
            }
        }
    }
    Ok(parsed)
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
        assert!(parse([":x"].into_iter(), Path::new("/")).is_err());
        assert!(parse([""].into_iter(), Path::new("/")).is_err());
    }
}
