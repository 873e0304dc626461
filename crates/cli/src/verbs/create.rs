//! `create`: makes a container and leaves it at that. `run` begins the same way.

use std::net::IpAddr;

use corten_client::Client;
use corten_types::Reference;
use corten_wire::{ContainerCreateRequest, ContainerCreateResponse};

use super::cid_file::CidFile;
use super::pull;
use crate::command::{Arity, Command, Outcome};
use crate::error::{CODE_ENGINE, Error};
use crate::invocation::{Invocation, env};
use crate::output;
use crate::platform::Platform;
use crate::progress::Sink;
use crate::spec::{self, CREATE_FLAGS, Surroundings};

pub(crate) static COMMAND: Command = Command {
    about: "Create a new container",
    usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    names: &["container create", "create"],
    flags: CREATE_FLAGS,
    arity: Arity::AtLeast(1),
    interspersed: false,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let launch = Launch::new(invocation, "create")?;
        let client = launch
            .invocation
            .connect()
            .await
            .map_err(|error| launch.failed(&error))?;
        let id = launch.create(&client).await?;
        output::line(&id)?;
        Ok(0)
    })
}

/// A container about to be made.
pub(super) struct Launch {
    /// What the user said.
    pub(super) invocation: Invocation,
    /// What that means.
    pub(super) request: ContainerCreateRequest,
    verb: &'static str,
    image: Image,
    platform: Option<Platform>,
    cid_file: Option<CidFile>,
    pull: Pull,
}

/// What the image is called.
enum Image {
    /// By its identifier, which cannot be pulled.
    Id,
    Named(Reference),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pull {
    Always,
    Missing,
    Never,
}

impl Launch {
    /// Reads what the user said.
    pub(super) fn new(invocation: Invocation, verb: &'static str) -> Result<Self, Error> {
        let fail = |message| launch_error(&invocation, verb, message, CODE_ENGINE);
        let matches = &invocation.matches;
        let pull = match matches.text("pull").unwrap_or("missing") {
            "always" => Pull::Always,
            "missing" | "" => Pull::Missing,
            "never" => Pull::Never,
            other => {
                return Err(fail(format!(
                    "invalid pull option: '{other}': must be one of \"always\", \"missing\" or \"never\""
                )));
            }
        };
        spec::check_trust(matches, env(pull::TRUST_VARIABLE)).map_err(fail)?;
        let surroundings = Surroundings::real()?;
        let request = spec::build(matches, &surroundings).map_err(fail)?;
        // What `create` fails at from here on is told as any other verb's failure is, by the original, too.
        let fail_later = |message| match verb {
            "create" => Error::plain(message),
            _ => fail(message),
        };
        warn_of_local_dns(&request);
        let cid_file = matches
            .filled("cidfile")
            .map(CidFile::create)
            .transpose()
            .map_err(fail_later)?;
        let image = parse_image(&request.config.image).map_err(fail_later)?;
        let platform = matches
            .filled("platform")
            .map(Platform::parse)
            .transpose()
            .map_err(|error| fail_later(format!("error parsing specified platform: {error}")))?;
        Ok(Self {
            request,
            verb,
            image,
            platform,
            cid_file,
            pull,
            invocation,
        })
    }

    /// Creates the container, after pulling its image if need be; returns its identifier.
    pub(super) async fn create(&self, client: &Client) -> Result<String, Error> {
        let created = self
            .request_creation(client)
            .await
            .map_err(|error| self.failed(&error))?;
        for warning in &created.warnings {
            output::error_line(&format!("WARNING: {warning}"));
        }
        if let Some(file) = &self.cid_file {
            file.write(&created.id)
                .map_err(|error| self.failed(&Error::plain(error)))?;
        }
        Ok(created.id)
    }

    /// An error as `run` and `create` tell it.
    pub(super) fn failed(&self, error: &Error) -> Error {
        self.failed_with(error, CODE_ENGINE)
    }

    /// As [`Self::failed`], with another exit code.
    pub(super) fn failed_with(&self, error: &Error, code: i32) -> Error {
        if self.verb == "create" {
            return Error::plain(error.to_string());
        }
        launch_error(&self.invocation, self.verb, error.to_string(), code)
    }

    async fn request_creation(&self, client: &Client) -> Result<ContainerCreateResponse, Error> {
        if self.pull == Pull::Always
            && let Image::Named(reference) = &self.image
        {
            self.pull_image(client, reference).await?;
        }
        let matches = &self.invocation.matches;
        let mut request = self.request.clone();
        for (name, value) in self.invocation.proxy_variables(client) {
            let env = request.config.env.get_or_insert_default();
            if !env
                .iter()
                .any(|entry| entry.split('=').next() == Some(name.as_str()))
            {
                env.push(format!("{name}={value}"));
            }
        }
        let platform = self.platform.as_ref().map(ToString::to_string);
        let create = || client.create_container(matches.filled("name"), platform.as_deref(), &request);
        match (create().await, &self.image) {
            (Err(corten_client::Error::Status { status: 404, message }), Image::Named(reference))
                // Other things a request names can be missing, too: a network, a container.
                if self.pull == Pull::Missing && message.to_ascii_lowercase().contains("no such image") =>
            {
                if !matches.on("quiet") {
                    output::error_line(&format!(
                        "Unable to find image '{}' locally",
                        reference.familiar()
                    ));
                }
                self.pull_image(client, reference).await?;
                Ok(create().await?)
            }
            (result, _) => Ok(result?),
        }
    }

    async fn pull_image(&self, client: &Client, reference: &Reference) -> Result<(), Error> {
        let matches = &self.invocation.matches;
        let sink = if matches.on("quiet") {
            Sink::Quiet
        } else {
            Sink::Stderr
        };
        pull::fetch(client, reference, matches.filled("platform"), sink).await
    }
}

/// A resolver on this machine is none in the container.
fn warn_of_local_dns(request: &ContainerCreateRequest) {
    let servers = request
        .host_config
        .iter()
        .flat_map(|host| host.dns.iter().flatten());
    let mut local = servers.filter(|server| server.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()));
    if let Some(server) = local.next() {
        output::error_line(&format!(
            "WARNING: Localhost DNS ({server}) may fail in containers."
        ));
    }
}

fn parse_image(name: &str) -> Result<Image, String> {
    let is_id = name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id || name.starts_with("sha256:") {
        return Ok(Image::Id);
    }
    name.parse::<Reference>()
        .map(|reference| Image::Named(reference.with_default_tag()))
        .map_err(|error| error.to_string())
}

fn launch_error(invocation: &Invocation, verb: &'static str, message: String, code: i32) -> Error {
    Error::Launch {
        prog: invocation.program.name.clone(),
        verb,
        message,
        code,
    }
}
