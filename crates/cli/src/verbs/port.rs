//! `port`: tells where a container's ports are published.

use corten_wire::PortBinding;

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::human::host_port;
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "List port mappings or a specific mapping for the container",
    usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
    names: &["container port", "port"],
    flags: &[],
    arity: Arity::Between(1, 2),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let args = &invocation.matches.args;
        let client = invocation.connect().await?;
        let container = client.inspect_container(&args[0]).await?;
        let ports = container.network_settings.ports.unwrap_or_default();
        let show = |binding: &PortBinding| host_port(&binding.host_ip, &binding.host_port);
        if let Some(wanted) = args.get(1) {
            let (port, protocol) = wanted.split_once('/').unwrap_or((wanted, "tcp"));
            if port.parse::<u16>().is_err() {
                return Err(Error::plain(format!(
                    "Error: invalid port ({wanted}): strconv.ParseUint: parsing {port:?}: invalid syntax"
                )));
            }
            let bindings = ports
                .get(&format!("{port}/{protocol}"))
                .and_then(Option::as_ref)
                .filter(|bindings| !bindings.is_empty())
                .ok_or_else(|| {
                    Error::plain(format!(
                        "Error: No public port '{wanted}' published for {}",
                        args[0]
                    ))
                })?;
            for binding in bindings {
                output::line(&show(binding))?;
            }
            return Ok(0);
        }
        let mut lines: Vec<(u16, String)> = Vec::new();
        for (port, bindings) in &ports {
            let number = port
                .split('/')
                .next()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0);
            for binding in bindings.iter().flatten() {
                lines.push((number, format!("{port} -> {}", show(binding))));
            }
        }
        lines.sort();
        for (_, line) in lines {
            output::line(&line)?;
        }
        Ok(0)
    })
}
