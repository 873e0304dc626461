//! Boots the machine, runs a script in it and reads its report.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::cpio::Cpio;
use super::modules;
use crate::{Slot, command, fixtures};

/// Overlay, bridges and nf_tables with what a container engine asks of it.
const MODULES: [&str; 26] = [
    "overlay",
    "veth",
    "bridge",
    "br_netfilter",
    "nf_tables",
    "nf_conntrack",
    "nf_nat",
    "nft_ct",
    "nft_nat",
    "nft_chain_nat",
    "nft_masq",
    "nft_redir",
    "nft_reject",
    "nft_reject_ipv4",
    "nft_reject_inet",
    "nft_dup_ipv4",
    "nft_dup_ipv6",
    "nft_fib",
    "nft_fib_ipv4",
    "nft_fib_ipv6",
    "nft_fib_inet",
    "nft_numgen",
    "nft_hash",
    "nft_log",
    "nft_limit",
    "dummy",
];

/// Makes the machine's file systems, moves its root off the first one (which nobody can pivot away from) and runs the
/// script; what the script says is the report, its exit code the last line.
const INIT: &str = "#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/opt/bin HOME=/root
if [ \"$1\" != second ]; then
    mkdir -p /proc /root2
    mount -t proc proc /proc
    for module in $(cat /lib/modules/order); do insmod /lib/modules/$module || echo \"MISSING MODULE $module\"; done
    mount -t tmpfs -o mode=755 root /root2
    umount /proc
    cp -a /bin /opt /init /script /root2/
    mkdir -p /root2/proc /root2/sys /root2/dev /root2/tmp /root2/run /root2/root /root2/etc /root2/var
    exec switch_root /root2 /init second
fi
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t devtmpfs -o nosuid devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev shm /dev/shm
mount -t tmpfs -o nosuid,nodev,mode=755 run /run
chmod 1777 /tmp
mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate cgroup2 /sys/fs/cgroup
ip link set lo up
hostname machine
echo root:x:0:0:root:/root:/bin/sh > /etc/passwd
echo root:x:0: > /etc/group
sh /script 2>&1
echo \"END OF SCRIPT $?\"
poweroff -f
";

/// A machine to be booted.
#[derive(Debug, Default)]
pub struct Machine {
    files: Vec<(PathBuf, String)>,
    modules: Vec<&'static str>,
}

/// What a machine said.
#[derive(Debug)]
pub struct Report {
    /// All lines from the script, in order.
    pub lines: Vec<String>,
    /// Exit code of the script.
    pub code: i32,
    /// From power-on to power-off.
    pub took: Duration,
}

impl Machine {
    /// Gives the machine a file of this one, at `/opt/NAME`; programs belong under `bin/`.
    pub fn file(mut self, from: &Path, name: &str) -> Self {
        self.files.push((from.to_owned(), name.to_owned()));
        self
    }

    /// Loads these modules and what they need, after those every machine has.
    pub fn modules(mut self, names: &[&'static str]) -> Self {
        self.modules.extend(names);
        self
    }

    /// Boots, runs the shell script as root, powers off. Panics when that takes longer than `deadline`.
    pub fn run(self, script: &str, deadline: Duration) -> Report {
        let kernel = fixtures::kernel();
        let slot = Slot::take();
        let initrd = slot.root().join("initrd.gz");
        if let Err(error) = self.pack(script, &kernel.modules, &initrd) {
            panic!("cannot write {}: {error}", initrd.display());
        }
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args([
            "-nodefaults",
            "-no-reboot",
            "-no-user-config",
            "-display",
            "none",
            "-serial",
            "stdio",
        ])
        .args([
            "-machine",
            "q35",
            "-accel",
            "tcg,thread=multi",
            "-cpu",
            "max",
            "-smp",
            "2",
            "-m",
            "2048",
        ])
        .arg("-kernel")
        .arg(&kernel.image)
        .arg("-initrd")
        .arg(&initrd)
        .args([
            "-append",
            // The clock of the processor: each look at the other one, which the kernel would choose, goes through the emulator, and
            // on a busy machine its timers of limited processors find no end (both processors at 100 %, for minutes).
            "console=ttyS0 quiet loglevel=3 panic=-1 cgroup_no_v1=all mitigations=off tsc=reliable",
        ]);
        let finished = command::run(&mut qemu, deadline);
        // Nothing else was made in the slot.
        slot.residue().remove();
        let report = parse(&finished.out(), finished.took);
        report.unwrap_or_else(|| panic!("the machine did not come to the end of its script: {finished}"))
    }

    fn pack(&self, script: &str, module_tree: &Path, to: &Path) -> std::io::Result<()> {
        let mut cpio = Cpio::default();
        for directory in ["bin", "dev", "lib", "lib/modules", "opt", "opt/bin"] {
            cpio.directory(directory);
        }
        cpio.device("dev/console", 5, 1);
        cpio.device("dev/null", 1, 3);
        cpio.file("bin/busybox", 0o755, &fs::read(fixtures::busybox_program())?);
        cpio.symlink("bin/sh", "busybox");
        let mut order = String::new();
        for module in modules::in_order(module_tree, &[&MODULES, &self.modules[..]].concat()) {
            let name = module
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            cpio.file(&format!("lib/modules/{name}"), 0o644, &fs::read(&module)?);
            order.push_str(&name);
            order.push('\n');
        }
        cpio.file("lib/modules/order", 0o644, order.as_bytes());
        for (from, name) in &self.files {
            let mode = if name.starts_with("bin/") { 0o755 } else { 0o644 };
            cpio.file(&format!("opt/{name}"), mode, &fs::read(from)?);
        }
        cpio.file("script", 0o755, script.as_bytes());
        cpio.file("init", 0o755, INIT.as_bytes());
        let mut packed = flate2::write::GzEncoder::new(fs::File::create(to)?, flate2::Compression::fast());
        packed.write_all(&cpio.finish())?;
        packed.finish()?.sync_all()
    }
}

fn parse(console: &str, took: Duration) -> Option<Report> {
    let mut lines = Vec::new();
    for line in console.lines().map(|line| line.trim_end_matches('\r')) {
        if let Some(code) = line.strip_prefix("END OF SCRIPT ") {
            return Some(Report {
                lines,
                code: code.parse().ok()?,
                took,
            });
        }
        lines.push(line.to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_boots_with_pure_cgroup_v2_and_all_modules() {
        let script = "cat /sys/fs/cgroup/cgroup.controllers; grep -c cgroup /proc/mounts; uname -r; \
                      mkdir /tmp/l /tmp/u /tmp/w /tmp/m; \
                      mount -t overlay -o lowerdir=/tmp/l,upperdir=/tmp/u,workdir=/tmp/w o /tmp/m && echo overlay; \
                      ip link add b0 type bridge && echo bridge; ip link add v0 type veth peer name v1 && echo veth; \
                      cat /opt/greeting; exit 7";
        let file = std::env::temp_dir().join(format!("corten-greeting-{}", std::process::id()));
        fs::write(&file, "hello\n").unwrap();
        let report = Machine::default()
            .file(&file, "greeting")
            .run(script, Duration::from_secs(120));
        fs::remove_file(&file).unwrap();
        let [controllers, mounts, release, rest @ ..] = &report.lines[..] else {
            panic!("{report:?}")
        };
        assert!(
            ["cpuset", "cpu", "io", "memory", "pids"]
                .iter()
                .all(|one| controllers.contains(one)),
            "{report:?}"
        );
        assert_eq!(mounts, "1", "{report:?}");
        assert!(release.contains("cloud"), "{report:?}");
        assert_eq!(rest, ["overlay", "bridge", "veth", "hello"]);
        assert_eq!(report.code, 7);
    }
}
