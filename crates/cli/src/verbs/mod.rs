//! The verbs: one file each, and the tables that name them.

mod attach;
mod cid_file;
mod commit;
mod confirm;
mod container_prune;
mod context;
mod cp;
mod create;
mod dial_stdio;
mod diff;
mod events;
mod exec;
mod export;
mod history;
mod image_prune;
mod images;
mod import;
mod info;
mod inspect;
mod kill;
mod listed;
mod load;
mod logs;
mod many;
mod network_connect;
mod network_create;
mod network_disconnect;
mod network_ls;
mod network_prune;
mod network_rm;
pub(crate) mod not_yet;
mod pause;
mod plugin_ls;
mod port;
mod ps;
mod pull;
mod rename;
mod restart;
mod rm;
mod rmi;
mod run;
mod save;
mod start;
mod stats;
mod stats_row;
mod stop;
mod system_df;
mod system_df_verbose;
mod system_prune;
mod tag;
mod template_help;
mod time_arg;
mod top;
mod unpause;
mod update;
mod version;
mod volume_create;
mod volume_export;
mod volume_import;
mod volume_ls;
mod volume_prune;
mod volume_rm;
mod volume_update;
mod wait;

use crate::command::Command;

/// What the program does beside the verbs of the command line, with a sentence.
pub(crate) const DAEMON: (&str, &str) = ("daemon", "Run the engine that all other commands talk to");

/// Verbs of groups that no list shows: programs use them, not people, or only engines in a swarm have them.
pub(crate) static UNLISTED: &[(&str, Entry)] = &[
    ("system", entry("dial-stdio", &dial_stdio::COMMAND)),
    ("volume", entry("update", &volume_update::COMMAND)),
];

/// A verb under a name.
pub(crate) struct Entry {
    /// The name in lists.
    pub(crate) name: &'static str,
    /// Further names, which lists do not show.
    pub(crate) hidden: &'static [&'static str],
    /// What it is.
    pub(crate) command: &'static Command,
}

/// Verbs on one kind of object.
pub(crate) struct Group {
    /// The kind.
    pub(crate) name: &'static str,
    /// One sentence.
    pub(crate) about: &'static str,
    /// Its verbs, sorted.
    pub(crate) commands: &'static [Entry],
}

impl Entry {
    /// Name and (first) sentence.
    pub(crate) fn row(&self) -> (&str, &str) {
        let about = self.command.about.lines().next().unwrap_or_default();
        (
            self.name,
            about.split_once(". ").map_or(about, |(first, _)| first),
        )
    }
}

const fn entry(name: &'static str, command: &'static Command) -> Entry {
    Entry {
        name,
        hidden: &[],
        command,
    }
}

