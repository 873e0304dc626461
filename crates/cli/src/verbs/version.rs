//! `version`: the versions of the command line and of the engine.

use corten_template::Json;
use corten_wire::{ApiVersion, SystemVersion};
use serde::Serialize;

use super::template_help::OBJECT;
use super::time_arg;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::format::Format;
use crate::invocation::Invocation;
use crate::json_text;
use crate::output;
use crate::root::VERSION;
use crate::typed;

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
            .map(|text| Format::parse_object("version", text, "template parsing error"))
            .transpose()?;
        let context = invocation.settings.choice.context();
        let commit = invocation.program.commit;
        let server = async {
            let client = invocation.connect().await?;
            let version = client.version().await?;
            Ok::<_, Error>((version, client.api_version()))
        }
        .await;
        let spoken = server.as_ref().map_or(ApiVersion::MAX, |(_, spoken)| *spoken);
        let client = ClientVersion::new(spoken, context, commit);
        let text = match &format {
            Some(format) => {
                let both = Both {
                    client,
                    server: server.as_ref().map(|(version, _)| version).ok(),
                };
                let both = json_text::of(&both)?;
                let told = Json::parse(&both).and_then(|json| format.render(&typed::VERSION.value(&json)));
                let text = told.as_deref().unwrap_or_else(|error| error.written());
                output::line(text)?;
                // That there is no server explains what the template missed.
                server?;
                told.map_err(|error| Error::plain(error.to_string()))?;
                return Ok(0);
            }
            None => show(&client, server.as_ref().ok().map(|(version, _)| version)),
        };
        output::print(&text)?;
        server.map(|_| 0)
    })
}

/// The command line's own half.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ClientVersion<'a> {
    version: &'static str,
    api_version: String,
    #[serde(rename = "DefaultAPIVersion")]
    default_api_version: String,
    git_commit: &'static str,
    os: &'static str,
    arch: &'static str,
    context: &'a str,
}

/// What templates see.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Both<'a> {
    client: ClientVersion<'a>,
    server: Option<&'a SystemVersion>,
}

impl<'a> ClientVersion<'a> {
    fn new(spoken: ApiVersion, context: &'a str, commit: &'static str) -> Self {
        Self {
            version: VERSION,
            api_version: spoken.to_string(),
            default_api_version: ApiVersion::MAX.to_string(),
            git_commit: commit,
            os: std::env::consts::OS,
            arch: arch(),
            context,
        }
    }
}

/// Go's name of the processor architecture.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn show(client: &ClientVersion, server: Option<&SystemVersion>) -> String {
    let mut lines = Lines(String::new());
    let api = if client.api_version == client.default_api_version {
        client.api_version.clone()
    } else {
        format!(
            "{} (downgraded from {})",
            client.api_version, client.default_api_version
        )
    };
    lines.0.push_str("Client: Corten\n");
    lines.add(" ", "Version", client.version);
    lines.add(" ", "API version", &api);
    lines.add(" ", "Git commit", client.git_commit);
    lines.add(" ", "OS/Arch", &format!("{}/{}", client.os, client.arch));
    lines.add(" ", "Context", client.context);
    let Some(server) = server else {
        return lines.0;
    };
    lines
        .0
        .push_str(format!("\nServer: {}", server.platform.name).trim_end());
    lines.0.push('\n');
    let engine = server.components.iter().find(|part| part.name == "Engine");
    let detail = |name: &str, fallback: &str| {
        engine
            .and_then(|part| part.details.get(name))
            .map_or_else(|| fallback.to_owned(), Clone::clone)
    };
    lines.add(" ", "Engine", "");
    lines.add(
        "  ",
        "Version",
        engine.map_or(&server.version, |part| &part.version),
    );
    lines.add(
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
        let mut value = detail(key, fallback);
        if key == "BuildTime" {
            value = time_arg::ansi_c(&value);
        }
        if !value.is_empty() {
            lines.add("  ", name, &value);
        }
    }
    lines.add("  ", "OS/Arch", &format!("{}/{}", server.os, server.arch));
    lines.add("  ", "Experimental", &server.experimental.to_string());
    for part in server.components.iter().filter(|part| part.name != "Engine") {
        lines.add(" ", &part.name, "");
        lines.add("  ", "Version", &part.version);
        if let Some(commit) = part.details.get("GitCommit") {
            lines.add("  ", "GitCommit", commit);
        }
    }
    lines.0
}

/// Text with names in one column and values in the other.
struct Lines(String);

impl Lines {
    fn add(&mut self, indent: &str, name: &str, value: &str) {
        let name = format!("{name}:");
        let line = format!("{indent}{name:NAME_WIDTH$}{value}");
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }
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
        let client = ClientVersion::new(ApiVersion::new(1, 41), "default", "abc1234");
        let text = show(&client, Some(&server));
        assert!(text.contains("\n Git commit:       abc1234\n"), "{text}");
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
