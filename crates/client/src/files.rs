//! Calls on a container's files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use corten_wire::{ContainerPathStat, FilesystemChange, go_json};

use crate::client::Call;
use crate::query::Target;
use crate::{Client, Error, RawStream, Upload};

const KIND: &str = "containers";
const PATH_STAT: &str = "x-docker-container-path-stat";

/// # Errors
/// As for containers.
impl Client {
    /// What is at a path of a container, a link itself not followed.
    pub async fn stat_path(&self, container: &str, path: &str) -> Result<ContainerPathStat, Error> {
        let target = Target::of(KIND, container, "/archive").with("path", path);
        match self.raw(Call::head(target)).await {
            Ok(answer) => path_stat(&answer),
            // An answer without body has no sentence, either.
            Err(Error::Status { status: 404, .. }) => Err(Error::Status {
                status: 404,
                message: format!("Could not find the file {path} in container {container}"),
            }),
            Err(error) => Err(error),
        }
    }

    /// A file or directory of a container as a tar stream.
    pub async fn get_archive(
        &self,
        container: &str,
        path: &str,
    ) -> Result<(ContainerPathStat, RawStream), Error> {
        let target = Target::of(KIND, container, "/archive").with("path", path);
        let answer = self.raw(Call::get(target)).await?;
        Ok((path_stat(&answer)?, answer))
    }

    /// Unpacks a tar stream in a directory of a container. A directory there is never replaced by something else, nor the
    /// other way round; with `own` everything is given to the container's user.
    pub async fn put_archive(
        &self,
        container: &str,
        path: &str,
        own: bool,
        archive: Upload,
    ) -> Result<(), Error> {
        // An upload cannot be sent twice, so the version must be right the first time.
        self.negotiate().await?;
        let target = Target::of(KIND, container, "/archive")
            .with("path", path)
            .with("noOverwriteDirNonDir", true)
            .with_some("copyUIDGID", own.then_some(true));
        self.done(Call::put(target).with_upload(archive)).await
    }

    /// What a container changed of its image.
    pub async fn container_changes(&self, container: &str) -> Result<Vec<FilesystemChange>, Error> {
        let target = Target::of(KIND, container, "/changes");
        let changes: Option<Vec<FilesystemChange>> = self.json(Call::get(target)).await?;
        Ok(changes.unwrap_or_default())
    }

    /// A container's root file system as a tar stream.
    pub async fn export_container(&self, container: &str) -> Result<RawStream, Error> {
        self.raw(Call::get(Target::of(KIND, container, "/export"))).await
    }
}

fn path_stat(answer: &RawStream) -> Result<ContainerPathStat, Error> {
    let malformed = || Error::Protocol("it does not say what is at the path".to_owned());
    let header = answer.header(PATH_STAT).ok_or_else(malformed)?;
    let text = STANDARD.decode(header).map_err(|_| malformed())?;
    Ok(go_json::from_slice(&text)?)
}
