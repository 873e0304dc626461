//! The daemon's own log: its level, which may change while it runs, and its two formats.

use std::fmt;
use std::io;

use corten_engine::{now_ns, rfc3339};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

/// How much is logged; Docker's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level(LevelFilter);

impl Level {
    /// Reads a level.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(match text.to_ascii_lowercase().as_str() {
            "trace" => LevelFilter::TRACE,
            "debug" => LevelFilter::DEBUG,
            "info" => LevelFilter::INFO,
            "warn" | "warning" => LevelFilter::WARN,
            // What is fatal is an error here: it is the last one.
            "error" | "fatal" | "panic" => LevelFilter::ERROR,
            _ => return Err(format!("invalid logging level: {text}")),
        }))
    }
}

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object a line, with Docker's keys `level`, `msg` and `time`.
    Json,
}

impl Format {
    /// Reads a format.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("invalid log format: {text}")),
        }
    }
}

/// Changes the level of the log that was started.
#[derive(Debug, Clone)]
pub(crate) struct LogLevel {
    handle: reload::Handle<LevelFilter, Registry>,
    usual: Level,
}

impl LogLevel {
    /// Logs more than usual, or not.
    pub(crate) fn set_debug(&self, debug: bool) {
        // Fails only when the log is gone, with the process.
        let _set = self.handle.reload(level(self.usual, debug));
    }
}

fn level(usual: Level, debug: bool) -> LevelFilter {
    if debug {
        usual.0.max(LevelFilter::DEBUG)
    } else {
        usual.0
    }
}

/// Begins to log to standard error.
pub(crate) fn start(usual: Level, debug: bool, format: Format) -> LogLevel {
    let (filter, handle) = reload::Layer::new(level(usual, debug));
    let text = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false);
    match format {
        Format::Text => tracing_subscriber::registry().with(filter).with(text).init(),
        Format::Json => tracing_subscriber::registry()
            .with(filter)
            .with(text.event_format(JsonEvents))
            .init(),
    }
    LogLevel { handle, usual }
}

/// Entries as Docker's JSON log has them.
struct JsonEvents;

impl<S, N> FormatEvent<S, N> for JsonEvents
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = match *event.metadata().level() {
            tracing::Level::WARN => "warning".to_owned(),
            other => other.to_string().to_ascii_lowercase(),
        };
        fields.0.insert("level".to_owned(), Value::String(level));
        fields
            .0
            .insert("time".to_owned(), Value::String(rfc3339(now_ns())));
        writeln!(writer, "{}", Value::Object(fields.0))
    }
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let name = match field.name() {
            "message" => "msg",
            other => other,
        };
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::String(value.to_owned()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}
