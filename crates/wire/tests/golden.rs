//! What the types serialize to, byte for byte. The request in `golden/` was recorded from the `docker` command line 28.2,
//! which prints Go's structures; the answers are spelt out after the published structures.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use corten_wire::*;
use serde::Serialize;

fn assert_json<T: Serialize>(value: &T, expected: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), expected);
}

#[test]
fn a_recorded_create_request_survives_reading_and_writing() {
    let recorded = include_str!("golden/create_request.json").trim_end();
    let request = ContainerCreateRequest::from_json(recorded.as_bytes()).unwrap();
    assert_json(&request, recorded);
    let host = request.host_config.unwrap();
    assert_eq!(
        (host.memory, host.nano_cpus, host.memory_swappiness),
        (64 << 20, 1_500_000_000, Some(-1))
    );
    assert_eq!(
        host.device_requests.unwrap()[0].capabilities,
        Some(vec![vec!["gpu".to_owned()]])
    );
    assert_eq!(request.config.healthcheck.unwrap().interval, 5_000_000_000);
}

#[test]
fn create_requests_read_keys_in_any_case() {
    let request = ContainerCreateRequest::from_json(
        br#"{"image":"i","hostconfig":{"AUTOREMOVE":true},"NetworkingConfig":null}"#,
    )
    .unwrap();
    assert_eq!(request.config.image, "i");
    assert!(request.host_config.unwrap().auto_remove && request.networking_config.is_none());
}

#[test]
fn an_empty_container_prints_gos_zero_values() {
    assert_json(
        &ContainerConfig::default(),
        r#"{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","Volumes":null,"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":null}"#,
    );
    assert_json(
        &ContainerState::default(),
        r#"{"Status":"","Running":false,"Paused":false,"Restarting":false,"OOMKilled":false,"Dead":false,"Pid":0,"ExitCode":0,"Error":"","StartedAt":"0001-01-01T00:00:00Z","FinishedAt":"0001-01-01T00:00:00Z"}"#,
    );
    assert_json(
        &NetworkSettings::default(),
        r#"{"Bridge":"","SandboxID":"","SandboxKey":"","Ports":null,"HairpinMode":false,"LinkLocalIPv6Address":"","LinkLocalIPv6PrefixLen":0,"SecondaryIPAddresses":null,"SecondaryIPv6Addresses":null,"EndpointID":"","Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"","MacAddress":"","Networks":{}}"#,
    );
}

