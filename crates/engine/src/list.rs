//! `ps`: all containers that pass the filters.

use std::sync::Arc;

use corten_types::human_duration;
use corten_wire::{ContainerSummary, Filters, HostConfigSummary, NetworkSettingsSummary};

use crate::clock::now_ns;
use crate::container::Container;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::health;
use crate::inspect::endpoint_settings;
use crate::lifecycle::Phase;
use crate::record::{self, ContainerRecord};

/// What `ps` asks for.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Also those that do not run.
    pub all: bool,
    /// Only that many of the newest, when positive.
    pub limit: i64,
    /// With sizes.
    pub size: bool,
    /// Docker's filters.
    pub filters: Filters,
}

const FILTERS: &[&str] = &[
    "ancestor", "before", "since", "exited", "expose", "publish", "id", "label", "name", "network", "status",
    "volume", "health",
];

impl Engine {
    /// All containers that pass, newest first.
    ///
    /// # Errors
    /// When a filter is unknown or its value makes no sense.
    pub fn list(self: &Arc<Self>, query: &ListQuery) -> Result<Vec<ContainerSummary>> {
        let filters = &query.filters;
        filters
            .check(FILTERS)
            .map_err(|error| Error::Invalid(error.to_string()))?;
        if let Some(bad) = filters.values("status").find(|value| !STATUSES.contains(value)) {
            return Err(Error::Invalid(format!("invalid filter 'status={bad}'")));
        }
        if let Some(bad) = filters.values("health").find(|value| !health::is_status(value)) {
            return Err(Error::Invalid(format!(
                "unrecognized filter value for health: {bad}"
            )));
        }
        let limits = Limits::read(self, filters)?;
        let all = query.all
            || query.limit > 0
            || ["status", "exited"]
                .iter()
                .any(|key| filters.values(key).next().is_some());
        let mut containers = self.containers.all();
        containers.sort_by_cached_key(|container| std::cmp::Reverse(container.state().record.created_at_ns));
        let mut listed = Vec::new();
        for container in containers {
            if query.limit > 0 && listed.len() as i64 >= query.limit {
                break;
            }
            let phase = container.state().shown();
            if (all || phase.counts_as_running()) && self.passes(&container, filters, &limits)? {
                listed.push(self.summary(&container, query.size));
            }
        }
        Ok(listed)
    }

    fn passes(&self, container: &Container, filters: &Filters, limits: &Limits) -> Result<bool> {
        let state = container.state();
        let record = &state.record;
        let any = |key: &str, test: &dyn Fn(&str) -> bool| filters.allow(key, test);
        let labels = record::labels(&record.config);
        let exit_code = record
            .last_run
            .as_ref()
            .filter(|run| run.finished_at_ns != 0)
            .map(|run| run.exit_code);
        let passes = any("id", &|id| container.id().as_str().starts_with(id))
            && any("name", &|name| name_matches(&record.name, name))
            && any("status", &|status| state.word() == status)
            && any("exited", &|code| {
                code.parse().ok() == exit_code && state.phase == Phase::Exited
            })
            && any("network", &|network| network_matches(self, record, network))
            && any("volume", &|volume| {
                record.mounts.iter().any(|m| {
                    m.point.name == volume || m.point.destination == volume || m.point.source == volume
                })
            })
            && any("ancestor", &|image| self.is_ancestor(record, image))
            && any("health", &|health| {
                health::status(record.health.as_ref()) == health
            })
            && any("expose", &|port| {
                record.config.exposed_ports.contains_key(&with_protocol(port))
            })
            && any("publish", &|port| {
                let published = record.host_config.port_bindings.as_ref();
                published.is_some_and(|map| map.contains_key(&with_protocol(port)))
            })
            && filters.all_in("label", &labels)
            && limits.before_ns.is_none_or(|ns| record.created_at_ns < ns)
            && limits.since_ns.is_none_or(|ns| record.created_at_ns > ns);
        Ok(passes)
    }

    fn is_ancestor(&self, record: &ContainerRecord, text: &str) -> bool {
        record.image_name == text
            || record.image_id.as_str() == text
            || self
                .images
                .get(text)
                .is_ok_and(|found| record.chain.starts_with(&found.image.chain))
    }

