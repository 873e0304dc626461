//! Loading onto a disk that is really full: a small tmpfs of its own.
#![allow(clippy::unwrap_used)]

mod support;

use corten_archive::Cancel;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use support::{Bench, Tar, docker_archive};
use tempfile::TempDir;

struct SmallDisk(TempDir);

impl Drop for SmallDisk {
    fn drop(&mut self) {
        unmount(self.0.path(), UnmountFlags::DETACH).unwrap();
    }
}

#[test]
fn a_full_disk_is_a_clear_error_and_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    mount(
        "none",
        dir.path(),
        "tmpfs",
        MountFlags::empty(),
        Some(c"size=16m"),
    )
    .unwrap();
    let disk = SmallDisk(dir);
    let bench = Bench::new_in(disk.0.path());
    let before = bench.traces();
    // Too much as a blob, or once more as the files of a layer.
    for megabytes in [20, 12, 8] {
        let layer = Tar::new().file("big", &vec![7; megabytes << 20]).done();
        let error = bench
            .images
            .load(&docker_archive(&["big"], &[layer])[..], &Cancel::new())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "no space left on device",
            "{megabytes} MiB: {error:?}"
        );
        assert_eq!(bench.traces(), before, "{megabytes} MiB");
    }
    let layer = Tar::new().file("small", b"fits").done();
    bench
        .images
        .load(&docker_archive(&["small"], &[layer])[..], &Cancel::new())
        .unwrap();
    assert_eq!(bench.images.get("small").unwrap().image.size, 4);
}
