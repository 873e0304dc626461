//! One invocation of a verb: what the user said, and the engine it is for.

use std::path::{Path, PathBuf};

use corten_client::{Address, Client, Tls, TlsFiles};
use corten_wire::ApiVersion;

use crate::command::Program;
use crate::config_file::ConfigFile;
use crate::context::{Choice, DEFAULT, Store};
use crate::daemon_start;
use crate::error::Error;
use crate::flags::Matches;
use crate::format::Format;

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
    /// The engine asked for.
    pub(crate) choice: Choice,
    /// How TCP is protected, if it is, where no context says so.
    tls: Option<TlsFiles>,
    /// Directory of `config.json`.
    config_dir: PathBuf,
    /// What that says.
    config: ConfigFile,
    /// `-D`.
    pub(crate) debug: bool,
}

/// An engine that was asked for.
struct Asked {
    address: Address,
    tls: Option<TlsFiles>,
}

impl Settings {
    /// Reads the options before the verb and the environment.
    pub(crate) fn new(matches: &Matches) -> Result<Self, Error> {
        let config_dir = matches
            .filled("config")
            .map(PathBuf::from)
            .or_else(|| env("DOCKER_CONFIG").map(PathBuf::from))
            .unwrap_or_else(|| std::env::home_dir().unwrap_or_default().join(".docker"));
        let config = ConfigFile::read(&config_dir);
        Ok(Self {
            choice: Choice::read(matches, &config.current_context)?,
            tls: tls(matches, &config_dir),
            config_dir,
            config,
            debug: matches.on("debug"),
        })
    }

    /// The contexts of the user.
    pub(crate) fn contexts(&self) -> Store {
        Store::beside(&self.config_dir)
    }

    /// How the engine is talked to over TCP that no context leads to.
    pub(crate) fn tls(&self) -> Option<&TlsFiles> {
        self.tls.as_ref()
    }

    /// Makes sure that what was said of the engine makes sense.
    ///
    /// # Errors
    /// When there is no such context, or its address is none.
    pub(crate) fn check_engine(&self) -> Result<(), Error> {
        self.asked().map(drop)
    }

    /// The engine asked for; `None` leaves the choice to us.
    fn asked(&self) -> Result<Option<Asked>, Error> {
        let failed = |error: Error| {
            Error::plain(format!(
                "Failed to initialize: unable to resolve docker endpoint: {error}"
            ))
        };
        let (host, tls) = match &self.choice {
            Choice::Ours => return Ok(None),
            Choice::Address(host) => (host.clone(), self.tls.clone()),
            Choice::Context(name) => {
                let store = self.contexts();
                let context = store.get(name).map_err(failed)?;
                let host = context.endpoint().host;
                if host.is_empty() {
                    return Err(failed(Error::plain(format!(
                        "context {name:?}: no endpoint of an engine"
                    ))));
                }
                (host, store.tls(&context).map_err(failed)?)
            }
        };
        let refused = |error: corten_client::Error| match host.starts_with("ssh://") {
            true => Error::plain(format!("Failed to initialize: {error}")),
            false => failed(error.into()),
        };
        let address: Address = host.parse().map_err(refused)?;
        let tls = tls.filter(|_| matches!(address, Address::Tcp(_)));
        Ok(Some(Asked { address, tls }))
    }
}

impl Invocation {
    /// A client with a connection to the engine. Starts the engine when that is ours to do.
    pub(crate) async fn connect(&self) -> Result<Client, Error> {
        let reached = self.reach().await;
        let ours = self.settings.choice == Choice::Ours && rustix::process::geteuid().is_root();
        if reached.is_ok() || !ours {
            return reached;
        }
        let candidate = self.client(Address::Unix(CORTEN_SOCKET.into()), None)?;
        daemon_start::start(&candidate).await?;
        Ok(candidate)
    }

    /// A client with a connection to an engine that runs.
    pub(crate) async fn reach(&self) -> Result<Client, Error> {
        if let Some(Asked { address, tls }) = self.settings.asked()? {
            let tls = tls.as_ref().map(Tls::load).transpose()?;
            return self.client(address, tls);
        }
        let mut refusal = None;
        for socket in [CORTEN_SOCKET, DOCKER_SOCKET] {
            let candidate = self.client(Address::Unix(socket.into()), None)?;
            match candidate.connect().await {
                Ok(()) => return Ok(candidate),
                // A socket that is there but not for this user says more than one that is not there.
                Err(error) if error.is_connect() && refusal.is_some() => {}
                Err(error) => refusal = Some(error),
            }
        }
        Err(match refusal {
            Some(error @ corten_client::Error::Permission { .. }) => error.into(),
            _ => Error::plain(format!(
                "Cannot connect to the Docker daemon at unix://{DOCKER_SOCKET}. Is the docker daemon running?"
            )),
        })
    }

