//! All files of an archive, staged in the content store: which of them are layers is known only at the end.

use std::collections::HashMap;
use std::io::Read;

use corten_archive::{MemberKind, TarReader};
use corten_content::{StagedBlob, Store};
use corten_types::Digest;
use serde::de::DeserializeOwned;

use crate::early::{Early, Start};
use crate::{Error, Result};

const BLOBS: &str = "blobs/sha256/";
/// Largest document held in memory: manifests are limited to 4 MiB by registries.
const MAX_DOCUMENT: u64 = 8 * 1024 * 1024;
/// Longest chain of links followed: docker-archives have links of one step.
const MAX_LINKS: usize = 8;
/// Longest name of a file, and how many there may be: all names are held in memory, and each file is one on disk.
const MAX_NAME: usize = 4096;
const MAX_FILES: usize = 1 << 16;
const BUFFER: usize = 256 * 1024;

/// The files by name.
pub(super) struct Staging {
    blobs: Vec<StagedBlob>,
    files: HashMap<String, usize>,
    links: HashMap<String, String>,
}

impl Staging {
    /// Reads all members; those named by a digest are verified at once.
    pub(super) fn read<R: Read>(
        mut archive: TarReader<R>,
        content: &Store,
        early: &mut Early<'_>,
    ) -> Result<Self> {
        let mut staging = Self {
            blobs: Vec::new(),
            files: HashMap::new(),
            links: HashMap::new(),
        };
        let mut buffer = vec![0; BUFFER];
        while let Some(member) = archive.next()? {
            let Some(name) = clean("", &member.path) else {
                let name = String::from_utf8_lossy(&member.path).into_owned();
                return Err(
                    corten_archive::Error::Breakout(format!("{name:?} is outside of the archive")).into(),
                );
            };
            if name.len() > MAX_NAME || member.link.len() > MAX_NAME {
                return Err(Error::Archive("a file's name is too long".to_owned()));
            }
            if staging.files.len() + staging.links.len() >= MAX_FILES {
                return Err(Error::Archive(format!("more than {MAX_FILES} files")));
            }
            match member.kind {
                MemberKind::File if member.segments.is_none() => {
                    let incoming = Incoming {
                        name: &name,
                        size: member.size,
                    };
                    let blob = incoming.stage(&mut archive, content, &mut buffer, early)?;
                    staging.files.insert(name, staging.blobs.len());
                    staging.blobs.push(blob);
                }
                MemberKind::Symlink => {
                    let dir = name.rsplit_once('/').map_or("", |(dir, _)| dir);
                    // One that leads elsewhere is a file the archive does not have.
                    if let Some(target) = clean(dir, &member.link) {
                        staging.links.insert(name, target);
                    }
                }
                MemberKind::HardLink => {
                    if let Some(target) = clean("", &member.link) {
                        staging.links.insert(name, target);
                    }
                }
                MemberKind::Directory => {}
                _ => return Err(Error::Archive(format!("unexpected kind of file: {name}"))),
            }
        }
        // What follows the archive's end must still be read, lest the sender waits for us.
        std::io::copy(&mut archive.into_inner(), &mut std::io::sink())
            .map_err(corten_archive::Error::read)?;
        Ok(staging)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// The blob of a file, by name.
    pub(super) fn file(&self, name: &str) -> Result<usize> {
        let missing = || Error::Archive(format!("{name} is missing"));
        let mut current = clean("", name.as_bytes()).ok_or_else(missing)?;
        for _ in 0..MAX_LINKS {
            if let Some(blob) = self.files.get(&current) {
                return Ok(*blob);
            }
            current = self.links.get(&current).ok_or_else(missing)?.clone();
        }
        Err(missing())
    }

    /// The blob of a digest.
    pub(super) fn blob(&self, digest: &Digest) -> Result<usize> {
        let file = self.files.get(&format!("{BLOBS}{}", digest.hex()));
        file.copied()
            .ok_or_else(|| Error::Archive(format!("blob {digest} is missing")))
    }

    pub(super) fn digest(&self, blob: usize) -> &Digest {
        self.blobs[blob].digest()
    }

    /// Reads a whole JSON document.
    pub(super) fn json<T: DeserializeOwned>(&self, blob: usize, what: &str) -> Result<T> {
        serde_json::from_slice(&read_document(&self.blobs[blob], what)?).map_err(Error::json(what))
    }

    pub(super) fn into_blobs(self) -> Vec<StagedBlob> {
        self.blobs
    }
}

/// The whole of a small staged blob.
pub(crate) fn read_document(blob: &StagedBlob, what: &str) -> Result<Vec<u8>> {
    if blob.size() > MAX_DOCUMENT {
        return Err(Error::Archive(format!("{what} is too large")));
    }
    let mut bytes = Vec::new();
    blob.open()?.read_to_end(&mut bytes).map_err(Error::Read)?;
    Ok(bytes)
}

/// A file of the archive.
struct Incoming<'a> {
    name: &'a str,
    size: u64,
}

impl Incoming<'_> {
    fn stage(
        &self,
        data: &mut impl Read,
        content: &Store,
        buffer: &mut [u8],
        early: &mut Early<'_>,
    ) -> Result<StagedBlob> {
        let expected = match self.name.strip_prefix(BLOBS) {
            Some(hex) => Some(Digest::from_hex(hex).map_err(|error| Error::Archive(error.to_string()))?),
            None => None,
        };
        let mut writer = content.writer()?;
        let mut start: Start = [0; size_of::<Start>()];
        let mut begun = None;
        loop {
            let count = fill(data, buffer)?;
            if count == 0 {
                break;
            }
            writer.append(&buffer[..count])?;
            if writer.size() == count as u64 {
                let told = count.min(start.len());
                start[..told].copy_from_slice(&buffer[..told]);
                begun = early.incoming(writer.follow(), self.size, &start, expected.as_ref());
            }
        }
        let blob = writer.finish(expected.as_ref())?;
        let begun = begun.or_else(|| early.incoming(blob.follow(), blob.size(), &start, Some(blob.digest())));
        early.complete(blob.digest(), begun);
        Ok(blob)
    }
}

/// Reads until the buffer is full or the data ends: the larger the pieces of a file, the cheaper it is written.
fn fill(data: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match data.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(corten_archive::Error::read(error).into()),
        }
    }
    Ok(filled)
}

/// A file's name from the archive's root without `.`, `..` and double slashes; none if it leads out or is not UTF-8.
fn clean(dir: &str, name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let mut parts: Vec<&str> = Vec::new();
    for part in dir.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned() {
        assert_eq!(clean("", b"./manifest.json").as_deref(), Some("manifest.json"));
        assert_eq!(
            clean("abc", b"../def/layer.tar").as_deref(),
            Some("def/layer.tar")
        );
        assert_eq!(clean("abc", b"../../x"), None);
    }
}
