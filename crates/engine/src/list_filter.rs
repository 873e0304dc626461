//! Docker's filters of `ps`, read once and then asked about each container.

use std::collections::BTreeSet;
use std::num::IntErrorKind;
use std::sync::Arc;

use corten_image::Image;
use corten_network::PortBinding;
use corten_types::Digest;
use corten_wire::{Filters, PortSummary};
use regex::bytes::{Regex, RegexBuilder};

use crate::container::Container;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::health;
use crate::lifecycle::Phase;
use crate::record::ContainerRecord;

const KNOWN: &[&str] = &[
    "ancestor",
    "before",
    "exited",
    "expose",
    "health",
    "id",
    // Of Windows containers; elsewhere Docker takes it and every container passes.
    "isolation",
    "is-task",
    "label",
    "name",
    "network",
    "publish",
    "since",
    "status",
    "volume",
];

const STATUSES: [&str; 7] = [
    "created",
    "running",
    "paused",
    "restarting",
    "removing",
    "exited",
    "dead",
];

/// The filters of one `ps`. A filter that was not given lets everything pass.
pub(crate) struct ListFilter {
    filters: Filters,
    names: Patterns,
    /// Exit codes wanted.
    exited: Vec<i64>,
    /// Images wanted, by what the request called them; without one when there is none of that name.
    ancestors: Vec<(String, Option<Arc<Image>>)>,
    /// Ports of the host, `80/tcp`.
    publish: BTreeSet<String>,
    /// Ports of the container, `80/tcp`.
    expose: BTreeSet<String>,
    is_task: Option<bool>,
    before_ns: Option<i64>,
    since_ns: Option<i64>,
}

/// What of a container's present state the filters ask for.
pub(crate) struct Seen<'a> {
    pub(crate) record: &'a ContainerRecord,
    /// As `inspect` says it.
    pub(crate) status: &'a str,
    pub(crate) phase: Phase,
    /// `none`, `starting`, `healthy` or `unhealthy`.
    pub(crate) health: &'a str,
    /// Ports that are published.
    pub(crate) bound: &'a [PortBinding],
}

impl ListFilter {
    /// Reads the filters.
    ///
    /// # Errors
    /// In Docker's words when one is unknown, or has a value that makes no sense.
    pub(crate) fn read(engine: &Engine, filters: &Filters) -> Result<Self> {
        let invalid = |error: corten_wire::InvalidFilter| Error::Invalid(error.to_string());
        filters.check(KNOWN).map_err(invalid)?;
        if let Some(bad) = filters.values("status").find(|value| !STATUSES.contains(value)) {
            return Err(Error::Invalid(format!("invalid filter 'status={bad}'")));
        }
        if let Some(bad) = filters.values("health").find(|value| !health::is_status(value)) {
            return Err(Error::Invalid(format!(
                "unrecognized filter value for health: {bad}"
            )));
        }
        let exit_code = |text: &str| {
            text.parse::<i64>().map_err(|_| {
                Error::Invalid(format!(
                    "invalid filter 'exited={text}': strconv.Atoi: parsing {text:?}: invalid syntax"
                ))
            })
        };
        let created = |key: &str| -> Result<Option<i64>> {
            let name = filters.values(key).next();
            name.map(|name| Ok(engine.containers.find(name)?.state().record.created_at_ns))
                .transpose()
        };
        let ancestor = |text: &str| {
            let found = engine.images.get(text).ok().map(|found| found.image);
            (text.to_owned(), found)
        };
        Ok(Self {
            names: Patterns::new(filters.values("name")),
            exited: filters.values("exited").map(exit_code).collect::<Result<_>>()?,
            ancestors: filters.values("ancestor").map(ancestor).collect(),
            publish: ports(filters, "publish")?,
            expose: ports(filters, "expose")?,
            is_task: filters.flag("is-task").map_err(invalid)?,
            before_ns: created("before")?,
            since_ns: created("since")?,
            filters: filters.clone(),
        })
    }

    /// Whether containers that do not run are asked for by the filters themselves.
    pub(crate) fn wants_all(&self) -> bool {
        self.filters.values("status").next().is_some()
    }

    /// Whether a container passes.
    pub(crate) fn passes(&self, engine: &Engine, container: &Container, seen: &Seen<'_>) -> bool {
        let Seen {
            record,
            status,
            phase,
            health,
            bound,
        } = seen;
        let filters = &self.filters;
        self.names.allow(&record.name)
            && filters.allow("id", |id| container.id().as_str().starts_with(id))
            && filters.allow("status", |wanted| wanted == *status)
            && filters.allow("health", |wanted| wanted == *health)
            && self.is_task.is_none_or(|wanted| !wanted)
            && (self.exited.is_empty()
                || (*phase == Phase::Exited && self.exited.contains(&exit_code(record))))
            && has_labels(filters, record)
            && filters.allow("volume", |volume| {
                record.mounts.iter().any(|mount| {
                    let point = &mount.point;
                    let name = if point.name.is_empty() {
                        &point.source
                    } else {
                        &point.name
                    };
                    name == volume || point.destination == volume
                })
            })
            && filters.allow("network", |network| on_network(engine, record, *phase, network))
            && self.passes_ancestors(record)
            && self.passes_ports(record, *phase, bound)
            && self.before_ns.is_none_or(|ns| record.created_at_ns < ns)
            && self.since_ns.is_none_or(|ns| record.created_at_ns > ns)
    }

