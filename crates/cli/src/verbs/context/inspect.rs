//! `context inspect`: everything there is to know of contexts.

use std::collections::BTreeMap;

use corten_template::Json;
use serde::Serialize;

use super::super::template_help::OBJECT;
use super::source;
use crate::command::{Arity, Command, Outcome};
use crate::context::{Context, DEFAULT};
use crate::error::Error;
use crate::flags::Flag;
use crate::format::Format;
use crate::invocation::Invocation;
use crate::json_text;
use crate::output;
use crate::typed;

pub(super) static COMMAND: Command = Command {
    about: "Display detailed information on one or more contexts",
    usage: "[OPTIONS] [CONTEXT] [CONTEXT...]",
    names: &["context inspect"],
    flags: &[Flag::text("format", OBJECT).short('f')],
    arity: Arity::AtLeast(0),
    interspersed: true,
    run: |invocation| -> Outcome { Box::pin(async move { inspect(&invocation) }) },
};

/// Where the context is that no file has.
const IN_MEMORY: &str = "<IN MEMORY>";

/// A context, and what belongs to it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    #[serde(flatten)]
    context: Context,
    #[serde(rename = "TLSMaterial")]
    tls_material: BTreeMap<String, Vec<String>>,
    storage: Storage,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Storage {
    metadata_path: String,
    #[serde(rename = "TLSPath")]
    tls_path: String,
}

fn inspect(invocation: &Invocation) -> Result<i32, Error> {
    let matches = &invocation.matches;
    let asked = matches.filled("format");
    let format = asked
        .filter(|text| *text != "json")
        .map(|text| Format::parse_object("", text, "template parsing error"))
        .transpose()?;
    let current = [invocation.settings.choice.context().to_owned()];
    let names = match matches.args.as_slice() {
        [] => &current[..],
        names => names,
    };
    let mut found = Vec::new();
    let mut failures = Vec::new();
    for name in names {
        let text = shown(invocation, name).and_then(|shown| Ok(as_go(&json_text::of(&shown)?)));
        let text = text.and_then(|text| match &format {
            None => Ok(text),
            Some(format) => Json::parse(&text)
                .and_then(|json| format.render(&typed::CONTEXT.value(&json)))
                .map_err(|error| Error::plain(format!("template parsing error: {error}"))),
        });
        match text {
            Ok(text) => found.push(text),
            Err(error) => failures.push(error),
        }
    }
    output::line(&match (format, asked) {
        (Some(_), _) => found.join("\n"),
        (None, Some(_)) => format!("[{}]", found.join(",")),
        (None, None) => json_text::indent(&format!("[{}]", found.join(",")), 0),
    })?;
    for error in &failures {
        error.report();
    }
    Ok(i32::from(!failures.is_empty()))
}

/// Go escapes what could be HTML.
fn as_go(text: &str) -> String {
    text.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

fn shown(invocation: &Invocation, name: &str) -> Result<Shown, Error> {
    let context = source::find(invocation, name)?;
    let (tls_material, storage) = match name {
        DEFAULT => {
            let (_, secrets) = source::copy(invocation, name)?;
            let names = |(endpoint, files): (String, BTreeMap<String, Vec<u8>>)| {
                (endpoint, files.into_keys().collect())
            };
            let storage = Storage {
                metadata_path: IN_MEMORY.to_owned(),
                tls_path: IN_MEMORY.to_owned(),
            };
            (secrets.into_iter().map(names).collect(), storage)
        }
        name => {
            let store = invocation.settings.contexts();
            let storage = Storage {
                metadata_path: store.meta_dir(name).display().to_string(),
                tls_path: store.tls_dir(name).display().to_string(),
            };
            (store.secret_names(name)?, storage)
        }
    };
    Ok(Shown {
        context,
        tls_material,
        storage,
    })
}
