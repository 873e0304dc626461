//! Naming and removing images, and what is left on disk.
#![allow(clippy::unwrap_used)]

mod support;

use corten_archive::Cancel;
use corten_image::{ContainerUse, Removed};
use corten_snapshot::Snapshotter;
use corten_types::ErrorKind;
use support::{Bench, Tar, docker_archive};

fn layers() -> Vec<Vec<u8>> {
    vec![
        Tar::new().file("one", b"1").done(),
        Tar::new().file("two", b"2").done(),
    ]
}

fn words(removed: Vec<Removed>) -> Vec<String> {
    let word = |removed| match removed {
        Removed::Untagged(reference, _) => format!("Untagged: {}", reference.familiar()),
        Removed::Deleted(digest) | Removed::LayerDeleted(digest) => format!("Deleted: {}", digest.short()),
    };
    removed.into_iter().map(word).collect()
}

#[test]
fn the_last_name_takes_the_image_and_its_own_layers_along() {
    let bench = Bench::new();
    let before = bench.traces();
    bench
        .images
        .load(&docker_archive(&["base:1"], &layers()[..1])[..], &Cancel::new())
        .unwrap();
    let only_base = bench.traces();
    bench
        .images
        .load(&docker_archive(&["app:1"], &layers())[..], &Cancel::new())
        .unwrap();
    let app = bench.images.get("app:1").unwrap().image;
    let base = bench.images.get("base:1").unwrap().image;
    assert_eq!(
        bench.images.tag("app:1", &"app:2".parse().unwrap()).unwrap(),
        None
    );
    assert_eq!(
        bench.images.tag("base:1", &"app:2".parse().unwrap()).unwrap(),
        Some(app.id.clone())
    );
    bench.images.tag("app:1", &"app:2".parse().unwrap()).unwrap();

    let error = bench
        .images
        .remove(app.id.short(), false, |_| Vec::new())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let removed = bench.images.remove("app:2", false, |_| Vec::new()).unwrap();
    assert_eq!(words(removed), ["Untagged: app:2"]);
    let removed = bench.images.remove("app:1", false, |_| Vec::new()).unwrap();
    let expected = [
        "Untagged: app:1".to_owned(),
        format!("Deleted: {}", app.id.short()),
        format!("Deleted: {}", app.chain[1].short()),
    ];
    assert_eq!(words(removed), expected);
    assert_eq!(bench.traces(), only_base);
    let error = bench.images.get("app").unwrap_err();
    assert_eq!(error.to_string(), "No such image: app:latest");

    let bench = bench.reopen();
    assert_eq!(bench.images.list().len(), 1);
    bench.images.remove(base.id.hex(), true, |_| Vec::new()).unwrap();
    assert_eq!(bench.traces(), before);
    assert!(bench.reopen().images.list().is_empty());
}

#[test]
fn containers_keep_the_layers_of_a_removed_image() {
    let bench = Bench::new();
    let before = bench.traces();
    bench
        .images
        .load(&docker_archive(&["app:1"], &layers())[..], &Cancel::new())
        .unwrap();
    let id = bench.images.get("app:1").unwrap().image.id.clone();
    let image = bench.images.hold("container", &id).unwrap();
    let uses = |_: &_| {
        vec![ContainerUse {
            container: "0123456789abcdef".to_owned(),
            running: false,
        }]
    };
    let error = bench.images.remove("app:1", false, uses).unwrap_err();
    assert!(
        error.to_string().contains("container 0123456789ab is using"),
        "{error}"
    );
    let removed = bench.images.remove("app:1", true, uses).unwrap();
    assert_eq!(removed.len(), 2, "no layer went: {removed:?}");
    assert!(image.chain.iter().all(|layer| bench.overlay.layer_exists(layer)));
    assert!(bench.images.hold("late", &id).is_err());

    // After a restart the container is adopted before garbage goes.
    let bench = bench.reopen();
    bench.images.adopt("container", &image.chain);
    bench.images.collect_garbage().unwrap();
    assert!(image.chain.iter().all(|layer| bench.overlay.layer_exists(layer)));
    bench.images.release("container").unwrap();
    assert_eq!(bench.traces(), before);
    assert_eq!(bench.images.layers_size(), 0);
}

#[test]
fn garbage_of_a_crash_is_collected() {
    let bench = Bench::new();
    bench
        .images
        .load(&docker_archive(&["app:1"], &layers())[..], &Cancel::new())
        .unwrap();
    let before = bench.traces();
    let stage = bench.overlay.begin_layer().unwrap();
    let orphan = support::digest(b"orphan");
    bench.overlay.commit_layer(stage, &orphan, None).unwrap();
    let blobs = bench.dir.path().join("content/blobs/sha256");
    std::fs::write(blobs.join(orphan.hex()), "orphan").unwrap();
    let bench = bench.reopen();
    assert_eq!(bench.images.collect_garbage().unwrap(), 2);
    assert_eq!(bench.traces(), before);
}

#[test]
fn names_that_mean_nothing_are_told_apart() {
    let bench = Bench::new();
    let say = |name: &str| bench.images.get(name).unwrap_err().to_string();
    assert_eq!(say("nginx"), "No such image: nginx:latest");
    assert_eq!(say("abc123"), "No such image: abc123:latest");
    assert_eq!(
        say(&"a".repeat(64)),
        format!("No such image: sha256:{}", "a".repeat(64))
    );
    assert_eq!(
        say("UPPER"),
        "invalid reference format: repository name (library/UPPER) must be lowercase"
    );
    assert_eq!(say(""), "invalid reference format");
}
