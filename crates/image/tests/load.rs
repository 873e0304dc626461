//! Loading archives of every form, and what it leaves when they are damaged.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use corten_archive::Cancel;
use corten_image::{Error, builtin};
use corten_metadata::{Batch, Durability, Store as Metadata, Table};
use corten_types::Reference;
use serde_json::{Value, json};
use support::{Bench, Layout, Tar, config, digest, docker_archive, gzip, zstd};

fn layers() -> Vec<Vec<u8>> {
    vec![
        Tar::new().dir("./").dir("etc/").file("etc/one", b"one").done(),
        Tar::new().dir("etc/").file("etc/two", b"second").done(),
    ]
}

#[test]
fn a_docker_archive_becomes_an_image() {
    let bench = Bench::new();
    let loaded = bench
        .images
        .load(&docker_archive(&["app:1", "app"], &layers())[..], &Cancel::new())
        .unwrap();
    let names: Vec<_> = loaded[0].references.iter().map(Reference::familiar).collect();
    assert_eq!(names, ["app:1", "app:latest"]);
    assert_eq!(loaded[0].id, digest(config(&layers()).to_string().as_bytes()));

    let found = bench.images.get("app").unwrap();
    assert_eq!(found.image.id, loaded[0].id);
    assert_eq!(found.image.size, 9);
    assert_eq!(found.image.config.config.cmd, Some(vec!["sh".to_owned()]));
    assert_eq!(found.tags.len(), 2);
    for name in [
        loaded[0].id.as_str(),
        loaded[0].id.hex(),
        loaded[0].id.short(),
        "docker.io/library/app:1",
    ] {
        assert_eq!(bench.images.get(name).unwrap().image.id, loaded[0].id, "{name}");
    }
    let top = bench.overlay.layer_dir(&found.image.chain[1]);
    assert_eq!(fs::read(top.join("etc/two")).unwrap(), b"second");
    assert!(!top.join("etc/one").exists());

    let bench = bench.reopen();
    assert_eq!(bench.images.get("app").unwrap(), found);
    assert_eq!(bench.images.list().len(), 1);
    assert_eq!(bench.images.collect_garbage().unwrap(), 0);
}

#[test]
fn layers_that_never_reached_the_disk_are_unpacked_again() {
    let bench = Bench::new();
    let archive = docker_archive(&["app"], &layers());
    bench.images.load(&archive[..], &Cancel::new()).unwrap();
    let found = bench.images.get("app").unwrap();
    let [low, top] = [0, 1].map(|number| bench.overlay.layer_dir(&found.image.chain[number]));

    let bench = bench.reopen_after(|dir| {
        // As if the machine had stopped too early: names without files, files without bytes.
        fs::remove_dir_all(&low).unwrap();
        fs::write(top.join("etc/two"), b"").unwrap();
        let metadata = Metadata::open(dir).unwrap();
        let mut batch = Batch::new();
        for (chain_id, mut record) in metadata.all::<Value>(Table::Layers).unwrap() {
            assert_eq!(
                record.get("unsynced_since"),
                None,
                "a store that was closed has synced all"
            );
            record["unsynced_since"] = json!("the boot before");
            batch.put(Table::Layers, chain_id, &record).unwrap();
        }
        metadata.commit(batch, Durability::Durable).unwrap();
    });
    assert_eq!(bench.images.get("app").unwrap(), found);
    assert_eq!(fs::read(low.join("etc/one")).unwrap(), b"one");
    assert_eq!(fs::read(top.join("etc/two")).unwrap(), b"second");
    assert_eq!(bench.images.collect_garbage().unwrap(), 0);

    bench.reopen_after(|dir| {
        let layers = Metadata::open(dir).unwrap().all::<Value>(Table::Layers).unwrap();
        assert_eq!(layers.len(), 2);
        for (_, record) in layers {
            assert_eq!(record.get("unsynced_since"), None, "nor is it done twice");
        }
    });
}

