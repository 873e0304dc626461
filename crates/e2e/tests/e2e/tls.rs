//! `-H tcp://` with TLS: who may come in, through Corten's command line, the real one, and curl.

use std::path::{Path, PathBuf};
use std::process::Command;

use corten_testkit::{Daemon, Finished, Slot, binary, fixtures, http};

use crate::{BB, SOON, corten_only};

/// Certificates made by openssl: an authority, an engine's, a client's; and those of somebody else.
struct Certificates {
    dir: tempfile::TempDir,
}

impl Certificates {
    fn make() -> Self {
        let made = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for authority in ["ours", "foreign"] {
            std::fs::create_dir(made.path(authority)).unwrap();
            made.openssl(
                authority,
                "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca-key.pem -out ca.pem",
            );
            for (name, usage) in [("server", "serverAuth"), ("client", "clientAuth")] {
                let text = format!("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage={usage}\n");
                std::fs::write(made.path(&format!("{authority}/{name}.ext")), text).unwrap();
                made.openssl(
                    authority,
                    &format!(
                        "req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}-key.pem -out {name}.csr"
                    ),
                );
                made.openssl(
                    authority,
                    &format!(
                        "x509 -req -days 2 -in {name}.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -extfile {name}.ext \
                         -out {name}.pem"
                    ),
                );
            }
            // The directory as DOCKER_CERT_PATH has it.
            std::fs::copy(
                made.path(&format!("{authority}/client.pem")),
                made.path(&format!("{authority}/cert.pem")),
            )
            .unwrap();
            std::fs::copy(
                made.path(&format!("{authority}/client-key.pem")),
                made.path(&format!("{authority}/key.pem")),
            )
            .unwrap();
        }
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn openssl(&self, dir: &str, line: &str) {
        let mut openssl = Command::new("openssl");
        openssl.args(line.split(' ')).current_dir(self.path(dir));
        corten_testkit::run(&mut openssl, SOON).ok();
    }

    /// Starts a daemon that also listens on TCP with our engine's certificate.
    fn daemon(&self, port: u16, verify: bool) -> Daemon {
        let host = format!("tcp://127.0.0.1:{port}");
        let (ca, cert, key) = (
            self.text("ours/ca.pem"),
            self.text("ours/server.pem"),
            self.text("ours/server-key.pem"),
        );
        let mut flags = vec!["-H", &host, "--tlscert", &cert, "--tlskey", &key];
        if verify {
            flags.extend(["--tlsverify", "--tlscacert", &ca]);
        } else {
            flags.push("--tls");
        }
        let daemon = Daemon::start_with(&binary(), &flags);
        daemon
            .corten(&["load", "-i", &fixtures::busybox().display().to_string()])
            .ok();
        daemon
    }
}

/// A command line (Corten's or the real one) that knows nothing but what it is told.
fn client(program: &Path, certificates: Option<&Path>, verify: bool, args: &[&str]) -> Finished {
    let mut command = Command::new(program);
    for variable in [
        "DOCKER_CONTEXT",
        "DOCKER_TLS",
        "DOCKER_TLS_VERIFY",
        "DOCKER_CERT_PATH",
        "DOCKER_HOST",
    ] {
        command.env_remove(variable);
    }
    command.env("DOCKER_CONFIG", "/nonexistent");
    if let Some(path) = certificates {
        command.env("DOCKER_CERT_PATH", path);
    }
    if verify {
        command.env("DOCKER_TLS_VERIFY", "1");
    }
    command.args(args);
    corten_testkit::run(&mut command, SOON * 2)
}

fn programs() -> [PathBuf; 2] {
    [binary(), corten_testkit::docker_program()]
}

#[test]
fn only_clients_with_our_certificate_come_in() {
    corten_only!();
    let made = Certificates::make();
    let slot = Slot::take();
    let port = slot.port(1);
    let daemon = made.daemon(port, true);
    let host = format!("tcp://127.0.0.1:{port}");
    for program in programs() {
        let ours = made.path("ours");
        let run = ["-H", &host, "run", "--rm", BB, "echo", "over tls"];
        assert_eq!(client(&program, Some(&ours), true, &run).ok(), "over tls");
        // By flags instead of the environment.
        let (ca, cert, key) = (
            made.text("ours/ca.pem"),
            made.text("ours/client.pem"),
            made.text("ours/client-key.pem"),
        );
        let flags = [
            "--tlsverify",
            "--tlscacert",
            &ca,
            "--tlscert",
            &cert,
            "--tlskey",
            &key,
            "-H",
            &host,
            "ps",
            "-q",
        ];
        assert_eq!(client(&program, None, false, &flags).ok(), "");
        // Somebody else's certificate, but trust in our engine.
        let (cert, key) = (
            made.text("foreign/client.pem"),
            made.text("foreign/client-key.pem"),
        );
        let flags = [
            "--tlsverify",
            "--tlscacert",
            &ca,
            "--tlscert",
            &cert,
            "--tlskey",
            &key,
            "-H",
            &host,
            "ps",
            "-q",
        ];
        let refused = client(&program, None, false, &flags);
        assert_ne!(refused.code(), 0, "{refused}");
        // No certificate at all.
        let bare = client(&program, None, false, &["--tls", "-H", &host, "ps", "-q"]);
        assert_ne!(bare.code(), 0, "{bare}");
        // Not even TLS.
        let plain = client(&program, None, false, &["-H", &host, "ps", "-q"]);
        assert_ne!(plain.code(), 0, "{plain}");
        plain.says(&["Client sent an HTTP request to an HTTPS server."]);
        // An engine nobody we trust vouches for.
        let foreign = made.path("foreign");
        let distrusted = client(&program, Some(&foreign), true, &["-H", &host, "ps", "-q"]);
        assert_ne!(distrusted.code(), 0, "{distrusted}");
        distrusted.says(&["certificate signed by unknown authority"]);
    }
    let url = format!("https://localhost:{port}/_ping");
    let curl = |args: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["-s", "--max-time", "20"])
            .args(args)
            .arg(&url)
            .current_dir(made.path("ours"));
        corten_testkit::run(&mut curl, SOON)
    };
    let with = curl(&[
        "--cacert",
        "ca.pem",
        "--cert",
        "client.pem",
        "--key",
        "client-key.pem",
    ]);
    assert_eq!(with.ok(), "OK");
    assert_ne!(curl(&["--cacert", "ca.pem"]).code(), 0);
    drop(daemon);
}

