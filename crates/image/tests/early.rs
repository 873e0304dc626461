//! Layers that are unpacked while their archive is still being read, and loads that end before they are done.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use corten_archive::Cancel;
use corten_image::{Error, Result};
use support::{Bench, Layout, Tar, docker_archive, gzip, zstd};

const DEADLINE: Duration = Duration::from_secs(30);

/// What a client sends, when it does; the end is an empty piece.
struct Client {
    pieces: Receiver<Vec<u8>>,
    piece: Vec<u8>,
}

impl Read for Client {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            let gone = |_| io::Error::from(io::ErrorKind::ConnectionReset);
            self.piece = self.pieces.recv().map_err(gone)?;
        }
        let count = (&self.piece[..]).read(buffer)?;
        self.piece.drain(..count);
        Ok(count)
    }
}

/// A load at work while `during` runs, which sends the archive; a client that stops sending has gone.
fn loading(bench: &Bench, during: impl FnOnce(&Sender<Vec<u8>>)) -> Result<usize> {
    let (sender, pieces) = channel();
    let client = Client {
        pieces,
        piece: Vec::new(),
    };
    std::thread::scope(|scope| {
        let load = scope.spawn(|| bench.images.load(client, &Cancel::new()));
        during(&sender);
        drop(sender);
        load.join().unwrap().map(|loaded| loaded.len())
    })
}

/// Files called `name` in layers that are being unpacked.
fn staged(bench: &Bench, name: &str) -> Vec<PathBuf> {
    let staging = bench.dir.path().join("snapshots/staging");
    let stages = fs::read_dir(staging).unwrap();
    let files = stages.map(|stage| stage.unwrap().path().join(name));
    files.filter(|file| file.exists()).collect()
}

fn wait_for_staged(bench: &Bench, name: &str) {
    let deadline = Instant::now() + DEADLINE;
    while staged(bench, name).is_empty() {
        assert!(Instant::now() < deadline, "{name} is not unpacked");
        std::thread::yield_now();
    }
}

fn layer(name: &str, size: usize) -> Vec<u8> {
    Tar::new().file(name, b"x").file("filler", &vec![7; size]).done()
}

/// An archive cut in two behind `marker`.
fn cut(archive: Vec<u8>, marker: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let at = archive.windows(marker.len()).position(|window| window == marker);
    let mut start = archive;
    let rest = start.split_off(at.unwrap());
    (start, rest)
}

#[test]
fn layers_are_unpacked_as_they_come() {
    for pack in [|bytes: &[u8]| bytes.to_vec(), gzip, zstd] {
        let bench = Bench::new();
        let plain = [layer("one", 1 << 20), layer("two", 1 << 20)];
        let stored = plain.iter().map(|layer| pack(layer)).collect();
        let mut layout = Layout::new();
        let image = layout.image(&plain, stored, "amd64");
        let (start, rest) = cut(layout.done(vec![image]), b"index.json");
        let loaded = loading(&bench, |client| {
            client.send(start).unwrap();
            wait_for_staged(&bench, "one");
            wait_for_staged(&bench, "two");
            client.send(rest).unwrap();
            client.send(Vec::new()).unwrap();
        });
        assert_eq!(loaded.unwrap(), 1);
        assert!(staged(&bench, "one").is_empty());
    }
}

#[test]
fn a_layer_is_unpacked_while_it_comes() {
    let bench = Bench::new();
    let before = bench.traces();
    let archive = docker_archive(&["a"], &[layer("one", 1 << 20)]);
    let (start, _) = cut(archive, b"config.json");
    let half = start[..start.len() / 2].to_vec();
    let error = loading(&bench, |client| {
        client.send(half).unwrap();
        wait_for_staged(&bench, "one");
    });
    assert!(matches!(error, Err(Error::Read(_))));
    assert_eq!(bench.traces(), before);
}

#[test]
fn layers_that_are_there_are_not_unpacked_again() {
    let bench = Bench::new();
    let plain = [layer("one", 1 << 20), layer("two", 1 << 20)];
    let mut layout = Layout::new();
    let image = layout.image(&plain, plain.to_vec(), "amd64");
    bench
        .images
        .load(&layout.done(vec![image])[..], &Cancel::new())
        .unwrap();
    // Among them is one that is not.
    let mut more = plain.to_vec();
    more.push(layer("three", 1 << 20));
    let mut layout = Layout::new();
    let image = layout.image(&more, more.clone(), "amd64");
    let (start, rest) = cut(layout.done(vec![image]), b"index.json");
    let loaded = loading(&bench, |client| {
        client.send(start).unwrap();
        wait_for_staged(&bench, "three");
        assert!(staged(&bench, "one").is_empty() && staged(&bench, "two").is_empty());
        client.send(rest).unwrap();
        client.send(Vec::new()).unwrap();
    });
    assert_eq!(loaded.unwrap(), 1);
}

#[test]
fn what_is_no_layer_of_an_image_is_thrown_away() {
    let bench = Bench::new();
    let before = bench.traces();
    let mut layout = Layout::new();
    let ours = layer("ours", 10);
    let theirs = vec![layer("theirs", 10)];
    let other = layout.image(&theirs, theirs.clone(), "s390x");
    let image = layout.image(std::slice::from_ref(&ours), vec![ours.clone()], "amd64");
    // Also what only looks like a layer and is none at all.
    layout.blob(gzip(b"no tar"));
    let archive = layout.done(vec![other, image]);
    let loaded = bench.images.load(&archive[..], &Cancel::new()).unwrap();
    let found = bench.images.by_id(&loaded[0].id).unwrap();
    assert_eq!(found.image.layers.len(), 1);
    assert!(staged(&bench, "theirs").is_empty());
    bench
        .images
        .remove(found.image.id.as_str(), false, |_| Vec::new())
        .unwrap();
    assert_eq!(bench.traces(), before);
}

#[test]
fn a_cancelled_load_ends_and_leaves_no_trace() {
    let bench = Bench::new();
    let before = bench.traces();
    // Little that becomes much: a gigabyte in a megabyte.
    let mut layer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut header = tar::Header::new_gnu();
    header.set_path("bomb").unwrap();
    header.set_size(1 << 30);
    header.set_cksum();
    io::Write::write_all(&mut layer, header.as_bytes()).unwrap();
    for _ in 0..1024 {
        io::Write::write_all(&mut layer, &[0; 1 << 20]).unwrap();
    }
    let layer = layer.finish().unwrap();
    let archive = docker_archive(&["bomb"], &[layer]);
    for archive in [archive.clone(), gzip(&archive)] {
        let cancel = Cancel::new();
        std::thread::scope(|scope| {
            let load = scope.spawn(|| bench.images.load(&archive[..], &cancel));
            wait_for_staged(&bench, "bomb");
            cancel.cancel();
            assert!(matches!(load.join().unwrap(), Err(Error::Read(_))));
        });
        assert_eq!(bench.traces(), before);
    }
}
