//! The states of a container and who may change them.
//!
//! ```text
//!  from       to         by            when
//!  (nothing)  Created    create        the record is durable
//!  Created    Starting   start         the operation lock is held
//!  Exited     Starting   start
//!  Restarting Starting   restarts      the delay its restart policy demands is over
//!  Starting   Running    start         the program's execve succeeded
//!  Starting   Created    start         it could not be run (Exited, if it ever ran before)
//!  Running    Exited     exit          the shim said so, or was lost
//!  Running    Restarting exit          the same, and its restart policy wants it back
//!  Restarting Exited     restarts      a user stopped or killed it meanwhile
//!  Running    Exited     restore       it ended while no daemon was there
//!  Created, Exited, Dead   Removing   remove   nothing of it can be started any more
//!  Removing   (nothing)  remove        every trace is gone
//!  Removing   Dead       remove        something could not be removed; removing may be tried again
//! ```
//!
//! A running container may be paused, which is no state of its own: the kernel keeps it, in the container's cgroup, and
//! `pause`, `unpause`, signals that end it and `restore` keep track of it.

/// Where in its life a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It never ran.
    Created,
    /// It is being started; shown as its previous state.
    Starting,
    /// Its program runs.
    Running,
    /// Its program has ended and will be started again by its restart policy.
    Restarting,
    /// Its program has ended.
    Exited,
    /// It is being removed.
    Removing,
    /// Removing it failed.
    Dead,
}

impl Phase {
    /// The word `inspect` and `ps` use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created | Self::Starting => "created",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Exited => "exited",
            Self::Removing => "removing",
            Self::Dead => "dead",
        }
    }

    /// Whether it counts as running for users: it must be stopped before it can be removed, and `ps` shows it.
    pub fn counts_as_running(self) -> bool {
        matches!(self, Self::Running | Self::Restarting)
    }

    /// Whether `next` may follow.
    pub fn may_become(self, next: Phase) -> bool {
        use Phase::{Created, Dead, Exited, Removing, Restarting, Running, Starting};
        matches!(
            (self, next),
            (Created | Exited | Restarting, Starting)
                | (Starting, Running | Created | Exited)
                | (Running, Exited | Restarting)
                | (Restarting, Exited)
                | (Created | Exited | Dead, Removing)
                | (Removing, Dead)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Phase::{self, Created, Dead, Exited, Removing, Restarting, Running, Starting};

    #[test]
    fn a_running_container_is_never_removed_and_a_removed_one_never_runs() {
        for from in [Created, Starting, Running, Restarting, Exited, Removing, Dead] {
            assert_eq!(from.may_become(Removing), matches!(from, Created | Exited | Dead));
            assert_eq!(from.may_become(Running), from == Starting);
        }
        assert!(!Phase::Removing.may_become(Starting));
    }
}
