//! How mounts travel between the host and a container: what a container asks for, and whether the host's mounts can.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::mounts::MountWish;
use crate::record::MountRecord;

/// What travels if nobody says a word: nothing.
const PRIVATE: &str = "rprivate";
/// With the daemon's own files come the mounts on them, which would be kept busy if their end did not arrive.
const SLAVE: &str = "rslave";
/// Marks a bind that was given [`SLAVE`] without asking: where the host's mounts do not travel, it goes without.
const IF_POSSIBLE: &str = "slave-if-possible";
/// This process's mounts.
const MOUNTS: &str = "/proc/self/mountinfo";

/// Fills in the propagation of a bind that asks for none, and refuses one that would keep the daemon's mounts.
pub(crate) fn settle(wish: &mut MountWish, data_root: &Path) -> Result<()> {
    let source = &wish.point.source;
    let root = data_root.display().to_string();
    // By text, as Docker does.
    let is_near = source.starts_with(&root) || root.starts_with(source.as_str());
    match wish.point.propagation.as_str() {
        "" if is_near => {
            SLAVE.clone_into(&mut wish.point.propagation);
            wish.options.push(IF_POSSIBLE.to_owned());
        }
        "" => PRIVATE.clone_into(&mut wish.point.propagation),
        "rslave" | "rshared" => {}
        asked if is_near => {
            return Err(Error::Invalid(format!(
                "invalid mount config: must use either propagation mode \"rslave\" or \"rshared\" when mount source is within \
                 the daemon root, daemon root: {root:?}, bind mount source: {source:?}, propagation: {asked:?}"
            )));
        }
        _ => {}
    }
    Ok(())
}

/// How the mounts of a container that starts now travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Travel {
    /// Propagation of each mount.
    pub(crate) mounts: Vec<String>,
    /// Propagation the container's root needs for that.
    pub(crate) root: &'static str,
}

impl Travel {
    /// Decides it.
    ///
    /// # Errors
    /// When the mount a bind's source is on does not travel as asked for; in Docker's words.
    pub(crate) fn decide(mounts: &[MountRecord]) -> Result<Self> {
        let asks = |mount: &&MountRecord| {
            mount.point.r#type == "bind"
                && !matches!(mount.point.propagation.as_str(), "" | "private" | PRIVATE)
        };
        let host = match mounts.iter().find(asks) {
            Some(_) => {
                std::fs::read_to_string(MOUNTS).map_err(Error::system(format!("cannot read {MOUNTS}")))?
            }
            None => String::new(),
        };
        let mut travel = Self {
            mounts: Vec::new(),
            root: PRIVATE,
        };
        for mount in mounts {
            let asked = mount.point.propagation.as_str();
            let mut decided = if asked.is_empty() { PRIVATE } else { asked };
            if asks(&mount) {
                let from = source_mount(&host, &mount.point.source)?;
                let refused = |what: &str| {
                    Error::Failed(format!(
                        "path {} is mounted on {} but it is not a {what} mount",
                        mount.point.source,
                        from.point.display()
                    ))
                };
                if asked.ends_with("shared") {
                    if !from.is_shared {
                        return Err(refused("shared"));
                    }
                    travel.root = "shared";
                } else if from.is_shared || from.is_slave {
                    if travel.root == PRIVATE {
                        travel.root = SLAVE;
                    }
                } else if mount.has(IF_POSSIBLE) {
                    decided = PRIVATE;
                } else {
                    return Err(refused("shared or slave"));
                }
            }
            travel.mounts.push(decided.to_owned());
        }
        Ok(travel)
    }
}

#[derive(Debug, PartialEq, Eq)]
struct SourceMount {
    point: PathBuf,
    is_shared: bool,
    is_slave: bool,
}

/// The mount `source` is on, in the table `host` (the format of `/proc/PID/mountinfo`).
fn source_mount(host: &str, source: &str) -> Result<SourceMount> {
    let real = std::fs::canonicalize(source).unwrap_or_else(|_| PathBuf::from(source));
    let mounts = host.lines().filter_map(|line| {
        let (left, _) = line.split_once(" - ")?;
        let mut fields = left.split(' ').skip(4);
        let point = PathBuf::from(unescape(fields.next()?));
        let travels: Vec<&str> = fields.skip(1).collect();
        let has = |what: &str| travels.iter().any(|tag| tag.starts_with(what));
        real.starts_with(&point).then(|| SourceMount {
            is_shared: has("shared:"),
            is_slave: has("master:"),
            point,
        })
    });
    // Of several on one place the last is on top.
    mounts
        .max_by_key(|mount| mount.point.as_os_str().len())
        .ok_or_else(|| Error::Failed(format!("could not find source mount of {source}")))
}

/// Takes the kernel's octal escapes of blanks and the like out of a path.
fn unescape(path: &str) -> String {
    let mut plain = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, more @ ..] = rest {
        let octal = match (first, more) {
            (b'\\', [a, b, c, ..]) => std::str::from_utf8(&[*a, *b, *c])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 8).ok()),
            _ => None,
        };
        plain.push(octal.unwrap_or(*first));
        rest = if octal.is_some() { &more[3..] } else { more };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(source: &str, propagation: &str) -> MountRecord {
        let mut mount = MountRecord::default();
        "bind".clone_into(&mut mount.point.r#type);
        source.clone_into(&mut mount.point.source);
        propagation.clone_into(&mut mount.point.propagation);
        mount
    }

    #[test]
    fn binds_of_the_daemons_files_are_slaves() {
        let settled = |source: &str, asked: &str| {
            let mut wish = bind(source, asked);
            settle(&mut wish, Path::new("/var/lib/corten")).map(|()| wish)
        };
        assert_eq!(settled("/srv", "").unwrap().point.propagation, "rprivate");
        let near = settled("/var/lib", "").unwrap();
        assert_eq!(near.point.propagation, "rslave");
        assert!(near.has(IF_POSSIBLE));
        assert!(!settled("/var/lib", "rslave").unwrap().has(IF_POSSIBLE));
        assert_eq!(
            settled("/", "private").unwrap_err().to_string(),
            "invalid mount config: must use either propagation mode \"rslave\" or \"rshared\" when mount source is within the \
             daemon root, daemon root: \"/var/lib/corten\", bind mount source: \"/\", propagation: \"private\""
        );
        // Nothing is mounted on them in this process's own view, or it travels: either way there is an answer.
        let decided = Travel::decide(&[near, bind("/srv", "rprivate")]).unwrap();
        assert_eq!(decided.mounts[1], "rprivate");
    }

    #[test]
    fn the_mount_of_a_source_is_the_nearest() {
        let host = "22 27 0:21 / / rw - ext4 /dev/a rw\n\
                    23 22 0:22 / /nowhere/a\\040b rw,nosuid shared:5 - tmpfs tmpfs rw\n\
                    24 22 0:22 / /nowhere/c rw master:5 propagate_from:2 - tmpfs tmpfs rw\n";
        let found = |source: &str| source_mount(host, source).unwrap();
        assert_eq!(found("/nowhere/a").point, Path::new("/"));
        let shared = found("/nowhere/a b/x");
        assert_eq!(shared.point, Path::new("/nowhere/a b"));
        assert!(shared.is_shared && !shared.is_slave);
        assert!(found("/nowhere/c").is_slave);
        assert!(source_mount("", "/x").is_err());
    }
}
