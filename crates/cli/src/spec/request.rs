//! Puts the parts of a creation request together.

use std::collections::BTreeMap;
use std::path::Path;

use corten_wire::{ContainerConfig, ContainerCreateRequest, HostConfig, LogConfig, RestartPolicy};

use super::env_file::{self, Surroundings, key_values};
use super::{binds, block_io, devices, gpus, health, mounts, network, ports, resources, security};
use crate::flags::Matches;

/// The request for `IMAGE [COMMAND] [ARG...]` with these flags. The error is a sentence.
pub(crate) fn build(
    matches: &Matches,
    surroundings: &Surroundings,
) -> Result<ContainerCreateRequest, String> {
    let (image, command) = matches.args.split_first().ok_or("an image is required")?;
    let (exposed_ports, port_bindings) = ports::parse(matches.list("publish"), matches.list("expose"))?;
    let binds = binds::parse(matches.list("volume"), &surroundings.directory)?;
    let restart_policy = restart_policy(matches.text("restart").unwrap_or("no"))?;
    let auto_remove = matches.on("rm");
    if auto_remove && restart_policy.name != "no" && !restart_policy.name.is_empty() {
        return Err("conflicting options: cannot specify both --restart and --rm".to_owned());
    }
    let text = |name: &str| matches.text(name).unwrap_or_default().to_owned();
    let (network_mode, networking) = network::parse(matches)?;

    let mut host = HostConfig {
        binds: some_list(binds.binds),
        container_id_file: text("cidfile"),
        log_config: log_config(matches)?,
        network_mode,
        port_bindings: Some(port_bindings),
        restart_policy,
        auto_remove,
        volumes_from: some_list(texts(matches, "volumes-from")),
        dns: Some(matches.list("dns").map(network::dns).collect()),
        dns_options: Some(texts(matches, "dns-option")),
        dns_search: Some(
            matches
                .list("dns-search")
                .map(network::domain)
                .collect::<Result<_, _>>()?,
        ),
        extra_hosts: some_list(
            matches
                .list("add-host")
                .map(network::host_line)
                .collect::<Result<_, _>>()?,
        ),
        group_add: some_list(texts(matches, "group-add")),
        links: some_list(texts(matches, "link")),
        publish_all_ports: matches.on("publish-all"),
        readonly_rootfs: matches.on("read-only"),
        tmpfs: matches
            .list("tmpfs")
            .map(|spec| {
                let (path, options) = spec.split_once(':').unwrap_or((spec, ""));
                (path.to_owned(), options.to_owned())
            })
            .collect(),
        sysctls: key_values(matches.list("sysctl")),
        runtime: text("runtime"),
        volume_driver: text("volume-driver"),
        annotations: key_values(matches.list("annotation")),
        device_cgroup_rules: some_list(texts(matches, "device-cgroup-rule")),
        cgroup_parent: text("cgroup-parent"),
        devices: Some(
            matches
                .list("device")
                .filter(|text| !devices::is_qualified(text))
                .map(devices::parse)
                .collect::<Result<_, _>>()?,
        ),
        blkio_weight_device: Some(block_io::weights(matches.list("blkio-weight-device"))?),
        blkio_device_read_bps: Some(block_io::bytes(matches.list("device-read-bps"))?),
        blkio_device_write_bps: Some(block_io::bytes(matches.list("device-write-bps"))?),
        blkio_device_read_iops: Some(block_io::operations(matches.list("device-read-iops"))?),
        blkio_device_write_iops: Some(block_io::operations(matches.list("device-write-iops"))?),
        device_requests: some_list(
            matches
                .filled("gpus")
                .map(gpus::parse)
                .transpose()?
                .into_iter()
                .chain(devices::request(matches.list("device")))
                .collect(),
        ),
        storage_opt: storage_options(matches)?,
        isolation: text("isolation"),
        mounts: matches
            .list("mount")
            .map(|text| mounts::parse(text, &surroundings.directory))
            .collect::<Result<_, _>>()?,
        init: matches.has("init").then(|| matches.on("init")),
        ..HostConfig::default()
    };
    resources::fill(matches, &mut host)?;
    security::fill(matches, &mut host)?;

    Ok(ContainerCreateRequest {
        config: ContainerConfig {
            exposed_ports,
            cmd: some_list(command.to_vec()),
            image: image.clone(),
            volumes: Some(binds.anonymous),
            healthcheck: health::parse(matches)?,
            ..config(matches, surroundings)?
        },
        host_config: Some(host),
        networking_config: Some(networking),
    })
}

