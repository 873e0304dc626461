//! From the arguments of the process to a verb: options before it, its name, help, and who runs it.

use std::path::Path;

use tokio::runtime;

use crate::command::{Command, Program};
use crate::daemon_start;
use crate::error::Error;
use crate::flags::{Flag, Matches, help};
use crate::invocation::{Invocation, Settings};
use crate::output;
use crate::reference;
use crate::verbs::{self, Entry, Group};

/// The Docker release whose command line is spoken, with our own version behind it.
pub(crate) const VERSION: &str = concat!("29.3.1+corten.", env!("CARGO_PKG_VERSION"));

pub(crate) const ABOUT: &str = "Containers and images: Docker's command line on the Corten engine";

static FLAGS: &[Flag] = &[
    Flag::text("config", "Location of client config files"),
    Flag::text("context", "Name of the context to use to connect to the daemon").short('c'),
    Flag::switch("debug", "Enable debug mode").short('D'),
    Flag::list("host", "Daemon socket to connect to").short('H'),
    Flag::text(
        "log-level",
        "Set the logging level (\"debug\", \"info\", \"warn\", \"error\", \"fatal\")",
    )
    .short('l')
    .default("\"info\""),
    Flag::switch("tls", "Use TLS; implied by --tlsverify"),
    Flag::text("tlscacert", "Trust certs signed only by this CA"),
    Flag::text("tlscert", "Path to TLS certificate file"),
    Flag::text("tlskey", "Path to TLS key file"),
    Flag::switch("tlsverify", "Use TLS and verify the remote"),
    Flag::switch("version", "Print version information and quit").short('v'),
];

/// Hidden verb: what may stand where the cursor is.
const COMPLETE_VERB: &str = "__complete";

/// Runs the command line.
pub(crate) fn run(args: Vec<String>, program: Program) -> Result<i32, Error> {
    if args.first().is_some_and(|arg| arg == daemon_start::SESSION_VERB) {
        return Err(daemon_start::become_daemon(&args[1..]));
    }
    let name = program.name.clone();
    let matches = Matches::parse(FLAGS, false, args).map_err(|source| Error::Flags {
        command: name.clone(),
        usage: format!("{name} [OPTIONS] COMMAND [ARG...]"),
        source,
    })?;
    let Some(matches) = matches else {
        return print(&root_help(&program, help_width()));
    };
    if matches.on("version") {
        return print(&format!("Docker version {VERSION}, build {}\n", program.commit));
    }
    log_level(matches.text("log-level").unwrap_or("info"))?;
    let settings = Settings::new(&matches)?;
    let mut words = matches.args.into_iter();
    let Some(verb) = words.next() else {
        // Nothing was asked for, so this is no answer.
        output::error_line(root_help(&program, help_width()).trim_end());
        return Ok(0);
    };
    let rest: Vec<String> = words.collect();
    if verb == "help" {
        let mut rest = rest;
        rest.push("--help".to_owned());
        let verb = rest.remove(0);
        let is_known = find(verbs::COMMON, &verb)
            .or_else(|| find(verbs::COMMANDS, &verb))
            .is_some()
            || verbs::GROUPS.iter().any(|group| group.name == verb)
            || verbs::not_yet::has(&verb, None);
        return if verb == "--help" {
            print(&root_help(&program, help_width()))
        } else if !is_known {
            Err(Error::Usage(format!("unknown help topic: {verb}")))
        } else {
            dispatch(program, settings, &verb, rest)
        };
    }
    dispatch(program, settings, &verb, rest)
}