    fn summary(&self, container: &Container, size: bool) -> ContainerSummary {
        let (record, phase, paused, word, lease) = {
            let state = container.state();
            (
                state.record.clone(),
                state.shown(),
                state.paused,
                state.word(),
                state.lease.clone(),
            )
        };
        let mode = record.host_config.network_mode.clone();
        let mut network_settings = NetworkSettingsSummary::default();
        if !mode.starts_with("container:") {
            network_settings
                .networks
                .insert(mode.clone(), endpoint_settings(self, &record, lease.as_ref()));
        }
        let ports = match (phase, &lease) {
            (Phase::Running, Some(lease)) => crate::ports::summary(&record.config, &lease.ports),
            (Phase::Running, None) => crate::ports::summary(&record.config, &[]),
            _ => Vec::new(),
        };
        let size_rw = if size {
            self.snapshots.usage(record.id.as_str()).unwrap_or_default()
        } else {
            0
        };
        let image_size = if size {
            self.images
                .by_id(&record.image_id)
                .map(|found| found.image.size)
                .unwrap_or_default()
        } else {
            0
        };
        let bytes = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        ContainerSummary {
            id: record.id.to_string(),
            names: crate::links::names(self, &record.id, &record.name),
            image: self.image_label(&record),
            image_id: record.image_id.to_string(),
            command: command(&record.argv),
            created: record.created_at_ns / 1_000_000_000,
            ports,
            size_rw: bytes(size_rw),
            size_root_fs: bytes(size_rw.saturating_add(image_size)),
            labels: record::labels(&record.config),
            state: word.to_owned(),
            status: status(&record, phase, paused),
            host_config: HostConfigSummary {
                network_mode: mode,
                annotations: record.host_config.annotations.clone(),
            },
            network_settings,
            mounts: record.mounts.iter().map(|mount| mount.point.clone()).collect(),
            health: Some(health::summary(record.health.as_ref())),
        }
    }

    /// The image's name, or its identifier when the name means another image by now.
    fn image_label(&self, record: &ContainerRecord) -> String {
        match self.images.get(&record.image_name) {
            Ok(found) if found.image.id == record.image_id => record.image_name.clone(),
            _ => record.image_id.to_string(),
        }
    }
}

const STATUSES: [&str; 7] = [
    "created",
    "running",
    "paused",
    "restarting",
    "removing",
    "exited",
    "dead",
];

struct Limits {
    before_ns: Option<i64>,
    since_ns: Option<i64>,
}

impl Limits {
    fn read(engine: &Engine, filters: &Filters) -> Result<Self> {
        let created = |key: &str| -> Result<Option<i64>> {
            filters
                .values(key)
                .next()
                .map(|name| Ok(engine.containers.find(name)?.state().record.created_at_ns))
                .transpose()
        };
        Ok(Self {
            before_ns: created("before")?,
            since_ns: created("since")?,
        })
    }
}

fn with_protocol(port: &str) -> String {
    if port.contains('/') {
        port.to_owned()
    } else {
        format!("{port}/tcp")
    }
}

/// A part of the name matches; Docker takes a regular expression here, of which anchors are understood.
fn name_matches(name: &str, wanted: &str) -> bool {
    let wanted = wanted.strip_prefix('/').unwrap_or(wanted);
    let (start, rest) = wanted
        .strip_prefix('^')
        .map_or((false, wanted), |rest| (true, rest));
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let (end, text) = rest.strip_suffix('$').map_or((false, rest), |text| (true, text));
    match (start, end) {
        (true, true) => name == text,
        (true, false) => name.starts_with(text),
        (false, true) => name.ends_with(text),
        (false, false) => name.contains(text),
    }
}

fn network_matches(engine: &Engine, record: &ContainerRecord, wanted: &str) -> bool {
    let mode = record.host_config.network_mode.as_str();
    mode == wanted || engine.network_id(mode).is_some_and(|id| id.starts_with(wanted))
}

/// The command as `ps` shows it: arguments with blanks in quotes, as Docker does.
fn command(argv: &[String]) -> String {
    let quoted = |arg: &String| {
        if arg.contains(' ') {
            format!("'{arg}'")
        } else {
            arg.clone()
        }
    };
    argv.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// `Up 3 seconds`, `Exited (0) 2 hours ago`.
fn status(record: &ContainerRecord, phase: Phase, paused: bool) -> String {
    let run = record.last_run.clone().unwrap_or_default();
    let since = |ns: i64| human_duration((now_ns() - ns) / 1_000_000_000);
    match phase {
        Phase::Running if paused => format!("Up {} (Paused)", since(run.started_at_ns)),
        Phase::Running => {
            let up = since(run.started_at_ns);
            match &record.health {
                None => format!("Up {up}"),
                Some(found) if found.status == health::STARTING => format!("Up {up} (health: starting)"),
                Some(found) => format!("Up {up} ({})", found.status),
            }
        }
        Phase::Restarting => {
            format!("Restarting ({}) {} ago", run.exit_code, since(run.finished_at_ns))
        }
        Phase::Exited => format!("Exited ({}) {} ago", run.exit_code, since(run.finished_at_ns)),
        Phase::Created | Phase::Starting => "Created".to_owned(),
        Phase::Removing => "Removal In Progress".to_owned(),
        Phase::Dead => "Dead".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_in_part_and_by_anchors() {
        assert!(name_matches("web-1", "web"));
        assert!(name_matches("web-1", "^/web-1$"));
        assert!(!name_matches("web-10", "^web-1$"));
        assert!(name_matches("my-web", "web$"));
    }

    #[test]
    fn commands_are_quoted() {
        assert_eq!(
            command(&["sh".into(), "-c".into(), "echo hi".into()]),
            "sh -c 'echo hi'"
        );
    }
}