    fn passes_ancestors(&self, record: &ContainerRecord) -> bool {
        self.ancestors.is_empty()
            || self.ancestors.iter().any(|(text, image)| match image {
                Some(image) => record.image_id == image.id || is_descendant(&record.chain, &image.chain),
                // The image is gone, but not the containers made of it.
                None => record.image_name == *text || is_id(&record.image_id, text),
            })
    }

    /// As Docker, one filter of the two is enough, and only ports in use now count.
    fn passes_ports(&self, record: &ContainerRecord, phase: Phase, bound: &[PortBinding]) -> bool {
        if self.publish.is_empty() && self.expose.is_empty() {
            return true;
        }
        if phase != Phase::Running {
            return false;
        }
        crate::ports::summary(&record.config, bound)
            .iter()
            .any(|port: &PortSummary| {
                let named = |number: u16| format!("{number}/{}", port.r#type);
                self.publish.contains(&named(port.public_port))
                    || self.expose.contains(&named(port.private_port))
            })
    }
}

/// Regular expressions, as Go's `regexp` reads them; one that is none matches nothing but itself.
pub(crate) struct Patterns(Vec<(String, Option<Regex>)>);

impl Patterns {
    pub(crate) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let compile = |text: &str| {
            // Go's classes know ASCII only, and so do names.
            let regex = RegexBuilder::new(text).unicode(false).build().ok();
            (text.to_owned(), regex)
        };
        Self(texts.map(compile).collect())
    }

    /// Whether there are none, or one matches a part of the name, with or without a slash before it.
    pub(crate) fn allow(&self, name: &str) -> bool {
        let slashed = format!("/{name}");
        self.0.is_empty()
            || self.0.iter().any(|(text, regex)| {
                let matches =
                    |regex: &Regex| regex.is_match(name.as_bytes()) || regex.is_match(slashed.as_bytes());
                text == name || *text == slashed || regex.as_ref().is_some_and(matches)
            })
    }
}

fn exit_code(record: &ContainerRecord) -> i64 {
    record.last_run.as_ref().map_or(0, |run| run.exit_code)
}

fn has_labels(filters: &Filters, record: &ContainerRecord) -> bool {
    match &record.config.labels {
        Some(labels) => filters.all_in("label", labels),
        None => filters.values("label").next().is_none(),
    }
}

/// By name always; by identifier, as in Docker, only when it has been started: before, it has a wish and no network.
fn on_network(engine: &Engine, record: &ContainerRecord, phase: Phase, wanted: &str) -> bool {
    record.wishes().any(|wish| {
        let network = engine.joined(record, wish);
        let has_id = || !network.id.is_empty() && network.id.starts_with(wanted);
        network.name == wanted || (phase != Phase::Created && has_id())
    })
}

/// An image without layers has no descendants that could be told from others.
fn is_descendant(chain: &[Digest], ancestor: &[Digest]) -> bool {
    !ancestor.is_empty() && chain.starts_with(ancestor)
}

fn is_id(id: &Digest, text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    hex.len() >= 12 && id.hex().starts_with(hex)
}

/// The ports of all values of `key`, each `80`, `80/udp` or `8000-8010/tcp`.
fn ports(filters: &Filters, key: &str) -> Result<BTreeSet<String>> {
    let mut ports = BTreeSet::new();
    for value in filters.values(key) {
        if value.contains(':') {
            return Err(Error::Invalid(format!(
                "filter for '{key}' should not contain ':': {value}"
            )));
        }
        let refuse = |why: String| Error::Invalid(format!("error while looking up for {key} {value}: {why}"));
        let (range, protocol) = value.split_once('/').unwrap_or((value, "tcp"));
        let number = |text: &str| {
            text.parse::<u16>().map_err(|cause| {
                let why = match cause.kind() {
                    IntErrorKind::PosOverflow => "value out of range",
                    _ => "invalid syntax",
                };
                refuse(format!("strconv.ParseUint: parsing {text:?}: {why}"))
            })
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(range)?, number(range)?),
        };
        if last < first {
            return Err(refuse(format!("invalid range specified for port: {range}")));
        }
        ports.extend((first..=last).map(|port| format!("{port}/{}", protocol.to_ascii_lowercase())));
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(name: &str, pattern: &str) -> bool {
        Patterns::new([pattern].into_iter()).allow(name)
    }

    #[test]
    fn names_match_as_regular_expressions() {
        for pattern in [
            "web",
            "^web-1$",
            "^/web-1$",
            "/web-1",
            "w.b",
            "web-[0-9]+",
            "^WEB|web",
        ] {
            assert!(matches("web-1", pattern), "{pattern}");
        }
        for pattern in ["^web$", "web-2", "^eb", "(", "web-10"] {
            assert!(!matches("web-1", pattern), "{pattern}");
        }
        assert!(matches("WEB", "(?i)web") && !matches("WEB", "web"));
        assert!(Patterns::new(std::iter::empty()).allow("anything"));
    }

    #[test]
    fn ports_and_ranges_of_them() {
        let read = |value: &str| {
            let mut filters = Filters::default();
            filters.insert("publish", value);
            ports(&filters, "publish").map_err(|error| error.to_string())
        };
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(read("80"), Ok(set(&["80/tcp"])));
        assert_eq!(read("53/UDP"), Ok(set(&["53/udp"])));
        assert_eq!(read("8000-8002"), Ok(set(&["8000/tcp", "8001/tcp", "8002/tcp"])));
        assert_eq!(
            read("1:2").unwrap_err(),
            "filter for 'publish' should not contain ':': 1:2"
        );
        for bad in ["x", "", "70000", "9-8", "-1"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
