//! Where in a command the cursor is, and what may stand there by the tables of commands.

use super::wanted::{Kind, State, Wanted, Word};
use super::{commands, values};
use crate::command::Command;
use crate::flags::Flag;
use crate::verbs::{self, Entry};

/// How many of `words` are options of the program.
pub(super) fn options_end(root: &'static [Flag], words: &[String]) -> usize {
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        at += 1 + usize::from(takes_next(root, word).is_some());
    }
    at.min(words.len())
}

/// Options of the program without one at their end whose value is still to come.
pub(super) fn whole_options<'a>(root: &'static [Flag], options: &'a [String]) -> &'a [String] {
    let lacking = usize::from(lacks_value(root, options).is_some());
    &options[..options.len() - lacking]
}

/// The last of the program's options, if its value is still to come.
fn lacks_value(root: &'static [Flag], options: &[String]) -> Option<&'static Flag> {
    let flag = options.last().and_then(|word| takes_next(root, word));
    // A value that looks like a flag is one nevertheless, but not the value of another.
    let is_value = options.len() < 2 || takes_next(root, &options[options.len() - 2]).is_none();
    flag.filter(|_| is_value)
}

/// The flag whose value is the word behind this one.
fn takes_next(flags: &'static [Flag], word: &str) -> Option<&'static Flag> {
    if word.contains('=') {
        return None;
    }
    let flag = match word.strip_prefix("--") {
        Some(_) => by_name(flags, word),
        // Of letters in a row the last may take one.
        None => flags
            .iter()
            .find(|flag| flag.letter().is_some_and(|letter| word.ends_with(letter))),
    };
    flag.filter(|flag| !flag.is_switch())
}

fn by_name(flags: &'static [Flag], word: &str) -> Option<&'static Flag> {
    let name = word.strip_prefix("--")?;
    flags.iter().find(|flag| flag.name() == name)
}

/// The command that words lead to, and those behind it.
fn command_of(words: &[String]) -> Option<(String, &'static Command, &[String])> {
    let (verb, rest) = words.split_first()?;
    let group = verbs::GROUPS.iter().any(|group| group.name == *verb);
    let (path, args) = match rest.split_first() {
        Some((word, args)) if group => (format!("{verb} {word}"), args),
        _ => (verb.clone(), rest),
    };
    let (path, command) = commands().find(|(other, _)| *other == path)?;
    Some((path, command, args))
}

/// Whether files may stand behind these words, beside all else.
pub(super) fn takes_files(words: &[String]) -> bool {
    command_of(words).is_some_and(|(_, command, _)| command.usage.contains("_PATH"))
}

/// What may stand behind `--flag=`.
pub(super) fn value_wanted(root: &'static [Flag], words: &[String], flag: &str, value: &str) -> Wanted {
    let (path, flags, args) = match (words, command_of(words)) {
        ([], _) => (String::new(), root, words),
        (_, Some((path, command, args))) => (path, command.flags, args),
        (_, None) => return Wanted::Nothing,
    };
    match by_name(flags, flag) {
        Some(flag) if flag.is_switch() => {
            Wanted::Words(["false", "true"].map(|word| Word::new(word, "")).into())
        }
        Some(flag) => values::of(&path, flag.name(), value, args),
        None => Wanted::Nothing,
    }
}

/// What may stand behind these words, where `current` is what stands there already.
pub(super) fn wanted(root: &'static [Flag], options: &[String], words: &[String], current: &str) -> Wanted {
    let Some((verb, rest)) = words.split_first() else {
        return match lacks_value(root, options) {
            Some(flag) => values::of("", flag.name(), current, options),
            None if current.starts_with('-') => Wanted::Words(flag_words(root)),
            None => Wanted::Words(verb_words()),
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
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if arg == "--" && !flags_end {
            flags_end = true;
        } else if arg.starts_with('-') && arg.len() > 1 && !flags_end {
            if let Some(flag) = takes_next(command.flags, arg)
                && rest.next().is_none()
            {
                return values::of(path, flag.name(), current, args);
            }
        } else {
            given += 1;
            flags_end |= !command.interspersed;
        }
    }
    if current.starts_with('-') && !flags_end {
        return Wanted::Words(flag_words(command.flags));
    }
    let kinds = kinds(path, command, args, given);
    if kinds.is_empty() {
        return Wanted::Nothing;
    }
    Wanted::Names(kinds)
}

/// What the usage line says of the argument number `given`.
fn kinds(path: &str, command: &Command, args: &[String], given: usize) -> Vec<Kind> {
    let usage = command.usage.strip_prefix("[OPTIONS] ").unwrap_or(command.usage);
    let first = usage
        .split([' ', ':', '[', ']', '|'])
        .find(|word| !word.is_empty());
    let Some(first) = first else {
        return Vec::new();
    };
    let repeats = usage.contains(&format!("[{first}...]")) || usage.contains("|ID...]");
    let argument = match usage.split(' ').nth(given) {
        _ if given == 0 || repeats => first,
        Some(word) => word,
        None => return Vec::new(),
    };
    match argument {
        "CONTAINER" => vec![Kind::Container(state(path, args))],
        "CONTEXT" if !matches!(path, "context create" | "context import") => vec![Kind::Context],
        "IMAGE" | "SOURCE_IMAGE" | "REPOSITORY" => vec![Kind::Image],
        "NETWORK" => vec![Kind::Network],
        "VOLUME" if !command.names.contains(&"volume create") => vec![Kind::Volume],
        "NAME" => of_type(args),
        _ => Vec::new(),
    }
}

/// The state a container must be in for a verb to make sense.
fn state(path: &str, args: &[String]) -> State {
    match path.rsplit(' ').next().unwrap_or(path) {
        "attach" | "exec" | "pause" => State::Unpaused,
        "commit" | "diff" | "kill" | "port" | "stats" | "stop" | "top" | "wait" => State::Running,
        "unpause" => State::Paused,
        "start" => State::Stopped,
        "rm" if !args.iter().any(|arg| matches!(arg.as_str(), "-f" | "--force")) => State::Stopped,
        _ => State::Any,
    }
}

/// The kinds `inspect` looks through.
fn of_type(args: &[String]) -> Vec<Kind> {
    let given = args
        .iter()
        .enumerate()
        .find_map(|(at, word)| match word.as_str() {
            "--type" => args.get(at + 1).map(String::as_str),
            word => word.strip_prefix("--type="),
        });
    let container = Kind::Container(State::Any);
    match given {
        Some("container") => vec![container],
        Some("image") => vec![Kind::Image],
        Some("network") => vec![Kind::Network],
        Some("volume") => vec![Kind::Volume],
        Some(_) => Vec::new(),
        None => vec![container, Kind::Image, Kind::Volume, Kind::Network],
    }
}

fn entry_word(entry: &Entry) -> Word {
    let (name, about) = entry.row();
    Word::new(name, about)
}

fn verb_words() -> Vec<Word> {
    let single = verbs::COMMON.iter().chain(verbs::COMMANDS).map(entry_word);
    let groups = verbs::GROUPS
        .iter()
        .map(|group| Word::new(group.name, group.about));
    let daemon = Word::new(verbs::DAEMON.0, verbs::DAEMON.1);
    let mut words: Vec<_> = single.chain(groups).chain([daemon]).collect();
    words.sort_by(|a, b| a.text.cmp(&b.text));
    words
}

fn flag_words(flags: &[Flag]) -> Vec<Word> {
    let shown = flags.iter().filter(|flag| flag.is_shown());
    shown
        .flat_map(|flag| {
            let about = flag.about().lines().next().unwrap_or_default();
            let long = Word::new(&format!("--{}", flag.name()), about);
            let short = flag
                .letter()
                .map(|letter| Word::new(&format!("-{letter}"), about));
            [Some(long), short]
        })
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    static ROOT: &[Flag] = &[
        Flag::text("context", "Context").short('c'),
        Flag::switch("debug", "Debug").short('D'),
        Flag::list("host", "Host").short('H'),
    ];

    fn wanted_at(words: &[&str], current: &str) -> Wanted {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let (options, rest) = words.split_at(options_end(ROOT, &words));
        match current.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => value_wanted(ROOT, rest, flag, value),
            _ => wanted(ROOT, options, rest, current),
        }
    }

    fn words(words: &[&str], current: &str) -> Vec<String> {
        match wanted_at(words, current) {
            Wanted::Words(words) => words.into_iter().map(|word| word.text).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn containers(state: State) -> Wanted {
        Wanted::Names(vec![Kind::Container(state)])
    }

    #[test]
    fn commands_and_flags() {
        let all = words(&["-D", "-H", "unix:///x"], "r");
        assert!(all.contains(&"run".to_owned()) && all.contains(&"container".to_owned()));
        assert_eq!(
            words(&[], "-"),
            ["--context", "-c", "--debug", "-D", "--host", "-H"]
        );
        assert!(words(&["container"], "").contains(&"ls".to_owned()));
        assert!(words(&["ps", "-a"], "--").contains(&"--no-trunc".to_owned()));
    }

    #[test]
    fn names_where_usage_says_so() {
        assert_eq!(wanted_at(&["rm", "-f", "a"], ""), containers(State::Any));
        assert_eq!(
            wanted_at(&["run", "-it", "--name", "x"], ""),
            Wanted::Names(vec![Kind::Image])
        );
        assert_eq!(wanted_at(&["run", "img"], ""), Wanted::Nothing);
        assert_eq!(wanted_at(&["run", "--name"], ""), Wanted::Nothing);
        assert_eq!(wanted_at(&["run", "img"], "-"), Wanted::Nothing);
        assert_eq!(
            wanted_at(&["volume", "rm"], ""),
            Wanted::Names(vec![Kind::Volume])
        );
        assert_eq!(
            wanted_at(&["network", "inspect"], ""),
            Wanted::Names(vec![Kind::Network])
        );
        assert_eq!(
            wanted_at(&["inspect", "--type", "image"], ""),
            Wanted::Names(vec![Kind::Image])
        );
        assert_eq!(
            wanted_at(&["context", "use"], ""),
            Wanted::Names(vec![Kind::Context])
        );
        assert_eq!(
            wanted_at(&["network", "connect", "--ip", "10.0.0.9"], ""),
            Wanted::Names(vec![Kind::Network])
        );
        assert_eq!(
            wanted_at(&["network", "disconnect", "-f", "n"], ""),
            containers(State::Any)
        );
        assert_eq!(wanted_at(&["network", "connect", "n", "c"], ""), Wanted::Nothing);
        assert_eq!(wanted_at(&["rename", "a"], ""), Wanted::Nothing);
        assert_eq!(wanted_at(&["commit", "a"], ""), Wanted::Nothing);
        assert_eq!(wanted_at(&["context", "create"], ""), Wanted::Nothing);
        assert_eq!(wanted_at(&["nothing"], ""), Wanted::Nothing);
    }

    #[test]
    fn containers_by_the_state_a_verb_asks_for() {
        assert_eq!(wanted_at(&["start"], ""), containers(State::Stopped));
        assert_eq!(wanted_at(&["container", "rm"], ""), containers(State::Stopped));
        assert_eq!(wanted_at(&["stop", "a"], ""), containers(State::Running));
        assert_eq!(wanted_at(&["exec", "-it"], ""), containers(State::Unpaused));
        assert_eq!(wanted_at(&["unpause"], ""), containers(State::Paused));
        assert_eq!(wanted_at(&["logs"], ""), containers(State::Any));
        assert!(State::Running.includes("paused") && !State::Unpaused.includes("paused"));
        assert!(State::Stopped.includes("created") && !State::Stopped.includes("running"));
    }

    #[test]
    fn values_of_flags() {
        assert_eq!(
            words(&["run", "--restart"], ""),
            ["always", "no", "on-failure", "unless-stopped"]
        );
        assert_eq!(words(&["run"], "--pull=a"), ["always", "missing", "never"]);
        assert_eq!(words(&["container", "run"], "--rm="), ["false", "true"]);
        assert!(words(&["create", "--cap-add"], "").contains(&"CAP_SYS_ADMIN".to_owned()));
        assert!(words(&["kill", "-s"], "").contains(&"RTMIN+3".to_owned()));
        assert!(words(&["ps", "-a", "-f"], "").contains(&"status=".to_owned()));
        assert!(words(&["ps", "--filter"], "status=").contains(&"status=exited".to_owned()));
        assert!(words(&["inspect", "--type"], "").contains(&"volume".to_owned()));
        let local = words(&["run", "--log-driver", "local", "--log-opt"], "");
        assert!(local.contains(&"max-size=".to_owned()) && !local.contains(&"tag=".to_owned()));
        assert_eq!(
            wanted_at(&["run", "--network"], ""),
            Wanted::Names(vec![Kind::Network])
        );
        assert_eq!(
            wanted_at(&["run", "--ipc"], "container:"),
            Wanted::Wrapped("container:", Kind::Container(State::Any), "")
        );
        assert_eq!(wanted_at(&["run"], "--volumes-from="), containers(State::Any));
        assert_eq!(wanted_at(&["run", "--hostname"], ""), Wanted::Nothing);
        assert_eq!(wanted_at(&["-c"], ""), Wanted::Names(vec![Kind::Context]));
        assert_eq!(wanted_at(&["-H"], ""), Wanted::Nothing);
    }
}
