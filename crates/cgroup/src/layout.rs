//! How this host mounts its cgroups, read from `/proc/self/mountinfo` (proc(5)).

use std::path::{Path, PathBuf};

use crate::{Error, Result, file};

/// Where the host's cgroup hierarchies are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Version 1, or hybrid: the controllers are on v1 hierarchies. A v2 mount beside them is left alone.
    V1 {
        /// Every v1 hierarchy, named ones (`name=systemd`) included, in mount order.
        hierarchies: Vec<Hierarchy>,
    },
    /// Version 2 alone.
    V2 {
        /// Where the unified hierarchy is mounted.
        mountpoint: PathBuf,
        /// The controllers its root offers (`cgroup.controllers`).
        controllers: Vec<String>,
    },
}

/// One mounted v1 hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Kernel names of the controllers mounted together here, or one `name=…`.
    pub controllers: Vec<String>,
    /// Where it is mounted.
    pub mountpoint: PathBuf,
}

impl Layout {
    /// Reads this process's mounts.
    pub fn detect() -> Result<Self> {
        let mountinfo = file::read(Path::new("/proc/self/mountinfo"))?;
        Self::from_mountinfo(&mountinfo, |mountpoint| {
            file::read(&mountpoint.join("cgroup.controllers"))
        })
    }

    /// Decides on the text of a mountinfo; `controllers_of` reads `cgroup.controllers` of a v2 mount.
    fn from_mountinfo(text: &str, controllers_of: impl FnOnce(&Path) -> Result<String>) -> Result<Self> {
        let mut hierarchies: Vec<Hierarchy> = Vec::new();
        let mut unified = None;
        for line in text.lines() {
            let Some(mount) = Mount::parse(line) else { continue };
            if mount.fs_type == "cgroup2" {
                unified.get_or_insert_with(|| mount.mountpoint());
                continue;
            }
            let mut controllers: Vec<&str> = mount.super_options.split(',').filter(is_controller).collect();
            controllers.sort_unstable();
            // A hierarchy mounted a second time elsewhere shows the same groups.
            if !controllers.is_empty() && !hierarchies.iter().any(|h| h.controllers == controllers) {
                hierarchies.push(Hierarchy {
                    controllers: controllers.into_iter().map(str::to_owned).collect(),
                    mountpoint: mount.mountpoint(),
                });
            }
        }
        // A lone `name=systemd` beside cgroup2 has no controllers to limit anything with: that host is v2.
        let v1_in_use = hierarchies
            .iter()
            .any(|h| h.controllers.iter().any(|c| !c.starts_with("name=")));
        match unified {
            Some(mountpoint) if !v1_in_use => {
                let controllers = controllers_of(&mountpoint)?
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect();
                Ok(Self::V2 {
                    mountpoint,
                    controllers,
                })
            }
            _ if v1_in_use => Ok(Self::V1 { hierarchies }),
            _ => Err(Error::NotMounted),
        }
    }

    /// Whether the host offers `controller`.
    pub fn has(&self, controller: &str) -> bool {
        match self {
            Self::V1 { hierarchies } => hierarchies.iter().any(|h| h.has(controller)),
            Self::V2 { controllers, .. } => controllers.iter().any(|c| c == controller),
        }
    }
}

impl Hierarchy {
    /// Whether `controller` is mounted here.
    pub fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|c| c == controller)
    }
}

/// The fields of one cgroup mountinfo line that matter here.
struct Mount<'a> {
    mountpoint: &'a str,
    fs_type: &'a str,
    super_options: &'a str,
}

impl<'a> Mount<'a> {
    /// `None` for lines of other file systems.
    fn parse(line: &'a str) -> Option<Self> {
        let (mount, fs) = line.split_once(" - ")?;
        let mut fs = fs.split(' ');
        let fs_type = fs.next().filter(|t| matches!(*t, "cgroup" | "cgroup2"))?;
        let mountpoint = mount.split(' ').nth(4)?;
        Some(Self {
            mountpoint,
            fs_type,
            super_options: fs.nth(1)?,
        })
    }

    /// The mount point with the kernel's octal escapes for blanks and backslashes undone.
    fn mountpoint(&self) -> PathBuf {
        let path = self.mountpoint;
        if !path.contains('\\') {
            return PathBuf::from(path);
        }
        PathBuf::from(
            path.replace("\\040", " ")
                .replace("\\011", "\t")
                .replace("\\012", "\n")
                .replace("\\134", "\\"),
        )
    }
}

/// Super options are controllers, `name=…` and flags mixed; only the latter are known in full (cgroup-v1.c).
fn is_controller(option: &&str) -> bool {
    !matches!(
        *option,
        "" | "rw"
            | "ro"
            | "all"
            | "none"
            | "noprefix"
            | "clone_children"
            | "cpuset_v2_mode"
            | "xattr"
            | "seclabel"
    ) && !option.starts_with("release_agent=")
        && *option != "favordynmods"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(text: &str) -> Result<Layout> {
        Layout::from_mountinfo(text, |_| Ok("cpuset cpu io memory pids\n".into()))
    }

    #[test]
    fn hybrid_is_v1_with_named_hierarchy() {
        let text = "\
25 1 0:20 / /proc rw - proc proc rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/systemd/agent,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
50 31 0:32 / /mnt/again\\040x rw,relatime - cgroup cgroup rw,memory
";
        let Layout::V1 { hierarchies } = layout(text).unwrap() else {
            panic!("not v1")
        };
        let shown: Vec<String> = hierarchies
            .iter()
            .map(|h| format!("{} at {}", h.controllers.join("+"), h.mountpoint.display()))
            .collect();
        assert_eq!(
            shown,
            [
                "cpu+cpuacct at /sys/fs/cgroup/cpu,cpuacct",
                "memory at /sys/fs/cgroup/memory",
                "name=systemd at /sys/fs/cgroup/systemd"
            ]
        );
    }

    #[test]
    fn unified_only_is_v2() {
        let text = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        let layout = layout(text).unwrap();
        assert!(layout.has("memory") && !layout.has("hugetlb"));
        assert!(matches!(layout, Layout::V2 { mountpoint, .. } if mountpoint == Path::new("/sys/fs/cgroup")));
    }

    #[test]
    fn named_hierarchy_beside_v2_is_v2_and_nothing_is_an_error() {
        let text = "\
30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
31 24 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
";
        assert!(matches!(layout(text), Ok(Layout::V2 { .. })));
        assert!(matches!(
            layout("25 1 0:20 / /proc rw - proc proc rw\n"),
            Err(Error::NotMounted)
        ));
    }
}