#[test]
fn every_compression_is_read() {
    let plain = layers();
    for outer in [|bytes: &[u8]| bytes.to_vec(), gzip, zstd] {
        let bench = Bench::new();
        let archive = docker_archive(&["a"], &[gzip(&plain[0]), zstd(&plain[1])]);
        // The configuration is of the compressed layers there: diff ids must be of the plain ones.
        let error = bench
            .images
            .load(&outer(&archive)[..], &Cancel::new())
            .unwrap_err();
        assert!(matches!(error, Error::DiffId { number: 0, .. }), "{error}");
        let mut layout = Layout::new();
        let image = layout.image(&plain, vec![gzip(&plain[0]), zstd(&plain[1])], "amd64");
        let archive = layout.done(vec![image]);
        let loaded = bench.images.load(&outer(&archive)[..], &Cancel::new()).unwrap();
        assert_eq!(bench.images.by_id(&loaded[0].id).unwrap().image.size, 9);
    }
}

#[test]
fn an_oci_layout_is_searched_for_this_machine() {
    let bench = Bench::new();
    let plain = layers();
    let mut layout = Layout::new();
    let other = layout.image(&plain[..1], vec![plain[0].clone()], "s390x");
    let ours = layout.image(&plain, plain.clone(), "amd64");
    let attestation = {
        let mut descriptor = layout.image(&plain[..1], vec![plain[0].clone()], "unknown");
        descriptor["platform"]["os"] = json!("unknown");
        descriptor
    };
    let mut nested = layout.index(vec![other, ours, attestation]);
    nested["annotations"] = json!({ "io.containerd.image.name": "docker.io/library/multi:2" });
    let loaded = bench
        .images
        .load(&layout.done(vec![nested])[..], &Cancel::new())
        .unwrap();
    assert_eq!(loaded.len(), 1);
    let found = bench.images.get("multi:2").unwrap();
    assert_eq!(found.image.config.architecture, "amd64");
    assert!(found.image.manifest.is_some());

    let mut layout = Layout::new();
    let other = layout.image(&plain[..1], vec![plain[0].clone()], "s390x");
    let error = bench
        .images
        .load(&layout.done(vec![other])[..], &Cancel::new())
        .unwrap_err();
    assert!(
        error.to_string().starts_with("no matching manifest for linux/"),
        "{error}"
    );
}

#[test]
fn an_archive_of_both_forms_keeps_its_manifest() {
    let plain = layers();
    let mut layout = Layout::new();
    let image = layout.image(&plain, plain.clone(), "amd64");
    let config = format!(
        "blobs/sha256/{}",
        digest(config(&plain).to_string().as_bytes()).hex()
    );
    let names: Vec<_> = plain
        .iter()
        .map(|layer| format!("blobs/sha256/{}", digest(layer).hex()))
        .collect();
    let manifest = json!([{ "Config": config, "RepoTags": ["both:1"], "Layers": names }]).to_string();
    let manifest_digest = image["digest"].clone();
    let mut archive = layout.done(vec![image]);
    // Both halves end in two zero blocks; the second half goes in front.
    let mut front = Tar::new().file("manifest.json", manifest.as_bytes()).done();
    front.truncate(front.len() - 1024);
    front.append(&mut archive);
    let bench = Bench::new();
    bench.images.load(&front[..], &Cancel::new()).unwrap();
    let found = bench.images.get("both:1").unwrap();
    assert_eq!(json!(found.image.manifest), manifest_digest);
}

#[test]
fn an_image_listed_twice_is_whole_after_a_restart() {
    let bench = Bench::new();
    let layer = &layers()[0];
    let config = config(&layers()[..1]).to_string();
    let one = |tag: &str, layer: &str| json!({"Config": "c.json", "RepoTags": [tag], "Layers": [layer]});
    let archive = Tar::new()
        .file("c.json", config.as_bytes())
        .file("plain.tar", layer)
        .file("small.tar", &gzip(layer))
        .file(
            "manifest.json",
            json!([one("dup:0", "plain.tar"), one("dup:1", "small.tar")])
                .to_string()
                .as_bytes(),
        )
        .done();
    bench.images.load(&archive[..], &Cancel::new()).unwrap();
    let bench = bench.reopen();
    for name in ["dup:0", "dup:1"] {
        let saving = bench.images.prepare_save(&[name.to_owned()], None).unwrap();
        saving.write(&mut io::sink()).unwrap();
    }
}

