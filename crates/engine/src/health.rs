//! Health checks as Docker has them: their settings, and what the result of a probe makes of a container's health. Pure.

use std::time::Duration;

use corten_wire::{ContainerConfig, Health, HealthConfig, HealthSummary, HealthcheckResult};

use crate::error::{Error, Result};

pub(crate) const STARTING: &str = "starting";
pub(crate) const HEALTHY: &str = "healthy";
pub(crate) const UNHEALTHY: &str = "unhealthy";
const NONE: &str = "none";

const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_START_INTERVAL: Duration = Duration::from_secs(5);
const DEFAULT_RETRIES: i64 = 3;
/// Shortest time any setting may name, in nanoseconds.
const SHORTEST: i64 = 1_000_000;
/// Results kept.
const KEPT: usize = 5;
/// Output kept of each, in bytes.
pub(crate) const MAX_OUTPUT: usize = 4096;

/// A health check with its defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    /// What is run in the container.
    pub(crate) command: Vec<String>,
    interval: Duration,
    pub(crate) timeout: Duration,
    start_period: Duration,
    start_interval: Duration,
    retries: i64,
}

impl Check {
    /// The check of a container; `None` if it has none or turned its image's off.
    pub(crate) fn of(config: &ContainerConfig) -> Option<Self> {
        let health = config.healthcheck.as_ref()?;
        let (kind, test) = health.test.split_first()?;
        let command = match kind.as_str() {
            "CMD" => test.to_vec(),
            "CMD-SHELL" => {
                let shell = config.shell.clone().filter(|shell| !shell.is_empty());
                let mut command = shell.unwrap_or_else(|| vec!["/bin/sh".to_owned(), "-c".to_owned()]);
                command.extend_from_slice(test);
                command
            }
            _ => return None,
        };
        let time = |nanoseconds: i64, default: Duration| match u64::try_from(nanoseconds) {
            Ok(nanoseconds) if nanoseconds > 0 => Duration::from_nanos(nanoseconds),
            _ => default,
        };
        Some(Self {
            command,
            interval: time(health.interval, DEFAULT_INTERVAL),
            timeout: time(health.timeout, DEFAULT_TIMEOUT),
            start_period: time(health.start_period, Duration::ZERO),
            start_interval: time(health.start_interval, DEFAULT_START_INTERVAL),
            retries: if health.retries > 0 {
                health.retries
            } else {
                DEFAULT_RETRIES
            },
        })
    }

    /// How long to wait for the next probe of a container that has run for `ran` and is in this state.
    pub(crate) fn pause(&self, status: &str, ran: Duration) -> Duration {
        if status == STARTING && ran < self.start_period {
            self.start_interval
        } else {
            self.interval
        }
    }

    /// Takes in a probe that began when the container had run for `ran`. The new status, if it is another.
    pub(crate) fn take_in(
        &self,
        health: &mut Health,
        result: HealthcheckResult,
        ran: Duration,
    ) -> Option<String> {
        let before = health.status.clone();
        let well = result.exit_code == 0;
        let log = health.log.get_or_insert_default();
        while log.len() >= KEPT {
            log.remove(0);
        }
        log.push(result);
        if well {
            health.failing_streak = 0;
            HEALTHY.clone_into(&mut health.status);
        } else if health.status != STARTING || ran >= self.start_period {
            health.failing_streak += 1;
            if health.failing_streak >= self.retries {
                UNHEALTHY.clone_into(&mut health.status);
            }
        }
        (health.status != before).then(|| health.status.clone())
    }
}

/// The health of a container that has just been started.
pub(crate) fn at_start() -> Health {
    Health {
        status: STARTING.to_owned(),
        // An empty list, as Docker has it, not none.
        log: Some(Vec::new()),
        ..Health::default()
    }
}

/// Health in the list of containers.
pub(crate) fn summary(health: Option<&Health>) -> HealthSummary {
    HealthSummary {
        status: status(health).to_owned(),
        failing_streak: health.map_or(0, |health| health.failing_streak),
    }
}

/// The word for a container's health, `none` without a check.
pub(crate) fn status(health: Option<&Health>) -> &str {
    health.map_or(NONE, |health| health.status.as_str())
}

/// Whether a filter may ask for this status.
pub(crate) fn is_status(word: &str) -> bool {
    [STARTING, HEALTHY, UNHEALTHY, NONE].contains(&word)
}

/// What a request leaves open comes from the image.
pub(crate) fn merge(own: &mut Option<HealthConfig>, image: Option<&HealthConfig>) {
    let Some(image) = image else { return };
    let Some(own) = own else {
        *own = Some(image.clone());
        return;
    };
    if own.test.is_empty() {
        own.test.clone_from(&image.test);
    }
    let fill = |own: &mut i64, image: i64| {
        if *own == 0 {
            *own = image;
        }
    };
    fill(&mut own.interval, image.interval);
    fill(&mut own.timeout, image.timeout);
    fill(&mut own.start_period, image.start_period);
    fill(&mut own.start_interval, image.start_interval);
    fill(&mut own.retries, image.retries);
}

