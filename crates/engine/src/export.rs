//! `export`: a container's root file system as a tar stream, without what is mounted on it.

use std::sync::Arc;

use corten_archive::{ByteStream, Packer, byte_stream};
use rustix::fs::{Mode, OFlags};

use crate::engine::{Engine, transfer};
use crate::error::{Error, Result};
use crate::view::Depth;

impl Engine {
    /// Packs a container's root file system.
    ///
    /// # Errors
    /// When there is no such container, or its files cannot be opened.
    pub async fn export(self: &Arc<Self>, name: &str) -> Result<ByteStream> {
        let container = self.containers.find(name)?;
        let (ready, opened) = tokio::sync::oneshot::channel();
        let (sender, stream) = byte_stream();
        let engine = self.clone();
        tokio::spawn(async move {
            let view = match engine.view(&container, Depth::RootOnly).await {
                Ok(view) => view,
                Err(error) => {
                    // A client that has gone away needs no answer.
                    let _told = ready.send(Err(error));
                    return;
                }
            };
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let root = rustix::fs::openat(&view.root, c".", flags, Mode::empty());
            let told = ready.send(match &root {
                Ok(_) => Ok(()),
                Err(error) => Err(Error::system("cannot open the container's root directory")(
                    (*error).into(),
                )),
            });
            let (Ok(root), Ok(())) = (root, told) else {
                return;
            };
            engine.publish(&container, "export", &[]);
            let packed = transfer("export a container", move || {
                let mut sender = sender;
                let mut packer = Packer::new(&mut sender);
                let outcome = packer.directory(root, None);
                let outcome = outcome.and_then(|()| packer.finish().map(drop));
                sender.end(outcome);
                Ok(())
            })
            .await;
            if let Err(error) = packed {
                tracing::warn!(%error, "an export was cut short");
            }
        });
        opened
            .await
            .map_err(|_| Error::system("cannot export the container")(std::io::ErrorKind::Other.into()))??;
        Ok(stream)
    }
}