/// The part that has no conflicts.
fn config(matches: &Matches, surroundings: &Surroundings) -> Result<ContainerConfig, String> {
    let text = |name: &str| matches.text(name).unwrap_or_default().to_owned();
    let attached = |stream: &str| {
        matches
            .list("attach")
            .any(|name| name.eq_ignore_ascii_case(stream))
    };
    // Without -a, output and errors are attached; -d (which forbids -a) attaches nothing.
    let detached = matches.on("detach");
    let by_default = !matches.has("attach") && !detached;
    let open_stdin = matches.on("interactive");
    let attach_stdin = !detached && (open_stdin || attached("stdin"));
    Ok(ContainerConfig {
        hostname: text("hostname"),
        domainname: text("domainname"),
        user: text("user"),
        attach_stdin,
        attach_stdout: by_default || attached("stdout"),
        attach_stderr: by_default || attached("stderr"),
        tty: matches.on("tty"),
        open_stdin,
        // A container whose input is typed here has no more input when we go.
        stdin_once: open_stdin && attach_stdin,
        env: some_list(environment(matches, surroundings)?),
        working_dir: text("workdir"),
        // An empty entrypoint clears the image's.
        entrypoint: matches.text("entrypoint").map(|program| vec![program.to_owned()]),
        labels: Some(key_values(labels(matches)?)),
        stop_signal: text("stop-signal"),
        stop_timeout: matches.int("stop-timeout"),
        ..ContainerConfig::default()
    })
}

/// The environment of an `exec`.
pub(crate) fn exec_env(matches: &Matches, surroundings: &Surroundings) -> Result<Vec<String>, String> {
    environment(matches, surroundings)
}

/// Files first, so that flags win.
fn environment(matches: &Matches, surroundings: &Surroundings) -> Result<Vec<String>, String> {
    let mut entries = Vec::new();
    for path in matches.list("env-file") {
        entries.extend(env_file::read(Path::new(path), surroundings.variable)?);
    }
    entries.extend(matches.list("env").map(|entry| surroundings.resolve(entry)));
    Ok(entries)
}

fn labels(matches: &Matches) -> Result<Vec<String>, String> {
    let mut entries = Vec::new();
    for path in matches.list("label-file") {
        entries.extend(env_file::read(Path::new(path), |_| None)?);
    }
    entries.extend(texts(matches, "label"));
    Ok(entries)
}

fn log_config(matches: &Matches) -> Result<LogConfig, String> {
    let driver = matches.text("log-driver").unwrap_or_default();
    if driver == "none" && matches.has("log-opt") {
        return Err("invalid logging opts for driver none".to_owned());
    }
    Ok(LogConfig {
        r#type: driver.to_owned(),
        config: Some(key_values(matches.list("log-opt"))),
    })
}

fn storage_options(matches: &Matches) -> Result<BTreeMap<String, String>, String> {
    let pair = |text: &str| {
        let (key, value) = text.split_once('=').ok_or("invalid storage option")?;
        Ok((key.to_owned(), value.to_owned()))
    };
    matches.list("storage-opt").map(pair).collect()
}

/// Reads `--restart`, `name[:count]`.
pub(crate) fn restart_policy(text: &str) -> Result<RestartPolicy, String> {
    let (name, count) = text.split_once(':').unwrap_or((text, ""));
    if name.is_empty() && text.contains(':') {
        return Err("invalid restart policy format: no policy provided before colon".to_owned());
    }
    let maximum_retry_count = match count {
        "" => Ok(0),
        count => count.parse(),
    }
    .map_err(|_| "invalid restart policy format: maximum retry count must be an integer".to_owned())?;
    Ok(RestartPolicy {
        name: name.to_owned(),
        maximum_retry_count,
    })
}

fn texts(matches: &Matches, name: &str) -> Vec<String> {
    matches.list(name).map(str::to_owned).collect()
}

fn some_list<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::Value;

    use super::*;
    use crate::spec::CREATE_FLAGS;

    /// Each golden holds arguments of `create` and the request that Docker's command line 28.2 sent for them.
    #[test]
    fn requests_equal_dockers() {
        let surroundings = Surroundings {
            directory: PathBuf::from("/cwd"),
            variable: |name| (name == "HOME").then(|| "/root".to_owned()),
        };
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/create");
        let mut count = 0;
        for file in std::fs::read_dir(directory).unwrap() {
            let path = file.unwrap().path();
            let golden = std::fs::read_to_string(&path).unwrap();
            let (args, expected) = golden.split_once('\n').unwrap();
            let matches = Matches::parse(CREATE_FLAGS, false, corten_testkit::words(args))
                .unwrap()
                .unwrap();
            let request = build(&matches, &surroundings).unwrap();
            let mut ours = serde_json::to_value(&request).unwrap();
            let mut expected: Value = serde_json::from_str(expected).unwrap();
            for value in [&mut ours, &mut expected] {
                // Docker sends these in the order of a hash table.
                if let Some(binds) = value["HostConfig"]["Binds"].as_array_mut() {
                    binds.sort_by_key(ToString::to_string);
                }
            }
            assert_eq!(
                serde_json::to_string_pretty(&ours).unwrap(),
                serde_json::to_string_pretty(&expected).unwrap(),
                "{}",
                path.display()
            );
            count += 1;
        }
        assert!(count >= 20);
    }
}
