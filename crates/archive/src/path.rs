//! Which paths of an archive are allowed, and what their names mean.

use crate::{Error, Result};

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Other files AUFS kept for itself.
const AUFS_INTERNAL: &[u8] = b".wh..wh.";

/// A path inside the tree: no empty, `.` or `..` components, no slash at either end. Empty for the root directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MemberPath(Vec<u8>);

impl MemberPath {
    /// The path a member's name means: resolved by its letters alone, relative to the root directory.
    pub(crate) fn parse(name: &[u8]) -> Result<Self> {
        let outside = || Error::Breakout(format!("{:?} is outside of \"/\"", String::from_utf8_lossy(name)));
        if name.contains(&0) {
            return Err(Error::TarHeader);
        }
        resolve(Vec::new(), name).map(Self).ok_or_else(outside)
    }

    /// Where a hard link of this path to `target`, a path from the root directory, leads.
    pub(crate) fn hard_link_target(&self, target: &[u8]) -> Result<Self> {
        let outside = || {
            Error::Breakout(format!(
                "invalid hardlink \"/{}\" -> {:?}",
                String::from_utf8_lossy(&self.0),
                String::from_utf8_lossy(target)
            ))
        };
        if target.contains(&0) {
            return Err(Error::TarHeader);
        }
        resolve(Vec::new(), target).map(Self).ok_or_else(outside)
    }

    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The directory it is in, empty for the root directory.
    pub(crate) fn parent(&self) -> &[u8] {
        let slash = self.0.iter().rposition(|byte| *byte == b'/');
        &self.0[..slash.unwrap_or(0)]
    }

    /// Its last component.
    pub(crate) fn name(&self) -> &[u8] {
        match self.0.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => &self.0[slash + 1..],
            None => &self.0,
        }
    }

    /// What the last component says about the layers below.
    pub(crate) fn marker(&self) -> Result<Marker<'_>> {
        let name = self.name();
        if name == OPAQUE {
            return Ok(Marker::Opaque);
        }
        if name.starts_with(AUFS_INTERNAL) {
            return Ok(Marker::Ignored);
        }
        match name.strip_prefix(WHITEOUT) {
            None => Ok(Marker::None),
            Some(b"" | b"." | b"..") => Err(Error::Breakout(format!(
                "invalid whiteout {:?}",
                String::from_utf8_lossy(&self.0)
            ))),
            Some(hidden) => Ok(Marker::Whiteout(hidden)),
        }
    }
}

/// A name that is not a file but says something (OCI image specification, "Whiteouts").
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Marker<'a> {
    /// An ordinary file.
    None,
    /// The file of this name in the layers below is hidden.
    Whiteout(&'a [u8]),
    /// Everything below in this directory is hidden.
    Opaque,
    /// Meant for AUFS only.
    Ignored,
}

/// Walks `path` from `start`; none if it climbs above the root directory.
fn resolve(mut start: Vec<u8>, path: &[u8]) -> Option<Vec<u8>> {
    for component in path.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                if start.is_empty() {
                    return None;
                }
                let slash = start.iter().rposition(|byte| *byte == b'/');
                start.truncate(slash.unwrap_or(0));
            }
            _ => {
                if !start.is_empty() {
                    start.push(b'/');
                }
                start.extend_from_slice(component);
            }
        }
    }
    Some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> MemberPath {
        MemberPath::parse(name.as_bytes()).unwrap()
    }

    #[test]
    fn names_resolve_inside_the_root() {
        for (name, resolved) in [
            ("./", ""),
            ("/etc/x", "etc/x"),
            ("a//b/./c/", "a/b/c"),
            ("a/../b", "b"),
            ("a/..", ""),
        ] {
            assert_eq!(path(name).as_bytes(), resolved.as_bytes(), "{name}");
        }
        for name in ["..", "../x", "a/../../x", "/.."] {
            let error = MemberPath::parse(name.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), format!("{name:?} is outside of \"/\""));
        }
        assert_eq!(
            (path("a/b/c").parent(), path("a/b/c").name()),
            (&b"a/b"[..], &b"c"[..])
        );
        assert_eq!((path("a").parent(), path("a").name()), (&b""[..], &b"a"[..]));
    }

    #[test]
    fn hard_links_may_not_climb_out() {
        assert_eq!(path("a/b").hard_link_target(b"/x/./y").unwrap(), path("x/y"));
        let error = path("a/b").hard_link_target(b"../x").unwrap_err();
        assert_eq!(error.to_string(), "invalid hardlink \"/a/b\" -> \"../x\"");
    }

    #[test]
    fn markers_are_told_from_files() {
        assert_eq!(path("a/.wh.b").marker().unwrap(), Marker::Whiteout(b"b"));
        assert_eq!(path("a/.wh..wh..opq").marker().unwrap(), Marker::Opaque);
        assert_eq!(path(".wh..wh.plnk").marker().unwrap(), Marker::Ignored);
        assert_eq!(path("wh.b").marker().unwrap(), Marker::None);
        for bad in [".wh.", ".wh..", ".wh..."] {
            assert!(path(bad).marker().is_err(), "{bad}");
        }
    }
}