/// Refuses settings that make no sense, in the words of Docker's daemon.
pub(crate) fn check(config: &ContainerConfig) -> Result<()> {
    let Some(health) = &config.healthcheck else {
        return Ok(());
    };
    let times = [
        ("Interval", health.interval),
        ("Timeout", health.timeout),
        ("StartPeriod", health.start_period),
        ("StartInterval", health.start_interval),
    ];
    for (name, nanoseconds) in times {
        if nanoseconds != 0 && nanoseconds < SHORTEST {
            return Err(Error::Invalid(format!(
                "{name} in Healthcheck cannot be less than 1ms"
            )));
        }
    }
    if health.retries < 0 {
        return Err(Error::Invalid(
            "Retries in Healthcheck cannot be negative".to_owned(),
        ));
    }
    match health.test.first().map(String::as_str) {
        None | Some("NONE" | "CMD" | "CMD-SHELL") => Ok(()),
        Some(other) => Err(Error::Invalid(format!(
            "Unknown healthcheck type '{other}' (expected 'CMD', 'CMD-SHELL' or 'NONE')"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(test: &[&str]) -> ContainerConfig {
        ContainerConfig {
            healthcheck: Some(HealthConfig {
                test: test.iter().map(|&word| word.to_owned()).collect(),
                retries: 2,
                start_period: 10_000_000_000,
                ..HealthConfig::default()
            }),
            ..ContainerConfig::default()
        }
    }

    fn result(exit_code: i64) -> HealthcheckResult {
        HealthcheckResult {
            exit_code,
            ..HealthcheckResult::default()
        }
    }

    #[test]
    fn commands_and_defaults() {
        assert_eq!(Check::of(&ContainerConfig::default()), None);
        assert_eq!(Check::of(&config(&["NONE"])), None);
        assert_eq!(
            Check::of(&config(&["CMD", "a", "b c"])).unwrap().command,
            ["a", "b c"]
        );
        let mut shell = config(&["CMD-SHELL", "exit 1"]);
        let check = Check::of(&shell).unwrap();
        assert_eq!(check.command, ["/bin/sh", "-c", "exit 1"]);
        assert_eq!(check.interval, Duration::from_secs(30));
        shell.shell = Some(vec!["/bin/bash".to_owned(), "-lc".to_owned()]);
        assert_eq!(Check::of(&shell).unwrap().command, ["/bin/bash", "-lc", "exit 1"]);
    }

    #[test]
    fn failures_count_after_the_start_period_or_the_first_success() {
        let check = Check::of(&config(&["CMD", "x"])).unwrap();
        let (early, late) = (Duration::from_secs(1), Duration::from_secs(11));
        let mut health = at_start();
        assert_eq!(check.pause(&health.status, early), DEFAULT_START_INTERVAL);
        assert_eq!(check.take_in(&mut health, result(1), early), None);
        assert_eq!(health.failing_streak, 0);
        assert_eq!(check.take_in(&mut health, result(1), late), None);
        assert_eq!(check.pause(&health.status, late), DEFAULT_INTERVAL);
        assert_eq!(
            check.take_in(&mut health, result(-1), late).as_deref(),
            Some(UNHEALTHY)
        );
        assert_eq!(
            check.take_in(&mut health, result(0), late).as_deref(),
            Some(HEALTHY)
        );
        assert_eq!(health.failing_streak, 0);
        assert_eq!(
            check.take_in(&mut health, result(1), early),
            None,
            "healthy once, failures count"
        );
        assert_eq!(health.failing_streak, 1);
        for _ in 0..9 {
            check.take_in(&mut health, result(0), late);
        }
        assert_eq!(health.log.unwrap().len(), KEPT);
    }

    #[test]
    fn the_image_fills_in() {
        let image = config(&["CMD", "x"]).healthcheck;
        let mut own = None;
        merge(&mut own, image.as_ref());
        assert_eq!(own, image);
        let mut own = Some(HealthConfig {
            retries: 7,
            ..HealthConfig::default()
        });
        merge(&mut own, image.as_ref());
        let own = own.unwrap();
        assert_eq!((own.retries, own.test[1].as_str()), (7, "x"));
    }

    #[test]
    fn dockers_sentences() {
        let refusal = |change: fn(&mut HealthConfig)| {
            let mut config = config(&["CMD", "x"]);
            change(config.healthcheck.as_mut().unwrap());
            check(&config).err().map(|error| error.to_string())
        };
        assert_eq!(refusal(|_| {}), None);
        assert_eq!(
            refusal(|health| health.interval = 999_999).unwrap(),
            "Interval in Healthcheck cannot be less than 1ms"
        );
        assert_eq!(
            refusal(|health| health.start_interval = -1).unwrap(),
            "StartInterval in Healthcheck cannot be less than 1ms"
        );
        assert_eq!(
            refusal(|health| health.retries = -1).unwrap(),
            "Retries in Healthcheck cannot be negative"
        );
    }
}