#[test]
fn no_archive_can_claim_a_digest() {
    let bench = Bench::new();
    let pinned = format!("alpine@sha256:{}", "1".repeat(64));
    let error = bench
        .images
        .load(&docker_archive(&[&pinned], &layers())[..], &Cancel::new())
        .unwrap_err();
    assert!(error.to_string().contains("invalid tag"), "{error}");
    let mut layout = Layout::new();
    let mut image = layout.image(&layers(), layers(), "amd64");
    image["annotations"] = json!({ "io.containerd.image.name": pinned });
    let loaded = bench
        .images
        .load(&layout.done(vec![image])[..], &Cancel::new())
        .unwrap();
    assert!(loaded[0].references.is_empty());
    assert!(bench.images.get(&pinned).is_err());
}

#[test]
fn names_are_not_hoarded() {
    let bench = Bench::new();
    let path = "x".repeat(5000);
    let archive = Tar::new().pax(&[("path", path.as_bytes())]).file("x", b"").done();
    let error = bench.images.load(&archive[..], &Cancel::new()).unwrap_err();
    assert!(error.to_string().contains("name is too long"), "{error}");
}

/// Delivers one byte at a time.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = 1.min(buffer.len());
        self.0.read(&mut buffer[..count])
    }
}

#[test]
fn compression_is_seen_however_little_comes_at_a_time() {
    let bench = Bench::new();
    let archive = gzip(&docker_archive(&["a"], &layers()));
    bench.images.load(Drip(&archive), &Cancel::new()).unwrap();
}

#[test]
fn a_name_moves_to_the_image_loaded_last() {
    let bench = Bench::new();
    let first = bench
        .images
        .load(&docker_archive(&["a:1"], &layers()[..1])[..], &Cancel::new())
        .unwrap();
    let second = bench
        .images
        .load(&docker_archive(&["a:1"], &layers())[..], &Cancel::new())
        .unwrap();
    assert_eq!(
        second[0].replaced,
        [("a:1".parse().unwrap(), first[0].id.clone())]
    );
    assert!(bench.images.by_id(&first[0].id).unwrap().tags.is_empty());
    let again = bench
        .images
        .load(&docker_archive(&["a:1"], &layers())[..], &Cancel::new())
        .unwrap();
    assert!(again[0].replaced.is_empty());
    assert_eq!(bench.images.list().len(), 2);
}

#[test]
fn damaged_archives_leave_no_trace() {
    let bench = Bench::new();
    let before = bench.traces();
    let good = docker_archive(&["a:1"], &layers());
    let fails = |archive: &[u8], message: &str| {
        let error = bench.images.load(archive, &Cancel::new()).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(bench.traces(), before, "{message}");
        assert!(bench.images.list().is_empty());
    };
    fails(
        b"",
        "invalid archive: does not contain a manifest.json or index.json",
    );
    fails(&[7; 4096], "archive/tar: invalid tar header");
    fails(&good[..good.len() / 2 + 100], "unexpected EOF");
    let packed = gzip(&good);
    fails(&packed[..packed.len() - 20], "unexpected EOF");
    fails(&zstd(&good)[..60], "unexpected EOF");
    let mut damaged = packed.clone();
    damaged[40] ^= 0x55;
    assert!(bench.images.load(&damaged[..], &Cancel::new()).is_err());
    assert_eq!(bench.traces(), before);

    let manifest = |manifest: &str| Tar::new().file("manifest.json", manifest.as_bytes()).done();
    fails(&manifest("[{"), "invalid archive: malformed manifest.json");
    fails(
        &manifest(r#"[{"Config":"c","Layers":null}]"#),
        "invalid archive: c is missing",
    );
    fails(
        &manifest(r#"[{"Config":"../../c"}]"#),
        "invalid archive: ../../c is missing",
    );
    let of_config = |config: &str, layers: &str| {
        let manifest = format!(r#"[{{"Config":"c","RepoTags":["Bad"],"Layers":[{layers}]}}]"#);
        let manifest = if layers.is_empty() {
            manifest.replace("\"Bad\"", "")
        } else {
            manifest
        };
        Tar::new()
            .file("manifest.json", manifest.as_bytes())
            .file("c", config.as_bytes())
            .done()
    };
    fails(
        &of_config("{}", "\"c\""),
        "invalid reference format: repository name (library/Bad) must be lowercase",
    );
    fails(
        &of_config("{\"os\":\"windows\"}", ""),
        "cannot load windows image on linux",
    );
    fails(
        &of_config(&config(&layers()).to_string(), ""),
        "invalid archive: layers length mismatch: expected 2, got 0",
    );

    let mut layout = Layout::new();
    let image = layout.image(&layers(), layers(), "amd64");
    let mut archive = layout.done(vec![image]);
    let at = archive.windows(6).position(|window| window == b"second").unwrap();
    archive[at] = b'S';
    let error = bench.images.load(&archive[..], &Cancel::new()).unwrap_err();
    assert!(
        error.to_string().starts_with("unexpected commit digest sha256:"),
        "{error}"
    );
    assert_eq!(bench.traces(), before);
}

/// Hands out a few bytes at a time and then fails, as a client that goes away does.
struct Breaking<'a>(&'a [u8]);

impl Read for Breaking<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let count = 700.min(buffer.len()).min(self.0.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

#[test]
fn a_broken_connection_leaves_no_trace() {
    let bench = Bench::new();
    let before = bench.traces();
    let archive = docker_archive(&["a:1"], &layers());
    let error = bench
        .images
        .load(Breaking(&archive[..archive.len() - 2000]), &Cancel::new())
        .unwrap_err();
    assert!(matches!(error, Error::Read(_)), "{error:?}");
    assert_eq!(bench.traces(), before);
}

#[test]
fn loads_and_removals_may_run_at_once() {
    let bench = Bench::new();
    let before = bench.traces();
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let images = &bench.images;
            scope.spawn(move || {
                // The lower layer is everybody's.
                let own = Tar::new()
                    .file("own", format!("{}", thread / 2).as_bytes())
                    .done();
                let tag = format!("t{thread}:1");
                let archive = docker_archive(&[&tag], &[layers()[0].clone(), own]);
                for _ in 0..10 {
                    images.load(&archive[..], &Cancel::new()).unwrap();
                    assert!(images.get(&tag).is_ok());
                    images.remove(&tag, false, |_| Vec::new()).unwrap();
                }
            });
        }
    });
    assert!(bench.images.list().is_empty());
    assert_eq!(bench.traces(), before);
}

