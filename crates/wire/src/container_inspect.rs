//! `GET /containers/{id}/json`.

use serde::{Deserialize, Serialize};

use crate::container_config::ContainerConfig;
use crate::container_state::ContainerState;
use crate::host_config::HostConfig;
use crate::mount::MountPoint;
use crate::network_settings::NetworkSettings;
use crate::omit::zero;
use crate::storage::{Descriptor, DriverData};

/// All there is to know of a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerInspect {
    /// Full identifier.
    pub id: String,
    /// When it was created.
    pub created: String,
    /// Program.
    pub path: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// What it is doing.
    pub state: ContainerState,
    /// Image identifier.
    pub image: String,
    /// File mounted at `/etc/resolv.conf`.
    pub resolv_conf_path: String,
    /// File mounted at `/etc/hostname`.
    pub hostname_path: String,
    /// File mounted at `/etc/hosts`.
    pub hosts_path: String,
    /// Log file.
    pub log_path: String,
    /// Name with a leading slash.
    pub name: String,
    /// Automatic restarts since the last start by hand.
    pub restart_count: i64,
    /// Storage driver.
    pub driver: String,
    /// `linux`.
    pub platform: String,
    /// SELinux label of its files.
    pub mount_label: String,
    /// SELinux label of its processes.
    pub process_label: String,
    /// AppArmor profile.
    pub app_armor_profile: String,
    /// Running execs.
    #[serde(rename = "ExecIDs")]
    pub exec_ids: Option<Vec<String>>,
    /// Host's settings.
    pub host_config: HostConfig,
    /// Root file system.
    pub graph_driver: DriverData,
    /// Bytes written since creation; only when asked for.
    #[serde(skip_serializing_if = "zero")]
    pub size_rw: Option<i64>,
    /// Bytes of the whole root file system; only when asked for.
    #[serde(skip_serializing_if = "zero")]
    pub size_root_fs: Option<i64>,
    /// Mounts beside the standard ones.
    pub mounts: Vec<MountPoint>,
    /// Portable settings.
    pub config: ContainerConfig,
    /// Networks.
    pub network_settings: NetworkSettings,
    /// The manifest the image was chosen by.
    #[serde(skip_serializing_if = "zero")]
    pub image_manifest_descriptor: Option<Descriptor>,
}
