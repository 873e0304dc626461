//! The container's init, from its first instruction in new namespaces to its program.
//!
//! What does not need the network is done at once, while the daemon readies it; the rest waits for [`Message::Proceed`].

pub mod cgroups;
pub mod devices;
pub mod hide;
pub mod mounts;
pub mod options;
pub mod root;
pub mod rootfs;
pub mod sysctl;
pub mod terminal;

use std::convert::Infallible;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use corten_cgroup::{Cgroup, Layout};
use corten_shim_api::{ErrorStage, Launch};
use oci_spec::runtime::{Mount, Spec};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::channel::{Channel, Message};
use crate::failure::{Context, Result, failure};
use crate::namespaces::Namespaces;
use crate::process::{self, Program};
use crate::sys::{self, MountAttr};
use root::{Root, clean};
use terminal::{Terminal, standard_streams};

/// All the init works from: decided, read and opened by the shim before the clone.
pub struct Init<'a> {
    /// The order.
    pub launch: &'a Launch,
    /// The specification.
    pub spec: &'a Spec,
    /// What [`Namespaces::decide`] said.
    pub namespaces: &'a Namespaces<'a>,
    /// The host's hierarchies.
    pub layout: &'a Layout,
    /// The container's cgroup, which on v1 exists once [`Message::CgroupReady`] was received.
    pub cgroup: &'a Cgroup,
    /// The seccomp program.
    pub seccomp: Option<&'a [u8]>,
    /// What is to run as process 1, with the container's program as its child.
    pub init_program: Option<OwnedFd>,
    /// Standard input, output and error; `None` for a terminal.
    pub streams: Option<[OwnedFd; 3]>,
    /// The line to the shim.
    pub channel: Channel,
}

