//! The daemon's manual page, in roff, made from the table of its settings.

use roff::{Roff, bold, roman};

use crate::adapters;
use crate::directives::{DIRECTIVES, Directive, Standing};
use crate::flags::value_name;

/// What the page says beside the settings.
const DESCRIPTION: [&str; 2] = [
    "Runs containers, keeps their images, volumes and networks, and serves the Docker Engine API to clients. Containers \
     outlive it: the next one takes them over, unless --live-restore=false is set.",
    "Settings are read from the command line and from a file; what both set is an error, but for lists, which are united. \
     On SIGHUP the file is read again. SIGTERM and SIGINT end the daemon in good order.",
];
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
    let mut page = Roff::new();
    let release = adapters::release();
    page.control(
        "TH",
        [
            title.to_uppercase().as_str(),
            "8",
            "",
            &release,
            "System Administration",
        ],
    );
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{title} - engine of containers"))]);
    page.control("SH", ["SYNOPSIS"]);
    page.text([bold(program), roman(" [OPTIONS]")]);
    page.control("SH", ["DESCRIPTION"]);
    for paragraph in DESCRIPTION {
        page.control("PP", []).text([roman(paragraph)]);
    }
    section(&mut page, "OPTIONS", "", |directive| match directive.standing {
        Standing::Acts if !directive.about.is_empty() => Some(directive.about.to_owned()),
        _ => None,
    });
    section(
        &mut page,
        "OPTIONS WITHOUT EFFECT",
        "Accepted; set to anything but the default they are warned of.",
        |directive| match directive.standing {
            Standing::Idle(default, why) => Some(reason(default, why)),
            _ => None,
        },
    );
    section(
        &mut page,
        "OPTIONS NOT SUPPORTED",
        "Set to anything but the default they are an error.",
        |directive| match directive.standing {
            Standing::Refused(default, why) => Some(reason(default, why)),
            _ => None,
        },
    );
    page.control("SH", ["FILES"]);
    for (path, about) in FILES {
        entry(&mut page, path, about);
    }
    page.control("SH", ["SEE ALSO"]).control("BR", ["corten", "(1)"]);
    page.render()
}

fn reason(default: &str, why: &str) -> String {
    format!("{why} (default {default})")
}

/// The settings `about` has something to say of.
fn section(page: &mut Roff, title: &str, words: &str, about: impl Fn(&Directive) -> Option<String>) {
    page.control("SH", [title]);
    if !words.is_empty() {
        page.text([roman(words)]);
    }
    for directive in DIRECTIVES {
        if let Some(about) = about(directive) {
            entry(page, &name(directive), &about);
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

fn entry(page: &mut Roff, name: &str, about: &str) {
    page.control("TP", []).text([bold(name)]).text([roman(about)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_people_are_told_of_is_there() {
        let text = page("corten daemon");
        assert!(text.contains(".TH CORTEN-DAEMON 8 "), "{text}");
        assert!(text.contains("\n.TP\n\\fB\\-D, \\-\\-debug bool\\fR\n"), "{text}");
        assert!(text.contains("\n.TP\n\\fB\\-\\-default\\-ulimit ulimit (key default\\-ulimits)\\fR\n"));
        for directive in DIRECTIVES.iter().filter(|directive| !directive.about.is_empty()) {
            let name = name(directive).replace('-', "\\-");
            assert!(text.contains(&name), "{}", directive.name());
        }
    }
}
