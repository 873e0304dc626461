//! `stats`: what containers use, as a table that goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use corten_client::{Client, Filters, ListOptions};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::stats_row::{StatsRow, TITLES, title};
use super::template_help::TABLE;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::format::Format;
use crate::human::short_id;
use crate::invocation::Invocation;
use crate::output;
use crate::session::interruptible;
use crate::table::Table;

pub(crate) static COMMAND: Command = Command {
    about: "Display a live stream of container(s) resource usage statistics",
    usage: "[OPTIONS] [CONTAINER...]",
    names: &["container stats", "stats"],
    flags: &[
        Flag::switch("all", "Show all containers (default shows just running)").short('a'),
        Flag::text("format", TABLE),
        Flag::switch(
            "no-stream",
            "Disable streaming stats and only pull the first result",
        ),
        Flag::switch("no-trunc", "Do not truncate output"),
    ],
    arity: Arity::AtLeast(0),
    interspersed: true,
    run,
};

/// Time between two drawings of the table.
const REDRAW: Duration = Duration::from_millis(500);
/// A row without a sample for so long loses its figures.
const STALE: Duration = Duration::from_secs(2);

/// The rows, by the identifier (or the name given) of their containers.
type Rows = Arc<Mutex<Vec<Watched>>>;

struct Watched {
    key: String,
    row: Arc<Mutex<StatsRow>>,
    /// Becomes true at the first sample, or when there will be none.
    settled: watch::Receiver<bool>,
    /// Why there is no sample.
    failure: Arc<Mutex<Option<corten_client::Error>>>,
    task: JoinHandle<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn run(invocation: Invocation) -> Outcome {
    Box::pin(interruptible(follow(invocation)))
}

async fn follow(invocation: Invocation) -> Result<i32, Error> {
    let matches = &invocation.matches;
    let configured = invocation.config_file().stats_format.clone();
    let format = matches
        .filled("format")
        .or(Some(configured.as_str()).filter(|text| !text.is_empty()))
        .map(Format::parse)
        .transpose()?;
    let format = format.filter(|format| !format.is_plain_table());
    let (all, stream) = (matches.on("all"), !matches.on("no-stream"));
    let client = invocation.connect().await?;
    let rows = Rows::default();
    let mut watching_events = None;
    if matches.args.is_empty() {
        if stream {
            // Listening before listing, so that no start in between is missed.
            watching_events = Some(follow_events(&client, &rows, all).await?);
        }
        let options = ListOptions {
            all,
            ..ListOptions::default()
        };
        for one in client.list_containers(&options).await? {
            add(&client, &rows, &one.id, short_id(&one.id), stream);
        }
    } else {
        for name in &matches.args {
            add(&client, &rows, name, name, stream);
        }
    }
    settle(&rows).await;
    let failures: Vec<_> = lock(&rows)
        .iter()
        .filter_map(|one| lock(&one.failure).take())
        .map(|error| error.to_string())
        .collect();
    if !matches.args.is_empty() && !failures.is_empty() {
        return Err(Error::plain(failures.join("\n")));
    }
    let cut = !matches.on("no-trunc");
    loop {
        let text = draw(&rows, format.as_ref(), cut)?;
        if !stream {
            output::print(&text)?;
            return Ok(0);
        }
        output::print(&over_the_last(&text))?;
        if watching_events.as_ref().is_some_and(JoinHandle::is_finished) {
            // The engine has gone.
            return Ok(0);
        }
        tokio::time::sleep(REDRAW).await;
    }
}

/// The text, drawn over what was drawn before: from the top left corner, each line and the rest of the screen cleared.
fn over_the_last(text: &str) -> String {
    let lines: String = text.lines().map(|line| format!("{line}\x1b[K\n")).collect();
    format!("\x1b[H{lines}\x1b[J")
}

fn draw(rows: &Rows, format: Option<&Format>, cut: bool) -> Result<String, Error> {
    let rows: Vec<StatsRow> = lock(rows).iter().map(|one| lock(&one.row).clone()).collect();
    if let Some(format) = format {
        let values: Vec<Value> = rows.iter().map(|row| row.fields(cut)).collect();
        return format.apply_all(&values, title);
    }
    let mut table = Table::new(TITLES);
    for row in &rows {
        table.row(row.cells(cut));
    }
    Ok(table.render())
}

/// Adds a row for the container `key`, unless it has one, and keeps it up to date.
fn add(client: &Client, rows: &Rows, key: &str, shown: &str, stream: bool) {
    let mut all = lock(rows);
    if all.iter().any(|one| one.key == key) {
        return;
    }
    let row = Arc::new(Mutex::new(StatsRow::of(shown)));
    let failure = Arc::default();
    let (settle, settled) = watch::channel(false);
    let task = tokio::spawn({
        let (client, key) = (client.clone(), key.to_owned());
        let (row, failure) = (Arc::clone(&row), Arc::clone(&failure));
        async move {
            let ended = keep_up(&client, &key, stream, &row, &settle).await;
            if stream {
                lock(&row).blank();
            }
            *lock(&failure) = ended.err();
            settle.send_replace(true);
        }
    });
    all.push(Watched {
        key: key.to_owned(),
        row,
        settled,
        failure,
        task,
    });
}

/// Takes samples until there are no more.
async fn keep_up(
    client: &Client,
    container: &str,
    stream: bool,
    row: &Mutex<StatsRow>,
    settle: &watch::Sender<bool>,
) -> Result<(), corten_client::Error> {
    let mut samples = client.container_stats(container, stream).await?;
    loop {
        let Ok(next) = tokio::time::timeout(STALE, samples.next()).await else {
            if stream {
                lock(row).blank();
            }
            continue;
        };
        let Some(sample) = next? else { return Ok(()) };
        lock(row).update(&sample);
        settle.send_replace(true);
    }
}

/// Waits until every row has its first figures, or will have none.
async fn settle(rows: &Rows) {
    let waiting: Vec<_> = lock(rows).iter().map(|one| one.settled.clone()).collect();
    for mut settled in waiting {
        // An error says that the task has ended, which settles the matter as well.
        let _ = settled.wait_for(|settled| *settled).await;
    }
}

/// Adds rows for containers that come and removes those of containers that go; ends with the engine.
async fn follow_events(client: &Client, rows: &Rows, all: bool) -> Result<JoinHandle<()>, Error> {
    let filters = Filters::from([("type".to_owned(), vec!["container".to_owned()])]);
    let mut events = client.events(None, None, &filters).await?;
    let (client, rows) = (client.clone(), Rows::clone(rows));
    Ok(tokio::spawn(async move {
        while let Ok(Some(event)) = events.next().await {
            let id = &event.actor.id;
            match event.action.as_str() {
                "create" if all => add(&client, &rows, id, short_id(id), true),
                "start" => add(&client, &rows, id, short_id(id), true),
                "die" if !all => lock(&rows).retain(|one| one.key != *id),
                "destroy" => lock(&rows).retain(|one| one.key != *id),
                _ => {}
            }
        }
    }))
}

/// Locks; a panic elsewhere cannot have left these plain values half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_cover_one_another() {
        assert_eq!(over_the_last("a\nb\n"), "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J");
    }
}
