//! What may stand where the cursor is: commands, flags, or names of what the engine has.

use std::time::Duration;

use corten_client::{Client, Filters, ImageListOptions, ListOptions};

use super::position::{options_end, takes_files, value_wanted, wanted, whole_options};
use super::wanted::{Kind, Wanted, Word};
use crate::command::Program;
use crate::context::DEFAULT;
use crate::error::Error;
use crate::flags::{Flag, Matches};
use crate::invocation::{Invocation, Settings};
use crate::output;

/// Nobody waits longer for a list of names.
const PATIENCE: Duration = Duration::from_secs(3);

/// Tells a shell that nothing else fits; the numbers are those of Docker's own completion.
const NOTHING_ELSE: &str = ":4";
/// Tells it to do what it does by itself, which is to offer files.
const FILES: &str = ":0";

/// Prints what fits the last of `words`, which stand behind the program's name: a line each, the word, and behind a tab
/// what it is. The last line says what else the shell may offer.
pub(crate) async fn complete(
    program: Program,
    root: &'static [Flag],
    words: &[String],
) -> Result<i32, Error> {
    let (current, before) = match words.split_last() {
        Some((current, before)) => (current.as_str(), before),
        None => ("", words),
    };
    let (options, rest) = before.split_at(options_end(root, before));
    // Of `--flag=value` the part behind the sign is asked for.
    let (glued, value) = match current.split_once('=') {
        Some((flag, value)) if flag.starts_with("--") => (Some(flag), value),
        _ => (None, current),
    };
    let wanted = match glued {
        Some(flag) => value_wanted(root, rest, flag, value),
        None => wanted(root, options, rest, current),
    };
    let Ok(Some(matches)) = Matches::parse(root, false, whole_options(root, options).to_vec()) else {
        output::line(FILES)?;
        return Ok(0);
    };
    let last = match wanted {
        Wanted::Nothing => FILES,
        _ if takes_files(rest) => FILES,
        _ => NOTHING_ELSE,
    };
    let answers = match wanted {
        Wanted::Words(words) => words,
        Wanted::Nothing => Vec::new(),
        Wanted::Names(kinds) => ask(program, matches, &kinds).await?,
        Wanted::Wrapped(begin, kind, end) => {
            let wrap = |word: Word| Word {
                text: format!("{begin}{}{end}", word.text),
                ..word
            };
            let names = ask(program, matches, &[kind]).await?;
            names.into_iter().map(wrap).collect()
        }
    };
    let begin = glued.map(|flag| format!("{flag}=")).unwrap_or_default();
    for Word { text, about } in answers {
        if text.starts_with(value) {
            let about = if about.is_empty() {
                about
            } else {
                format!("\t{about}")
            };
            output::line(&format!("{begin}{text}{about}"))?;
        }
    }
    output::line(last)?;
    Ok(0)
}

/// The names of objects of these kinds; none when the engine cannot be asked in time.
async fn ask(program: Program, matches: Matches, kinds: &[Kind]) -> Result<Vec<Word>, Error> {
    let invocation = Invocation {
        settings: Settings::new(&matches)?,
        program,
        matches,
    };
    if kinds == [Kind::Context] {
        return contexts(&invocation);
    }
    let asked = async {
        // An engine that does not run has no names to offer; it is not started for that.
        let client = invocation.reach().await?;
        names(&client, kinds).await
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(names) => names,
        Err(_) => Ok(Vec::new()),
    }
}

fn contexts(invocation: &Invocation) -> Result<Vec<Word>, Error> {
    let mut words = vec![Word::new(DEFAULT, "")];
    let all = invocation.settings.contexts().list()?;
    words.extend(all.iter().map(|one| Word::new(&one.name, one.description())));
    Ok(words)
}

async fn names(client: &Client, kinds: &[Kind]) -> Result<Vec<Word>, Error> {
    let mut words = Vec::new();
    for kind in kinds {
        match kind {
            Kind::Container(state) => {
                let options = ListOptions {
                    all: true,
                    ..ListOptions::default()
                };
                for one in client.list_containers(&options).await? {
                    if !state.includes(&one.state) {
                        continue;
                    }
                    let names = one.names.iter().map(|name| name.trim_start_matches('/'));
                    // Others' names for it stand for links.
                    let own = names.filter(|name| !name.contains('/'));
                    words.extend(own.map(|name| Word::new(name, &one.status)));
                }
            }
            Kind::Image => {
                for one in client.list_images(&ImageListOptions::default()).await? {
                    let tags = one.repo_tags.iter().filter(|tag| !tag.starts_with("<none>"));
                    words.extend(tags.map(|tag| Word::new(tag, "image")));
                }
            }
            Kind::Network => {
                let networks = client.list_networks(&Filters::new()).await?;
                words.extend(networks.iter().map(|one| Word::new(&one.name, "network")));
            }
            Kind::Volume => {
                let volumes = client.list_volumes(&Filters::new()).await?.volumes;
                words.extend(volumes.iter().map(|one| Word::new(&one.name, "volume")));
            }
            Kind::LogDriver => {
                let drivers = client.info().await?.plugins.log;
                words.extend(drivers.iter().map(|name| Word::new(name, "")));
            }
            Kind::Context => {}
        }
    }
    Ok(words)
}
