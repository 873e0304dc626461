//! The table of results.

use std::fmt;

use super::timing::Times;

/// A line of the table.
#[derive(Debug)]
pub(super) struct Row {
    name: String,
    theirs: String,
    ours: String,
    ratio: f64,
    /// What was to be reached, and whether it was.
    verdict: Option<(String, bool)>,
}

impl Row {
    /// Times; `target` is how many times faster ours must be.
    pub(super) fn times(name: String, theirs: Times, ours: Times, target: Option<f64>) -> Self {
        let ratio = theirs.median() / ours.median();
        Self {
            name,
            theirs: cell(&theirs),
            ours: cell(&ours),
            ratio,
            verdict: at_least(ratio, target),
        }
    }

    /// Ours twice: `base` and something made harder, which must not take more than `limit` times as long.
    pub(super) fn factor(name: String, base: &Times, harder: &Times, limit: f64) -> Self {
        let ratio = harder.median() / base.median();
        Self {
            name,
            theirs: format!("(without) {}", cell(base)),
            ours: cell(harder),
            ratio,
            verdict: Some((format!("≤ {limit:.1}×"), ratio <= limit)),
        }
    }

    /// Our time alone, which must stay below `limit` milliseconds.
    pub(super) fn time_limit(name: String, ours: &Times, limit: f64) -> Self {
        Self {
            name,
            theirs: "–".to_owned(),
            ours: cell(ours),
            ratio: ours.median() / limit,
            verdict: Some((format!("< {limit:.0} ms"), ours.median() < limit)),
        }
    }

    /// Sizes in bytes; `target` is how many times smaller ours must be.
    pub(super) fn sizes(name: String, theirs: u64, ours: u64, target: Option<f64>) -> Self {
        let ratio = theirs as f64 / ours as f64;
        Self {
            name,
            theirs: mib(theirs),
            ours: mib(ours),
            ratio,
            verdict: at_least(ratio, target),
        }
    }

    /// Sizes in bytes; ours must not be above `limit`.
    pub(super) fn limit(name: String, theirs: u64, ours: u64, limit: f64) -> Self {
        let verdict = Some((format!("≤ {:.2} MiB", limit / MIB), ours as f64 <= limit));
        Self {
            name,
            theirs: mib(theirs),
            ours: mib(ours),
            ratio: theirs as f64 / ours as f64,
            verdict,
        }
    }
}

fn cell(times: &Times) -> String {
    let (low, high) = times.quartiles();
    format!("{:.1} ms ({low:.1}–{high:.1})", times.median())
}

const MIB: f64 = (1 << 20) as f64;

fn at_least(ratio: f64, target: Option<f64>) -> Option<(String, bool)> {
    target.map(|target| (format!("≥ {target:.0}×"), ratio >= target))
}

fn mib(bytes: u64) -> String {
    format!("{:.2} MiB", bytes as f64 / MIB)
}

/// All lines.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<Row>);

impl Table {
    pub(super) fn push(&mut self, row: Row) {
        self.0.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["", "dockerd", "Corten", "ratio", "target", ""].map(str::to_owned);
        let cells = |row: &Row| {
            let (target, verdict) = match &row.verdict {
                Some((target, reached)) => (target.clone(), if *reached { "ok" } else { "MISS" }),
                None => (String::new(), ""),
            };
            [
                row.name.clone(),
                row.theirs.clone(),
                row.ours.clone(),
                format!("{:.1}×", row.ratio),
                target,
                verdict.to_owned(),
            ]
        };
        let lines: Vec<[String; 6]> = std::iter::once(head).chain(self.0.iter().map(cells)).collect();
        for line in &lines {
            let mut text = String::new();
            for (column, cell) in line.iter().enumerate() {
                let width = lines
                    .iter()
                    .map(|line| line[column].chars().count())
                    .max()
                    .unwrap_or(0);
                let padding = " ".repeat(width - cell.chars().count());
                // Words to the left, numbers to the right.
                let cell = if matches!(column, 0 | 5) {
                    format!("{cell}{padding}")
                } else {
                    format!("{padding}{cell}")
                };
                text = text + &cell + "  ";
            }
            writeln!(out, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_what_was_reached() {
        let mut table = Table::default();
        table.push(Row::sizes("small".into(), 10 << 20, 1 << 20, Some(5.0)));
        table.push(Row::limit("per container".into(), 9 << 20, 2 << 20, MIB));
        let expected = "                dockerd    Corten  ratio      target\n\
                        small          10.00 MiB  1.00 MiB  10.0×        ≥ 5×  ok\n\
                        per container   9.00 MiB  2.00 MiB   4.5×  ≤ 1.00 MiB  MISS\n";
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeeze(&table.to_string()), squeeze(expected));
        let widths: Vec<usize> = table
            .to_string()
            .lines()
            .skip(1)
            .map(|line| line.find("MiB").unwrap())
            .collect();
        assert_eq!(widths[0], widths[1], "columns line up");
    }
}
