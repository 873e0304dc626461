//! What `context inspect` has.

use corten_template::{Field, StructType, Type};

use super::TEXTS;

/// What `inspect` of a context has.
pub(crate) const CONTEXT: Type = Type::Struct(&LISTING);

static LISTING: StructType = StructType {
    name: "context.contextWithTLSListing",
    fields: &[
        Field::embedded("Metadata", Type::Struct(&METADATA)),
        Field::new("TLSMaterial", Type::Map("string", &TEXTS)),
        Field::new("Storage", Type::Struct(&STORAGE)),
    ],
};

static METADATA: StructType = StructType {
    name: "store.Metadata",
    fields: &[
        Field::new("Name", Type::Text),
        Field::new("Metadata", Type::Struct(&DOCKER_CONTEXT)),
        Field::new("Endpoints", Type::Map("string", &Type::Struct(&ENDPOINT))),
    ],
};

static DOCKER_CONTEXT: StructType = StructType {
    name: "command.DockerContext",
    fields: &[
        Field::new("Description", Type::Text),
        Field::new("AdditionalFields", Type::Map("string", &Type::Any)),
    ],
};

static ENDPOINT: StructType = StructType {
    name: "docker.EndpointMeta",
    fields: &[
        Field::new("Host", Type::Text),
        Field::new("SkipTLSVerify", Type::Bool),
    ],
};

static STORAGE: StructType = StructType {
    name: "store.StorageInfo",
    fields: &[
        Field::new("MetadataPath", Type::Text),
        Field::new("TLSPath", Type::Text),
    ],
};
