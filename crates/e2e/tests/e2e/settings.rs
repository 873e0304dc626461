//! The daemon's flags and `daemon.json`: what they do to containers and to `info`, and what is refused.

use std::process::Command;

use corten_testkit::{Daemon, Finished, binary, fixtures, http, until};
use serde_json::Value;

use crate::{BB, SOON, corten_only};

fn daemon(config: &str, flags: &[&str]) -> Daemon {
    let daemon = Daemon::start_configured(&binary(), config, flags);
    daemon
        .corten(&["load", "-i", &fixtures::busybox().display().to_string()])
        .ok();
    daemon
}

/// Only checks a configuration.
fn validate(config: &str, flags: &[&str]) -> Finished {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("daemon.json");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(binary());
    command
        .args(["daemon", "--validate", "--config-file"])
        .arg(&file)
        .args(flags);
    corten_testkit::run(&mut command, SOON)
}

fn info(daemon: &Daemon) -> Value {
    daemon.api("GET", "/info", "").json()
}

#[test]
fn containers_get_the_daemons_defaults() {
    corten_only!();
    let daemon = daemon(
        r#"{"default-shm-size": "8m", "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 111, "Hard": 222}},
            "no-new-privileges": true, "dns": ["9.9.9.9"], "dns-opts": ["ndots:3"], "dns-search": ["example.test"],
            "log-opts": {"max-file": "7"}, "default-ipc-mode": "shareable", "host-gateway-ips": ["10.99.99.99", "fd00:99::9"]}"#,
        &[],
    );
    let script = "df -k /dev/shm | tail -1; ulimit -n; ulimit -Hn; grep NoNewPrivs /proc/self/status; cat /etc/resolv.conf; \
                  cat /etc/hosts";
    let args = [
        "run",
        "--name",
        "box",
        "--add-host",
        "gw:host-gateway",
        BB,
        "sh",
        "-c",
        script,
    ];
    let said = daemon.corten(&args).ok();
    for part in [
        "8192 ",
        "\n111\n222\n",
        "NoNewPrivs:\t1",
        "nameserver 9.9.9.9",
        "options ndots:3",
        "search example.test",
        "10.99.99.99\tgw\nfd00:99::9\tgw\n",
    ] {
        assert!(said.contains(part), "{part:?} in {said}");
    }
    let inspect: Value = daemon.api("GET", "/containers/box/json", "").json();
    let host = &inspect["HostConfig"];
    assert_eq!(host["ShmSize"], 8 << 20);
    assert_eq!(host["IpcMode"], "shareable");
    assert_eq!(host["LogConfig"]["Config"]["max-file"], "7");
    // What a container asks for itself comes first.
    let args = [
        "run",
        "--rm",
        "--ulimit",
        "nofile=50",
        "--security-opt",
        "no-new-privileges=false",
        BB,
    ];
    let own = [
        &args[..],
        &["sh", "-c", "ulimit -n; grep NoNewPrivs /proc/self/status"],
    ]
    .concat();
    assert_eq!(daemon.corten(&own).ok(), "50\nNoNewPrivs:\t0");
}

#[test]
fn the_bridge_is_as_configured() {
    corten_only!();
    let daemon = daemon("{}", &["--mtu", "1400", "--ip", "127.0.0.1"]);
    let port = daemon.slot().port(0);
    let publish = format!("{port}:80");
    daemon
        .corten(&["run", "-d", "--name", "box", "-p", &publish, BB, "sleep", "1000"])
        .ok();
    assert_eq!(
        daemon.corten(&["port", "box"]).ok(),
        format!("80/tcp -> 127.0.0.1:{port}")
    );
    let mtu = daemon
        .corten(&["exec", "box", "cat", "/sys/class/net/eth0/mtu"])
        .ok();
    assert_eq!(mtu, "1400");
    let bridge = daemon.api("GET", "/networks/bridge", "").json();
    assert_eq!(
        bridge["Options"]["com.docker.network.bridge.host_binding_ipv4"],
        "127.0.0.1"
    );
    assert_eq!(bridge["Options"]["com.docker.network.driver.mtu"], "1400");
}

