//! Trees of files as tar streams: reading and writing the format, and packing and unpacking directories safely.
//!
//! Lives here: the tar format with its extensions, compression told by its first bytes, and walks over directories by
//! descriptors only, so that no name and no link leads out of the tree, whoever changes it meanwhile. Never here: what a tree
//! is (a layer, a container's root, a user's directory), image formats, HTTP.
#![forbid(unsafe_code)]

mod byte_stream;
mod cancel;
mod compression;
mod error;
mod kernel_files;
mod pack;
mod path;
mod pax;
mod place;
mod receive;
mod sparse;
mod tar_reader;
mod tar_writer;
mod tree;
mod unpack;

pub use byte_stream::{ByteReader, ByteSender, ByteStream, byte_stream};
pub use cancel::{Cancel, CancelOnDrop, CancellableReader};
pub use compression::{Compression, decompress};
pub use error::{Error, Result};
pub use kernel_files::is_of_kernel;
pub use pack::Packer;
pub use place::Place;
pub use receive::{decompress_in_turn, receive};
pub use sparse::Segment;
pub use tar_reader::{Member, MemberKind, TarReader};
pub use tar_writer::TarWriter;
pub use unpack::{Form, Owner, UnpackOptions, Unpacked, unpack};
