//! The API as a program that is no command line sees it: versions, status codes, sentences.

use corten_testkit::Engine;
use serde_json::json;

use crate::{BB, corten_only, engine, idle, own_words_only};

#[test]
fn ping_and_versions() {
    let engine = engine();
    let ping = engine.api("GET", "/_ping", "");
    assert_eq!((ping.status, ping.text().as_str()), (200, "OK"));
    let version = engine.api("GET", "/version", "").json();
    assert_eq!(ping.header("Api-Version"), version["ApiVersion"].as_str());
    assert_eq!(ping.header("Ostype"), Some("linux"));
    assert_eq!(engine.api("HEAD", "/_ping", "").status, 200);
    assert_eq!(
        engine.api("GET", "/v1.24/version", "").json()["ApiVersion"],
        version["ApiVersion"]
    );
    assert_eq!(version["Os"], "linux");
    let newer = engine.api("GET", "/v1.99/version", "");
    assert_eq!(newer.status, 400);
    let newest = version["ApiVersion"].as_str().unwrap();
    assert_eq!(
        newer.message(),
        format!("client version 1.99 is too new. Maximum supported API version is {newest}")
    );
    let older = engine.api("GET", "/v1.1/version", "");
    assert_eq!(older.status, 400);
    assert!(
        older
            .text()
            .contains("client version 1.1 is too old. Minimum supported API version is"),
        "{older:?}"
    );
}

/// The commit that the program was built from is told by the command line and by the engine.
#[test]
fn the_build_is_named() {
    own_words_only!();
    let engine = engine();
    let version = engine.api("GET", "/version", "").json();
    let commit = version["GitCommit"].as_str().unwrap();
    assert!(!commit.is_empty());
    assert_eq!(version["Components"][0]["Details"]["GitCommit"], commit);
    let both = [
        "version",
        "--format",
        "{{.Client.GitCommit}} {{.Server.GitCommit}}",
    ];
    assert_eq!(engine.run(&both).out().trim(), format!("{commit} {commit}"));
    for words in [&["--version"][..], &["daemon", "--version"]] {
        let told = engine.run(words);
        assert!(
            told.out().trim_end().ends_with(&format!(", build {commit}")),
            "{}",
            told.out()
        );
    }
    assert!(engine.run(&["help", "daemon"]).out().contains("--live-restore"));
    assert!(engine.run(&["help"]).out().contains("\n  daemon "));
}

#[test]
fn unknown_paths_are_not_found() {
    let engine = engine();
    let nowhere = engine.api("GET", "/v1.41/frobnicate", "");
    assert_eq!(
        (nowhere.status, nowhere.message().as_str()),
        (404, "page not found")
    );
    let nobody = engine.api("GET", "/v1.41/containers/nosuch/json", "");
    assert_eq!(
        (nobody.status, nobody.message().as_str()),
        (404, "No such container: nosuch")
    );
}

#[test]
fn malformed_requests_are_bad_requests() {
    let engine = engine();
    for body in [
        "{\"Image\":",
        "{]",
        "[1]",
        "\"text\"",
        "{\"Image\":7}",
        "{\"HostConfig\":{\"Memory\":\"much\"}}",
    ] {
        let answer = engine.api("POST", "/v1.41/containers/create", body);
        // The reference, an older release, blames itself for some.
        assert!(
            answer.status == 400 || Engine::is_reference() && answer.status == 500,
            "{body}: {answer:?}"
        );
        assert!(!answer.message().is_empty());
    }
    let empty = engine.api("POST", "/v1.41/containers/create", "");
    assert!(
        empty.status == 400 || Engine::is_reference() && empty.status == 500,
        "{empty:?}"
    );
    if !Engine::is_reference() {
        // The reference reads no further than the end of the first value.
        let trailing = engine.api(
            "POST",
            "/v1.41/containers/create",
            &format!("{{\"Image\":\"{BB}\"}} {{}}"),
        );
        assert_eq!(trailing.status, 400);
    }
    let nothing = engine.api("POST", "/v1.41/containers/create", "{}");
    assert_eq!(nothing.status, 400, "{nothing:?}");
    let filter = engine.api("GET", "/v1.41/containers/json?filters=%7B", "");
    assert!(matches!(filter.status, 400 | 500), "{filter:?}");
    let filter = engine.api(
        "GET",
        "/v1.41/containers/json?filters=%7B%22frob%22%3A%5B%22x%22%5D%7D",
        "",
    );
    assert_eq!(filter.status, 400, "{filter:?}");
    assert_eq!(
        engine.api("GET", "/v1.41/containers/json?all=1", "").json(),
        json!([])
    );
}

