//! The daemon's flags: dockerd's names and meanings, those that are there.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

/// A self-sufficient runtime for containers.
#[derive(Debug, Clone, Default, Parser)]
#[command(disable_version_flag = true, max_term_width = 110)]
pub(crate) struct Flags {
    /// Sockets to listen on: unix:///path (repeatable)
    #[arg(short = 'H', long = "host", value_name = "list")]
    pub(crate) hosts: Vec<String>,
    /// Root directory of persistent state (default /var/lib/corten)
    #[arg(long, alias = "graph", value_name = "string")]
    pub(crate) data_root: Option<PathBuf>,
    /// Root directory of run-time state (default /run/corten)
    #[arg(long, value_name = "string")]
    pub(crate) exec_root: Option<PathBuf>,
    /// File to keep the daemon's PID in (default EXEC-ROOT/corten.pid)
    #[arg(short, long, value_name = "string")]
    pub(crate) pidfile: Option<PathBuf>,
    /// Configuration file (default /etc/corten/daemon.json, else /etc/docker/daemon.json)
    #[arg(long, value_name = "string")]
    pub(crate) config_file: Option<PathBuf>,
    /// Name of the bridge containers are attached to, "none" for no network (default corten0)
    #[arg(short, long, value_name = "string")]
    pub(crate) bridge: Option<String>,
    /// Address and prefix length of the bridge
    #[arg(long, value_name = "string")]
    pub(crate) bip: Option<String>,
    /// Name of the nf_tables table of this daemon (default: the bridge's name)
    #[arg(long, value_name = "string")]
    pub(crate) firewall_table: Option<String>,
    /// MTU of the bridge network (default 1500)
    #[arg(long, value_name = "int")]
    pub(crate) mtu: Option<u32>,
    /// Let containers on the bridge reach each other (default true)
    #[arg(long, value_name = "bool", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) icc: Option<bool>,
    /// Turn on net.ipv4.ip_forward (default true)
    #[arg(long, value_name = "bool", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) ip_forward: Option<bool>,
    /// Hide containers behind the host's address (default true)
    #[arg(long, value_name = "bool", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) ip_masq: Option<bool>,
    /// DNS servers for containers (repeatable)
    #[arg(long, value_name = "list")]
    pub(crate) dns: Vec<String>,
    /// Cgroup below which containers get theirs (default /docker)
    #[arg(long, value_name = "string")]
    pub(crate) cgroup_parent: Option<String>,
    /// Group that may use the unix sockets (default docker)
    #[arg(short = 'G', long, value_name = "string")]
    pub(crate) group: Option<String>,
    /// Default log driver of containers: json-file
    #[arg(long, value_name = "string")]
    pub(crate) log_driver: Option<String>,
    /// Default log options of containers, key=value (repeatable)
    #[arg(long = "log-opt", value_name = "map")]
    pub(crate) log_opts: Vec<String>,
    /// Leave containers running when the daemon ends (default true)
    #[arg(long, value_name = "bool", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) live_restore: Option<bool>,
    /// Seconds containers get to stop when the daemon ends and does not leave them running (default 15)
    #[arg(long, value_name = "int")]
    pub(crate) shutdown_timeout: Option<i64>,
    /// Log more
    #[arg(short = 'D', long, value_name = "bool", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) debug: Option<bool>,
    /// Log level: debug, info, warn, error (default info)
    #[arg(short = 'l', long, value_name = "string")]
    pub(crate) log_level: Option<String>,
    /// Storage driver: overlay2
    #[arg(short = 's', long, value_name = "string")]
    pub(crate) storage_driver: Option<String>,
    /// The corten-shim program (default: beside this program, or in ../libexec/corten)
    #[arg(long, value_name = "string")]
    pub(crate) shim: Option<PathBuf>,
    /// Check the configuration and end
    #[arg(long)]
    pub(crate) validate: bool,
    /// Print the version and end
    #[arg(short = 'v', long)]
    pub(crate) version: bool,
}

/// Reads the command line.
pub(crate) fn parse(program: &str, args: Vec<OsString>) -> Result<Flags, clap::Error> {
    let mut command = <Flags as clap::CommandFactory>::command()
        .name("corten daemon")
        .bin_name(program.to_owned());
    let mut matches =
        command.try_get_matches_from_mut(std::iter::once(OsString::from(program)).chain(args))?;
    <Flags as clap::FromArgMatches>::from_arg_matches_mut(&mut matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Flags, clap::Error> {
        parse("dockerd", args.iter().map(OsString::from).collect())
    }

    #[test]
    fn booleans_are_written_as_docker_writes_them() {
        assert_eq!(read(&["--icc=false"]).unwrap().icc, Some(false));
        assert_eq!(read(&["--icc"]).unwrap().icc, Some(true));
        assert_eq!(read(&[]).unwrap().icc, None);
    }

    #[test]
    fn the_version_is_no_mistake() {
        assert!(read(&["--version"]).unwrap().version);
        assert!(read(&["-v"]).unwrap().version);
        assert!(!read(&[]).unwrap().version);
    }

    #[test]
    fn unknown_flags_are_refused() {
        assert!(read(&["--frobnicate"]).unwrap_err().use_stderr());
        assert!(!read(&["--help"]).unwrap_err().use_stderr());
    }
}
