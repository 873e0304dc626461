//! What the store promises to its users, on a roomy disk.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use corten_metadata::{Batch, Durability, Store, Table};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Record {
    name: String,
    number: u64,
}

fn record(number: u64) -> Record {
    Record {
        name: format!("record {number}"),
        number,
    }
}

fn put(store: &Store, key: &str, number: u64, durability: Durability) {
    let mut batch = Batch::new();
    batch.put(Table::Containers, key, &record(number)).unwrap();
    store.commit(batch, durability).unwrap();
}

#[test]
fn records_survive_a_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    put(&store, "a", 1, Durability::Durable);
    put(&store, "b", 2, Durability::Durable);
    let mut batch = Batch::new();
    batch
        .delete(Table::Containers, "a")
        .put(Table::Kv, "x", &7u8)
        .unwrap();
    store.commit(batch, Durability::Durable).unwrap();
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.get::<Record>(Table::Containers, "a").unwrap(), None);
    assert_eq!(
        store.all::<Record>(Table::Containers).unwrap(),
        [("b".to_owned(), record(2))]
    );
    assert_eq!(store.get::<u8>(Table::Kv, "x").unwrap(), Some(7));
}

#[test]
fn eventual_batches_are_seen_by_reads_and_kept_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    put(&store, "a", 1, Durability::Eventual);
    put(&store, "a", 2, Durability::Durable);
    put(&store, "a", 3, Durability::Eventual);
    assert_eq!(store.get(Table::Containers, "a").unwrap(), Some(record(3)));
    put(&store, "a", 4, Durability::Eventual);
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.get(Table::Containers, "a").unwrap(), Some(record(4)));
}

#[test]
fn a_record_of_another_shape_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    put(&store, "a", 1, Durability::Durable);
    let error = store.get::<u8>(Table::Containers, "a").unwrap_err();
    assert_eq!(error.to_string(), "malformed metadata record");
}

#[test]
fn two_stores_on_one_file_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _store = Store::open(dir.path()).unwrap();
    let error = Store::open(dir.path()).err().unwrap();
    assert_eq!(error.to_string(), "metadata is in use by another process");
}

#[test]
fn concurrent_durable_commits_share_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(dir.path()).unwrap());
    let began = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..20 {
                    put(store, &format!("{thread}-{n}"), n, Durability::Durable);
                }
            });
        }
    });
    // 320 commits one after the other would be 320 syncs; the bound is far above what 20 grouped ones take anywhere.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(store.all::<Record>(Table::Containers).unwrap().len(), 320);
}

const CHILD_DIR: &str = "CORTEN_TEST_METADATA_DIR";

/// Not a test of its own: the process that `acknowledged_commits_survive_kill_9` kills.
#[test]
fn child_that_commits_until_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else {
        return;
    };
    let store = Store::open(Path::new(&dir)).unwrap();
    for n in 0.. {
        put(&store, &format!("{n:08}"), n, Durability::Durable);
        eprintln!("committed {n}");
    }
}

#[test]
fn acknowledged_commits_survive_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_commits_until_killed", "--nocapture"])
        .env(CHILD_DIR, dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let Some(n) = line
            .unwrap()
            .strip_prefix("committed ")
            .map(|n| n.parse::<u64>().unwrap())
        else {
            continue;
        };
        acknowledged.push(n);
        if n == 50 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() > 50);
    let store = Store::open(dir.path()).unwrap();
    for n in acknowledged {
        assert_eq!(
            store.get(Table::Containers, &format!("{n:08}")).unwrap(),
            Some(record(n))
        );
    }
}
