//! `images`: lists images.

use corten_client::ImageListOptions;
use corten_types::{decimal_size, precise_size};
use corten_wire::ImageSummary;
use serde_json::{Value, json};

use super::template_help::{TABLE, check_filter, filters};
use super::time_arg;
use crate::command::{Arity, Command, Outcome};
use crate::flags::Flag;
use crate::format;
use crate::human::{ago, short_id};
use crate::invocation::Invocation;
use crate::output;
use crate::table::Table;

pub(crate) static COMMAND: Command = Command {
    about: "List images",
    usage: "[OPTIONS] [REPOSITORY[:TAG]]",
    names: &["image ls", "image list", "images"],
    flags: &[
        Flag::switch("all", "Show all images (default hides intermediate images)").short('a'),
        Flag::switch("digests", "Show digests"),
        Flag::list("filter", "Filter output based on conditions provided")
            .short('f')
            .of("filter")
            .check(check_filter),
        Flag::text("format", TABLE),
        Flag::switch("no-trunc", "Don't truncate output"),
        Flag::switch("quiet", "Only show image IDs").short('q'),
        Flag::switch("tree", "List multi-platform images as a tree (EXPERIMENTAL)").not_yet(),
    ],
    arity: Arity::AtMost(1),
    interspersed: true,
    run,
};

const NONE: &str = "<none>";

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let quiet = matches.on("quiet");
        let raw = match quiet {
            true => "image_id: {{.ID}}".to_owned(),
            false => raw(matches.on("digests")),
        };
        let format = invocation.list_format(|file| &file.images_format, &raw)?;
        let mut filters = filters(matches);
        if let Some(reference) = matches.args.first() {
            filters
                .entry("reference".to_owned())
                .or_default()
                .push(reference.clone());
        }
        let client = invocation.connect().await?;
        let images = client
            .list_images(&ImageListOptions {
                all: matches.on("all"),
                filters,
            })
            .await?;
        let cut = !matches.on("no-trunc");
        let digests = matches.on("digests")
            || format
                .as_ref()
                .is_some_and(|format| format.fields().any(|field| field == "Digest"));
        let rows: Vec<Row<'_>> = images.iter().flat_map(|image| rows(image, digests)).collect();
        let text = match format.filter(|format| !format.is_plain_table()) {
            Some(format) => {
                let values: Vec<_> = rows
                    .iter()
                    .map(|row| format::Row::new("*formatter.imageContext", row.fields(cut, digests)))
                    .collect();
                format.apply_all(&values, title)?
            }
            None if quiet => rows.iter().map(|row| format!("{}\n", row.id(cut))).collect(),
            None => table(&rows, cut, digests),
        };
        output::print(&text)?;
        Ok(0)
    })
}

/// What `--format raw` stands for.
fn raw(digests: bool) -> String {
    let digest = if digests { "digest: {{.Digest}}\n" } else { "" };
    format!(
        "repository: {{{{.Repository}}}}\ntag: {{{{.Tag}}}}\n{digest}image_id: {{{{.ID}}}}\n\
         created_at: {{{{.CreatedAt}}}}\nvirtual_size: {{{{.Size}}}}\n"
    )
}

/// One line: an image under one of its names.
pub(super) struct Row<'a> {
    pub(super) image: &'a ImageSummary,
    pub(super) repository: &'a str,
    pub(super) tag: &'a str,
    digest: &'a str,
}