impl Init<'_> {
    /// Turns this process into the container's program, or reports why not and ends.
    pub fn run(&self) -> ! {
        let Err(failed) = self.try_run();
        self.channel.send(&Message::Failed(failed));
        sys::exit_now(1)
    }

    fn try_run(&self) -> Result<Infallible> {
        self.leave_shim()?;
        let program = self.program()?;
        process::prepare(program.process)?;
        self.enter_existing_namespaces()?;

        let root_path = self.root_path()?;
        let root = rootfs::mount_root(&self.launch.root, &root_path, self.spec)?;
        let mut mounter = mounts::Mounter::new(&root, &root_path);
        let (now, later) = self.mounts_now_and_later();
        for entry in now {
            self.mount(&mut mounter, &root, entry)?;
        }
        if self.makes_devices() {
            devices::make_devices(&root, self.spec)?;
            devices::make_links(&root)?;
        }
        let terminal = self.open_terminal(&root)?;
        let null = devices::find_null(&root)?;
        let cwd = clean(program.process.cwd());
        root.directory(&cwd).context(ErrorStage::WorkingDirectory, || {
            format!("error during container init: mkdir {}", cwd.display())
        })?;

        self.enter_cgroup()?;
        self.enter_network()?;
        for entry in later {
            self.mount(&mut mounter, &root, entry)?;
        }
        rootfs::pivot(&root, self.spec)?;
        mounter.seal()?;
        self.name_host()?;
        self.protect(&root, null)?;
        process::become_program(&program, terminal.is_none(), &self.channel)
    }

    /// Cuts what ties a forked process to its parent: session, signals, descriptors.
    fn leave_shim(&self) -> Result<()> {
        let mut keep = vec![self.channel.as_fd().as_raw_fd()];
        keep.extend(self.streams.iter().flatten().map(AsRawFd::as_raw_fd));
        keep.extend(self.init_program.as_ref().map(AsRawFd::as_raw_fd));
        // SAFETY: this child never returns to the owners of the other descriptors.
        unsafe { sys::close_all_but(&mut keep) };
        sys::reset_signals();
        rustix::process::umask(Mode::empty());
        rustix::process::setsid().context(ErrorStage::Namespace, || "setsid".into())?;
        set_parent_process_death_signal(Some(Signal::KILL))
            .context(ErrorStage::Namespace, || "prctl".into())?;
        if let Some(streams) = &self.streams {
            standard_streams(streams.each_ref().map(AsFd::as_fd))
                .context(ErrorStage::Mount, || "connect standard streams".into())?;
        }
        Ok(())
    }

    fn program(&self) -> Result<Program<'_>> {
        let Some(process) = self.spec.process() else {
            return Err(failure(ErrorStage::Spec, "the specification has no process"));
        };
        Ok(Program {
            container: &self.launch.id,
            process,
            groups: &self.launch.groups,
            init: self.init_program.as_ref().map(AsFd::as_fd),
            seccomp: self.seccomp,
        })
    }

    fn enter_existing_namespaces(&self) -> Result<()> {
        for (kind, path) in &self.namespaces.joined {
            File::open(path)
                .map_err(|error| rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))
                .and_then(|file| sys::enter_namespaces(file, *kind))
                .context(ErrorStage::Namespace, || {
                    format!("error during container init: join namespace {}", path.display())
                })?;
        }
        if self.namespaces.new & libc::CLONE_NEWNET != 0 {
            sys::loopback_up().context(ErrorStage::Namespace, || {
                "error during container init: set up loopback interface".into()
            })?;
        }
        Ok(())
    }

    fn root_path(&self) -> Result<PathBuf> {
        let Some(root) = self.spec.root() else {
            return Err(failure(ErrorStage::Spec, "the specification has no root"));
        };
        Ok(self.launch.bundle.join(root.path()))
    }

    /// Splits the mounts into those that can be made before the network is there and the others, each in given order:
    /// sysfs shows the network of whoever mounts it, and what lies below or above such a mount must follow it.
    fn mounts_now_and_later(&self) -> (Vec<&Mount>, Vec<&Mount>) {
        let mut waiting: Vec<PathBuf> = Vec::new();
        let entries = self.spec.mounts().iter().flatten();
        entries.partition(|entry| {
            let destination = clean(entry.destination());
            let waits = is_cgroup(entry)
                || (self.namespaces.prepared_network && entry.typ().as_deref() == Some("sysfs"))
                || waiting
                    .iter()
                    .any(|other| destination.starts_with(other) || other.starts_with(&destination));
            if waits {
                waiting.push(destination);
            }
            !waits
        })
    }

    fn mount(&self, mounter: &mut mounts::Mounter<'_>, root: &Root, entry: &Mount) -> Result<()> {
        if is_cgroup(entry) {
            cgroups::mount_cgroups(root, entry, self.layout, self.cgroup)
        } else {
            mounter.mount(entry)
        }
    }

    /// With a `/dev` of the host's or of a volume nothing is made there.
    fn makes_devices(&self) -> bool {
        let dev = self
            .spec
            .mounts()
            .iter()
            .flatten()
            .find(|entry| clean(entry.destination()) == Path::new("/dev"));
        dev.is_some_and(|entry| entry.typ().as_deref() != Some("bind"))
    }

    fn open_terminal(&self, root: &Root) -> Result<Option<Terminal>> {
        if self.streams.is_some() {
            return Ok(None);
        }
        let terminal = Terminal::open(root, self.launch.stdio.size)?;
        if self.makes_devices() {
            terminal.show_as_console(root)?;
        }
        terminal.become_standard_streams()?;
        let master = terminal.master.try_clone().context(ErrorStage::Mount, || {
            "error during container init: open terminal".into()
        })?;
        self.channel.send(&Message::Terminal(master));
        Ok(Some(terminal))
    }

    fn enter_cgroup(&self) -> Result<()> {
        match self.channel.receive() {
            Message::CgroupReady => {}
            _ => sys::exit_now(1),
        }
        // On v2 it was born inside.
        if matches!(self.layout, Layout::V1 { .. }) {
            let joiner = self
                .cgroup
                .join_fds()
                .map_err(|error| failure(ErrorStage::Cgroup, crate::failure::chain(&error)))?;
            joiner.join_self().context(ErrorStage::Cgroup, || {
                "error during container init: join cgroup".into()
            })?;
        }
        if self.namespaces.new_cgroup {
            sys::unshare(libc::CLONE_NEWCGROUP).context(ErrorStage::Namespace, || {
                "error during container init: unshare cgroup namespace".into()
            })?;
        }
        Ok(())
    }

    fn enter_network(&self) -> Result<()> {
        match self.channel.receive() {
            Message::Proceed(None) => Ok(()),
            Message::Proceed(Some(network)) => sys::enter_namespaces(network, libc::CLONE_NEWNET)
                .context(ErrorStage::Namespace, || {
                    "error during container init: join network namespace".into()
                }),
            // The shim gave up or is gone.
            _ => sys::exit_now(1),
        }
    }

    fn name_host(&self) -> Result<()> {
        if let Some(name) = self.spec.hostname().as_deref().filter(|name| !name.is_empty()) {
            rustix::system::sethostname(name.as_bytes()).context(ErrorStage::Namespace, || {
                "error during container init: sethostname".into()
            })?;
        }
        if let Some(name) = self.spec.domainname().as_deref().filter(|name| !name.is_empty()) {
            rustix::system::setdomainname(name.as_bytes()).context(ErrorStage::Namespace, || {
                "error during container init: setdomainname".into()
            })?;
        }
        Ok(())
    }

    /// Parameters, then read-only and hidden paths, then the root itself; and descriptors of the host's go.
    fn protect(&self, root: &Root, null: OwnedFd) -> Result<()> {
        if let Some(linux) = self.spec.linux() {
            if let Some(parameters) = linux.sysctl() {
                sysctl::apply(root, parameters)?;
            }
            hide::write_protect(root, linux.readonly_paths().as_deref().unwrap_or_default())?;
            hide::mask(
                root,
                linux.masked_paths().as_deref().unwrap_or_default(),
                null.as_fd(),
            )?;
        }
        if self.spec.root().as_ref().and_then(|root| root.readonly()) == Some(true) {
            let read_only = MountAttr::new(libc::MOUNT_ATTR_RDONLY, 0);
            rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
                .and_then(|root| sys::set_mount_attributes(root, false, &read_only))
                .context(ErrorStage::Mount, || {
                    "error during container init: make rootfs read-only".into()
                })?;
        }
        Ok(())
    }
}

fn is_cgroup(entry: &Mount) -> bool {
    matches!(entry.typ().as_deref(), Some("cgroup" | "cgroup2"))
}