const fn entry_as(name: &'static str, hidden: &'static [&'static str], command: &'static Command) -> Entry {
    Entry {
        name,
        hidden,
        command,
    }
}

/// The verbs people use most.
pub(crate) static COMMON: &[Entry] = &[
    entry("run", &run::COMMAND),
    entry("exec", &exec::COMMAND),
    entry("ps", &ps::COMMAND),
    entry("pull", &pull::COMMAND),
    entry("images", &images::COMMAND),
    entry("version", &version::COMMAND),
    entry("info", &info::COMMAND),
];

/// The other verbs without a group.
pub(crate) static COMMANDS: &[Entry] = &[
    entry("attach", &attach::COMMAND),
    entry("commit", &commit::COMMAND),
    entry("cp", &cp::COMMAND),
    entry("create", &create::COMMAND),
    entry("diff", &diff::COMMAND),
    entry("events", &events::COMMAND),
    entry("export", &export::COMMAND),
    entry("history", &history::COMMAND),
    entry("import", &import::COMMAND),
    entry("inspect", &inspect::COMMAND),
    entry("kill", &kill::COMMAND),
    entry("load", &load::COMMAND),
    entry("logs", &logs::COMMAND),
    entry("pause", &pause::COMMAND),
    entry("port", &port::COMMAND),
    entry("rename", &rename::COMMAND),
    entry("restart", &restart::COMMAND),
    entry("rm", &rm::COMMAND),
    entry("rmi", &rmi::COMMAND),
    entry("save", &save::COMMAND),
    entry("start", &start::COMMAND),
    entry("stats", &stats::COMMAND),
    entry("stop", &stop::COMMAND),
    entry("tag", &tag::COMMAND),
    entry("top", &top::COMMAND),
    entry("unpause", &unpause::COMMAND),
    entry("update", &update::COMMAND),
    entry("wait", &wait::COMMAND),
];

/// The groups.
pub(crate) static GROUPS: &[Group] = &[
    Group {
        name: "container",
        about: "Manage containers",
        commands: &[
            entry("attach", &attach::COMMAND),
            entry("commit", &commit::COMMAND),
            entry("cp", &cp::COMMAND),
            entry("create", &create::COMMAND),
            entry("diff", &diff::COMMAND),
            entry("exec", &exec::COMMAND),
            entry("export", &export::COMMAND),
            entry("inspect", &inspect::CONTAINER),
            entry("kill", &kill::COMMAND),
            entry("logs", &logs::COMMAND),
            entry_as("ls", &["list", "ps"], &ps::COMMAND),
            entry("pause", &pause::COMMAND),
            entry("port", &port::COMMAND),
            entry("prune", &container_prune::COMMAND),
            entry("rename", &rename::COMMAND),
            entry("restart", &restart::COMMAND),
            entry_as("rm", &["remove"], &rm::COMMAND),
            entry("run", &run::COMMAND),
            entry("start", &start::COMMAND),
            entry("stats", &stats::COMMAND),
            entry("stop", &stop::COMMAND),
            entry("top", &top::COMMAND),
            entry("unpause", &unpause::COMMAND),
            entry("update", &update::COMMAND),
            entry("wait", &wait::COMMAND),
        ],
    },
    Group {
        name: "context",
        about: "Manage contexts",
        commands: context::COMMANDS,
    },
    Group {
        name: "image",
        about: "Manage images",
        commands: &[
            entry("history", &history::COMMAND),
            entry("import", &import::COMMAND),
            entry("inspect", &inspect::IMAGE),
            entry("load", &load::COMMAND),
            entry_as("ls", &["list"], &images::COMMAND),
            entry("prune", &image_prune::COMMAND),
            entry("pull", &pull::COMMAND),
            entry_as("rm", &["remove"], &rmi::COMMAND),
            entry("save", &save::COMMAND),
            entry("tag", &tag::COMMAND),
        ],
    },
    Group {
        name: "network",
        about: "Manage networks",
        commands: &[
            entry("connect", &network_connect::COMMAND),
            entry("create", &network_create::COMMAND),
            entry("disconnect", &network_disconnect::COMMAND),
            entry("inspect", &inspect::NETWORK),
            entry_as("ls", &["list"], &network_ls::COMMAND),
            entry("prune", &network_prune::COMMAND),
            entry_as("rm", &["remove"], &network_rm::COMMAND),
        ],
    },
    Group {
        name: "plugin",
        about: "Manage plugins",
        commands: &[entry_as("ls", &["list"], &plugin_ls::COMMAND)],
    },
    Group {
        name: "system",
        about: "Manage Docker",
        commands: &[
            entry("df", &system_df::COMMAND),
            entry("events", &events::COMMAND),
            entry("info", &info::COMMAND),
            entry("prune", &system_prune::COMMAND),
        ],
    },
    Group {
        name: "volume",
        about: "Manage volumes",
        commands: &[
            entry("create", &volume_create::COMMAND),
            entry("export", &volume_export::COMMAND),
            entry("import", &volume_import::COMMAND),
            entry("inspect", &inspect::VOLUME),
            entry_as("ls", &["list"], &volume_ls::COMMAND),
            entry("prune", &volume_prune::COMMAND),
            entry_as("rm", &["remove"], &volume_rm::COMMAND),
        ],
    },
];
