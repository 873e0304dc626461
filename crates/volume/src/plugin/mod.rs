//! Volume plugins: programs of others that speak Docker's plugin protocol on a socket.

mod connection;
mod directory;
mod driver;

pub(crate) use directory::Plugins;
pub(crate) use driver::{PluginVolume, VolumePlugin};
