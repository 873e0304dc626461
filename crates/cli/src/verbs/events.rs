//! `events`: what happens, as it happens.

use corten_template::Json;
use corten_wire::Event;

use super::template_help::{OBJECT, check_filter, filters};
use super::time_arg;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::format::Format;
use crate::invocation::Invocation;
use crate::json_text;
use crate::output;
use crate::session::interruptible;
use crate::typed;

pub(crate) static COMMAND: Command = Command {
    about: "Get real time events from the server",
    usage: "[OPTIONS]",
    names: &["system events", "events"],
    flags: &[
        Flag::list("filter", "Filter output based on conditions provided")
            .short('f')
            .of("filter")
            .check(check_filter),
        Flag::text("format", OBJECT),
        Flag::text("since", "Show all events created since timestamp"),
        Flag::text("until", "Stream events until this timestamp"),
    ],
    arity: Arity::None,
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(interruptible(follow(invocation)))
}

async fn follow(invocation: Invocation) -> Result<i32, Error> {
    let matches = &invocation.matches;
    let format = matches
        .filled("format")
        .map(|text| Format::parse_object("", text, PREFIX))
        .transpose()?;
    if let Some(format) = &format {
        // A field that no event has is told before any happens.
        apply(format, &Event::default())?;
    }
    let moment = |name: &str| {
        matches
            .filled(name)
            .map(time_arg::unix)
            .transpose()
            .map_err(Error::plain)
    };
    let (since, until) = (moment("since")?, moment("until")?);
    let client = invocation.connect().await?;
    let mut events = client
        .events(since.as_deref(), until.as_deref(), &filters(matches))
        .await?;
    while let Some(event) = events.next().await? {
        let text = match &format {
            None => show(&event),
            Some(format) => apply(format, &event)?,
        };
        output::line(&text)?;
    }
    Ok(0)
}

/// What complaints about a template begin with.
const PREFIX: &str = "Error parsing format";

fn apply(format: &Format, event: &Event) -> Result<String, Error> {
    let failed = |error| Error::Message {
        message: format!("{PREFIX}: {error}"),
        code: 64,
    };
    // Templates still ask for the fields that newer engines no longer send.
    let event = event.clone().with_legacy_fields();
    let json = Json::parse(&json_text::of(&event)?).map_err(failed)?;
    format.render(&typed::EVENT.value(&json)).map_err(failed)
}

/// `time type action id (key=value, …)`.
fn show(event: &Event) -> String {
    let nanos = if event.time_nano == 0 {
        event.time.saturating_mul(1_000_000_000)
    } else {
        event.time_nano
    };
    let mut text = format!(
        "{} {} {} {}",
        time_arg::local_nanos(nanos),
        event.r#type,
        event.action,
        event.actor.id
    );
    if !event.actor.attributes.is_empty() {
        let attributes: Vec<_> = event
            .actor
            .attributes
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        text.push_str(&format!(" ({})", attributes.join(", ")));
    }
    text
}