/// The same layers come in another form, while those that are there are saved, held and removed.
#[test]
fn an_image_may_come_in_many_forms_while_it_is_used() {
    let bench = Bench::new();
    let before = bench.traces();
    let plain = layers();
    let archives: Vec<Vec<u8>> = [|bytes: &[u8]| bytes.to_vec(), gzip, zstd]
        .iter()
        .map(|pack| {
            let mut layout = Layout::new();
            let image = layout.image(&plain, plain.iter().map(|layer| pack(layer)).collect(), "amd64");
            layout.done(vec![image])
        })
        .collect();
    let id = &digest(config(&plain).to_string().as_bytes());
    let (overlay, images) = (&bench.overlay, &bench.images);
    std::thread::scope(|scope| {
        let loads = archives.iter().map(|archive| {
            scope.spawn(|| {
                for _ in 0..20 {
                    let loaded = images.load(&archive[..], &Cancel::new()).unwrap();
                    assert_eq!(loaded[0].id, *id);
                }
            })
        });
        let loads: Arc<Vec<_>> = Arc::new(loads.collect());
        let at_work = move || loads.iter().any(|load| !load.is_finished());
        let (saving, holding, removing) = (at_work.clone(), at_work.clone(), at_work);
        scope.spawn(move || {
            while saving() {
                // It may just be gone.
                if let Ok(saving) = images.prepare_save(&[id.to_string()], None) {
                    let mut saved = Vec::new();
                    saving.write(&mut saved).unwrap();
                    let elsewhere = Bench::new();
                    assert_eq!(
                        elsewhere.images.load(&saved[..], &Cancel::new()).unwrap()[0].id,
                        *id
                    );
                }
            }
        });
        scope.spawn(move || {
            while holding() {
                if let Ok(image) = images.hold("container", id) {
                    let top = overlay.layer_dir(&image.chain[1]);
                    assert_eq!(fs::read(top.join("etc/two")).unwrap(), b"second");
                    images.release("container").unwrap();
                }
            }
        });
        scope.spawn(move || {
            while removing() {
                if let Err(error) = images.remove(id.as_str(), true, |_| Vec::new()) {
                    assert!(matches!(error, Error::NotFound(_)), "{error}");
                }
            }
        });
    });
    // What is left is whole, whichever form it has.
    images.load(&archives[1][..], &Cancel::new()).unwrap();
    let mut saved = Vec::new();
    let saving = images.prepare_save(&[id.to_string()], None).unwrap();
    saving.write(&mut saved).unwrap();
    images.remove(id.as_str(), true, |_| Vec::new()).unwrap();
    assert_eq!(bench.traces(), before);
}

