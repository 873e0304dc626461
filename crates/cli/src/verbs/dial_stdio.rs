//! `system dial-stdio`: standard streams become a connection to the engine. What `-H ssh://` runs on the other machine.

use tokio::io::{AsyncWriteExt, copy};

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;

pub(crate) static COMMAND: Command = Command {
    about: "Proxy the stdio stream to the daemon connection. Should not be invoked manually.",
    usage: "",
    names: &["system dial-stdio"],
    flags: &[],
    arity: Arity::None,
    interspersed: true,
    run,
};

fn run(invocation: crate::invocation::Invocation) -> Outcome {
    Box::pin(async move {
        let client = invocation.connect().await?;
        let (mut from, mut to) = tokio::io::split(client.dial().await?);
        let input = async {
            copy(&mut tokio::io::stdin(), &mut to).await?;
            // The engine may have an answer still to give.
            to.shutdown().await?;
            std::future::pending().await
        };
        let output = async {
            let mut sink = tokio::io::stdout();
            copy(&mut from, &mut sink).await?;
            sink.flush().await
        };
        let done: std::io::Result<()> = tokio::select! {
            failed = input => failed,
            done = output => done,
        };
        done.map_err(Error::Io)?;
        Ok(0)
    })
}