    fn client(&self, address: Address, tls: Option<Tls>) -> Result<Client, Error> {
        let client = Client::with(address, tls, asked_version()?);
        Ok(client.with_headers(&self.config_file().http_headers)?)
    }

    /// The address of the engine no context leads to, as people are told it.
    pub(crate) fn default_host(&self) -> String {
        match &self.settings.choice {
            Choice::Address(host) => host.clone(),
            _ => env("DOCKER_HOST").unwrap_or_else(|| {
                let there = [CORTEN_SOCKET, DOCKER_SOCKET]
                    .into_iter()
                    .find(|socket| Path::new(socket).exists());
                format!("unix://{}", there.unwrap_or(DOCKER_SOCKET))
            }),
        }
    }

    /// Makes a context the one in use.
    pub(crate) fn use_context(&self, name: &str) -> Result<(), Error> {
        let name = if name == DEFAULT { "" } else { name };
        Ok(ConfigFile::set_context(&self.settings.config_dir, name)?)
    }

    /// `config.json`, or its defaults when there is none.
    pub(crate) fn config_file(&self) -> &ConfigFile {
        &self.settings.config
    }

    /// Variables that new containers get for want of others of the same name.
    pub(crate) fn proxy_variables(&self, client: &Client) -> Vec<(String, String)> {
        self.config_file().proxy_variables(&client.address().to_string())
    }

    /// What a list is to look like: the flag, else the configuration's word unless only names are asked for; `None` for
    /// the list's own table. `raw` is what the old word `raw` stands for.
    pub(crate) fn list_format(
        &self,
        configured: fn(&ConfigFile) -> &str,
        raw: &str,
    ) -> Result<Option<Format>, Error> {
        if let Some(text) = self.matches.filled("format") {
            return Format::parse_list(text, raw).map(Some);
        }
        if self.matches.on("quiet") {
            return Ok(None);
        }
        match configured(self.config_file()) {
            "" => Ok(None),
            text => Format::parse_list(text, raw).map(Some),
        }
    }

    /// The keys that detach: the flag, else the configuration; `None` for the default.
    pub(crate) fn detach_keys(&self) -> Result<Option<String>, Error> {
        if let Some(keys) = self.matches.filled("detach-keys") {
            return Ok(Some(keys.to_owned()));
        }
        let keys = &self.config_file().detach_keys;
        Ok((!keys.is_empty()).then(|| keys.clone()))
    }
}

/// How TCP is to be protected: the flags, else `DOCKER_TLS` and `DOCKER_TLS_VERIFY`; files that are not named are those in
/// `DOCKER_CERT_PATH`, else in the directory of the configuration.
fn tls(matches: &Matches, config_dir: &Path) -> Option<TlsFiles> {
    let verify = match matches.text("tlsverify") {
        Some(_) => matches.on("tlsverify"),
        None => env("DOCKER_TLS_VERIFY").is_some(),
    };
    if !(verify || matches.on("tls") || env("DOCKER_TLS").is_some()) {
        return None;
    }
    let dir = env("DOCKER_CERT_PATH").map_or_else(|| config_dir.to_owned(), PathBuf::from);
    let named = |flag| matches.filled(flag).map(PathBuf::from);
    // One's own certificate is left out where it is not there and was not asked for.
    let own = |flag, file: &str| named(flag).or_else(|| Some(dir.join(file)).filter(|path| path.exists()));
    Some(TlsFiles {
        authority: verify.then(|| named("tlscacert").unwrap_or_else(|| dir.join("ca.pem"))),
        certificate: own("tlscert", "cert.pem"),
        key: own("tlskey", "key.pem"),
    })
}

/// The API version the environment asks for.
fn asked_version() -> Result<Option<ApiVersion>, Error> {
    env("DOCKER_API_VERSION")
        .map(|text| {
            text.parse::<ApiVersion>()
                .map_err(|error| Error::plain(error.to_string()))
        })
        .transpose()
}

/// A variable of the environment that is set and not empty.
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
