//! The files of contexts: `contexts/meta/DIGEST/meta.json`, and certificates below `contexts/tls/DIGEST/ENDPOINT`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use corten_client::TlsFiles;
use corten_types::system_words;
use sha2::{Digest, Sha256};

use super::{Context, ENGINE, Secrets};
use crate::error::Error;
use crate::human::natural_order;

/// Files with certificates of authorities, of which the first that is there is the system's.
const AUTHORITIES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The contexts of a user.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
}

impl Store {
    /// Those beside the `config.json` in `config_dir`.
    pub(crate) fn beside(config_dir: &Path) -> Self {
        Self {
            dir: config_dir.join("contexts"),
        }
    }

    /// A context.
    ///
    /// # Errors
    /// In Docker's words, when there is none of that name or its file cannot be read.
    pub(crate) fn get(&self, name: &str) -> Result<Context, Error> {
        read(&self.meta_dir(name).join("meta.json"))
            .map_err(|why| Error::plain(format!("context {name:?}: {why}")))
    }

    /// Whether there is a context of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.meta_dir(name).join("meta.json").exists()
    }

    /// All contexts, as people sort names.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn list(&self) -> Result<Vec<Context>, Error> {
        let entries = match fs::read_dir(self.dir.join("meta")) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut contexts = Vec::new();
        for entry in entries {
            let file = entry?.path().join("meta.json");
            if file.exists() {
                contexts.push(read(&file).map_err(Error::plain)?);
            }
        }
        contexts.sort_by(|a: &Context, b| natural_order(&a.name, &b.name));
        Ok(contexts)
    }

    /// Writes a context, in place of one of the same name.
    ///
    /// # Errors
    /// When writing fails.
    pub(crate) fn put(&self, context: &Context) -> Result<(), Error> {
        let dir = self.meta_dir(&context.name);
        fs::create_dir_all(&dir)?;
        let text = serde_json::to_vec(context).map_err(io::Error::from)?;
        replace(&dir.join("meta.json"), &text, 0o644)?;
        Ok(())
    }

    /// Writes the secrets of a context, in place of those it had.
    ///
    /// # Errors
    /// When writing fails.
    pub(crate) fn put_secrets(&self, name: &str, secrets: &Secrets) -> Result<(), Error> {
        let dir = self.tls_dir(name);
        remove_tree(&dir)?;
        for (endpoint, files) in secrets {
            let dir = dir.join(endpoint);
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
            for (file, text) in files {
                replace(&dir.join(file), text, 0o600)?;
            }
        }
        Ok(())
    }

    /// The secrets of a context.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn secrets(&self, name: &str) -> Result<Secrets, Error> {
        let mut secrets = Secrets::new();
        for (endpoint, files) in self.secret_names(name)? {
            let dir = self.tls_dir(name).join(&endpoint);
            let read = |file: String| Ok((file.clone(), fs::read(dir.join(file))?));
            let files = files.into_iter().map(read).collect::<io::Result<_>>()?;
            secrets.insert(endpoint, files);
        }
        Ok(secrets)
    }

    /// The secrets of a context's engine.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn engine_secrets(&self, name: &str) -> Result<BTreeMap<String, Vec<u8>>, Error> {
        Ok(self.secrets(name)?.remove(ENGINE).unwrap_or_default())
    }

    /// The names of the files with secrets, by endpoint.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub(crate) fn secret_names(&self, name: &str) -> Result<BTreeMap<String, Vec<String>>, Error> {
        let dir = self.tls_dir(name);
        let mut all = BTreeMap::new();
        for endpoint in names(&dir)? {
            let files = names(&dir.join(&endpoint))?;
            all.insert(endpoint, files);
        }
        Ok(all)
    }

    /// How the engine of a context is to be talked to over TCP; `None` unprotected.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub(crate) fn tls(&self, context: &Context) -> Result<Option<TlsFiles>, Error> {
        let dir = self.tls_dir(&context.name).join(ENGINE);
        let files = names(&dir)?;
        let skip = context.endpoint().skip_tls_verify;
        if files.is_empty() && !skip {
            return Ok(None);
        }
        let file = |name: &str| files.iter().any(|file| file == name).then(|| dir.join(name));
        let system = || AUTHORITIES.iter().map(PathBuf::from).find(|path| path.exists());
        let authority = match skip {
            true => None,
            // Whoever names no authority trusts those of the system, and never just anybody.
            false => file("ca.pem")
                .or_else(system)
                .or_else(|| Some(AUTHORITIES[0].into())),
        };
        Ok(Some(TlsFiles {
            authority,
            certificate: file("cert.pem"),
            key: file("key.pem"),
        }))
    }

    /// Removes a context and its secrets; one that is not there is gone already.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Error> {
        remove_tree(&self.meta_dir(name))?;
        remove_tree(&self.tls_dir(name))?;
        Ok(())
    }

    /// Where the file of a context is.
    pub(crate) fn meta_dir(&self, name: &str) -> PathBuf {
        self.dir.join("meta").join(directory(name))
    }

    /// Where its secrets are.
    pub(crate) fn tls_dir(&self, name: &str) -> PathBuf {
        self.dir.join("tls").join(directory(name))
    }
}

