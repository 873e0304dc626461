//! `--health-*` and `--no-healthcheck`.

use corten_wire::HealthConfig;

use crate::flags::{Matches, duration};

/// The health check asked for, if any.
pub(super) fn parse(matches: &Matches) -> Result<Option<HealthConfig>, String> {
    let time = |name: &str| -> Result<i64, String> {
        let span = matches.text(name).map_or(Ok(0), duration)?;
        if span < 0 {
            return Err(format!("--{name} cannot be negative"));
        }
        Ok(span)
    };
    let retries = matches.int("health-retries").unwrap_or(0);
    if retries < 0 {
        return Err("--health-retries cannot be negative".to_owned());
    }
    let check = HealthConfig {
        test: matches
            .filled("health-cmd")
            .map(|command| vec!["CMD-SHELL".to_owned(), command.to_owned()])
            .unwrap_or_default(),
        interval: time("health-interval")?,
        timeout: time("health-timeout")?,
        start_period: time("health-start-period")?,
        start_interval: time("health-start-interval")?,
        retries,
    };
    let is_asked_for = check != HealthConfig::default();
    if matches.on("no-healthcheck") {
        if is_asked_for {
            return Err("--no-healthcheck conflicts with --health-* options".to_owned());
        }
        return Ok(Some(HealthConfig {
            test: vec!["NONE".to_owned()],
            ..HealthConfig::default()
        }));
    }
    Ok(is_asked_for.then_some(check))
}
