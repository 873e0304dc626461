//! What the content store promises.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use corten_content::{Error, Store};
use corten_types::{Digest, ErrorKind};

const HELLO: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn hello() -> Digest {
    HELLO.parse().unwrap()
}

fn ingest_files(root: &Path) -> usize {
    fs::read_dir(root.join("ingest")).unwrap().count()
}

#[test]
fn a_blob_is_found_under_its_digest_after_commit_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut writer = store.writer().unwrap();
    writer.write_all(b"hel").unwrap();
    writer.write_all(b"lo").unwrap();
    assert!(!store.exists(&hello()));
    assert_eq!(writer.commit(Some(&hello())).unwrap(), hello());
    assert_eq!(
        fs::read(dir.path().join("blobs/sha256").join(hello().hex())).unwrap(),
        b"hello"
    );
    assert_eq!(store.read(&hello()).unwrap(), b"hello");
    assert_eq!(store.size(&hello()).unwrap(), 5);
    assert_eq!(store.list().unwrap(), [(hello(), 5)]);
    assert_eq!(ingest_files(dir.path()), 0);
    assert!(store.delete(&hello()).unwrap());
    assert!(!store.delete(&hello()).unwrap());
    let error = store.open_blob(&hello()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_mismatch_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut writer = store.writer().unwrap();
    writer.write_all(b"hullo").unwrap();
    let error = writer.commit(Some(&hello())).unwrap_err();
    assert!(matches!(&error, Error::Mismatch { expected, .. } if *expected == hello()));
    assert!(store.list().unwrap().is_empty());
    assert_eq!(ingest_files(dir.path()), 0);
}

#[test]
fn staged_blobs_become_visible_together_or_vanish() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let one = store.stage(&mut &b"hello"[..], Some(&hello())).unwrap();
    let two = store.stage(&mut &b"two"[..], None).unwrap();
    let dropped = store.stage(&mut &b"dropped"[..], None).unwrap();
    let mut text = String::new();
    one.open().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    assert!(store.list().unwrap().is_empty());
    drop(dropped);
    // The same blob staged twice is no conflict.
    let again = store.stage(&mut &b"hello"[..], None).unwrap();
    store.commit(vec![one, two, again]).unwrap();
    assert_eq!(store.list().unwrap().len(), 2);
    assert_eq!(ingest_files(dir.path()), 0);
}

#[test]
fn opening_removes_what_a_crash_left() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    fs::write(dir.path().join("ingest/7"), "half").unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(ingest_files(dir.path()), 0);
    assert!(store.list().unwrap().is_empty());
}

#[test]
fn an_abandoned_writer_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut writer = store.writer().unwrap();
    writer.write_all(b"hel").unwrap();
    assert_eq!(writer.size(), 3);
    drop(writer);
    assert_eq!(ingest_files(dir.path()), 0);
}