fn dispatch(program: Program, settings: Settings, verb: &str, rest: Vec<String>) -> Result<i32, Error> {
    match verb {
        "completion" => return completion(&program, &rest),
        "man" => return man(&program, &rest),
        COMPLETE_VERB => {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            return runtime.block_on(reference::complete(program, FLAGS, &rest));
        }
        _ => {}
    }
    if let Some(entry) = find(verbs::COMMON, verb).or_else(|| find(verbs::COMMANDS, verb)) {
        return execute(program, settings, entry.name, entry.command, rest);
    }
    if verbs::not_yet::has(verb, rest.first()) {
        return verbs::not_yet::answer(&program, verb, &rest);
    }
    let Some(group) = verbs::GROUPS.iter().find(|group| group.name == verb) else {
        let name = &program.name;
        return Err(Error::Usage(format!(
            "{name}: unknown command: {name} {verb}\n\nRun '{name} --help' for more information"
        )));
    };
    let mut rest = rest.into_iter();
    // The original's usage lines differ in this.
    let word_for_verbs = if verb == "volume" { " COMMAND" } else { "" };
    match rest.next() {
        // Nothing was asked for, so this is no answer.
        None => {
            output::error_line(group_help(&program, group).trim_end());
            Ok(0)
        }
        Some(word) if word == "--help" || word == "-h" => print(&group_help(&program, group)),
        Some(word) => match find(group.commands, &word).or_else(|| unlisted(group, &word)) {
            // Under its main name, whichever was used.
            Some(entry) => execute(
                program,
                settings,
                &format!("{verb} {}", entry.name),
                entry.command,
                rest.collect(),
            ),
            None if word.starts_with('-') => Err(Error::Message {
                message: format!(
                    "unknown flag: {word}\n\nUsage:  {0} {verb}{word_for_verbs}\n\nRun '{0} {verb} --help' for more information",
                    program.name
                ),
                code: crate::error::CODE_ENGINE,
            }),
            None if rest.any(|word| word == "--help" || word == "-h") => print(&group_help(&program, group)),
            None => Err(Error::Usage(format!(
                "{0}: unknown command: {0} {verb} {word}\n\nUsage:  {0} {verb}{word_for_verbs}\n\nRun '{0} {verb} --help' for more information",
                program.name
            ))),
        },
    }
}

/// Prints a shell's script.
fn completion(program: &Program, rest: &[String]) -> Result<i32, Error> {
    let script = rest
        .first()
        .and_then(|shell| reference::script(shell, &program.name));
    if let Some(script) = script.filter(|_| rest.len() == 1) {
        return print(&script);
    }
    let name = &program.name;
    let mut text = format!(
        "Usage:  {name} completion COMMAND\n\nGenerate the autocompletion script for {name} for the specified shell.\n\n\
         Commands:\n"
    );
    for shell in reference::SHELLS {
        text.push_str(&format!(
            "  {shell:MIN_NAME_WIDTH$} Generate the autocompletion script for {shell}\n"
        ));
    }
    match rest.first().map(String::as_str) {
        None | Some("--help" | "-h") => print(&text),
        Some(other) => Err(Error::Usage(format!(
            "{name}: unknown command: {name} completion {other}\n\n{text}"
        ))),
    }
}

/// Writes the man pages.
fn man(program: &Program, rest: &[String]) -> Result<i32, Error> {
    match rest {
        [dir] if !dir.starts_with('-') => {
            reference::write_pages(program, FLAGS, Path::new(dir))?;
            Ok(0)
        }
        _ => Err(Error::Usage(format!("Usage:  {} man DIRECTORY", program.name))),
    }
}

fn find(entries: &'static [Entry], verb: &str) -> Option<&'static Entry> {
    entries
        .iter()
        .find(|entry| entry.name == verb || entry.hidden.contains(&verb))
}

fn unlisted(group: &Group, verb: &str) -> Option<&'static Entry> {
    let mut all = verbs::UNLISTED.iter();
    all.find(|(name, entry)| *name == group.name && entry.name == verb)
        .map(|(_, entry)| entry)
}

