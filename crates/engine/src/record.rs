//! What is durable about a container: its settings, and how it last ended. That it runs is not written here; the shim knows.

use std::collections::BTreeMap;

use corten_types::{ContainerId, Digest};
use corten_wire::{ContainerConfig, Health, HostConfig, MountPoint};
use serde::{Deserialize, Serialize};

/// A container as stored in the metadata table `containers`, keyed by its identifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainerRecord {
    /// Its identifier.
    pub id: ContainerId,
    /// Its name, without Docker's leading slash.
    pub name: String,
    /// When it was created, nanoseconds since the Unix epoch.
    pub created_at_ns: i64,
    /// The image, by content.
    pub image_id: Digest,
    /// The image's layers, lowest first: a container outlives a forced removal of its image's name.
    pub chain: Vec<Digest>,
    /// The image as the request named it.
    pub image_name: String,
    /// Settings, image and request merged.
    pub config: ContainerConfig,
    /// Settings that depend on the host, as normalised at creation.
    pub host_config: HostConfig,
    /// Program and arguments that result from entrypoint and command.
    pub argv: Vec<String>,
    /// Mounts of volumes, directories and the like, in mounting order.
    pub mounts: Vec<MountRecord>,
    /// Wishes for the network endpoint.
    pub endpoint: EndpointWish,
    /// Wishes for its endpoints on further networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<EndpointWish>,
    /// It has been taken off the network that it was created on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
    /// Containers it is linked to.
    #[serde(default)]
    pub links: Vec<LinkRecord>,
    /// How it last ended, if it ever ran.
    pub last_run: Option<LastRun>,
    /// How often its restart policy has started it since a user, or the daemon at its start, did.
    #[serde(default)]
    pub restart_count: i64,
    /// Whether a user has stopped or killed it since a user last started it.
    #[serde(default)]
    pub manually_stopped: bool,
    /// What its health checks found in its last run.
    #[serde(default)]
    pub health: Option<Health>,
}

/// A mount as settled at creation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountRecord {
    /// What `inspect` shows.
    pub point: MountPoint,
    /// Options for the runtime beyond read-only and propagation: `size=…` and the like of a tmpfs; `bind` for one that does not
    /// bring along what is mounted below its source; `ro-top` for one of which only the top is read-only; `nocopy` for a volume that is
    /// not filled from the image.
    pub options: Vec<String>,
    /// Whether a bind source that does not exist is made as a directory when the container starts.
    pub create_source: bool,
    /// Directory within the volume or image that is mounted instead of its whole.
    pub subpath: String,
    /// Layers of an image that is mounted, lowest first.
    #[serde(default)]
    pub layers: Vec<Digest>,
    /// Options of the driver, for a volume that does not exist yet.
    #[serde(skip)]
    pub driver_options: BTreeMap<String, String>,
    /// Labels for a volume that does not exist yet.
    #[serde(skip)]
    pub labels: BTreeMap<String, String>,
}

impl ContainerRecord {
    /// Its mounts as users are told; those of `--tmpfs` are no mount points to Docker, unlike those of `--mount`.
    pub(crate) fn shown_mounts(&self) -> Vec<MountPoint> {
        let is_shown = |point: &&MountPoint| {
            point.r#type != "tmpfs" || !self.host_config.tmpfs.contains_key(&point.destination)
        };
        let points = self.mounts.iter().map(|mount| &mount.point);
        points.filter(is_shown).cloned().collect()
    }
}

impl MountRecord {
    /// Whether the volume or image is mounted with this option; see [`MountRecord::options`].
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|own| own == option)
    }

    /// Whether it is a volume.
    pub fn is_volume(&self) -> bool {
        self.point.r#type == "volume"
    }
}

impl Default for MountRecord {
    fn default() -> Self {
        Self {
            point: MountPoint {
                rw: true,
                ..MountPoint::default()
            },
            options: Vec::new(),
            create_source: false,
            subpath: String::new(),
            layers: Vec::new(),
            driver_options: BTreeMap::new(),
            labels: BTreeMap::new(),
        }
    }
}

