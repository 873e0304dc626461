//! `image.InspectResponse` and its parts.

use corten_template::{Field, StructType, Type};

use super::container::{EMPTY, HEALTHCHECK};
use super::{TEXT_MAP, TEXTS};

/// What `inspect` of an image has.
pub(crate) const IMAGE: Type = Type::Struct(&RESPONSE);

static RESPONSE: StructType = StructType {
    name: "image.InspectResponse",
    fields: &[
        Field::named("ID", "Id", Type::Text),
        Field::new("RepoTags", TEXTS),
        Field::new("RepoDigests", TEXTS),
        Field::new("Parent", Type::Text),
        Field::new("Comment", Type::Text),
        Field::new("Created", Type::Text),
        Field::new("Container", Type::Text),
        Field::new("ContainerConfig", Type::Pointer(&Type::Any)),
        Field::new("DockerVersion", Type::Text),
        Field::new("Author", Type::Text),
        Field::new("Config", Type::Pointer(&Type::Struct(&CONFIG))),
        Field::new("Architecture", Type::Text),
        Field::new("Variant", Type::Text),
        Field::new("Os", Type::Text),
        Field::new("OsVersion", Type::Text),
        Field::new("Size", Type::Int),
        Field::new("VirtualSize", Type::Int),
        Field::new("GraphDriver", Type::Struct(&DRIVER_DATA)),
        Field::new("RootFS", Type::Struct(&ROOT_FS)),
        Field::new("Metadata", Type::Struct(&METADATA)),
        Field::new("Descriptor", Type::Pointer(&Type::Any)),
        Field::new("Manifests", Type::List(&Type::Any)),
    ],
};

static CONFIG: StructType = StructType {
    name: "v1.DockerOCIImageConfig",
    fields: &[
        Field::embedded("ImageConfig", Type::Struct(&OCI_CONFIG)),
        Field::embedded("DockerOCIImageConfigExt", Type::Struct(&DOCKER_CONFIG)),
    ],
};

static OCI_CONFIG: StructType = StructType {
    name: "v1.ImageConfig",
    fields: &[
        Field::new("User", Type::Text),
        Field::new("ExposedPorts", Type::Map("string", &Type::Struct(&EMPTY))),
        Field::new("Env", TEXTS),
        Field::new("Entrypoint", TEXTS),
        Field::new("Cmd", TEXTS),
        Field::new("Volumes", Type::Map("string", &Type::Struct(&EMPTY))),
        Field::new("WorkingDir", Type::Text),
        Field::new("Labels", TEXT_MAP),
        Field::new("StopSignal", Type::Text),
        Field::new("ArgsEscaped", Type::Bool),
    ],
};

static DOCKER_CONFIG: StructType = StructType {
    name: "v1.DockerOCIImageConfigExt",
    fields: &[
        Field::new("Healthcheck", Type::Pointer(&Type::Struct(&HEALTHCHECK))),
        Field::new("OnBuild", TEXTS),
        Field::new("Shell", TEXTS),
    ],
};

/// Where a layer store keeps something.
pub(super) static DRIVER_DATA: StructType = StructType {
    name: "storage.DriverData",
    fields: &[Field::new("Data", TEXT_MAP), Field::new("Name", Type::Text)],
};

static ROOT_FS: StructType = StructType {
    name: "image.RootFS",
    fields: &[Field::new("Type", Type::Text), Field::new("Layers", TEXTS)],
};

static METADATA: StructType = StructType {
    name: "image.Metadata",
    fields: &[Field::new("LastTagTime", Type::Time)],
};
