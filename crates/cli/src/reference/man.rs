//! Man pages, one for the program and one for each command, in roff.

use std::fs;
use std::path::Path;

use super::commands;
use crate::command::{Command, Program};
use crate::error::Error;
use crate::flags::{Flag, help};
use crate::root::{ABOUT, VERSION};

/// Writes all pages into `dir`, which is made if it is not there.
pub(crate) fn write_pages(program: &Program, root: &'static [Flag], dir: &Path) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| Error::plain(format!("{path}: {error}"))
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let write = |title: &str, text: String| {
        let path = dir.join(format!("{title}.1"));
        fs::write(&path, text).map_err(failed(&path))
    };
    let name = &program.0;
    write(name, program_page(name, root))?;
    for (path, command) in commands() {
        let title = format!("{name}-{}", path.replace(' ', "-"));
        write(&title, page(name, &title, &path, command))?;
    }
    Ok(())
}

fn program_page(name: &str, root: &'static [Flag]) -> String {
    let mut text = head(name, ABOUT);
    text.push_str(&format!(
        ".SH SYNOPSIS\n.B {name}\n[OPTIONS] COMMAND [ARG...]\n.SH COMMANDS\n",
        name = escape(name)
    ));
    for (path, command) in commands() {
        let about = command.about.lines().next().unwrap_or_default();
        text.push_str(&format!(".TP\n.B {}\n{}\n", escape(&path), escape(about)));
    }
    options(&mut text, root);
    text
}

fn page(name: &str, title: &str, path: &str, command: &Command) -> String {
    let about = command.about.lines().next().unwrap_or_default();
    let mut text = head(title, about);
    text.push_str(&format!(
        ".SH SYNOPSIS\n.B {} {}\n{}\n.SH DESCRIPTION\n{}\n",
        escape(name),
        escape(path),
        escape(command.usage),
        paragraphs(command.about)
    ));
    if command.names.len() > 1 {
        text.push_str(".SH ALIASES\n");
        let names: Vec<_> = command
            .names
            .iter()
            .map(|alias| format!("{name} {alias}"))
            .collect();
        text.push_str(&format!("{}\n", escape(&names.join(", "))));
    }
    options(&mut text, command.flags);
    text.push_str(&format!(".SH SEE ALSO\n.BR {} (1)\n", escape(name)));
    text
}

fn head(title: &str, about: &str) -> String {
    format!(
        ".TH \"{}\" 1 \"\" \"{VERSION}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n",
        escape(&title.to_uppercase()),
        escape(title),
        escape(about)
    )
}

fn options(text: &mut String, flags: &'static [Flag]) {
    if !flags.iter().any(Flag::is_shown) {
        return;
    }
    text.push_str(".SH OPTIONS\n");
    for flag in flags.iter().filter(|flag| flag.is_shown()) {
        let (name, about) = help::row(flag);
        text.push_str(&format!(
            ".TP\n.B {}\n{}\n",
            escape(name.trim()),
            paragraphs(&about)
        ));
    }
}

/// A text whose line breaks stay.
fn paragraphs(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(escape).collect();
    lines.join("\n.br\n")
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
    fn a_page_for_each_command() {
        let dir = tempfile::tempdir().unwrap();
        let program = Program("docker".to_owned());
        static ROOT: &[Flag] = &[Flag::switch("debug", "Enable debug mode").short('D')];
        write_pages(&program, ROOT, dir.path()).unwrap();
        let run = fs::read_to_string(dir.path().join("docker-container-run.1")).unwrap();
        assert!(run.starts_with(".TH \"DOCKER\\-CONTAINER\\-RUN\" 1 "), "{run}");
        assert!(run.contains("\n.TP\n.B \\-d, \\-\\-detach\n"), "{run}");
        let all = fs::read_to_string(dir.path().join("docker.1")).unwrap();
        assert!(all.contains("\n.B container run\n") && all.contains("\\-\\-debug"));
        assert_eq!(escape(".x\\y-z"), "\\&.x\\ey\\-z");
    }
}