#[test]
fn inspect_has_dockers_keys_in_order() {
    let text = serde_json::to_string(&ContainerInspect::default()).unwrap();
    let mut rest = text.as_str();
    for key in [
        "Id",
        "Created",
        "Path",
        "Args",
        "State",
        "Image",
        "ResolvConfPath",
        "HostnamePath",
        "HostsPath",
        "LogPath",
        "Name",
        "RestartCount",
        "Driver",
        "Platform",
        "MountLabel",
        "ProcessLabel",
        "AppArmorProfile",
        "ExecIDs",
        "HostConfig",
        "GraphDriver",
        "Mounts",
        "Config",
        "NetworkSettings",
    ] {
        let at = rest
            .find(&format!("\"{key}\":"))
            .unwrap_or_else(|| panic!("{key} in order in {text}"));
        rest = &rest[at + 1..];
    }
    assert!(!text.contains("SizeRw") && !text.contains("ImageManifestDescriptor"));
    assert_json(&DriverData::default(), r#"{"Data":null,"Name":""}"#);
}

#[test]
fn ports_and_mounts() {
    let ports = PortMap::from([
        (
            "80/tcp".to_owned(),
            Some(vec![PortBinding {
                host_ip: "0.0.0.0".into(),
                host_port: "8080".into(),
            }]),
        ),
        ("443/tcp".to_owned(), None),
    ]);
    assert_json(
        &ports,
        r#"{"443/tcp":null,"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}]}"#,
    );
    assert_json(
        &PortSummary {
            ip: "::".into(),
            private_port: 80,
            public_port: 8080,
            r#type: "tcp".into(),
        },
        r#"{"IP":"::","PrivatePort":80,"PublicPort":8080,"Type":"tcp"}"#,
    );
    assert_json(
        &MountPoint {
            r#type: "bind".into(),
            source: "/a".into(),
            destination: "/b".into(),
            rw: true,
            ..MountPoint::default()
        },
        r#"{"Type":"bind","Source":"/a","Destination":"/b","Mode":"","RW":true,"Propagation":""}"#,
    );
}

#[test]
fn lists() {
    assert_json(
        &ContainerSummary::default(),
        r#"{"Id":"","Names":[],"Image":"","ImageID":"","Command":"","Created":0,"Ports":[],"Labels":{},"State":"","Status":"","HostConfig":{},"NetworkSettings":{"Networks":{}},"Mounts":[]}"#,
    );
    assert_json(
        &ImageSummary::default(),
        r#"{"Containers":-1,"Created":0,"Id":"","Labels":null,"ParentId":"","RepoDigests":[],"RepoTags":[],"SharedSize":-1,"Size":0}"#,
    );
    assert_json(
        &HistoryItem::default(),
        r#"{"Comment":"","Created":0,"CreatedBy":"","Id":"","Size":0,"Tags":null}"#,
    );
    assert_json(
        &ImageDeleteItem {
            deleted: "x".into(),
            untagged: String::new(),
        },
        r#"{"Deleted":"x"}"#,
    );
    assert_json(&VolumeList::default(), r#"{"Volumes":[],"Warnings":null}"#);
}

#[test]
fn images() {
    let config = ImageConfig {
        env: vec!["A=1".into()],
        cmd: Some(vec!["sh".into()]),
        ..ImageConfig::default()
    };
    let image = ImageInspect {
        config,
        root_fs: RootFs {
            r#type: "layers".into(),
            layers: vec!["sha256:0".into()],
        },
        ..ImageInspect::default()
    };
    assert_json(
        &image,
        r#"{"Id":"","RepoTags":[],"RepoDigests":[],"Config":{"Env":["A=1"],"Cmd":["sh"]},"Architecture":"","Os":"","Size":0,"GraphDriver":{"Data":null,"Name":""},"RootFS":{"Type":"layers","Layers":["sha256:0"]},"Metadata":{"LastTagTime":"0001-01-01T00:00:00Z"}}"#,
    );
    let old = serde_json::to_string(&image.with_container_config()).unwrap();
    assert!(
        old.contains(r#""Config":{"Hostname":"","#) && old.contains(r#""Env":["A=1"],"Cmd":["sh"]"#),
        "{old}"
    );
}

#[test]
fn waiting_and_execs() {
    assert_json(
        &ContainerWaitResponse {
            error: None,
            status_code: 137,
        },
        r#"{"StatusCode":137}"#,
    );
    let failed = ContainerWaitResponse {
        error: Some(ContainerWaitError {
            message: "gone".into(),
        }),
        status_code: -1,
    };
    assert_json(&failed, r#"{"Error":{"Message":"gone"},"StatusCode":-1}"#);
    assert_json(
        &ExecInspect::default(),
        r#"{"ID":"","Running":false,"ExitCode":null,"ProcessConfig":{"tty":false,"entrypoint":"","arguments":[]},"OpenStdin":false,"OpenStderr":false,"OpenStdout":false,"CanRemove":false,"ContainerID":"","DetachKeys":"","Pid":0}"#,
    );
    assert_json(&IdResponse { id: "e".into() }, r#"{"Id":"e"}"#);
    assert_json(&ContainerCreateResponse::default(), r#"{"Id":"","Warnings":[]}"#);
}

#[test]
fn events() {
    let event = Event {
        r#type: "container".into(),
        action: "die".into(),
        actor: EventActor {
            id: "c".into(),
            attributes: [("image".into(), "i".into())].into(),
        },
        scope: "local".into(),
        time: 1,
        time_nano: 2,
        ..Event::default()
    };
    assert_json(
        &event,
        r#"{"Type":"container","Action":"die","Actor":{"ID":"c","Attributes":{"image":"i"}},"scope":"local","time":1,"timeNano":2}"#,
    );
    assert_json(
        &event.with_legacy_fields(),
        r#"{"status":"die","id":"c","from":"i","Type":"container","Action":"die","Actor":{"ID":"c","Attributes":{"image":"i"}},"scope":"local","time":1,"timeNano":2}"#,
    );
}

#[test]
fn progress() {
    let line = ProgressMessage {
        status: "Downloading".into(),
        progress_detail: Some(ProgressDetail {
            current: 1,
            total: 2,
            ..ProgressDetail::default()
        }),
        id: "abc".into(),
        ..ProgressMessage::default()
    };
    assert_json(
        &line,
        r#"{"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"abc"}"#,
    );
    assert_json(
        &ProgressMessage::failed("no"),
        r#"{"errorDetail":{"message":"no"},"error":"no"}"#,
    );
}

#[test]
fn the_engine() {
    assert_json(
        &SystemVersion {
            platform: PlatformName { name: "P".into() },
            version: "V".into(),
            min_api_version: "1.24".into(),
            ..SystemVersion::default()
        },
        r#"{"Platform":{"Name":"P"},"Version":"V","ApiVersion":"","MinAPIVersion":"1.24","GitCommit":"","GoVersion":"","Os":"","Arch":""}"#,
    );
    let info = serde_json::to_string(&SystemInfo::default()).unwrap();
    for part in [
        r#"{"ID":"","Containers":0,"#,
        r#""CpuCfsPeriod":false,"CpuCfsQuota":false,"CPUShares":false,"CPUSet":false,"#,
        r#""IPv4Forwarding":false,"Debug":false,"NFd":0,"OomKillDisable":false,"NGoroutines":0,"#,
        r#""NEventsListener":0,"KernelVersion":"","OperatingSystem":"","OSVersion":"","OSType":"","#,
        r#""RegistryConfig":null,"NCPU":0,"MemTotal":0,"GenericResources":null,"DockerRootDir":"","HttpProxy":"","#,
        r#""Swarm":{"NodeID":"","NodeAddr":"","LocalNodeState":"inactive","#,
        r#""CDISpecDirs":null,"Warnings":null}"#,
    ] {
        assert!(info.contains(part), "{part} in {info}");
    }
    assert_json(&ErrorResponse { message: "m".into() }, r#"{"message":"m"}"#);
}