/// An image has a line for each of its tags; with digests, for each digest without a tag, too.
pub(super) fn rows(image: &ImageSummary, with_digests: bool) -> Vec<Row<'_>> {
    let row = |repository, tag, digest| Row {
        image,
        repository,
        tag,
        digest,
    };
    let digests: Vec<(&str, &str)> = image
        .repo_digests
        .iter()
        .filter_map(|text| text.split_once('@'))
        .filter(|(repository, _)| *repository != NONE)
        .collect();
    let tags: Vec<(&str, &str)> = image
        .repo_tags
        .iter()
        .filter_map(|text| text.rsplit_once(':'))
        .filter(|(repository, _)| *repository != NONE)
        .collect();
    let mut rows: Vec<Row<'_>> = tags
        .iter()
        .map(|(repository, tag)| {
            let digest = digests
                .iter()
                .find(|(other, _)| other == repository)
                .map_or(NONE, |(_, digest)| *digest);
            row(*repository, *tag, digest)
        })
        .collect();
    if with_digests || tags.is_empty() {
        rows.extend(
            digests
                .iter()
                .filter(|(repository, _)| !tags.iter().any(|(tagged, _)| tagged == repository))
                .map(|(repository, digest)| row(*repository, NONE, *digest)),
        );
    }
    if !with_digests {
        // Several digests of one repository would only repeat the line.
        rows.dedup_by(|a, b| a.repository == b.repository && a.tag == b.tag);
    }
    if rows.is_empty() {
        rows.push(row(NONE, NONE, NONE));
    }
    rows
}

impl Row<'_> {
    pub(super) fn id(&self, cut: bool) -> &str {
        if cut {
            short_id(&self.image.id)
        } else {
            &self.image.id
        }
    }

    pub(super) fn size(&self) -> String {
        decimal_size(self.image.size as f64)
    }

    /// What templates see.
    pub(super) fn fields(&self, cut: bool, with_digests: bool) -> Value {
        let counted = |count: i64| {
            if count < 0 {
                "N/A".to_owned()
            } else {
                count.to_string()
            }
        };
        json!({
            "Containers": counted(self.image.containers),
            "CreatedAt": time_arg::local(self.image.created),
            "CreatedSince": ago(self.image.created),
            "Digest": if with_digests { self.digest } else { NONE },
            "ID": self.id(cut),
            "Repository": self.repository,
            "SharedSize": "N/A",
            "Size": self.size(),
            "Tag": self.tag,
            "UniqueSize": "N/A",
            // Four digits: templates of old read this one.
            "VirtualSize": precise_size(self.image.size as f64),
        })
    }
}

fn table(rows: &[Row<'_>], cut: bool, digests: bool) -> String {
    let mut titles = vec!["REPOSITORY", "TAG"];
    titles.extend(digests.then_some("DIGEST"));
    titles.extend(["IMAGE ID", "CREATED", "SIZE"]);
    let mut table = Table::new(titles);
    for row in rows {
        let mut cells = vec![row.repository.to_owned(), row.tag.to_owned()];
        cells.extend(digests.then(|| row.digest.to_owned()));
        cells.extend([row.id(cut).to_owned(), ago(row.image.created), row.size()]);
        table.row(cells);
    }
    table.render()
}

fn title(field: &str) -> Option<&'static str> {
    Some(match field {
        "ID" => "IMAGE ID",
        "CreatedAt" => "CREATED AT",
        "CreatedSince" => "CREATED",
        "SharedSize" => "SHARED SIZE",
        "UniqueSize" => "UNIQUE SIZE",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_name() {
        let image = ImageSummary {
            id: "sha256:0123456789abcdef".to_owned(),
            repo_tags: vec!["a:1".to_owned(), "host:5000/b:2".to_owned()],
            repo_digests: vec!["c@sha256:00".to_owned()],
            size: 4_430_000,
            created: crate::human::now() - 7200,
            ..ImageSummary::default()
        };
        assert_eq!(
            table(&rows(&image, false), true, false),
            "REPOSITORY    TAG       IMAGE ID       CREATED       SIZE\n\
             a             1         0123456789ab   2 hours ago   4.43MB\n\
             host:5000/b   2         0123456789ab   2 hours ago   4.43MB\n"
        );
        assert_eq!(rows(&image, true).len(), 3);
        let dangling = ImageSummary::default();
        assert_eq!(rows(&dangling, false)[0].repository, NONE);
    }
}
