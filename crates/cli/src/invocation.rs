//! One invocation of a verb: what the user said, and the engine it is for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use corten_client::{Address, Client, Tls, TlsFiles};
use corten_wire::ApiVersion;
use serde::Deserialize;

use crate::command::Program;
use crate::context;
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
    /// The engine asked for; `None` leaves the choice to us.
    host: Option<Address>,
    /// How TCP is protected, if it is.
    tls: Option<TlsFiles>,
    /// Directory of `config.json`.
    config_dir: Option<PathBuf>,
    /// `-D`.
    pub(crate) debug: bool,
}

/// The part of `config.json` that verbs ask for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ConfigFile {
    /// The context in use.
    current_context: String,
    /// Keys that detach.
    pub(crate) detach_keys: String,
    /// `--format` of `ps`.
    pub(crate) ps_format: String,
    /// `--format` of `stats`.
    pub(crate) stats_format: String,
    /// `--format` of `images`.
    pub(crate) images_format: String,
    /// `--format` of `volume ls`.
    pub(crate) volumes_format: String,
    /// `--format` of `network ls`.
    pub(crate) networks_format: String,
    /// Sent with every request.
    #[serde(rename = "HttpHeaders")]
    http_headers: BTreeMap<String, String>,
    /// Proxies of containers, by the engine's address; `default` is for all others.
    proxies: BTreeMap<String, Proxies>,
}

/// Variables that tell programs of proxies.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Proxies {
    http_proxy: String,
    https_proxy: String,
    no_proxy: String,
    ftp_proxy: String,
    all_proxy: String,
}

impl Settings {
    /// Reads the options before the verb and the environment.
    pub(crate) fn new(matches: &Matches) -> Result<Self, Error> {
        let mut hosts = matches.list("host");
        let host = hosts.next().map(str::to_owned);
        if hosts.next().is_some() {
            return Err(Error::plain(
                "Failed to initialize: unable to resolve docker endpoint: Specify only one -H",
            ));
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
        let config_dir = matches
            .filled("config")
            .map(PathBuf::from)
            .or_else(|| env("DOCKER_CONFIG").map(PathBuf::from))
            .or_else(|| env("HOME").map(|home| PathBuf::from(home).join(".docker")));
        let context = match (&host, context) {
            (Some(_), _) => None,
            (None, Some(name)) => Some(name),
            // The environment's address goes before the context that is in use.
            (None, None) if env("DOCKER_HOST").is_some() => None,
            (None, None) => Some(read_config(config_dir.as_deref())?.current_context),
        };
        let host = match context.filter(|name| !name.is_empty() && name != "default") {
            Some(name) => Some(context::host(&name, config_dir.as_deref())?),
            None => host
                .filter(|text| !text.is_empty())
                .or_else(|| env("DOCKER_HOST")),
        };
        let host = host.map(|text| text.parse()).transpose()?;
        Ok(Self {
            host,
            tls: tls(matches, config_dir.as_deref()),
            config_dir,
            debug: matches.on("debug"),
        })
    }
}

impl Invocation {
    /// A client with a connection to the engine. Starts the engine when that is ours to do.
    pub(crate) async fn connect(&self) -> Result<Client, Error> {
        let reached = self.reach().await;
        let ours = self.settings.host.is_none() && rustix::process::geteuid().is_root();
        if reached.is_ok() || !ours {
            return reached;
        }
        let candidate = self.client(Address::Unix(CORTEN_SOCKET.into()), None)?;
        daemon_start::start(&candidate).await?;
        Ok(candidate)
    }

    /// A client with a connection to an engine that runs.
    pub(crate) async fn reach(&self) -> Result<Client, Error> {
        if let Some(address) = &self.settings.host {
            let tls = match (address, &self.settings.tls) {
                (Address::Tcp(_), Some(files)) => Some(Tls::load(files)?),
                _ => None,
            };
            return self.client(address.clone(), tls);
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
        let headers = self.config_file()?.http_headers;
        Ok(client.with_headers(&headers)?)
    }

    /// `config.json`, or its defaults when there is none.
    pub(crate) fn config_file(&self) -> Result<ConfigFile, Error> {
        read_config(self.settings.config_dir.as_deref())
    }

    /// Variables that new containers get for want of others of the same name.
    pub(crate) fn proxy_variables(&self, client: &Client) -> Result<Vec<(String, String)>, Error> {
        let mut file = self.config_file()?;
        let address = client.address().to_string();
        let found = file
            .proxies
            .remove(&address)
            .or_else(|| file.proxies.remove("default"));
        let Some(proxies) = found else {
            return Ok(Vec::new());
        };
        let named = [
            ("HTTP_PROXY", proxies.http_proxy),
            ("HTTPS_PROXY", proxies.https_proxy),
            ("NO_PROXY", proxies.no_proxy),
            ("FTP_PROXY", proxies.ftp_proxy),
            ("ALL_PROXY", proxies.all_proxy),
        ];
        let given = named.into_iter().filter(|(_, value)| !value.is_empty());
        Ok(given
            .flat_map(|(name, value)| [(name.to_owned(), value.clone()), (name.to_lowercase(), value)])
            .collect())
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
        match configured(&self.config_file()?) {
            "" => Ok(None),
            text => Format::parse_list(text, raw).map(Some),
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

/// How TCP is to be protected: the flags, else `DOCKER_TLS` and `DOCKER_TLS_VERIFY`; files that are not named are those in
/// `DOCKER_CERT_PATH`, else in the directory of the configuration.
fn tls(matches: &Matches, config_dir: Option<&Path>) -> Option<TlsFiles> {
    let verify = match matches.text("tlsverify") {
        Some(_) => matches.on("tlsverify"),
        None => env("DOCKER_TLS_VERIFY").is_some(),
    };
    if !(verify || matches.on("tls") || env("DOCKER_TLS").is_some()) {
        return None;
    }
    let dir = env("DOCKER_CERT_PATH")
        .map(PathBuf::from)
        .or_else(|| config_dir.map(Path::to_owned))
        .unwrap_or_default();
    let named = |flag| matches.filled(flag).map(PathBuf::from);
    // One's own certificate is left out where it is not there and was not asked for.
    let own = |flag, file: &str| named(flag).or_else(|| Some(dir.join(file)).filter(|path| path.exists()));
    Some(TlsFiles {
        authority: verify.then(|| named("tlscacert").unwrap_or_else(|| dir.join("ca.pem"))),
        certificate: own("tlscert", "cert.pem"),
        key: own("tlskey", "key.pem"),
    })
}

/// `config.json` in `dir`, or its defaults when there is none.
fn read_config(dir: Option<&Path>) -> Result<ConfigFile, Error> {
    let Some(dir) = dir else {
        return Ok(ConfigFile::default());
    };
    let path = dir.join("config.json");
    let failed = |error: String| Error::plain(format!("loading config file: {}: {error}", path.display()));
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| failed(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(ConfigFile::default()),
        Err(error) => Err(failed(error.to_string())),
    }
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
