//! How many files the daemon may have open: as many as it can be given, whoever starts it with how few.

use corten_wire::Ulimit;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const NAME: &str = "nofile";

/// Raises the soft limit to the hard one. Containers are to get what the daemon was started with, unless `defaults` says
/// otherwise.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn raise(defaults: &mut Vec<Ulimit>) -> std::io::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return Ok(());
    }
    let highest = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, highest)?;
    if defaults.iter().all(|limit| limit.name != NAME) {
        // -1 is no limit.
        let number = |limit: Option<u64>| limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(-1);
        defaults.push(Ulimit {
            name: NAME.to_owned(),
            soft: number(current),
            hard: number(maximum),
        });
    }
    Ok(())
}
