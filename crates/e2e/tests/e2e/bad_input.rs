//! Requests no sensible client sends: Docker's status code, Docker's sentence, no trace, and an engine that works on.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use corten_testkit::Engine;
use serde_json::{Value, json};

use crate::cleanliness::{at_rest, comes_back_to};
use crate::{BB, SOON, corten_only, engine, idle};

/// Asks to create a container; gives status and sentence.
fn create(engine: &Engine, query: &str, body: &Value) -> (u16, String) {
    let answer = engine.api(
        "POST",
        &format!("/v1.41/containers/create{query}"),
        &body.to_string(),
    );
    let text = if answer.status == 201 {
        String::new()
    } else {
        answer.message()
    };
    (answer.status, text)
}

fn with_host(host: Value) -> Value {
    json!({ "Image": BB, "Cmd": ["true"], "HostConfig": host })
}

#[test]
fn documents_that_are_none_are_named_as_such() {
    corten_only!();
    let engine = engine();
    let before = at_rest(&engine);
    let deep = |count: usize| format!("{{\"x\":{}{}}}", "[".repeat(count), "]".repeat(count));
    let cases = [
        ("{\"Image\":".to_owned(), "invalid JSON: unexpected EOF"),
        (String::new(), "invalid JSON: got EOF while reading request body"),
        (
            "[1]".into(),
            "invalid JSON: json: cannot unmarshal array into Go value of type",
        ),
        (
            "{\"Image\":7}".into(),
            "invalid JSON: json: cannot unmarshal number",
        ),
        (
            "{\"HostConfig\":{\"Memory\":\"much\"}}".into(),
            "cannot unmarshal string into Go struct field",
        ),
        (
            "{\"HostConfig\":{\"Memory\":1.5}}".into(),
            "cannot unmarshal number 1.5 into Go struct field",
        ),
        (
            "{\"HostConfig\":{\"Memory\":99999999999999999999}}".into(),
            "of type int64",
        ),
        (
            "{\"HostConfig\":{\"BlkioWeight\":70000}}".into(),
            "of type uint16",
        ),
        (
            deep(50_000),
            "invalid JSON: invalid character '[' exceeded max depth",
        ),
        (
            "null".into(),
            "config cannot be empty in order to create a container",
        ),
        (
            "{}".into(),
            "config cannot be empty in order to create a container",
        ),
    ];
    for (body, sentence) in cases {
        let answer = engine.api("POST", "/v1.41/containers/create", &body);
        let start = &body[..body.len().min(60)];
        assert_eq!(answer.status, 400, "{start}: {}", answer.text());
        assert!(answer.message().contains(sentence), "{start}: {}", answer.text());
    }
    comes_back_to(&engine, &before);
    // What is unknown is no mistake, and case makes no difference: so Go reads.
    let body = json!({ "image": BB, "CMD": ["true"], "Frobnicate": { "a": [1] }, "hostconfig": { "memory": 8 << 20 } });
    assert_eq!(create(&engine, "?name=odd", &body), (201, String::new()));
    assert_eq!(crate::inspect(&engine, "odd")["HostConfig"]["Memory"], 8 << 20);
}

