//! Backups of volumes: all of one's files as a tar stream, and back again.
//!
//! A volume may be in use meanwhile, as a directory may be that `tar` packs: what then changes is packed as it was or as it
//! is. Names are resolved beneath the volume, whatever links containers put there.

use std::io::{self, Read};
use std::sync::Arc;

use corten_archive::{
    ByteStream, Cancel, Form, Owner, Packer, Place, TarReader, UnpackOptions, byte_stream, receive, unpack,
};
use rustix::fs::{Mode, OFlags};
use tokio::sync::oneshot;

use crate::engine::{Engine, to_its_end, transfer};
use crate::error::{Error, Result};
use crate::volume_use::Held;

impl Engine {
    /// Packs a volume.
    ///
    /// # Errors
    /// When there is no such volume, or it cannot be mounted.
    pub async fn volume_export(self: &Arc<Self>, name: &str) -> Result<ByteStream> {
        let (ready, opened) = oneshot::channel();
        let (sender, stream) = byte_stream();
        let (engine, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            let packed = transfer("export a volume", move || {
                let mut claim = engine.volume_claims.begin();
                claim.add(&name);
                let (_held, root) = match engine.open_volume(&name) {
                    Ok(open) => open,
                    Err(error) => {
                        // A client that has gone away needs no answer.
                        let _told = ready.send(Err(error));
                        return Ok(());
                    }
                };
                if ready.send(Ok(())).is_err() {
                    return Ok(());
                }
                let mut sender = sender;
                let mut packer = Packer::new(&mut sender).backup();
                let outcome = packer.directory(root, Some(b"."));
                let outcome = outcome.and_then(|()| packer.finish().map(drop));
                sender.end(outcome);
                Ok(())
            });
            if let Err(error) = packed.await {
                tracing::warn!(%error, "an export of a volume was cut short");
            }
        });
        opened
            .await
            .map_err(|_| Error::system("cannot export the volume")(io::ErrorKind::Other.into()))??;
        Ok(stream)
    }

    /// Unpacks a tar stream, compressed or not, in a volume. Files of the same name are replaced, others stay.
    ///
    /// # Errors
    /// When there is no such volume, it cannot be mounted, the archive is damaged or leads out of the volume, the disk is full, or
    /// once cancelled; what was unpacked stays then.
    pub async fn volume_import(
        self: &Arc<Self>,
        name: &str,
        archive: impl Read + Send + 'static,
        cancel: Cancel,
    ) -> Result<()> {
        let (engine, name) = (self.clone(), name.to_owned());
        to_its_end(async move {
            transfer("import a volume", move || {
                let mut claim = engine.volume_claims.begin();
                claim.add(&name);
                let (_held, root) = engine.open_volume(&name)?;
                let options = UnpackOptions {
                    form: Form::Plain,
                    owner: Owner::Archive,
                    keep_kinds: false,
                    rename: None,
                };
                let mut archive = receive(archive, engine.images.spool(), &cancel)?;
                let mut first = [0];
                if archive.read(&mut first).map_err(corten_archive::Error::read)? == 0 {
                    // Whoever was to write it has failed.
                    return Err(Error::Invalid(
                        "there is nothing in the archive, not even its end".to_owned(),
                    ));
                }
                let mut reader = TarReader::new(first.chain(archive));
                unpack(&mut reader, Place::root(root), &options)?;
                // What follows the archive's end must still be read, lest the sender waits for us.
                io::copy(&mut reader.into_inner(), &mut io::sink()).map_err(corten_archive::Error::read)?;
                Ok(())
            })
            .await
        })
        .await
    }

    /// A volume's directory, mounted while the first of the two lives.
    fn open_volume(&self, name: &str) -> Result<(Held, std::os::fd::OwnedFd)> {
        let mounted = self.volumes.mount(name, "")?;
        let held = Held::new(self, mounted.hold);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(&mounted.path, flags, Mode::empty()).map_err(|error| {
            Error::system(format!("cannot open {}", mounted.path.display()))(error.into())
        })?;
        Ok((held, root))
    }
}