/// What the directories of a context are called.
fn directory(name: &str) -> String {
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(file: &Path) -> Result<Context, String> {
    let text = fs::read(file).map_err(|error| {
        let why = format!("open {}: {}", file.display(), system_words(&error));
        match error.kind() {
            io::ErrorKind::NotFound => format!("context not found: {why}"),
            _ => why,
        }
    })?;
    serde_json::from_slice(&text).map_err(|error| format!("parsing {}: {error}", file.display()))
}

/// The names in a directory, sorted; none when it is not there.
fn names(dir: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let mut names = entries.map(name).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// Writes a file that is there whole or not at all.
pub(crate) fn replace(path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    let unfinished = path.with_extension(format!("tmp{}", std::process::id()));
    let written = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&unfinished)
        .and_then(|mut file| file.write_all(text))
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // The error that counts is the one that has already happened.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn remove_tree(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Endpoint, engine_secrets};
    use super::*;

    fn context(name: &str, host: &str) -> Context {
        let endpoint = Endpoint {
            host: host.to_owned(),
            ..Endpoint::default()
        };
        Context::new(name, "far away", &endpoint)
    }

    #[test]
    fn keeps_contexts_where_docker_does() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::beside(dir.path());
        assert!(store.list().unwrap().is_empty() && !store.has("far"));
        for name in ["far", "t10", "t9"] {
            store.put(&context(name, "tcp://1.2.3.4:2376")).unwrap();
        }
        let file = "contexts/meta/512eea46ceb3921dff4363c7069d89d4964d1d9fccaa0f411851a7aa60a5c868/meta.json";
        assert_eq!(
            fs::read_to_string(dir.path().join(file)).unwrap(),
            r#"{"Name":"far","Metadata":{"Description":"far away"},"Endpoints":{"docker":{"Host":"tcp://1.2.3.4:2376","SkipTLSVerify":false}}}"#
        );
        assert_eq!(store.get("far").unwrap(), context("far", "tcp://1.2.3.4:2376"));
        let names: Vec<_> = store.list().unwrap().into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["far", "t9", "t10"]);
        let missing = store.get("nope").unwrap_err().to_string();
        assert!(
            missing.starts_with("context \"nope\": context not found: open ")
                && missing.ends_with("meta.json: no such file or directory"),
            "{missing}"
        );
        store.remove("far").unwrap();
        store.remove("far").unwrap();
        assert!(!store.has("far"));
    }

    #[test]
    fn secrets_are_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let store = Store::beside(dir.path());
        let mut far = context("far", "tcp://1.2.3.4:2376");
        store.put(&far).unwrap();
        assert_eq!(store.tls(&far).unwrap(), None);
        let files = ["ca.pem", "key.pem"].map(|name| (name.to_owned(), b"secret".to_vec()));
        let secrets = engine_secrets(files.into());
        store.put_secrets("far", &secrets).unwrap();
        assert_eq!(store.secrets("far").unwrap(), secrets);
        let key = store.tls_dir("far").join("docker/key.pem");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&key), mode(key.parent().unwrap())), (0o600, 0o700));
        let tls = store.tls(&far).unwrap().unwrap();
        assert_eq!((tls.key, tls.certificate), (Some(key), None));
        assert!(tls.authority.unwrap().ends_with("docker/ca.pem"));
        far.lead_to(&Endpoint {
            skip_tls_verify: true,
            ..far.endpoint()
        });
        assert_eq!(store.tls(&far).unwrap().unwrap().authority, None);
        store.put_secrets("far", &Secrets::new()).unwrap();
        assert!(store.secrets("far").unwrap().is_empty() && !store.tls_dir("far").exists());
    }
}
