//! `update`: other limits and another restart policy for a container that is there already, at once if it runs.

use std::sync::Arc;

use corten_wire::{ContainerUpdateRequest, HostConfig};

use crate::engine::{Engine, to_its_end};
use crate::error::{Error, Result};
use crate::lifecycle::Phase;
use crate::pause::cannot;
use crate::{resources, restart_policy};

impl Engine {
    /// Changes what `request` names and leaves the rest. Returns what the user should know.
    ///
    /// # Errors
    /// When a value makes no sense, or not beside the container's others, or the kernel refuses; nothing has changed then.
    pub async fn update(
        self: &Arc<Self>,
        name: &str,
        request: ContainerUpdateRequest,
    ) -> Result<Vec<String>> {
        let changes = changes(request);
        resources::check(&changes, self.cpus)?;
        restart_policy::check(&changes)?;
        let container = self.containers.find(name)?;
        let engine = self.clone();
        to_its_end(async move {
            let _operation = container.operation.lock().await;
            let (before, sandbox) = {
                let state = container.state();
                if matches!(state.phase, Phase::Removing | Phase::Dead) {
                    return Err(cannot("update", &container)(Error::Conflict(
                        "container is marked for removal and cannot be \"update\"".to_owned(),
                    )));
                }
                (state.record.host_config.clone(), state.sandbox.clone())
            };
            let after = merge(&before, &changes).map_err(cannot("update", &container))?;
            let applied = in_force(&after, &changes);
            container.state().record.host_config = after;
            if let Err(error) = engine.store(&container).await {
                container.state().record.host_config = before;
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
                    container.state().record.host_config = before;
                    engine.store(&container).await?;
                    return Err(cannot("update", &container)(error));
                }
            }
            engine.publish(&container, "update", &[]);
            Ok(Vec::new())
        })
        .await
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
