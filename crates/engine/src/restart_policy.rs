//! Restart policies as Docker has them: which are acceptable, when they want a container back, and after what delay. Pure.

use std::time::Duration;

use corten_wire::{HostConfig, RestartPolicy};

use crate::error::{Error, Result};

/// The first delay, and the one after a run of [`LONG_RUN`].
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(60);
/// A container that ran this long is taken to work: the next delay is short again.
const LONG_RUN: Duration = Duration::from_secs(10);

/// The delays between an end and the next start: they double until the container runs for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Backoff {
    last: Option<Duration>,
}

impl Backoff {
    /// The delay after a run that lasted `ran`.
    pub(crate) fn next(&mut self, ran: Duration) -> Duration {
        let delay = match self.last {
            Some(last) if ran < LONG_RUN => (last * 2).min(LONGEST_DELAY),
            _ => FIRST_DELAY,
        };
        self.last = Some(delay);
        delay
    }
}

/// Whether there is a policy at all.
pub(crate) fn is_none(policy: &RestartPolicy) -> bool {
    matches!(policy.name.as_str(), "" | "no")
}

/// Refuses policies that make no sense, in the words of Docker's daemon.
pub(crate) fn check(host: &HostConfig) -> Result<()> {
    let policy = &host.restart_policy;
    let refuse = |reason: &str| Err(Error::Invalid(format!("invalid restart policy: {reason}")));
    match policy.name.as_str() {
        "no" | "always" | "unless-stopped" if policy.maximum_retry_count < 0 => {
            refuse("maximum retry count can only be used with 'on-failure' and cannot be negative")
        }
        "no" | "always" | "unless-stopped" if policy.maximum_retry_count > 0 => {
            refuse("maximum retry count can only be used with 'on-failure'")
        }
        "on-failure" if policy.maximum_retry_count < 0 => refuse("maximum retry count cannot be negative"),
        "" | "no" | "always" | "unless-stopped" | "on-failure" => {
            if host.auto_remove && !is_none(policy) {
                return Err(Error::Invalid(
                    "can't create 'AutoRemove' container with restart policy".to_owned(),
                ));
            }
            Ok(())
        }
        other => refuse(&format!(
            "unknown policy '{other}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
        )),
    }
}

/// Whether the policy wants a container back that ended with `exit_code` after `restarts` restarts, stopped by a user or not.
pub(crate) fn wants_back(
    policy: &RestartPolicy,
    exit_code: i64,
    stopped_by_user: bool,
    restarts: i64,
) -> bool {
    match policy.name.as_str() {
        "always" => true,
        "unless-stopped" => !stopped_by_user,
        "on-failure" => {
            let limit = policy.maximum_retry_count;
            exit_code != 0 && (limit == 0 || restarts < limit)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(name: &str, limit: i64) -> RestartPolicy {
        RestartPolicy {
            name: name.to_owned(),
            maximum_retry_count: limit,
        }
    }

    #[test]
    fn delays_double_to_a_minute_and_begin_anew_after_a_long_run() {
        let mut backoff = Backoff::default();
        let short = Duration::from_secs(1);
        let delays: Vec<u128> = (0..12).map(|_| backoff.next(short).as_millis()).collect();
        assert_eq!(
            delays,
            [
                100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000
            ]
        );
        assert_eq!(backoff.next(LONG_RUN), FIRST_DELAY);
        assert_eq!(backoff.next(short), FIRST_DELAY * 2);
    }

    #[test]
    fn who_is_wanted_back() {
        for (name, limit, code, stopped, restarts, wanted) in [
            ("no", 0, 1, false, 0, false),
            ("", 0, 1, false, 0, false),
            ("always", 0, 0, false, 9, true),
            ("always", 0, 0, true, 0, true),
            ("unless-stopped", 0, 0, false, 0, true),
            ("unless-stopped", 0, 1, true, 0, false),
            ("on-failure", 0, 0, false, 0, false),
            ("on-failure", 0, 1, false, 99, true),
            ("on-failure", 0, 137, true, 0, true),
            ("on-failure", 2, 1, false, 1, true),
            ("on-failure", 2, 1, false, 2, false),
        ] {
            let policy = policy(name, limit);
            assert_eq!(wants_back(&policy, code, stopped, restarts), wanted, "{policy:?}");
        }
    }

    #[test]
    fn dockers_sentences() {
        let refusal = |name: &str, limit, auto_remove| {
            let host = HostConfig {
                restart_policy: policy(name, limit),
                auto_remove,
                ..HostConfig::default()
            };
            check(&host).err().map(|error| error.to_string())
        };
        assert_eq!(refusal("on-failure", 3, false), None);
        assert_eq!(refusal("", 3, true), None);
        assert_eq!(
            refusal("sometimes", 0, false).unwrap(),
            "invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
        );
        assert_eq!(
            refusal("always", 1, false).unwrap(),
            "invalid restart policy: maximum retry count can only be used with 'on-failure'"
        );
        assert_eq!(
            refusal("always", -1, false).unwrap(),
            "invalid restart policy: maximum retry count can only be used with 'on-failure' and cannot be negative"
        );
        assert_eq!(
            refusal("on-failure", -1, false).unwrap(),
            "invalid restart policy: maximum retry count cannot be negative"
        );
        assert_eq!(
            refusal("always", 0, true).unwrap(),
            "can't create 'AutoRemove' container with restart policy"
        );
    }
}
