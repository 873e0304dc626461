//! Running health checks: one task per run of a container that has a check.
//!
//! What the probes found is noted in the run-time state, too, so that a healthy container stays healthy when the daemon is
//! restarted.

use std::sync::Arc;
use std::time::Duration;

use corten_sandbox::Streams;
use corten_wire::{ExecCreateRequest, Health, HealthcheckResult};

use crate::clock::{now_ns, rfc3339};
use crate::container::Container;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::health::{self, Check, MAX_OUTPUT};
use crate::lifecycle::Phase;
use crate::stop::End;

/// How long the start of a probe may take, which does not count as the probe's own time (Docker's).
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a killed probe may take to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);

impl Engine {
    /// Begins to check the health of a container that has just been started.
    pub(crate) fn begin_probes(self: &Arc<Self>, container: &Arc<Container>) {
        self.follow_health(container, None);
    }

    /// Goes on checking the health of a container that ran while there was no daemon.
    pub(crate) fn resume_probes(self: &Arc<Self>, container: &Arc<Container>) {
        let noted = self.sandboxes.noted_health(container.id());
        self.follow_health(container, noted);
    }

    fn follow_health(self: &Arc<Self>, container: &Arc<Container>, noted: Option<Health>) {
        let (check, end, started_at_ns) = {
            let mut state = container.state();
            let check = Check::of(&state.record.config);
            state.record.health = check.is_some().then(|| noted.unwrap_or_else(health::at_start));
            let started_at_ns = state.record.last_run.as_ref().map_or(0, |run| run.started_at_ns);
            (check, End::of_this_run(container), started_at_ns)
        };
        let Some(check) = check else { return };
        tokio::spawn(
            self.clone()
                .probe_until(container.clone(), check, end, started_at_ns),
        );
    }

    async fn probe_until(
        self: Arc<Self>,
        container: Arc<Container>,
        check: Check,
        mut end: End,
        started_at_ns: i64,
    ) {
        let ran = |at_ns: i64| Duration::from_nanos(u64::try_from(at_ns - started_at_ns).unwrap_or_default());
        loop {
            let pause = {
                let state = container.state();
                check.pause(health::status(state.record.health.as_ref()), ran(now_ns()))
            };
            if end.within(Some(pause)).await {
                return;
            }
            // A paused container is not probed.
            let held = {
                let state = container.state();
                state.phase != Phase::Running || state.paused
            };
            if held {
                continue;
            }
            let began_ns = now_ns();
            let probe = self.probe(&container, &check);
            let (exit_code, output) = tokio::select! {
                outcome = probe => outcome.unwrap_or_else(|error| (-1, error.to_string())),
                _ = end.within(None) => return,
            };
            let result = HealthcheckResult {
                start: rfc3339(began_ns),
                end: rfc3339(now_ns()),
                exit_code,
                output,
            };
            self.take_in(&container, &check, result, ran(began_ns));
        }
    }

    /// Takes in a result, unless the run it is about has ended.
    fn take_in(&self, container: &Container, check: &Check, result: HealthcheckResult, ran: Duration) {
        let (changed, health) = {
            let mut state = container.state();
            if state.phase != Phase::Running {
                return;
            }
            let health = state.record.health.get_or_insert_with(health::at_start);
            (check.take_in(health, result, ran), health.clone())
        };
        if let Err(error) = self.sandboxes.note_health(container.id(), &health) {
            tracing::warn!(%error, id = %container.id(), "cannot note a container's health");
        }
        if let Some(status) = changed {
            self.publish(container, &format!("health_status: {status}"), &[]);
        }
    }

    /// Runs the check once: its exit code and what it printed.
    async fn probe(self: &Arc<Self>, container: &Arc<Container>, check: &Check) -> Result<(i64, String)> {
        let request = ExecCreateRequest {
            cmd: Some(check.command.clone()),
            attach_stdout: true,
            attach_stderr: true,
            ..ExecCreateRequest::default()
        };
        let exec = self.exec_create(container.id().as_str(), request)?;
        let started = tokio::time::timeout(START_TIMEOUT, self.exec_start(&exec, true, None))
            .await
            .map_err(|_| {
                Error::Conflict(format!(
                    "timed out starting health check for container {}",
                    container.id()
                ))
            })??;
        let Some(attached) = started else {
            return Err(Error::Conflict("the health check has no output".to_owned()));
        };
        let mut output = Output::default();
        let mut streams = attached.streams;
        let in_time = tokio::time::timeout(check.timeout, output.read(&mut streams)).await;
        if in_time.is_ok() {
            self.exec_ended_recorded(&exec).await;
            let code = streams.reader.exit().map_or(-1, |exit| i64::from(exit.code));
            return Ok((code, output.text()));
        }
        let sandbox = container.state().sandbox.clone();
        if let Some(sandbox) = sandbox
            && let Err(error) = sandbox.kill_exec(&exec).await
        {
            // It has ended just now.
            tracing::debug!(%error, "a health check was gone before it was killed");
        }
        let _all_read = tokio::time::timeout(KILL_TIMEOUT, output.read(&mut streams)).await;
        let mut text = format!("Health check exceeded timeout ({})", go_duration(check.timeout));
        if !output.bytes.is_empty() {
            text = format!("{text}: {}", output.text());
        }
        Ok((-1, text))
    }
}

/// What a probe prints, the beginning of it.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    cut: bool,
}

impl Output {
    /// Reads to the end. Can be stopped in between and be called again.
    async fn read(&mut self, streams: &mut Streams) {
        while let Ok(Some((_, piece))) = streams.reader.next().await {
            let kept = piece.len().min(MAX_OUTPUT - self.bytes.len());
            self.bytes.extend_from_slice(&piece[..kept]);
            self.cut |= kept < piece.len();
        }
    }

    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        if self.cut { text + "..." } else { text }
    }
}

/// A duration as Go prints it (`1.5s`, `250ms`, `1m30s`), to the microsecond.
fn go_duration(time: Duration) -> String {
    let trimmed = |whole: u64, fraction: u64, digits: usize, unit: &str| {
        let fraction = format!("{fraction:0digits$}");
        match fraction.trim_end_matches('0') {
            "" => format!("{whole}{unit}"),
            fraction => format!("{whole}.{fraction}{unit}"),
        }
    };
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    if micros < 1000 {
        return format!("{micros}µs");
    }
    if micros < 1_000_000 {
        return trimmed(micros / 1000, micros % 1000, 3, "ms");
    }
    let (minutes, rest) = (micros / 60_000_000, micros % 60_000_000);
    let seconds = trimmed(rest / 1_000_000, rest % 1_000_000, 6, "s");
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_prints_them() {
        for (milliseconds, text) in [
            (1, "1ms"),
            (250, "250ms"),
            (1500, "1.5s"),
            (30_000, "30s"),
            (90_000, "1m30s"),
            (3_600_000, "1h0m0s"),
        ] {
            assert_eq!(go_duration(Duration::from_millis(milliseconds)), text);
        }
        assert_eq!(go_duration(Duration::from_micros(1250)), "1.25ms");
    }
}
