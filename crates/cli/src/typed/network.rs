//! `network.Inspect`, `volume.Volume` and their parts.

use corten_template::{Field, StructType, Type};

use super::TEXT_MAP;

/// What `inspect` of a network has.
pub(crate) const NETWORK: Type = Type::Struct(&RESPONSE);

/// What `inspect` of a volume has.
pub(crate) const VOLUME: Type = Type::Pointer(&Type::Struct(&VOLUME_RESPONSE));

static RESPONSE: StructType = StructType {
    name: "network.Inspect",
    fields: &[
        Field::new("Name", Type::Text),
        Field::named("ID", "Id", Type::Text),
        Field::new("Created", Type::Time),
        Field::new("Scope", Type::Text),
        Field::new("Driver", Type::Text),
        Field::new("EnableIPv4", Type::Bool),
        Field::new("EnableIPv6", Type::Bool),
        Field::new("IPAM", Type::Struct(&IPAM)),
        Field::new("Internal", Type::Bool),
        Field::new("Attachable", Type::Bool),
        Field::new("Ingress", Type::Bool),
        Field::new("ConfigFrom", Type::Struct(&CONFIG_FROM)),
        Field::new("ConfigOnly", Type::Bool),
        Field::new("Containers", Type::Map("string", &Type::Struct(&ENDPOINT))),
        Field::new("Options", TEXT_MAP),
        Field::new("Labels", TEXT_MAP),
        Field::new("Peers", Type::List(&Type::Struct(&PEER))),
        Field::new("Services", Type::Map("string", &Type::Any)),
    ],
};

static IPAM: StructType = StructType {
    name: "network.IPAM",
    fields: &[
        Field::new("Driver", Type::Text),
        Field::new("Options", TEXT_MAP),
        Field::new("Config", Type::List(&Type::Struct(&IPAM_CONFIG))),
    ],
};

static IPAM_CONFIG: StructType = StructType {
    name: "network.IPAMConfig",
    fields: &[
        Field::new("Subnet", Type::Text),
        Field::new("IPRange", Type::Text),
        Field::new("Gateway", Type::Text),
        Field::named("AuxAddress", "AuxiliaryAddresses", TEXT_MAP),
    ],
};

static CONFIG_FROM: StructType = StructType {
    name: "network.ConfigReference",
    fields: &[Field::new("Network", Type::Text)],
};

static ENDPOINT: StructType = StructType {
    name: "network.EndpointResource",
    fields: &[
        Field::new("Name", Type::Text),
        Field::new("EndpointID", Type::Text),
        Field::new("MacAddress", Type::Text),
        Field::new("IPv4Address", Type::Text),
        Field::new("IPv6Address", Type::Text),
    ],
};

static PEER: StructType = StructType {
    name: "network.PeerInfo",
    fields: &[Field::new("Name", Type::Text), Field::new("IP", Type::Text)],
};

static VOLUME_RESPONSE: StructType = StructType {
    name: "volume.Volume",
    fields: &[
        Field::new("ClusterVolume", Type::Pointer(&Type::Any)),
        Field::new("CreatedAt", Type::Text),
        Field::new("Driver", Type::Text),
        Field::new("Labels", TEXT_MAP),
        Field::new("Mountpoint", Type::Text),
        Field::new("Name", Type::Text),
        Field::new("Options", TEXT_MAP),
        Field::new("Scope", Type::Text),
        Field::new("Status", Type::Map("string", &Type::Any)),
        Field::new("UsageData", Type::Pointer(&Type::Struct(&USAGE))),
    ],
};

static USAGE: StructType = StructType {
    name: "volume.UsageData",
    fields: &[Field::new("RefCount", Type::Int), Field::new("Size", Type::Int)],
};
