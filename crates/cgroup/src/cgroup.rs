//! A container's cgroup: making it, changing its limits, entering and removing it.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use oci_spec::runtime::LinuxResources;
use rustix::fs::{Mode, OFlags};

use crate::file::{self, try_write};
use crate::{Error, Joiner, Layout, Plan, Result, Write, plan};

/// How long [`Cgroup::remove`] waits for killed processes to leave.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The controllers every v2 container gets, whether limited or not: `stats` reads their counters.
const V2_CONTROLLERS: [&str; 5] = ["cpu", "memory", "pids", "io", "cpuset"];

/// One container's cgroup, by name. Nothing is held open and dropping it removes nothing.
#[derive(Debug, Clone)]
pub struct Cgroup {
    layout: Layout,
    /// Its directory in each hierarchy, in the layout's order; one on v2.
    directories: Vec<PathBuf>,
}

impl Cgroup {
    /// Names the cgroup `path`, e.g. `/docker/<id>`, in every hierarchy of `layout`. Touches nothing.
    pub fn new(layout: &Layout, path: &str) -> Result<Self> {
        let invalid = |reason| {
            Err(Error::Path {
                path: path.to_owned(),
                reason,
            })
        };
        let Some(relative) = path.strip_prefix('/') else {
            return invalid("must be absolute");
        };
        if relative.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return invalid("must name a cgroup below the root, without empty, \".\" or \"..\" parts");
        }
        let directories = match layout {
            Layout::V1 { hierarchies } => hierarchies.iter().map(|h| h.mountpoint.join(relative)).collect(),
            Layout::V2 { mountpoint, .. } => vec![mountpoint.join(relative)],
        };
        Ok(Self {
            layout: layout.clone(),
            directories,
        })
    }

    /// Makes the cgroup in every hierarchy, parents as needed, with limits and device rules.
    ///
    /// An empty left-over of the same name is replaced, one in use is an error. On failure what was made is removed
    /// again, parents excepted.
    pub fn create(&self, resources: &LinuxResources) -> Result<()> {
        let plan = plan(&self.layout, resources)?;
        let mut made = 0;
        let result = self.directories.iter().try_for_each(|directory| {
            make_directory(directory)?;
            made += 1;
            Ok(())
        });
        let result = result
            .and_then(|()| self.prepare(&plan))
            .and_then(|()| self.apply(&plan));
        if result.is_err() {
            for directory in &self.directories[..made] {
                // The first failure is what the caller must hear of.
                let _ = fs::remove_dir(directory);
            }
        }
        result
    }

    /// Changes the limits that `resources` give and leaves the others.
    ///
    /// Device rules replace the old list as a whole; on v1 access is denied for the moment between two writes.
    pub fn update(&self, resources: &LinuxResources) -> Result<()> {
        let mut plan = plan(&self.layout, resources)?;
        if self.is_v2() {
            let memory = resources.memory().as_ref();
            let limit = memory
                .filter(|m| m.check_before_update() == Some(true))
                .and_then(|m| m.limit());
            if let Some(limit) = limit
                .and_then(|limit| u64::try_from(limit).ok())
                .filter(|limit| *limit > 0)
            {
                let usage = file::read_number(&self.v2_file("memory.current"))?;
                if limit < usage {
                    return Err(Error::MemoryInUse {
                        limit: limit.to_string(),
                        usage,
                    });
                }
            }
            self.keep_quota(resources, &mut plan)?;
        }
        self.apply(&plan)
    }

    /// Opens what a process needs to enter: see [`Joiner`]. Works for the container's init and for later exec processes.
    pub fn join_fds(&self) -> Result<Joiner> {
        let open = |path: PathBuf, flags: OFlags| {
            rustix::fs::open(&path, flags | OFlags::CLOEXEC, Mode::empty()).map_err(|errno| Error::Io {
                action: "open",
                path,
                source: errno.into(),
            })
        };
        if self.is_v2() {
            return Ok(Joiner::directory(open(
                self.directories[0].clone(),
                OFlags::RDONLY | OFlags::DIRECTORY,
            )?));
        }
        let tasks = self
            .directories
            .iter()
            .map(|directory| open(directory.join("tasks"), OFlags::WRONLY));
        Ok(Joiner::tasks(tasks.collect::<Result<_>>()?))
    }

    /// Removes the cgroup and the child cgroups its processes made, in every hierarchy.
    ///
    /// Processes must have been killed: for a few seconds it waits for the last of them to be gone. Goes on past
    /// errors; a cgroup that does not exist is fine.
    pub fn remove(&self) -> Result<()> {
        let deadline = Instant::now() + REMOVE_TIMEOUT;
        let mut left = Vec::new();
        let mut first = None;
        for directory in &self.directories {
            if let Err(error) = self.remove_directory(directory, deadline) {
                left.push(directory.clone());
                first.get_or_insert(error);
            }
        }
        match first {
            Some(source) => Err(Error::Remove { left, source }),
            None => Ok(()),
        }
    }

    /// Removes the cgroup where nothing is in it, neither processes nor other cgroups; does nothing elsewhere. For parents
    /// that several containers, and perhaps several daemons, share.
    pub fn remove_if_unused(&self) {
        for directory in &self.directories {
            // The kernel refuses what is in use, which is just the condition.
            let _in_use = std::fs::remove_dir(directory);
        }
    }

    /// Whether the cgroup exists in any hierarchy: a removal cut short leaves it in some.
    pub fn exists(&self) -> bool {
        self.directories.iter().any(|directory| directory.exists())
    }

    /// Its directory in the hierarchy of `controller` (on v2: in the only one); `None` if that is not mounted.
    pub fn directory(&self, controller: &str) -> Option<&Path> {
        let index = match &self.layout {
            Layout::V1 { hierarchies } => hierarchies.iter().position(|h| h.has(controller))?,
            Layout::V2 { .. } => 0,
        };
        self.directories.get(index).map(PathBuf::as_path)
    }

    pub(crate) fn is_v2(&self) -> bool {
        matches!(self.layout, Layout::V2 { .. })
    }

    /// The hierarchy to look for processes in: the freezer's on v1, so that kills and freezes see the same ones.
    pub(crate) fn process_directory(&self) -> &Path {
        self.directory("freezer").unwrap_or(&self.directories[0])
    }

    pub(crate) fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    pub(crate) fn v2_file(&self, file: &str) -> PathBuf {
        self.directories[0].join(file)
    }

    /// What the kernel demands before limits can be set or processes enter.
    fn prepare(&self, plan: &Plan) -> Result<()> {
        match &self.layout {
            Layout::V2 {
                mountpoint,
                controllers,
            } => {
                let needed =
                    |c: &&str| V2_CONTROLLERS.contains(c) || plan.writes.iter().any(|w| w.controller == *c);
                let wanted: Vec<&str> = controllers.iter().map(String::as_str).filter(needed).collect();
                enable_controllers(mountpoint, &self.directories[0], wanted)
            }
            Layout::V1 { hierarchies } => {
                let Some(index) = hierarchies.iter().position(|h| h.has("cpuset")) else {
                    return Ok(());
                };
                let own = self.directories[index].as_path();
                ["cpuset.cpus", "cpuset.mems"].into_iter().try_for_each(|file| {
                    // What the plan sets must be within what the parent has.
                    let lowest = match plan.sets(file) {
                        true => own.parent().unwrap_or(own),
                        false => own,
                    };
                    fill_cpuset(&hierarchies[index].mountpoint, lowest, file)
                })
            }
        }
    }

    fn apply(&self, plan: &Plan) -> Result<()> {
        if let Some(program) = &plan.device_program {
            let directory = fs::File::open(&self.directories[0]).map_err(|source| Error::Io {
                action: "open",
                path: self.directories[0].clone(),
                source,
            })?;
            program.attach(directory.as_fd())?;
        }
        let mut writes = plan.writes.iter();
        while let Some(write) = writes.next() {
            match self.write(write) {
                Err(Error::Write { source, .. })
                    if write.bound_to_next && source.raw_os_error() == Some(libc::EINVAL) =>
                {
                    // The new value conflicts with the old one of its partner.
                    if let Some(partner) = writes.next() {
                        self.write(partner)?;
                    }
                    self.write(write)?;
                }
                result => result?,
            }
        }
        Ok(())
    }

    fn write(&self, write: &Write) -> Result<()> {
        // The plan was checked against the layout, so its controllers are there.
        let directory = self.directory(write.controller).unwrap_or(&self.directories[0]);
        let mut path = directory.join(&*write.file);
        let mut value = &write.value;
        let mut result = try_write(&path, value);
        if let (Err(error), Some((file, other))) = (&result, &write.otherwise)
            && error.kind() == io::ErrorKind::NotFound
        {
            path = directory.join(file);
            value = other;
            result = try_write(&path, value);
        }
        result.map_err(|source| match source.raw_os_error() {
            // The directory exists: it is this file that the kernel lacks.
            Some(libc::ENOENT) if directory.exists() => Error::Unsupported {
                setting: write.file.clone().into_owned(),
                by: "the kernel",
            },
            Some(libc::EBUSY) if write.controller == "memory" => Error::MemoryInUse {
                limit: write.value.clone(),
                usage: file::read_number(&directory.join("memory.usage_in_bytes")).unwrap_or_default(),
            },
            _ => Error::Write {
                path,
                value: value.clone(),
                source,
            },
        })
    }

    /// v2 has quota and period in one file: a period given alone must not lift the quota in force.
    fn keep_quota(&self, resources: &LinuxResources, plan: &mut Plan) -> Result<()> {
        let Some(cpu) = resources.cpu() else { return Ok(()) };
        let (Some(period), None | Some(0)) = (cpu.period().filter(|p| *p != 0), cpu.quota()) else {
            return Ok(());
        };
        if let Some(write) = plan.writes.iter_mut().find(|write| write.file == "cpu.max") {
            let now = file::read(&self.v2_file("cpu.max"))?;
            write.value = format!("{} {period}", now.split(' ').next().unwrap_or("max"));
        }
        Ok(())
    }

    fn remove_directory(&self, directory: &Path, deadline: Instant) -> io::Result<()> {
        let mut wait = crate::processes::Backoff::new(deadline);
        loop {
            match fs::remove_dir(directory) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) if error.raw_os_error() != Some(libc::EBUSY) => return Err(error),
                Err(error) => {
                    // Child cgroups, or processes that still are on their way out.
                    for child in children(directory) {
                        self.remove_directory(&child, deadline)?;
                    }
                    if self.wait_empty(directory, deadline).is_err() || !wait.pause() {
                        return Err(error);
                    }
                }
            }
        }
    }
}

