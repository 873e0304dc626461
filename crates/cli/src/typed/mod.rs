//! The Go types of what `inspect` and its like print, field for field in Docker's order.
//!
//! Templates see them: `{{.State.Health}}` of a container without a health check is `<nil>` and not an error, `{{.State}}`
//! prints as a struct. `json` still shows what the engine sent.

mod container;
mod context;
mod host_config;
mod image;
mod network;
mod system;

use corten_template::Type;

pub(crate) use container::CONTAINER;
pub(crate) use context::CONTEXT;
pub(crate) use image::IMAGE;
pub(crate) use network::{NETWORK, VOLUME};
pub(crate) use system::{EVENT, INFO, VERSION};

const TEXTS: Type = Type::List(&Type::Text);
const TEXT_MAP: Type = Type::Map("string", &Type::Text);
const INT_POINTER: Type = Type::Pointer(&Type::Int);
const BOOL_POINTER: Type = Type::Pointer(&Type::Bool);
