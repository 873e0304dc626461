//! `update`: other limits and another restart policy for a container that is there already, at once if it runs.

use std::sync::Arc;

use corten_wire::{ContainerUpdateRequest, ContainerUpdateResponse, HostConfig, PortMap};

use crate::container::Container;
use crate::engine::{Engine, to_its_end};
use crate::error::{Error, Result};
use crate::lifecycle::Phase;
use crate::pause::cannot;
use crate::record::ContainerRecord;
use crate::unsettled::Outlook;
use crate::{ports, refusals, republish, resources, restart_policy};

impl Engine {
    /// Changes what `request` names and leaves the rest. Returns what the user should know.
    ///
    /// # Errors
    /// When a value makes no sense, or not beside the container's others, or the kernel refuses; nothing has changed then.
    pub async fn update(
        self: &Arc<Self>,
        name: &str,
        mut request: ContainerUpdateRequest,
    ) -> Result<ContainerUpdateResponse> {
        let ports = republish::Changes::of(&mut request);
        let changes = changes(request);
        resources::check(&changes, self.cpus)?;
        refusals::cpusets(&changes)?;
        restart_policy::check(&changes)?;
        let container = self.containers.find(name)?;
        let engine = self.clone();
        to_its_end(async move {
            let _operation = container.operation.lock().await;
            let (before, sandbox, bound) = {
                let state = container.state();
                if matches!(state.phase, Phase::Removing | Phase::Dead) {
                    return Err(cannot("update", &container)(Error::Conflict(
                        "container is marked for removal and cannot be \"update\"".to_owned(),
                    )));
                }
                let bound = state.bound_ports();
                (state.record.clone(), state.sandbox.clone(), bound)
            };
            let mut after = before.clone();
            after.host_config = merge(&before.host_config, &changes).map_err(cannot("update", &container))?;
            let applied = in_force(&after.host_config, &changes);
            let mut warnings = Vec::new();
            if let Some(ports) = &ports {
                warnings = ports
                    .apply(&mut after, &bound, &engine)
                    .map_err(cannot("update", &container))?;
                engine
                    .republish(&container, &after)
                    .await
                    .map_err(cannot("update", &container))?;
            }
            take_settings(&mut container.state().record, &after);
            if let Err(error) = engine.store(&container).await {
                engine.take_back(&container, &before, ports.is_some()).await?;
                return Err(error);
            }
            if let Some(sandbox) = sandbox {
                let limits = resources::specification(&applied)?;
                let updated = engine
                    .with_cgroup(&container, move |cgroup| cgroup.update(&limits))
                    .await;
                if let Err(error) = updated
                    // One that has just ended has its new limits for the next start.
                    && !sandbox.is_ending().await
                {
                    engine.take_back(&container, &before, ports.is_some()).await?;
                    engine.store(&container).await?;
                    return Err(cannot("update", &container)(error));
                }
            }
            if ports.is_some() {
                engine.note_places(&container, Outlook::Settled)?;
            }
            engine.publish(&container, "update", &[]);
            Ok(ContainerUpdateResponse {
                warnings: (!warnings.is_empty()).then_some(warnings),
                ports: ports.is_some().then(|| published(&container)),
            })
        })
        .await
    }

    /// Makes a container what it was before a change that came to nothing.
    async fn take_back(
        &self,
        container: &Arc<Container>,
        before: &ContainerRecord,
        ports: bool,
    ) -> Result<()> {
        // While the record still says what else was wished for: a port of that must not serve an older wish now.
        let republished = match ports {
            true => self.republish(container, before).await,
            false => Ok(()),
        };
        take_settings(&mut container.state().record, before);
        republished?;
        match ports {
            true => self.note_places(container, Outlook::Settled),
            false => Ok(()),
        }
    }
}

/// Takes over what an update can change. The rest, such as its health, goes on changing meanwhile.
fn take_settings(record: &mut ContainerRecord, from: &ContainerRecord) {
    record.config.clone_from(&from.config);
    record.host_config.clone_from(&from.host_config);
}

/// The ports of a container: as they are while it runs, else as they are wished for.
fn published(container: &Container) -> PortMap {
    let state = container.state();
    match state.sandbox {
        Some(_) => ports::port_map(&state.record.config, &state.bound_ports()),
        None => state.record.host_config.port_bindings.clone().unwrap_or_default(),
    }
}

/// The request in the terms of a container's settings.
fn changes(request: ContainerUpdateRequest) -> HostConfig {
    HostConfig {
        cpu_shares: request.cpu_shares,
        memory: request.memory,
        nano_cpus: request.nano_cpus,
        blkio_weight: request.blkio_weight,
        cpu_period: request.cpu_period,
        cpu_quota: request.cpu_quota,
        cpu_realtime_period: request.cpu_realtime_period,
        cpu_realtime_runtime: request.cpu_realtime_runtime,
        cpuset_cpus: request.cpuset_cpus,
        cpuset_mems: request.cpuset_mems,
        memory_reservation: request.memory_reservation,
        memory_swap: request.memory_swap,
        // Every number that is no limit is written down as 0, and as 0 it lifts the limit.
        pids_limit: request.pids_limit.map(|limit| limit.max(0)),
        restart_policy: request.restart_policy,
        ..HostConfig::default()
    }
}