#[test]
fn a_life_in_status_codes() {
    let engine = engine();
    let body = json!({ "Image": BB, "Cmd": ["sh", "-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done"] })
        .to_string();
    let created = engine.api("POST", "/v1.41/containers/create?name=life", &body);
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.json()["Warnings"], json!([]));
    let of = |method: &str, path: &str| {
        engine
            .api(method, &format!("/v1.41/containers/life{path}"), "")
            .status
    };
    assert_eq!(of("POST", "/kill"), 409, "it does not run yet");
    assert_eq!(of("POST", "/start"), 204);
    assert_eq!(of("POST", "/start"), 304);
    corten_testkit::until("it listens to signals", crate::SOON, || {
        engine.ok(&["logs", "life"]) == "up"
    });
    assert_eq!(of("DELETE", ""), 409);
    assert_eq!(of("POST", "/kill?signal=NOSUCH"), 400);
    assert_eq!(of("POST", "/stop?t=20"), 204);
    assert_eq!(of("POST", "/stop"), 304);
    let waited = engine.api("POST", "/v1.41/containers/life/wait", "").json();
    assert_eq!(waited["StatusCode"], 3);
    assert_eq!(
        engine
            .api("POST", "/v1.41/containers/create?name=life", &body)
            .status,
        409
    );
    assert_eq!(of("DELETE", ""), 204);
    assert_eq!(of("DELETE", ""), 404);
}

