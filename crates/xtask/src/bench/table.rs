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

    /// Our time, which must stay below `limit` milliseconds; theirs, if taken, only to compare.
    pub(super) fn time_limit(name: String, theirs: Option<&Times>, ours: &Times, limit: f64) -> Self {
        Self {
            name,
            theirs: theirs.map_or_else(|| "–".to_owned(), cell),
            ours: cell(ours),
            ratio: ours.median() / limit,
            verdict: Some((format!("< {limit:.0} ms"), ours.median() < limit)),
        }
    }

    /// Rates, such as bits per second, the higher the better; `base` is what ours are held against, and `least` what part of it
    /// they must be.
    pub(super) fn rates(name: String, unit: Unit, base: &Rates, ours: &Rates, least: f64) -> Self {
        let ratio = ours.median() / base.median();
        Self {
            name,
            theirs: format!("{}{}", unit.base, unit.of(base.median())),
            ours: unit.of(ours.median()),
            ratio,
            verdict: Some((format!("≥ {least}×"), ratio >= least)),
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

/// Rates that were measured.
#[derive(Debug, Clone, Default)]
pub(super) struct Rates(Vec<f64>);

impl Rates {
    pub(super) fn push(&mut self, rate: f64) {
        self.0.push(rate);
    }

    fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// How rates are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    /// Said before the rate ours are held against.
    pub(super) base: &'static str,
    /// Said after a rate.
    pub(super) name: &'static str,
    /// How much one of it is.
    pub(super) size: f64,
}

impl Unit {
    fn of(self, rate: f64) -> String {
        format!("{:.2} {}", rate / self.size, self.name)
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
