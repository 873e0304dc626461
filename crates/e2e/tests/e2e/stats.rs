//! `stats`: samples of what containers use, as JSON and as a table that goes on.

use std::time::Duration;

use corten_testkit::{Engine, until};
use serde_json::Value;

use crate::{BB, SOON, engine, idle};

/// One sample, without waiting for a second one to compare with.
fn sample(engine: &Engine, name: &str) -> Value {
    let path = format!("/v1.41/containers/{name}/stats?stream=0&one-shot=1");
    let answer = engine.api("GET", &path, "");
    assert_eq!(answer.status, 200);
    serde_json::from_str(&answer.text()).unwrap()
}

#[test]
fn a_sample_tells_all() {
    let engine = engine();
    let id = engine.ok(&[
        "run",
        "-d",
        "--name",
        "box",
        "-m",
        "64m",
        "--pids-limit",
        "32",
        BB,
        "sh",
        "-c",
        "while :; do :; done",
    ]);
    until("it has used time", SOON, || {
        sample(&engine, "box")["cpu_stats"]["cpu_usage"]["total_usage"]
            .as_u64()
            .unwrap()
            > 50_000_000
    });
    let path = "/containers/box/stats?stream=false";
    let one: Value = serde_json::from_str(&engine.api("GET", path, "").text()).unwrap();
    assert_eq!(
        (one["id"].as_str(), one["name"].as_str()),
        (Some(id.as_str()), Some("/box"))
    );
    let number = |path: &str| {
        one.pointer(path)
            .and_then(Value::as_u64)
            .unwrap_or_else(|| panic!("no {path} in {one}"))
    };
    let used = number("/cpu_stats/cpu_usage/total_usage");
    let before = number("/precpu_stats/cpu_usage/total_usage");
    assert!(used > before && before > 0, "a sample with one before it: {one}");
    assert!(number("/cpu_stats/system_cpu_usage") > number("/precpu_stats/system_cpu_usage"));
    assert!(number("/cpu_stats/online_cpus") > 0);
    assert_eq!(number("/memory_stats/limit"), 64 << 20);
    assert!(number("/memory_stats/usage") > 0 && one["memory_stats"]["stats"].is_object());
    assert_eq!(
        (number("/pids_stats/current"), number("/pids_stats/limit")),
        (1, 32)
    );
    assert!(one["networks"]["eth0"]["rx_bytes"].is_u64(), "{one}");
    assert!(one["networks"].get("lo").is_none());
    assert!(one["blkio_stats"].get("io_service_bytes_recursive").is_some());
    assert_ne!(one["preread"], "0001-01-01T00:00:00Z");
}

#[test]
fn networks_are_those_the_container_is_in() {
    let engine = engine();
    idle(&engine, "host", &["--network", "host"]);
    idle(&engine, "none", &["--network", "none"]);
    idle(&engine, "own", &[]);
    idle(&engine, "joined", &["--network", "container:own"]);
    assert!(
        sample(&engine, "host")
            .get("networks")
            .is_none_or(|n| n == &serde_json::json!({}))
    );
    assert!(
        sample(&engine, "none")
            .get("networks")
            .is_none_or(|n| n == &serde_json::json!({}))
    );
    assert!(sample(&engine, "joined")["networks"]["eth0"].is_object());
}

#[test]
fn those_that_do_not_run_have_a_name_only() {
    let engine = engine();
    let id = engine.ok(&["create", "--name", "box", BB, "true"]);
    let one = sample(&engine, "box");
    assert_eq!(
        (one["id"].as_str(), one["name"].as_str()),
        (Some(id.as_str()), Some("/box"))
    );
    assert_eq!(one["read"], "0001-01-01T00:00:00Z");
    assert_eq!(one["memory_stats"], serde_json::json!({}));
    let table = engine.ok(&["stats", "--no-stream", "-a"]);
    assert!(table.contains("0B / 0B"), "{table}");
    assert_eq!(
        engine.ok(&["stats", "--no-stream"]).lines().count(),
        1,
        "without -a only those that run"
    );
    assert_eq!(
        engine.api("GET", "/containers/nobody/stats?stream=0", "").status,
        404
    );
    assert_eq!(
        engine
            .api("GET", "/v1.41/containers/box/stats?stream=1&one-shot=1", "")
            .status,
        400
    );
    let done = engine.run(&["stats", "--no-stream", "nobody"]);
    done.fails(1);
    done.says(&["No such container: nobody"]);
    let done = engine.run(&["stats", "--no-stream", "nobody", "neither"]);
    done.fails(1);
    done.says(&["No such container: nobody\nError response from daemon: No such container: neither"]);
}

#[test]
fn the_table_is_dockers() {
    let engine = engine();
    let id = idle(&engine, "box", &["-m", "64m"]);
    let table = engine.ok(&["stats", "--no-stream"]);
    let mut lines = table.lines();
    let header = lines.next().unwrap();
    for title in [
        "CONTAINER ID",
        "NAME",
        "CPU %",
        "MEM USAGE / LIMIT",
        "MEM %",
        "NET I/O",
        "BLOCK I/O",
        "PIDS",
    ] {
        assert!(header.contains(title), "{header}");
    }
    let row = lines.next().unwrap();
    assert!(row.starts_with(&format!("{}   box ", &id[..12])), "{row}");
    assert!(row.contains(" / 64MiB "), "{row}");
    assert!(
        engine
            .ok(&["container", "stats", "--no-stream", "--no-trunc"])
            .contains(&id)
    );
    let format = "{{.Container}} {{.Name}} {{.PIDs}}";
    let line = engine.ok(&["stats", "--no-stream", "--format", format, "box"]);
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!((words[0], words[1]), ("box", "box"));
    assert!(words[2].parse::<u32>().unwrap() >= 1, "{line}");
    let json = engine.ok(&["stats", "--no-stream", "--format", "json"]);
    let one: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(one["Name"], "box");
}

#[test]
fn the_live_table_follows_containers() {
    let engine = engine();
    idle(&engine, "first", &[]);
    let live = engine.spawn(&["stats"]);
    live.expect_out("first", SOON);
    let frame = || live.out().rsplit("\x1b[H").next().unwrap_or_default().to_owned();
    let last = || {
        // The frame before the one being written is whole.
        let all = live.out();
        let frames: Vec<&str> = all.split("\x1b[H").collect();
        frames
            .get(frames.len().saturating_sub(2))
            .copied()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(
        live.out().starts_with("\x1b[H"),
        "the cursor goes to the corner: {:?}",
        frame()
    );
    idle(&engine, "second", &[]);
    until("the new one appears", SOON, || last().contains("second"));
    engine.ok(&["rm", "-f", "first"]);
    until("the dead one goes", SOON, || {
        let last = last();
        !last.contains("first") && last.contains("second")
    });
}

#[test]
fn the_stream_ends_with_the_container() {
    let engine = engine();
    idle(&engine, "box", &["--rm"]);
    let socket = engine.socket().to_owned();
    let reader = std::thread::spawn(move || {
        corten_testkit::http::unix(&socket, "GET", "/containers/box/stats", b"").text()
    });
    // Samples come once a second: long enough for two, which the reader shows only when the stream has ended.
    std::thread::sleep(Duration::from_millis(2500));
    engine.ok(&["rm", "-f", "box"]);
    let text = reader.join().unwrap();
    let samples: Vec<Value> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(samples.len() >= 2, "{} samples", samples.len());
    assert_eq!(samples[1]["preread"], samples[0]["read"]);
}
