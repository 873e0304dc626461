//! What layers become on disk, and what hostile ones do not.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use corten_archive::Cancel;
use corten_image::{Error, Result};
use corten_types::ErrorKind;
use support::{Bench, Tar, attributes, docker_archive};
use tar::EntryType;

/// Loads an image of one layer and returns the layer's directory.
fn unpack(bench: &Bench, layer: Vec<u8>) -> Result<PathBuf> {
    let loaded = bench
        .images
        .load(&docker_archive(&["a"], &[layer])[..], &Cancel::new())?;
    let image = bench.images.by_id(&loaded[0].id).unwrap().image;
    Ok(bench.overlay.layer_dir(&image.chain[0]))
}

fn xattr(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = [0; 256];
    let length = rustix::fs::lgetxattr(path, name, &mut value).ok()?;
    Some(value[..length].to_vec())
}

#[test]
fn every_kind_of_file_is_made_as_told() {
    let bench = Bench::new();
    let long = format!("{}/{}", "d".repeat(90), "f".repeat(90));
    let layer = Tar::new()
        .entry(EntryType::Directory, "./", "", 0o1750, b"")
        .entry(EntryType::Directory, "dir/", "", 0o2775, b"")
        .entry(EntryType::Regular, "dir/suid", "", 0o4755, b"data")
        .pax(&[("SCHILY.xattr.user.note", b"a=b\n"), ("mtime", b"12345.5")])
        .file("dir/noted", b"x")
        .symlink("dir/link", "../etc/passwd")
        .hard_link("dir/hard", "dir/suid")
        .entry(EntryType::Fifo, "fifo", "", 0o622, b"")
        .entry(EntryType::Char, "null", "", 0o666, b"")
        .pax(&[("path", long.as_bytes()), ("uid", b"3000000000")])
        .file("short", b"long name")
        .file("missing/parent", b"")
        .done();
    let root = unpack(&bench, layer).unwrap();
    assert_eq!(attributes(&root), (0o1750, 1, 2));
    assert_eq!(attributes(&root.join("dir")), (0o2775, 1, 2));
    assert_eq!(attributes(&root.join("dir/suid")), (0o4755, 1, 2));
    assert_eq!(root.join("dir").metadata().unwrap().mtime(), 1_000_000_000);
    let noted = root.join("dir/noted").metadata().unwrap();
    assert_eq!((noted.mtime(), noted.mtime_nsec()), (12345, 500_000_000));
    // Not every file system has these.
    if let Some(value) = xattr(&root.join("dir/noted"), "user.note") {
        assert_eq!(value, b"a=b\n");
    }
    assert_eq!(
        fs::read_link(root.join("dir/link")).unwrap(),
        Path::new("../etc/passwd")
    );
    assert_eq!(
        root.join("dir/link").symlink_metadata().unwrap().mtime(),
        1_000_000_000
    );
    assert_eq!(
        root.join("dir/hard").metadata().unwrap().ino(),
        root.join("dir/suid").metadata().unwrap().ino()
    );
    assert!(root.join("fifo").metadata().unwrap().file_type().is_fifo());
    assert_eq!(attributes(&root.join("fifo")).0, 0o622);
    let null = root.join("null").metadata().unwrap();
    assert!(null.file_type().is_char_device());
    assert_eq!(null.rdev(), rustix::fs::makedev(1, 3));
    assert_eq!(fs::read(root.join(&long)).unwrap(), b"long name");
    assert_eq!(attributes(&root.join(&long)).1, 3_000_000_000);
    assert_eq!(attributes(&root.join("missing")), (0o755, 0, 0));
}

