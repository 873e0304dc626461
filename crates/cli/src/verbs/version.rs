//! `version`: the versions of the command line and of the engine.

use corten_wire::{ApiVersion, SystemVersion};
use serde_json::{Value, json};

use super::template_help::OBJECT;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::format::Format;
use crate::invocation::Invocation;
use crate::output;
use crate::root::VERSION;

pub(crate) static COMMAND: Command = Command {
    about: "Show the Docker version information",
    usage: "[OPTIONS]",
    names: &["version"],
    flags: &[Flag::text("format", OBJECT).short('f')],
    arity: Arity::None,
    interspersed: true,
    run,
};

/// Width of the names, within each indentation.
const NAME_WIDTH: usize = 18;

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let format = invocation
            .matches
            .filled("format")
            .map(Format::parse)
            .transpose()?;
        let server = async {
            let client = invocation.connect().await?;
            let version = client.version().await?;
            Ok::<_, Error>((version, client.api_version()))
        }
        .await;
        let spoken = server.as_ref().map_or(ApiVersion::MAX, |(_, spoken)| *spoken);
        let text = match &format {
            Some(format) => {
                let server = server.as_ref().map(|(version, _)| version).ok();
                let value = json!({"Client": client_fields(spoken), "Server": server});
                format!("{}\n", format.apply(&value)?)
            }
            None => show(spoken, server.as_ref().ok().map(|(version, _)| version)),
        };
        output::print(&text)?;
        server.map(|_| 0)
    })
}

fn client_fields(spoken: ApiVersion) -> Value {
    json!({
        "Version": VERSION,
        "ApiVersion": spoken.to_string(),
        "DefaultAPIVersion": ApiVersion::MAX.to_string(),
        "GitCommit": "",
        "GoVersion": "",
        "Os": std::env::consts::OS,
        "Arch": arch(),
        "BuildTime": "",
        "Context": "default",
    })
}

/// Go's name of the processor architecture.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn show(spoken: ApiVersion, server: Option<&SystemVersion>) -> String {
    let mut text = String::new();
    let mut line = |indent: &str, name: &str, value: &str| {
        let name = format!("{name}:");
        text.push_str(format!("{indent}{name:NAME_WIDTH$}{value}").trim_end());
        text.push('\n');
    };
    let api = if spoken == ApiVersion::MAX {
        spoken.to_string()
    } else {
        format!("{spoken} (downgraded from {})", ApiVersion::MAX)
    };
    line("", "Client", "Corten");
    line(" ", "Version", VERSION);
    line(" ", "API version", &api);
    line(" ", "OS/Arch", &format!("{}/{}", std::env::consts::OS, arch()));
    line(" ", "Context", "default");
    let Some(server) = server else {
        return text;
    };
    text.push('\n');
    let mut line = |indent: &str, name: &str, value: &str| {
        let name = format!("{name}:");
        text.push_str(format!("{indent}{name:NAME_WIDTH$}{value}").trim_end());
        text.push('\n');
    };
    line("", "Server", &server.platform.name);
    let engine = server.components.iter().find(|part| part.name == "Engine");
    let detail = |name: &str, fallback: &str| {
        engine
            .and_then(|part| part.details.get(name))
            .map_or_else(|| fallback.to_owned(), Clone::clone)
    };
    line(" ", "Engine", "");
    line(
        "  ",
        "Version",
        engine.map_or(&server.version, |part| &part.version),
    );
    line(
        "  ",
        "API version",
        &format!(
            "{} (minimum version {})",
            server.api_version, server.min_api_version
        ),
    );
    for (name, key, fallback) in [
        ("Go version", "GoVersion", &server.go_version),
        ("Git commit", "GitCommit", &server.git_commit),
        ("Built", "BuildTime", &server.build_time),
    ] {
        let value = detail(key, fallback);
        if !value.is_empty() {
            line("  ", name, &value);
        }
    }
    line("  ", "OS/Arch", &format!("{}/{}", server.os, server.arch));
    line("  ", "Experimental", &server.experimental.to_string());
    for part in server.components.iter().filter(|part| part.name != "Engine") {
        line(" ", &part.name, "");
        line("  ", "Version", &part.version);
        if let Some(commit) = part.details.get("GitCommit") {
            line("  ", "GitCommit", commit);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout() {
        let server = SystemVersion {
            version: "29".to_owned(),
            api_version: "1.53".to_owned(),
            min_api_version: "1.24".to_owned(),
            os: "linux".to_owned(),
            arch: "amd64".to_owned(),
            ..SystemVersion::default()
        };
        let text = show(ApiVersion::new(1, 41), Some(&server));
        assert!(
            text.contains("\n API version:      1.41 (downgraded from 1.53)\n"),
            "{text}"
        );
        assert!(
            text.contains(
                "\n\nServer:\n Engine:\n  Version:          29\n  API version:      1.53 (minimum version 1.24)\n"
            ),
            "{text}"
        );
    }
}
