//! `ps`: all containers that pass the filters.

use std::collections::HashMap;
use std::sync::Arc;

use corten_types::{Digest, human_duration};
use corten_wire::{ContainerSummary, Filters, HostConfigSummary, NetworkSettingsSummary};

use crate::clock::now_ns;
use crate::container::Container;
use crate::engine::{Engine, blocking};
use crate::error::Result;
use crate::health;
use crate::in_parallel::in_parallel;
use crate::inspect::endpoint_settings;
use crate::lifecycle::Phase;
use crate::list_filter::{ListFilter, Seen};
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

impl Engine {
    /// All containers that pass, newest first. With sizes it looks at their files, and is no call for an async thread.
    ///
    /// # Errors
    /// When a filter is unknown or its value makes no sense.
    pub fn list(self: &Arc<Self>, query: &ListQuery) -> Result<Vec<ContainerSummary>> {
        let filter = ListFilter::read(self, &query.filters)?;
        let all = query.all || query.limit > 0 || filter.wants_all();
        let mut containers = self.containers.all();
        containers.sort_by_cached_key(|container| std::cmp::Reverse(container.state().record.created_at_ns));
        let linked = crate::links::linked_names(self);
        let mut listed = Vec::with_capacity(containers.len());
        let mut labels = ImageLabels::default();
        for container in containers {
            if query.limit > 0 && listed.len() as i64 >= query.limit {
                break;
            }
            let wanted = {
                let state = container.state();
                let phase = state.shown();
                let seen = Seen {
                    record: &state.record,
                    status: state.word(),
                    phase,
                    health: health::status(state.record.health.as_ref()),
                    bound: &state.bound_ports(),
                };
                (all || phase.counts_as_running()) && filter.passes(self, &container, &seen)
            };
            if wanted {
                let linked = linked.get(container.id()).map_or(&[][..], Vec::as_slice);
                listed.push(self.summary(&container, linked, &mut labels));
            }
        }
        if query.size {
            self.measure_all(&mut listed);
        }
        Ok(listed)
    }

    /// As [`Engine::list`], off the async threads.
    ///
    /// # Errors
    /// As there.
    pub async fn list_measured(self: &Arc<Self>, query: ListQuery) -> Result<Vec<ContainerSummary>> {
        let engine = self.clone();
        blocking("list containers", move || engine.list(&query)).await
    }

    fn measure_all(&self, listed: &mut [ContainerSummary]) {
        let bytes = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let sizes = in_parallel(listed, |one| {
            // One that is removed meanwhile has no files any more.
            let own = self.snapshots.usage(&one.id).unwrap_or_default();
            let of_image = one.image_id.parse().map_or(0, |id| self.image_size(&id));
            (own, own.saturating_add(of_image))
        });
        for (one, (own, all)) in listed.iter_mut().zip(sizes) {
            one.size_rw = bytes(own);
            one.size_root_fs = bytes(all);
        }
    }

    /// Bytes of an image's layers; 0 when it is gone.
    pub(crate) fn image_size(&self, id: &Digest) -> u64 {
        let found = self.images.by_id(id);
        found.map(|found| found.image.size).unwrap_or_default()
    }

    /// One row; `linked` are the names the container has through links of others.
    fn summary(
        &self,
        container: &Container,
        linked: &[String],
        labels: &mut ImageLabels,
    ) -> ContainerSummary {
        // Nothing in here waits for another lock that is held while waiting for this one.
        let state = container.state();
        let (record, phase) = (&state.record, state.shown());
        let mode = record.host_config.network_mode.clone();
        let mut network_settings = NetworkSettingsSummary::default();
        if !mode.starts_with("container:") {
            for wish in record.wishes() {
                let lease = state.leases().find(|lease| self.is_on(lease, wish));
                let shown = endpoint_settings(self, record, wish, lease);
                let name = self.joined(record, wish).name;
                network_settings.networks.insert(name, Box::new(shown));
            }
        }
        let ports = match phase {
            Phase::Running => crate::ports::summary(&record.config, &state.bound_ports()),
            _ => Vec::new(),
        };
        let mut names = vec![format!("/{}", record.name)];
        names.extend_from_slice(linked);
        names.sort();
        ContainerSummary {
            id: record.id.to_string(),
            names,
            image: labels.of(self, record),
            image_id: record.image_id.to_string(),
            command: command(&record.argv),
            created: record.created_at_ns / 1_000_000_000,
            ports,
            labels: record::labels(&record.config),
            state: state.word().to_owned(),
            status: status(record, phase, state.paused),
            host_config: HostConfigSummary {
                network_mode: mode,
                annotations: record.host_config.annotations.clone(),
            },
            network_settings,
            mounts: record.shown_mounts(),
            health: Some(health::summary(record.health.as_ref())),
            ..ContainerSummary::default()
        }
    }
}

/// What images mean by their names now, each name looked up once a list.
#[derive(Default)]
struct ImageLabels(HashMap<String, Option<Digest>>);

impl ImageLabels {
    /// The image's name, or its identifier when the name means another image by now.
    fn of(&mut self, engine: &Engine, record: &ContainerRecord) -> String {
        let name = &record.image_name;
        if !self.0.contains_key(name) {
            self.0.insert(name.clone(), engine.images.id_of(name).ok());
        }
        match self.0.get(name) {
            Some(Some(id)) if *id == record.image_id => name.clone(),
            _ => record.image_id.to_string(),
        }
    }
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
    let run = record.last_run.as_ref();
    let (started, finished) = run.map_or((0, 0), |run| (run.started_at_ns, run.finished_at_ns));
    let exit_code = run.map_or(0, |run| run.exit_code);
    let since = |ns: i64| human_duration((now_ns() - ns) / 1_000_000_000);
    match phase {
        Phase::Running if paused => format!("Up {} (Paused)", since(started)),
        Phase::Running => {
            let up = since(started);
            match &record.health {
                None => format!("Up {up}"),
                Some(found) if found.status == health::STARTING => format!("Up {up} (health: starting)"),
                Some(found) => format!("Up {up} ({})", found.status),
            }
        }
        Phase::Restarting => {
            format!("Restarting ({}) {} ago", exit_code, since(finished))
        }
        Phase::Exited => format!("Exited ({}) {} ago", exit_code, since(finished)),
        Phase::Created | Phase::Starting => "Created".to_owned(),
        Phase::Removing => "Removal In Progress".to_owned(),
        Phase::Dead => "Dead".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_quoted() {
        assert_eq!(
            command(&["sh".into(), "-c".into(), "echo hi".into()]),
            "sh -c 'echo hi'"
        );
    }
}
