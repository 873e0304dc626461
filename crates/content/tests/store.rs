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

#[test]
fn a_blob_can_be_read_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut writer = store.writer().unwrap();
    let mut follower = writer.follow();
    let reading = std::thread::spawn(move || {
        let mut start = [0; 3];
        follower.read_exact(&mut start).unwrap();
        let mut rest = String::new();
        follower.read_to_string(&mut rest).unwrap();
        (start, rest)
    });
    writer.write_all(b"hel").unwrap();
    writer.write_all(b"lo").unwrap();
    let staged = writer.finish(Some(&hello())).unwrap();
    assert_eq!(reading.join().unwrap(), (*b"hel", "lo".to_owned()));
    let mut late = staged.follow();
    late.wait_until_whole().unwrap();
    let mut text = String::new();
    late.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
}

#[test]
fn who_follows_a_blob_learns_that_it_was_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    for expected in [None, Some(hello())] {
        let mut writer = store.writer().unwrap();
        writer.write_all(b"hel").unwrap();
        let mut followers = [writer.follow(), writer.follow()];
        match expected {
            None => drop(writer),
            Some(digest) => assert!(matches!(
                writer.finish(Some(&digest)),
                Err(Error::Mismatch { .. })
            )),
        }
        let [first, second] = &mut followers;
        assert!(first.read_to_end(&mut Vec::new()).is_err());
        assert!(second.wait_until_whole().is_err());
    }
    assert_eq!(ingest_files(dir.path()), 0);
}
