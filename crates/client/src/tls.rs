//! TLS to an engine: whom to trust, and as whom to come.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};

use crate::Error;

/// Files with what TLS needs, in PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Whoever vouches for the engine; `None` takes every engine for the right one.
    pub authority: Option<PathBuf>,
    /// The client's own certificate, if it has one.
    pub certificate: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
}

/// TLS ready to be spoken.
#[derive(Clone)]
pub struct Tls(TlsConnector);

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Which of them is missing or makes no sense.
    pub fn load(files: &TlsFiles) -> Result<Self, Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Tls(error.to_string()))?;
        let builder = match &files.authority {
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots
                        .add(certificate)
                        .map_err(|error| Error::Tls(format!("{}: {error}", path.display())))?;
                }
                builder.with_root_certificates(roots)
            }
            None => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(provider))),
        };
        let config = match (&files.certificate, &files.key) {
            (None, None) => Ok(builder.with_no_client_auth()),
            (certificate, key) => {
                let chain = certificates(certificate.as_deref().unwrap_or(Path::new("")))?;
                let key_file = key.as_deref().unwrap_or(Path::new(""));
                let key = PrivateKeyDer::from_pem_slice(&read(key_file)?)
                    .map_err(|error| Error::Tls(format!("{}: {error}", key_file.display())))?;
                builder.with_client_auth_cert(chain, key)
            }
        };
        let config = config.map_err(|error| Error::Tls(format!("Could not load X509 key pair: {error}")))?;
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Agrees on TLS with the engine at `authority` (`host:port`).
    pub(crate) async fn connect(
        &self,
        authority: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Error> {
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|error| Error::Tls(error.to_string()))?;
        self.0
            .connect(name, stream)
            .await
            .map_err(|error| Error::Tls(reason(&error)))
    }
}

/// In Go's words where there are some, since scripts look for them.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    // The signature of an authority of the same name is merely bad.
    if text.contains("UnknownIssuer") || text.contains("BadSignature") {
        "tls: failed to verify certificate: x509: certificate signed by unknown authority".to_owned()
    } else {
        text
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Tls(format!("{}: {error}", path.display())))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            _ => error.to_string(),
        };
        Error::Address(format!(
            "Failed to initialize: unable to resolve docker endpoint: open {}: {why}",
            path.display()
        ))
    })
}

/// Takes every engine for the right one, as `--tls` without `--tlsverify` asks for.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