/// A link to another container on the default bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// The other container; when it is gone, so is the link.
    pub child: ContainerId,
    /// What this container calls it.
    pub alias: String,
}

/// Wishes for the network endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointWish {
    /// Identifier of the network, if a user has made it. Among further ones, [`crate::places::BRIDGE`] is the default bridge.
    #[serde(default)]
    pub network: String,
    /// A fixed address.
    pub address: Option<std::net::Ipv4Addr>,
    /// A fixed IPv6 address.
    #[serde(default)]
    pub address6: Option<std::net::Ipv6Addr>,
    /// A fixed MAC address, `02:42:…`.
    pub mac: Option<String>,
    /// Further names on the network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The container's own words for others there, as `name:alias`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// Further addresses of its interface there, which no network gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link_local: Vec<std::net::IpAddr>,
    /// Options as given, see [`crate::endpoint_options`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub driver_options: BTreeMap<String, String>,
    /// The network with the highest provides the default gateway.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gw_priority: i64,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// How a container last ran.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// When it was started, nanoseconds since the Unix epoch; zero if it never was.
    pub started_at_ns: i64,
    /// When it ended; zero while it runs.
    pub finished_at_ns: i64,
    /// When the run before it ended; zero if there was none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub previous_end_ns: i64,
    /// Its exit code.
    pub exit_code: i64,
    /// Whether memory ran out.
    pub oom_killed: bool,
    /// Why it could not be started.
    pub error: String,
}

impl LastRun {
    /// A run that begins, after the one recorded, unless that is the same.
    pub(crate) fn begun(started_at_ns: i64, before: Option<&Self>) -> Self {
        Self {
            started_at_ns,
            previous_end_ns: match before {
                Some(same) if same.started_at_ns == started_at_ns => same.previous_end_ns,
                Some(before) => before.last_end_ns(),
                None => 0,
            },
            ..Self::default()
        }
    }

    /// When the container ended last, in this run or before it; zero if it never did.
    pub(crate) fn last_end_ns(&self) -> i64 {
        match self.finished_at_ns {
            0 => self.previous_end_ns,
            end => end,
        }
    }
}

/// What is noted in the run-time state while a container runs, so that a restarted daemon can take it over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunNote {
    /// When it was started, nanoseconds since the Unix epoch.
    pub started_at_ns: i64,
    /// Its place in the network.
    pub lease: Option<corten_network::Lease>,
    /// Its places in further networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<corten_network::Lease>,
    /// The boot of the machine it runs in; missing in notes of older daemons.
    #[serde(default)]
    pub boot_id: Option<String>,
    /// See [`ContainerRecord::restart_count`].
    #[serde(default)]
    pub restart_count: i64,
    /// Networks or published ports were about to change: the leases may not be what the record asks for.
    #[serde(default)]
    pub unsettled: bool,
    /// The endpoint whose interface is being made: there may be nothing of it, half of it or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub making: Option<String>,
}

/// What is marked in a container's own directory when it starts, without a sync: the run-time state is gone after a reboot,
/// and it must still be known then that it ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunMark {
    /// When it was started, nanoseconds since the Unix epoch.
    pub started_at_ns: i64,
    /// See [`ContainerRecord::restart_count`].
    pub restart_count: i64,
}

impl RunMark {
    /// Whether this run's end is not in `record`.
    pub fn is_unfinished(&self, record: &ContainerRecord) -> bool {
        !record
            .last_run
            .as_ref()
            .is_some_and(|run| run.started_at_ns == self.started_at_ns && run.finished_at_ns != 0)
    }
}

/// Labels of a container, none included.
pub(crate) fn labels(config: &ContainerConfig) -> BTreeMap<String, String> {
    config.labels.clone().unwrap_or_default()
}
