//! `system df`: what takes how much of the disk.

use corten_types::precise_size;
use corten_wire::{ContainerSummary, DiskUsage, ImageSummary, Volume};
use serde_json::json;

use super::system_df_verbose as verbose;
use super::template_help::TABLE;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::format::{self, Format};
use crate::invocation::Invocation;
use crate::output;
use crate::table::Table;

pub(crate) static COMMAND: Command = Command {
    about: "Show docker disk usage",
    usage: "[OPTIONS]",
    names: &[],
    flags: &[
        Flag::text("format", TABLE),
        Flag::switch("verbose", "Show detailed information on space usage").short('v'),
    ],
    arity: Arity::None,
    interspersed: true,
    run,
};

/// What `--format raw` stands for.
const RAW: &str = "type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\n\
    reclaimable: {{.Reclaimable}}\n";

/// The report, whichever form the engine sent it in.
pub(super) struct Report {
    /// Bytes of all layers.
    layers_size: i64,
    pub(super) images: Vec<ImageSummary>,
    pub(super) containers: Vec<ContainerSummary>,
    pub(super) volumes: Vec<Volume>,
}

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let raw = if matches.on("verbose") { verbose::RAW } else { RAW };
        let asked = matches.filled("format");
        let format = asked.map(|text| Format::parse_list(text, raw)).transpose()?;
        let format = format.filter(|format| !format.is_plain_table());
        let client = invocation.connect().await?;
        let report = Report::from(client.disk_usage().await?);
        let text = match (format, matches.on("verbose")) {
            (Some(format), true) => format
                .render(&verbose::fields(&report))
                .map_err(|error| Error::plain(error.to_string()))?,
            (None, true) => verbose::tables(&report),
            (Some(format), false) => {
                let rows: Vec<_> = report.rows().iter().map(Row::fields).collect();
                format.apply_all(&rows, |field| (field == "TotalCount").then_some("TOTAL"))?
            }
            (None, false) => report.table(),
        };
        output::print(&text)?;
        Ok(0)
    })
}

impl From<DiskUsage> for Report {
    fn from(usage: DiskUsage) -> Self {
        let by_kind = usage.image_usage.is_some() || usage.container_usage.is_some();
        match usage.legacy {
            Some(legacy) if !by_kind => Self {
                layers_size: legacy.layers_size,
                images: legacy.images.unwrap_or_default(),
                containers: legacy.containers.unwrap_or_default(),
                volumes: legacy.volumes.unwrap_or_default(),
            },
            _ => {
                let images = usage.image_usage.unwrap_or_default();
                Self {
                    layers_size: images.total_size,
                    images: images.items,
                    containers: usage.container_usage.unwrap_or_default().items,
                    volumes: usage.volume_usage.unwrap_or_default().items,
                }
            }
        }
    }
}

/// A line of the table.
struct Row {
    kind: &'static str,
    /// Docker's, which complaints of templates name.
    type_name: &'static str,
    total: usize,
    active: usize,
    size: i64,
    reclaimable: String,
}

impl Report {
    fn rows(&self) -> [Row; 4] {
        let used = self.images.iter().filter(|image| image.containers != 0);
        let needed: i64 = used
            .clone()
            .filter(|image| image.size != -1 && image.shared_size != -1)
            .map(|image| image.size - image.shared_size)
            .sum();
        let is_active =
            |one: &&ContainerSummary| matches!(one.state.as_str(), "running" | "paused" | "restarting");
        let written: i64 = self.containers.iter().map(|one| one.size_rw).sum();
        let active: i64 = self
            .containers
            .iter()
            .filter(is_active)
            .map(|one| one.size_rw)
            .sum();
        let usage = |one: &Volume| {
            one.usage_data
                .as_ref()
                .map_or((0, 0), |usage| (usage.size.max(0), usage.ref_count))
        };
        let volumes: Vec<(i64, i64)> = self.volumes.iter().map(usage).collect();
        let stored: i64 = volumes.iter().map(|(size, _)| size).sum();
        let unused: i64 = volumes
            .iter()
            .filter(|(_, users)| *users == 0)
            .map(|(size, _)| size)
            .sum();
        [
            Row {
                kind: "Images",
                type_name: "*formatter.diskUsageImagesContext",
                total: self.images.len(),
                active: used.count(),
                size: self.layers_size,
                reclaimable: share(self.layers_size - needed, self.layers_size),
            },
            Row {
                kind: "Containers",
                type_name: "*formatter.diskUsageContainersContext",
                total: self.containers.len(),
                active: self.containers.iter().filter(is_active).count(),
                size: written,
                reclaimable: share(written - active, written),
            },
            Row {
                kind: "Local Volumes",
                type_name: "*formatter.diskUsageVolumesContext",
                total: volumes.len(),
                active: volumes.iter().filter(|(_, users)| *users > 0).count(),
                size: stored,
                reclaimable: share(unused, stored),
            },
            Row {
                kind: "Build Cache",
                type_name: "*formatter.diskUsageBuilderContext",
                total: 0,
                active: 0,
                size: 0,
                reclaimable: precise_size(0.0),
            },
        ]
    }

    fn table(&self) -> String {
        let mut table = Table::new(["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]);
        for row in self.rows() {
            table.row([
                row.kind.to_owned(),
                row.total.to_string(),
                row.active.to_string(),
                precise_size(row.size as f64),
                row.reclaimable,
            ]);
        }
        table.render()
    }
}

impl Row {
    /// What templates see.
    fn fields(&self) -> format::Row {
        let fields = json!({
            "Active": self.active.to_string(),
            "Reclaimable": self.reclaimable,
            "Size": precise_size(self.size as f64),
            "TotalCount": self.total.to_string(),
            "Type": self.kind,
        });
        format::Row::new(self.type_name, fields)
    }
}

/// Bytes, with their share of all where there are any.
fn share(part: i64, all: i64) -> String {
    let size = precise_size(part as f64);
    if all > 0 {
        format!("{size} ({}%)", part.saturating_mul(100) / all)
    } else {
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_dockers() {
        let report = Report {
            layers_size: 1_982_000,
            images: vec![ImageSummary {
                size: 1_982_000,
                shared_size: 0,
                containers: 2,
                ..ImageSummary::default()
            }],
            containers: vec![ContainerSummary {
                size_rw: 30_720,
                state: "exited".to_owned(),
                ..ContainerSummary::default()
            }],
            volumes: Vec::new(),
        };
        assert_eq!(
            report.table(),
            "TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE\n\
             Images          1         1         1.982MB   0B (0%)\n\
             Containers      1         0         30.72kB   30.72kB (100%)\n\
             Local Volumes   0         0         0B        0B\n\
             Build Cache     0         0         0B        0B\n"
        );
    }
}