#[test]
fn addresses_come_from_the_fixed_range_and_the_route_goes_to_the_gateway() {
    corten_only!();
    let probe = corten_testkit::Slot::take();
    let prefix = probe.subnet_prefix();
    drop(probe);
    // The lowest free slot is taken again at once: tests that race for it only make this one start over.
    let mut found = None;
    for _ in 0..20 {
        let slot = corten_testkit::Slot::take();
        let prefix = slot.subnet_prefix();
        drop(slot);
        let (range, gateway) = (format!("{prefix}.128/26"), format!("{prefix}.9"));
        let flags = ["--fixed-cidr", &range, "--default-gateway", &gateway];
        let started = std::panic::catch_unwind(|| Daemon::start_configured(&binary(), "{}", &flags));
        if let Ok(daemon) = started
            && daemon.slot().subnet_prefix() == prefix
        {
            found = Some((daemon, prefix));
            break;
        }
    }
    let (daemon, prefix) = found.unwrap_or_else(|| panic!("no slot like {prefix}"));
    daemon
        .corten(&["load", "-i", &fixtures::busybox().display().to_string()])
        .ok();
    let said = daemon
        .corten(&["run", "--rm", BB, "ip", "-4", "addr", "show", "eth0"])
        .ok();
    assert!(said.contains(&format!("{prefix}.128/24")), "{said}");
    let route = daemon.corten(&["run", "--rm", BB, "ip", "route"]).ok();
    assert!(route.contains(&format!("default via {prefix}.9")), "{route}");
}