impl Plan {
    fn sets(&self, file: &str) -> bool {
        self.writes.iter().any(|write| write.file == file)
    }
}

/// The child cgroups of a cgroup; none if it is gone.
pub(crate) fn children(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()))
        .map(|e| e.path())
}

fn make_directory(directory: &Path) -> Result<()> {
    let io = |source| Error::Io {
        action: "create cgroup",
        path: directory.to_owned(),
        source,
    };
    match fs::create_dir(directory) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            directory
                .parent()
                .map_or(Ok(()), fs::create_dir_all)
                .map_err(io)?;
            fs::create_dir(directory).map_err(io)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Limits, rules and counters of whoever had it before must not be inherited.
            fs::remove_dir(directory).map_err(|error| match error.raw_os_error() {
                Some(libc::EBUSY) => Error::InUse {
                    path: directory.to_owned(),
                },
                _ => Error::Io {
                    action: "remove the old cgroup",
                    path: directory.to_owned(),
                    source: error,
                },
            })?;
            fs::create_dir(directory).map_err(io)
        }
        Err(error) => Err(io(error)),
    }
}

/// v1: a cpuset cgroup starts with no CPU and no memory node and takes no process then. Fills `file` of `directory`, unless it
/// has a value, from the nearest ancestor that has one, and every ancestor between.
fn fill_cpuset(mountpoint: &Path, directory: &Path, file: &str) -> Result<()> {
    let own = directory.join(file);
    let Some(parent) = directory.parent().filter(|_| directory != mountpoint) else {
        return Ok(());
    };
    if !file::read(&own)?.trim().is_empty() {
        return Ok(());
    }
    fill_cpuset(mountpoint, parent, file)?;
    file::write(&own, file::read(&parent.join(file))?.trim())
}