#[test]
fn whiteouts_take_overlays_form() {
    let bench = Bench::new();
    let layer = Tar::new()
        .dir("etc/")
        .file("etc/.wh.gone", b"")
        .dir("opaque/")
        .file("opaque/.wh..wh..opq", b"")
        .file("opaque/new", b"")
        .file(".wh..wh.plnk", b"")
        .file(".wh.replaced", b"")
        .dir("replaced/")
        .file("kept", b"kept")
        .file(".wh.kept", b"")
        .pax(&[("SCHILY.xattr.trusted.overlay.redirect", b"/etc")])
        .dir("redirected/")
        .done();
    let root = unpack(&bench, layer).unwrap();
    let gone = root.join("etc/gone").symlink_metadata().unwrap();
    assert!(gone.file_type().is_char_device() && gone.rdev() == 0);
    assert!(!root.join("etc/.wh.gone").exists());
    assert_eq!(
        xattr(&root.join("opaque"), "trusted.overlay.opaque").unwrap(),
        b"y"
    );
    assert!(!root.join("opaque/.wh..wh..opq").exists());
    assert!(!root.join(".wh..wh.plnk").exists());
    assert!(root.join("replaced").is_dir());
    assert_eq!(
        xattr(&root.join("replaced"), "trusted.overlay.opaque").unwrap(),
        b"y"
    );
    assert_eq!(fs::read(root.join("kept")).unwrap(), b"kept");
    assert_eq!(xattr(&root.join("redirected"), "trusted.overlay.redirect"), None);
}

#[test]
fn later_entries_replace_earlier_ones() {
    let bench = Bench::new();
    let layer = Tar::new()
        .file("x", b"1")
        .file("x", b"22")
        .dir("d/")
        .file("d/in", b"")
        .dir("d/")
        .dir("tree/")
        .file("tree/in", b"")
        .file("tree", b"file now")
        .file("f", b"")
        .dir("f/")
        .file("f/in", b"")
        .done();
    let root = unpack(&bench, layer).unwrap();
    assert_eq!(fs::read(root.join("x")).unwrap(), b"22");
    assert!(root.join("d/in").exists());
    assert_eq!(fs::read(root.join("tree")).unwrap(), b"file now");
    assert!(root.join("f/in").exists());
}

#[test]
fn links_on_the_way_resolve_inside_the_layer() {
    let bench = Bench::new();
    let layer = Tar::new()
        .dir("usr/lib/")
        .symlink("lib", "usr/lib")
        .symlink("abs", "/usr/lib")
        .file("lib/one", b"1")
        .file("abs/two", b"2")
        .done();
    let root = unpack(&bench, layer).unwrap();
    assert_eq!(fs::read(root.join("usr/lib/one")).unwrap(), b"1");
    assert_eq!(fs::read(root.join("usr/lib/two")).unwrap(), b"2");
}

#[test]
fn sparse_files_keep_their_holes() {
    let bench = Bench::new();
    let layer = Tar::new()
        .pax(&[
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", b"real"),
            ("GNU.sparse.realsize", b"10000000"),
        ])
        .file("placeholder", &{
            let mut data = b"2\n0\n4\n9000000\n4\n".to_vec();
            data.resize(512, 0);
            data.extend_from_slice(b"headtail");
            data
        })
        .pax(&[("GNU.sparse.size", b"5000000"), ("GNU.sparse.map", b"1000,3")])
        .file("old", b"mid")
        .done();
    let root = unpack(&bench, layer).unwrap();
    let data = fs::read(root.join("real")).unwrap();
    assert_eq!(
        (data.len(), &data[..4], &data[9_000_000..9_000_004]),
        (10_000_000, &b"head"[..], &b"tail"[..])
    );
    assert!(root.join("real").metadata().unwrap().blocks() * 512 < 1_000_000);
    let data = fs::read(root.join("old")).unwrap();
    assert_eq!((data.len(), &data[1000..1003]), (5_000_000, &b"mid"[..]));
    let wrong = Tar::new()
        .pax(&[("GNU.sparse.size", b"2"), ("GNU.sparse.map", b"1000,3")])
        .file("old", b"mid")
        .done();
    assert!(matches!(
        unpack(&bench, wrong),
        Err(Error::Tar(corten_archive::Error::TarHeader))
    ));
}

