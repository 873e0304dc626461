//! `top`: a container's processes as `ps` shows them. The usual arguments are answered from `/proc`; the host's `ps` is
//! asked for others.

use std::process::Command;
use std::sync::Arc;

use corten_cgroup::Cgroup;
use corten_wire::ContainerTop;

use crate::engine::{Engine, blocking};
use crate::error::{Error, Result};
use crate::process_table::{Machine, Process};

/// What is shown without arguments.
const DEFAULT: &str = "-ef";

/// A column: its title, and what stands in it.
type Column = (&'static str, fn(&Process, &Machine) -> String);

/// `ps -ef`.
const FULL: [&str; 8] = ["uid_", "pid", "ppid", "c", "stime", "tty", "time", "cmd"];
/// `ps aux`.
const BY_USER: [&str; 11] = [
    "user", "pid", "%cpu", "%mem", "vsz", "rss", "tty", "stat", "start", "bsdtime", "args",
];
/// `ps ax`.
const BSD: [&str; 5] = ["pid", "tty", "stat", "bsdtime", "args"];
/// `ps -e`.
const PLAIN: [&str; 4] = ["pid", "tty", "time", "ucmd"];

impl Engine {
    /// The processes of a container, in the columns that `ps` with these arguments has.
    ///
    /// # Errors
    /// When it does not run, or the arguments are none of the usual ones and the host has no `ps` that takes them.
    pub async fn top(self: &Arc<Self>, name: &str, arguments: &str) -> Result<ContainerTop> {
        check_titles(arguments)?;
        let container = self.containers.find(name)?;
        container.state().check_running()?;
        let mut pids = self.with_cgroup(&container, Cgroup::pids).await?;
        pids.sort_unstable();
        let arguments = if arguments.trim().is_empty() {
            DEFAULT.to_owned()
        } else {
            arguments.to_owned()
        };
        let shown = blocking("list processes", move || match columns(&arguments) {
            Some(columns) => native(&columns, &pids),
            None => of_host(&arguments, &pids),
        })
        .await?;
        self.publish(&container, "top", &[]);
        Ok(shown)
    }
}

/// No column may be given the title that tells processes apart.
fn check_titles(arguments: &str) -> Result<()> {
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let list = words.iter().flat_map(|word| word.split(','));
    for (name, title) in list.filter_map(|word| word.split_once('=')) {
        if title.starts_with("PID") && name != "pid" {
            return Err(Error::Failed(format!(
                "specifying \"{name}={title}\" is not allowed"
            )));
        }
    }
    Ok(())
}

fn native(columns: &[Column], pids: &[u32]) -> Result<ContainerTop> {
    if columns.iter().all(|(title, _)| *title != "PID") {
        return Err(no_pid());
    }
    let machine = Machine::now();
    let processes = pids.iter().filter_map(|pid| Process::read(*pid));
    Ok(ContainerTop {
        processes: processes
            .map(|process| columns.iter().map(|(_, show)| show(&process, &machine)).collect())
            .collect(),
        titles: columns.iter().map(|(title, _)| (*title).to_owned()).collect(),
    })
}

fn no_pid() -> Error {
    Error::Failed("Couldn't find PID field in ps output".to_owned())
}

/// The columns that arguments of `ps` ask for; `None` when they are beyond what is known here.
fn columns(arguments: &str) -> Option<Vec<Column>> {
    let mut words = arguments.split_whitespace();
    let mut chosen: Vec<&str> = Vec::new();
    let (mut full, mut by_user, mut bsd) = (false, false, false);
    while let Some(word) = words.next() {
        // A dash before the BSD letters is a mistake that `ps` forgives.
        let dashed = word.strip_prefix('-').filter(|rest| !rest.contains("aux"));
        bsd |= dashed.is_none();
        let letters = word.strip_prefix('-').unwrap_or(word);
        for (place, letter) in letters.char_indices() {
            match (letter, dashed.is_some()) {
                ('e' | 'A', true) | ('a' | 'x' | 'w', false) => {}
                ('f', true) => full = true,
                ('u', false) => by_user = true,
                ('o', _) => {
                    let rest = &letters[place + 1..];
                    chosen.extend(if rest.is_empty() { words.next()? } else { rest }.split(','));
                    break;
                }
                _ => return None,
            }
        }
    }
    let names: &[&str] = match (chosen.is_empty(), by_user, full, bsd) {
        (false, false, false, _) => &chosen,
        (false, ..) => return None,
        (true, true, false, _) => &BY_USER,
        (true, false, true, false) => &FULL,
        (true, false, false, true) => &BSD,
        (true, false, false, false) => &PLAIN,
        _ => return None,
    };
    names.iter().map(|name| column(name)).collect()
}

/// A column by the name that `-o` knows it by (ps(1), STANDARD FORMAT SPECIFIERS).
fn column(name: &str) -> Option<Column> {
    let found: Column = match name {
        "pid" => ("PID", |one, _| one.pid.to_string()),
        "ppid" => ("PPID", |one, _| one.ppid.to_string()),
        "pgid" | "pgrp" => (if name == "pgid" { "PGID" } else { "PGRP" }, |one, _| {
            one.group.to_string()
        }),
        "sid" | "session" | "sess" => (if name == "sid" { "SID" } else { "SESS" }, |one, _| {
            one.session.to_string()
        }),
        "uid_" => ("UID", |one, machine| machine.user(one.uid)),
        "user" | "uname" => ("USER", |one, machine| machine.user(one.uid)),
        "euser" => ("EUSER", |one, machine| machine.user(one.uid)),
        "ruser" => ("RUSER", |one, machine| machine.user(one.real_uid)),
        "uid" => ("UID", |one, _| one.uid.to_string()),
        "euid" => ("EUID", |one, _| one.uid.to_string()),
        "ruid" => ("RUID", |one, _| one.real_uid.to_string()),
        "gid" => ("GID", |one, _| one.gid.to_string()),
        "group" => ("GROUP", |one, machine| machine.group(one.gid)),
        "c" => ("C", |one, machine| {
            (one.share_of_cpu(machine) / 10).min(99).to_string()
        }),
        "%cpu" | "pcpu" => ("%CPU", |one, machine| decimal(one.share_of_cpu(machine))),
        "%mem" | "pmem" => ("%MEM", |one, machine| decimal(one.share_of_memory(machine))),
        "vsz" | "vsize" => ("VSZ", |one, _| one.virtual_kib().to_string()),
        "rss" | "rssize" => ("RSS", |one, _| one.resident.to_string()),
        "tty" => ("TTY", |one, _| one.terminal()),
        "tt" => ("TT", |one, _| one.terminal()),
        "tname" => ("TTY", |one, _| one.terminal()),
        "stat" => ("STAT", |one, _| one.state(true)),
        "s" | "state" => ("S", |one, _| one.state(false)),
        "stime" => ("STIME", |one, machine| one.start(machine)),
        "start" | "start_time" => ("START", |one, machine| one.start(machine)),
        "time" | "cputime" => ("TIME", |one, _| one.time()),
        "bsdtime" => ("TIME", |one, _| one.minutes()),
        "etime" => ("ELAPSED", |one, machine| one.elapsed(machine)),
        "etimes" => ("ELAPSED", |one, machine| one.age(machine).to_string()),
        "ni" | "nice" => ("NI", |one, _| one.nice.to_string()),
        "pri" => ("PRI", |one, _| (39 - one.priority).to_string()),
        "psr" => ("PSR", |one, _| one.processor.to_string()),
        "nlwp" | "thcount" => (if name == "nlwp" { "NLWP" } else { "THCNT" }, |one, _| {
            one.threads.to_string()
        }),
        "comm" => ("COMMAND", |one, _| one.name.clone()),
        "ucmd" => ("CMD", |one, _| one.name.clone()),
        "args" | "command" => ("COMMAND", |one, _| one.command_line().to_owned()),
        "cmd" => ("CMD", |one, _| one.command_line().to_owned()),
        _ => return None,
    };
    Some(found)
}

fn decimal(tenths: u64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Asks the host's `ps`, about these processes only where it can be told so.
fn of_host(arguments: &str, pids: &[u32]) -> Result<ContainerTop> {
    let list = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let run = |more: &[String]| {
        Command::new("ps")
            .args(arguments.split_whitespace())
            .args(more)
            .output()
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Error::Failed(format!(
                    "top with the arguments {arguments:?} needs the program ps on the host, which has none; without it \
                     -ef, aux and -o with the usual columns are there"
                )),
                _ => Error::system("ps")(error),
            })
    };
    let mut done = run(&[format!("-q{list}")])?;
    if !done.status.success() {
        // Some options do not go together with -q.
        done = run(&[])?;
    }
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let why = said.lines().next().unwrap_or_default();
        return Err(Error::Failed(if why.is_empty() {
            format!("ps: {}", done.status)
        } else {
            why.to_owned()
        }));
    }
    parse(&String::from_utf8_lossy(&done.stdout), pids)
}

