//! One invocation of a verb: what the user said, and the engine it is for.

use std::path::PathBuf;

use corten_client::{Address, Client};
use corten_wire::ApiVersion;
use serde::Deserialize;

use crate::command::Program;
use crate::daemon_start;
use crate::error::Error;
use crate::flags::Matches;

/// The engine's own socket.
pub(crate) const CORTEN_SOCKET: &str = "/run/corten/corten.sock";
/// The socket Docker's clients use.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// One invocation of a verb.
pub(crate) struct Invocation {
    /// The program's name.
    pub(crate) program: Program,
    /// What the arguments said.
    pub(crate) matches: Matches,
    /// What was said before the verb.
    pub(crate) settings: Settings,
}

/// What was said before the verb, or in the environment.
pub(crate) struct Settings {
    /// The engine asked for; `None` leaves the choice to us.
    host: Option<Address>,
    /// Directory of `config.json`.
    config_dir: Option<PathBuf>,
    /// `-D`.
    pub(crate) debug: bool,
}

/// The part of `config.json` that verbs ask for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ConfigFile {
    /// Keys that detach.
    pub(crate) detach_keys: String,
    /// `--format` of `ps`.
    pub(crate) ps_format: String,
    /// `--format` of `images`.
    pub(crate) images_format: String,
}

impl Settings {
    /// Reads the options before the verb and the environment.
    pub(crate) fn new(matches: &Matches) -> Result<Self, Error> {
        let mut hosts = matches.list("host");
        let host = hosts.next().map(str::to_owned);
        if hosts.next().is_some() {
            return Err(Error::plain("Specify only one -H"));
        }
        let context = matches.text("context");
        if host.is_some() && context.is_some_and(|name| name != "default") {
            return Err(Error::plain(
                "conflicting options: cannot specify both --host and --context",
            ));
        }
        let context = context
            .map(str::to_owned)
            .or_else(|| env("DOCKER_CONTEXT").filter(|_| host.is_none()));
        if let Some(name) = context.filter(|name| name != "default") {
            return Err(Error::plain(format!(
                "Failed to initialize: unable to resolve docker endpoint: context {name:?}: contexts are not supported by Corten yet"
            )));
        }
        if env("DOCKER_TLS_VERIFY").is_some() {
            return Err(Error::plain(
                "DOCKER_TLS_VERIFY: TLS is not supported by Corten yet",
            ));
        }
        let host = host
            .filter(|text| !text.is_empty())
            .or_else(|| env("DOCKER_HOST"))
            .map(|text| text.parse())
            .transpose()?;
        Ok(Self {
            host,
            config_dir: matches
                .filled("config")
                .map(PathBuf::from)
                .or_else(|| env("DOCKER_CONFIG").map(PathBuf::from))
                .or_else(|| env("HOME").map(|home| PathBuf::from(home).join(".docker"))),
            debug: matches.on("debug"),
        })
    }
}

impl Invocation {
    /// A client with a connection to the engine. Starts the engine when that is ours to do.
    pub(crate) async fn connect(&self) -> Result<Client, Error> {
        let version = env("DOCKER_API_VERSION")
            .map(|text| {
                text.parse::<ApiVersion>()
                    .map_err(|error| Error::plain(error.to_string()))
            })
            .transpose()?;
        let client = |address| match version {
            Some(version) => Client::with_version(address, version),
            None => Client::new(address),
        };
        if let Some(address) = &self.settings.host {
            return Ok(client(address.clone()));
        }
        let mut refusal = None;
        for socket in [CORTEN_SOCKET, DOCKER_SOCKET] {
            let candidate = client(Address::Unix(socket.into()));
            match candidate.connect().await {
                Ok(()) => return Ok(candidate),
                // A socket that is there but not for this user says more than one that is not there.
                Err(error) if error.is_connect() && refusal.is_some() => {}
                Err(error) => refusal = Some(error),
            }
        }
        if rustix::process::geteuid().is_root() {
            let candidate = client(Address::Unix(CORTEN_SOCKET.into()));
            daemon_start::start(&candidate).await?;
            return Ok(candidate);
        }
        Err(match refusal {
            Some(error @ corten_client::Error::Permission { .. }) => error.into(),
            _ => Error::plain(format!(
                "Cannot connect to the Docker daemon at unix://{DOCKER_SOCKET}. Is the docker daemon running?"
            )),
        })
    }

    /// `config.json`, or its defaults when there is none.
    pub(crate) fn config_file(&self) -> Result<ConfigFile, Error> {
        let Some(dir) = &self.settings.config_dir else {
            return Ok(ConfigFile::default());
        };
        let path = dir.join("config.json");
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| Error::plain(format!("loading config file: {}: {error}", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(ConfigFile::default()),
            Err(error) => Err(Error::plain(format!(
                "loading config file: {}: {error}",
                path.display()
            ))),
        }
    }

    /// The keys that detach: the flag, else the configuration; `None` for the default.
    pub(crate) fn detach_keys(&self) -> Result<Option<String>, Error> {
        if let Some(keys) = self.matches.filled("detach-keys") {
            return Ok(Some(keys.to_owned()));
        }
        let keys = self.config_file()?.detach_keys;
        Ok((!keys.is_empty()).then_some(keys))
    }
}

/// A variable of the environment that is set and not empty.
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