#[test]
fn a_terminal_and_its_input_work_over_tls() {
    corten_only!();
    let made = Certificates::make();
    let slot = Slot::take();
    let port = slot.port(1);
    let _daemon = made.daemon(port, true);
    let host = format!("tcp://localhost:{port}");
    for program in programs() {
        let mut command = Command::new(&program);
        command
            .env("DOCKER_CERT_PATH", made.path("ours"))
            .env("DOCKER_TLS_VERIFY", "1")
            .env("DOCKER_CONFIG", "/nonexistent")
            .args(["-H", &host, "run", "--rm", "-i", BB, "sh", "-c", "cat; echo done"]);
        let mut cat = corten_testkit::start(&mut command);
        cat.write(b"typed\n");
        cat.expect_out("typed\n", SOON);
        cat.close_stdin();
        assert_eq!(cat.finish(SOON).ok(), "typed\ndone");
    }
}

#[test]
fn tls_alone_lets_everybody_in_and_says_so() {
    corten_only!();
    let made = Certificates::make();
    let slot = Slot::take();
    let port = slot.port(1);
    let daemon = made.daemon(port, false);
    let host = format!("tcp://127.0.0.1:{port}");
    for program in programs() {
        let found = client(
            &program,
            // The real command line wants to see an authority in any case.
            Some(&made.path("ours")),
            false,
            &["--tls", "-H", &host, "version", "-f", "{{.Server.Os}}"],
        );
        assert_eq!(found.ok(), "linux");
    }
    let warnings = daemon.api("GET", "/info", "").json()["Warnings"].to_string();
    assert!(warnings.contains("without TLS client verification"), "{warnings}");
}