/// The rows of what `ps` printed that are about these processes.
fn parse(text: &str, pids: &[u32]) -> Result<ContainerTop> {
    let mut lines = text.lines();
    let words = |line: &str| -> Vec<String> {
        line.split([' ', '\t', '\r', '\x0b', '\x0c'])
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let titles = words(lines.next().unwrap_or_default());
    let pid = titles
        .iter()
        .position(|title| title == "PID")
        .ok_or_else(no_pid)?;
    let mut processes = Vec::new();
    for line in lines {
        let mut row = words(line);
        let Some(number) = row.get(pid) else { continue };
        let number: u32 = match number.parse() {
            Ok(number) => number,
            // A line about a thread.
            Err(_) if number == "-" => continue,
            Err(error) => {
                return Err(Error::Failed(format!("Unexpected pid '{number}': {error}")));
            }
        };
        if !pids.contains(&number) {
            continue;
        }
        if row.len() > titles.len() {
            let last = row.split_off(titles.len() - 1).join(" ");
            row.push(last);
        }
        processes.push(row);
    }
    Ok(ContainerTop { processes, titles })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(arguments: &str) -> Option<String> {
        let columns = columns(arguments)?;
        Some(
            columns
                .iter()
                .map(|(title, _)| *title)
                .collect::<Vec<_>>()
                .join(" "),
        )
    }

    #[test]
    fn usual_arguments_need_no_ps() {
        let full = Some("UID PID PPID C STIME TTY TIME CMD".to_owned());
        assert_eq!(titles("-ef"), full);
        assert_eq!(titles("-e -f"), full);
        let by_user = Some("USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND".to_owned());
        assert_eq!(titles("aux"), by_user);
        assert_eq!(titles("-aux"), by_user);
        assert_eq!(titles("auxww"), by_user);
        assert_eq!(titles("ax").unwrap(), "PID TTY STAT TIME COMMAND");
        assert_eq!(titles("-e").unwrap(), "PID TTY TIME CMD");
        assert_eq!(titles("-o pid,comm").unwrap(), "PID COMMAND");
        assert_eq!(titles("-eo pid,%cpu -o args").unwrap(), "PID %CPU COMMAND");
        assert_eq!(titles("axo pid").unwrap(), "PID");
        for other in ["-l", "f", "-o pid=X", "-o wchan", "aux --forest", "-o"] {
            assert_eq!(titles(other), None, "{other}");
        }
    }

    #[test]
    fn the_output_of_ps_is_sifted() {
        let text = "  PID COMMAND\n    7 sh -c x  y\n    8 other\n";
        let shown = parse(text, &[7]).unwrap();
        assert_eq!(shown.titles, ["PID", "COMMAND"]);
        assert_eq!(shown.processes, [["7", "sh -c x y"]]);
        assert!(parse("COMMAND\nx\n", &[7]).is_err());
        assert!(check_titles("-o pid=PID,comm=PIDS").is_err());
        assert!(check_titles("-o pid,comm=X").is_ok());
    }
}