#[test]
fn names_that_cannot_be_are_refused() {
    let engine = engine();
    let body = json!({ "Image": BB, "Cmd": ["true"] });
    let names = [
        ("a%20b", "a b"),
        ("%2F", "/"),
        ("..%2Fx", "../x"),
        ("%C3%BC1", "ü1"),
        ("a", "a"),
        ("-a", "-a"),
        ("%2F%2Fx1", "//x1"),
        ("x%0Ay", "x\ny"),
        (".hidden", ".hidden"),
        ("%3Cscript%3E", "<script>"),
    ];
    for (encoded, name) in names {
        let sentence = format!("Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
        assert_eq!(
            create(&engine, &format!("?name={encoded}"), &body),
            (400, sentence)
        );
    }
    assert_eq!(create(&engine, "?name=/fine", &body).0, 201);
    assert_eq!(
        create(&engine, &format!("?name={}", "a".repeat(3000)), &body).0,
        201
    );
    assert_eq!(engine.ok(&["ps", "-aq"]).lines().count(), 2);
    for id in ["%00", "a%20b", "..%2F..%2Fetc", &"f".repeat(3000)] {
        let answer = engine.api("GET", &format!("/v1.41/containers/{id}/json"), "");
        assert_eq!(answer.status, 404, "{id}");
        assert!(answer.message().starts_with("No such container: "), "{id}");
    }
}

#[test]
fn options_that_make_no_sense_are_refused_before_anything_is_made() {
    corten_only!();
    let engine = engine();
    create(&engine, "?name=warm", &with_host(json!({})));
    engine.ok(&["rm", "warm"]);
    let before = at_rest(&engine);
    let cpus = std::thread::available_parallelism().unwrap().get();
    let dev = |key: &str, value: &str| {
        let mut device =
            json!({ "PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm" });
        device[key] = value.into();
        json!({ "Devices": [device] })
    };
    let too_many =
        format!("range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs available");
    let cases = [
        (
            json!({ "Memory": 1 << 20 }),
            "Minimum memory limit allowed is 6MB",
        ),
        (json!({ "Memory": -1 }), "Minimum memory limit allowed is 6MB"),
        (
            json!({ "Memory": 8 << 20, "MemorySwap": 7 << 20 }),
            "Minimum memoryswap limit should be larger than memory limit, see usage",
        ),
        (
            json!({ "MemorySwap": 7 << 20 }),
            "You should always set the Memory limit when using Memoryswap limit, see usage",
        ),
        (
            json!({ "MemoryReservation": 1 }),
            "Minimum memory reservation allowed is 6MB",
        ),
        (
            json!({ "Memory": 8 << 20, "MemoryReservation": 9 << 20 }),
            "Minimum memory limit can not be less than memory reservation limit, see usage",
        ),
        (
            json!({ "MemorySwappiness": 200 }),
            "Invalid value: 200, valid memory swappiness range is 0-100",
        ),
        (json!({ "NanoCpus": 9_000_000_000_000_i64 }), &too_many),
        (json!({ "NanoCpus": -1 }), &too_many),
        (
            json!({ "NanoCpus": 1_000_000_000, "CpuQuota": 5000 }),
            "Conflicting options: Nano CPUs and CPU Quota cannot both be set",
        ),
        (
            json!({ "CpuPeriod": 1 }),
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
        ),
        (
            json!({ "CpuQuota": 1 }),
            "CPU cfs quota can not be less than 1ms (i.e. 1000)",
        ),
        (
            json!({ "CpusetCpus": "8000" }),
            "Requested CPUs are not available - requested 8000, available: ",
        ),
        (
            json!({ "CpusetCpus": "abc" }),
            "Invalid value abc for cpuset cpus: invalid format: abc",
        ),
        (
            json!({ "CpusetCpus": "1-0" }),
            "Invalid value 1-0 for cpuset cpus: invalid format: 1-0",
        ),
        (
            json!({ "CpusetMems": "800" }),
            "Requested memory nodes are not available - requested 800, available: ",
        ),
        (
            json!({ "CpusetMems": "x" }),
            "Invalid value x for cpuset mems: invalid format: x",
        ),
        (
            json!({ "OomScoreAdj": 2000 }),
            "Invalid value 2000, range for oom score adj is [-1000, 1000]",
        ),
        (json!({ "ShmSize": -1 }), "SHM size can not be less than 0"),
        (
            json!({ "Ulimits": [{ "Name": "frob", "Soft": 1, "Hard": 1 }] }),
            "invalid ulimit type: frob",
        ),
        (
            json!({ "Ulimits": [{ "Name": "nofile", "Soft": 2, "Hard": 1 }] }),
            "ulimit soft limit must be less than or equal to hard limit: 2 > 1",
        ),
        (
            json!({ "Sysctls": { "vm.swappiness": "1" } }),
            "sysctl \"vm.swappiness\" is not in a separate kernel namespace",
        ),
        (
            json!({ "Sysctls": { "net/../vm/swappiness": "1" } }),
            "sysctl \"net/../vm/swappiness\" is not in a separate kernel namespace",
        ),
        (
            json!({ "Sysctls": { "kernel.hostname": "x" } }),
            "sysctl \"kernel.hostname\" is not allowed as it conflicts with the OCI \"hostname\" field",
        ),
        (
            json!({ "Sysctls": { "net.core.somaxconn": "1" }, "NetworkMode": "host" }),
            "sysctl \"net.core.somaxconn\" not allowed in host network namespace",
        ),
        (
            json!({ "Sysctls": { "kernel.msgmax": "1" }, "IpcMode": "host" }),
            "sysctl \"kernel.msgmax\" is not allowed in the hosts ipc namespace",
        ),
        (dev("CgroupPermissions", "q"), "bad mode specified: q"),
        (
            json!({ "DeviceCgroupRules": ["frob"] }),
            "invalid device cgroup rule format: 'frob'",
        ),
        (
            json!({ "Tmpfs": { "/t": "frob" } }),
            "invalid tmpfs option [\"frob\"]",
        ),
        (
            json!({ "Tmpfs": { "/t": "size=much" } }),
            "invalid tmpfs option [\"size\" \"much\"]",
        ),
        (
            json!({ "Tmpfs": { "t": "" } }),
            "invalid mount path: 't' mount path must be absolute",
        ),
        (
            json!({ "Tmpfs": { "/t/../..": "" } }),
            "invalid specification: destination can't be '/'",
        ),
        (
            json!({ "Dns": ["frob"] }),
            "invalid IP address in DNS server: frob",
        ),
        (
            json!({ "ExtraHosts": ["frob"] }),
            "bad format for add-host: \"frob\"",
        ),
        (
            json!({ "ExtraHosts": ["a:frob"] }),
            "invalid IP address in add-host: \"frob\"",
        ),
        (
            json!({ "ExtraHosts": [":1.2.3.4"] }),
            "bad format for add-host: \":1.2.3.4\"",
        ),
        (
            json!({ "PortBindings": { "80/tcp": [{ "HostPort": "99999" }] } }),
            "invalid port specification: \"99999\"",
        ),
        (
            json!({ "PortBindings": { "frob": [{}] } }),
            "invalid port specification: \"frob\"",
        ),
        (
            json!({ "NetworkMode": "container:nosuch" }),
            "No such container: nosuch",
        ),
        (
            json!({ "PidMode": "container:nosuch" }),
            "No such container: nosuch",
        ),
        (json!({ "PidMode": "frob" }), "invalid PID mode: frob"),
        (
            json!({ "CgroupnsMode": "frob" }),
            "invalid cgroup namespace mode: frob",
        ),
        (
            json!({ "CapAdd": ["FROB"] }),
            "invalid CapAdd: unknown capability: \"CAP_FROB\"",
        ),
        (
            json!({ "SecurityOpt": ["frob"] }),
            "invalid --security-opt 1: \"frob\"",
        ),
        (
            json!({ "SecurityOpt": ["frob=x"] }),
            "invalid --security-opt 2: \"frob=x\"",
        ),
        (
            json!({ "Runtime": "frob" }),
            "unknown or invalid runtime name: frob",
        ),
        (
            json!({ "Isolation": "frob" }),
            "invalid isolation (frob): linux only supports 'default'",
        ),
        (
            json!({ "Binds": ["a b:/x"] }),
            "\"a b\" includes invalid characters for a local volume name",
        ),
        (
            json!({ "Binds": ["v1:/x", "v2:/x"] }),
            "Duplicate mount point: /x",
        ),
        (
            json!({ "Binds": ["v1:relative"] }),
            "invalid volume specification: 'v1:relative'",
        ),
        (json!({ "VolumesFrom": ["nosuch"] }), "No such container: nosuch"),
        (
            json!({ "Binds": ["made:/x", "a b:/y"] }),
            "includes invalid characters for a local volume name",
        ),
    ];
    for (host, sentence) in cases {
        let (status, said) = create(&engine, "", &with_host(host.clone()));
        assert_eq!(status, 400, "{host}: {said}");
        assert!(said.contains(sentence), "{host}: {said}");
    }
    let own = [
        (
            json!({ "WorkingDir": "x" }),
            "the working directory 'x' is invalid, it needs to be an absolute path",
        ),
        (json!({ "Env": ["=x"] }), "invalid environment variable: =x"),
        (json!({ "Env": [""] }), "invalid environment variable: "),
        (json!({ "StopSignal": "FROB" }), "invalid signal: FROB"),
        (json!({ "MacAddress": "frob" }), "invalid MAC address: frob"),
        (
            json!({ "MacAddress": "01:00:5e:00:00:01" }),
            "invalid MAC address: 01:00:5e:00:00:01",
        ),
        (
            json!({ "MacAddress": "02:42:ac:11:00:02", "HostConfig": { "NetworkMode": "host" } }),
            "conflicting options: mac-address and the network mode",
        ),
        (json!({ "Volumes": { "x": {} } }), "mount path must be absolute"),
    ];
    for (mut body, sentence) in own {
        body["Image"] = BB.into();
        let (status, said) = create(&engine, "", &body);
        assert_eq!(status, 400, "{body}: {said}");
        assert!(said.contains(sentence), "{body}: {said}");
    }
    comes_back_to(&engine, &before);
    assert_eq!(
        engine.ok(&["volume", "ls", "-q"]),
        "",
        "volumes made before the mistake are taken back"
    );
}

#[test]
fn what_only_a_start_can_tell_leaves_a_container_that_can_be_removed() {
    corten_only!();
    let engine = engine();
    engine.ok(&["run", "--rm", BB, "true"]);
    let before = at_rest(&engine);
    let cases = [
        (
            json!({ "User": "nosuch" }),
            "unable to find user nosuch: no matching entries in passwd file",
        ),
        (
            json!({ "User": "-1" }),
            "uids and gids must be in range 0-2147483647",
        ),
        (
            json!({ "User": "99999999999" }),
            "uids and gids must be in range 0-2147483647",
        ),
        (
            json!({ "Cmd": ["nosuch"] }),
            "exec: \"nosuch\": executable file not found in $PATH",
        ),
        (json!({ "Cmd": ["a\0"] }), "executable file not found in $PATH"),
        (json!({ "WorkingDir": "/etc/passwd" }), "not a directory"),
        (
            json!({ "HostConfig": { "Sysctls": { "net.frob": "1" } } }),
            "open /proc/sys/net/frob: no such file or directory",
        ),
        (
            json!({ "HostConfig": { "Devices": [{ "PathOnHost": "/dev/nosuch" }] } }),
            "error gathering device information while adding custom device \"/dev/nosuch\": no such file or directory",
        ),
        (
            json!({ "HostConfig": { "Tmpfs": { "/proc": "" } } }),
            "cannot be mounted because it is inside /proc",
        ),
        (
            json!({ "HostConfig": { "PortBindings": { "80/tcp": [{ "HostIp": "192.0.2.1", "HostPort": "28182" }] } } }),
            "cannot assign requested address",
        ),
    ];
    for (mut body, sentence) in cases {
        body["Image"] = BB.into();
        if body["Cmd"].is_null() {
            body["Cmd"] = json!(["true"]);
        }
        assert_eq!(create(&engine, "?name=box", &body).0, 201, "{body}");
        let answer = engine.api("POST", "/v1.41/containers/box/start", "");
        assert!(matches!(answer.status, 400 | 500), "{body}: {answer:?}");
        assert!(
            answer.message().contains(sentence),
            "{body}: {}",
            answer.message()
        );
        assert_eq!(
            crate::inspect(&engine, "box")["State"]["Status"],
            "created",
            "{body}"
        );
        engine.ok(&["rm", "box"]);
    }
    comes_back_to(&engine, &before);
}

#[test]
fn parameters_that_are_no_numbers_are_refused() {
    corten_only!();
    let engine = engine();
    idle(&engine, "box", &[]);
    let cases = [
        (
            "POST",
            "/containers/box/stop?t=x",
            "strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        ("POST", "/containers/box/kill?signal=FROB", "invalid signal: FROB"),
        ("POST", "/containers/box/kill?signal=65", "invalid signal: 65"),
        ("POST", "/containers/box/kill?signal=-1", "invalid signal: -1"),
        (
            "POST",
            "/containers/box/resize?h=x&w=1",
            "invalid resize height \"x\"",
        ),
        (
            "POST",
            "/containers/box/resize?h=99999999999&w=1",
            "invalid resize height \"99999999999\"",
        ),
        (
            "POST",
            "/containers/box/rename",
            "Neither old nor new names may be empty",
        ),
        (
            "POST",
            "/containers/box/rename?name=a%20b",
            "Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
        ),
        (
            "POST",
            "/containers/box/wait?condition=frob",
            "invalid condition: \"frob\"",
        ),
        (
            "POST",
            "/containers/box/attach?stream=1&detachKeys=frob-x",
            "Invalid detach keys (frob-x) provided",
        ),
        (
            "GET",
            "/containers/box/logs",
            "Bad parameters: you must choose at least one stream",
        ),
        (
            "GET",
            "/containers/box/logs?stdout=1&since=x",
            "strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        (
            "GET",
            "/containers/json?limit=x",
            "strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        ("GET", "/containers/json?filters=x", "invalid filter"),
        (
            "GET",
            "/events?since=10&until=5",
            "`since` time (10) cannot be after `until` time (5)",
        ),
        (
            "GET",
            "/images/UPPER/json",
            "invalid reference format: repository name (library/UPPER) must be lowercase",
        ),
        (
            "POST",
            "/images/test%2Fbusybox:1/tag?repo=x&tag=-",
            "invalid reference format",
        ),
    ];
    for (method, path, sentence) in cases {
        let answer = engine.api(method, &format!("/v1.41{path}"), "");
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        assert!(answer.message().contains(sentence), "{path}: {}", answer.text());
    }
    assert_eq!(crate::inspect(&engine, "box")["State"]["Running"], true);
}

/// Says something on a connection and reads what comes back until the end or for a while.
fn say(engine: &Engine, parts: &[&[u8]]) -> String {
    let mut stream = UnixStream::connect(engine.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    for part in parts {
        // The engine may have had enough already.
        if stream.write_all(part).is_err() {
            break;
        }
    }
    let mut answer = [0; 4096];
    let length = stream.read(&mut answer).unwrap_or(0);
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[test]
fn requests_that_are_no_http_harm_nobody() {
    let engine = engine();
    let long = vec![b'a'; 4 << 20];
    let head = b"GET /_ping HTTP/1.1\r\nHost: x\r\n".as_slice();
    let many: Vec<u8> = (0..5000)
        .flat_map(|n| format!("X-H{n}: y\r\n").into_bytes())
        .collect();
    let refused = |answer: &str| answer.is_empty() || answer.starts_with("HTTP/1.1 4");
    for parts in [
        &[head, b"X-Long: ", &long, b"\r\n\r\n"][..],
        &[b"GET /", &long, b" HTTP/1.1\r\nHost: x\r\n\r\n"],
        &[head, &many, b"\r\n"],
        &[b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
        &[b"\0\0\0\0\r\n\r\n"],
        &[b"GET /_ping HTTP/9.9\r\n\r\n"],
        &[b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n"],
        &[b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n"],
        &[b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"],
    ] {
        let answer = say(&engine, parts);
        assert!(refused(&answer), "{answer}");
        assert_eq!(engine.api("GET", "/_ping", "").text(), "OK");
    }
    // A body that is promised and never comes holds up nobody but its sender.
    let slow = |_| {
        let mut stream = UnixStream::connect(engine.socket()).unwrap();
        let head = "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{";
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let slow: Vec<UnixStream> = (0..200).map(slow).collect();
    assert_eq!(engine.ok(&["run", "--rm", BB, "echo", "fine"]), "fine");
    drop(slow);
    assert_eq!(engine.ok(&["ps", "-aq"]), "");
}

#[test]
fn a_huge_document_does_not_fill_the_daemons_memory() {
    corten_only!();
    let engine = engine();
    let resident = || corten_testkit::proc::memory(engine.pid()).unwrap().private;
    engine.ok(&["run", "--rm", BB, "true"]);
    let before = resident();
    let body = format!(
        "{{\"Image\":\"{BB}\",\"Labels\":{{\"a\":\"{}\"}}}}",
        "x".repeat(64 << 20)
    );
    for _ in 0..3 {
        let answer = corten_testkit::http::try_unix(
            engine.socket(),
            "POST",
            "/v1.41/containers/create",
            body.as_bytes(),
        );
        // Refused with a word, or cut off while it was still talking.
        if let Ok(answer) = answer {
            assert!(matches!(answer.status, 400 | 413), "{answer:?}");
        }
    }
    corten_testkit::until("the memory is given back", SOON, || {
        resident() < before + (32 << 20)
    });
    assert_eq!(engine.ok(&["ps", "-aq"]), "");
}

#[test]
fn texts_no_process_could_be_given_are_refused_before_anything_is_made() {
    corten_only!();
    let engine = engine();
    let before = at_rest(&engine);
    let cases = [
        (
            json!({ "Hostname": "h".repeat(65) }),
            "invalid hostname: longer than 64 bytes",
        ),
        (
            json!({ "Domainname": "d".repeat(65) }),
            "invalid domain name: longer than 64 bytes",
        ),
        (
            json!({ "Hostname": "a\u{0}b" }),
            "invalid hostname: \"a\\0b\" contains a NUL byte",
        ),
        (
            json!({ "Env": ["A=b\u{0}c"] }),
            "invalid environment variable: \"A=b\\0c\" contains a NUL byte",
        ),
        (
            json!({ "Cmd": ["true", "b\u{0}"] }),
            "invalid command: \"b\\0\" contains a NUL byte",
        ),
        (
            json!({ "User": "a\u{0}" }),
            "invalid user: \"a\\0\" contains a NUL byte",
        ),
        (
            json!({ "WorkingDir": "/a\u{0}" }),
            "invalid working directory: \"/a\\0\" contains a NUL byte",
        ),
        (
            json!({ "HostConfig": { "Binds": ["/tmp:/a\u{0}b"] } }),
            "invalid mount: \"/a\\0b\" contains a NUL byte",
        ),
    ];
    for (case, sentence) in cases {
        let mut body = json!({ "Image": BB, "Cmd": ["true"] });
        for (key, value) in case.as_object().unwrap() {
            body[key] = value.clone();
        }
        assert_eq!(create(&engine, "?name=box", &body), (400, sentence.to_owned()));
    }
    comes_back_to(&engine, &before);
    // At the limit, and where a text is only kept: as the reference takes them.
    let body = json!({ "Image": BB, "Cmd": ["hostname"], "Hostname": "h".repeat(64), "Labels": { "a\u{0}": "b\u{0}" } });
    assert_eq!(create(&engine, "?name=box", &body).0, 201);
    assert_eq!(engine.ok(&["start", "-a", "box"]), "h".repeat(64));
    // A directory that is a file is known when the container starts.
    let body = json!({ "Image": BB, "Cmd": ["true"], "WorkingDir": "/etc/passwd" });
    assert_eq!(create(&engine, "?name=astray", &body).0, 201);
    let answer = engine.api("POST", "/v1.41/containers/astray/start", "");
    assert!(
        answer.status == 400 && answer.message().contains("/etc/passwd: not a directory"),
        "{}",
        answer.text()
    );
}

#[test]
fn a_name_of_several_lines_forges_none_in_hosts_or_resolv_conf() {
    corten_only!();
    let engine = engine();
    let before = at_rest(&engine);
    let forged = "a\n6.6.6.6 elsewhere";
    let said = r#""a\n6.6.6.6 elsewhere""#;
    for (case, sentence) in [
        (
            json!({ "Hostname": forged }),
            format!("invalid hostname: {said} contains a control character"),
        ),
        (
            json!({ "Domainname": forged }),
            format!("invalid domain name: {said} contains a control character"),
        ),
        (
            with_host(json!({ "ExtraHosts": [format!("{forged}:1.2.3.4")] })),
            format!(
                "invalid add-host: {} contains a control character",
                said.replace("where", "where:1.2.3.4")
            ),
        ),
        (
            with_host(json!({ "DnsSearch": ["fine", forged] })),
            format!("invalid DNS search domain: {said} contains a control character"),
        ),
        (
            with_host(json!({ "DnsOptions": [forged] })),
            format!("invalid DNS option: {said} contains a control character"),
        ),
        (
            with_host(json!({ "Dns": ["1.1.1.1\nnameserver 6.6.6.6"] })),
            "invalid IP address in DNS server: 1.1.1.1\nnameserver 6.6.6.6".to_owned(),
        ),
        (
            with_host(json!({ "ExtraHosts": ["a:1.2.3.4\n6.6.6.6 b"] })),
            "invalid IP address in add-host: \"1.2.3.4\n6.6.6.6 b\"".to_owned(),
        ),
        (
            with_host(json!({ "Links": [format!("box:{forged}")] })),
            r"invalid format for links: box:a\n6.6.6.6 elsewhere".to_owned(),
        ),
    ] {
        let mut body = json!({ "Image": BB, "Cmd": ["true"] });
        for (key, value) in case.as_object().unwrap() {
            body[key] = value.clone();
        }
        assert_eq!(create(&engine, "?name=box", &body), (400, sentence));
    }
    comes_back_to(&engine, &before);
}
