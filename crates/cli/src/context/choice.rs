//! Which engine is meant, by what was said before the verb, in the environment and in `config.json`.

use super::DEFAULT;
use crate::error::Error;
use crate::flags::Matches;
use crate::invocation::env;

/// Which engine is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The one at this address.
    Address(String),
    /// That of a context.
    Context(String),
    /// Nobody said; the choice is ours.
    Ours,
}

impl Choice {
    /// Reads what was said; `in_use` is what `config.json` calls the context in use, for when nothing else was said.
    ///
    /// # Errors
    /// When several things were said at once.
    pub(crate) fn read(matches: &Matches, in_use: &str) -> Result<Self, Error> {
        let mut hosts = matches.list("host");
        let host = hosts.next();
        if hosts.next().is_some() {
            return Err(Error::plain(
                "Failed to initialize: unable to resolve docker endpoint: Specify only one -H",
            ));
        }
        let context = matches.text("context");
        if host.is_some() && context.is_some_and(|name| name != DEFAULT) {
            return Err(Error::plain(
                "conflicting options: cannot specify both --host and --context",
            ));
        }
        let from_environment = || env("DOCKER_HOST").map_or(Self::Ours, Self::Address);
        if let Some(host) = host {
            return Ok(match host {
                "" => from_environment(),
                host => Self::Address(host.to_owned()),
            });
        }
        let context = match context.map(str::to_owned).or_else(|| env("DOCKER_CONTEXT")) {
            Some(name) => name,
            // The environment's address goes before the context that is in use.
            None if env("DOCKER_HOST").is_some() => return Ok(from_environment()),
            None => in_use.to_owned(),
        };
        Ok(match context.as_str() {
            "" | DEFAULT => from_environment(),
            _ => Self::Context(context),
        })
    }

    /// The name of the context this is.
    pub(crate) fn context(&self) -> &str {
        match self {
            Self::Context(name) => name,
            Self::Address(_) | Self::Ours => DEFAULT,
        }
    }
}