#[test]
fn an_exec_in_status_codes() {
    let engine = engine();
    idle(&engine, "box", &[]);
    let make = |body: &str| engine.api("POST", "/v1.41/containers/box/exec", body);
    assert_eq!(make("{}").status, 400, "no command");
    let exec = make(r#"{"Cmd":["sh","-c","exit 4"],"AttachStdout":true}"#);
    assert_eq!(exec.status, 201);
    let id = exec.json()["Id"].as_str().unwrap().to_owned();
    let inspect = || engine.api("GET", &format!("/v1.41/exec/{id}/json"), "").json();
    assert_eq!(
        (&inspect()["Running"], &inspect()["ExitCode"]),
        (&json!(false), &json!(null))
    );
    let started = engine.api("POST", &format!("/v1.41/exec/{id}/start"), r#"{"Detach":true}"#);
    assert_eq!(started.status, 200, "{started:?}");
    corten_testkit::until("the process has ended", crate::SOON, || {
        inspect()["ExitCode"] == 4
    });
    assert_eq!(
        engine
            .api("POST", &format!("/v1.41/exec/{id}/start"), r#"{"Detach":true}"#)
            .status,
        409
    );
    assert_eq!(engine.api("GET", "/v1.41/exec/nosuch/json", "").status, 404);
    engine.ok(&["kill", "box"]);
    assert_eq!(make(r#"{"Cmd":["true"]}"#).status, 409);
}

#[test]
fn lists_are_json_arrays_with_dockers_keys() {
    let engine = engine();
    idle(&engine, "box", &["-l", "a=b"]);
    let list = engine.api("GET", "/v1.41/containers/json", "").json();
    let one = &list[0];
    assert_eq!(one["Names"], json!(["/box"]));
    assert_eq!(
        (one["Image"].as_str(), one["State"].as_str()),
        (Some(BB), Some("running"))
    );
    assert_eq!(one["Labels"], json!({ "a": "b" }));
    assert!(
        one["Created"].is_i64() && one["Status"].as_str().unwrap().starts_with("Up "),
        "{one}"
    );
    assert_eq!(
        one["HostConfig"]["NetworkMode"]
            .as_str()
            .map(|mode| matches!(mode, "default" | "bridge")),
        Some(true)
    );
    let images = engine.api("GET", "/v1.41/images/json", "").json();
    let image = images
        .as_array()
        .unwrap()
        .iter()
        .find(|image| image["RepoTags"] == json!([BB]))
        .unwrap();
    assert!(
        image["Id"].as_str().unwrap().starts_with("sha256:") && image["Size"].as_u64().unwrap() > 1_000_000
    );
    let info = engine.api("GET", "/v1.41/info", "").json();
    assert_eq!(
        (&info["ContainersRunning"], &info["OSType"]),
        (&json!(1), &json!("linux")),
        "{info}"
    );
    assert!(
        info["Driver"]
            .as_str()
            .is_some_and(|driver| driver.starts_with("overlay")),
        "{info}"
    );
}

#[test]
fn what_comes_later_says_so() {
    corten_only!();
    let engine = engine();
    for (method, path, status, sentence) in [
        (
            "POST",
            "/build",
            501,
            "building images is not supported by Corten yet",
        ),
        (
            "POST",
            "/images/test/busybox/push",
            501,
            "pushing images is not supported by Corten yet",
        ),
        (
            "GET",
            "/images/search?term=x",
            501,
            "searching registries is not supported by Corten yet",
        ),
        (
            "GET",
            "/distribution/a/b/json",
            501,
            "not supported by Corten yet",
        ),
        ("POST", "/auth", 501, "not supported by Corten yet"),
        (
            "POST",
            "/swarm/init",
            501,
            "swarm mode is not supported by Corten yet",
        ),
        ("GET", "/services", 503, "This node is not a swarm manager."),
        ("GET", "/nodes/self", 503, "This node is not a swarm manager."),
        (
            "POST",
            "/secrets/create",
            503,
            "This node is not a swarm manager.",
        ),
        ("GET", "/swarm", 503, "This node is not a swarm manager."),
        ("POST", "/swarm/leave", 503, "This node is not part of a swarm"),
        ("GET", "/plugins/x/json", 404, "plugin \"x\" not found"),
        (
            "DELETE",
            "/networks/bridge",
            403,
            "bridge is a pre-defined network and cannot be removed",
        ),
        ("DELETE", "/networks/nope", 404, "network nope not found"),
        ("GET", "/frob", 404, "page not found"),
    ] {
        let answer = engine.api(method, path, "");
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert!(
            answer.message().contains(sentence),
            "{method} {path}: {}",
            answer.text()
        );
    }
    assert_eq!(engine.api("GET", "/plugins", "").json(), serde_json::json!([]));
    assert_eq!(engine.api("OPTIONS", "/anything", "").status, 200);
}

#[test]
fn a_body_that_is_too_large_is_answered() {
    corten_only!();
    let engine = engine();
    let body = format!("{{\"Image\": \"{}\"}}", "x".repeat(20 << 20));
    let answer = engine.api("POST", "/containers/create", &body);
    assert_eq!(
        (answer.status, answer.message().as_str()),
        (400, "http: request body too large")
    );
}

#[test]
fn info_has_the_fields_of_its_version() {
    corten_only!();
    let engine = engine();
    let fields = |version: &str| engine.api("GET", &format!("/{version}/info"), "").json();
    let (old, new) = (fields("v1.41"), fields("v1.53"));
    assert_eq!(old["BridgeNfIptables"], false);
    assert!(old.get("FirewallBackend").is_none());
    assert!(new.get("BridgeNfIptables").is_none());
    assert_eq!(new["FirewallBackend"]["Driver"], "nftables");
}
