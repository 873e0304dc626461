//! TLS on TCP listeners: the engine's certificate, and whose clients are let in.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Files with what TLS needs, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The engine's certificate, with those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Whoever's signature clients must show; `None` lets everybody in.
    pub client_authority: Option<PathBuf>,
}

/// TLS ready to be spoken.
#[derive(Clone)]
pub struct Tls(pub(crate) TlsAcceptor);

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// In Docker's words, which of them is missing or makes no sense.
    pub fn load(files: &TlsFiles) -> Result<Self, String> {
        let pair = |why: String| format!("Could not load X509 key pair: {why}");
        let chain = certificates(&files.certificate).map_err(pair)?;
        let key = PrivateKeyDer::from_pem_slice(&read(&files.key).map_err(pair)?)
            .map_err(|error| pair(format!("{}: {error}", files.key.display())))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match &files.client_authority {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let unreadable =
                    |why: String| format!("could not read CA certificate {:?}: {why}", path.display());
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path).map_err(unreadable)? {
                    roots
                        .add(certificate)
                        .map_err(|error| unreadable(error.to_string()))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|error| unreadable(error.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| pair(error.to_string()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let found = found.map_err(|error| format!("{}: {error}", path.display()))?;
    if found.is_empty() {
        return Err(format!("{}: no certificate in it", path.display()));
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            _ => error.to_string(),
        };
        format!("open {}: {why}", path.display())
    })
}
