//! A container as `ps` reads it from the engine's list: what a row shows and no more, borrowed where it stands in the answer.

use std::borrow::Cow;
use std::collections::BTreeMap;

use corten_wire::{ContainerSummary, PortSummary};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A container in the list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Listed<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    pub(super) names: Vec<String>,
    #[serde(borrow)]
    pub(super) image: Cow<'a, str>,
    #[serde(borrow, rename = "ImageID")]
    pub(super) image_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) command: Cow<'a, str>,
    /// Unix seconds.
    pub(super) created: i64,
    pub(super) ports: Vec<PortSummary>,
    pub(super) size_rw: i64,
    pub(super) size_root_fs: i64,
    pub(super) labels: BTreeMap<String, String>,
    #[serde(borrow)]
    pub(super) state: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
    pub(super) network_settings: Settings,
    #[serde(borrow)]
    pub(super) mounts: Vec<Mount<'a>>,
}

/// Of a container's networks only the names are shown.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Settings {
    networks: BTreeMap<String, IgnoredAny>,
}

/// A mount in the list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Mount<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) source: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) driver: Cow<'a, str>,
}

impl Listed<'_> {
    /// Names of its networks.
    pub(super) fn networks(&self) -> Vec<&str> {
        self.network_settings
            .networks
            .keys()
            .map(String::as_str)
            .collect()
    }
}

impl<'a> From<&'a ContainerSummary> for Listed<'a> {
    fn from(one: &'a ContainerSummary) -> Self {
        let networks = one.network_settings.networks.keys();
        let mount = |mount: &'a corten_wire::MountPoint| Mount {
            name: Cow::from(&mount.name),
            source: Cow::from(&mount.source),
            driver: Cow::from(&mount.driver),
        };
        Self {
            id: Cow::from(&one.id),
            names: one.names.clone(),
            image: Cow::from(&one.image),
            image_id: Cow::from(&one.image_id),
            command: Cow::from(&one.command),
            created: one.created,
            ports: one.ports.clone(),
            size_rw: one.size_rw,
            size_root_fs: one.size_root_fs,
            labels: one.labels.clone(),
            state: Cow::from(&one.state),
            status: Cow::from(&one.status),
            network_settings: Settings {
                networks: networks.map(|name| (name.clone(), IgnoredAny)).collect(),
            },
            mounts: one.mounts.iter().map(mount).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use corten_wire::go_json;

    use super::*;

    /// Whatever the engine sends, both ways of reading it show the same.
    #[test]
    fn reads_what_the_whole_type_reads() {
        let text = r#"[{"Id":"0123","Names":["/a","/b/c"],"Image":"i\n","ImageID":"sha256:1","Command":"sh","Created":7,
            "Ports":[{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"}],"SizeRw":3,"SizeRootFs":4,
            "Labels":{"k":"v"},"State":"running","Status":"Up","HostConfig":{"NetworkMode":"bridge"},"Health":null,
            "NetworkSettings":{"Networks":{"bridge":{"Gateway":"x","Links":["[{"]},"far":null}},
            "Mounts":[{"Type":"volume","Name":"n","Source":"s","Driver":"local","RW":true}]},
            {"Id":null,"Names":null,"Labels":null,"Mounts":null,"NetworkSettings":null,"Ports":null}]"#;
        let whole: Vec<ContainerSummary> = go_json::from_slice(text.as_bytes()).unwrap();
        let listed: Vec<Listed<'_>> = go_json::from_slice(text.as_bytes()).unwrap();
        assert_eq!(listed.len(), whole.len());
        for (listed, whole) in listed.iter().zip(&whole) {
            assert_eq!(format!("{listed:?}"), format!("{:?}", Listed::from(whole)));
        }
        assert!(matches!(listed[0].status, Cow::Borrowed("Up")));
        assert_eq!(listed[0].networks(), ["bridge", "far"]);
    }
}