#[test]
fn plain_tcp_is_served_where_it_is_allowed() {
    corten_only!();
    let slot = Slot::take();
    let addresses = [1, 2].map(|index| format!("127.0.0.1:{}", slot.port(index)));
    let hosts = addresses.clone().map(|address| format!("tcp://{address}"));
    let daemon = Daemon::start_with(&binary(), &["--tls=false", "-H", &hosts[0], "-H", &hosts[1]]);
    for address in &addresses {
        assert_eq!(http::get(address, "/_ping").unwrap().text(), "OK");
    }
    for program in programs() {
        assert_eq!(
            client(&program, None, false, &["-H", &hosts[0], "ps", "-q"]).ok(),
            ""
        );
    }
    assert!(daemon.log().contains("WARNING: API is accessible on http://"));
    // A second daemon for a port that is taken.
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name).display().to_string();
    let mut second = Command::new(binary());
    second.args(["daemon", "--tls=false", "-H", &hosts[0], "-b", "none"]);
    second.args([
        "--data-root",
        &path("data"),
        "--exec-root",
        &path("exec"),
        "--cgroup-parent",
        "/corten-test-tls",
    ]);
    let refused = corten_testkit::run(&mut second, SOON);
    refused.fails(1);
    refused.says(&["bind: address already in use"]);
}

#[test]
fn missing_certificates_are_named() {
    corten_only!();
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name).display().to_string();
    let mut daemon = Command::new(binary());
    daemon.args([
        "daemon",
        "--tlsverify",
        "-H",
        "tcp://127.0.0.1:1",
        "-b",
        "none",
        "--tlscert",
        "/nonexistent.pem",
    ]);
    daemon.args([
        "--data-root",
        &path("data"),
        "--exec-root",
        &path("exec"),
        "--cgroup-parent",
        "/corten-test-tls",
    ]);
    let refused = corten_testkit::run(&mut daemon, SOON);
    refused.fails(1);
    refused.says(&["Could not load X509 key pair: open /nonexistent.pem: no such file or directory"]);
    for program in programs() {
        let lost = client(
            &program,
            None,
            false,
            &["--tlsverify", "-H", "tcp://127.0.0.1:1", "ps"],
        );
        assert_ne!(lost.code(), 0, "{lost}");
        lost.says(&["ca.pem: no such file or directory"]);
    }
}

/// Contexts made by either command line lead both to the engine, with the certificates they were given.
#[test]
fn contexts_carry_certificates() {
    corten_only!();
    let made = Certificates::make();
    let slot = Slot::take();
    let port = slot.port(1);
    let _daemon = made.daemon(port, true);
    let config = made.text("config");
    let on = |program: &Path, args: &[&str]| {
        client(program, None, false, &[&["--config", &config], args].concat())
    };
    let endpoint = |authority: &str| {
        let file = |name: &str| made.text(&format!("{authority}/{name}.pem"));
        let (ca, cert, key) = (file("ca"), file("cert"), file("key"));
        format!("host=tcp://127.0.0.1:{port},ca={ca},cert={cert},key={key}")
    };
    let version = ["version", "--format", "{{.Server.Os}}"];
    for (at, maker) in programs().iter().enumerate() {
        for authority in ["ours", "foreign"] {
            let name = format!("{authority}{at}");
            let create = ["context", "create", &name, "--docker", &endpoint(authority)];
            assert_eq!(on(maker, &create).ok(), name);
        }
        let name = format!("ours{at}");
        on(maker, &["context", "use", &name]).ok();
        for user in programs() {
            let current = ["context", "inspect", "-f", "{{.Name}}"];
            assert_eq!(on(&user, &current).ok(), name);
            assert_eq!(on(&user, &version).ok(), "linux");
            let name = format!("foreign{at}");
            let foreign = [&["--context", &name], &version[..]].concat();
            let refused = on(&user, &foreign);
            refused.fails(1);
            refused.says(&["certificate"]);
        }
        // Out and in again, by way of an archive.
        let archive = made.text(&format!("{name}.tar"));
        on(maker, &["context", "export", &name, &archive]).ok();
        let copy = format!("copy{at}");
        on(maker, &["context", "import", &copy, &archive]).ok();
        assert_eq!(
            on(maker, &[&["--context", &copy], &version[..]].concat()).ok(),
            "linux"
        );
        on(maker, &["context", "rm", "-f", &copy, &name]).ok();
        let current = ["context", "inspect", "-f", "{{.Name}}"];
        assert_eq!(on(maker, &current).ok(), "default");
    }
}
