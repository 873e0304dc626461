//! The overlay snapshotter against the kernel: real mounts, hostile trees, crashes.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use corten_snapshot::{ChainId, Overlay, Snapshotter};
use rustix::fs::{CWD, FileType, IFlags, Mode, OFlags};

fn chain(n: u8) -> ChainId {
    ChainId::from_sha256([n; 32])
}

/// Mounts a snapshot of 128 layers in a mount namespace of its own, as a container's init would, and lists it.
#[test]
fn the_names_of_128_layers_fit_into_mount_options() {
    let dir = tempfile::tempdir().unwrap();
    let snapshots = Overlay::open(dir.path()).unwrap();
    let chain: Vec<_> = (0..128).map(chain).collect();
    for (n, id) in chain.iter().enumerate() {
        let stage = snapshots.begin_layer().unwrap();
        fs::write(stage.dir().join(format!("from-{n}")), "").unwrap();
        fs::write(stage.dir().join("topmost"), n.to_string()).unwrap();
        snapshots.commit_layer(stage, id, None).unwrap();
    }
    let key = "k".repeat(64);
    let rootfs = snapshots.prepare(&key, &chain).unwrap();
    let target = dir.path().join("merged");
    fs::create_dir(&target).unwrap();
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        rootfs.lower.join(":"),
        rootfs.upper,
        rootfs.work
    );
    assert!(options.len() < 4096, "{}", options.len());
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", "mount -i -t overlay -o \"$1\" overlay \"$2\" && cat \"$2/topmost\" && echo && ls \"$2\" && echo x > \"$2/new\"", "sh"])
        .arg(&options)
        .arg(&target)
        .current_dir(&rootfs.base)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.starts_with("127\n"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("from-")).count(), 128);
    assert_eq!(
        fs::read(snapshots.upper_dir(&key).unwrap().join("new")).unwrap(),
        b"x\n"
    );
    assert_eq!(snapshots.usage(&key).unwrap(), 2);
    assert!(snapshots.remove(&key).unwrap());
}

#[test]
fn trees_of_any_depth_are_measured_and_removed_with_few_descriptors() {
    let dir = tempfile::tempdir().unwrap();
    let snapshots = Overlay::open(dir.path()).unwrap();
    snapshots.prepare("c", &[]).unwrap();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut fd = rustix::fs::openat(CWD, snapshots.upper_dir("c").unwrap(), flags, Mode::empty()).unwrap();
    for n in 0..2000 {
        rustix::fs::mkdirat(&fd, "deep", Mode::from_raw_mode(0o500)).unwrap();
        rustix::fs::mkdirat(&fd, format!("side-{n}"), Mode::from_raw_mode(0o000)).unwrap();
        fd = rustix::fs::openat(&fd, "deep", flags, Mode::empty()).unwrap();
    }
    drop(fd);
    assert_eq!(snapshots.usage("c").unwrap(), 0);
    assert!(snapshots.remove("c").unwrap());
    snapshots.settle();
    assert_eq!(fs::read_dir(dir.path().join("trash")).unwrap().count(), 0);
}

#[test]
fn odd_and_immutable_entries_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let snapshots = Overlay::open(dir.path()).unwrap();
    snapshots.prepare("c", &[]).unwrap();
    let upper = snapshots.upper_dir("c").unwrap();
    for (name, kind) in [
        ("fifo", FileType::Fifo),
        ("sock", FileType::Socket),
        ("whiteout", FileType::CharacterDevice),
    ] {
        rustix::fs::mknodat(CWD, upper.join(name), kind, Mode::empty(), 0).unwrap();
    }
    fs::create_dir_all(upper.join("fixed/sub")).unwrap();
    fs::write(upper.join("fixed/sub/file"), "x").unwrap();
    for name in ["fixed/sub/file", "fixed/sub", "fixed"] {
        let file = File::open(upper.join(name)).unwrap();
        rustix::fs::ioctl_setflags(file.as_fd(), IFlags::IMMUTABLE).unwrap();
    }
    let held = File::open(upper.join("fixed/sub/file")).unwrap();
    assert!(snapshots.remove("c").unwrap());
    drop(held);
    snapshots.settle();
    assert_eq!(fs::read_dir(dir.path().join("trash")).unwrap().count(), 0);
}

#[test]
fn opening_clears_a_crashs_leftovers() {
    let dir = tempfile::tempdir().unwrap();
    drop(Overlay::open(dir.path()).unwrap());
    for leftover in ["staging/3/usr/bin", "trash/5/upper/etc", "ready/0/upper"] {
        fs::create_dir_all(dir.path().join(leftover)).unwrap();
    }
    let snapshots = Overlay::open(dir.path()).unwrap();
    snapshots.settle();
    for name in ["staging", "trash"] {
        assert_eq!(fs::read_dir(dir.path().join(name)).unwrap().count(), 0, "{name}");
    }
    drop(snapshots.begin_layer().unwrap());
}

/// Directories made ahead of time are as good as new ones, and a burst that outruns them is served, too.
#[test]
fn a_burst_gets_what_a_single_one_gets() {
    let dir = tempfile::tempdir().unwrap();
    let snapshots = Overlay::open(dir.path()).unwrap();
    snapshots.settle();
    let ready = || fs::read_dir(dir.path().join("ready")).unwrap().count();
    assert!(ready() > 0);
    for n in 0..50 {
        let key = n.to_string();
        snapshots.prepare(&key, &[]).unwrap();
        let upper = snapshots.upper_dir(&key).unwrap();
        assert!(is_empty(&upper) && is_empty(&upper.with_file_name("work")));
        assert_eq!(upper.metadata().unwrap().permissions().mode() & 0o7777, 0o755);
    }
    assert_eq!(snapshots.keys().unwrap().len(), 50);
    snapshots.settle();
    assert!((1..=9).contains(&ready()), "{}", ready());
}

#[test]
fn many_threads_may_remove_and_prepare_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let snapshots = Overlay::open(dir.path()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let snapshots = &snapshots;
            scope.spawn(move || {
                for n in 0..50 {
                    let key = format!("{thread}-{n}");
                    snapshots.prepare(&key, &[]).unwrap();
                    fs::create_dir_all(snapshots.upper_dir(&key).unwrap().join("a/b/c")).unwrap();
                    assert!(snapshots.remove(&key).unwrap());
                }
            });
        }
    });
    assert!(snapshots.keys().unwrap().is_empty());
    snapshots.settle();
    assert!(is_empty(&dir.path().join("trash")));
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().next().is_none()
}