#[test]
fn the_default_bridge_has_ipv6_when_asked() {
    corten_only!();
    let mut daemon = daemon("{}", &["--ipv6"]);
    let port = daemon.slot().port(0);
    let publish = format!("{port}:80");
    let script = "mkdir /www; echo hello > /www/index.html; exec httpd -f -p 80 -h /www";
    daemon
        .corten(&[
            "run", "-d", "--name", "web", "-p", &publish, BB, "sh", "-c", script,
        ])
        .ok();
    let subnets = |daemon: &Daemon| {
        let bridge = daemon.api("GET", "/networks/bridge", "").json();
        assert_eq!(bridge["EnableIPv6"], true);
        let subnets = bridge["IPAM"]["Config"].as_array().unwrap().iter();
        subnets
            .map(|pool| pool["Subnet"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let before = subnets(&daemon);
    assert!(
        before.len() == 2 && before[1].starts_with("fd") && before[1].ends_with("::/64"),
        "{before:?}"
    );
    let container = daemon.api("GET", "/containers/web/json", "").json();
    let settings = &container["NetworkSettings"];
    let address = settings["GlobalIPv6Address"].as_str().unwrap();
    assert!(
        address.starts_with(before[1].trim_end_matches("/64")),
        "{address} in {before:?}"
    );
    assert_eq!(
        settings["Networks"]["bridge"]["GlobalIPv6Address"].as_str(),
        Some(address)
    );
    let hosts: Vec<&str> = settings["Ports"]["80/tcp"]
        .as_array()
        .unwrap()
        .iter()
        .map(|binding| binding["HostIp"].as_str().unwrap())
        .collect();
    assert_eq!(hosts, ["0.0.0.0", "::"]);
    let serves = |host: &str| {
        until(&format!("{host} answers"), SOON, || {
            http::get(host, "/").is_ok_and(|page| page.text().trim() == "hello")
        });
    };
    let all = [
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
        format!("[{address}]:80"),
    ];
    all.iter().for_each(|host| serves(host));
    let neighbour = ["run", "--rm", BB, "wget", "-qO-", &format!("http://[{address}]/")];
    assert_eq!(daemon.corten(&neighbour).ok(), "hello");
    daemon.kill9();
    daemon.restart();
    assert_eq!(subnets(&daemon), before);
    all.iter().for_each(|host| serves(host));

    // Another machine's addresses, or another daemon's, are others.
    let other = Daemon::start_configured(&binary(), r#"{"ipv6": true}"#, &[]);
    assert_ne!(subnets(&other)[1].get(..14), before[1].get(..14));
}

#[test]
fn the_default_bridge_has_the_ipv6_subnet_it_is_told() {
    corten_only!();
    let slot = corten_testkit::Slot::take();
    let prefix = format!("fd00:c0de:{:x}", slot.port(0));
    let (range, gateway) = (format!("{prefix}::/80"), format!("{prefix}::9"));
    let flags = ["--ipv6", "--bip6", &format!("{prefix}::1/64")];
    let more = ["--fixed-cidr-v6", &range, "--default-gateway-v6", &gateway];
    let daemon = daemon("{}", &[&flags[..], &more[..]].concat());
    let bridge = daemon.api("GET", "/networks/bridge", "").json();
    assert_eq!(
        bridge["IPAM"]["Config"][1],
        serde_json::json!({"Subnet": format!("{prefix}::/64"), "IPRange": range, "Gateway": gateway})
    );
    let script = "ip -6 -o addr show eth0 scope global; ip -6 route";
    let said = daemon.corten(&["run", "--rm", BB, "sh", "-c", script]).ok();
    assert!(said.contains(&format!("{prefix}::2/64")), "{said}");
    assert!(
        said.contains(&format!("default via {gateway} dev eth0")),
        "{said}"
    );
}

#[test]
fn networks_get_the_daemons_default_options() {
    corten_only!();
    const MTU: &str = "com.docker.network.driver.mtu";
    let config = format!(r#"{{"default-network-opts": {{"bridge": {{"{MTU}": "1234"}}}}}}"#);
    let by_file = daemon(&config, &[]);
    by_file.corten(&["network", "create", "plain"]).ok();
    by_file
        .corten(&["network", "create", "-o", &format!("{MTU}=1300"), "other"])
        .ok();
    for (network, mtu) in [("plain", "1234"), ("other", "1300")] {
        let said = by_file
            .corten(&[
                "run",
                "--rm",
                "--network",
                network,
                BB,
                "cat",
                "/sys/class/net/eth0/mtu",
            ])
            .ok();
        assert_eq!(said, mtu);
        let shown = by_file.api("GET", &format!("/networks/{network}"), "").json();
        assert_eq!(shown["Options"][MTU], mtu);
    }
    let flag = format!("bridge={MTU}=1200");
    let by_flag = Daemon::start_configured(&binary(), "{}", &["--default-network-opt", &flag]);
    by_flag.corten(&["network", "create", "plain"]).ok();
    let shown = by_flag.api("GET", "/networks/plain", "").json();
    assert_eq!(shown["Options"][MTU], "1200");
}

#[test]
fn without_a_firewall_nothing_is_published() {
    corten_only!();
    let daemon = daemon(r#"{"iptables": false}"#, &[]);
    let refused = daemon.corten(&["run", "--rm", "-p", "80", BB, "true"]);
    refused.fails(125);
    refused.says(&["ports cannot be published: the daemon runs with --iptables=false"]);
    assert_eq!(daemon.corten(&["run", "--rm", BB, "echo", "hi"]).ok(), "hi");
}

#[test]
fn an_own_seccomp_profile_is_the_default() {
    corten_only!();
    let dir = tempfile::tempdir().unwrap();
    let profile = dir.path().join("profile.json");
    let text = r#"{"defaultAction": "SCMP_ACT_ALLOW",
                   "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}"#;
    std::fs::write(&profile, text).unwrap();
    let profile = profile.display().to_string();
    let daemon = daemon("{}", &["--seccomp-profile", &profile]);
    let refused = daemon.corten(&["run", "--rm", BB, "mkdir", "/x"]);
    refused.fails(1);
    refused.says(&["Operation not permitted"]);
    let free = [
        "run",
        "--rm",
        "--security-opt",
        "seccomp=unconfined",
        BB,
        "mkdir",
        "/x",
    ];
    daemon.corten(&free).ok();
    let options = info(&daemon)["SecurityOptions"].to_string();
    assert!(
        options.contains(&format!("name=seccomp,profile={profile}")),
        "{options}"
    );
}

#[test]
fn info_shows_what_is_set() {
    corten_only!();
    let daemon = daemon(
        r#"{"labels": ["a=1"], "registry-mirrors": ["http://mirror.test"], "insecure-registries": ["reg.test:5000", "10.1.0.0/16"],
            "debug": true, "live-restore": false, "experimental": true, "default-runtime": "runc",
            "default-address-pools": [{"base": "10.77.0.0/16", "size": 24}],
            "proxies": {"http-proxy": "http://me:secret@proxy.test:3128"}}"#,
        &[],
    );
    let info = info(&daemon);
    assert_eq!(info["Labels"][0], "a=1");
    assert_eq!(info["RegistryConfig"]["Mirrors"][0], "http://mirror.test/");
    assert_eq!(
        info["RegistryConfig"]["IndexConfigs"]["reg.test:5000"]["Secure"],
        false
    );
    assert_eq!(info["RegistryConfig"]["InsecureRegistryCIDRs"][2], "10.1.0.0/16");
    assert_eq!(info["Debug"], true);
    assert_eq!(info["LiveRestoreEnabled"], false);
    assert_eq!(info["ExperimentalBuild"], true);
    assert_eq!(info["DefaultRuntime"], "runc");
    assert_eq!(info["DefaultAddressPools"][0]["Base"], "10.77.0.0/16");
    assert_eq!(info["HttpProxy"], "http://xxxxx:xxxxx@proxy.test:3128");
    let text = daemon.docker(&["info"]).ok();
    for part in [
        "reg.test:5000",
        "http://mirror.test/",
        "a=1",
        "Default Runtime: runc",
        "Debug Mode: true",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    assert!(
        daemon.log().contains("registry-mirrors has no effect"),
        "{}",
        daemon.log()
    );
}

#[test]
fn mistakes_are_told_in_dockers_words() {
    corten_only!();
    for (config, flags, sentence) in [
        (
            r#"{"debug": true}"#,
            vec!["--debug=false"],
            "the following directives are specified both as a flag and in the configuration file: debug: (from flag: false, \
             from file: true)",
        ),
        (
            r#"{"frob": 1}"#,
            vec![],
            "the following directives don't match any configuration option: frob",
        ),
        (
            r#"{"debug": "x"}"#,
            vec![],
            "cannot unmarshal string into Go struct field Config.debug of type bool",
        ),
        ("{", vec![], "unable to configure the Docker daemon with file"),
        (
            r#"{"default-runtime": "frob"}"#,
            vec![],
            "configuration validation from file failed: specified default runtime 'frob' does not exist",
        ),
        (
            r#"{"userns-remap": "default"}"#,
            vec![],
            "userns-remap (default) is not supported by Corten",
        ),
        (
            "{}",
            vec!["--selinux-enabled"],
            "selinux-enabled (true) is not supported by Corten",
        ),
        (
            "{}",
            vec!["--rootless"],
            "rootless (true) is not supported by Corten",
        ),
        (
            "{}",
            vec!["-s", "devicemapper"],
            "the storage driver devicemapper is not supported by Corten",
        ),
        ("{}", vec!["-H", "tcp://127.0.0.1:1"], "--tls=false"),
        (
            r#"{"default-network-opts": {"bridge": {"a": 1}}}"#,
            vec![],
            "cannot unmarshal number into Go struct field Config.default-network-opts",
        ),
        ("{}", vec!["--log-level", "x"], "invalid logging level: x"),
        (
            r#"{"host-gateway-ips": ["10.0.0.1", "fd00::1", "10.0.0.2"]}"#,
            vec![],
            "only one IPv4 host gateway IP address can be specified",
        ),
        (
            "{}",
            vec!["--host-gateway-ip", "fd00::1", "--host-gateway-ip", "fd00::2"],
            "only one IPv6 host gateway IP address can be specified",
        ),
    ] {
        let finished = validate(config, &flags);
        finished.fails(1);
        finished.says(&[sentence]);
    }
    assert_eq!(
        validate(r#"{"debug": true}"#, &["--mtu", "1400"]).ok(),
        "configuration OK"
    );
    let unknown = validate("{}", &["--frob"]);
    unknown.fails(125);
    unknown.says(&["unknown flag: --frob\nSee '"]);
}

#[test]
fn the_log_can_be_json_and_metrics_can_be_had() {
    corten_only!();
    let slot = corten_testkit::Slot::take();
    let address = format!("127.0.0.1:{}", slot.port(3));
    let daemon = daemon("{}", &["--log-format", "json", "--metrics-addr", &address]);
    for line in daemon.log().lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["msg"].is_string() && line["level"].is_string() && line["time"].is_string());
    }
    daemon.corten(&["create", BB, "true"]).ok();
    let metrics = corten_testkit::http::get(&address, "/metrics").unwrap().text();
    assert!(
        metrics.contains("engine_daemon_container_states_containers{state=\"stopped\"} 1"),
        "{metrics}"
    );
}
