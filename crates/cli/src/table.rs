//! Tables: columns as wide as their widest cell, as Docker's (Go's `tabwriter` with these figures).

const MIN_WIDTH: usize = 10;
const PADDING: usize = 3;

/// Rows of cells, the first row being the titles.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these titles.
    pub(crate) fn new<I, S>(titles: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let mut table = Self::default();
        table.row(titles);
        table
    }

    /// Adds a row.
    pub(crate) fn row<I, S>(&mut self, cells: I)
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The text, a line per row.
    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(column))
                    .map(|cell| cell.chars().count() + PADDING)
                    .max()
                    .unwrap_or(0)
                    .max(MIN_WIDTH)
            })
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                text.push_str(cell);
                if column + 1 < row.len() {
                    let gap = widths[column] - cell.chars().count();
                    text.extend(std::iter::repeat_n(' ', gap));
                }
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_as_docker_does() {
        let mut table = Table::new(["CONTAINER ID", "IMAGE", "COMMAND", "NAMES"]);
        assert_eq!(table.render(), "CONTAINER ID   IMAGE     COMMAND   NAMES\n");
        table.row(["0123456789ab", "busybox:latest", "\"sleep 1d…\"", "x"]);
        assert_eq!(
            table.render(),
            "CONTAINER ID   IMAGE            COMMAND       NAMES\n\
             0123456789ab   busybox:latest   \"sleep 1d…\"   x\n"
        );
    }
}
