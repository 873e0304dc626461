//! Requests with one answer, over real sockets: paths, versions, parameters, bodies, errors.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::Server;

const JSON: &str = "Content-Type: application/json\r\n";

#[tokio::test]
async fn ping_has_dockers_headers() {
    let server = Server::start();
    let answer = server
        .raw(
            "GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n",
            false,
        )
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    for line in [
        "Api-Version: 1.53",
        "Docker-Experimental: false",
        "Ostype: linux",
        "Cache-Control: no-cache, no-store, must-revalidate",
        "Pragma: no-cache",
        "Swarm: inactive",
        "Content-Type: text/plain; charset=utf-8",
        "Server: Corten/",
    ] {
        assert!(answer.contains(&format!("\r\n{line}")), "{line} in {answer}");
    }
    assert!(!answer.contains("Builder-Version") && answer.ends_with("\r\n\r\nOK"));
    let head = server
        .raw(
            "HEAD /v1.40/_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n",
            false,
        )
        .await;
    assert!(
        head.contains("Content-Length: 0") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn versions_are_checked_and_strangers_not_found() {
    let server = Server::start();
    assert_eq!(server.ask("GET", "/v1.24/containers/c/json").await.0, 200);
    assert_eq!(server.ask("GET", "/containers/c/json").await.0, 200);
    assert_eq!(
        server.ask("GET", "/v1.10/info").await,
        (
            400,
            "{\"message\":\"client version 1.10 is too old. Minimum supported API version is 1.24, please upgrade \
             your client to a newer version\"}\n"
                .into()
        )
    );
    assert_eq!(
        server.ask("GET", "/v1.99/info").await,
        (
            400,
            "{\"message\":\"client version 1.99 is too new. Maximum supported API version is 1.53\"}\n"
                .into()
        )
    );
    let lost = (404, "{\"message\":\"page not found\"}\n".to_owned());
    for (method, path) in [
        ("GET", "/nowhere"),
        ("GET", "/v1.41/nowhere"),
        ("GET", "/v1.41"),
        ("DELETE", "/info"),
        ("PUT", "/containers/c/json"),
        ("GET", "/images/a/b/strange"),
        ("POST", "/images/a/b"),
    ] {
        assert_eq!(server.ask(method, path).await, lost, "{method} {path}");
    }
}

#[tokio::test]
async fn errors_have_dockers_status_and_shape() {
    let server = Server::start();
    assert_eq!(
        server.ask("POST", "/containers/x/start").await,
        (404, "{\"message\":\"No such container: x\"}\n".into())
    );
    assert_eq!(
        server.ask("POST", "/containers/same/start").await,
        (304, String::new())
    );
    assert_eq!(
        server.ask("POST", "/containers/c/stop?t=5&signal=INT").await,
        (204, String::new())
    );
    assert_eq!(server.ask("POST", "/containers/c/stop?t=soon").await.0, 400);
    assert_eq!(server.ask("POST", "/containers/c/resize?h=1&w=2").await.0, 200);
    assert_eq!(server.ask("POST", "/containers/c/resize?h=1").await.0, 400);
    assert_eq!(
        server
            .ask("GET", "/containers/json?filters=%7B%22odd%22%3A%5B%22x%22%5D%7D")
            .await,
        (400, "{\"message\":\"invalid filter 'odd'\"}\n".into())
    );
    assert_eq!(
        server.ask("GET", "/containers/json?filters=nonsense").await,
        (400, "{\"message\":\"invalid filter\"}\n".into())
    );
    assert_eq!(
        server.ask("GET", "/events?since=5&until=4").await,
        (
            400,
            "{\"message\":\"`since` time (5) cannot be after `until` time (4)\"}\n".into()
        )
    );
}

#[tokio::test]
async fn names_that_are_no_text_are_names_nobody_has() {
    let server = Server::start();
    assert_eq!(
        server.ask("POST", "/v1.40/containers/%ffx/start").await,
        (404, "{\"message\":\"No such container: \u{fffd}x\"}\n".into())
    );
    let (status, body) = server.ask("GET", "/images/a/b%c3%28/json").await;
    assert_eq!(status, 200);
    assert!(body.starts_with("{\"Id\":\"a/b\u{fffd}(\","), "{body}");
}

#[tokio::test]
async fn create_reads_bodies_like_go() {
    let server = Server::start();
    let body = r#"{"Image":"img","cmd":"ls","Hostname":null,"HostConfig":{"AutoRemove":true,"Binds":null}}"#;
    assert_eq!(
        server
            .send(
                "POST",
                "/v1.45/containers/create?name=%2Fn&platform=linux",
                JSON,
                body
            )
            .await,
        (201, "{\"Id\":\"f00d\",\"Warnings\":[]}\n".into())
    );
    let (options, request) = server.fake.created.lock().unwrap().take().unwrap();
    assert_eq!(
        (options.name.as_deref(), options.platform.as_deref()),
        (Some("/n"), Some("linux"))
    );
    assert_eq!(options.version.to_string(), "1.45");
    assert_eq!(request.config.cmd.unwrap(), ["ls"]);
    assert!(request.host_config.unwrap().auto_remove && request.networking_config.is_none());

    for (headers, body, sentence) in [
        (
            JSON,
            "{bad",
            "invalid JSON: invalid character 'b' looking for beginning of object key string",
        ),
        (JSON, "", "invalid JSON: got EOF while reading request body"),
        (
            JSON,
            "{}",
            "config cannot be empty in order to create a container",
        ),
        (JSON, r#"{"Image":"i"}{}"#, "unexpected content after JSON"),
        (
            JSON,
            r#"{"Image":"i","HostConfig":{"Memory":"1g"}}"#,
            "invalid JSON: json: cannot unmarshal string into Go struct field CreateRequest.HostConfig.Memory of \
             type int64",
        ),
        (
            "",
            r#"{"Image":"i"}"#,
            "malformed Content-Type header (): mime: no media type",
        ),
        (
            "Content-Type: text/plain\r\n",
            r#"{"Image":"i"}"#,
            "unsupported Content-Type header (text/plain): must be 'application/json'",
        ),
    ] {
        let expected = serde_json::json!({ "message": sentence }).to_string() + "\n";
        assert_eq!(
            server.send("POST", "/containers/create", headers, body).await,
            (400, expected),
            "{body}"
        );
    }
}

#[tokio::test]
async fn image_names_have_slashes() {
    let server = Server::start();
    let (status, body) = server.ask("GET", "/images/reg:5000/a/b:c@sha256:0/json").await;
    assert_eq!(status, 200);
    assert!(body.starts_with("{\"Id\":\"reg:5000/a/b:c@sha256:0\","), "{body}");
    assert!(
        server
            .ask("GET", "/images/a%2Fb/history")
            .await
            .1
            .contains("\"Id\":\"a/b\"")
    );
    assert_eq!(
        server.ask("POST", "/images/a/b/tag?repo=x/y&tag=z").await,
        (201, String::new())
    );
    assert_eq!(
        server.ask("DELETE", "/images/a/b:c?force=1&noprune=true").await,
        (200, "[{\"Untagged\":\"a/b:c true false\"}]\n".into())
    );
}

#[tokio::test]
async fn answers_fit_the_clients_version() {
    let server = Server::start();
    let (_, old) = server.ask("GET", "/v1.43/images/i/json").await;
    assert!(
        old.contains("\"Parent\":\"\"")
            && old.contains("\"VirtualSize\":9")
            && old.contains("\"Hostname\":\"\"")
    );
    let (_, new) = server.ask("GET", "/v1.52/images/i/json").await;
    assert!(
        !new.contains("Parent") && !new.contains("VirtualSize") && new.contains("\"Config\":{}"),
        "{new}"
    );
    assert!(
        !server
            .ask("GET", "/v1.51/containers/json")
            .await
            .1
            .contains("Health")
    );
    assert!(
        server
            .ask("GET", "/v1.52/containers/json")
            .await
            .1
            .contains("Health")
    );
    assert!(
        server
            .ask("GET", "/v1.51/events?until=1")
            .await
            .1
            .contains("{\"status\":\"start\",\"id\":\"abc\"")
    );
    assert!(
        server
            .ask("GET", "/v1.52/events?until=1")
            .await
            .1
            .contains("{\"Type\":\"container\"")
    );
}

#[tokio::test]
async fn volumes_and_networks_answer() {
    let server = Server::start();
    assert_eq!(
        server.ask("GET", "/volumes").await,
        (200, "{\"Volumes\":[],\"Warnings\":null}\n".into())
    );
    let (status, body) = server
        .send(
            "POST",
            "/volumes/create",
            JSON,
            r#"{"Name":"v","Labels":{"a":"b"}}"#,
        )
        .await;
    assert_eq!(status, 201);
    assert!(body.contains("\"Labels\":{\"a\":\"b\"}") && body.contains("\"Name\":\"v\""));
    assert_eq!(server.ask("DELETE", "/volumes/v?force=1").await.0, 204);
    assert_eq!(server.ask("GET", "/networks").await, (200, "[]\n".into()));
    assert_eq!(server.ask("GET", "/networks/x").await.0, 404);
}

#[tokio::test]
async fn containers_join_and_leave_networks() {
    let server = Server::start();
    let send = |path: &'static str, body: &'static str| server.send("POST", path, JSON, body);
    let wish = r#"{"container":"c","EndpointConfig":{"Aliases":["a"],"GwPriority":7,"IPAMConfig":{"IPv4Address":"10.0.0.9"}}}"#;
    assert_eq!(
        send("/v1.50/networks/n/connect", wish).await,
        (200, String::new())
    );
    let connected = server.fake.connected.lock().unwrap().take().unwrap();
    assert_eq!(
        (connected.aliases, connected.gw_priority),
        (Some(vec!["a".to_owned()]), 7)
    );
    assert_eq!(connected.ipam_config.unwrap().ipv4_address, "10.0.0.9");
    assert_eq!(
        send("/networks/n/connect", r#"{"Container":"c"}"#).await,
        (200, String::new())
    );
    assert!(server.fake.connected.lock().unwrap().is_none());
    let absent = (404, "{\"message\":\"No such container: x\"}\n".to_owned());
    assert_eq!(send("/networks/n/connect", r#"{"Container":"x"}"#).await, absent);
    assert_eq!(send("/networks/n/connect", r#"{"Container":7}"#).await.0, 400);
    assert_eq!(
        send("/networks/n/disconnect", r#"{"Container":"c","Force":true}"#).await,
        (200, String::new())
    );
    assert_eq!(
        send("/networks/n/disconnect", r#"{"Container":"c"}"#).await,
        (
            403,
            "{\"message\":\"container c is not connected to network n\"}\n".to_owned()
        )
    );
    assert_eq!(server.ask("GET", "/networks/n/connect").await.0, 404);
}

#[tokio::test]
async fn exec_is_checked_before_it_runs() {
    let server = Server::start();
    let create = |body: &'static str| server.send("POST", "/containers/c/exec", JSON, body);
    assert_eq!(
        create(r#"{"Cmd":["ls"]}"#).await,
        (201, "{\"Id\":\"e\"}\n".into())
    );
    assert_eq!(
        create(r#"{"Cmd":[]}"#).await,
        (400, "{\"message\":\"no exec command specified\"}\n".into())
    );
    assert_eq!(create(r#"{"Cmd":["ls"],"DetachKeys":"ctrl-"}"#).await.0, 400);
    assert_eq!(
        server
            .send("POST", "/exec/e/start", JSON, r#"{"Detach":true}"#)
            .await,
        (200, String::new())
    );
    assert_eq!(
        server
            .send("POST", "/exec/x/start", JSON, r#"{"Detach":false}"#)
            .await
            .0,
        404
    );
    assert!(
        server
            .ask("GET", "/exec/e/json")
            .await
            .1
            .contains("\"ExitCode\":7")
    );
}

#[tokio::test]
async fn versions_decide_what_is_updated_pruned_and_reported() {
    let server = Server::start();
    let update = |version: &'static str| {
        let body = r#"{"Memory":5,"PidsLimit":7}"#;
        let path = format!("/v{version}/containers/c/update");
        let server = &server;
        async move {
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n{JSON}Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            server.raw(&request, false).await
        }
    };
    assert!(update("1.39").await.contains(r#"{"Warnings":["5 None"]}"#));
    assert!(update("1.41").await.contains(r#"{"Warnings":["5 Some(7)"]}"#));
    let pruned = |text: &str| {
        (
            200,
            format!("{{\"VolumesDeleted\":{text},\"SpaceReclaimed\":0}}\n"),
        )
    };
    assert_eq!(
        server.ask("POST", "/v1.41/volumes/prune").await,
        pruned(r#"["true"]"#)
    );
    assert_eq!(server.ask("POST", "/v1.42/volumes/prune").await, pruned("[]"));
    let old = r#"{"LayersSize":0,"Images":[],"Containers":null,"Volumes":null,"BuildCache":null}"#;
    assert_eq!(
        server.ask("GET", "/v1.44/system/df?type=image").await,
        (200, format!("{old}\n"))
    );
    let new = "{\"ImageUsage\":{\"TotalCount\":1}}\n".to_owned();
    assert_eq!(server.ask("GET", "/v1.53/system/df").await, (200, new.clone()));
    assert_eq!(server.ask("GET", "/v1.52/system/df?verbose=0").await, (200, new));
    assert!(
        server
            .ask("GET", "/v1.52/system/df")
            .await
            .1
            .contains("LayersSize")
    );
    assert_eq!(
        server
            .ask("GET", "/v1.41/containers/c/stats?stream=1&one-shot=1")
            .await
            .0,
        400
    );
    assert_eq!(server.ask("GET", "/containers/c/stats?stream=0").await.0, 200);
    assert_eq!(server.ask("POST", "/containers/c/pause").await.0, 204);
    assert_eq!(server.ask("POST", "/containers/x/unpause").await.0, 404);
    assert_eq!(
        server.ask("GET", "/containers/c/top?ps_args=aux").await,
        (200, "{\"Processes\":[[\"1\"]],\"Titles\":[\"PID aux\"]}\n".into())
    );
    assert_eq!(server.ask("DELETE", "/containers/x/alias?link=1").await.0, 404);
}

#[tokio::test]
async fn refused_uploads_are_read_away() {
    let server = Server::start();
    let body = "x".repeat(8 << 20);
    let missing = (404, "{\"message\":\"No such container: x\"}\n".to_owned());
    let put = |path: &str, headers: &str, length: usize| {
        format!("PUT {path} HTTP/1.1\r\nHost: d\r\n{headers}Content-Length: {length}\r\n\r\n")
    };
    // Such as have no route, are refused by the handler, or by the backend: a client that sends all before it reads.
    for (path, status) in [
        ("/nowhere", 404),
        ("/v1.99/containers/x/archive?path=/", 400),
        ("/containers/x/archive", 400),
    ] {
        assert_eq!(server.send("PUT", path, "", &body).await.0, status, "{path}");
    }
    let path = "/containers/x/archive?path=/";
    assert_eq!(server.send("PUT", path, "", &body).await, missing);
    // The connection serves on.
    let both =
        put(path, "", body.len()) + &body + "GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
    let answers = server.raw(&both, false).await;
    assert!(
        answers.contains("No such container: x") && answers.ends_with("\r\n\r\nOK"),
        "{answers}"
    );
    // A client that asks first is not told to go on.
    let mut stream = server.connect().await;
    stream
        .write_all(put(path, "Expect: 100-continue\r\n", body.len()).as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[tokio::test]
async fn what_is_read_away_is_not_taken_for_a_request() {
    let server = Server::start();
    let mut stream = server.connect().await;
    let body = "GET {{{{{{{{".repeat(1000);
    let head = format!(
        "PUT /containers/x/archive?path=/ HTTP/1.1\r\nHost: d\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 404");
    // Braces in a request's address are escaped, which makes it longer; a body is left as it is, also behind the answer.
    let next = "GET /containers/json?filters={} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
    stream.write_all((body + next).as_bytes()).await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest.matches("HTTP/1.1 ").count(), 1, "{rest}");
    assert!(rest.contains("HTTP/1.1 200 OK"), "{rest}");
}

#[tokio::test]
async fn an_upload_without_end_is_answered_and_holds_nothing_up() {
    let server = Server::start();
    let mut stream = server.connect().await;
    let head = "PUT /containers/x/archive?path=/ HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let endless = tokio::spawn(async move {
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        while to.write_all(chunk.as_bytes()).await.is_ok() {}
    });
    let mut answer = [0; 12];
    from.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 404");
    assert!(!endless.is_finished(), "it is read on");
    let took = server.stop().await;
    assert!(took < corten_api::GRACE, "{took:?}");
    endless.await.unwrap();
}

#[tokio::test]
async fn addresses_may_hold_quotation_marks_and_braces_on_each_request_of_a_connection() {
    let server = Server::start();
    let one = "GET /containers/json?filters={\"status\":[\"exited\"]} HTTP/1.1\r\nHost: d\r\n";
    let two = "GET /containers/json?filters={\"status\":[\"frob\"]} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
    let mut stream = server.connect().await;
    let mut answer = [0; 15];
    stream.write_all(format!("{one}\r\n").as_bytes()).await.unwrap();
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    stream.write_all(two.as_bytes()).await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(
        rest.contains("\nHTTP/1.1 ") && !rest.contains("Content-Length: 0\r\n"),
        "{rest}"
    );
}

#[tokio::test]
async fn containers_are_known_by_the_names_of_links() {
    let server = Server::start();
    let (status, body) = server.ask("GET", "/v1.41/containers/x/db/json").await;
    assert_eq!(
        (status, body.trim()),
        (404, r#"{"message":"No such container: x/db"}"#)
    );
}
