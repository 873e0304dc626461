//! The table of options in `--help`: names in one column, descriptions wrapped in the other, as Docker lays it out.

use super::{Flag, Kind, Standing};

/// Width of the output when it is no terminal.
pub(crate) const DEFAULT_WIDTH: usize = 80;
/// Columns between the longest name and the descriptions.
const GAP: usize = 3;
/// A last line may be this much longer if that saves a line of one short word.
const SLOP: usize = 5;
/// With less room than this the descriptions are not wrapped.
const MIN_ROOM: usize = 24;

/// The rows for all flags shown, for a terminal `width` characters wide.
pub(crate) fn options(flags: &[Flag], width: usize) -> String {
    let rows: Vec<(String, String)> = flags.iter().filter(|flag| flag.is_shown()).map(row).collect();
    let indent = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + GAP;
    let room = (width.saturating_sub(1)).saturating_sub(indent);
    let mut text = String::new();
    for (name, description) in rows {
        let mut line = format!("{name:indent$}");
        for (number, piece) in wrap(&description, room).into_iter().enumerate() {
            if number > 0 {
                line = " ".repeat(indent);
            }
            line.push_str(piece);
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// A flag's names with the type of its value, and what it does.
pub(crate) fn row(flag: &Flag) -> (String, String) {
    (name(flag), description(flag))
}

fn name(flag: &Flag) -> String {
    let mut text = match flag.short {
        Some(letter) => format!("  -{letter}, --{}", flag.name),
        None => format!("      --{}", flag.name),
    };
    if let Kind::Value(kind) = flag.kind {
        text.push(' ');
        text.push_str(kind);
    }
    text
}

fn description(flag: &Flag) -> String {
    let mut text = flag.help.to_owned();
    if !flag.default.is_empty() {
        text.push_str(&format!(" (default {})", flag.default));
    }
    if flag.standing == Standing::NotYet {
        text.push_str(" (not supported yet)");
    }
    text
}

/// Cuts a text with line breaks of its own into lines of at most `room` bytes.
fn wrap(text: &str, room: usize) -> Vec<&str> {
    if room < MIN_ROOM {
        return text.split('\n').collect();
    }
    let target = room - SLOP;
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let cut = (rest.len() >= room).then(|| break_at(rest, target)).flatten();
        let (line, tail) = match cut {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, ""),
        };
        lines.extend(line.split('\n'));
        rest = tail;
    }
    lines
}

/// The last white space in the first `target` bytes, preferring a line break: `None` when there is none.
fn break_at(text: &str, target: usize) -> Option<usize> {
    let head = &text.as_bytes()[..target];
    let space = head
        .iter()
        .rposition(|b| matches!(b, b' ' | b'\t' | b'\n'))
        .filter(|at| *at > 0)?;
    let line_break = head.iter().rposition(|b| *b == b'\n').filter(|at| *at > 0);
    Some(line_break.unwrap_or(space))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lays_out_as_docker_does() {
        let flags = [
            Flag::switch("attach", "Attach STDOUT/STDERR and forward signals").short('a'),
            Flag::text("checkpoint-dir", "Use a custom checkpoint storage directory"),
            Flag::text(
                "detach-keys",
                "Override the key sequence for detaching a container",
            ),
        ];
        assert_eq!(
            options(&flags, 80),
            "  -a, --attach                  Attach STDOUT/STDERR and forward signals
      --checkpoint-dir string   Use a custom checkpoint storage directory
      --detach-keys string      Override the key sequence for detaching a
                                container
"
        );
    }
}