#[test]
fn zstd_may_begin_with_a_frame_that_holds_no_data() {
    let bench = Bench::new();
    let behind = |bytes: &[u8]| [b"\x50\x2a\x4d\x18\x02\0\0\0ab", &zstd(bytes)[..]].concat();
    let plain = layers();
    let mut layout = Layout::new();
    let image = layout.image(&plain, plain.iter().map(|layer| behind(layer)).collect(), "amd64");
    let archive = behind(&layout.done(vec![image]));
    let loaded = bench.images.load(&archive[..], &Cancel::new()).unwrap();
    // And it is taken off as other zstd is.
    let saving = bench
        .images
        .prepare_save(&[loaded[0].id.to_string()], None)
        .unwrap();
    let mut saved = Vec::new();
    saving.write(&mut saved).unwrap();
    assert!(saved.windows(6).any(|window| window == b"second"));
}

#[test]
fn images_of_more_layers_than_docker_takes_are_refused() {
    let layers = |count: usize| -> Vec<Vec<u8>> {
        (0..count)
            .map(|number| Tar::new().file(&format!("{number}"), b"").done())
            .collect()
    };
    let bench = Bench::new();
    let before = bench.traces();
    let archive = docker_archive(&["deep"], &layers(126));
    let error = bench.images.load(&archive[..], &Cancel::new()).unwrap_err();
    assert_eq!(error.to_string(), "max depth exceeded");
    assert_eq!(bench.traces(), before);
    let archive = docker_archive(&["deep"], &layers(125));
    bench.images.load(&archive[..], &Cancel::new()).unwrap();
}

#[test]
fn built_in_images_are_made_alike_everywhere() {
    assert!(builtin::find(&"nginx".parse().unwrap()).is_none());
    assert!(builtin::find(&"whoami:2".parse().unwrap()).is_none());
    assert!(builtin::find(&"example.org/whoami".parse().unwrap()).is_none());
    let bench = Bench::new();
    for name in ["hello-world", "whoami"] {
        let builtin = builtin::find(&format!("{name}:latest").parse().unwrap()).unwrap();
        let loaded = bench.images.install_builtin(builtin).unwrap();
        assert_eq!(loaded, bench.images.install_builtin(builtin).unwrap());
        let found = bench.images.get(name).unwrap();
        let program = bench.overlay.layer_dir(&found.image.chain[0]).join(name);
        assert_eq!(
            found.image.config.config.entrypoint,
            Some(vec![format!("/{name}")])
        );
        if name == "hello-world" {
            let output = Command::new(program).output().unwrap();
            assert!(
                String::from_utf8(output.stdout)
                    .unwrap()
                    .starts_with("Hello from Corten!\n")
            );
        }
    }
    let whoami = bench.images.get("whoami").unwrap();
    assert!(whoami.image.config.config.exposed_ports.contains_key("80/tcp"));
}

fn skopeo(arguments: &[&str]) {
    let output = Command::new("skopeo")
        .arg("--insecure-policy")
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Skipped where skopeo is not installed.
#[test]
fn archives_that_skopeo_makes_are_read() {
    if Command::new("skopeo").arg("--version").output().is_err() {
        return;
    }
    let bench = Bench::new();
    let path = |name: &str| bench.dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("in.tar"), docker_archive(&["app:1"], &layers())).unwrap();
    let from = format!("docker-archive:{}", path("in.tar"));
    skopeo(&[
        "copy",
        &from,
        &format!("oci-archive:{}:app:zstd", path("zstd.tar")),
        "--dest-compress-format",
        "zstd",
    ]);
    skopeo(&[
        "copy",
        &from,
        &format!("docker-archive:{}:app:again", path("again.tar")),
    ]);
    for (file, name) in [("zstd.tar", "app:zstd"), ("again.tar", "app:again")] {
        let file = fs::File::open(Path::new(&path(file))).unwrap();
        bench.images.load(file, &Cancel::new()).unwrap();
        assert_eq!(bench.images.get(name).unwrap().image.size, 9, "{name}");
    }
}
