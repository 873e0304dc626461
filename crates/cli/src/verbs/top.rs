//! `top`: the processes of a container.

use crate::command::{Arity, Command, Outcome};
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "Display the running processes of a container",
    usage: "CONTAINER [ps OPTIONS]",
    names: &["container top", "top"],
    flags: &[],
    arity: Arity::AtLeast(1),
    interspersed: false,
    run,
};

/// Least width of a column, and the space to the next one: Docker's figures for this table alone.
const MIN_WIDTH: usize = 20;
const PADDING: usize = 3;

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let client = invocation.connect().await?;
        let args = &invocation.matches.args;
        let shown = client.top_container(&args[0], &args[1..].join(" ")).await?;
        let mut rows = vec![shown.titles];
        rows.extend(shown.processes);
        output::print(&table(&rows))?;
        Ok(0)
    })
}

fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            (widest + PADDING).max(MIN_WIDTH)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < row.len() {
                let gap = widths[column].saturating_sub(cell.chars().count());
                text.extend(std::iter::repeat_n(' ', gap));
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_wide() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(
            table(&[row(["PID", "CMD"]), row(["7", "sleep 1"])]),
            "PID                 CMD\n7                   sleep 1\n"
        );
    }
}
