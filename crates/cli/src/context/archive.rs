//! A context in an archive, as `context export` writes and `context import` reads it: `meta.json`, and secrets below `tls`.

use std::io::{self, Read};

use corten_archive::{Member, MemberKind, TarReader, TarWriter};

use super::{Context, Secrets};
use crate::error::Error;

const META: &str = "meta.json";
const TLS: &str = "tls";
/// Most bytes of an archive.
const LIMIT: u64 = 10 << 20;
/// What a zip archive begins with.
const ZIP: &[u8] = b"PK\x03\x04";

/// Writes a context and its secrets.
///
/// # Errors
/// When the context cannot be written as JSON.
pub(crate) fn pack(context: &Context, secrets: &Secrets) -> Result<Vec<u8>, Error> {
    let meta = serde_json::to_vec(context).map_err(io::Error::from)?;
    written(&meta, secrets).map_err(|error| Error::plain(error.to_string()))
}

fn written(meta: &[u8], secrets: &Secrets) -> corten_archive::Result<Vec<u8>> {
    let mut archive = TarWriter::new(Vec::new());
    let mut add = |path: &str, kind, mode, text: &[u8]| {
        archive.begin(&Member::made(kind, path, mode, text.len() as u64))?;
        archive.data(text)
    };
    add(META, MemberKind::File, 0o644, meta)?;
    add(TLS, MemberKind::Directory, 0o700, &[])?;
    for (endpoint, files) in secrets {
        add(&format!("{TLS}/{endpoint}"), MemberKind::Directory, 0o700, &[])?;
        for (name, text) in files {
            add(&format!("{TLS}/{endpoint}/{name}"), MemberKind::File, 0o600, text)?;
        }
    }
    archive.finish()
}

/// Reads a context and its secrets.
///
/// # Errors
/// When it is no archive of a context, or too large to be one.
pub(crate) fn unpack(source: impl Read) -> Result<(Context, Secrets), Error> {
    let mut text = Vec::new();
    source.take(LIMIT + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LIMIT {
        return Err(Error::plain("read exceeds the defined limit"));
    }
    if text.starts_with(ZIP) {
        return Err(Error::plain(
            "zip archives of contexts are not supported by Corten yet",
        ));
    }
    let damaged = |error: corten_archive::Error| Error::plain(error.to_string());
    let mut archive = TarReader::new(text.as_slice());
    let mut context = None;
    let mut secrets = Secrets::new();
    while let Some(member) = archive.next().map_err(damaged)? {
        if member.kind == MemberKind::Directory {
            continue;
        }
        let path = String::from_utf8_lossy(&member.path).into_owned();
        let parts: Vec<&str> = path.split('/').collect();
        if member.kind != MemberKind::File || !parts.iter().all(|part| is_name(part)) {
            return Err(strange(&path));
        }
        let mut data = Vec::new();
        archive.read_to_end(&mut data)?;
        match parts[..] {
            [META] => {
                let read = serde_json::from_slice::<Context>(&data);
                context = Some(read.map_err(|error| Error::plain(error.to_string()))?);
            }
            [TLS, endpoint, name] => {
                let files = secrets.entry(endpoint.to_owned()).or_default();
                files.insert(name.to_owned(), data);
            }
            _ => return Err(strange(&path)),
        }
    }
    let context = context.ok_or_else(|| Error::plain("invalid context: no metadata found"))?;
    Ok((context, secrets))
}

/// A part of a path that leads nowhere else.
fn is_name(part: &str) -> bool {
    !matches!(part, "" | "." | "..")
}

fn strange(path: &str) -> Error {
    Error::plain(format!("{path}: unexpected context file"))
}

#[cfg(test)]
mod tests {
    use super::super::{Endpoint, engine_secrets};
    use super::*;

    #[test]
    fn there_and_back() {
        let context = Context::new("far", "far away", &Endpoint::default());
        let secrets = engine_secrets([("key.pem".to_owned(), b"secret".to_vec())].into());
        let text = pack(&context, &secrets).unwrap();
        assert_eq!(unpack(text.as_slice()).unwrap(), (context, secrets));
    }

    #[test]
    fn what_is_no_context_is_refused() {
        let say = |text: &[u8]| unpack(text).unwrap_err().to_string();
        assert_eq!(say(b""), "invalid context: no metadata found");
        assert!(!say(b"root:x:0:0:root:/root:/bin/bash\n").is_empty());
        let mut archive = TarWriter::new(Vec::new());
        archive
            .begin(&Member::made(MemberKind::File, "tls/../../x", 0o600, 1))
            .unwrap();
        archive.data(b"x").unwrap();
        let text = archive.finish().unwrap();
        assert_eq!(say(&text), "tls/../../x: unexpected context file");
    }
}
