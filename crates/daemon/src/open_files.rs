//! How many files the daemon may have open: as many as it can be given, whoever starts it with how few.

use corten_wire::Ulimit;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const NAME: &str = "nofile";
/// Files that may be open for each idle connection that may be; it has two of them.
const PER_IDLE: u64 = 8;
/// More idle connections than any client keeps: beyond that they are a waste of memory.
const MOST_IDLE: u64 = 4096;

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

/// How many idle connections there may be, so that most files are left for what is done.
pub(crate) fn idle_connections() -> usize {
    idle_of(getrlimit(Resource::Nofile).current)
}

fn idle_of(limit: Option<u64>) -> usize {
    let most = limit.map_or(MOST_IDLE, |limit| (limit / PER_IDLE).clamp(1, MOST_IDLE));
    usize::try_from(most).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::idle_of;

    #[test]
    fn idle_connections_leave_room() {
        assert_eq!(idle_of(Some(1024)), 128);
        assert_eq!(idle_of(Some(1 << 20)), 4096);
        assert_eq!((idle_of(Some(1)), idle_of(None)), (1, 4096));
    }
}
