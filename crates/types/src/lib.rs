//! Values every other crate speaks in: identifiers, digests, image references, byte sizes, kinds of error.
//!
//! Lives here: small immutable values with a text form, their parsing and printing. Never here: I/O, clocks,
//! randomness, or anything that knows of a container's state or of the Docker API's JSON (that is `wire`).
#![forbid(unsafe_code)]

mod authority;
mod digest;
mod duration;
mod error_kind;
mod id;
mod reference;
mod size;
mod sysctl;
mod system_words;

pub use authority::complete_authority;
pub use digest::{Digest, InvalidDigest};
pub use duration::{human_duration, parse_duration};
pub use error_kind::ErrorKind;
pub use id::{ContainerId, InvalidId, SHORT_ID_LEN};
pub use reference::{DEFAULT_DOMAIN, DEFAULT_TAG, InvalidReference, Reference};
pub use size::{InvalidSize, binary_size, decimal_size, parse_bytes, parse_decimal_bytes, precise_size};
pub use sysctl::is_ipc_sysctl;
pub use system_words::system_words;