#[test]
fn hostile_layers_are_refused_and_leave_no_trace() {
    let bench = Bench::new();
    let outside = bench.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let before = bench.traces();
    let refused = |layer: Tar, message: &str| {
        let error = unpack(&bench, layer.done()).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(bench.traces(), before, "{message}");
    };
    refused(Tar::new().file("../evil", b""), "\"../evil\" is outside of \"/\"");
    refused(
        Tar::new().file("a/../../evil", b""),
        "\"a/../../evil\" is outside of \"/\"",
    );
    refused(Tar::new().dir("..").file("x", b""), "\"..\" is outside of \"/\"");
    refused(
        Tar::new().hard_link("a", "../../etc/passwd"),
        "invalid hardlink \"/a\" -> \"../../etc/passwd\"",
    );
    refused(
        Tar::new().hard_link("a", "none"),
        "failed to register layer: link /a: no such file or directory",
    );
    refused(Tar::new().file("d/.wh...", b""), "invalid whiteout \"d/.wh...\"");
    refused(
        Tar::new().file("f", b"").file("f/x", b""),
        "failed to register layer: open /f: not a directory",
    );
    refused(
        Tar::new().symlink("l", "l").file("l/x", b""),
        "failed to register layer: open /l: too many levels of symbolic links",
    );
    refused(
        Tar::new().symlink("l", "/none").file("l/x", b""),
        "failed to register layer: mkdir /l: file exists",
    );
    refused(
        Tar::new().entry(EntryType::new(b'Z'), "x", "", 0, b""),
        "invalid archive: unhandled tar header type 90 of x",
    );
    refused(
        Tar::new().pax(&[("size", b"99999999")]).file("x", b"y"),
        "unexpected EOF",
    );
    for record in [
        ("uid", &b"4294967295"[..]),
        ("gid", b"4294967295"),
        ("mtime", b"-9223372036854775808.5"),
    ] {
        refused(
            Tar::new().pax(&[record]).file("x", b""),
            "archive/tar: invalid tar header",
        );
    }
    refused(
        Tar::new().pax(&[("mtime", b"yesterday")]).file("x", b"y"),
        "archive/tar: invalid tar header",
    );
}

/// Links to the outside resolve inside, and nothing outside changes.
#[test]
fn links_cannot_be_used_to_write_outside() {
    let bench = Bench::new();
    let outside = bench.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "precious").unwrap();
    let target = outside.to_str().unwrap();
    // Absolute links mean the image's own root: the path is made up to there inside.
    let inside = format!("{}/", target.trim_start_matches('/'));
    let layer = Tar::new()
        .dir(&inside)
        .symlink("link", target)
        .file("link/written", b"w")
        .symlink("file", &format!("{target}/precious"))
        .file("file", b"replaced, not followed")
        .symlink("up", "/")
        .file("up/up/up/etc-passwd", b"x")
        .symlink("usr/climbs", "../../../../..")
        .file("usr/climbs/reached", b"x")
        .done();
    let root = unpack(&bench, layer).unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(outside.join("precious")).unwrap(), "precious");
    assert!(root.join(&inside).join("written").exists());
    assert!(root.join("file").symlink_metadata().unwrap().is_file());
    assert!(root.join("etc-passwd").exists());
    assert_eq!(
        fs::read_link(root.join("usr/climbs")).unwrap().to_str(),
        Some("../../../../..")
    );
    assert!(root.join("reached").exists());
}

/// What no file can be called, and attributes no file can have, are the archive's fault.
#[test]
fn what_cannot_be_is_told_as_the_archives_fault() {
    let bench = Bench::new();
    let name = "n".repeat(300);
    let attribute = format!("SCHILY.xattr.user.{name}");
    let target = "t".repeat(5000);
    for (layer, sentence) in [
        (
            Tar::new().pax(&[("path", name.as_bytes())]).file("x", b""),
            format!("open /{name}: file name too long"),
        ),
        (
            Tar::new().pax(&[(&attribute, b"v")]).file("x", b""),
            "setxattr /x: numerical result out of range".to_owned(),
        ),
        (
            Tar::new()
                .pax(&[("SCHILY.xattr.user.big", &[7; 70_000])])
                .file("x", b""),
            "setxattr /x: argument list too long".to_owned(),
        ),
        (
            Tar::new()
                .pax(&[("linkpath", target.as_bytes())])
                .symlink("x", ""),
            "symlink /x: file name too long".to_owned(),
        ),
        (
            Tar::new().file("f", b"").file("f/g", b""),
            "open /f: not a directory".to_owned(),
        ),
        (
            Tar::new().hard_link("x", "missing"),
            "link /x: no such file or directory".to_owned(),
        ),
    ] {
        let error = unpack(&bench, layer.done()).unwrap_err();
        assert_eq!(error.to_string(), format!("failed to register layer: {sentence}"));
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
}
