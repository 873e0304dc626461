//! `network rm`: removes networks.

use corten_types::ErrorKind;
use corten_wire::Network;

use super::confirm::confirmed;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::output;

const INGRESS: &str = "WARNING! Before removing the routing-mesh network, make sure all the nodes in your swarm run the same docker \
                       engine version. Otherwise, removal may not be effective and functionality of newly create ingress networks \
                       will be impaired.\nAre you sure you want to continue?";

pub(crate) static COMMAND: Command = Command {
    about: "Remove one or more networks",
    usage: "NETWORK [NETWORK...]",
    names: &["network rm", "network remove"],
    flags: &[Flag::switch("force", "Do not error if the network does not exist").short('f')],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let force = invocation.matches.on("force");
        let client = invocation.connect().await?;
        let mut failed = false;
        for name in &invocation.matches.args {
            let found = client.inspect_network_raw(name, false).await;
            let network: Option<Network> = found.ok().and_then(|text| serde_json::from_slice(&text).ok());
            if network.is_some_and(|network| network.ingress) && !confirmed(INGRESS).await? {
                continue;
            }
            match client.remove_network(name).await {
                Ok(()) => output::line(name)?,
                Err(error) if force && error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    failed = true;
                    Error::from(error).report();
                }
            }
        }
        match failed {
            // The original's last word.
            true => Err(Error::plain("exit status 1")),
            false => Ok(0),
        }
    })
}
