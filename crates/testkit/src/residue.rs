//! What an engine has on the machine at a moment, and the removal of what it left behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::mount::UnmountFlags;
use rustix::process::{Pid, Signal};

use crate::{proc, wait};

/// Where the kernel shows links.
const LINKS: &str = "/sys/class/net";

/// The names by which everything an engine makes can be found.
#[derive(Debug, Clone)]
pub struct Residue {
    /// Directory below which all its files are.
    pub root: PathBuf,
    /// Its bridge.
    pub bridge: String,
    /// Name of its nf_tables tables. Links it made for networks are noted down with it.
    pub table: String,
    /// The cgroup above those of its containers.
    pub cgroup_parent: String,
}

impl Residue {
    /// Everything there is, one line each: processes, mounts, cgroups, links, networks, rules. Two listings can be compared.
    pub fn traces(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        found.extend(
            self.processes()
                .into_iter()
                .map(|pid| format!("process {pid} {}", proc::command_line(pid))),
        );
        found.extend(
            self.mounts()
                .into_iter()
                .map(|path| format!("mount {}", path.display())),
        );
        found.extend(
            self.cgroups()
                .into_iter()
                .map(|path| format!("cgroup {}", path.display())),
        );
        found.extend(self.links().into_iter().map(|name| format!("link {name}")));
        found.extend(self.networks().into_iter().map(|name| format!("network {name}")));
        found.extend(self.rules());
        found.extend(
            self.routes()
                .into_iter()
                .map(|(_, route)| format!("route {route}")),
        );
        found
    }

    /// Names of all files and directories below the root, not looking into the layers and the images' own data.
    pub fn files(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        list(&self.root, &self.root, 4, &mut found);
        found
    }

    /// Processes that belong to the engine: they name its root, sit in its cgroups or have a
    /// root file system from there.
    pub fn processes(&self) -> Vec<u32> {
        let own = std::process::id();
        let root = format!("{}/", self.root.display());
        let cgroup = format!("{}/", self.cgroup_parent);
        let ours = |&pid: &u32| {
            pid != own
                && proc::alive(pid)
                && ((proc::command_line(pid) + "/").contains(&root) && !is_client(pid)
                    || fs::read_to_string(format!("/proc/{pid}/cgroup"))
                        .is_ok_and(|text| text.contains(&cgroup))
                    || proc::is_rooted_below(pid, &self.root))
        };
        proc::pids().into_iter().filter(ours).collect()
    }

    /// Mounts below the root, in this mount namespace.
    fn mounts(&self) -> Vec<PathBuf> {
        let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let points = text
            .lines()
            .filter_map(|line| line.split(' ').nth(4))
            .map(PathBuf::from);
        points.filter(|point| point.starts_with(&self.root)).collect()
    }

    /// Cgroups below the parent, in every hierarchy, deepest first.
    fn cgroups(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for parent in self.cgroup_parents() {
            directories(&parent, &mut found);
        }
        found
    }

