//! `save`: images as an archive.

use std::sync::Arc;

use corten_archive::{ByteStream, byte_stream};
use corten_types::{ErrorKind, Reference};
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::own_thread::on_own_thread;

impl Engine {
    /// Packs images: references, identifiers, or repositories with all their tags; with an architecture, only if they are
    /// for it.
    ///
    /// # Errors
    /// When there is no such image, or one is not whole.
    pub async fn image_save(
        self: &Arc<Self>,
        names: Vec<String>,
        architecture: Option<String>,
    ) -> Result<ByteStream> {
        let (ready, prepared) = oneshot::channel();
        let (sender, stream) = byte_stream();
        let engine = self.clone();
        tokio::spawn(on_own_thread(move || {
            let saving = match engine.images.prepare_save(&names, architecture.as_deref()) {
                Ok(saving) => saving,
                Err(error) => {
                    let error = match error.kind() {
                        ErrorKind::NotFound => {
                            missing(error.to_string().trim_start_matches("No such image: "))
                        }
                        _ => error.into(),
                    };
                    // A client that has gone away needs no answer.
                    let _told = ready.send(Err(error));
                    return;
                }
            };
            if ready.send(Ok(())).is_err() {
                return;
            }
            let ids = saving.images().cloned().collect::<Vec<_>>();
            let mut sender = sender;
            let outcome = saving.write(&mut sender);
            let done = outcome.is_ok();
            sender.end(outcome);
            for id in ids.iter().filter(|_| done) {
                engine.publish_image("save", id, id.as_str());
            }
        }));
        prepared
            .await
            .map_err(|_| Error::system("cannot save images")(std::io::ErrorKind::Other.into()))??;
        Ok(stream)
    }
}

/// Docker's words depend on how the image was named.
fn missing(name: &str) -> Error {
    let reference = name.parse::<Reference>();
    if reference.is_ok_and(|name| name.tag().is_some() || name.digest().is_some()) {
        Error::NoSuchReference
    } else {
        Error::NoSuchImage(name.to_owned())
    }
}