/// v2: hands `wanted` controllers down level by level from the root to `directory`.
fn enable_controllers(mountpoint: &Path, directory: &Path, mut wanted: Vec<&str>) -> Result<()> {
    // Usually the parent is the daemon's own and delegates everything already.
    let has = file::read(&directory.join("cgroup.controllers"))?;
    wanted.retain(|controller| !has.split_whitespace().any(|c| c == *controller));
    if wanted.is_empty() {
        return Ok(());
    }
    let mut levels: Vec<&Path> = directory
        .ancestors()
        .skip(1)
        .take_while(|level| level.starts_with(mountpoint))
        .collect();
    levels.reverse();
    for level in levels {
        let path = level.join("cgroup.subtree_control");
        let enabled = file::read(&path)?;
        let missing = wanted
            .iter()
            .filter(|c| !enabled.split_whitespace().any(|e| e == **c));
        let command = missing.map(|c| format!("+{c}")).collect::<Vec<_>>().join(" ");
        if command.is_empty() {
            continue;
        }
        try_write(&path, &command).map_err(|source| match source.raw_os_error() {
            Some(libc::EBUSY) => Error::InternalProcesses {
                path: level.to_owned(),
            },
            _ => Error::Write {
                path,
                value: command,
                source,
            },
        })?;
    }
    Ok(())
}
