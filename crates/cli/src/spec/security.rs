//! Privileges and namespaces: `--security-opt`, `--cap-add`, `--pid`, `--ipc`, `--uts`,
//! `--userns`, `--cgroupns`.

use std::path::Path;

use corten_wire::HostConfig;

use super::env_file::open_error;
use crate::flags::Matches;

/// Fills in privileges and namespaces.
pub(super) fn fill(matches: &Matches, host: &mut HostConfig) -> Result<(), String> {
    host.privileged = matches.on("privileged");
    host.cap_add = some_list(capabilities(matches, "cap-add"));
    host.cap_drop = some_list(capabilities(matches, "cap-drop"));
    let mode = |name: &str| matches.text(name).unwrap_or_default().to_owned();
    host.pid_mode = mode("pid");
    if !(matches!(host.pid_mode.as_str(), "" | "host") || names_container(&host.pid_mode)) {
        return Err("--pid: invalid PID mode".to_owned());
    }
    host.uts_mode = mode("uts");
    if !matches!(host.uts_mode.as_str(), "" | "host") {
        return Err("--uts: invalid UTS mode".to_owned());
    }
    host.userns_mode = mode("userns");
    if !matches!(host.userns_mode.as_str(), "" | "host") {
        return Err("--userns: invalid USER mode".to_owned());
    }
    host.cgroupns_mode = mode("cgroupns");
    if !matches!(host.cgroupns_mode.as_str(), "" | "host" | "private") {
        return Err("--cgroupns: invalid CGROUP mode".to_owned());
    }
    host.ipc_mode = mode("ipc");
    let mut options = Vec::new();
    let mut plain_paths = false;
    for option in matches.list("security-opt") {
        match option {
            "systempaths=unconfined" => plain_paths = true,
            _ => options.push(security_option(option)?),
        }
    }
    if plain_paths {
        host.masked_paths = Some(Vec::new());
        host.readonly_paths = Some(Vec::new());
    }
    host.security_opt = matches.has("security-opt").then_some(options);
    Ok(())
}

fn names_container(mode: &str) -> bool {
    mode.strip_prefix("container:")
        .is_some_and(|name| !name.is_empty())
}

/// In capitals with `CAP_`, each once, sorted.
fn capabilities(matches: &Matches, flag: &str) -> Vec<String> {
    let mut names: Vec<String> = matches
        .list(flag)
        .map(|name| {
            let name = name.to_ascii_uppercase();
            if name == "ALL" || name.starts_with("CAP_") {
                name
            } else {
                format!("CAP_{name}")
            }
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// An option as the engine wants it: profiles as text, not as files of this machine.
fn security_option(option: &str) -> Result<String, String> {
    let parts = option.split_once('=').or_else(|| option.split_once(':'));
    let (key, value) = parts.unwrap_or((option, ""));
    if key == "no-new-privileges" {
        return Ok(option.to_owned());
    }
    // The only one that says something without a value is above.
    if value.is_empty() {
        return Err(format!("Invalid --security-opt: {option:?}"));
    }
    if key != "seccomp" || matches!(value, "unconfined" | "builtin") {
        return Ok(option.to_owned());
    }
    let path = Path::new(value);
    let text = std::fs::read(path).map_err(|error| {
        format!(
            "opening seccomp profile ({value}) failed: {}",
            open_error(path, &error)
        )
    })?;
    let profile: serde_json::Value = serde_json::from_slice(&text).map_err(|error| {
        let reason = if error.is_eof() {
            "unexpected end of JSON input".to_owned()
        } else {
            error.to_string()
        };
        format!("compacting json for seccomp profile ({value}) failed: {reason}")
    })?;
    Ok(format!("seccomp={profile}"))
}

fn some_list(list: Vec<String>) -> Option<Vec<String>> {
    (!list.is_empty()).then_some(list)
}
