//! `inspect`: everything the engine knows of objects, as it says it.

use bytes::Bytes;
use corten_client::Client;
use corten_template::Type;

use super::template_help::OBJECT;
use crate::command::{Arity, Command};
use crate::error::Error;
use crate::flags::Flag;
use crate::format::Format;
use crate::invocation::Invocation;
use crate::json_text;
use crate::output;
use crate::typed;

pub(crate) static COMMAND: Command = Command {
    about: "Return low-level information on Docker objects",
    usage: "[OPTIONS] NAME|ID [NAME|ID...]",
    names: &["inspect"],
    flags: &[
        Flag::text("format", OBJECT).short('f'),
        Flag::switch("size", "Display total file sizes if the type is container").short('s'),
        Flag::text("type", "Only inspect objects of the given type"),
    ],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run: |invocation| Box::pin(any(invocation)),
};

pub(crate) static CONTAINER: Command = Command {
    about: "Display detailed information on one or more containers",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    names: &["container inspect"],
    flags: &[
        Flag::text("format", OBJECT).short('f'),
        Flag::switch("size", "Display total file sizes").short('s'),
    ],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run: |invocation| Box::pin(all(invocation, &[Kind::Container])),
};

pub(crate) static IMAGE: Command = Command {
    about: "Display detailed information on one or more images",
    usage: "[OPTIONS] IMAGE [IMAGE...]",
    names: &["image inspect"],
    flags: &[
        Flag::text("format", OBJECT).short('f'),
        Flag::text(
            "platform",
            "Inspect a specific platform of the multi-platform image",
        )
        .not_yet(),
    ],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run: |invocation| Box::pin(all(invocation, &[Kind::Image])),
};

pub(crate) static NETWORK: Command = Command {
    about: "Display detailed information on one or more networks",
    usage: "[OPTIONS] NETWORK [NETWORK...]",
    names: &["network inspect"],
    flags: &[
        Flag::text("format", OBJECT).short('f'),
        Flag::switch("verbose", "Verbose output for diagnostics").short('v'),
    ],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run: |invocation| Box::pin(all(invocation, &[Kind::Network])),
};

pub(crate) static VOLUME: Command = Command {
    about: "Display detailed information on one or more volumes",
    usage: "[OPTIONS] VOLUME [VOLUME...]",
    names: &["volume inspect"],
    flags: &[Flag::text("format", OBJECT).short('f')],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run: |invocation| Box::pin(all(invocation, &[Kind::Volume])),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Container,
    Image,
    Network,
    Volume,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Image => "image",
            Self::Network => "network",
            Self::Volume => "volume",
        }
    }

    /// The type templates see its objects as.
    fn template_type(self) -> Type {
        match self {
            Self::Container => typed::CONTAINER,
            Self::Image => typed::IMAGE,
            Self::Network => typed::NETWORK,
            Self::Volume => typed::VOLUME,
        }
    }
}

/// Kinds in the order in which a name is looked up.
const KINDS: [Kind; 4] = [Kind::Container, Kind::Image, Kind::Network, Kind::Volume];
/// Kinds of Docker's that Corten does not have yet.
const LATER: [&str; 6] = ["config", "node", "plugin", "secret", "service", "task"];

async fn any(invocation: Invocation) -> Result<i32, Error> {
    let kinds: &[Kind] = match invocation.matches.filled("type") {
        None => &KINDS,
        Some("container") => &[Kind::Container],
        Some("image") => &[Kind::Image],
        Some("network") => &[Kind::Network],
        Some("volume") => &[Kind::Volume],
        Some(other) if LATER.contains(&other) => {
            return Err(Error::plain(format!(
                "--type {other} is not supported by Corten yet"
            )));
        }
        Some(other) => {
            return Err(Error::plain(format!(
                "unknown type: {other:?}: must be one of \"config\", \"container\", \"image\", \"network\", \
                 \"node\", \"plugin\", \"secret\", \"service\", \"task\", \"volume\""
            )));
        }
    };
    all(invocation, kinds).await
}

/// Prints all that were found, and tells of those that were not.
async fn all(invocation: Invocation, kinds: &'static [Kind]) -> Result<i32, Error> {
    let matches = &invocation.matches;
    let asked = matches.filled("format");
    let format = asked
        .filter(|text| *text != "json")
        .map(|text| Format::parse_object("", text, "template parsing error"))
        .transpose()?;
    let client = match invocation.connect().await {
        Ok(client) => client,
        Err(error) => {
            output::line(if format.is_none() { "[]" } else { "" })?;
            return Err(error);
        }
    };
    let size = matches.on("size");
    let mut found = Vec::new();
    let mut failures = Vec::new();
    for name in &matches.args {
        match find(&client, kinds, name, size, matches.on("verbose")).await {
            Ok((kind, text)) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                if size && kind != Kind::Container {
                    output::error_line(&format!("WARNING: --size ignored for {}", kind.name()));
                }
                match &format {
                    None => found.push(text),
                    Some(format) => match format.apply_object(&text, kind.template_type()) {
                        Ok(text) => found.push(text),
                        Err(error) => failures.push(error),
                    },
                }
            }
            Err(error) => failures.push(error),
        }
    }
    if format.is_some() {
        // Nothing at all is an empty line.
        output::line(&found.join("\n"))?;
    } else if asked.is_some() {
        let objects: Vec<_> = found.iter().map(|text| text.trim()).collect();
        output::line(&format!("[{}]", objects.join(",")))?;
    } else {
        output::line(&array(&found))?;
    }
    for error in &failures {
        error.report();
    }
    Ok(i32::from(!failures.is_empty()))
}

async fn find(
    client: &Client,
    kinds: &[Kind],
    name: &str,
    size: bool,
    verbose: bool,
) -> Result<(Kind, Bytes), Error> {
    let mut missing = None;
    for kind in kinds {
        let result = match kind {
            Kind::Container => client.inspect_container_raw(name, size).await,
            Kind::Image => client.inspect_image_raw(name).await,
            Kind::Network => client.inspect_network_raw(name, verbose).await,
            Kind::Volume => client.inspect_volume_raw(name).await,
        };
        match result {
            Err(error @ corten_client::Error::Status { status: 404, .. }) => missing = Some(error),
            result => return Ok((*kind, result?)),
        }
    }
    Err(match missing {
        Some(error) if kinds.len() == 1 => error.into(),
        _ => Error::plain(format!("Error: No such object: {name}")),
    })
}

/// The objects as an indented JSON array.
fn array(objects: &[String]) -> String {
    if objects.is_empty() {
        return "[]".to_owned();
    }
    let objects: Vec<_> = objects
        .iter()
        .map(|text| format!("    {}", json_text::indent(text, 1)))
        .collect();
    format!("[\n{}\n]", objects.join(",\n"))
}