    fn cgroup_parents(&self) -> Vec<PathBuf> {
        let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let roots = text.lines().filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            right
                .starts_with("cgroup")
                .then(|| left.split(' ').nth(4).map(PathBuf::from))
                .flatten()
        });
        let parents = roots.map(|root| root.join(self.cgroup_parent.trim_start_matches('/')));
        parents.filter(|path| path.is_dir()).collect()
    }

    /// The bridge, and the links that are ports of it and of other networks' bridges.
    fn links(&self) -> Vec<String> {
        let own = Path::new(LINKS).join(&self.bridge).exists();
        let mut found: Vec<String> = own.then(|| self.bridge.clone()).into_iter().collect();
        for bridge in std::iter::once(self.bridge.clone()).chain(self.networks()) {
            let ports = fs::read_dir(Path::new(LINKS).join(bridge).join("brif"));
            let ports = ports.into_iter().flatten().flatten();
            found.extend(ports.map(|port| port.file_name().to_string_lossy().into_owned()));
        }
        found
    }

    /// The links made for networks of users, by what is noted with them.
    fn networks(&self) -> Vec<String> {
        let owner = format!("corten {} ", self.table);
        let links = fs::read_dir(LINKS).into_iter().flatten().flatten();
        let noted = |name: &String| fs::read_to_string(Path::new(LINKS).join(name).join("ifalias"));
        links
            .map(|link| link.file_name().to_string_lossy().into_owned())
            .filter(|name| *name != self.bridge && noted(name).is_ok_and(|text| text.starts_with(&owner)))
            .collect()
    }

    /// The lines of the tables, prefixed with family and name. What the kernel notes for seconds is left out.
    fn rules(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (family, name) in self.tables() {
            let text = said(Command::new("nft").args(["list", "table", &family, &name]));
            found.extend(
                text.lines()
                    .map(|line| format!("{family} {name} {}", line.trim()))
                    .filter(|line| !line.ends_with('}') && !line.contains(" expires ")),
            );
        }
        found
    }

    /// Family and name of each table that is the engine's, or one of an engine below the root that has no bridge: those are
    /// called after their directory.
    fn tables(&self) -> Vec<(String, String)> {
        let nested = format!("corten{}-", self.root.display().to_string().replace('/', "-"));
        let text = said(Command::new("nft").args(["list", "tables"]));
        let lines = text
            .lines()
            .filter_map(|line| line.strip_prefix("table ")?.split_once(' '));
        lines
            .filter(|(_, name)| *name == self.table || name.starts_with(&nested))
            .map(|(family, name)| (family.to_owned(), name.to_owned()))
            .collect()
    }

    /// Routes that make addresses the machine's own: the flag of their family, and the route as `ip` writes it. The daemon
    /// knows its own by a metric made of the table's name (FNV-1a, 31 bits).
    fn routes(&self) -> Vec<(&'static str, String)> {
        let nested = self.tables().into_iter().map(|(_, name)| name);
        let names: BTreeSet<String> = nested.chain([self.table.clone()]).collect();
        let metric = |name: &String| {
            let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
                (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
            });
            format!(" metric {} ", (hash >> 1).max(1))
        };
        let metrics: Vec<String> = names.iter().map(metric).collect();
        let mut found = Vec::new();
        for family in ["-4", "-6"] {
            let text = said(Command::new("ip").args([family, "route", "show", "table", "local"]));
            let is_ours = |line: &&str| metrics.iter().any(|metric| format!("{line} ").contains(metric));
            let ours = text.lines().filter(is_ours);
            found.extend(ours.map(|line| (family, line.trim().to_owned())));
        }
        found
    }

    /// Removes everything, without asking the engine. What cannot be removed is a panic: the machine would stay dirty.
    pub fn remove(&self) {
        self.remove_from_kernel();
        // A process that was killed may still be ending, and making a last file.
        let mut failure = None;
        let gone = wait::eventually(Duration::from_secs(10), || {
            failure = fs::remove_dir_all(&self.root).err();
            (!self.root.exists()).then_some(())
        });
        if let (None, Some(error)) = (gone, failure) {
            complain(&format!("cannot remove {}: {error}", self.root.display()));
        }
    }

    /// Removes what a reboot would, too: all but the files.
    pub(crate) fn remove_from_kernel(&self) {
        let gone = wait::eventually(Duration::from_secs(10), || {
            self.thaw();
            let processes = self.processes();
            for pid in processes
                .iter()
                .filter_map(|&pid| Pid::from_raw(i32::try_from(pid).ok()?))
            {
                // It may end by itself in between.
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
            processes.is_empty().then_some(())
        });
        if gone.is_none() {
            complain(&format!("these do not die: {:?}", self.processes()));
        }
        for point in self.mounts().iter().rev() {
            // A mount may go with the one above it.
            let _ = rustix::mount::unmount(point, UnmountFlags::DETACH);
        }
        let mounts = self.mounts();
        if !mounts.is_empty() {
            complain(&format!("cannot unmount {mounts:?}"));
        }
        for link in self.links().iter().rev().chain(&self.networks()) {
            let _ = said(Command::new("ip").args(["link", "delete", link]));
        }
        for (family, route) in self.routes() {
            let mut ip = Command::new("ip");
            ip.args([family, "route", "delete"]);
            let _ = said(ip.args(route.split(' ')).args(["table", "local"]));
        }
        for (family, name) in self.tables() {
            let _ = said(Command::new("nft").args(["delete", "table", &family, &name]));
        }
        let (networks, tables) = (self.networks(), self.tables());
        if !networks.is_empty() || !tables.is_empty() {
            complain(&format!("these stay: {networks:?} {tables:?}"));
        }
        let empty = wait::eventually(Duration::from_secs(5), || {
            for cgroup in self.cgroups().iter().chain(&self.cgroup_parents()) {
                let _ = fs::remove_dir(cgroup);
            }
            self.cgroup_parents().is_empty().then_some(())
        });
        if empty.is_none() {
            complain(&format!("cgroups stay: {:?}", self.cgroups()));
        }
    }

    /// Lets held processes go on: those of a v1 cgroup cannot even be killed.
    fn thaw(&self) {
        for cgroup in self.cgroups() {
            for (file, go_on) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
                let file = cgroup.join(file);
                if file.exists() {
                    // It may go in between.
                    let _ = fs::write(file, go_on);
                }
            }
        }
    }
}

/// Fails the test. One that fails already is only told: a second panic would end all other tests with it.
fn complain(what: &str) {
    if std::thread::panicking() {
        eprintln!("{what}");
    } else {
        panic!("{what}");
    }
}

/// A command line's own process names the socket, too; it ends with the test that started it.
fn is_client(pid: u32) -> bool {
    proc::parent(pid) == Some(std::process::id()) && !proc::command_line(pid).contains("--data-root")
}

fn said(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn directories(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            directories(&entry.path(), found);
            found.push(entry.path());
        }
    }
}

fn list(root: &Path, dir: &Path, depth: usize, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        found.insert(path.strip_prefix(root).unwrap_or(&path).display().to_string());
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            list(root, &path, depth - 1, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Slot;

    #[test]
    fn networks_and_tables_are_found_and_removed() {
        let slot = Slot::take();
        let residue = slot.residue();
        let name = format!("br-{}", slot.name());
        let nested = format!("corten-tmp-corten-testkit-{}-scratch-exec", slot.name());
        let run = |program: &str, args: &[&str]| {
            let status = Command::new(program).args(args).status().unwrap();
            assert!(status.success(), "{program} {args:?}");
        };
        run("ip", &["link", "add", &name, "type", "bridge"]);
        let alias = format!("corten {} 0123", slot.name());
        run("ip", &["link", "set", &name, "alias", &alias]);
        run("nft", &["add", "table", "inet", &nested]);
        let expected = BTreeSet::from([
            format!("inet {nested} table inet {nested} {{"),
            format!("network {name}"),
        ]);
        assert_eq!(residue.traces(), expected);
        residue.remove();
        assert_eq!(residue.traces(), BTreeSet::new());
    }
}