/// A container's settings after the changes, or why they do not go together with what it has (Docker's `UpdateContainer`).
fn merge(before: &HostConfig, changes: &HostConfig) -> Result<HostConfig> {
    let conflicts = [
        (
            changes.nano_cpus > 0 && before.cpu_period > 0,
            "Nano CPUs cannot be updated as CPU Period has already been set",
        ),
        (
            changes.nano_cpus > 0 && before.cpu_quota > 0,
            "Nano CPUs cannot be updated as CPU Quota has already been set",
        ),
        (
            changes.cpu_period > 0 && before.nano_cpus > 0,
            "CPU Period cannot be updated as NanoCPUs has already been set",
        ),
        (
            changes.cpu_quota > 0 && before.nano_cpus > 0,
            "CPU Quota cannot be updated as NanoCPUs has already been set",
        ),
    ];
    if let Some((_, why)) = conflicts.into_iter().find(|(conflict, _)| *conflict) {
        return Err(Error::Conflict(format!("Conflicting options: {why}")));
    }
    if changes.memory != 0 && changes.memory > before.memory_swap && changes.memory_swap == 0 {
        return Err(Error::Conflict(
            "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
                .to_owned(),
        ));
    }
    let mut after = before.clone();
    let take = |to: &mut i64, from: i64| {
        if from != 0 {
            *to = from;
        }
    };
    take(&mut after.cpu_shares, changes.cpu_shares);
    take(&mut after.memory, changes.memory);
    take(&mut after.nano_cpus, changes.nano_cpus);
    take(&mut after.cpu_period, changes.cpu_period);
    take(&mut after.cpu_quota, changes.cpu_quota);
    take(&mut after.cpu_realtime_period, changes.cpu_realtime_period);
    take(&mut after.cpu_realtime_runtime, changes.cpu_realtime_runtime);
    take(&mut after.memory_reservation, changes.memory_reservation);
    take(&mut after.memory_swap, changes.memory_swap);
    if changes.blkio_weight != 0 {
        after.blkio_weight = changes.blkio_weight;
    }
    if !changes.cpuset_cpus.is_empty() {
        after.cpuset_cpus.clone_from(&changes.cpuset_cpus);
    }
    if !changes.cpuset_mems.is_empty() {
        after.cpuset_mems.clone_from(&changes.cpuset_mems);
    }
    if changes.pids_limit.is_some() {
        after.pids_limit = changes.pids_limit;
    }
    let policy = &changes.restart_policy;
    if !policy.name.is_empty() {
        if after.auto_remove && !restart_policy::is_none(policy) {
            return Err(Error::Conflict(
                "Restart policy cannot be updated because AutoRemove is enabled for the container".to_owned(),
            ));
        }
        after.restart_policy = policy.clone();
    }
    Ok(after)
}

/// What is to be written to a running container's cgroup: the changes, with the other half of what the kernel takes in pairs.
fn in_force(after: &HostConfig, changes: &HostConfig) -> HostConfig {
    let mut applied = changes.clone();
    if changes.memory != 0 || changes.memory_swap != 0 {
        (applied.memory, applied.memory_swap) = (after.memory, after.memory_swap);
    }
    applied
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(change: impl FnOnce(&mut ContainerUpdateRequest)) -> HostConfig {
        let mut request = ContainerUpdateRequest::default();
        change(&mut request);
        changes(request)
    }

    #[test]
    fn what_is_not_named_stays() {
        let before = HostConfig {
            memory: 64 << 20,
            memory_swap: 128 << 20,
            cpu_shares: 512,
            pids_limit: Some(10),
            cpuset_cpus: "0".to_owned(),
            ..HostConfig::default()
        };
        assert_eq!(merge(&before, &request(|_| {})).unwrap(), before);
        let more = request(|r| {
            r.memory = 96 << 20;
            r.pids_limit = Some(-1);
        });
        let after = merge(&before, &more).unwrap();
        assert_eq!((after.memory, after.memory_swap), (96 << 20, 128 << 20));
        assert_eq!((after.pids_limit, after.cpu_shares), (Some(0), 512));
        let applied = in_force(&after, &more);
        assert_eq!((applied.memory_swap, applied.cpu_shares), (128 << 20, 0));
    }

    #[test]
    fn what_changes_meanwhile_is_kept() {
        let mut record = crate::fixture::record("box");
        let mut after = record.clone();
        after.host_config.memory = 64 << 20;
        record.restart_count = 7;
        record.health = Some(corten_wire::Health::default());
        take_settings(&mut record, &after);
        assert_eq!(record.host_config.memory, 64 << 20);
        assert!(record.restart_count == 7 && record.health.is_some());
    }

    #[test]
    fn conflicts_in_dockers_words() {
        let say = |before: &HostConfig, change: HostConfig| merge(before, &change).unwrap_err().to_string();
        let quota = HostConfig {
            cpu_quota: 50_000,
            ..HostConfig::default()
        };
        assert_eq!(
            say(&quota, request(|r| r.nano_cpus = 1)),
            "Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set"
        );
        assert_eq!(
            say(&HostConfig::default(), request(|r| r.memory = 64 << 20)),
            "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
        );
        let once = HostConfig {
            auto_remove: true,
            ..HostConfig::default()
        };
        let always = request(|r| r.restart_policy.name = "always".to_owned());
        assert!(say(&once, always).contains("AutoRemove is enabled"));
    }
}
