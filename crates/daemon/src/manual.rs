//! The daemon's manual page, in roff, made from the table of its settings.

use std::fmt::Write;

use crate::adapters;
use crate::directives::{DIRECTIVES, Directive, Standing};
use crate::flags::value_name;

/// What the page says beside the settings.
const DESCRIPTION: &str = "Runs containers, keeps their images, volumes and networks, and serves the Docker Engine API to \
    clients. Containers outlive it: the next one takes them over, unless \\-\\-live\\-restore=false is set.\n.PP\n\
    Settings are read from the command line and from a file; what both set is an error, but for lists, which are united. On \
    SIGHUP the file is read again. SIGTERM and SIGINT end the daemon in good order.";
const FILES: &[(&str, &str)] = &[
    (
        "/etc/corten/daemon.json, else /etc/docker/daemon.json",
        "Settings, by their keys.",
    ),
    ("/var/lib/corten", "What outlives a reboot."),
    (
        "/run/corten",
        "What does not; corten.sock and corten.pid among it.",
    ),
];

/// The page of a daemon called `program`.
pub(crate) fn page(program: &str) -> String {
    let title = program.replace(' ', "-");
    let mut text = format!(
        ".TH \"{}\" 8 \"\" \"{}\" \"System Administration\"\n.SH NAME\n{} \\- engine of containers\n.SH SYNOPSIS\n.B {}\n\
         [OPTIONS]\n.SH DESCRIPTION\n{DESCRIPTION}\n",
        escape(&title.to_uppercase()),
        escape(&adapters::release()),
        escape(&title),
        escape(program),
    );
    section(&mut text, "OPTIONS", "", |directive| match directive.standing {
        Standing::Acts if !directive.about.is_empty() => Some(directive.about.to_owned()),
        _ => None,
    });
    section(
        &mut text,
        "OPTIONS WITHOUT EFFECT",
        "Accepted; set to anything but the default they are warned of.",
        |directive| match directive.standing {
            Standing::Idle(default, why) => Some(reason(default, why)),
            _ => None,
        },
    );
    section(
        &mut text,
        "OPTIONS NOT SUPPORTED",
        "Set to anything but the default they are an error.",
        |directive| match directive.standing {
            Standing::Refused(default, why) => Some(reason(default, why)),
            _ => None,
        },
    );
    text.push_str(".SH FILES\n");
    for (path, about) in FILES {
        entry(&mut text, path, about);
    }
    text.push_str(".SH SEE ALSO\n.BR corten (1)\n");
    text
}

fn reason(default: &str, why: &str) -> String {
    format!("{why} (default {default})")
}

/// The settings `about` has something to say of.
fn section(text: &mut String, title: &str, words: &str, about: impl Fn(&Directive) -> Option<String>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, ".SH {title}");
    if !words.is_empty() {
        let _ = writeln!(text, "{}", escape(words));
    }
    for directive in DIRECTIVES {
        if let Some(about) = about(directive) {
            entry(text, &name(directive), &about);
        }
    }
}

/// `-D, --debug bool (key debug)`.
fn name(directive: &Directive) -> String {
    let mut name = match directive.short {
        Some(letter) => format!("-{letter}, "),
        None => String::new(),
    };
    if !directive.flag.is_empty() {
        name += &format!("--{} {}", directive.flag, value_name(directive.kind));
    }
    match (directive.key, directive.flag) {
        ("", _) => name,
        (key, "") => format!("key {key}"),
        (key, flag) if key == flag => name,
        (key, _) => format!("{name} (key {key})"),
    }
}

fn entry(text: &mut String, name: &str, about: &str) {
    let _ = writeln!(text, ".TP\n.B {}\n{}", escape(name), escape(about));
}

/// A line as roff shows it: dashes that can be typed, no line that is taken for a request.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) {
        return format!("\\&{text}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_people_are_told_of_is_there() {
        let text = page("corten daemon");
        assert!(text.starts_with(".TH \"CORTEN\\-DAEMON\" 8 "), "{text}");
        assert!(text.contains("\n.TP\n.B \\-D, \\-\\-debug bool\n"), "{text}");
        assert!(text.contains("\n.TP\n.B \\-\\-default\\-ulimit ulimit (key default\\-ulimits)\n"));
        for directive in DIRECTIVES.iter().filter(|directive| !directive.about.is_empty()) {
            assert!(text.contains(&escape(&name(directive))), "{}", directive.name());
        }
    }
}
