//! Test fixture: an engine over a temporary directory, and records for it. It can do all but run a program.

use std::path::Path;
use std::sync::Arc;

use corten_content::Store as Content;
use corten_image::Images;
use corten_metadata::Store;
use corten_sandbox::{SandboxConfig, Sandboxes};
use corten_snapshot::Overlay;
use corten_types::Digest;
use corten_volume::{Volumes, VolumesConfig};

use crate::engine::{Engine, EngineConfig, Parts};
use crate::names;
use crate::record::{ContainerRecord, EndpointWish};

/// An engine whose state is in `dir`.
pub(crate) fn engine(dir: &Path) -> Arc<Engine> {
    let metadata = Arc::new(Store::open(dir).unwrap());
    let snapshots = Arc::new(Overlay::open(&dir.join("overlay")).unwrap());
    let content = Content::open(&dir.join("content")).unwrap();
    // Sealed when the sandboxes are opened, but never run.
    let shim = dir.join("shim");
    std::fs::write(&shim, b"").unwrap();
    let (events, _) = tokio::sync::mpsc::unbounded_channel();
    let sandboxes = SandboxConfig {
        exec_root: dir.join("exec"),
        shim,
    };
    let volumes = VolumesConfig {
        root: dir.join("volumes"),
        holds: dir.join("exec/volumes"),
        plugin_sockets: dir.join("plugins"),
        plugin_specifications: Vec::new(),
    };
    let config = EngineConfig {
        data_root: dir.to_owned(),
        cgroup_parent: "/corten-engine-test".to_owned(),
        dns: Vec::new(),
        dns_options: Vec::new(),
        dns_search: Vec::new(),
        host_gateways: Vec::new(),
        network_options: Default::default(),
        defaults: Default::default(),
    };
    let parts = Parts {
        images: Arc::new(
            Images::open(content, snapshots.clone(), metadata.clone(), "boot".to_owned()).unwrap(),
        ),
        snapshots,
        metadata,
        networks: Arc::new(
            corten_network::Networks::open(corten_network::PlaneConfig {
                iptables: false,
                ip6tables: false,
                table: "corten-engine-test".to_owned(),
                ..Default::default()
            })
            .unwrap(),
        ),
        volumes: Arc::new(Volumes::open(&volumes).unwrap()),
        sandboxes: Arc::new(Sandboxes::open(&sandboxes, events).unwrap()),
    };
    Engine::new(config, parts).unwrap()
}

/// A container of an image without layers that never ran.
pub(crate) fn record(name: &str) -> ContainerRecord {
    ContainerRecord {
        id: names::new_id(),
        name: name.to_owned(),
        created_at_ns: 1,
        image_id: Digest::from_sha256([7; 32]),
        chain: Vec::new(),
        image_name: "image".to_owned(),
        config: Default::default(),
        host_config: Default::default(),
        argv: vec!["true".to_owned()],
        mounts: Vec::new(),
        endpoint: EndpointWish::default(),
        further: Vec::new(),
        left: false,
        links: Vec::new(),
        last_run: None,
        restart_count: 0,
        manually_stopped: false,
        health: None,
    }
}
