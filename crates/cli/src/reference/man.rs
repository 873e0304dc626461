//! Man pages, one for the program and one for each command, in roff.

use std::fs;
use std::path::Path;

use roff::{Inline, Roff, bold, line_break, roman};

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
    let name = &program.name;
    write(name, program_page(name, root))?;
    for (path, command) in commands() {
        let title = format!("{name}-{}", path.replace(' ', "-"));
        write(&title, page(name, &title, &path, command))?;
    }
    Ok(())
}

fn program_page(name: &str, root: &'static [Flag]) -> String {
    let mut page = head(name, ABOUT);
    page.control("SH", ["SYNOPSIS"]);
    page.text([bold(name), roman(" [OPTIONS] COMMAND [ARG...]")]);
    page.control("SH", ["COMMANDS"]);
    for (path, command) in commands() {
        let about = command.about.lines().next().unwrap_or_default();
        page.control("TP", []).text([bold(path)]).text([roman(about)]);
    }
    options(&mut page, root);
    page.render()
}

fn page(name: &str, title: &str, path: &str, command: &Command) -> String {
    let about = command.about.lines().next().unwrap_or_default();
    let mut page = head(title, about);
    page.control("SH", ["SYNOPSIS"]);
    page.text([
        bold(format!("{name} {path}")),
        roman(format!(" {}", command.usage_of(name))),
    ]);
    page.control("SH", ["DESCRIPTION"]);
    page.text(lines(command.about));
    if command.names.len() > 1 {
        let names: Vec<_> = command
            .names
            .iter()
            .map(|alias| format!("{name} {alias}"))
            .collect();
        page.control("SH", ["ALIASES"]).text([roman(names.join(", "))]);
    }
    options(&mut page, command.flags);
    page.control("SH", ["SEE ALSO"]).control("BR", [name, "(1)"]);
    page.render()
}

fn head(title: &str, about: &str) -> Roff {
    let mut page = Roff::new();
    page.control(
        "TH",
        [title.to_uppercase().as_str(), "1", "", VERSION, "User Commands"],
    );
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{title} - {about}"))]);
    page
}

fn options(page: &mut Roff, flags: &'static [Flag]) {
    if !flags.iter().any(Flag::is_shown) {
        return;
    }
    page.control("SH", ["OPTIONS"]);
    for flag in flags.iter().filter(|flag| flag.is_shown()) {
        let (name, about) = help::row(flag);
        page.control("TP", [])
            .text([bold(name.trim())])
            .text(lines(&about));
    }
}

/// A text whose line breaks stay.
fn lines(text: &str) -> Vec<Inline> {
    let mut inlines = Vec::new();
    for line in text.lines() {
        if !inlines.is_empty() {
            inlines.push(line_break());
        }
        inlines.push(roman(line));
    }
    inlines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_for_each_command() {
        let dir = tempfile::tempdir().unwrap();
        let program = Program::docker();
        static ROOT: &[Flag] = &[Flag::switch("debug", "Enable debug mode").short('D')];
        write_pages(&program, ROOT, dir.path()).unwrap();
        let run = fs::read_to_string(dir.path().join("docker-container-run.1")).unwrap();
        assert!(run.contains(".TH DOCKER-CONTAINER-RUN 1 "), "{run}");
        assert!(run.contains("\n.TP\n\\fB\\-d, \\-\\-detach\\fR\n"), "{run}");
        let cp = fs::read_to_string(dir.path().join("docker-cp.1")).unwrap();
        assert!(cp.contains("\tdocker cp [OPTIONS] SRC_PATH"), "{cp}");
        let all = fs::read_to_string(dir.path().join("docker.1")).unwrap();
        assert!(all.contains("\n\\fBcontainer run\\fR\n") && all.contains("\\-\\-debug"));
    }
}
