//! `network disconnect`: takes a container off a network.

use corten_wire::NetworkDisconnectRequest;

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::{Flag, Matches};
use crate::invocation::Invocation;

pub(crate) static COMMAND: Command = Command {
    about: "Disconnect a container from a network",
    usage: "[OPTIONS] NETWORK CONTAINER",
    names: &[],
    flags: &[Flag::switch("force", "Force the container to disconnect from a network").short('f')],
    arity: Arity::Exactly(2),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let (network, container) = named(&invocation.matches)?;
        let request = NetworkDisconnectRequest {
            container,
            force: invocation.matches.on("force"),
        };
        let client = invocation.connect().await?;
        client.disconnect_network(&network, &request).await?;
        Ok(0)
    })
}

/// The network and the container that the two arguments name.
pub(super) fn named(matches: &Matches) -> Result<(String, String), Error> {
    let name = |at: usize, what: &str| match matches.args[at].trim() {
        "" => Err(Error::plain(format!("invalid {what} name or ID: value is empty"))),
        name => Ok(name.to_owned()),
    };
    Ok((name(0, "network")?, name(1, "container")?))
}
