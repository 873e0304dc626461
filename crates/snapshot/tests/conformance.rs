//! What every snapshotter must hold to. An implementation is added by one line at the end.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use corten_snapshot::{ChainId, Error, Overlay, Rootfs, Snapshotter};

fn chain(n: u8) -> ChainId {
    ChainId::from_sha256([n; 32])
}

fn layer(snapshots: &dyn Snapshotter, n: u8, file: &str) {
    let stage = snapshots.begin_layer().unwrap();
    fs::write(stage.dir().join(file), file).unwrap();
    snapshots.commit_layer(stage, &chain(n), None).unwrap();
}

fn upper(rootfs: &Rootfs) -> PathBuf {
    rootfs.base.join(&rootfs.upper)
}

/// Everything below `root` but what is directly in it, and but directories made ahead of time.
fn leftovers(root: &Path, snapshots: &dyn Snapshotter) -> Vec<PathBuf> {
    snapshots.settle();
    let mut found = Vec::new();
    for dir in fs::read_dir(root).unwrap().filter(|dir| {
        !["ready", "common"]
            .map(Some)
            .contains(&dir.as_ref().unwrap().file_name().to_str())
    }) {
        for entry in fs::read_dir(dir.unwrap().path()).unwrap() {
            found.push(entry.unwrap().path());
        }
    }
    found
}

fn layers_appear_whole_or_not_at_all(root: &Path, snapshots: &dyn Snapshotter) {
    let stage = snapshots.begin_layer().unwrap();
    assert_eq!(stage.dir().metadata().unwrap().mode() & 0o7777, 0o755);
    fs::write(stage.dir().join("x"), "x").unwrap();
    assert!(!snapshots.layer_exists(&chain(1)));
    drop(stage);
    assert_eq!(leftovers(root, snapshots), Vec::<PathBuf>::new());
    layer(snapshots, 1, "x");
    assert!(snapshots.layer_exists(&chain(1)));
    // A second of the same chain id is no error and changes nothing.
    layer(snapshots, 1, "y");
    snapshots.sync().unwrap();
    let rootfs = snapshots.prepare("c", &[chain(1)]).unwrap();
    let dir = rootfs.base.join(&rootfs.image_layers()[0]);
    assert!(dir.join("x").exists() && !dir.join("y").exists());
    assert!(snapshots.remove("c").unwrap());
    assert!(snapshots.remove_layer(&chain(1)).unwrap());
    assert!(!snapshots.remove_layer(&chain(1)).unwrap());
    assert!(!snapshots.layer_exists(&chain(1)));
    assert_eq!(leftovers(root, snapshots), Vec::<PathBuf>::new());
}

fn retain_removes_all_other_layers(_: &Path, snapshots: &dyn Snapshotter) {
    for n in 1..=4 {
        layer(snapshots, n, "x");
    }
    assert_eq!(snapshots.retain_layers(&[chain(2), chain(9)]).unwrap(), 3);
    assert!(snapshots.layer_exists(&chain(2)));
    assert!(!snapshots.layer_exists(&chain(3)));
}

fn the_root_directory_is_the_topmost_layers(_: &Path, snapshots: &dyn Snapshotter) {
    let stage = snapshots.begin_layer().unwrap();
    fs::set_permissions(stage.dir(), fs::Permissions::from_mode(0o1751)).unwrap();
    chown(stage.dir(), Some(7), Some(8)).unwrap();
    fs::set_permissions(stage.dir(), fs::Permissions::from_mode(0o1751)).unwrap();
    snapshots.commit_layer(stage, &chain(1), None).unwrap();
    let stage = snapshots.begin_layer().unwrap();
    snapshots.commit_layer(stage, &chain(2), Some(&chain(1))).unwrap();
    let rootfs = snapshots.prepare("c", &[chain(1), chain(2)]).unwrap();
    let root = upper(&rootfs).metadata().unwrap();
    assert_eq!((root.mode() & 0o7777, root.uid(), root.gid()), (0o1751, 7, 8));
    let bare = snapshots.prepare("bare", &[]).unwrap();
    assert_eq!(upper(&bare).metadata().unwrap().mode() & 0o7777, 0o755);
}

