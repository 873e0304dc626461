//! What may stand where the cursor is: commands, flags, or names of what the engine has.

use std::time::Duration;

use corten_client::{Client, Filters, ImageListOptions, ListOptions};

use super::commands;
use crate::command::{Command, Program};
use crate::error::Error;
use crate::flags::{Flag, Matches};
use crate::invocation::{Invocation, Settings};
use crate::output;
use crate::verbs::{self, Entry};

/// Nobody waits longer for a list of names.
const PATIENCE: Duration = Duration::from_secs(3);

/// Prints what fits the last of `words`, which stand behind the program's name: a line each, the word, a tab, what it is.
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
    let answers = match wanted(root, rest, current) {
        Wanted::Words(words) => words,
        Wanted::Nothing => Vec::new(),
        Wanted::Names(kinds) => {
            let Ok(Some(matches)) = Matches::parse(root, false, options.to_vec()) else {
                return Ok(0);
            };
            let settings = Settings::new(&matches)?;
            let invocation = Invocation {
                program,
                matches,
                settings,
            };
            let asked = async {
                // An engine that does not run has no names to offer; it is not started for that.
                let client = invocation.reach().await?;
                names(&client, kinds).await
            };
            match tokio::time::timeout(PATIENCE, asked).await {
                Ok(names) => names?,
                Err(_) => Vec::new(),
            }
        }
    };
    for (word, about) in answers {
        if word.starts_with(current) {
            output::line(&format!("{word}\t{about}"))?;
        }
    }
    Ok(0)
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// These, with what they are.
    Words(Vec<(String, String)>),
    /// Names of objects of these kinds.
    Names(&'static [Kind]),
    /// Something only the user knows, or a file.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Container,
    Image,
    Network,
    Volume,
}

/// How many of `words` are options of the program.
fn options_end(root: &'static [Flag], words: &[String]) -> usize {
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        at += 1 + usize::from(takes_next(root, word));
    }
    at.min(words.len())
}

/// Whether a flag's value is the word behind it.
fn takes_next(flags: &[Flag], word: &str) -> bool {
    if word.contains('=') {
        return false;
    }
    let find = |matches: &dyn Fn(&Flag) -> bool| flags.iter().find(|flag| matches(flag));
    let flag = match word.strip_prefix("--") {
        Some(name) => find(&|flag| flag.name() == name),
        // Of letters in a row the last may take one.
        None => find(&|flag| flag.letter().is_some_and(|letter| word.ends_with(letter))),
    };
    flag.is_some_and(|flag| !flag.is_switch())
}

fn wanted(root: &'static [Flag], words: &[String], current: &str) -> Wanted {
    let Some((verb, rest)) = words.split_first() else {
        return if current.starts_with('-') {
            Wanted::Words(flag_words(root))
        } else {
            Wanted::Words(verb_words())
        };
    };
    if let Some(group) = verbs::GROUPS.iter().find(|group| group.name == *verb) {
        let Some((word, args)) = rest.split_first() else {
            return Wanted::Words(group.commands.iter().map(entry_word).collect());
        };
        let path = format!("{verb} {word}");
        return in_command(&path, args, current);
    }
    in_command(verb, rest, current)
}

fn in_command(path: &str, args: &[String], current: &str) -> Wanted {
    let Some((_, command)) = commands().find(|(other, _)| other == path) else {
        return Wanted::Nothing;
    };
    let mut given = 0;
    let mut flags_end = false;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" && !flags_end {
            flags_end = true;
        } else if arg.starts_with('-') && arg.len() > 1 && !flags_end {
            if takes_next(command.flags, arg) && args.next().is_none() {
                return Wanted::Nothing;
            }
        } else {
            given += 1;
            flags_end |= !command.interspersed;
        }
    }
    if current.starts_with('-') && !flags_end {
        return Wanted::Words(flag_words(command.flags));
    }
    match kinds(command, given) {
        [] => Wanted::Nothing,
        kinds => Wanted::Names(kinds),
    }
}

