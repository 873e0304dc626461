//! `system df -v`: the objects behind the sums.

use corten_template::Value;
use corten_types::{decimal_size, precise_size};
use corten_wire::{ContainerSummary, ImageSummary, Volume};
use serde_json::json;

use super::system_df::Report;
use super::{images, ps, volume_ls};
use crate::format::{Row, object_of_lists};
use crate::human::{ago, short_id};
use crate::table::Table;

/// What `--format raw` stands for.
pub(super) const RAW: &str = "{{range .Images}}type: Image\nrepository: {{.Repository}}\ntag: {{.Tag}}\n\
    digest: {{.Digest}}\nimage_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n\n{{end}}\
    {{range .Containers}}type: Container\ncontainer_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\n\
    created_at: {{.CreatedAt}}\nstate: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\nnames: {{.Names}}\n\
    labels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\nsize: {{.Size}}\n\n{{end}}\
    {{range .Volumes}}type: Volume\nname: {{.Name}}\ndriver: {{.Driver}}\n\n{{end}}";

/// All tables, each under its headline.
pub(super) fn tables(report: &Report) -> String {
    let mut of_images = Table::new([
        "REPOSITORY",
        "TAG",
        "IMAGE ID",
        "CREATED",
        "SIZE",
        "SHARED SIZE",
        "UNIQUE SIZE",
        "CONTAINERS",
    ]);
    for image in &report.images {
        let row = first_row(image);
        of_images.row([
            row.repository.to_owned(),
            row.tag.to_owned(),
            row.id(true).to_owned(),
            ago(image.created),
            row.size(),
            precise_size(shared(image) as f64),
            precise_size((image.size - shared(image)) as f64),
            image.containers.to_string(),
        ]);
    }
    let mut of_containers = Table::new([
        "CONTAINER ID",
        "IMAGE",
        "COMMAND",
        "LOCAL VOLUMES",
        "SIZE",
        "CREATED",
        "STATUS",
        "NAMES",
    ]);
    for one in &report.containers {
        let fields = ps::fields(&one.into(), true);
        let text = |key: &str| fields[key].as_str().unwrap_or_default().to_owned();
        of_containers.row([
            short_id(&one.id).to_owned(),
            text("Image"),
            text("Command"),
            text("LocalVolumes"),
            own_size(one),
            ago(one.created),
            one.status.clone(),
            text("Names"),
        ]);
    }
    let mut of_volumes = Table::new(["VOLUME NAME", "LINKS", "SIZE"]);
    for one in &report.volumes {
        let (links, size) = usage(one);
        of_volumes.row([one.name.clone(), links, size]);
    }
    let of_builds = Table::new([
        "CACHE ID",
        "CACHE TYPE",
        "SIZE",
        "CREATED",
        "LAST USED",
        "USAGE",
        "SHARED",
    ]);
    format!(
        "Images space usage:\n\n{}\nContainers space usage:\n\n{}\nLocal Volumes space usage:\n\n{}\n\
         Build cache usage: 0B\n\n{}",
        of_images.render(),
        of_containers.render(),
        of_volumes.render(),
        of_builds.render()
    )
}

/// What templates see.
pub(super) fn fields(report: &Report) -> Value {
    let image = |one: &ImageSummary| {
        let mut fields = first_row(one).fields(false, false);
        fields["Digest"] = json!("");
        fields["SharedSize"] = json!(precise_size(shared(one) as f64));
        fields["UniqueSize"] = json!(precise_size((one.size - shared(one)) as f64));
        Row::new("*formatter.imageContext", fields)
    };
    let container = |one: &ContainerSummary| {
        let mut fields = ps::fields(&one.into(), false);
        fields["Size"] = json!(own_size(one));
        Row::new("*formatter.ContainerContext", fields).labels(&one.labels)
    };
    let volume = |one: &Volume| {
        let mut fields = volume_ls::fields(one);
        let (links, size) = usage(one);
        fields["Links"] = json!(links);
        fields["Size"] = json!(size);
        Row::new("*formatter.volumeContext", fields).labels(one.labels.iter().flatten())
    };
    object_of_lists(
        "*formatter.diskUsageContext",
        vec![
            ("Images", report.images.iter().map(image).collect()),
            ("Containers", report.containers.iter().map(container).collect()),
            ("Volumes", report.volumes.iter().map(volume).collect()),
            ("BuildCache", Vec::new()),
        ],
    )
}

/// An image under its first name: an image with several is counted once here.
fn first_row(image: &ImageSummary) -> images::Row<'_> {
    images::rows(image, false).swap_remove(0)
}

fn shared(image: &ImageSummary) -> i64 {
    image.shared_size.max(0)
}

fn own_size(one: &ContainerSummary) -> String {
    decimal_size(one.size_rw as f64)
}

/// Users and size of a volume.
fn usage(one: &Volume) -> (String, String) {
    let Some(usage) = &one.usage_data else {
        return ("N/A".to_owned(), "N/A".to_owned());
    };
    let links = if usage.ref_count < 0 {
        "N/A".to_owned()
    } else {
        usage.ref_count.to_string()
    };
    let size = if usage.size < 0 {
        "N/A".to_owned()
    } else {
        precise_size(usage.size as f64)
    };
    (links, size)
}