fn execute(
    program: Program,
    settings: Settings,
    path: &str,
    command: &'static Command,
    rest: Vec<String>,
) -> Result<i32, Error> {
    let Some(matches) = command.parse(&program, path, rest)? else {
        return print(&command.help(&program, path, help_width()));
    };
    let invocation = Invocation {
        program,
        matches,
        settings,
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on((command.run)(invocation));
    // A thread may still sit in a read of standard input; nobody waits for it.
    runtime.shutdown_background();
    result
}

fn help_width() -> usize {
    output::terminal_width().unwrap_or(help::DEFAULT_WIDTH)
}

fn print(text: &str) -> Result<i32, Error> {
    output::print(text)?;
    Ok(0)
}

/// The text of `--help` for the program as a whole.
fn root_help(program: &Program, width: usize) -> String {
    let name = &program.name;
    let mut text = format!("Usage:  {name} [OPTIONS] COMMAND\n\n{ABOUT}\n");
    let name_width = verbs::COMMON
        .iter()
        .chain(verbs::COMMANDS)
        .map(|entry| entry.name.len())
        .chain(verbs::GROUPS.iter().map(|group| group.name.len()))
        .max()
        .unwrap_or(0)
        .max(MIN_NAME_WIDTH);
    let mut section = |title: &str, rows: &mut dyn Iterator<Item = (&str, &str)>| {
        text.push_str(&format!("\n{title}:\n"));
        for (name, about) in rows {
            text.push_str(&format!("  {name:name_width$} {about}\n"));
        }
    };
    section("Common Commands", &mut verbs::COMMON.iter().map(Entry::row));
    section(
        "Management Commands",
        &mut verbs::GROUPS.iter().map(|group| (group.name, group.about)),
    );
    let mut others: Vec<_> = verbs::COMMANDS.iter().map(Entry::row).collect();
    others.push(verbs::DAEMON);
    others.sort_unstable();
    section("Commands", &mut others.into_iter());
    text.push_str("\nGlobal Options:\n");
    text.push_str(&help::options(FLAGS, width));
    text.push_str(&format!(
        "\nRun '{name} COMMAND --help' for more information on a command.\n"
    ));
    text
}

const MIN_NAME_WIDTH: usize = 11;

fn group_help(program: &Program, group: &Group) -> String {
    let name = &program.name;
    let mut text = format!(
        "Usage:  {name} {} COMMAND\n\n{}\n\nCommands:\n",
        group.name, group.about
    );
    for (verb, about) in group.commands.iter().map(Entry::row) {
        text.push_str(&format!("  {verb:MIN_NAME_WIDTH$} {about}\n"));
    }
    text.push_str(&format!(
        "\nRun '{name} {} COMMAND --help' for more information on a command.\n",
        group.name
    ));
    text
}

fn log_level(text: &str) -> Result<(), Error> {
    match text.to_ascii_lowercase().as_str() {
        "" | "trace" | "debug" | "info" | "warn" | "warning" | "error" | "fatal" | "panic" => Ok(()),
        _ => Err(Error::plain(format!("Unable to parse logging level: {text}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All help there is, in one file. `CORTEN_UPDATE_GOLDEN=1` writes it anew.
    #[test]
    fn the_reference_is_as_written_down() {
        let program = Program::docker();
        let mut text = root_help(&program, help::DEFAULT_WIDTH);
        let mut add = |path: &str, help: String| text.push_str(&format!("\n===== {path}\n{help}"));
        for entry in verbs::COMMON.iter().chain(verbs::COMMANDS) {
            add(
                entry.name,
                entry.command.help(&program, entry.name, help::DEFAULT_WIDTH),
            );
        }
        for group in verbs::GROUPS {
            add(group.name, group_help(&program, group));
            for entry in group.commands {
                let path = format!("{} {}", group.name, entry.name);
                // A verb's twin without group is above.
                if entry.command.names.first() == Some(&path.as_str()) && entry.command.names.len() > 1 {
                    let twin = entry.command.names.iter().any(|name| !name.contains(' '));
                    if twin {
                        continue;
                    }
                }
                add(&path, entry.command.help(&program, &path, help::DEFAULT_WIDTH));
            }
        }
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/reference.txt");
        if std::env::var_os("CORTEN_UPDATE_GOLDEN").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(&file).unwrap());
    }

    #[test]
    fn flags_are_sorted_by_name() {
        let all = verbs::COMMON
            .iter()
            .chain(verbs::COMMANDS)
            .chain(verbs::GROUPS.iter().flat_map(|group| group.commands));
        for entry in all {
            assert!(entry.command.flags.is_sorted_by_key(Flag::name), "{}", entry.name);
        }
    }
}
