//! All sockets the API is served on, opened before anything else is touched.

use std::path::Path;

use corten_api::{Listener, Tls};
use tokio::net::{TcpListener, UnixListener};

use crate::activation::{self, Activated};
use crate::hosts::Host;
use crate::run::Failure;
use crate::settings::Settings;
use crate::sockets::{self, DOCKER_SOCKET, Socket};
use crate::untaken::untaken;

/// What is listened on. Dropping it removes the files of its unix sockets.
pub(crate) struct Listeners {
    /// To be served.
    pub(crate) listeners: Vec<Listener>,
    /// Their addresses, for the log.
    pub(crate) names: Vec<String>,
    _files: Vec<Socket>,
}

/// Opens what the settings ask for.
pub(crate) async fn open(settings: &Settings) -> Result<Listeners, Failure> {
    let tls = settings
        .tls
        .as_ref()
        .map(Tls::load)
        .transpose()
        .map_err(|error| format!("invalid TLS configuration: {error}"))?;
    let group = sockets::group_id(&settings.group);
    if group.is_none() && settings.group_named {
        return Err(format!("failed to load listeners: group {} not found", settings.group).into());
    }
    let mut activated = Vec::new();
    if settings
        .hosts
        .iter()
        .any(|host| matches!(host, Host::Activated(_)))
    {
        activated = activation::take()?;
    }
    let mut open = Listeners {
        listeners: Vec::new(),
        names: Vec::new(),
        _files: Vec::new(),
    };
    for host in &settings.hosts {
        match host {
            Host::Unix(path) => {
                let socket = Socket::listen(path, group)
                    .map_err(|error| format!("can't create unix socket {}: {error}", path.display()))?;
                open.add_unix(socket)?;
            }
            Host::Tcp(address) => {
                let listener = TcpListener::bind(address).await.map_err(|error| {
                    let why = match error.kind() {
                        std::io::ErrorKind::AddrInUse => "bind: address already in use".to_owned(),
                        std::io::ErrorKind::AddrNotAvailable => {
                            "bind: cannot assign requested address".to_owned()
                        }
                        _ => error.to_string(),
                    };
                    format!("failed to load listeners: listen tcp {address}: {why}")
                })?;
                open.warn(address, settings);
                open.names.push(listener.local_addr()?.to_string());
                open.listeners.push(Listener::Tcp(listener, tls.clone()));
            }
            Host::Activated(wanted) => open.add_activated(&mut activated, wanted.as_deref(), tls.as_ref())?,
        }
    }
    if settings.docker_socket {
        match Socket::listen(Path::new(DOCKER_SOCKET), group) {
            Ok(socket) => open.add_unix(socket)?,
            Err(error) => tracing::info!(%error, "not listening on {DOCKER_SOCKET}"),
        }
    }
    Ok(open)
}

impl Listeners {
    fn add_unix(&mut self, socket: Socket) -> Result<(), Failure> {
        let listener = UnixListener::from_std(socket.listener.try_clone()?)?;
        self.names.push(socket.name());
        self.listeners.push(Listener::Unix(listener, untaken));
        self._files.push(socket);
        Ok(())
    }

    /// Takes those of the sockets handed over that are `wanted`.
    fn add_activated(
        &mut self,
        handed_over: &mut Vec<Activated>,
        wanted: Option<&str>,
        tls: Option<&Tls>,
    ) -> Result<(), Failure> {
        let before = self.listeners.len();
        let is_wanted = |socket: &mut Activated| wanted.is_none_or(|wanted| socket.is(wanted));
        for socket in handed_over.extract_if(.., is_wanted) {
            match socket.listener {
                activation::Listener::Unix(listener) => {
                    self.names.push(format!("{:?}", listener.local_addr()?));
                    self.listeners
                        .push(Listener::Unix(UnixListener::from_std(listener)?, untaken));
                }
                activation::Listener::Tcp(listener) => {
                    self.names.push(listener.local_addr()?.to_string());
                    self.listeners
                        .push(Listener::Tcp(TcpListener::from_std(listener)?, tls.cloned()));
                }
            }
        }
        match wanted {
            _ if self.listeners.len() > before => Ok(()),
            None => Err(
                "no sockets found via socket activation: make sure the service was started by systemd".into(),
            ),
            Some(name) => Err(format!("no socket {name} was handed over by socket activation").into()),
        }
    }

    fn warn(&self, address: &str, settings: &Settings) {
        if let Some(warning) = exposure(address, settings) {
            tracing::warn!("{warning}");
        }
    }
}

/// What to say of an address that anybody who reaches it can use.
pub(crate) fn exposure(address: &str, settings: &Settings) -> Option<String> {
    let (url, how) = match &settings.tls {
        None => (format!("http://{address}"), "without encryption"),
        Some(tls) if tls.client_authority.is_none() => {
            (format!("https://{address}"), "without TLS client verification")
        }
        Some(_) => return None,
    };
    Some(format!(
        "WARNING: API is accessible on {url} {how}.\n         Access to the remote API is equivalent to root access on the \
         host. Refer\n         to the 'Docker daemon attack surface' section in the documentation for\n         more \
         information: https://docs.docker.com/go/attack-surface/"
    ))
}
