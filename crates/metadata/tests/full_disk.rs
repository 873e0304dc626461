//! The store on a disk that is really full: a small tmpfs of its own.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use corten_metadata::{Batch, Durability, Error, Store, Table};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

/// A tmpfs of 6 MiB, unmounted when dropped.
struct SmallDisk {
    dir: TempDir,
}

impl SmallDisk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        mount("none", dir.path(), "tmpfs", MountFlags::empty(), Some(c"size=6m")).unwrap();
        Self { dir }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Takes every free byte; returns the file that holds them.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("filler");
        let mut file = File::options().create(true).append(true).open(&path).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        unmount(self.dir.path(), UnmountFlags::DETACH).unwrap();
    }
}

fn put(store: &Store, key: &str, size: usize) -> Result<(), Error> {
    let mut batch = Batch::new();
    batch.put(Table::Containers, key, &"x".repeat(size)).unwrap();
    store.commit(batch, Durability::Durable)
}

fn delete(store: &Store, key: &str) -> Result<(), Error> {
    let mut batch = Batch::new();
    batch.delete(Table::Containers, key);
    store.commit(batch, Durability::Durable)
}

#[test]
fn a_full_disk_is_a_clear_error_and_loses_nothing() {
    let disk = SmallDisk::new();
    let store = Store::open(disk.path()).unwrap();
    put(&store, "first", 1000).unwrap();
    let filler = disk.fill();

    let mut written = vec!["first".to_owned()];
    let error = loop {
        let key = format!("{:04}", written.len());
        match put(&store, &key, 50_000) {
            Ok(()) => written.push(key),
            Err(error) => break error,
        }
        disk.fill();
        assert!(written.len() < 500);
    };
    assert!(matches!(error, Error::NoSpace), "{error:?}");
    assert_eq!(error.to_string(), "no space left on device");

    let keys = |store: &Store| -> Vec<String> {
        let mut keys: Vec<_> = store
            .all::<String>(Table::Containers)
            .unwrap()
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        keys.sort();
        keys
    };
    written.sort();
    assert_eq!(keys(&store), written);

    fs::remove_file(filler).unwrap();
    put(&store, "afterwards", 50_000).unwrap();
    written.push("afterwards".to_owned());
    written.sort();
    assert_eq!(keys(&store), written);
    assert!(
        disk.path().join("metadata.reserve").exists(),
        "the reserve is held again"
    );
    drop(store);
    assert_eq!(keys(&Store::open(disk.path()).unwrap()), written);
}

#[test]
fn what_nobody_waits_for_is_written_when_there_is_space_again() {
    let disk = SmallDisk::new();
    let store = Store::open(disk.path()).unwrap();
    put(&store, "old", 1000).unwrap();
    let filler = disk.fill();
    while put(&store, "large", 100_000).is_ok() {
        delete(&store, "large").unwrap();
        disk.fill();
    }
    let eventual = |key: &str, text: &str| {
        let mut batch = Batch::new();
        batch.put(Table::Containers, key, &text.repeat(200_000)).unwrap();
        store.commit(batch, Durability::Eventual).unwrap();
    };
    eventual("late", "a");
    eventual("late", "b");
    eventual("replaced", "a");
    // Reading has it written, or not, first.
    let late = |key: &str| store.get::<String>(Table::Containers, key).unwrap();
    assert_eq!(late("late"), None);
    fs::remove_file(filler).unwrap();
    put(&store, "replaced", 1000).unwrap();
    assert_eq!(late("late").unwrap(), "b".repeat(200_000));
    assert_eq!(late("replaced").unwrap(), "x".repeat(1000));
}

#[test]
fn removing_works_on_a_full_disk() {
    let disk = SmallDisk::new();
    let store = Store::open(disk.path()).unwrap();
    for n in 0..20 {
        put(&store, &n.to_string(), 1000).unwrap();
    }
    disk.fill();
    for n in 0..20 {
        delete(&store, &n.to_string()).unwrap();
    }
    assert!(store.all::<String>(Table::Containers).unwrap().is_empty());
}
