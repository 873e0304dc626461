//! `history`: the steps an image was made in.

use corten_types::decimal_size;
use corten_wire::HistoryItem;
use serde_json::{Value, json};

use super::template_help::TABLE;
use super::time_arg;
use crate::command::{Arity, Command, Outcome};
use crate::flags::Flag;
use crate::format::Row;
use crate::human::{ago, ellipsis, short_id};
use crate::invocation::Invocation;
use crate::output;
use crate::table::Table;

pub(crate) static COMMAND: Command = Command {
    about: "Show the history of an image",
    usage: "[OPTIONS] IMAGE",
    names: &["image history", "history"],
    flags: &[
        Flag::text("format", TABLE),
        Flag::switch("human", "Print sizes and dates in human readable format")
            .short('H')
            .default("true"),
        Flag::switch("no-trunc", "Don't truncate output"),
        Flag::text(
            "platform",
            "Show history for the given platform. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")",
        )
        .not_yet(),
        Flag::switch("quiet", "Only show image IDs").short('q'),
    ],
    arity: Arity::Exactly(1),
    interspersed: true,
    run,
};

const CREATED_BY_WIDTH: usize = 45;

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let format = invocation.list_format(|_| "", "raw")?;
        let client = invocation.connect().await?;
        let mut items = Vec::new();
        for image in &matches.args {
            items = client.image_history(image).await?;
        }
        let cut = !matches.on("no-trunc");
        let human = matches.on("human");
        let rows: Vec<Value> = items.iter().map(|item| fields(item, cut, human)).collect();
        let text = match format.filter(|format| !format.is_plain_table()) {
            Some(format) => {
                let rows: Vec<_> = rows
                    .into_iter()
                    .map(|row| Row::new("*image.historyContext", row))
                    .collect();
                format.apply_all(&rows, title)?
            }
            None if matches.on("quiet") => rows.iter().map(|row| format!("{}\n", text(row, "ID"))).collect(),
            None => table(&rows, human),
        };
        output::print(&text)?;
        Ok(0)
    })
}

fn table(rows: &[Value], human: bool) -> String {
    let (time, time_title) = if human {
        ("CreatedSince", "CREATED")
    } else {
        ("CreatedAt", "CREATED AT")
    };
    let mut table = Table::new(["IMAGE", time_title, "CREATED BY", "SIZE", "COMMENT"]);
    for row in rows {
        table.row(["ID", time, "CreatedBy", "Size", "Comment"].map(|name| text(row, name)));
    }
    table.render()
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

/// What templates see.
fn fields(item: &HistoryItem, cut: bool, human: bool) -> Value {
    let created_by = item.created_by.replace('\t', " ");
    json!({
        "Comment": item.comment,
        "CreatedAt": if item.created <= 0 { "N/A".to_owned() } else { time_arg::rfc3339(item.created) },
        "CreatedBy": if cut { ellipsis(&created_by, CREATED_BY_WIDTH) } else { created_by },
        "CreatedSince": if item.created <= 0 { "N/A".to_owned() } else { ago(item.created) },
        "ID": if cut { short_id(&item.id) } else { &item.id },
        "Size": if human { decimal_size(item.size as f64) } else { item.size.to_string() },
    })
}

fn title(field: &str) -> Option<&'static str> {
    Some(match field {
        "ID" => "IMAGE",
        "CreatedAt" => "CREATED AT",
        "CreatedSince" => "CREATED",
        "CreatedBy" => "CREATED BY",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_as_docker() {
        let item = HistoryItem {
            id: "sha256:0123456789abcdef".to_owned(),
            created: 1_700_000_000,
            created_by: format!("/bin/sh -c {}", "x".repeat(60)),
            size: 1_234_760,
            ..HistoryItem::default()
        };
        let missing = HistoryItem {
            id: "<missing>".to_owned(),
            ..HistoryItem::default()
        };
        let rows = [fields(&item, true, false), fields(&missing, true, false)];
        assert_eq!(
            table(&rows, true)
                .lines()
                .last()
                .unwrap()
                .split_whitespace()
                .collect::<Vec<_>>(),
            ["<missing>", "N/A", "0"]
        );
        assert_eq!(text(&rows[0], "CreatedBy").chars().count(), CREATED_BY_WIDTH);
        assert_eq!(text(&rows[0], "Size"), "1234760");
    }
}