/// What the usage line says of the argument number `given`.
fn kinds(command: &Command, given: usize) -> &'static [Kind] {
    let usage = command.usage.strip_prefix("[OPTIONS] ").unwrap_or(command.usage);
    let first = usage
        .split([' ', ':', '[', ']', '|'])
        .find(|word| !word.is_empty());
    let Some(first) = first else {
        return &[];
    };
    if given > 0 && !usage.contains(&format!("[{first}...]")) && !usage.contains("|ID...]") {
        return &[];
    }
    match first {
        "CONTAINER" => &[Kind::Container],
        "IMAGE" | "SOURCE_IMAGE" | "REPOSITORY" => &[Kind::Image],
        "NETWORK" => &[Kind::Network],
        "VOLUME" if !command.names.contains(&"volume create") => &[Kind::Volume],
        "NAME" => &[Kind::Container, Kind::Image, Kind::Volume, Kind::Network],
        _ => &[],
    }
}

fn entry_word(entry: &Entry) -> (String, String) {
    let (name, about) = entry.row();
    (name.to_owned(), about.to_owned())
}

fn verb_words() -> Vec<(String, String)> {
    let single = verbs::COMMON.iter().chain(verbs::COMMANDS).map(entry_word);
    let groups = verbs::GROUPS.iter();
    let groups = groups.map(|group| (group.name.to_owned(), group.about.to_owned()));
    let mut words: Vec<_> = single.chain(groups).collect();
    words.sort();
    words
}

fn flag_words(flags: &[Flag]) -> Vec<(String, String)> {
    let shown = flags.iter().filter(|flag| flag.is_shown());
    shown
        .map(|flag| {
            let about = flag.about().lines().next().unwrap_or_default();
            (format!("--{}", flag.name()), about.to_owned())
        })
        .collect()
}

async fn names(client: &Client, kinds: &[Kind]) -> Result<Vec<(String, String)>, Error> {
    let mut words = Vec::new();
    for kind in kinds {
        match kind {
            Kind::Container => {
                let options = ListOptions {
                    all: true,
                    ..ListOptions::default()
                };
                for one in client.list_containers(&options).await? {
                    let names = one.names.iter().map(|name| name.trim_start_matches('/'));
                    words.extend(names.map(|name| (name.to_owned(), one.status.clone())));
                }
            }
            Kind::Image => {
                for one in client.list_images(&ImageListOptions::default()).await? {
                    let tags = one.repo_tags.into_iter().filter(|tag| !tag.starts_with("<none>"));
                    words.extend(tags.map(|tag| (tag, "image".to_owned())));
                }
            }
            Kind::Network => {
                let networks = client.list_networks(&Filters::new()).await?;
                words.extend(networks.into_iter().map(|one| (one.name, "network".to_owned())));
            }
            Kind::Volume => {
                let volumes = client.list_volumes(&Filters::new()).await?.volumes;
                words.extend(volumes.into_iter().map(|one| (one.name, "volume".to_owned())));
            }
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    static ROOT: &[Flag] = &[
        Flag::switch("debug", "Debug").short('D'),
        Flag::list("host", "Host").short('H'),
    ];

    fn ask(words: &[&str], current: &str) -> Wanted {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let end = options_end(ROOT, &words);
        wanted(ROOT, &words[end..], current)
    }

    fn words(wanted: Wanted) -> Vec<String> {
        match wanted {
            Wanted::Words(words) => words.into_iter().map(|(word, _)| word).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn commands_and_flags() {
        let all = words(ask(&["-D", "-H", "unix:///x"], "r"));
        assert!(all.contains(&"run".to_owned()) && all.contains(&"container".to_owned()));
        assert_eq!(words(ask(&[], "-")), ["--debug", "--host"]);
        assert!(words(ask(&["container"], "")).contains(&"ls".to_owned()));
        assert!(words(ask(&["ps", "-a"], "--")).contains(&"--no-trunc".to_owned()));
    }

    #[test]
    fn names_where_usage_says_so() {
        assert_eq!(ask(&["rm", "-f", "a"], ""), Wanted::Names(&[Kind::Container]));
        assert_eq!(
            ask(&["run", "-it", "--name", "x"], ""),
            Wanted::Names(&[Kind::Image])
        );
        assert_eq!(ask(&["run", "img"], ""), Wanted::Nothing);
        assert_eq!(ask(&["run", "--name"], ""), Wanted::Nothing);
        assert_eq!(ask(&["run", "img"], "-"), Wanted::Nothing);
        assert_eq!(ask(&["volume", "rm"], ""), Wanted::Names(&[Kind::Volume]));
        assert_eq!(ask(&["network", "inspect"], ""), Wanted::Names(&[Kind::Network]));
        assert_eq!(ask(&["nothing"], ""), Wanted::Nothing);
    }
}