fn snapshots_are_prepared_once(_: &Path, snapshots: &dyn Snapshotter) {
    layer(snapshots, 1, "x");
    layer(snapshots, 2, "y");
    let rootfs = snapshots.prepare("c", &[chain(1), chain(2)]).unwrap();
    assert_eq!(snapshots.rootfs("c", &[chain(1), chain(2)]).unwrap(), rootfs);
    assert!(
        rootfs.base.join(&rootfs.image_layers()[0]).join("y").exists(),
        "topmost first"
    );
    assert!(rootfs.base.join(&rootfs.lower[0]).join(".dockerenv").exists());
    let json = serde_json::to_string(&rootfs).unwrap();
    assert_eq!(serde_json::from_str::<Rootfs>(&json).unwrap(), rootfs);
    let again = snapshots.prepare("c", &[chain(1)]).unwrap_err();
    assert!(matches!(again, Error::Exists(_)), "{again}");
    assert_eq!(snapshots.keys().unwrap(), ["c"]);
    assert!(snapshots.remove("c").unwrap());
    assert!(!snapshots.remove("c").unwrap());
    assert!(snapshots.keys().unwrap().is_empty());
}

fn bad_requests_leave_nothing(root: &Path, snapshots: &dyn Snapshotter) {
    for key in ["", "..", "a/b", ".", &"k".repeat(65)] {
        assert!(
            matches!(snapshots.prepare(key, &[]), Err(Error::InvalidKey(_))),
            "{key}"
        );
        assert!(
            matches!(snapshots.remove(key), Err(Error::InvalidKey(_))),
            "{key}"
        );
    }
    let missing = snapshots.prepare("c", &[chain(1)]).unwrap_err();
    assert!(matches!(missing, Error::LayerNotFound(_)), "{missing}");
    assert!(matches!(snapshots.usage("c"), Err(Error::NotFound(_))));
    let deep = snapshots.prepare("c", &vec![chain(1); 129]).unwrap_err();
    assert!(matches!(deep, Error::TooManyLayers), "{deep}");
    assert_eq!(leftovers(root, snapshots), Vec::<PathBuf>::new());
}

fn usage_counts_files_once(_: &Path, snapshots: &dyn Snapshotter) {
    let rootfs = snapshots.prepare("c", &[]).unwrap();
    let upper = upper(&rootfs);
    assert_eq!(snapshots.usage("c").unwrap(), 0);
    fs::create_dir_all(upper.join("a/b")).unwrap();
    fs::write(upper.join("a/b/one"), [0; 1000]).unwrap();
    fs::hard_link(upper.join("a/b/one"), upper.join("two")).unwrap();
    symlink("/etc/passwd", upper.join("link")).unwrap();
    assert_eq!(snapshots.usage("c").unwrap(), 1000 + "/etc/passwd".len() as u64);
}

fn removal_stays_inside(root: &Path, snapshots: &dyn Snapshotter) {
    let outside = root.parent().unwrap().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "x").unwrap();
    let rootfs = snapshots.prepare("c", &[]).unwrap();
    let upper = upper(&rootfs);
    symlink(&outside, upper.join("link")).unwrap();
    symlink(outside.join("precious"), upper.join("file")).unwrap();
    fs::create_dir(upper.join("locked")).unwrap();
    fs::write(upper.join("locked/x"), "x").unwrap();
    fs::set_permissions(upper.join("locked"), fs::Permissions::from_mode(0o000)).unwrap();
    snapshots.remove("c").unwrap();
    assert!(outside.join("precious").exists());
    assert!(!upper.exists());
}

macro_rules! conformance {
    ($name:ident, $open:expr, [$($case:ident),* $(,)?]) => {
        mod $name {
            use super::*;
            $(
                #[test]
                fn $case() {
                    let dir = tempfile::tempdir().unwrap();
                    let root = dir.path().join("root");
                    let snapshots = $open(&root).unwrap();
                    super::$case(&root, &snapshots);
                }
            )*
        }
    };
}

macro_rules! all_cases {
    ($name:ident, $open:expr) => {
        conformance!(
            $name,
            $open,
            [
                layers_appear_whole_or_not_at_all,
                retain_removes_all_other_layers,
                the_root_directory_is_the_topmost_layers,
                snapshots_are_prepared_once,
                bad_requests_leave_nothing,
                usage_counts_files_once,
                removal_stays_inside,
            ]
        );
    };
}

all_cases!(overlay, Overlay::open);
